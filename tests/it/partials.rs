//! Sets of tenants, each read by itself as on a machine of its own, add up to what one run publishes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use partnerscore::engine;
use partnerscore::error::{Code, Result};
use partnerscore::history::{History, Part, Source, Tables, TenantRange, WARNINGS};
use partnerscore::month::Month;
use partnerscore::pipeline::{self, Outcome, PARTIAL_COLUMNS, Settings};
use partnerscore::rulebook;
use polars::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::azurite::{ACCOUNT, Azurite, KEY};
use crate::baseline_history::{AS_OF, Placed, association, certification, day, history, partner, usage};
use crate::command::said;
use crate::fixture::{self, Content, Layout};
use crate::rejects;
use crate::rulebooks::with_reading;
use crate::samples;
use crate::second_reading::{self, Association, Partner, Usage};
use crate::several::run_json;

/// Whatever is found is published.
fn settings(source: impl Into<Source>, reading: &str) -> Settings {
    let rules = rulebook::parse(&with_reading(reading), reading).expect("rules");
    Settings {
        max_reject_ratio: 1.0,
        min_coverage: 0.0,
        max_unknown_ratio: 1.0,
        ..Settings::new(source, day(AS_OF), rules)
    }
}

/// What is found is judged.
fn strict(placed: &Placed) -> Settings {
    Settings::new(placed.history(), day(AS_OF), rulebook::choose(None).expect("rules"))
}

/// A sample with every kind of row that is rejected or warned of, some of which belong to no tenant.
fn spoiled() -> second_reading::History {
    let mut rows = samples::rows(&samples::dirty());
    let small = history();
    rows.partners.extend(small.partners);
    rows.associations.extend(small.associations);
    rows.certifications.extend(small.certifications);
    rows.workload_usage.extend(small.workload_usage);
    for (_, _, _, spoil) in rejects::broken() {
        spoil(&mut rows);
    }
    // A month that none is, one pair of two partners, keys that repeat with the same values and with others, at M and in the month in
    // which an association began.
    rows.workload_usage.push(Usage { month: None, ..usage("t1", "teams", "2026-10-01", 1, 1) });
    rows.associations.push(association("birch", "t1", "CPOR", "2024-03-01"));
    rows.associations.push(association("acme", "t2", "CSP_TIER_1", "2026-03-15"));
    // Names and ids in another form, an id that spells null, and blank texts, also where an association began.
    rows.partners.push(Partner { global_partner_id: Some("ACME".to_owned()), ..partner("acme-north") });
    rows.certifications.push(certification("acme", "nan", "Enterprise Administrator Expert", "2025-01-01"));
    rows.associations.push(association("acme", "{T1}", "DPOR", "2024-03-01"));
    rows.associations
        .push(Association { workload: Some(" ".to_owned()), ..association("acme", "t3", "CPOR", "2024-03-01") });
    for month in ["2026-10-01", "2026-03-01"] {
        rows.workload_usage.push(usage("t1", "Teams", month, 50, 20));
        rows.workload_usage.push(usage("t2", "", month, 50, 20));
        rows.workload_usage.push(usage("\u{a0}", "teams", month, 50, 20));
    }
    for month in ["2026-10-01", "2026-03-01"] {
        let repeated: Vec<Usage> =
            rows.workload_usage.iter().filter(|row| row.month == Some(day(month))).take(40).cloned().collect();
        rows.workload_usage.extend(repeated);
        rows.workload_usage.push(usage("t2", "teams", month, 79, 1));
    }
    rows
}

fn opened(settings: &Settings) -> History {
    pipeline::open(&settings.history, &settings.rules).expect("a history").0
}

/// What every set of a history adds, each read from a history that is opened anew.
fn partials(settings: &Settings, count: usize) -> Vec<DataFrame> {
    let newest = *pipeline::months_looked_at(settings).last().expect("a month");
    let ranges = opened(settings).tenant_ranges(newest, count).expect("ranges");
    assert!(count == 1 || ranges.len() > count / 2, "{} sets", ranges.len());
    ranges.iter().map(|range| of_range(settings, range)).collect()
}

fn of_range(settings: &Settings, range: &TenantRange) -> DataFrame {
    // As it would be told to another machine.
    let (from, below) = (range.from.clone(), range.below.clone());
    let partial = pipeline::tenant_facts(settings, &Arc::new(opened(settings)), &TenantRange { from, below });
    let partial = partial.expect("facts");
    assert_eq!(partial.get_column_names(), PARTIAL_COLUMNS);
    partial
}

/// One below the other, in an order by seed.
fn stacked(mut partials: Vec<DataFrame>, seed: u64) -> DataFrame {
    partials.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut all = partials.remove(0);
    for partial in &partials {
        all.vstack_mut(partial).expect("the same columns");
    }
    all
}

/// As a cluster adds them up: grouped by kind and keys.
fn summed(rows: &DataFrame) -> DataFrame {
    let keys: Vec<Expr> = PARTIAL_COLUMNS[..5].iter().map(|name| col(*name)).collect();
    let sums = rows.clone().lazy().group_by(keys).agg([col("current").sum(), col("prior").sum()]);
    engine::collect("sums", sums).expect("sums")
}

fn finished(settings: &Settings, partials: &DataFrame, out: &Path) -> Result<Outcome> {
    let (history, findings) = pipeline::open(&settings.history, &settings.rules)?;
    let scored = pipeline::scored_of(settings, &Arc::new(history), findings, partials)?;
    pipeline::publish_scored(settings, scored, out)
}

fn assert_same(ours: &Outcome, theirs: &Outcome, what: &str) {
    assert_eq!(format!("{:?}", ours.scored.coverage), format!("{:?}", theirs.scored.coverage), "{what}");
    assert_eq!(ours.scored.facts, theirs.scored.facts, "{what}");
    assert_eq!(run_json(&ours.folder), run_json(&theirs.folder), "{what}");
    assert!(fixture::published(&ours.folder) == fixture::published(&theirs.folder), "{what}");
}

/// Warnings of files and of exports, which no set of tenants adds.
const OF_FILES: [&str; 6] =
    ["missing_export", "file_not_read", "copied_file", "empty_table", "month_differs_from_folder", "similar_ids"];

/// That nothing can be lost which nobody would miss.
fn assert_spoiled(outcome: &Outcome) {
    let found: BTreeSet<(&str, &str)> =
        outcome.run.rejects.iter().map(|reject| (reject.table.as_str(), reject.rule.as_str())).collect();
    let broken = rejects::broken();
    let wanted =
        broken.iter().map(|(table, rule, _, _)| (*table, *rule)).chain([("workload_usage", "conflicting_usage")]);
    wanted.for_each(|wanted| assert!(found.contains(&wanted), "{wanted:?} in {found:?}"));
    let warned: BTreeSet<&str> = outcome.run.warnings.iter().map(|warning| warning.rule.as_str()).collect();
    let of_rows = WARNINGS.iter().copied().filter(|rule| !OF_FILES.contains(rule));
    assert_eq!(warned, of_rows.collect());
    let coverage = &outcome.scored.coverage;
    assert!(0 < coverage.tenants_found && coverage.tenants_found < coverage.tenants_held, "{coverage:?}");
}

#[test]
fn sets_of_tenants_add_up_to_the_bytes_of_one_run() {
    let hive = Placed::new(&spoiled());
    let flat = Layout { hive: false, files: 2, shuffled: Some(3), ..Layout::default() };
    let flat = Placed::laid_out(&spoiled(), &flat);
    for (placed, count) in [(&hive, 1), (&hive, 9), (&flat, 4)] {
        let settings = settings(placed.history(), "");
        let (alone, together) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let one = pipeline::run(&settings, alone.path()).expect("a run");
        assert_spoiled(&one);
        let rows = stacked(partials(&settings, count), count as u64);
        let sums = summed(&rows);
        assert!(count == 1 || sums.height() < rows.height(), "nothing was summed");
        for partials in [&rows, &sums] {
            assert_same(
                &finished(&settings, partials, together.path()).expect("a run"),
                &one,
                &format!("{count} sets"),
            );
        }
        assert!(!finished(&settings, &sums, alone.path()).expect("a run").changed, "the same is there");
    }
}

#[test]
fn sets_of_tenants_add_up_in_every_reading() {
    let placed = Placed::new(&spoiled());
    for reading in [
        "deployment_unit tenant_workload",
        "deployment_unit tenant_any_workload",
        "usage_baseline larger_of_both",
        "usage_baseline year_ago",
        "seat_band largest_workload",
        "lost_tenants ignore",
        "smb_carry_over true",
    ] {
        let settings = settings(placed.history(), reading);
        let (alone, together) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let one = pipeline::run(&settings, alone.path()).expect("a run");
        let sums = summed(&stacked(partials(&settings, 3), 1));
        assert_same(&finished(&settings, &sums, together.path()).expect("a run"), &one, reading);
    }
}

#[test]
fn sets_of_tenants_add_up_for_some_partners_and_for_months_that_are_carried_on() {
    let placed = Placed::new(&spoiled());
    let base = settings(placed.history(), "");
    let account = opened(&base).accounts().rows.iter().find_map(|account| account.distributor_id.clone());
    for settings in [
        Settings { partners: vec!["acme".to_owned()], distributors: account.into_iter().collect(), ..base.clone() },
        Settings { as_of: day("2027-01-20"), carried_from: Some("2026-10".parse::<Month>().expect("a month")), ..base },
    ] {
        assert_eq!(pipeline::months_looked_at(&settings).last().map(Month::to_string).as_deref(), Some("2026-10"));
        let (alone, together) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let one = pipeline::run(&settings, alone.path()).expect("a run");
        let sums = summed(&stacked(partials(&settings, 3), 1));
        assert_same(&finished(&settings, &sums, together.path()).expect("a run"), &one, "selected");
    }
}

/// As where another program deals out the rows of tenants: nobody has a whole table, and who finishes has none of tenants.
#[test]
fn parts_of_tables_add_up_to_the_bytes_of_one_run() {
    let rows = spoiled();
    let whole = settings(in_memory(&rows), "");
    let alone = tempfile::tempdir().expect("a folder");
    let one = pipeline::run(&whole, alone.path()).expect("a run");
    assert_spoiled(&one);
    let months = opened(&whole).usage_months().expect("months");
    let part = |kept: &dyn Fn(&Option<String>) -> bool| {
        let mut rows = rows.clone();
        rows.associations.retain(|row| kept(&row.tenant_id));
        rows.workload_usage.retain(|row| kept(&row.tenant_id));
        settings(in_memory(&rows), "")
    };
    // By what an id ends in, so that no part is a range; the last has no row.
    let number = |id: &Option<String>| id.as_ref().map_or(1, |id| id.bytes().last().unwrap_or(0) % 3);
    let parts: Vec<DataFrame> = (0..4)
        .map(|place| {
            let part = part(&|id| number(id) == place);
            let history = Arc::new(opened(&part).in_part(months.clone()));
            pipeline::tenant_facts(&part, &history, &TenantRange::all()).expect("facts")
        })
        .collect();
    assert!(parts[..3].iter().all(|part| part.height() > 50) && parts[3].height() < 10, "{parts:?}");
    let none = part(&|_| false);
    let (history, findings) = pipeline::open(&none.history, &none.rules).expect("a history");
    let sums = summed(&stacked(parts, 1));
    let scored = pipeline::scored_of(&none, &Arc::new(history.in_part(months)), findings, &sums).expect("scores");
    let out = tempfile::tempdir().expect("a folder");
    let parts = pipeline::publish_scored(&none, scored, out.path()).expect("a run");
    // Ids in another form are of other parts, and meet nowhere.
    let mut one = one;
    let path = one.folder.join("run.json");
    let mut run = run_json(&one.folder);
    let warnings = run["warnings"].as_array_mut().expect("warnings");
    warnings.retain(|warning| warning["rule"] != "tenant_id_differs_in_form");
    std::fs::write(&path, run.to_string()).expect("run.json");
    one.scored.findings.warnings.retain(|(rule, _), _| *rule != "tenant_id_differs_in_form");
    assert_same(&parts, &one, "parts of tables");
}

#[test]
fn a_month_is_absent_where_the_whole_lacks_it() {
    let mut rows = history();
    rows.associations.retain(|row| row.tenant_id.as_deref() == Some("t2"));
    rows.workload_usage.retain(|row| row.tenant_id.as_deref() == Some("t2") && row.month != Some(day("2026-03-01")));
    let settings = settings(in_memory(&rows), "");
    let missing = |history: History| {
        let partial = pipeline::tenant_facts(&settings, &Arc::new(history), &TenantRange::all()).expect("facts");
        let missing = partial.lazy().filter(col("kind").eq(lit("missing_month"))).select([col("key_1")]);
        engine::collect("rows", missing).expect("rows").height()
    };
    assert_eq!(missing(opened(&settings)), 1, "its association began then");
    assert_eq!(missing(opened(&settings).in_part(pipeline::months_looked_at(&settings))), 0, "others have rows of it");
}

/// The share of bad rows, and of tenants found, is that of the whole: a set of few may have nothing but.
#[test]
fn a_set_is_not_judged_by_itself() {
    let mut rows = history();
    rows.workload_usage.push(Usage { paid_seats: Some(-1), ..usage("t1", "sharepoint", "2026-10-01", 1, 1) });
    rows.associations.push(association("birch", "t9", "DPOR", "2026-01-10"));
    let placed = Placed::new(&rows);
    let settings = Settings { max_reject_ratio: 0.1, ..strict(&placed) };
    let bounds = ["t1", "t1!", "t9"].map(|bound| Some(bound.to_owned()));
    let [first, second, third] = bounds;
    let ranges = [(None, first.clone()), (first, second.clone()), (second, third.clone()), (third, None)]
        .map(|(from, below)| TenantRange { from, below });
    let partials = ranges.iter().map(|range| of_range(&settings, range)).collect();
    let sums = summed(&stacked(partials, 2));
    let many = finished(&settings, &sums, &placed.out()).expect("a run");
    let alone = tempfile::tempdir().expect("a folder");
    assert_same(&many, &pipeline::run(&settings, alone.path()).expect("a run"), "four sets");
}

#[test]
fn sums_are_refused_as_a_run_is() {
    type Change = fn(&mut second_reading::History);
    let cases: [(&str, f64, f64, Change); 4] = [
        ("associations that count begin in 2026-03", 0.01, 0.5, |rows| {
            rows.workload_usage.retain(|row| row.month != Some(day("2026-03-01")));
        }),
        ("1 of 15 checked rows", 0.03, 0.5, |rows| {
            rows.workload_usage.push(Usage { paid_seats: None, ..usage("t2", "sharepoint", "2026-10-01", 1, 1) });
        }),
        ("every row of workload_usage in 2026-10 was rejected", 1.0, 0.5, |rows| {
            let of_m = |row: &&mut Usage| row.month == Some(day("2026-10-01"));
            rows.workload_usage.iter_mut().filter(of_m).for_each(|row| row.paid_seats = Some(-1));
        }),
        ("only 3 of 4 tenants", 0.01, 0.8, |rows| {
            rows.associations.push(association("birch", "t9", "DPOR", "2026-01-10"));
        }),
    ];
    for (what, max_reject_ratio, min_coverage, change) in cases {
        let mut rows = history();
        change(&mut rows);
        let placed = Placed::new(&rows);
        let settings = Settings { max_reject_ratio, min_coverage, ..strict(&placed) };
        let alone = pipeline::run(&settings, &placed.out()).expect_err("refused");
        let ranges = [(None, Some("t2")), (Some("t2"), Some("t3")), (Some("t3"), None)];
        let ranges =
            ranges.map(|(from, below)| TenantRange { from: from.map(str::to_owned), below: below.map(str::to_owned) });
        let rows = stacked(ranges.iter().map(|range| of_range(&settings, range)).collect(), 3);
        for partials in [&rows, &summed(&rows)] {
            let together = finished(&settings, partials, &placed.out()).expect_err("refused");
            assert!(together.what.contains(what), "{}", together.what);
            assert_eq!(format!("{together:?}"), format!("{alone:?}"));
        }
        placed.nothing_published();
    }
}

/// A month that is compared is asked for before anything is scored: no set needs to be read for it.
#[test]
fn an_absent_month_is_refused_as_by_a_run() {
    let mut rows = history();
    rows.workload_usage.retain(|row| row.month != Some(day("2026-10-01")));
    let placed = Placed::new(&rows);
    let settings = strict(&placed);
    let alone = pipeline::score(&settings).expect_err("absent");
    let none = of_range(&settings, &TenantRange { from: Some("z".to_owned()), below: None });
    let together = finished(&settings, &none, &placed.out()).expect_err("absent");
    assert_eq!((together.code, format!("{together:?}")), (Code::Absent, format!("{alone:?}")));
}

#[test]
fn rows_that_no_set_adds_are_internal_errors() {
    let placed = Placed::new(&spoiled());
    let settings = settings(placed.history(), "");
    let rows = of_range(&settings, &TenantRange::all());
    assert!(finished(&settings, &rows, &placed.out()).is_ok());
    let text = || lit("nonsense");
    for (column, kind, other) in [
        ("kind", "fact", text()),
        ("key_1", "fact", text()),
        ("key_3", "fact", text()),
        ("key_1", "checked", text()),
        ("key_1", "warning", text()),
        ("key_1", "coverage", text()),
        ("current", "reject", lit(-1i64)),
        ("prior", "fact", lit(NULL).cast(DataType::Int64)),
    ] {
        let other = when(col("kind").eq(lit(kind))).then(other).otherwise(col(column)).alias(column);
        let wrong = engine::collect("rows", rows.clone().lazy().with_columns([other])).expect("rows");
        let error = finished(&settings, &wrong, &placed.out()).expect_err("refused");
        let told = error.what.contains("nonsense") || ["current", "prior"].contains(&column);
        assert!(error.code == Code::Internal && told, "{column} of {kind}: {error}");
    }
    let evidence = Settings { evidence: true, ..settings.clone() };
    assert_eq!(finished(&evidence, &rows, &placed.out()).expect_err("refused").code, Code::Usage);
    let scored = pipeline::score(&settings).expect("scores");
    assert_eq!(pipeline::publish_scored(&evidence, scored, &placed.out()).expect_err("refused").code, Code::Usage);
}

/// The container that the child of the next test works in.
const STORE: &str = "PARTNERSCORE_TEST_STORE";

/// Access to a store comes from the environment, which only a process of its own may change.
#[test]
fn sets_of_a_history_on_a_store_add_up_as_well() {
    if let Ok(container) = std::env::var(STORE) {
        return on_a_store(&container);
    }
    let Some(azurite) = Azurite::running("sets of tenants of a history on a store") else { return };
    let (container, cache) = (azurite.container(), tempfile::tempdir().expect("a folder"));
    container.put_folder(&Placed::new(&spoiled()).history(), "history");
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    let test = "partials::sets_of_a_history_on_a_store_add_up_as_well";
    child.args([test, "--exact"]).env(STORE, container.url("")).env("PARTNERSCORE_CACHE", cache.path());
    let endpoint = format!("http://127.0.0.1:{}/{ACCOUNT}", container.port);
    child.env("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT).env("AZURE_STORAGE_ACCOUNT_KEY", KEY);
    child.env("AZURE_STORAGE_ENDPOINT", endpoint).env("AZURE_ALLOW_HTTP", "true");
    said(child.output().expect("it starts")).succeeds();
    assert!(container.names().keys().any(|name| name.ends_with("scores.parquet")), "nothing was published");
}

fn on_a_store(container: &str) {
    let settings = settings(PathBuf::from(format!("{container}history")), "");
    let (alone, together) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let sums = summed(&stacked(partials(&settings, 4), 1));
    let many = finished(&settings, &sums, together.path()).expect("a run");
    assert_spoiled(&many);
    assert_same(&many, &pipeline::run(&settings, alone.path()).expect("a run"), "on a store");
    let runs = PathBuf::from(format!("{container}runs"));
    assert!(finished(&settings, &sums, &runs).expect("a run").changed);
    assert!(!pipeline::run(&settings, &runs).expect("a run").changed, "the same is there");
}

/// A history as tables in memory.
pub fn in_memory(rows: &second_reading::History) -> Source {
    let tables = [
        fixture::partners(&rows.partners),
        fixture::associations(&rows.associations),
        fixture::certifications(&rows.certifications),
        fixture::usage(&rows.workload_usage, true),
    ];
    let names = Tables::NAMES.into_iter().map(str::to_owned);
    let tables = names.zip(tables.map(|columns| Part::Held(frame(columns))));
    Source::given(tables.collect()).expect("every table")
}

fn frame(columns: Vec<(&'static str, Content)>) -> DataFrame {
    let columns = columns.into_iter().map(|(name, content)| match content {
        Content::Text(texts) => Column::new(name.into(), texts),
        Content::Date(days) => DateChunked::from_naive_date_options(name.into(), days).into_column(),
        Content::Count(counts) => Column::new(name.into(), counts),
    });
    DataFrame::new_infer_height(columns.collect()).expect("columns of one length")
}
