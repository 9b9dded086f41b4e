//! What is made for some partners holds nothing of others: every file is searched for the ids and names of everybody else.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::baseline_history::{AS_OF, Placed, association, certification, day, history, partner, usage};
use crate::command::{Said, partnerscore, run, said};
use crate::fixture::Layout;
use crate::outputs::{read, texts};
use crate::second_reading::{Association, Certification, History, Partner, Usage};

/// What every id and name of others begins with.
const OTHERS: &str = "zz-";
/// What every id of the partners that hand-outs are for begins with.
const OWN: &str = "own-";

fn named(id: &str, global: Option<&str>, whose: &str) -> Partner {
    let text = |name: &str| Some(format!("{whose}{name}"));
    Partner {
        global_partner_id: global.map(str::to_owned),
        partner_name: text("name"),
        distributor_id: text("distributor"),
        market: text("market"),
        ..partner(id)
    }
}

/// The associations, certifications and usage rows of one partner and tenant, broken by every rule.
fn broken(history: &mut History, partner: &str, tenant: &str, whose: &str) {
    let associated = || association(partner, tenant, "CPOR", "2024-02-02");
    history.associations.extend([
        Association { association_type: Some("cpor".to_owned()), ..associated() },
        Association { association_type: None, ..associated() },
        Association { start_date: None, ..associated() },
        Association { tenant_id: None, ..associated() },
        Association { end_date: Some(day("2024-02-01")), ..associated() },
        Association { workload: Some(format!("{whose}claimed")), ..associated() },
    ]);
    let person = format!("{whose}person");
    let certified = || certification(partner, &person, "enterprise_administrator_expert", "2024-02-02");
    history.certifications.extend([
        Certification { person_id: None, ..certified() },
        Certification { certification: None, ..certified() },
        Certification { earned_on: None, ..certified() },
        Certification { expires_on: Some(day("2024-02-01")), ..certified() },
        Certification { certification: Some(format!("{whose}certificate")), ..certified() },
    ]);
    let used = || usage(tenant, "sharepoint", "2026-10-01", 70, 60);
    history.workload_usage.extend([
        Usage { workload: None, ..used() },
        Usage { paid_seats: None, ..used() },
        Usage { active_users: Some(-1), ..used() },
        Usage { paid_seats: Some(1 << 31), ..used() },
        Usage { month: Some(day("2026-10-02")), ..used() },
        usage(tenant, "intune", "2026-10-01", 70, 60),
        usage(tenant, "intune", "2026-10-01", 70, 61),
        usage(tenant, &format!("{whose}workload"), "2026-10-01", 7, 6),
        usage(tenant, "viva_engage", "2026-10-01", 7, 8),
    ]);
}

/// How many rejected rows [`broken`] makes of each table.
const REJECTED: [(&str, usize); 3] = [("associations", 5), ("certifications", 4), ("workload_usage", 7)];

/// A partner with a location, another partner, and rows of nobody, all of them broken by every rule.
fn dirty() -> History {
    let mut all = History {
        partners: vec![
            named("own-partner", None, OWN),
            named("own-location", Some("own-partner"), OWN),
            named("zz-partner", None, OTHERS),
            named("zz-neighbour", None, OTHERS),
            Partner::default(),
        ],
        ..History::default()
    };
    let renamed = [("acme", "own-partner", OWN), ("birch", "zz-partner", OTHERS)];
    let sound = history();
    for (old, new, whose) in renamed {
        let theirs = sound.associations.iter().filter(|row| row.partner_id.as_deref() == Some(old));
        for row in theirs {
            let tenant = format!("{whose}{}", row.tenant_id.as_deref().expect("a tenant"));
            all.associations.push(Association {
                partner_id: Some(new.to_owned()),
                tenant_id: Some(tenant.clone()),
                ..row.clone()
            });
            let months = sound.workload_usage.iter().filter(|used| used.tenant_id == row.tenant_id);
            all.workload_usage.extend(months.map(|used| Usage { tenant_id: Some(tenant.clone()), ..used.clone() }));
        }
        all.certifications.push(certification(
            new,
            &format!("{whose}ann"),
            "enterprise_administrator_expert",
            "2025-01-01",
        ));
    }
    broken(&mut all, "own-partner", "own-t1", OWN);
    broken(&mut all, "zz-partner", "zz-t3", OTHERS);
    // Two partners with one pair, a former customer whose usage is another partner's now, and rows of nobody.
    all.associations.push(association("zz-neighbour", "zz-t3", "CPOR", "2024-01-01"));
    all.associations.push(association("zz-partner", "zz-t3", "CPOR", "2024-01-01"));
    all.associations.push(Association { partner_id: None, ..association("", "zz-t3", "CPOR", "2024-01-01") });
    all.associations.push(association("zz-unknown", "zz-t3", "CPOR", "2024-01-01"));
    all.certifications.push(certification("zz-unknown", "zz-eve", "enterprise_administrator_expert", "2024-01-01"));
    all.certifications.push(Certification { partner_id: None, ..certification("", "zz-eve", "x", "2024-01-01") });
    all.workload_usage.push(usage("zz-nobody", "teams", "2026-10-01", -3, 1));
    all.workload_usage.push(Usage { tenant_id: None, ..usage("", "teams", "2026-10-01", 3, 1) });
    // Another partner's id that reads like this partner's with another tenant.
    let alike = "own-partner, tenant_id=zz-t3";
    all.partners.push(named(alike, None, OTHERS));
    all.associations.push(Association { start_date: None, ..association(alike, "zz-t3", "CPOR", "2024-01-01") });
    all
}

/// The dirty history on disk, with a record of exports that lack the last month of every partner.
fn placed(layout: &Layout) -> Placed {
    let placed = Placed::laid_out(&dirty(), layout);
    let covered = ["own-partner", "own-location", "zz-partner", "zz-neighbour"]
        .map(|partner| format!("\"{partner}\": {{\"office_usage\": [\"2025-10..2026-09\"]}}"));
    fs::write(placed.history().join("history.json"), format!("{{\"covered\": {{{}}}}}", covered.join(", ")))
        .expect("a record");
    placed
}

/// Every text in a file: cells, pages, values and metadata of columns.
fn content(path: &Path) -> String {
    let bytes = fs::read(path).expect("a file");
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => {
            let batch = read(path);
            let columns = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
            let values = columns.iter().flat_map(|name| texts(&batch, name).into_iter().flatten()).collect::<Vec<_>>();
            format!("{}\n{}", values.join("\n"), String::from_utf8_lossy(&bytes))
        }
        Some("xlsx") => {
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a workbook");
            let mut all = String::new();
            for number in 0..archive.len() {
                archive.by_index(number).expect("a part").read_to_string(&mut all).expect("text");
            }
            all
        }
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[track_caller]
fn nothing_of_others(what: &str, text: &str) {
    let place = text.find(OTHERS);
    let around = place.map(|place| text[place.saturating_sub(60)..].chars().take(120).collect::<String>());
    assert_eq!(around, None, "{what} tells of others");
}

fn score(placed: &Placed, more: &[&str]) -> Said {
    placed.score(&[&["--max-reject-ratio", "1", "--min-coverage", "0"], more].concat())
}

fn rejected(run: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    texts(&read(&run.join("rejects.parquet")), "table")
        .into_iter()
        .flatten()
        .for_each(|table| *counts.entry(table).or_default() += 1);
    counts
}

fn run_json(run: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(run.join("run.json")).expect("run.json")).expect("JSON")
}

#[test]
fn the_whole_run_has_the_rows_of_everybody() {
    let placed = placed(&Layout { hive: false, ..Layout::default() });
    score(&placed, &[]).succeeds();
    let run = placed.run();
    assert!(content(&run.join("rejects.parquet")).contains("zz-nobody"));
    let counts = rejected(&run);
    assert_eq!(counts["associations"], 2 * 5 + 3, "{counts:?}");
    assert_eq!(counts["certifications"], 2 * 4 + 2, "{counts:?}");
    assert_eq!(counts["workload_usage"], 2 * 7 + 2, "{counts:?}");
    assert_eq!(counts["partners"], 1, "{counts:?}");
}

#[test]
fn a_run_for_some_partners_publishes_their_rows_alone() {
    for hive in [false, true] {
        for selection in [
            &["--partner", "own-partner"][..],
            &["--partner", "own-location"],
            &["--distributor", "own-distributor"],
            &["--distributor", "own-distributor", "--shards", "3"],
            &["--partner", "own-partner", "--evidence"],
        ] {
            let placed = placed(&Layout { hive, ..Layout::default() });
            let told = score(&placed, &[selection, &["--log-format", "json", "-vv"]].concat());
            told.succeeds();
            nothing_of_others(&format!("the log of {selection:?}"), &told.stderr);
            let text = score(&placed, &[selection, &["--format", "csv"]].concat());
            nothing_of_others(&format!("the output of {selection:?}"), &format!("{}{}", text.stdout, text.stderr));
            for file in files(&placed.run()) {
                nothing_of_others(&format!("{} of {selection:?}", file.display()), &content(&file));
            }
            let expected = REJECTED.map(|(table, count)| (table.to_owned(), count));
            assert_eq!(rejected(&placed.run()), expected.into(), "{selection:?} hive {hive}");
            let json = run_json(&placed.run());
            let warned: Vec<String> = json["warnings"]
                .as_array()
                .expect("warnings")
                .iter()
                .map(|warning| {
                    format!("{} {} {}", warning["rule"], warning["subject"], warning["count"]).replace('"', "")
                })
                .collect();
            for expected in [
                "active_users_above_paid_seats viva_engage 1",
                "missing_export office_usage 2026-10 of own-partner 1",
                "unknown_certification own-certificate 1",
                "unknown_workload own-claimed 1",
                "unknown_workload own-workload 1",
            ] {
                assert!(warned.iter().any(|warning| warning == expected), "no {expected} in {warned:?}");
            }
            let checked = &json["rows"]["checked"];
            assert_eq!((&checked["partners"], &checked["associations"]), (&2.into(), &8.into()), "{checked}");
            assert_eq!(checked["certifications"], 6, "{checked}");
            assert_eq!(json["rows"]["rejects"], 16, "{}", json["rows"]);
        }
    }
}

#[test]
fn rejects_of_everybody_still_refuse_a_run_for_some() {
    let placed = placed(&Layout::default());
    for selection in [&["--partner", "own-partner"][..], &["--distributor", "zz-distributor"]] {
        let refused = placed.score(selection);
        refused.fails(3, &["checked rows of", "rejected, more than"]);
    }
    // A sound partner beside a dirty one.
    let mut history = history();
    broken(&mut history, "birch", "t3", OTHERS);
    let placed = Placed::new(&history);
    placed.score(&["--partner", "acme"]).fails(3, &["rejected"]);
    placed.nothing_published();
}

#[test]
fn reports_of_a_whole_run_for_some_partners_hold_their_rows_alone() {
    for (evidence, usage_rows) in [(true, 7), (false, 0)] {
        let placed = placed(&Layout::default());
        score(&placed, if evidence { &["--evidence"] } else { &[] }).succeeds();
        let run_folder = placed.run().display().to_string();
        for selection in [["--partner", "own-partner"], ["--distributor", "own-distributor"]] {
            let out = tempfile::tempdir().expect("a folder");
            let path = |name: &str| out.path().join(name).display().to_string();
            let [html, xlsx, each] = ["page.html", "book.xlsx", "each"].map(path);
            let asked = ["report", &run_folder, "--html", &html, "--xlsx", &xlsx, "--each", &each];
            let told = said(partnerscore().args(asked).args(selection).output().expect("starts"));
            told.succeeds();
            nothing_of_others("what report says", &told.stderr);
            let made = files(out.path());
            assert_eq!(made.len(), 4, "{made:?}");
            for file in &made {
                nothing_of_others(&format!("{} of {selection:?}", file.display()), &content(file));
            }
            let counted = format!("{} rejected rows of these partners", 5 + 4 + usage_rows);
            let page = content(Path::new(&html));
            assert!(page.contains(&counted), "no `{counted}` in the page of {selection:?}");
            let book = content(Path::new(&xlsx));
            assert_eq!(book.matches("partner_id=own-partner").count(), 5 + 4, "{selection:?}");
            assert_eq!(book.contains("tenant_id=own-t1, workload=intune"), evidence, "{selection:?}");
        }
    }
}

#[test]
fn pages_of_each_partner_hold_that_partner_alone() {
    let placed = placed(&Layout::default());
    score(&placed, &["--evidence"]).succeeds();
    let each = placed.folder.path().join("each");
    run(&["report", &placed.run().display().to_string(), "--each", &each.display().to_string()]).succeeds();
    let page = content(&each.join("partner-own-partner.html"));
    nothing_of_others("the page", &page);
    assert!(page.contains("16 rejected rows of these partners"));
    let others = content(&each.join("partner-zz-partner.html"));
    assert!(!others.contains(OWN) && others.contains("16 rejected rows of these partners"));
}

#[test]
fn a_report_of_a_run_for_some_has_every_row_of_that_run() {
    let placed = placed(&Layout::default());
    score(&placed, &["--partner", "own-partner"]).succeeds();
    let out = tempfile::tempdir().expect("a folder");
    for selection in [&[][..], &["--partner", "own-partner"], &["--distributor", "own-distributor"]] {
        let book = out.path().join("book.xlsx").display().to_string();
        run(&[&["report", &placed.run().display().to_string(), "--xlsx", &book], selection].concat()).succeeds();
        let text = content(Path::new(&book));
        nothing_of_others("the workbook", &text);
        assert!(text.contains("tenant_id=own-t1, workload=intune"), "{selection:?}");
    }
}

#[test]
fn parts_of_a_history_keep_rejects_of_others_apart() {
    // The sum of sets of tenants, as a cluster adds them up.
    let placed = placed(&Layout::default());
    let rules = partnerscore::rulebook::choose(None).expect("rules");
    let settings = partnerscore::pipeline::Settings {
        partners: vec!["own-partner".to_owned()],
        max_reject_ratio: 1.0,
        min_coverage: 0.0,
        ..partnerscore::pipeline::Settings::new(placed.history(), day(AS_OF), rules)
    };
    let (history, findings) = partnerscore::pipeline::open(&settings.history, &settings.rules).expect("a history");
    let history = std::sync::Arc::new(history);
    let all = partnerscore::history::TenantRange::all();
    let partial = partnerscore::pipeline::tenant_facts(&settings, &history, &all).expect("facts");
    let text = format!("{partial:?}");
    assert!(!text.contains(OTHERS));
    let strict = partnerscore::pipeline::Settings { max_reject_ratio: 0.01, ..settings.clone() };
    let refused = partnerscore::pipeline::scored_of(&strict, &history, findings.clone(), &partial);
    assert!(refused.is_err_and(|error| error.what.contains("rejected, more than")));
    let scored = partnerscore::pipeline::scored_of(&settings, &history, findings, &partial).expect("scores");
    assert_eq!(scored.findings.rejects().expect("rejects").height(), 16);
}
