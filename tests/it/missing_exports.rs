//! Accounts whose exports lack a month: `ingest`, `check`, `score`, `explain`, `diff` and reports say so.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Said, partnerscore, said};
use crate::ingest_reading::KEY;

const OFFICE: &str = "PGAMpnId,CustomerTenantId,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,MpnId,PartnerName,PartnerAttributionType,IsDuplicateRowForPGA";
const CPOR: &str = "CustomerTenantId,CustomerName,WorkloadName,MonthlyActiveUsers,PaidAvailableUnits,ClaimId,MpnId,DateAssociated,PartnerAttributionType,Date";
/// The baseline month and the usage month of every case.
const MONTHS: [&str; 13] = [
    "2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06", "2026-07",
    "2026-08", "2026-09", "2026-10",
];

/// Rows of a usage report for a partner, with its tenant of the same number, in every month but those left out.
fn office(account: &str, partner: &str, without: &[&str]) -> Vec<String> {
    // Users grow in the last months, so that a month that is missing changes points.
    let users = |month: &str| if month < "2026-03" { 10 } else { 45 };
    let row = |month: &str| {
        let users = users(month);
        format!("{account},t{partner},Teams,{month}-01,50,{users},{partner},Name {partner},CSP Tier 1,0")
    };
    MONTHS.iter().filter(|month| !without.contains(month)).map(|month| row(month)).collect()
}

/// The same of a report of claims.
fn cpor(partner: &str, without: &[&str]) -> Vec<String> {
    let row = |month: &str| format!("t{partner},Customer,Teams,30,50,7{partner},{partner},2025-01-15,CPOR,{month}-01");
    MONTHS.iter().filter(|month| !without.contains(month)).map(|month| row(month)).collect()
}

/// A folder with exports, the history made of them, and runs.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(files: &[(&str, &str, Vec<String>)]) -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(place.path("exports")).expect("a folder");
        for (name, header, rows) in files {
            let text = format!("{header}\n{}\n", rows.join("\n"));
            fs::write(place.path("exports").join(name), text).expect("a file");
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = partnerscore();
        command.current_dir(self.folder.path()).args(arguments).env("PARTNERSCORE_PERSON_KEY", KEY);
        said(command.output().expect("the program starts"))
    }

    fn ingest(&self) -> Value {
        let said = self.run(&["ingest", "exports", "--history", "history", "--format", "json"]);
        serde_json::from_str(&said.succeeds().stdout).expect("JSON")
    }

    fn score(&self, month: &str, more: &[&str]) -> Said {
        self.run(&[&["score", "history", "--month", month, "--out", "out"], more].concat())
    }

    fn run_json(&self, as_of: &str) -> Value {
        let json = fs::read(self.path("out").join(format!("as_of={as_of}")).join("run.json")).expect("a run");
        serde_json::from_slice(&json).expect("JSON")
    }
}

/// The subjects of a run's warnings of missing exports.
fn missing(run: &Value) -> Vec<String> {
    let warnings = run["warnings"].as_array().expect("warnings").iter();
    let subjects = warnings.filter(|warning| warning["rule"] == "missing_export");
    subjects.map(|warning| warning["subject"].as_str().expect("a subject").to_owned()).collect()
}

/// Exports, what ingest reports as missing from the baseline month to the usage month, and what a score warns of.
type Case = (&'static str, Vec<(&'static str, &'static str, Vec<String>)>, Vec<&'static str>, Vec<&'static str>);

fn cases() -> Vec<Case> {
    let (m, p) = ("2026-10", "2025-10");
    vec![
        ("every month is there", vec![("a.csv", OFFICE, office("1", "1", &[]))], vec![], vec![]),
        (
            "one account lacks the usage month",
            vec![("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", OFFICE, office("2", "2", &[m]))],
            vec!["office_usage of 2026-10 (2)"],
            vec!["office_usage 2026-10 of 2"],
        ),
        (
            "one account lacks the baseline month",
            vec![("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", OFFICE, office("2", "2", &[p]))],
            vec!["office_usage of 2025-10 (2)"],
            vec!["office_usage 2025-10 of 2"],
        ),
        (
            "a month between is told by ingest and changes no comparison",
            vec![("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", OFFICE, office("2", "2", &["2026-05"]))],
            vec!["office_usage of 2026-05 (2)"],
            vec![],
        ),
        (
            "one report of two lacks the usage month",
            vec![("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", CPOR, cpor("1", &[m]))],
            vec!["cpor_usage of 2026-10 (1)"],
            vec!["cpor_usage 2026-10 of 1"],
        ),
        (
            "each report lacks another month",
            vec![
                ("a.csv", OFFICE, office("1", "1", &["2026-05"])),
                ("b.csv", CPOR, cpor("1", &[m])),
                ("c.csv", OFFICE, office("2", "2", &[])),
            ],
            vec!["cpor_usage of 2026-10 (1)", "office_usage of 2026-05 (1)"],
            vec!["cpor_usage 2026-10 of 1"],
        ),
        (
            "a location covers the month for its account",
            vec![("a.csv", OFFICE, office("1", "11", &[m])), ("b.csv", OFFICE, office("1", "12", &[]))],
            vec![],
            vec![],
        ),
        (
            "a report that never has the account is not missing",
            vec![
                ("a.csv", OFFICE, office("1", "1", &[])),
                ("b.csv", OFFICE, office("2", "2", &[])),
                ("c.csv", CPOR, cpor("1", &[])),
            ],
            vec![],
            vec![],
        ),
        (
            "a report that begins later while another covers the account is not missing",
            vec![("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", CPOR, cpor("1", &[p, "2025-11"]))],
            vec![],
            vec![],
        ),
        (
            "a report with few months while another covers the account is not missing",
            vec![("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", CPOR, cpor("1", &MONTHS[6..]))],
            vec![],
            vec![],
        ),
        (
            "a report with most months is missing, although another covers the account",
            vec![("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", CPOR, cpor("1", &MONTHS[7..]))],
            vec!["cpor_usage of 2026-05, 2026-06, 2026-07, 2026-08, 2026-09, 2026-10 (1)"],
            vec!["cpor_usage 2026-05..2026-10 of 1"],
        ),
        (
            "several months in a row are one span",
            vec![
                ("a.csv", OFFICE, office("1", "1", &[])),
                ("b.csv", OFFICE, office("2", "2", &["2026-08", "2026-09", m])),
            ],
            vec!["office_usage of 2026-08, 2026-09, 2026-10 (2)"],
            vec!["office_usage 2026-08..2026-10 of 2"],
        ),
    ]
}

#[test]
fn each_account_report_and_month_that_is_missing_is_named() {
    for (name, files, told, warned) in cases() {
        let place = Place::new(&files);
        let found = place.ingest();
        let exports = found["coverage"]["missing_exports"].as_array().expect("a list").iter();
        let exports: Vec<String> = exports
            .map(|export| {
                let months = export["months"].as_array().expect("months").iter().filter_map(Value::as_str);
                let months = months.collect::<Vec<_>>().join(", ");
                format!(
                    "{} of {months} ({})",
                    export["report"].as_str().expect("a report"),
                    export["partner_id"].as_str().expect("an id")
                )
            })
            .collect();
        assert_eq!(exports, told, "{name}: ingest");
        place.score("2026-10", &["--max-reject-ratio", "1"]).succeeds();
        assert_eq!(missing(&place.run_json("2026-11-20")), warned, "{name}: score");
    }
}

#[test]
fn every_month_is_said_to_be_there_only_where_no_account_lacks_one() {
    const SENTENCE: &str = "Every month that a score of 2026-10 needs is there";
    let sound = Place::new(&[("a.csv", OFFICE, office("1", "1", &[]))]);
    let text = sound.run(&["ingest", "exports", "--history", "history"]).succeeds().stdout.clone();
    assert!(text.contains(SENTENCE), "{text}");
    let lacking =
        Place::new(&[("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", OFFICE, office("2", "2", &["2026-05"]))]);
    let text = lacking.run(&["ingest", "exports", "--history", "history"]).succeeds().stdout.clone();
    assert!(!text.contains(SENTENCE) && text.contains("Exports are missing"), "{text}");
    assert!(text.contains("Name 2") && text.contains("2026-05"), "{text}");
}

fn without_the_usage_month_of_one() -> Place {
    let place =
        Place::new(&[("a.csv", OFFICE, office("1", "1", &[])), ("b.csv", OFFICE, office("2", "2", &["2026-10"]))]);
    place.ingest();
    place
}

#[test]
fn a_later_ingest_of_the_month_ends_the_warning() {
    let place = without_the_usage_month_of_one();
    let text = place.run(&["check", "history", "--format", "csv"]).succeeds().stdout.clone();
    assert!(text.contains("missing_export,office_usage 2026-10 of 2,1"), "{text}");
    let row = "2,t2,Teams,2026-10-01,50,30,2,Name 2,DPOR,0";
    fs::write(place.path("exports/b2.csv"), format!("{OFFICE}\n{row}\n")).expect("a file");
    assert_eq!(place.ingest()["coverage"]["missing_exports"], Value::Array(Vec::new()));
    let text = place.run(&["check", "history", "--format", "csv"]).succeeds().stdout.clone();
    assert!(!text.contains("missing_export"), "{text}");
}

#[test]
fn strict_commands_end_with_4() {
    let place = without_the_usage_month_of_one();
    assert_eq!(place.score("2026-10", &["--strict"]).code, 4);
    assert_eq!(place.run(&["check", "history", "--strict"]).code, 4);
    assert_eq!(missing(&place.run_json("2026-11-20")), ["office_usage 2026-10 of 2"]);
}

#[test]
fn a_run_for_one_partner_names_only_its_own_exports() {
    let place = without_the_usage_month_of_one();
    for (partner, subjects) in [("1", vec![]), ("2", vec!["office_usage 2026-10 of 2".to_owned()])] {
        place.score("2026-10", &["--partner", partner, "--min-coverage", "0"]).succeeds();
        assert_eq!(missing(&place.run_json("2026-11-20")), subjects, "partner {partner}");
    }
}

#[test]
fn a_score_of_a_month_that_is_complete_has_no_warning() {
    let place = without_the_usage_month_of_one();
    let earlier = "2,t2,Teams,2025-09-01,50,30,2,Name 2,DPOR,0\n1,t1,Teams,2025-09-01,50,30,1,Name 1,DPOR,0";
    fs::write(place.path("exports/c.csv"), format!("{OFFICE}\n{earlier}\n")).expect("a file");
    place.ingest();
    place.score("2026-09", &[]).succeeds();
    assert_eq!(missing(&place.run_json("2026-10-20")), Vec::<String>::new());
}

#[test]
fn explain_diff_and_reports_say_that_the_score_can_be_wrong() {
    let place = without_the_usage_month_of_one();
    let earlier = "2,t2,Teams,2025-09-01,50,30,2,Name 2,DPOR,0\n1,t1,Teams,2025-09-01,50,30,1,Name 1,DPOR,0";
    fs::write(place.path("exports/c.csv"), format!("{OFFICE}\n{earlier}\n")).expect("a file");
    place.ingest();
    place.score("2026-09", &["--evidence"]).succeeds();
    place.score("2026-10", &["--evidence", "--min-coverage", "0"]).succeeds();
    let explained = place.run(&["explain", "out", "--partner", "2"]).succeeds().stdout.clone();
    assert!(explained.contains("missing export: office_usage 2026-10"), "{explained}");
    let other = place.run(&["explain", "out", "--partner", "1", "--format", "json"]).succeeds().stdout.clone();
    let other: Value = serde_json::from_str(&other).expect("JSON");
    assert_eq!(other["missing_exports"], Value::Array(Vec::new()));
    let compared = place.run(&["diff", "out/as_of=2026-10-20", "out/as_of=2026-11-20"]).succeeds().stdout.clone();
    assert!(compared.contains("exports are missing"), "{compared}");
    assert!(compared.contains("office_usage 2026-10 of 2 in RUN_B"), "{compared}");
    place.run(&["report", "out", "--html", "all.html", "--each", "pages"]).succeeds();
    let page = |name: &str| fs::read_to_string(place.path(name)).expect("a page");
    assert!(page("all.html").contains("Name 2: the exports have no row of office_usage 2026-10"));
    let pages: Vec<String> = pages_below(&place.path("pages"));
    let telling = pages.iter().filter(|page| page.contains("Missing export.")).count();
    assert_eq!((pages.len(), telling), (2, 1));
}

fn pages_below(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "html"));
    pages.map(|path| fs::read_to_string(path).expect("a page")).collect()
}

#[test]
fn a_damaged_record_is_refused_and_a_history_without_one_is_not() {
    let place = without_the_usage_month_of_one();
    let record = place.path("history/history.json");
    for (name, content) in [
        ("no JSON", "{"),
        ("no span", r#"{"covered": {"1": {"office_usage": ["2026-13"]}}}"#),
        ("no list", r#"{"covered": {"1": 5}}"#),
    ] {
        fs::write(&record, content).expect("a file");
        let refused = place.score("2026-10", &[]);
        refused.fails(3, &["history.json cannot be read", "hint:"]);
        assert!(!place.path("out").join("as_of=2026-11-20").exists(), "{name}");
    }
    fs::remove_file(&record).expect("removed");
    place.score("2026-10", &["--min-coverage", "0"]).succeeds();
    assert_eq!(missing(&place.run_json("2026-11-20")), Vec::<String>::new());
}
