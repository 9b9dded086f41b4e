//! Partner Center's figures beside ours: when a figure matches, what a difference is attributed to, and what a file may not be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use partnerscore::error::Error;
use partnerscore::insight::{self, Hint, ReconcileStatus, Reconciled, Reconciliation};
use partnerscore::pipeline::{self, Settings};
use partnerscore::rulebook::{self, Metric, Rulebook, Track};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::baseline_history::{AS_OF, Placed, day, history};
use crate::command::{Said, run};
use crate::outputs::{read, texts};
use crate::rulebooks::with_reading;
use crate::samples;

/// A figure: partner, track, metric or total, and its points in ten-thousandths.
type Figure = (String, Track, &'static str, i64);

/// The committed sample, scored once by the default rulebook.
fn sample_run() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let scored = || scored(Path::new("data/sample"), &rulebook::choose(None).expect("rules"));
    FOLDER.get_or_init(scored).path().join("as_of=2026-11-23")
}

/// The dirty sample, scored once by the default rulebook.
fn dirty_run() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let scored = || scored(&samples::dirty(), &rulebook::choose(None).expect("rules"));
    FOLDER.get_or_init(scored).path().join("as_of=2026-11-23")
}

fn scored(history: &Path, rules: &Rulebook) -> TempDir {
    let out = tempfile::tempdir().expect("a folder");
    let settings = Settings::new(history, day(AS_OF), rules.clone()).of_a_few();
    pipeline::run(&settings, out.path()).expect("scores");
    out
}

/// Every figure of a run, on both tracks, read by the second implementation.
fn figures(run: &Path) -> Vec<Figure> {
    let points = |batch: &RecordBatch, name: &str| {
        let column = batch.column_by_name(name).expect("points");
        let units =
            column.as_primitive::<Float64Type>().iter().flatten().map(|points| (points * 10_000.0).round() as i64);
        units.collect::<Vec<_>>()
    };
    let (scores, rows) = (read(&run.join("scores.parquet")), read(&run.join("metric_points.parquet")));
    let mut figures = Vec::new();
    let [partners, tracks, metrics] = ["partner_id", "track", "metric"].map(|name| texts(&rows, name));
    let counted = rows.column_by_name("counted").expect("counted").as_boolean().clone();
    for (row, units) in points(&rows, "points").into_iter().enumerate().filter(|(row, _)| counted.value(*row)) {
        let track = Track::named(tracks[row].as_deref().unwrap_or_default()).expect("a track");
        let metric = Metric::named(metrics[row].as_deref().unwrap_or_default()).expect("a metric");
        figures.push((partners[row].clone().expect("an id"), track, metric.name(), units));
    }
    for track in Track::ALL {
        let totals = points(&scores, &format!("{}_points", track.name())).into_iter();
        let ids = texts(&scores, "partner_id").into_iter().flatten();
        figures.extend(ids.zip(totals).map(|(partner_id, units)| (partner_id, track, "total", units)));
    }
    figures
}

/// Ten-thousandths as text with so many decimals, by the digits alone: cut off, or rounded half up.
fn written(units: i64, decimals: usize, rounds: bool) -> String {
    let step = 10_i64.pow(4 - decimals as u32);
    let cut = units / step + i64::from(rounds && (units % step) * 2 >= step);
    let (whole, rest) = (cut / 10_i64.pow(decimals as u32), cut % 10_i64.pow(decimals as u32));
    if decimals == 0 { whole.to_string() } else { format!("{whole}.{rest:0decimals$}") }
}

/// A file of figures with their tracks.
fn official(figures: &[Figure], text: impl Fn(&Figure) -> String) -> tempfile::NamedTempFile {
    let rows = figures.iter().map(|figure| format!("{},{},{},{}\n", figure.0, figure.1.name(), figure.2, text(figure)));
    file(format!("partner,track,metric,points\n{}", rows.collect::<String>()))
}

fn file(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().prefix("official").suffix(".csv").tempfile().expect("a file");
    fs::write(file.path(), content).expect("a file");
    file
}

/// What the sample's run says of a file.
fn of_sample(content: impl AsRef<[u8]>) -> Result<Reconciliation, Error> {
    insight::reconcile(&sample_run(), file(content).path(), None, None)
}

fn answer(content: &str) -> Reconciliation {
    of_sample(content).unwrap_or_else(|error| panic!("{content}\n{error}"))
}

fn differing(answer: &Reconciliation) -> Vec<&Reconciled> {
    answer.differing().collect()
}

#[test]
fn our_own_figures_match_at_every_rounding() {
    let figures = figures(&dirty_run());
    assert!(figures.len() > 300 && figures.iter().any(|figure| figure.3 % 1000 != 0));
    for decimals in 0..=4 {
        for rounds in [false, true] {
            let official = official(&figures, |figure| written(figure.3, decimals, rounds));
            let answer = insight::reconcile(&dirty_run(), official.path(), None, None).expect("an answer");
            assert_eq!((answer.matching, answer.figures), (figures.len(), figures.len()), "{decimals} {rounds}");
            assert!(answer.hints.is_empty() && answer.failure().is_none());
        }
    }
}

/// Partner 3878392 of the sample has 69.765 points in all and 24.765 for usage growth; partner 9264371 has 81.5.
#[test]
fn a_figure_matches_what_ours_is_rounded_or_cut_off_to_and_nothing_else() {
    let matches = |partner: &str, metric: &str, points: &str| {
        let answer = answer(&format!("partner,metric,points\n{partner},{metric},{points}\n"));
        answer.rows[0].status == ReconcileStatus::Matches
    };
    for (partner, metric, yes, no) in [
        (
            "3878392",
            "total",
            "69 70 69.7 69.8 69.76 69.77 69.765 69.7650 69.76500 69.76504 69.764999 69.76499 0069.765",
            "68 71 69.6 69.9 69.0 70.0 69.75 69.78 69.764 69.766 69.7649 69.7651 69.76505 69.76494 0",
        ),
        ("3878392", "usage_growth", "24 25 24.7 24.8 24.76 24.77 24.765", "23 26 24.6 24.9 24.764 24.766"),
        ("9264371", "total", "81 82 81.5 81.50", "80 83 81.4 81.6 81.49 81.51 81.0 82.0"),
        ("9264371", "advanced_certifications", "15 15.0 15.00", "14 16 14.9 15.1 14.9999 15.0001"),
        ("6645201", "net_customer_adds", "0 0.0 0.00004", "1 0.1 0.0001 0.00005"),
    ] {
        for points in yes.split(' ') {
            assert!(matches(partner, metric, points), "{partner} {metric} {points} should match");
        }
        for points in no.split(' ') {
            assert!(!matches(partner, metric, points), "{partner} {metric} {points} should differ");
        }
    }
}

/// The figures that another reading gives are attributed to it.
#[test]
fn figures_of_another_reading_are_attributed_to_it() {
    for reading in ["usage_baseline year_ago", "seat_band largest_workload", "deployment_unit tenant_any_workload"] {
        let rules = rulebook::parse(&with_reading(reading), reading).expect("rules");
        let official = official(&figures(&scored(&samples::dirty(), &rules).path().join("as_of=2026-11-23")), exactly);
        let answer =
            insight::reconcile(&dirty_run(), official.path(), Some(&samples::dirty()), None).expect("an answer");
        let differences = differing(&answer);
        assert!(!differences.is_empty(), "{reading} changes nothing in the dirty sample");
        let named = reading.replace(' ', " = ");
        for row in &differences {
            let removed_by: Vec<String> = row.removed_by.iter().map(|readings| readings[0].to_string()).collect();
            assert!(removed_by.contains(&named), "{reading}: {row:?}");
        }
        let readings = answer.readings.as_ref().expect("readings");
        assert_eq!(readings.tried.len(), 8, "every reading that the rulebook offers and does not take");
        let tried = readings.tried.iter().find(|tried| tried.text() == named).expect("tried");
        assert_eq!((tried.removes, tried.breaks), (differences.len(), 0), "{reading}");
        assert_eq!(readings.best.as_ref().map(|best| best.to_string()), Some(named));
        assert!(readings.pairs.is_empty(), "no pair is tried where single readings explain everything");
    }
}

fn exactly(figure: &Figure) -> String {
    written(figure.3, 4, false)
}

/// Figures that it takes two readings to explain.
#[test]
fn pairs_of_readings_are_tried_where_no_single_one_explains() {
    let mut book: toml::Table = with_reading("usage_baseline year_ago").parse().expect("TOML");
    book["choices"]["lost_tenants"]["reading"] = "ignore".into();
    let rules = rulebook::parse(&toml::to_string(&book).expect("TOML"), "both").expect("rules");
    let both = figures(&scored(&samples::dirty(), &rules).path().join("as_of=2026-11-23"));
    let official = official(&both, exactly);
    let answer = insight::reconcile(&dirty_run(), official.path(), Some(&samples::dirty()), None).expect("an answer");
    let pair = "lost_tenants = ignore and usage_baseline = year_ago";
    let readings = answer.readings.as_ref().expect("readings");
    let tried = readings.pairs.iter().find(|tried| tried.text() == pair).expect("tried");
    let by_pair = differing(&answer).into_iter().filter(|row| row.removed_by.iter().any(|by| by.len() == 2)).count();
    assert!(tried.removes > 0 && tried.removes == by_pair, "{tried:?}, {by_pair}");
    assert_eq!((readings.pairs.len(), readings.pairs_left_out), (26, 0), "two readings of different choices");
    let unexplained = differing(&answer).into_iter().filter(|row| row.removed_by.is_empty() && row.hints.is_empty());
    assert_eq!(unexplained.count(), 0);
}

/// Under another reading the partner's track may be another, and Partner Center then shows that one.
#[test]
fn a_reading_is_judged_by_the_track_that_it_gives() {
    let official = file("partner,metric,points\n2613076,total,52.5\n");
    let answer =
        insight::reconcile(&sample_run(), official.path(), Some(Path::new("data/sample")), None).expect("an answer");
    let row = &answer.rows[0];
    assert_eq!((row.track.as_str(), row.ours, row.difference), ("smb", 70.0, 17.5));
    assert_eq!(row.hints, [Hint::OtherTrack]);
    assert_eq!(row.removed_by.len(), 1, "{row:?}");
    assert_eq!(row.removed_by[0][0].to_string(), "seat_band = largest_workload");
}

#[test]
fn the_track_of_the_file_is_compared_and_the_partners_own_where_it_names_none() {
    let rows = "partner,metric,points,track\n9896723,total,59,enterprise\n9896723,total,58,smb\n9896723,total,58,\n";
    let answer = answer(rows);
    let said: Vec<(&str, ReconcileStatus)> = answer.rows.iter().map(|row| (row.track.as_str(), row.status)).collect();
    let (matches, differs) = (ReconcileStatus::Matches, ReconcileStatus::Differs);
    assert_eq!(said, [("enterprise", matches), ("smb", matches), ("enterprise", differs)]);
    assert_eq!(answer.rows[2].hints, [Hint::OtherTrack]);
    assert_eq!((answer.rows[2].ours, answer.rows[2].official, answer.rows[2].difference), (59.0, 58.0, 1.0));
}

#[test]
fn hints_say_what_is_known_and_else_what_is_usual() {
    let hints = |row: &str| answer(&format!("partner,metric,points\n{row}\n")).rows[0].hints.clone();
    assert_eq!(hints("3878392,total,69.0"), [Hint::TrailingZeros]);
    assert_eq!(hints("3878392,total,69.0000"), [Hint::TrailingZeros]);
    assert_eq!(hints("3878392,total,80"), [Hint::Coverage, Hint::Freshness]);
    assert_eq!(hints("3878392,total,50"), [Hint::Freshness]);
    assert_eq!(hints("3878392,intermediate_certifications,9.9"), [Hint::Freshness]);
    let figures = figures(&dirty_run());
    let official = official(&figures[..1], |figure| written(figure.3 + 10_001, 4, false));
    let answer = insight::reconcile(&dirty_run(), official.path(), None, None).expect("an answer");
    assert!(answer.rows[0].hints.contains(&Hint::Rejects), "{answer:?}");
    assert!(answer.hints.iter().all(|hint| hint.figures == 1 && !hint.text.is_empty()));
}

/// A history that has changed since the run explains a difference by itself.
#[test]
fn a_history_that_has_changed_is_told_of() {
    let mut rows = history();
    let placed = Placed::new(&rows);
    placed.score(&[]).succeeds();
    for usage in rows.workload_usage.iter_mut().filter(|row| row.month == Some(day("2026-10-01"))) {
        usage.active_users = usage.active_users.map(|users| users + 5);
    }
    crate::fixture::write(&rows, &placed.history(), &crate::fixture::Layout::default());
    let now =
        figures(&scored(&placed.history(), &rulebook::choose(None).expect("rules")).path().join("as_of=2026-11-23"));
    let official = official(&now, exactly);
    let answer = insight::reconcile(&placed.run(), official.path(), Some(&placed.history()), None).expect("an answer");
    let differences = differing(&answer);
    assert!(!differences.is_empty());
    for row in differences {
        assert_eq!((&row.hints[..], row.removed_by.len()), (&[Hint::MatchesNow, Hint::HistoryChanged][..], 0));
    }
}

/// A location stands for its global account where the history tells, and two rows of one account must agree.
#[test]
fn a_location_is_known_by_the_history_alone() {
    let mut rows = history();
    rows.partners.push(crate::second_reading::Partner {
        partner_id: Some("acme-oslo".to_owned()),
        global_partner_id: Some("acme".to_owned()),
        ..Default::default()
    });
    let placed = Placed::new(&rows);
    placed.score(&[]).succeeds();
    let reconcile =
        |content: &str, history: Option<&Path>| insight::reconcile(&placed.run(), file(content).path(), history, None);
    let history = placed.history();
    let one = "partner,metric,points\nacme-oslo,advanced_certifications,15\n";
    let error = reconcile(one, None).expect_err("unknown");
    assert!(error.to_string().contains("no partner `acme-oslo` in this run"), "{error}");
    let answer = reconcile(one, Some(&history)).expect("an answer");
    let row = &answer.rows[0];
    assert_eq!((row.partner_id.as_str(), row.location.as_deref()), ("acme", Some("acme-oslo")));
    assert_eq!((row.status, row.ours), (ReconcileStatus::Matches, 15.0));
    assert!(answer.readings.is_none(), "nothing differs");
    let twice = format!("{one}acme,advanced_certifications,14\n");
    let error = reconcile(&twice, Some(&history)).expect_err("two values");
    assert!(error.to_string().contains("of `acme` stands twice: 14 here, and 15 in line 2"), "{error}");
    let narrowed = tempfile::tempdir().expect("a folder");
    let rules = rulebook::choose(None).expect("rules");
    let settings = Settings { partners: vec!["birch".to_owned()], ..Settings::new(&history, day(AS_OF), rules) };
    pipeline::run(&settings.of_a_few(), narrowed.path()).expect("scores");
    let error = insight::reconcile(narrowed.path(), file(one).path(), Some(&history), None).expect_err("narrowed");
    assert!(error.to_string().contains("in the history, and not in this run"), "{error}");
}

#[test]
fn a_figure_that_stands_twice_counts_once() {
    let answer = answer("partner,metric,points\n3878392,total,69.0\n3878392,usage_growth,24.8\n3878392,total,69\n");
    assert_eq!((answer.figures, answer.matching), (2, 1), "the one with more decimals is compared");
    let answer = of_sample("partner,metric,points,track\n3878392,total,70,smb\n3878392,total,42,enterprise\n");
    assert_eq!(answer.map(|answer| (answer.figures, answer.matching)).ok(), Some((2, 2)), "two tracks, two figures");
}

#[test]
fn files_of_every_habit_are_read() {
    for content in [
        "partner,metric,points\n3878392,total,69\n",
        "\u{feff}partner,metric,points\n3878392,total,69\n",
        "partner,metric,points\r\n3878392,total,69\r\n",
        "partner,metric,points\n3878392,total,69",
        "\n\npartner,metric,points\n\n3878392,total,69\n  \n",
        "points,track,metric,partner\n69,smb,total,3878392\n",
        "partner, metric ,points\n3878392, total , 69 \n",
        "\"partner\",\"metric\",\"points\"\n\"3878392\",\"total\",\"69\"\n",
    ] {
        let answer = answer(content);
        assert_eq!((answer.figures, answer.matching), (1, 1), "{content:?}");
    }
}

/// Content, and what is said of it: the place, and texts.
#[test]
fn what_is_not_a_file_of_figures_is_refused_with_line_and_column() {
    let deep = format!("partner,metric,points\n3878392,total,69\n\n{}", "3878392,usage_growth,24.8\n".repeat(3));
    let deep = format!("{deep}3878392,deployments,many\n");
    let long = format!("partner,metric,points\n{},total,69\n", "9".repeat(100_000));
    let cases: &[(&str, &str, &[&str])] = &[
        ("", "csv:1", &["the file is empty"]),
        (" \n\n", "csv:1", &["the file is empty"]),
        ("partner,metric,points\n", "csv", &["a header and no figures"]),
        ("partner;metric;points\n3878392;total;69\n", "csv:1", &["not separated by commas", "partner,metric,points"]),
        ("partner\tmetric\tpoints\n", "csv:1", &["not separated by commas"]),
        ("partner,metric\n3878392,total\n", "csv:1", &["column `points` is missing"]),
        ("3878392,total,69\n", "csv:1, column 3878392", &["there is no column `3878392`"]),
        ("\npartner,metrc,points\n", "csv:2, column metrc", &["there is no column `metrc`", "did you mean `metric`?"]),
        ("partner,metric,points,points\n", "csv:1", &["column `points` stands twice"]),
        ("partner,metric,points,note\n", "csv:1, column note", &["no column `note`", "known: partner, metric"]),
        ("partner,metric,points\n3878392,total\n", "csv:2", &["this line has 2 fields, and the header 3"]),
        ("partner,metric,points\n3878392,total,69,7\n", "csv:2", &["this line has 4 fields"]),
        ("partner,metric,points\n\"3878392,total,69\n", "csv:2", &["this line has 1 field,"]),
        (
            "partner,metric,points\r3878392,total,69\r",
            "csv:1, column points\\r3878392",
            &["there is no column `points\\r"],
        ),
        ("partner,metric,points\n3878392,total,69\r3878392,total,70\n", "csv:2", &["this line has 5 fields"]),
        ("partner,metric,points\n,total,69\n", "csv:2, column partner", &["names no partner"]),
        (
            "partner,metric,points\n3878392,usage_grwth,20\n",
            "csv:2, column metric",
            &["there is no metric `usage_grwth`", "did you mean `usage_growth`?"],
        ),
        ("partner,metric,points\n3878392,Total,69\n", "csv:2, column metric", &["did you mean `total`?"]),
        ("partner,metric,points\n3878392,,69\n", "csv:2, column metric", &["there is no metric ``", "known: net_"]),
        (
            "partner,metric,points\n3878393,total,69\n",
            "csv:2, column partner",
            &["there is no partner `3878393` in this run", "did you mean `3878392`?"],
        ),
        ("partner,metric,points\n 3878392,total,69\n", "csv:2, column partner", &["did you mean `3878392`?"]),
        ("partner,metric,points\nnobody,total,69\n", "csv:2, column partner", &["no partner `nobody`", "--history"]),
        (&deep, "csv:7, column points", &["`many` is not a number of points", "such as 22.5"]),
        (
            "partner,metric,points\n3878392,total,\n",
            "csv:2, column points",
            &["`` is not a number", "leave out the line"],
        ),
        ("partner,metric,points\n3878392,total,\"69,7\"\n", "csv:2, column points", &["write a decimal point"]),
        ("partner,metric,points\n3878392,total,71/100\n", "csv:2, column points", &["without their maximum"]),
        ("partner,metric,points\n3878392,total,-3\n", "csv:2, column points", &["never under 0"]),
        ("partner,metric,points,track\n3878392,total,69,sbm\n", "csv:2, column track", &["did you mean `smb`?"]),
        (
            "partner,metric,points\n3878392,total,69\n3878392,total,70\n",
            "csv:3, column points",
            &["total of `3878392` stands twice: 70 here, and 69 in line 2"],
        ),
        (&long, "csv:2, column partner", &["there is no partner `9999", "…`"]),
        (
            "partner,metric,points\n\u{1b}[2J\u{7},total,69\n",
            "csv:2, column partner",
            &["there is no partner `\\u{1b}[2J\\u{7}`"],
        ),
    ];
    for (content, place, texts) in cases {
        let error = of_sample(content).expect_err(content);
        let said = error.to_string();
        assert_eq!(error.code.exit(), 3, "{said}");
        let at = error.place.unwrap_or_default();
        assert!(at.ends_with(place), "{content:?} is said to be at {at}, not {place}");
        assert!(texts.iter().all(|text| said.contains(text)), "{content:?}: {said}");
        assert!(said.contains("hint: ") && said.len() < 600, "{said}");
    }
}

#[test]
fn what_is_no_number_of_points_is_refused() {
    for points in [
        "NaN",
        "inf",
        "1e3",
        "0x10",
        "+5",
        ".5",
        "5.",
        "5..0",
        "5.0.0",
        "٣",
        "１",
        "5 0",
        "1_000",
        "--",
        "99999999999999999999",
        "922337203685477.5808",
        "5%",
        "=1+1",
    ] {
        let error = of_sample(format!("partner,metric,points\n3878392,total,{points}\n")).expect_err(points);
        assert!(error.to_string().contains("is not a number of points"), "{points}: {error}");
    }
    let largest = answer("partner,metric,points\n3878392,total,922337203685477.5807\n");
    assert_eq!(largest.matching, 0);
}

#[test]
fn files_that_are_no_text_are_refused() {
    let utf16: Vec<u8> = "\u{feff}partner,metric,points\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = of_sample(utf16).expect_err("UTF-16");
    assert!(error.to_string().contains("not UTF-8"), "{error}");
    let error = of_sample(b"partner,metric,points\n3878392,total,69\n\xff\n").expect_err("Latin-1");
    assert!(error.place.is_some_and(|place| place.ends_with("csv:3")));
    let error = of_sample(vec![0; 5000]).expect_err("zeros");
    assert_eq!(error.code.exit(), 3, "{error}");
}

/// Whatever stands in the file, there is an answer or an error.
#[test]
fn nothing_in_a_file_breaks_anything() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let sound = fs::read("data/official.csv").expect("a file");
    let alphabet = b",\n\r\"'.;0123456789-+eE\0\xff\xef\xbb\xbfabz \t/";
    let mut refused = 0;
    for _ in 0..150 {
        let mut bytes = sound.clone();
        for _ in 0..random.random_range(1..6) {
            let place = random.random_range(0..bytes.len());
            let letter = alphabet[random.random_range(0..alphabet.len())];
            match random.random_range(0..3) {
                0 => bytes[place] = letter,
                1 => bytes.insert(place, letter),
                _ => bytes.truncate(place.max(1)),
            }
        }
        refused += usize::from(of_sample(&bytes).is_err());
    }
    assert!((20..150).contains(&refused), "{refused} of 150");
}

fn reconcile(arguments: &[&str]) -> Said {
    let run_folder = sample_run();
    run(&[&["reconcile", &run_folder.to_string_lossy(), "--official", "data/official.csv"], arguments].concat())
}

#[test]
fn the_committed_figures_are_the_samples_own_but_for_three() {
    let answer = insight::reconcile(&sample_run(), Path::new("data/official.csv"), None, None).expect("an answer");
    let lines: Vec<usize> = differing(&answer).iter().map(|row| row.line).collect();
    assert_eq!((answer.figures, lines), (31, vec![23, 25, 32]));
    let told = fs::read_to_string("data/official.md").expect("a document");
    for row in answer.differing() {
        let of = format!("| {} | {} of {} | {} | {} |", row.line, row.metric, row.partner_id, row.ours, row.shown());
        assert!(told.contains(&of), "data/official.md has no row {of}");
    }
}

#[test]
fn the_page_shows_what_the_command_prints() {
    let said = reconcile(&["--history", "data/sample", "--quiet"]);
    let printed = said.succeeds().stdout.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let printed = printed.replace(AS_OF, "2026-11-20");
    let page = fs::read_to_string("docs/reconcile.md").expect("a page");
    assert!(page.contains(&format!("```text\n{printed}\n```")), "docs/reconcile.md does not show\n{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 100));
    for hint in [
        Hint::OtherTrack,
        Hint::TrailingZeros,
        Hint::MatchesNow,
        Hint::HistoryChanged,
        Hint::Coverage,
        Hint::Freshness,
        Hint::Rejects,
    ] {
        assert!(page.contains(&format!("| `{}` |", hint.name())), "docs/reconcile.md does not explain {hint:?}");
    }
    for figure in Metric::ALL.map(Metric::name).into_iter().chain(["total"]) {
        assert!(page.contains(&format!("`{figure}`")), "{figure}");
    }
}

#[test]
fn the_schema_is_the_committed_one() {
    let committed = fs::read_to_string("docs/schemas/reconcile.json").expect("a schema");
    assert_eq!(run(&["schema", "reconcile"]).succeeds().stdout, committed);
}

#[test]
fn every_format_has_every_figure() {
    let json: serde_json::Value =
        serde_json::from_str(&reconcile(&["--format", "json", "--quiet"]).succeeds().stdout).expect("JSON");
    assert_eq!((&json["figures"], &json["matching"], &json["readings"]), (&31.into(), &28.into(), &().into()));
    let csv = reconcile(&["--format", "csv"]).succeeds().stdout.clone();
    let mut csv = csv::Reader::from_reader(csv.as_bytes());
    let header = csv.headers().expect("a header").iter().collect::<Vec<_>>().join(",");
    assert_eq!(
        header,
        "line,partner_id,location,track,metric,status,ours,official,decimals,difference,hints,removed_by"
    );
    let rows: BTreeMap<String, String> =
        csv.records().flatten().map(|row| (row[0].to_owned(), row[5].to_owned())).collect();
    assert_eq!((rows.len(), rows["23"].as_str(), rows["24"].as_str()), (31, "differs", "matches"));
    assert!(reconcile(&["--format", "parquet"]).stdout.starts_with("PAR1"));
    let table = reconcile(&[]).succeeds().stdout.clone();
    assert!(table.starts_with("28 of 31 figures match: run as of 2026-11-23, usage of 2026-10,"), "{table}");
    assert!(table.contains("coverage") && table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

#[test]
fn differences_are_an_answer_and_strict_is_not() {
    let said = reconcile(&["--strict", "--quiet"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(said.stdout.contains("28 of 31 figures match") && said.stderr.contains("3 of 31 figures differ"));
    let all_match = file("partner,metric,points\n3878392,total,69\n");
    let (run_folder, path) = (sample_run(), all_match.path().to_string_lossy().into_owned());
    let said = run(&["reconcile", &run_folder.to_string_lossy(), "--official", &path, "--strict"]);
    assert!(said.succeeds().stdout.starts_with("1 of 1 figure matches"), "{}", said.stdout);
}

#[test]
fn the_rulebook_is_that_of_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let [mine, other] = ["mine.toml", "other.toml"].map(|name| folder.path().join(name));
    fs::write(&mine, with_reading("lost_tenants ignore")).expect("a file");
    fs::write(&other, with_reading("usage_baseline year_ago")).expect("a file");
    let out = folder.path().join("out");
    let [mine, other, out] = [mine, other, out].map(|path| path.to_string_lossy().into_owned());
    crate::command::score(Path::new("data/sample"), Path::new(&out), AS_OF, &["--rulebook", &mine]).succeeds();
    let official = file("partner,metric,points\n3878392,advanced_certifications,15\n");
    let official = official.path().to_string_lossy().into_owned();
    let reconcile = |more: &[&str]| run(&[&["reconcile", &out, "--official", &official], more].concat());
    reconcile(&[]).succeeds();
    reconcile(&["--history", "data/sample", "--rulebook", &mine]).succeeds();
    let texts =
        ["the run was scored by rulebook `modern-work-2024` (", "and this is `modern-work-2024` (", "hint: name the"];
    reconcile(&["--history", "data/sample"]).fails(2, &texts);
    reconcile(&["--history", "data/sample", "--rulebook", &other]).fails(2, &texts);
    reconcile(&["--history", "data/sample", "--rulebook", "modern-work-2024"]).fails(2, &texts);
    reconcile(&["--history", "data/sample", "--rulebook", "by-date"]).fails(2, &["and this is `modern-work-2026` ("]);
    reconcile(&["--history", "data/sample", "--rulebook", "nowhere.toml"]).fails(2, &["no rulebook `nowhere.toml`"]);
    reconcile(&["--rulebook", &mine]).fails(2, &["--history"]);
    let text = fs::read_to_string(&mine).expect("a file").replace("id = \"modern-work-2024\"", "id = \"mine\"");
    fs::write(&mine, text).expect("a file");
    crate::command::score(Path::new("data/sample"), Path::new(&out), AS_OF, &["--rulebook", &mine]).succeeds();
    reconcile(&["--history", "data/sample"]).fails(2, &["rulebook `mine`, which is not a built-in one", "--rulebook"]);
}

#[test]
fn what_is_not_there_is_missing() {
    let run_folder = sample_run().to_string_lossy().into_owned();
    run(&["reconcile", "nowhere", "--official", "data/official.csv"]).fails(5, &["hint:"]);
    run(&["reconcile", "data/sample", "--official", "data/official.csv"]).fails(5, &["no published run"]);
    run(&["reconcile", &run_folder, "--official", "nowhere.csv"])
        .fails(5, &["no file of official figures", "nowhere.csv"]);
    run(&["reconcile", &run_folder, "--official", "data"]).fails(6, &["could not read the official figures"]);
    run(&["reconcile", &run_folder, "--official", "data/official.csv", "--history", "nowhere"]).fails(5, &["nowhere"]);
    run(&["reconcile", &run_folder]).fails(2, &["--official"]);
}

/// Every reading is reached by its name, and a rulebook with others taken offers the first again.
#[test]
fn readings_come_from_the_rulebook() {
    let rules = rulebook::choose(None).expect("rules");
    let others = rules.other_readings().expect("readings");
    assert_eq!(others.len(), 8);
    for reading in &others {
        let changed = rules.with_readings(std::slice::from_ref(reading)).expect("rules");
        assert_ne!(changed.choices, rules.choices, "{reading}");
        let text = with_reading(&format!("{} {}", reading.choice, reading.reading));
        assert_eq!(changed.choices, rulebook::parse(&text, "changed").expect("rules").choices, "{reading}");
        let offered = changed.other_readings().expect("readings");
        assert!(offered.len() == 8 && !offered.contains(reading), "{reading}");
    }
    let unknown = rulebook::Reading { choice: "lost_tenants".to_owned(), reading: "add".to_owned() };
    let error = rules.with_readings(&[unknown]).expect_err("unknown");
    assert!(error.to_string().contains("offers no reading lost_tenants = add"), "{error}");
}
