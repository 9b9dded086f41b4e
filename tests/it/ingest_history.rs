//! `partnerscore ingest`: what it makes of a history, what it leaves alone, and what is left when it does not end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Said, partnerscore, run, said};
use crate::documents::copy;
use crate::fixture;
use crate::ingest_reading::KEY;
use crate::outputs::{counts, read, texts};

/// The committed exports: three partners of a distributor, a folder for each of 13 months.
const SAMPLE: &str = "data/sample/exports";

/// The command, with the person key in its environment.
fn command(exports: &[&str], history: &Path, more: &[&str]) -> Command {
    let mut command = partnerscore();
    command.arg("ingest").args(exports).arg("--history").arg(history).args(more).env("PARTNERSCORE_PERSON_KEY", KEY);
    command
}

fn ingest(exports: &[&str], history: &Path, more: &[&str]) -> Said {
    said(command(exports, history, more).output().expect("the program starts"))
}

/// The findings of an ingest that succeeds.
fn found(exports: &[&str], history: &Path, more: &[&str]) -> Value {
    let said = ingest(exports, history, &[&["--format", "json"], more].concat());
    serde_json::from_str(&said.succeeds().stdout).expect("JSON")
}

/// Exports of a few months of the sample.
fn months(months: &[&str]) -> Vec<String> {
    months.iter().map(|month| format!("{SAMPLE}/{month}")).collect()
}

fn strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Every file of a folder with its bytes, hidden ones too.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = fixture::published(folder);
    let json = folder.join("history.json");
    files.insert(PathBuf::from("history.json"), fs::read(json).expect("history.json"));
    files
}

/// What is beside a history, by name.
fn beside(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A folder for a history and exports.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a folder") }
    }

    fn history(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    /// Writes an export and returns its path.
    fn export(&self, name: &str, lines: &[&str]) -> String {
        let path = self.folder.path().join("exports").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, lines.join("\n") + "\n").expect("a file");
        path.to_string_lossy().into_owned()
    }
}

const OFFICE: &str = "PGAMpnId,CustomerTenantId,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,MpnId,PartnerName,PartnerAttributionType,IsDuplicateRowForPGA";

#[test]
fn from_downloads_to_a_ranked_table() {
    let place = Place::new();
    let found = found(&[SAMPLE], &place.history(), &[]);
    assert_eq!((&found["changed"], &found["dry_run"]), (&true.into(), &false.into()));
    let files = found["files"].as_array().expect("files");
    assert!(files.len() > 200 && files.iter().all(|file| file["rejected"].as_array().is_some_and(Vec::is_empty)));
    let checked = run(&["check", &place.history().to_string_lossy(), "--format", "csv"]);
    assert!(!checked.succeeds().stdout.contains("reject,"), "{}", checked.stdout);
    let out = place.folder.path().join("out");
    let mut score = partnerscore();
    score.arg("score").arg(place.history()).args(["--month", "2026-10", "--format", "csv", "--out"]).arg(out);
    let scored = said(score.output().expect("starts"));
    assert_eq!(scored.succeeds().stdout.lines().count(), 4, "{}", scored.stdout);
    assert!(
        scored.stdout.lines().nth(1).is_some_and(|line| !line.contains(",0.0,0.0,0.0,0.0,0.0,")),
        "{}",
        scored.stdout
    );
}

#[test]
fn the_same_exports_twice_change_no_byte() {
    let place = Place::new();
    let exports = months(&["2026-09", "2026-10"]);
    ingest(&strs(&exports), &place.history(), &[]).succeeds();
    let before = content(&place.history());
    let written =
        fs::metadata(place.history().join("partners.parquet")).and_then(|file| file.modified()).expect("a time");
    let again = ingest(&strs(&exports), &place.history(), &[]);
    assert!(again.succeeds().stderr.contains("nothing to do"), "{}", again.stderr);
    // From elsewhere, and named one by one.
    let elsewhere = place.folder.path().join("elsewhere");
    copy(Path::new(SAMPLE), &elsewhere);
    let moved = [
        elsewhere.join("2026-09").to_string_lossy().into_owned(),
        elsewhere.join("2026-10").to_string_lossy().into_owned(),
    ];
    assert!(ingest(&strs(&moved), &place.history(), &[]).succeeds().stderr.contains("nothing to do"));
    assert_eq!(content(&place.history()), before);
    assert_eq!(
        fs::metadata(place.history().join("partners.parquet")).and_then(|file| file.modified()).expect("a time"),
        written
    );
}

#[test]
fn months_one_after_another_make_what_all_at_once_make() {
    let (one, several) = (Place::new(), Place::new());
    let exports = months(&["2026-08", "2026-09", "2026-10"]);
    ingest(&strs(&exports), &one.history(), &[]).succeeds();
    for month in &exports {
        ingest(&[month], &several.history(), &[]).succeeds();
    }
    assert_eq!(content(&one.history()), content(&several.history()));
    // Months that come late move what was inferred: the tables are the same, whatever came when.
    let late = Place::new();
    for month in exports.iter().rev() {
        ingest(&[month], &late.history(), &[]).succeeds();
    }
    let tables = |place: &Place| {
        let mut files = content(&place.history());
        files.retain(|name, _| {
            name.starts_with("workload_usage")
                || name.starts_with("associations.parquet")
                || name.starts_with("_observations")
        });
        files
    };
    assert_eq!(tables(&one), tables(&late));
}

#[test]
fn an_export_of_another_partner_leaves_the_rows_of_the_first_alone() {
    let place = Place::new();
    let a = place.export(
        "a.csv",
        &[OFFICE, "1,t1,Teams,2026-10-01,10,5,1,Acme,DPOR,0", "1,t2,Teams,2026-10-01,20,8,1,Acme,DPOR,0"],
    );
    let b = place.export(
        "b.csv",
        &[OFFICE, "2,t2,Teams,2026-10-01,21,9,2,Birch,CSP Tier 1,0", "2,t3,Teams,2026-10-01,30,7,2,Birch,DPOR,0"],
    );
    ingest(&[&a], &place.history(), &[]).succeeds();
    let found = found(&[&b], &place.history(), &[]);
    let usage = read(&place.history().join("workload_usage/month=2026-10-01/part-0.parquet"));
    assert_eq!(counts(&usage, "paid_seats"), [Some(10), Some(21), Some(30)], "t2 is restated, t1 is not touched");
    let change = found["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .find(|change| change["table"] == "workload_usage")
        .expect("usage");
    assert_eq!([&change["added"], &change["restated"], &change["removed"], &change["rows"]], [1, 1, 0, 3]);
    let associations = read(&place.history().join("associations.parquet"));
    assert_eq!(texts(&associations, "partner_id").len(), 4);
}

const CUSTOMERS: &str = "MpnId,CustomerTenantId,CustomerStatus,Month,PartnerAttributionType";

/// A report that tells of an account and of none of its tenants any more ends what it told of; one whose words nobody knows ends nothing.
#[test]
fn an_account_that_has_lost_its_last_tenant_is_with_none() {
    for (row, end) in [
        ("1,t1,Inactive,2026-10-01,DPOR", Some("2026-09-30")),
        ("1,t9,Active,2026-10-01,LSP", Some("2026-09-30")),
        ("1,t9,Active,2026-10-01,CPOR", Some("2026-09-30")),
        ("1,t1,Active,2026-10-01,Partner of record", None),
        ("1,t1,Inactive,2026-10-01,", None),
    ] {
        let place = Place::new();
        let before = place.export("2026-09/customers.csv", &[CUSTOMERS, "1,t1,Active,2026-09-01,DPOR"]);
        let after = place.export("2026-10/customers.csv", &[CUSTOMERS, row]);
        ingest(&[&before], &place.history(), &[]).succeeds();
        ingest(&[&after], &place.history(), &[]).succeeds();
        let ends = texts(&read(&place.history().join("associations.parquet")), "end_date");
        assert_eq!(ends, [end.map(str::to_owned)], "{row}");
    }
}

/// Two locations of an account are with a tenant: its usage counts once, and both stay with it.
#[test]
fn rows_of_further_locations_add_no_usage_and_their_associations_stay() {
    let place = Place::new();
    let rows = ["A1,t1,Teams,2026-10-01,10,5,L1,Acme,CSP Tier 1,0", "A1,t1,Teams,2026-10-01,10,5,L2,Acme,DPOR,1"];
    // In whatever order the rows come.
    for (name, [first, second]) in [("forth", rows), ("back", [rows[1], rows[0]])] {
        let export = place.export("office.csv", &[OFFICE, first, second]);
        let history = place.folder.path().join(name);
        ingest(&[&export], &history, &[]).succeeds();
        let usage = read(&history.join("workload_usage/month=2026-10-01/part-0.parquet"));
        assert_eq!((counts(&usage, "paid_seats"), counts(&usage, "active_users")), (vec![Some(10)], vec![Some(5)]));
        let associations = read(&history.join("associations.parquet"));
        let text = |name| texts(&associations, name).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(
            (text("partner_id"), text("association_type")),
            (strings(["L1", "L2"]), strings(["CSP_TIER_1", "DPOR"]))
        );
    }
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[test]
fn history_json_records_the_files_with_hash_and_rows_and_what_they_made() {
    let place = Place::new();
    let office = place.export(
        "2026-10/office.csv",
        &[OFFICE, "1,t1,Teams,2026-10-01,10,5,1,Acme,DPOR,0", "1,t2,Teams,2026-10-01,-1,5,1,Acme,DPOR,0"],
    );
    let profile = place.export("profile.csv", &["MPNId,PartnerName,PGA_MPNId", "1,Acme,1"]);
    let exports = place.folder.path().join("exports").to_string_lossy().into_owned();
    ingest(&[&exports], &place.history(), &[]).succeeds();
    let json = |place: &Place| -> Value {
        serde_json::from_slice(&fs::read(place.history().join("history.json")).expect("a file")).expect("JSON")
    };
    let record = |name: &str, path: &str, report: &str, rows: u64, kept: u64| {
        use sha2::Digest;
        let bytes = fs::read(path).expect("a file");
        let sha256 = partnerscore::rulebook::hex(&sha2::Sha256::digest(&bytes));
        serde_json::json!({"name": name, "report": report, "sha256": sha256, "bytes": bytes.len(), "rows": rows, "kept": kept})
    };
    let told = json(&place);
    let files =
        [record("2026-10/office.csv", &office, "office_usage", 2, 1), record("profile.csv", &profile, "profile", 1, 1)];
    assert_eq!(told["files"], serde_json::json!(files));
    let rows = serde_json::json!({"associations": 1, "certifications": 0, "partners": 1, "workload_usage": 1});
    assert_eq!(told["rows"], rows);
    assert_eq!(
        told["months"],
        serde_json::json!({"2026-10": {"usage_rows": 1, "workloads": ["teams"], "observations": 1}})
    );
    assert_eq!(told["covered"], serde_json::json!({"1": {"office_usage": ["2026-10"]}}));
    // What is ingested later is recorded beside it, and the same content under another name is the same file.
    let later = place.export("later/office.csv", &[OFFICE, "1,t1,Teams,2026-11-01,10,5,1,Acme,DPOR,0"]);
    let again = place.export("later/again.csv", &["MPNId,PartnerName,PGA_MPNId", "1,Acme,1"]);
    ingest(&[&later, &again], &place.history(), &[]).succeeds();
    let [first, second] = files;
    assert_eq!(
        json(&place)["files"],
        serde_json::json!([first, record("office.csv", &later, "office_usage", 1, 1), second])
    );
}

/// As docs/history-layout.md has it: a file a month, sorted by tenant and workload, ids in a dictionary, compressed by zstd.
#[test]
fn months_lie_as_the_layout_has_them() {
    use parquet::basic::{Compression, Encoding};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let place = Place::new();
    ingest(&strs(&months(&["2026-09", "2026-10"])), &place.history(), &[]).succeeds();
    let usage = place.history().join("workload_usage");
    assert_eq!(beside(&usage), ["month=2026-09-01", "month=2026-10-01"]);
    for month in beside(&usage) {
        assert_eq!(beside(&usage.join(&month)), ["part-0.parquet"]);
        let path = usage.join(&month).join("part-0.parquet");
        let rows = read(&path);
        let keys: Vec<_> = texts(&rows, "tenant_id").into_iter().zip(texts(&rows, "workload")).collect();
        assert!(keys.len() > 20 && keys.is_sorted_by(|a, b| a < b), "{month} is not sorted, or a key repeats");
        let file = SerializedFileReader::new(fs::File::open(&path).expect("a file")).expect("Parquet");
        let column = file.metadata().row_group(0).column(0);
        assert!(matches!(column.compression(), Compression::ZSTD(_)), "{:?}", column.compression());
        assert_eq!(
            (column.column_path().string(), column.dictionary_page_offset().is_some()),
            ("tenant_id".to_owned(), true)
        );
        assert!(column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY));
    }
}

/// On a terminal, a bar; `script` is one.
#[test]
fn a_terminal_shows_how_far_reading_is() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_partnerscore");
    let ingesting =
        format!("'{program}' ingest {SAMPLE} --history '{}' --format json 2>&1 >/dev/null", place.history().display());
    let mut command = Command::new("script");
    command.args(["-qec", &ingesting, "/dev/null"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    match command.env("PARTNERSCORE_PERSON_KEY", KEY).env("TERM", "xterm").stdin(Stdio::null()).output().map(said) {
        Ok(said) => {
            assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
            assert!(said.stdout.contains("read exports"), "{}", said.stdout);
            let bytes = said.stdout.split("read exports").any(|shown| shown.contains(" of ") && shown.contains("iB"));
            assert!(bytes, "no bytes in {}", said.stdout);
        }
        Err(_) => crate::not_run("the bar of an ingest", "the command script (util-linux) is missing"),
    }
}

#[test]
fn a_dry_run_tells_what_would_change_and_writes_nothing() {
    let place = Place::new();
    let exports = months(&["2026-10"]);
    let told = found(&strs(&exports), &place.history(), &["--dry-run"]);
    assert_eq!((&told["changed"], &told["dry_run"]), (&true.into(), &true.into()));
    assert_eq!(beside(place.folder.path()), Vec::<String>::new(), "not even a lock");
    let done = found(&strs(&exports), &place.history(), &[]);
    for part in ["changes", "coverage", "files", "unknown"] {
        assert_eq!(told[part], done[part]);
    }
    let before = content(&place.history());
    let more = months(&["2026-09"]);
    let told = found(&strs(&more), &place.history(), &["--dry-run"]);
    assert_eq!(content(&place.history()), before);
    assert_eq!(told["changes"], found(&strs(&more), &place.history(), &[])["changes"]);
    let told = ingest(&strs(&more), &place.history(), &["--dry-run"]);
    assert!(told.succeeds().stderr.contains("nothing to do"), "{}", told.stderr);
}

#[test]
fn what_a_history_lacks_is_told() {
    let place = Place::new();
    let rows = |month: &str, tenants: &[&str]| -> Vec<String> {
        tenants.iter().map(|tenant| format!("1,{tenant},Teams,{month}-01,10,5,1,Acme,DPOR,0")).collect()
    };
    let lines = [rows("2026-08", &["t0"]), rows("2026-09", &["t1", "t2", "t3"]), rows("2026-10", &["t2"])].concat();
    let quiet = "1,t3,Teams,2026-10-01,10,0,1,Acme,DPOR,0".to_owned();
    let lines: Vec<&str> = std::iter::once(OFFICE).chain(lines.iter().chain([&quiet]).map(String::as_str)).collect();
    let export = place.export("office.csv", &lines);
    let found = found(&[&export], &place.history(), &[]);
    let coverage = &found["coverage"];
    assert_eq!(coverage["newest_month"], "2026-10");
    let missing: Vec<&str> =
        coverage["missing_months"].as_array().expect("months").iter().filter_map(Value::as_str).collect();
    assert_eq!((missing.len(), missing.first(), missing.last()), (10, Some(&"2025-10"), Some(&"2026-07")));
    assert_eq!(
        (&coverage["lost_tenants"], &coverage["lost_tenants_sample"]),
        (&2.into(), &serde_json::json!(["t1", "t3"]))
    );
    let absent = coverage["absent_workloads"].as_array().expect("workloads");
    assert!(absent.contains(&"exchange".into()) && !absent.contains(&"teams".into()), "{absent:?}");
    let text = ingest(&[&export], &place.history(), &[]).stdout;
    for part in [
        "needs months without usage here: 2025-10,",
        "can be lower than Partner Center's: exchange,",
        "2 tenants with users",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

#[test]
fn unknown_names_rejects_and_differences_are_told() {
    let place = Place::new();
    let a = place.export(
        "a.csv",
        &[
            OFFICE,
            "1,t1,Teems,2026-10-01,10,5,1,Acme,DPOR,0",
            "1,t1,Teams,2026-10-01,10,5,1,Acme,DPOR,0",
            "1,t2,Teams,2026-10-01,1.234,5,1,Acme,DPOR,0",
        ],
    );
    let b = place.export(
        "b.csv",
        &[OFFICE, "2,t1,Teams,2026-10-01,11,5,100001,Birch,DPOR,0", "2,t3,Teams,2026-10-01,11,5,1000O1,,DPOR,0"],
    );
    let found = found(&[&a, &b], &place.history(), &[]);
    let unknown = |kind: &str, name: &str, nearest: &str| serde_json::json!({"kind": kind, "name": name, "rows": 1, "nearest": nearest, "consequence": "usage accepted under this name; no rulebook counts it"});
    let told = found["unknown"].as_array().expect("names");
    assert_eq!(told.first(), Some(&unknown("workload", "Teems", "Teams")));
    let partner = told.iter().find(|name| name["name"] == "1000O1").expect("a partner that nobody names");
    assert_eq!((&partner["kind"], &partner["nearest"]), (&"partner".into(), &"100001".into()));
    assert!(told.iter().all(|name| name["name"] != "100001"), "{told:?}");
    assert_eq!(
        (&found["files"][0]["rejected"][0]["rows"], &found["files"][0]["rejected"][0]["line"]),
        (&1.into(), &4.into())
    );
    assert_eq!((&found["differences"][0]["rows"], &found["files"][0]["repeated"]), (&1.into(), &1.into()));
    let csv = ingest(&[&a, &b], &place.history(), &["--format", "csv"]);
    assert!(csv.succeeds().stdout.contains("\ndifference,workload_usage,,1,"), "{}", csv.stdout);
}

#[test]
fn files_that_cannot_be_taken_are_named_together_and_nothing_changes() {
    let place = Place::new();
    let good = place.export("good.csv", &[OFFICE, "1,t1,Teams,2026-10-01,10,5,1,Acme,DPOR,0"]);
    let strange = place.export("strange.csv", &["PGAMpnId,CustomerTenantId,WorkloadName,Seats", "1,t1,Teams,3"]);
    let empty = place.export("empty.csv", &[]);
    fs::write(&empty, "").expect("a file");
    let exports = place.folder.path().join("exports").to_string_lossy().into_owned();
    ingest(&[&exports], &place.history(), &[])
        .fails(3, &["2 files cannot be taken, and nothing was", "strange.csv", "empty.csv"]);
    assert_eq!(beside(place.folder.path()), [".history.lock", "exports"]);
    ingest(&[&strange], &place.history(), &[]).fails(3, &["strange.csv", "hint:"]);
    ingest(&[&good], &place.history(), &[]).succeeds();
    let before = content(&place.history());
    ingest(&[&exports], &place.history(), &[]).fails(3, &["strange.csv"]);
    assert_eq!(content(&place.history()), before);
}

#[test]
fn a_file_of_which_most_is_rejected_is_refused() {
    let place = Place::new();
    let row = |seats: &str| format!("1,t{seats},Teams,2026-10-01,{seats},5,1,Acme,DPOR,0");
    let [a, b, c] = ["10", "-1", "-2"].map(row);
    let export = place.export("office.csv", &[OFFICE, &a, &b, &c]);
    ingest(&[&export], &place.history(), &[])
        .fails(3, &["2 of 3 rows were rejected", "office.csv", "--max-reject-ratio"]);
    assert!(!place.history().exists());
    ingest(&[&export], &place.history(), &["--max-reject-ratio", "0.7"]).succeeds();
}

#[test]
fn exports_and_histories_that_are_none_are_told_of() {
    let place = Place::new();
    ingest(&["data/nowhere"], &place.history(), &[]).fails(5, &["no such file or folder of exports", "data/nowhere"]);
    ingest(&["src"], &place.history(), &[]).fails(5, &["holds no exports", ".csv"]);
    ingest(&[SAMPLE], Path::new("data/sample"), &[])
        .fails(2, &["no history.json", "data/sample", "new or empty folder"]);
    ingest(&[SAMPLE], Path::new("README.md"), &[]).fails(2, &["this is a file"]);
    ingest(&[SAMPLE], Path::new("az://container/history"), &[]).fails(2, &["local folders only"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(
        ["data/.sample.ingest", "data/.sample.lock"].iter().all(|name| !root.join(name).exists()),
        "nothing is left"
    );
}

#[test]
fn another_person_key_is_refused_with_a_way_out() {
    let place = Place::new();
    let exports = months(&["2026-10"]);
    ingest(&strs(&exports), &place.history(), &[]).succeeds();
    let before = content(&place.history());
    let people = |place: &Place| texts(&read(&place.history().join("certifications.parquet")), "person_id");
    let other = ["--person-key", "quite another key of people"];
    ingest(&strs(&exports), &place.history(), &other).fails(2, &["the person key is another", "--replace-person-key"]);
    ingest(&strs(&exports), &place.history(), &["--person-key", "short"]).fails(2, &["fewer than 16 characters"]);
    let usage = place.export("office.csv", &[OFFICE, "1,t1,Teams,2026-10-01,10,5,1,Acme,DPOR,0"]);
    let replacing = [&other[..], &["--replace-person-key"]].concat();
    ingest(&[&usage], &place.history(), &replacing).fails(2, &["no export here has certifications"]);
    assert_eq!(content(&place.history()), before);
    let (old, found) = (people(&place), found(&strs(&exports), &place.history(), &replacing));
    let change = found["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .find(|change| change["table"] == "certifications")
        .expect("people");
    assert_eq!(
        (&change["added"], &change["removed"], &change["rows"]),
        (&old.len().into(), &old.len().into(), &old.len().into())
    );
    assert!(people(&place).iter().all(|person| !old.contains(person)));
    ingest(&strs(&exports), &place.history(), &[]).fails(2, &["the person key is another"]);
}

#[test]
fn names_and_addresses_of_people_are_nowhere() {
    let place = Place::new();
    let exports = months(&["2026-10"]);
    let trained = fs::read_dir(format!("{SAMPLE}/2026-10")).expect("partners").flatten().map(|entry| entry.path());
    let trained = trained
        .map(|folder| folder.join("Trainings exams and certifications.csv"))
        .find(|path| path.exists())
        .expect("people");
    assert!(fs::read_to_string(trained).expect("a file").contains("@example.com"), "the exports have people in them");
    let said = ingest(&strs(&exports), &place.history(), &["--format", "json", "-vv"]);
    let printed = format!(
        "{}{}{}",
        said.succeeds().stdout,
        said.stderr,
        fs::read_to_string(place.history().join("history.json")).expect("JSON")
    );
    for personal in ["@example.com", "Person ", KEY] {
        assert!(!printed.contains(personal), "{personal} is printed");
    }
    let people = read(&place.history().join("certifications.parquet"));
    let names: Vec<String> = people.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["partner_id", "person_id", "certification", "earned_on", "expires_on"]);
    let pseudonym =
        |id: &Option<String>| id.as_ref().is_some_and(|id| id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()));
    assert!(texts(&people, "person_id").iter().all(pseudonym));
}

#[test]
fn a_history_behind_a_link_is_replaced_and_the_link_stays() {
    let place = Place::new();
    let really = place.folder.path().join("really");
    fs::create_dir(&really).expect("a folder");
    std::os::unix::fs::symlink(&really, place.history()).expect("a link");
    for month in months(&["2026-09", "2026-10"]) {
        ingest(&[&month], &place.history(), &[]).succeeds();
    }
    assert!(fs::symlink_metadata(place.history()).expect("there").is_symlink());
    assert_eq!(fs::read_dir(really.join("workload_usage")).expect("months").count(), 2);
}

// What is left when it does not end.

fn start(exports: &[&str], history: &Path) -> Child {
    let mut command = command(exports, history, &[]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, signal: Signal) {
    let _ = kill_process(Pid::from_raw(child.id() as i32).expect("a process"), signal);
}

#[test]
fn an_interrupted_ingest_leaves_nothing_and_says_which_signal_it_was() {
    for (interrupt, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let place = Place::new();
        let mut child = start(&[SAMPLE], &place.history());
        wait_for(&place.folder.path().join(".history.ingest"));
        signal(&child, interrupt);
        assert_eq!(child.wait().expect("it ends").code(), Some(code));
        assert_eq!(beside(place.folder.path()), [".history.lock"]);
    }
}

#[test]
fn an_ingest_killed_at_any_moment_leaves_the_old_or_the_new_history() {
    let exports = months(&["2026-09", "2026-10"]);
    let place = Place::new();
    ingest(&[&exports[0]], &place.history(), &[]).succeeds();
    let old = content(&place.history());
    let kept = place.folder.path().join("kept");
    copy(&place.history(), &kept);
    let took = Instant::now();
    ingest(&strs(&exports), &place.history(), &[]).succeeds();
    let took = took.elapsed();
    let new = content(&place.history());
    assert_ne!(old, new);
    let (mut olds, mut news) = (0, 0);
    for moment in 0..14u32 {
        fs::remove_dir_all(place.history()).expect("removed");
        copy(&kept, &place.history());
        // Whatever the killed one before has left is cleaned up, or never was: what is waited for is of this one.
        let _ = fs::remove_dir_all(place.folder.path().join(".history.ingest"));
        let mut child = start(&strs(&exports), &place.history());
        wait_for(&place.folder.path().join(".history.ingest"));
        std::thread::sleep(took * moment / 13);
        signal(&child, Signal::KILL);
        child.wait().expect("it ends");
        let after = content(&place.history());
        assert!(after == old || after == new, "half a history at moment {moment}");
        if after == old { olds += 1 } else { news += 1 }
    }
    assert!(olds > 0, "no kill came in time ({news} came too late)");
    ingest(&strs(&exports), &place.history(), &[]).succeeds();
    assert_eq!(content(&place.history()), new);
    assert_eq!(beside(place.folder.path()), [".history.lock", "history", "kept"], "nothing of the killed ones is left");
}

#[test]
fn two_at_once_are_one_after_the_other_or_one_is_told_to_wait() {
    let place = Place::new();
    let exports = months(&["2026-09", "2026-10"]);
    let mut both = [start(&[&exports[0]], &place.history()), start(&[&exports[1]], &place.history())];
    let codes = both.each_mut().map(|child| child.wait().expect("it ends").code());
    assert!(codes.contains(&Some(0)) && codes.iter().all(|code| [Some(0), Some(7)].contains(code)), "{codes:?}");
    for month in &exports {
        ingest(&[month], &place.history(), &[]).succeeds();
    }
    let alone = Place::new();
    ingest(&strs(&exports), &alone.history(), &[]).succeeds();
    let usage = |place: &Place| {
        let mut files = content(&place.history());
        files.retain(|name, _| name.starts_with("workload_usage") || name.starts_with("associations.parquet"));
        files
    };
    assert_eq!(usage(&place), usage(&alone));
    let before = content(&place.history());
    let lock = fs::File::open(place.folder.path().join(".history.lock")).expect("the lock");
    lock.try_lock().expect("nobody holds it");
    for more in [&[][..], &["--dry-run"]] {
        ingest(&[SAMPLE], &place.history(), more).fails(7, &["another ingest", "hint:"]);
    }
    assert_eq!(content(&place.history()), before);
}

/// A file system of 160 kB: enough for one month, too small for thirteen.
#[test]
fn a_full_disk_is_a_storage_error_and_leaves_the_old_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=160k tmpfs '{disk}' || exit 99; '{program}' ingest {SAMPLE}/2026-10 --history '{disk}/history' --quiet >/dev/null || exit 98; \
         (cd '{disk}/history'; find . -type f | sort | xargs sha256sum) >'{before}'; \
         '{program}' ingest {SAMPLE} --history '{disk}/history'; code=$?; \
         (cd '{disk}/history'; find . -type f | sort | xargs sha256sum) | cmp - '{before}' || exit 97; ls -A '{disk}'; exit $code",
        disk = disk.display(),
        program = env!("CARGO_BIN_EXE_partnerscore"),
        before = folder.path().join("before").display(),
    );
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PARTNERSCORE_PERSON_KEY", KEY);
    match command.output().map(said) {
        Ok(said) if said.code == 6 => {
            assert!(said.stderr.contains("hint:"), "{}", said.stderr);
            assert_eq!(said.stdout.split_whitespace().collect::<Vec<_>>(), [".history.lock", "history"]);
        }
        Ok(said) if said.code == 0 => panic!("a disk of 160 kB was enough"),
        Ok(said) if said.stderr.contains("unshare") || said.code == 99 => {
            crate::not_run("a full disk", "no user namespaces here")
        }
        Ok(said) => panic!("exit {}: {}", said.code, said.stderr),
        Err(_) => crate::not_run("a full disk", "the command unshare (util-linux) is missing"),
    }
}

/// Files may not grow beyond a limit: the same fault without any privilege.
#[test]
fn a_file_that_cannot_grow_is_a_storage_error_and_leaves_no_history() {
    let place = Place::new();
    let script = format!(
        "trap '' XFSZ; ulimit -f 2; exec '{}' ingest {SAMPLE} --history '{}'",
        env!("CARGO_BIN_EXE_partnerscore"),
        place.history().display()
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(env!("CARGO_MANIFEST_DIR")).env("PARTNERSCORE_PERSON_KEY", KEY);
    said(command.output().expect("bash")).fails(6, &["hint:"]);
    assert_eq!(beside(place.folder.path()), [".history.lock"]);
}
