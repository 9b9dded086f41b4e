//! Texts that say nothing, and names and ids in another form than the known ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow::datatypes::DataType;
use partnerscore::pipeline::{self, Settings};
use partnerscore::rulebook;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::baseline_history::{AS_OF, Placed, association, certification, day, history, partner, usage};
use crate::command::{Said, run};
use crate::fixture::{self, Layout};
use crate::outputs::{read, texts};
use crate::properties::{as_second, assert_agree};
use crate::rulebooks::{second_rules, with_reading};
use crate::second_reading::{self, Association, Certification, History};

/// Blank texts, by name.
const BLANK: [(&str, &str); 9] = [
    ("empty", ""),
    ("space", " "),
    ("spaces", "                    "),
    ("tab and line end", "\t\r\n"),
    ("NUL", "\0\0"),
    ("no-break space", "\u{a0}"),
    ("ideographic space", "\u{3000}"),
    ("byte-order mark", "\u{feff}"),
    ("mixed", " \u{2007}\u{200b}\t"),
];

/// Footers that prove that nothing is blank, and those that do not; months as folders and as a column; other text types.
fn layouts() -> Vec<(&'static str, Layout)> {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    vec![
        ("statistics", Layout::default()),
        ("no statistics", Layout { statistics: false, ..Layout::default() }),
        ("month column", Layout { hive: false, statistics: false, ..Layout::default() }),
        ("shuffled", Layout { shuffled: Some(3), files: 2, ..Layout::default() }),
        ("dictionary", Layout { text: dictionary, ..Layout::default() }),
    ]
}

type Put = fn(&mut History, &str);

/// A blank text in each part of each key.
fn keys() -> Vec<(&'static str, &'static str, Put)> {
    fn claim(history: &mut History, change: impl Fn(&mut Association)) {
        let mut row = association("acme", "t1", "CPOR", "2024-02-02");
        change(&mut row);
        history.associations.push(row);
    }
    fn certified(history: &mut History, change: impl Fn(&mut Certification)) {
        let mut row = certification("acme", "eve", "enterprise_administrator_expert", "2024-02-02");
        change(&mut row);
        history.certifications.push(row);
    }
    fn used(history: &mut History, change: impl Fn(&mut second_reading::Usage)) {
        let mut row = usage("t1", "sharepoint", "2026-10-01", 70, 60);
        change(&mut row);
        history.workload_usage.push(row);
    }
    vec![
        ("partners", "partner_id", |history, text| history.partners.push(partner(text))),
        ("associations", "partner_id", |history, text| claim(history, |row| row.partner_id = Some(text.to_owned()))),
        ("associations", "tenant_id", |history, text| claim(history, |row| row.tenant_id = Some(text.to_owned()))),
        ("associations", "association_type", |history, text| {
            claim(history, |row| row.association_type = Some(text.to_owned()));
        }),
        ("certifications", "partner_id", |history, text| {
            certified(history, |row| row.partner_id = Some(text.to_owned()));
        }),
        ("certifications", "person_id", |history, text| {
            certified(history, |row| row.person_id = Some(text.to_owned()))
        }),
        ("certifications", "certification", |history, text| {
            certified(history, |row| row.certification = Some(text.to_owned()));
        }),
        ("workload_usage", "tenant_id", |history, text| used(history, |row| row.tenant_id = Some(text.to_owned()))),
        ("workload_usage", "workload", |history, text| used(history, |row| row.workload = Some(text.to_owned()))),
    ]
}

#[test]
fn a_blank_part_of_a_key_rejects_the_row_and_changes_no_score() {
    let sound = Placed::new(&history());
    sound.score(&[]).succeeds();
    let expected = fs::read(sound.run().join("scores.parquet")).expect("scores");
    for (number, (blank, text)) in BLANK.into_iter().enumerate() {
        for (table, column, put) in keys() {
            let mut history = history();
            put(&mut history, text);
            let layouts = layouts();
            let (layout, place) = &layouts[number % layouts.len()];
            let placed = Placed::laid_out(&history, place);
            let what = format!("{table}.{column} {blank}, {layout}");
            placed.score(&["--max-reject-ratio", "1"]).succeeds();
            let rejects = read(&placed.run().join("rejects.parquet"));
            assert_eq!(texts(&rejects, "table"), [Some(table.to_owned())], "{what}");
            assert_eq!(texts(&rejects, "rule"), [Some("null_key".to_owned())], "{what}");
            assert_eq!(texts(&rejects, "reason"), [Some(format!("{column} is blank"))], "{what}");
            assert_eq!(fs::read(placed.run().join("scores.parquet")).expect("scores"), expected, "{what}");
        }
    }
}

#[test]
fn the_reason_tells_null_from_blank() {
    let mut history = history();
    let mut row = association("acme", " ", "", "2024-02-02");
    row.partner_id = None;
    history.associations.push(row);
    let placed = Placed::new(&history);
    placed.score(&["--max-reject-ratio", "1"]).succeeds();
    let rejects = read(&placed.run().join("rejects.parquet"));
    assert_eq!(
        texts(&rejects, "reason"),
        [Some("partner_id is null; tenant_id, association_type is blank".to_owned())]
    );
}

/// A row may break several checks, and is rejected under the first.
#[test]
fn a_blank_key_comes_before_other_faults() {
    for (name, layout) in layouts() {
        let mut history = history();
        history.workload_usage.push(usage("", "sharepoint", "2026-10-01", -1, 5));
        history.workload_usage.push(usage("t9", " ", "2026-10-01", 1 << 40, 5));
        history.certifications.push(Certification {
            expires_on: Some(day("2020-01-01")),
            ..certification("acme", "\u{a0}", "other", "2024-01-01")
        });
        let placed = Placed::laid_out(&history, &layout);
        placed.score(&["--max-reject-ratio", "1"]).succeeds();
        let rejects = read(&placed.run().join("rejects.parquet"));
        assert_eq!(texts(&rejects, "rule"), vec![Some("null_key".to_owned()); 3], "{name}");
    }
}

#[test]
fn a_blank_optional_text_is_null() {
    let sound = Placed::new(&history());
    sound.score(&["--evidence", "--strict"]).succeeds();
    for (number, (blank, text)) in BLANK.into_iter().enumerate() {
        let some = || Some(text.to_owned());
        let mut history = history();
        for row in &mut history.partners {
            row.partner_name = some();
            row.global_partner_id = some();
            row.distributor_id = some();
            row.market = some();
        }
        history.associations.iter_mut().for_each(|row| row.workload = some());
        let layouts = layouts();
        let (layout, place) = &layouts[number % layouts.len()];
        let placed = Placed::laid_out(&history, place);
        placed.score(&["--evidence", "--strict"]).succeeds();
        let published = |placed: &Placed| fixture::published(&placed.run());
        assert!(published(&placed) == published(&sound), "{blank}, {layout}");
        let path = placed.history().to_string_lossy().into_owned();
        run(&["check", &path, "--strict"]).succeeds();
        run(&["explain", &path, "--partner", "acme", "--as-of", AS_OF]).succeeds();
    }
}

/// Random histories with blank texts anywhere: the program rejects and scores as the reference implementation does.
#[test]
fn histories_with_blank_texts_agree_with_the_reference_implementation() {
    let rules = rulebook::parse(&with_reading(""), "default").expect("rules");
    for seed in 0..12 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut history = crate::properties::random(&mut random);
        let mut spoil = |text: &mut Option<String>| {
            if random.random_bool(0.04) {
                *text = Some(BLANK.choose(&mut random).expect("a blank text").1.to_owned());
            }
        };
        for row in &mut history.partners {
            spoil(&mut row.global_partner_id);
            spoil(&mut row.distributor_id);
            spoil(&mut row.market);
        }
        for row in &mut history.associations {
            [&mut row.partner_id, &mut row.tenant_id, &mut row.workload, &mut row.association_type]
                .into_iter()
                .for_each(&mut spoil);
        }
        for row in &mut history.certifications {
            [&mut row.partner_id, &mut row.person_id, &mut row.certification].into_iter().for_each(&mut spoil);
        }
        for row in &mut history.workload_usage {
            [&mut row.tenant_id, &mut row.workload].into_iter().for_each(&mut spoil);
        }
        let theirs = second_reading::score(&history, &second_rules(&rules), day(AS_OF));
        let (_, rejects) = second_reading::check(&history);
        let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
        rejects.iter().for_each(|reject| {
            *expected.entry((reject.table.to_owned(), reject.rule.to_owned())).or_default() += 1;
        });
        for (name, layout) in layouts() {
            let folder = tempfile::tempdir().expect("a folder");
            fixture::write(&history, folder.path(), &layout);
            for shards in [1, 3] {
                let settings = Settings {
                    max_reject_ratio: 1.0,
                    min_coverage: 0.0,
                    shards,
                    ..Settings::new(folder.path(), day(AS_OF), rules.clone())
                };
                let ours = pipeline::score(&settings).unwrap_or_else(|error| panic!("seed {seed} {name}: {error}"));
                assert_agree(&as_second(&ours.scores, &rules), &theirs, &format!("seed {seed} {name} {shards}"));
            }
            let (_, findings, _) = pipeline::check(folder.path(), &rules).expect("checked");
            assert_eq!(findings.rejects_by_rule(), expected, "seed {seed} {name}");
        }
    }
}

/// Warnings of a run by rule and subject.
fn warnings(placed: &Placed) -> BTreeMap<(String, String), u64> {
    let json = fs::read(placed.run().join("run.json")).expect("run.json");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let text = |warning: &serde_json::Value, key: &str| warning[key].as_str().expect("a text").to_owned();
    let warnings = json["warnings"].as_array().expect("warnings").iter();
    warnings
        .map(|warning| ((text(warning, "rule"), text(warning, "subject")), warning["count"].as_u64().expect("a count")))
        .collect()
}

fn check(placed: &Placed, more: &[&str]) -> Said {
    let path = placed.history().to_string_lossy().into_owned();
    run(&[&["check", &path, "--format", "csv"], more].concat())
}

#[test]
fn an_id_that_spells_null_is_warned_of() {
    for spelling in ["NULL", "null", "nan", "None", "N/A"] {
        let mut history = history();
        history.partners[1].distributor_id = Some(spelling.to_owned());
        history.partners.push(partner(spelling));
        history.certifications.push(certification("acme", spelling, "enterprise_administrator_expert", "2024-02-02"));
        history.associations.push(association("acme", spelling, "CPOR", "2024-01-01"));
        history.workload_usage.push(usage(spelling, "teams", "2026-10-01", 50, 20));
        history.workload_usage.push(usage(spelling, "exchange", "2026-10-01", 50, 20));
        let placed = Placed::new(&history);
        placed.score(&[]).succeeds();
        let subject = |place: &str| ("null_as_text".to_owned(), format!("{place} `{spelling}`"));
        let expected = BTreeMap::from([
            (subject("partners.partner_id"), 1),
            (subject("partners.distributor_id"), 1),
            (subject("certifications.person_id"), 1),
            (subject("associations.tenant_id"), 1),
            (subject("workload_usage.tenant_id"), 2),
        ]);
        assert_eq!(warnings(&placed), expected);
        let said = check(&placed, &[]);
        for ((rule, subject), rows) in expected {
            assert!(said.stdout.contains(&format!("warning,,{rule},{subject},{rows}")), "{}", said.stdout);
        }
        placed.score(&["--strict"]).fails(4, &[]);
    }
    let mut history = history();
    history.partners[0].global_partner_id = Some("NULL".to_owned());
    let placed = Placed::new(&history);
    placed.score(&[]).succeeds();
    assert_eq!(
        warnings(&placed).keys().map(|(_, subject)| subject.as_str()).collect::<Vec<_>>(),
        ["partners.global_partner_id `NULL`"]
    );
}

#[test]
fn a_month_folder_that_spells_null_has_no_month() {
    for spelling in ["NULL", "null", "nan", "NaT", "None", "", "%20", "__HIVE_DEFAULT_PARTITION__"] {
        let placed = Placed::new(&history());
        let usage = placed.history().join("workload_usage");
        copy(&usage.join("month=2026-10-01"), &usage.join(format!("month={spelling}")));
        placed.score(&["--strict"]).succeeds();
        let said = check(&placed, &["--max-reject-ratio", "1"]);
        assert!(said.succeeds().stdout.contains("reject,workload_usage,null_key,,6"), "{spelling}: {}", said.stdout);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

/// Forms of a workload's name that people write.
const FORMS: [&str; 6] = ["Teams", "TEAMS", "teams   ", "\u{a0}teams", "te-ams", "Teams\u{ae}"];

/// A history with so many usage rows at M and P whose workload is written in a form, of 100 and some at each.
fn with_forms(form: &str, rows: usize) -> History {
    let mut history = history();
    for month in ["2025-10-01", "2026-10-01"] {
        for number in 0..47 {
            let tenant = format!("u{number:02}");
            history.workload_usage.push(usage(&tenant, "intune", month, 5, 1));
            let name = if number < rows { form } else { "teams" };
            history.workload_usage.push(usage(&tenant, name, month, 5, 1));
        }
    }
    history
}

#[test]
fn workloads_of_usage_in_another_form_are_warned_of_and_refused_where_they_are_many() {
    for form in FORMS {
        // 2 x 100 rows: 5 of each hundred are the ratio, and 6 are above it.
        let placed = Placed::new(&with_forms(form, 5));
        placed.score(&[]).succeeds();
        let subject = format!("`{form}` (did you mean `teams`?)");
        assert_eq!(warnings(&placed), BTreeMap::from([(("workload_differs_in_form".to_owned(), subject.clone()), 10)]));
        let placed = Placed::new(&with_forms(form, 6));
        placed.score(&[]).fails(3, &["12 of 200 rows of `workload_usage`", "0.05", &subject, "--max-unknown-ratio"]);
        placed.nothing_published();
        placed.score(&["--max-unknown-ratio", "0.06"]).succeeds();
        let placed = Placed::new(&with_forms(form, 30));
        assert_eq!(check(&placed, &[]).code, 3);
        assert_eq!(check(&placed, &["--max-unknown-ratio", "0.3"]).code, 0);
    }
}

/// What is not like a known name is no more than unknown, however many rows have it.
#[test]
fn other_unknown_workloads_are_never_refused() {
    for name in ["minesweeper", "team", "teams2", "--"] {
        let placed = Placed::new(&with_forms(name, 47));
        placed.score(&[]).succeeds();
        let rules: Vec<String> = warnings(&placed).into_keys().map(|(rule, _)| rule).collect();
        assert_eq!(rules, ["unknown_workload"], "{name}");
    }
}

#[test]
fn workloads_of_associations_in_another_form_are_warned_of_and_refused_where_they_are_many() {
    for form in FORMS {
        for (rows, others, code) in [(1, 16, 0), (1, 15, 3)] {
            let mut history = history();
            let mut claim = association("acme", "t1", "CPOR", "2024-01-01");
            claim.workload = Some(form.to_owned());
            history.associations.extend(vec![claim; rows]);
            let other = |number: usize| association("acme", &format!("t1{number}"), "CPOR", "2020-01-01");
            history
                .associations
                .extend((0..others).map(|number| Association { end_date: Some(day("2020-02-01")), ..other(number) }));
            let placed = Placed::new(&history);
            let said = placed.score(&[]);
            assert_eq!(said.code, code, "{form}: {}", said.stderr);
            let subject = format!("`{form}` (did you mean `teams`?)");
            assert!(code == 0 || said.stderr.contains(&subject), "{}", said.stderr);
            assert_eq!(check(&placed, &[]).code, code);
        }
    }
}

#[test]
fn certifications_in_another_form_are_warned_of_and_refused_where_they_are_many() {
    for form in
        ["Enterprise Administrator Expert", "enterprise_administrator_expert   ", "ENTERPRISE-ADMINISTRATOR-EXPERT"]
    {
        for (others, code) in [(17, 0), (16, 3)] {
            let mut history = history();
            history.certifications.push(certification("acme", "dora", form, "2025-01-01"));
            let other = |number| certification("acme", &format!("p{number}"), "azure_fundamentals", "2025-01-01");
            history.certifications.extend((0..others).map(other));
            let placed = Placed::new(&history);
            let said = placed.score(&[]);
            assert_eq!(said.code, code, "{}", said.stderr);
            let subject = format!("`{form}` (did you mean `enterprise_administrator_expert`?)");
            match code {
                0 => assert_eq!(warnings(&placed)[&("certification_differs_in_form".to_owned(), subject)], 1),
                _ => assert!(said.stderr.contains(&subject), "{}", said.stderr),
            }
        }
    }
}

#[test]
fn an_unknown_association_type_names_the_nearest() {
    for (given, near) in [
        ("cpor", Some("CPOR")),
        ("CPOR   ", Some("CPOR")),
        ("Csp Tier 1", Some("CSP_TIER_1")),
        ("CSP_TIER1", Some("CSP_TIER_1")),
        ("CPORR", Some("CPOR")),
        ("reseller", None),
    ] {
        let mut history = history();
        history.associations.push(association("acme", "t1", given, "2024-01-01"));
        let placed = Placed::new(&history);
        placed.score(&["--max-reject-ratio", "1"]).succeeds();
        let reason = texts(&read(&placed.run().join("rejects.parquet")), "reason").remove(0).expect("a reason");
        match near {
            Some(near) => assert!(reason.ends_with(&format!("{given}; did you mean `{near}`?")), "{reason}"),
            None => assert!(!reason.contains("did you mean"), "{reason}"),
        }
    }
}

const GUID: &str = "0a1b2c3d-0000-4000-8000-0000000000";

/// Forty tenants with associations and usage, whose ids are written by the two functions.
fn written(of_associations: impl Fn(usize, String) -> String, of_usage: impl Fn(usize, String) -> String) -> History {
    let mut history = History { partners: vec![partner("acme")], ..History::default() };
    for number in 0..40 {
        let id = format!("{GUID}{number:02}");
        let theirs = of_associations(number, id.clone());
        history.associations.push(association("acme", &theirs, "CPOR", "2024-01-01"));
        for month in ["2025-10-01", "2026-10-01"] {
            history.workload_usage.push(usage(&of_usage(number, id.clone()), "teams", month, 50, 20));
        }
    }
    history
}

type Write = fn(String) -> String;

const WAYS: [(&str, Write); 6] = [
    ("capitals", |id| id.to_uppercase()),
    ("braces", |id| format!("{{{id}}}")),
    ("padding", |id| format!("{id}    ")),
    ("no hyphens", |id| id.replace('-', "")),
    ("space before", |id| format!(" {id}")),
    ("both", |id| format!("{{{}}} ", id.to_uppercase())),
];

#[test]
fn tenant_ids_in_another_form_are_warned_of_and_refused_where_they_are_many() {
    for (way, write) in WAYS {
        let some = |count: usize| move |number: usize, id: String| if number < count { write(id) } else { id };
        let plain = |_: usize, id: String| id;
        let cases = [
            ("2 of associations", written(some(2), plain), 0),
            ("3 of associations", written(some(3), plain), 3),
            ("2 of usage", written(plain, some(2)), 0),
            ("3 of usage", written(plain, some(3)), 3),
            ("all of associations", written(some(40), plain), 3),
            ("all of usage", written(plain, some(40)), 3),
            ("all of both", written(some(40), some(40)), -1),
        ];
        for (number, (what, history, code)) in cases.into_iter().enumerate() {
            let shards = ["1", "3"][(number + way.len()) % 2];
            let placed = Placed::new(&history);
            let said = placed.score(&["--shards", shards]);
            let what = format!("{way}, {what}, {shards}: {}", said.stderr);
            let warned = said.stderr.contains("tenant_id_differs_in_form");
            match code {
                0 => assert!(said.code == 0 && warned, "{what}"),
                3 => said.fails(3, &["have a tenant id that differs", "such as", "--max-unknown-ratio"]),
                _ => assert!(said.code == 0 && !warned, "{what}"),
            }
            assert_eq!(check(&placed, &[]).code, code.max(0), "{what}");
        }
    }
}

/// The same tenant twice in usage, in two forms: what it has under the other is lost, though it is found.
#[test]
fn a_tenant_in_two_forms_in_usage_is_found_out() {
    let mut history = written(|_, id| id, |_, id| id);
    for number in 0..10 {
        let id = format!("{GUID}{number:02}").to_uppercase();
        history.workload_usage.push(usage(&id, "exchange", "2026-10-01", 50, 20));
    }
    Placed::new(&history).score(&[]).fails(3, &["10 of 50 rows of `workload_usage` have a tenant id that differs"]);
}

/// Ids that match in no form are none of these.
#[test]
fn tenants_without_usage_are_no_matter_of_form() {
    let mut history = history();
    history.associations.push(association("acme", "T-99", "CPOR", "2024-01-01"));
    let placed = Placed::new(&history);
    placed.score(&["--strict"]).succeeds();
    check(&placed, &["--strict"]).succeeds();
}

#[test]
fn partners_in_another_form_are_named() {
    for given in ["ACME", "acme ", "{acme}"] {
        let mut history = history();
        history.associations.push(association(given, "t1", "CPOR", "2024-01-01"));
        history.certifications.push(certification(given, "eve", "enterprise_administrator_expert", "2024-01-01"));
        let placed = Placed::new(&history);
        placed.score(&[]).fails(3, &["most by unknown_partner, such as", "did you mean `acme`?"]);
        placed.score(&["--max-reject-ratio", "1"]).succeeds();
        let reasons = texts(&read(&placed.run().join("rejects.parquet")), "reason");
        assert!(reasons.iter().flatten().all(|reason| reason.ends_with("did you mean `acme`?")), "{reasons:?}");
    }
}

#[test]
fn global_accounts_in_another_form_are_warned_of_and_refused_where_they_are_many() {
    for (others, code) in [(17, 0), (16, 3)] {
        let mut history = history();
        let location = second_reading::Partner { global_partner_id: Some("Acme".to_owned()), ..partner("branch") };
        history.partners.push(location);
        history.partners.extend((0..others).map(|number| partner(&format!("p{number}"))));
        let placed = Placed::new(&history);
        let said = placed.score(&[]);
        assert_eq!(said.code, code, "{}", said.stderr);
        assert!(said.stderr.contains("`Acme` (did you mean `acme`?)"), "{}", said.stderr);
        assert_eq!(check(&placed, &[]).code, code);
    }
}

/// A source that begins to write names differently: `check` refuses what a score of the newest month would, however many months it reads.
#[test]
fn check_refuses_names_in_another_form_in_the_newest_month_alone() {
    let mut history = history();
    for month in (1..=9).flat_map(|month| [format!("2023-0{month}-01"), format!("2024-0{month}-01")]) {
        (0..20).for_each(|tenant| history.workload_usage.push(usage(&format!("t{tenant}"), "teams", &month, 5, 1)));
    }
    let mut old = history.clone();
    let write = |history: &mut History, month: &str| {
        let rows = history.workload_usage.iter_mut().filter(|row| row.month == Some(day(month)));
        rows.for_each(|row| row.workload = row.workload.as_ref().map(|name| name.to_uppercase()));
    };
    write(&mut history, "2026-10-01");
    Placed::new(&history).score(&[]).fails(3, &["6 of 12 rows of `workload_usage` name a workload"]);
    assert_eq!(check(&Placed::new(&history), &[]).code, 3);
    write(&mut old, "2023-01-01");
    Placed::new(&old).score(&["--strict"]).succeeds();
    assert_eq!(check(&Placed::new(&old), &[]).code, 0);
}
