//! Every point of every partner explained: rows sum to measures, measures to scores, and a run and its history give one answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use chrono::NaiveDate;
use partnerscore::insight::{self, ExplainedMeasure, ExplainedRow, Explanation, Wanted};
use partnerscore::metrics::reason;
use partnerscore::pipeline::{self, Settings};
use partnerscore::rulebook::{self, Metric, Rulebook, Track};
use partnerscore::score::Points;
use serde_json::Value;
use tempfile::TempDir;

use crate::baseline_history::{AS_OF, Placed, day, history};
use crate::case_file::{self, Case, ReasonRow};
use crate::cases::{rules_of, with_both_months};
use crate::command::{Said, run};
use crate::fixture::{self, Layout};
use crate::outputs::{counts, read, texts};
use crate::samples;
use crate::second_reading::{History, Partner};

/// A run with evidence.
struct Published {
    _out: TempDir,
    folder: PathBuf,
}

/// Settings under which nothing is refused.
fn settings(history: &Path, rules: &Rulebook, as_of: NaiveDate) -> Settings {
    Settings { evidence: true, ..Settings::new(history, as_of, rules.clone()).of_a_few() }
}

fn default_rules() -> Rulebook {
    rulebook::choose(None).expect("rules")
}

fn published(history: &Path, rules: &Rulebook, as_of: NaiveDate) -> Published {
    let out = tempfile::tempdir().expect("a folder");
    let outcome = pipeline::run(&settings(history, rules, as_of), out.path()).unwrap_or_else(|error| panic!("{error}"));
    Published { folder: outcome.folder, _out: out }
}

fn committed_sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}

/// A sample's run, and every partner of it explained.
struct Sample {
    run: Published,
    tables: Tables,
    explanations: Vec<Explanation>,
}

/// The committed sample and the dirty one.
static SAMPLES: LazyLock<[Sample; 2]> = LazyLock::new(|| [committed_sample(), samples::dirty()].map(Sample::of));

impl Sample {
    fn of(root: PathBuf) -> Sample {
        let run = published(&root, &default_rules(), day(AS_OF));
        let tables = tables(&run.folder);
        let explanations = tables.totals.keys().map(|id| explained(&run.folder, id)).collect();
        Sample { run, tables, explanations }
    }

    fn explanation(&self, partner_id: &str) -> &Explanation {
        self.explanations.iter().find(|explanation| explanation.partner_id == partner_id).expect("a partner")
    }

    /// The partner with the most rows.
    fn widest(&self) -> &Explanation {
        self.explanations.iter().max_by_key(|explanation| explanation.rows.len()).expect("a partner")
    }
}

fn explained(run: &Path, partner_id: &str) -> Explanation {
    insight::explain_run(run, partner_id, &Wanted::default()).unwrap_or_else(|error| panic!("{partner_id}: {error}"))
}

/// The columns of `scores.parquet` and `metric_points.parquet`, read by the second implementation, by partner.
struct Tables {
    totals: BTreeMap<String, [Points; 4]>,
    points: BTreeMap<String, Vec<Measured>>,
}

/// A row of `metric_points.parquet`.
type Measured = (String, String, String, [i64; 4], [Points; 2], bool);

fn tables(run: &Path) -> Tables {
    let scores = read(&run.join("scores.parquet"));
    let points = |batch: &arrow::array::RecordBatch, name: &str| -> Vec<Points> {
        let column = batch.column_by_name(name).expect("points").as_primitive::<Float64Type>().clone();
        column.values().iter().map(|points| Points::of_f64(*points)).collect()
    };
    let totals = ["total_points", "enterprise_points", "smb_points", "points_short"].map(|name| points(&scores, name));
    let ids = texts(&scores, "partner_id").into_iter().flatten();
    let totals = ids.enumerate().map(|(row, id)| (id, totals.each_ref().map(|column| column[row]))).collect();
    let batch = read(&run.join("metric_points.parquet"));
    let [ids, track, metric, option] = ["partner_id", "track", "metric", "option"]
        .map(|name| texts(&batch, name).into_iter().flatten().collect::<Vec<_>>());
    let numbers = ["current", "prior", "net", "target"].map(|name| counts(&batch, name));
    let amounts = ["points", "max_points"].map(|name| points(&batch, name));
    let counted = batch.column_by_name("counted").expect("counted").as_boolean().clone();
    let mut by_partner: BTreeMap<String, Vec<Measured>> = BTreeMap::new();
    for (row, id) in ids.into_iter().enumerate() {
        by_partner.entry(id).or_default().push((
            track[row].clone(),
            metric[row].clone(),
            option[row].clone(),
            numbers.each_ref().map(|column| column[row].expect("a number")),
            amounts.each_ref().map(|column| column[row]),
            counted.value(row),
        ));
    }
    Tables { totals, points: by_partner }
}

/// An explanation gives the published points, and its rows sum to them.
fn assert_explains(explanation: &Explanation, tables: &Tables) {
    let who = &explanation.partner_id;
    let measures: Vec<Measured> = explanation.measures.iter().map(measured).collect();
    assert_eq!(measures, tables.points[who], "{who}: explained, then published");
    let totals =
        [explanation.total_points, explanation.enterprise_points, explanation.smb_points, explanation.points_short];
    assert_eq!(totals.map(Points::of_f64), tables.totals[who], "{who}");
    for measure in &explanation.measures {
        assert_sums(explanation, measure);
        assert_eq!(measure.formula, formula(measure), "{who}");
    }
    for (track, total) in [("enterprise", explanation.enterprise_points), ("smb", explanation.smb_points)] {
        let taken = explanation.measures.iter().filter(|measure| measure.track == track && measure.counted);
        let taken: Vec<&ExplainedMeasure> = taken.collect();
        assert_eq!(taken.len(), Metric::ALL.len(), "{who}: {track} takes one option of each metric");
        assert_eq!(taken.iter().map(|measure| Points::of_f64(measure.points)).sum::<Points>(), Points::of_f64(total));
    }
    for row in &explanation.rows {
        let reason = reason::explained(&row.reason).unwrap_or_else(|| panic!("{who}: no reason {}", row.reason));
        assert_eq!((row.meaning.as_str(), row.action.as_deref()), (reason.meaning, reason.action));
        assert!(row.tenant_id.is_some() != row.person_id.is_some(), "{who}: {row:?}");
    }
}

fn measured(measure: &ExplainedMeasure) -> Measured {
    let numbers = [measure.current, measure.prior, measure.net, measure.target];
    let points = [measure.points, measure.max_points].map(Points::of_f64);
    let [track, metric, option] = [&measure.track, &measure.metric, &measure.option].map(String::clone);
    (track, metric, option, numbers, points, measure.counted)
}

fn rows_of<'a>(explanation: &'a Explanation, measure: &'a ExplainedMeasure) -> impl Iterator<Item = &'a ExplainedRow> {
    let key = (&measure.track, &measure.metric, &measure.option);
    explanation.rows.iter().filter(move |row| (&row.track, &row.metric, &row.option) == key)
}

fn assert_sums(explanation: &Explanation, measure: &ExplainedMeasure) {
    let counted = || rows_of(explanation, measure).filter(|row| row.counted);
    let sums = (counted().map(|row| row.current).sum::<i64>(), counted().map(|row| row.prior).sum::<i64>());
    assert_eq!(sums, (measure.current, measure.prior), "{} {measure:?}", explanation.partner_id);
    assert_eq!(rows_of(explanation, measure).map(|row| row.net).sum::<i64>(), measure.net, "{measure:?}");
    let keys: Vec<_> =
        rows_of(explanation, measure).map(|row| (&row.tenant_id, &row.person_id, &row.workload)).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a row stands twice under {measure:?}");
}

/// What the formula must say, from the numbers of the measure alone.
fn formula(measure: &ExplainedMeasure) -> String {
    let (net, target, most) = (measure.net, measure.target, measure.max_points);
    let value =
        if measure.prior == 0 { net.to_string() } else { format!("{} - {} = {net}", measure.current, measure.prior) };
    if net < 0 {
        return format!("{value}; under 0 gives 0");
    }
    if net > target {
        return format!("{value}, more than the target of {target}: {most}");
    }
    // Half up, in ten-thousandths.
    let points = (2 * i128::from(net) * (most * 10_000.0) as i128 / i128::from(target) + 1) / 2;
    format!("{value}; {net} x {most} / {target} = {}", points as f64 / 10_000.0)
}

#[test]
fn every_point_of_every_partner_is_explained() {
    for sample in SAMPLES.iter() {
        assert!(sample.tables.totals.len() >= 30 && sample.tables.totals.len() == sample.tables.points.len());
        sample.explanations.iter().for_each(|explanation| assert_explains(explanation, &sample.tables));
    }
}

fn from_history(root: &Path, partner_id: &str) -> Explanation {
    let settings = Settings { partners: vec![partner_id.to_owned()], ..settings(root, &default_rules(), day(AS_OF)) };
    insight::explain_history(&settings, &Wanted::default()).unwrap_or_else(|error| panic!("{partner_id}: {error}"))
}

fn json(explanation: &Explanation) -> Value {
    serde_json::to_value(explanation).expect("JSON")
}

fn is_location(partner: &Partner) -> bool {
    partner.global_partner_id.is_some() && partner.global_partner_id != partner.partner_id
}

#[test]
fn a_history_explains_what_its_run_does_and_a_location_by_its_account() {
    let (root, sample) = (samples::dirty(), &SAMPLES[1]);
    for run in sample.explanations.iter().step_by(sample.explanations.len() / 3) {
        let names_aside = Explanation { not_listed: Vec::new(), ..from_history(&root, &run.partner_id) };
        assert_eq!(json(&names_aside), json(run), "{}", run.partner_id);
    }
    let locations: Vec<Partner> = samples::rows(&root).partners.into_iter().filter(is_location).collect();
    for location in locations.iter().step_by(locations.len().div_ceil(2)) {
        let [own, account] = [&location.partner_id, &location.global_partner_id].map(|id| id.clone().expect("an id"));
        let from_history = from_history(&root, &own);
        assert_eq!(from_history.partner_id, account);
        let names_aside = Explanation { not_listed: Vec::new(), ..from_history };
        assert_eq!(json(&names_aside), json(sample.explanation(&account)));
    }
}

/// What a case expects of its evidence.
fn assert_reasons(case: &Case) -> Vec<Explanation> {
    let rules = rules_of(case);
    let folder = tempfile::tempdir().expect("a folder");
    fixture::write(&with_both_months(case.history.clone(), case, &rules), folder.path(), &Layout::default());
    let run = published(folder.path(), &rules, case.as_of);
    let tables = tables(&run.folder);
    let explanations: Vec<Explanation> = tables.totals.keys().map(|id| explained(&run.folder, id)).collect();
    explanations.iter().for_each(|explanation| assert_explains(explanation, &tables));
    for expected in &case.reasons {
        let theirs = explanations.iter().find(|explanation| explanation.partner_id == expected.partner_id);
        let found = theirs.into_iter().flat_map(|theirs| &theirs.rows).find(|row| is_of(row, expected));
        let found = found.unwrap_or_else(|| panic!("{}: no row {expected:?}", case.name));
        assert_eq!(found.reason, expected.reason, "{}: {expected:?}", case.name);
    }
    explanations
}

fn is_of(row: &ExplainedRow, expected: &ReasonRow) -> bool {
    let who = row.tenant_id.as_ref().or(row.person_id.as_ref());
    (&row.track, &row.metric, &row.option, &row.workload, who)
        == (&expected.track, &expected.metric, &expected.option, &expected.workload, Some(&expected.tenant_or_person))
}

#[test]
fn every_reason_is_given() {
    let cases = case_file::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/reasons.toml"));
    let given: BTreeSet<String> =
        cases.iter().flat_map(assert_reasons).flat_map(|explanation| explanation.rows).map(|row| row.reason).collect();
    assert_eq!(given, reason::ALL.iter().map(|reason| reason.code.to_owned()).collect());
    // The sample has all but those that only other rules give.
    let of_sample: BTreeSet<String> =
        SAMPLES[1].explanations.iter().flat_map(|theirs| &theirs.rows).map(|row| row.reason.clone()).collect();
    let missing: Vec<&String> = given.difference(&of_sample).collect();
    assert_eq!(missing, ["certification_no_longer_eligible", "lost"]);
}

#[test]
fn an_explanation_can_be_narrowed() {
    let (run, whole) = (&SAMPLES[1].run.folder, SAMPLES[1].widest());
    for (track, metric) in [
        (Some(Track::Smb), None),
        (None, Some(Metric::UsageGrowth)),
        (Some(Track::Enterprise), Some(Metric::Deployments)),
        (Some(Track::Smb), Some(Metric::AdvancedCertifications)),
    ] {
        let narrowed = insight::explain_run(run, &whole.partner_id, &Wanted { track, metric }).expect("explained");
        let kept = |of_track: &str, of_metric: &str| {
            track.is_none_or(|only| only.name() == of_track) && metric.is_none_or(|only| only.name() == of_metric)
        };
        let mut expected = whole.clone();
        expected.measures.retain(|measure| kept(&measure.track, &measure.metric));
        expected.rows.retain(|row| kept(&row.track, &row.metric));
        assert!(!narrowed.measures.is_empty() && !narrowed.rows.is_empty(), "{track:?} {metric:?}");
        assert_eq!(json(&narrowed), json(&expected), "{track:?} {metric:?}");
    }
}

fn explain(source: &Path, more: &[&str]) -> Said {
    run(&[&["explain", &source.to_string_lossy()], more].concat())
}

#[test]
fn the_command_shows_as_many_rows_as_are_asked_for() {
    let (run, widest) = (&SAMPLES[1].run.folder, SAMPLES[1].widest());
    let partner = &widest.partner_id;
    let show = |more: &[&str]| {
        let metric = ["--metric", "usage_growth", "--track", "smb"];
        explain(run, &[&["--partner", partner.as_str()], &metric[..], more].concat()).succeeds().stdout.clone()
    };
    let (few, all) = (show(&["--rows", "3"]), show(&["--rows", "0"]));
    assert!(few.contains("more; --rows 0 shows all"), "{few}");
    assert!(!all.contains("--rows 0") && all.lines().count() > few.lines().count() + 5, "{all}");
    assert!(!all.contains("enterprise,") && !all.contains("net_customer_adds"), "{all}");
    let csv = show(&["--format", "csv"]);
    let rows = widest.rows.iter();
    let expected = rows.filter(|row| row.track == "smb" && row.metric == "usage_growth").count();
    assert_eq!(csv.lines().count(), expected + 1);
    let header =
        "partner_id,track,metric,option,tenant_id,person_id,workload,current,prior,net,counted,reason,meaning,action";
    assert_eq!(csv.lines().next(), Some(header));
}

/// The folder above runs stands for the newest.
#[test]
fn a_folder_of_runs_stands_for_its_newest() {
    let placed = Placed::new(&history());
    let newest = placed.score(&["--evidence"]);
    newest.succeeds();
    crate::command::score(&placed.history(), &placed.out(), "2026-11-20", &["--evidence"]).succeeds();
    let of = |source: &Path| explain(source, &["--partner", "acme", "--format", "json"]).succeeds().stdout.clone();
    assert_eq!(of(&placed.out()), of(&placed.run()));
    let from_history = explain(&placed.history(), &["--partner", "acme", "--format", "json", "--as-of", AS_OF]);
    assert_eq!(from_history.succeeds().stdout, of(&placed.run()));
}

#[test]
fn what_cannot_be_explained_says_why() {
    let mut history: History = history();
    history
        .partners
        .push(Partner { global_partner_id: Some("acme".to_owned()), ..crate::baseline_history::partner("acme-north") });
    let placed = Placed::new(&history);
    placed.score(&["--evidence"]).succeeds();
    let bare = placed.folder.path().join("bare");
    crate::command::score(&placed.history(), &bare, AS_OF, &[]).succeeds();
    let (run, source, nowhere) = (placed.run(), placed.history(), placed.folder.path().join("nowhere"));
    let spoiled = placed.folder.path().join("spoiled/as_of=2026-11-23");
    std::fs::create_dir_all(&spoiled).expect("a folder");
    std::fs::write(spoiled.join("run.json"), "{}").expect("a file");
    let cases: [(&Path, &[&str], i32, &[&str]); 12] = [
        (&run, &["--partner", "acmee"], 2, &["no partner `acmee`", "did you mean `acme`?"]),
        (&run, &["--partner", "zzzzzzzz"], 2, &["no partner `zzzzzzzz`", "scores.parquet lists them"]),
        (&run, &["--partner", "acme-north"], 2, &["no partner `acme-north`"]),
        (&source, &["--partner", "acmee", "--as-of", AS_OF], 2, &["no partner `acmee`", "did you mean"]),
        (&run, &["--partner", "acme", "--metric", "usage_growht"], 2, &["did you mean `usage_growth`?"]),
        (&run, &["--partner", "acme", "--metric", "zz"], 2, &["metrics are net_customer_adds"]),
        (&run, &["--partner", "acme", "--track", "smbb"], 2, &["tracks are enterprise and smb"]),
        (&run, &["--partner", "acme", "--as-of", AS_OF], 2, &["has its date and rulebook already"]),
        (&run, &["--partner", "acme", "--rulebook", "modern-work-2026"], 2, &["or explain the history"]),
        (&bare, &["--partner", "acme"], 5, &["published without evidence", "--evidence"]),
        (&nowhere, &["--partner", "acme"], 5, &["hint:"]),
        (&spoiled, &["--partner", "acme"], 3, &["not a run that this version can read"]),
    ];
    for (source, arguments, code, texts) in cases {
        explain(source, arguments).fails(code, texts);
    }
    let location = explain(&source, &["--partner", "acme-north", "--as-of", AS_OF, "--format", "json"]);
    let location: Value = serde_json::from_str(&location.succeeds().stdout).expect("JSON");
    assert_eq!(location["partner_id"], "acme");
}
