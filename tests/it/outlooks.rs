//! The outlook: what a score of the coming months gives if usage stays what it is.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use partnerscore::insight::{self, Outlook};
use partnerscore::pipeline::{self, Settings};
use partnerscore::rulebook::{self, Metric};
use partnerscore::score::Score;

use crate::baseline_history::day;
use crate::command::run;
use crate::documents::{copy, root};

const DATES: [&str; 4] = ["2026-11-20", "2026-12-20", "2027-01-20", "2027-02-20"];

fn settings(history: &Path, as_of: &str) -> Settings {
    Settings::new(history, day(as_of), rulebook::choose(None).expect("rules"))
}

/// The sample, with months to come that repeat the newest.
fn prolonged() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("data/sample"), folder.path());
    let usage = folder.path().join("workload_usage");
    for month in ["2026-11-01", "2026-12-01", "2027-01-01"] {
        copy(&usage.join("month=2026-10-01"), &usage.join(format!("month={month}")));
    }
    folder
}

fn scored(history: &Path, as_of: &str) -> BTreeMap<String, Score> {
    let scored = pipeline::score(&settings(history, as_of)).unwrap_or_else(|error| panic!("{as_of}: {error}"));
    scored.scores.into_iter().map(|score| (score.account.partner_id.clone(), score)).collect()
}

fn outlook(partners: &[&str]) -> Outlook {
    let partners = partners.iter().map(|partner| (*partner).to_owned()).collect();
    let settings = Settings { partners, ..settings(&root().join("data/sample"), DATES[0]) };
    insight::outlook(&settings, 3).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_outlook_is_the_score_of_months_that_repeat_the_newest() {
    let (prolonged, outlook) = (prolonged(), outlook(&[]));
    let scored: BTreeMap<NaiveDate, _> =
        DATES.iter().map(|as_of| (day(as_of), scored(prolonged.path(), as_of))).collect();
    assert_eq!(outlook.partners.len(), scored[&day(DATES[0])].len());
    let (mut changed, mut lost, mut told) = (0, 0, 0);
    for partner in &outlook.partners {
        assert_eq!(partner.months.iter().map(|month| month.as_of).collect::<Vec<_>>(), DATES.map(day));
        for month in &partner.months {
            let score = &scored[&month.as_of][&partner.partner_id];
            assert_eq!((month.track.as_str(), month.qualified), (score.track.name(), score.qualified), "{month:?}");
            assert_eq!(month.total_points, score.total_points().to_f64(), "{} {month:?}", partner.partner_id);
            for (metric, points) in Metric::ALL.iter().zip(score.metrics) {
                assert_eq!(month.metrics[metric.name()], points.to_f64(), "{} {month:?}", partner.partner_id);
            }
        }
        for (before, after) in partner.months.iter().zip(&partner.months[1..]) {
            changed += usize::from(before.total_points != after.total_points);
            lost += usize::from(before.qualified && !after.qualified);
        }
        told += partner.alerts.iter().filter(|alert| alert.kind == "loses_designation").count();
    }
    assert!(changed > 20 && lost > 0, "{changed} changed, {lost} lost");
    assert_eq!(lost, told, "every loss is an alert, and no alert is anything else");
}

/// What is behind a partner's changes sums to them, measure by measure.
#[test]
fn events_sum_to_the_change_of_every_measure() {
    let prolonged = prolonged();
    let measures = rulebook::choose(None).expect("rules").measures();
    let scored: Vec<_> = DATES.iter().map(|as_of| scored(prolonged.path(), as_of)).collect();
    for partner in ["2613076", "1127353", "7222297"] {
        let events = outlook(&[partner]).partners.remove(0).events;
        for (place, dates) in DATES.windows(2).enumerate() {
            for (number, measure) in measures.iter().enumerate() {
                let net = |date: usize| {
                    let points = &scored[date][partner].measures[number];
                    points.current - points.prior
                };
                let of_measure = events.iter().filter(|event| {
                    event.as_of == day(dates[1])
                        && (event.track.as_str(), event.metric.as_str(), event.option.as_str())
                            == (measure.track.name(), measure.metric.name(), measure.option.as_str())
                });
                let sum: i64 = of_measure.map(|event| event.net_after - event.net_before).sum();
                assert_eq!(sum, net(place + 1) - net(place), "{partner} {dates:?} {measure:?}");
            }
        }
    }
}

#[test]
fn an_outlook_that_cannot_be_given_says_why() {
    let sample = |more: &[&str]| run(&[&["outlook", "data/sample", "--month", "2026-10"], more].concat());
    sample(&["--months", "13"]).fails(2, &["months that have not been yet", "at most 12 months"]);
    sample(&["--partner", "2613077"]).fails(2, &["no partner `2613077`", "did you mean `2613076`?"]);
    run(&["outlook", "data/sample", "--month", "2027-10"]).fails(5, &["no rows of 2027-10"]);
    sample(&["--months", "12", "--distributor", "D01"]).succeeds();
}
