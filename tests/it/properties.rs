//! What must hold for any history: the program and the second reading agree, and scores move the way the rules say.

use std::path::Path;

use chrono::{Days, Months, NaiveDate};
use partnerscore::pipeline::{self, Settings};
use partnerscore::rulebook::{self, Measure, Rulebook};
use partnerscore::score::Score;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::baseline_history::{AS_OF, day};
use crate::fixture::{self, Layout};
use crate::rulebooks::{second_rules, with_reading};
use crate::samples;
use crate::second_reading::{self, Association, Certification, History, MetricPoint, Partner, Scored, Usage};

/// Scores by the program, in the second reading's words.
pub fn as_second(scores: &[Score], rules: &Rulebook) -> Scored {
    let measures = rules.measures();
    let mut by_partner: Vec<&Score> = scores.iter().collect();
    by_partner.sort_by(|a, b| a.account.partner_id.cmp(&b.account.partner_id));
    Scored {
        scores: scores.iter().map(score_row).collect(),
        metric_points: by_partner
            .iter()
            .flat_map(|score| measures.iter().enumerate().map(|(index, measure)| point_row(score, index, measure)))
            .collect(),
    }
}

fn score_row(score: &Score) -> second_reading::Score {
    let account = score.account.clone();
    second_reading::Score {
        rank: score.rank,
        partner_id: account.partner_id,
        partner_name: account.partner_name,
        distributor_id: account.distributor_id,
        market: account.market,
        distributor_rank: score.distributor_rank,
        track: score.track.name().to_owned(),
        qualified: score.qualified,
        total_points: score.total_points().0,
        metrics: score.metrics.map(|points| points.0),
        enterprise_points: score.enterprise_points.0,
        smb_points: score.smb_points.0,
        points_short: score.points_short.0,
        metrics_short: score.metrics_short.iter().map(|metric| metric.name()).collect::<Vec<_>>().join(","),
    }
}

fn point_row(score: &Score, index: usize, measure: &Measure) -> MetricPoint {
    let points = &score.measures[index];
    MetricPoint {
        partner_id: score.account.partner_id.clone(),
        track: measure.track.name().to_owned(),
        metric: measure.metric.name().to_owned(),
        option: measure.option.clone(),
        current: points.current,
        prior: points.prior,
        target: points.target,
        points: points.points.0,
        max_points: points.max_points.0,
        counted: points.counted,
    }
}

/// A history scored by the program, with everything that may be refused allowed.
fn scored(folder: &Path, rules: &Rulebook, as_of: NaiveDate, shards: usize) -> Scored {
    let settings = Settings { shards, ..Settings::new(folder, as_of, rules.clone()).of_a_few() };
    let scored = pipeline::score(&settings).unwrap_or_else(|error| panic!("{error}"));
    as_second(&scored.scores, rules)
}

/// A history scored by the program and by the second reading.
pub fn scored_by_both(history: &History, rules: &Rulebook, as_of: NaiveDate) -> (Scored, Scored) {
    let folder = tempfile::tempdir().expect("a folder");
    fixture::write(history, folder.path(), &Layout::default());
    (scored(folder.path(), rules, as_of, 1), second_reading::score(history, &second_rules(rules), as_of))
}

/// Asserts that two results are the same, and names the first difference.
pub fn assert_agree(ours: &Scored, theirs: &Scored, what: &str) {
    for (ours, theirs) in ours.metric_points.iter().zip(&theirs.metric_points) {
        assert_eq!(ours, theirs, "{what}: ours, then the second reading's");
    }
    for (ours, theirs) in ours.scores.iter().zip(&theirs.scores) {
        assert_eq!(ours, theirs, "{what}: ours, then the second reading's");
    }
    assert_eq!(
        (ours.scores.len(), ours.metric_points.len()),
        (theirs.scores.len(), theirs.metric_points.len()),
        "{what}"
    );
}

const READINGS: [&str; 10] = [
    "",
    "metric_minimum above_zero",
    "seat_band largest_workload",
    "deployment_unit tenant_any_workload",
    "deployment_unit tenant_workload",
    "usage_baseline year_ago",
    "usage_baseline larger_of_both",
    "lost_tenants ignore",
    "smb_carry_over true",
    "seat_band any_workload",
];

fn rules_with(reading: &str) -> Rulebook {
    rulebook::parse(&with_reading(reading), reading).unwrap_or_else(|error| panic!("{error}"))
}

/// The dirty sample, with every awkward case, under every reading and on several dates.
#[test]
fn the_sample_agrees_with_the_second_reading_under_every_reading() {
    let history = samples::rows(&samples::dirty());
    for reading in READINGS {
        let rules = rules_with(reading);
        let (ours, theirs) = (
            scored(&samples::dirty(), &rules, day(AS_OF), 1),
            second_reading::score(&history, &second_rules(&rules), day(AS_OF)),
        );
        assert_agree(&ours, &theirs, reading);
    }
    let rules = rules_with("");
    for as_of in ["2026-11-19", "2026-06-20", "2025-12-31"] {
        let (ours, theirs) = (
            scored(&samples::dirty(), &rules, day(as_of), 3),
            second_reading::score(&history, &second_rules(&rules), day(as_of)),
        );
        assert_agree(&ours, &theirs, as_of);
    }
}

/// A small history at random, dense in everything that can meet: few tenants, few workloads, dates at the edges of months.
pub fn random(random: &mut ChaCha8Rng) -> History {
    let pick = |random: &mut ChaCha8Rng, names: &[&str]| Some((*names.choose(random).expect("a name")).to_owned());
    let partners = ["a", "b", "c", "d"];
    let tenants = ["t1", "t2", "t3", "t4", "t5"];
    let workloads = ["teams", "exchange", "intune", "planner"];
    let mut history = History::default();
    for partner in partners {
        let global = if partner == "d" && random.random_bool(0.7) { pick(random, &["a", "hq"]) } else { None };
        let distributor = if random.random_bool(0.6) { pick(random, &["north", "south"]) } else { None };
        history.partners.push(Partner {
            partner_id: Some(partner.to_owned()),
            global_partner_id: global,
            distributor_id: distributor,
            ..Partner::default()
        });
    }
    for _ in 0..random.random_range(4..40) {
        let start = edge(random);
        let length = Days::new(random.random_range(0..500));
        history.associations.push(Association {
            partner_id: pick(random, &partners),
            tenant_id: pick(random, &tenants),
            workload: if random.random_bool(0.5) { None } else { pick(random, &workloads) },
            association_type: pick(random, &["CPOR", "CPOR", "DPOR", "CSP_TIER_1", "CSP_TIER_2"]),
            start_date: Some(start),
            end_date: random.random_bool(0.4).then(|| start + length),
        });
    }
    for _ in 0..random.random_range(0..12) {
        let earned = edge(random);
        history.certifications.push(Certification {
            partner_id: pick(random, &partners),
            person_id: pick(random, &["ann", "ben", "cleo"]),
            certification: pick(
                random,
                &[
                    "enterprise_administrator_expert",
                    "teams_application_developer_associate",
                    "modern_desktop_administrator_associate",
                    "other",
                ],
            ),
            earned_on: Some(earned),
            expires_on: random.random_bool(0.5).then(|| earned + Days::new(random.random_range(0..700))),
        });
    }
    for month in 0..13 {
        let month = day("2025-10-01") + Months::new(month);
        for tenant in tenants {
            for workload in workloads {
                let seats = *[0, 5, 10, 11, 50, 100, 300, 301, 400].choose(random).expect("seats");
                let users = match random.random_range(0..4) {
                    0 => seats * 40 / 100,
                    1 => seats * 40 / 100 + 1,
                    _ => random.random_range(0..600),
                };
                if random.random_bool(0.85) {
                    history.workload_usage.push(Usage {
                        tenant_id: Some(tenant.to_owned()),
                        workload: Some(workload.to_owned()),
                        month: Some(month),
                        paid_seats: Some(seats),
                        active_users: Some(users),
                    });
                }
            }
        }
    }
    history
}

/// A date in the two years before the as-of date, often the first or last of a month.
fn edge(random: &mut impl Rng) -> NaiveDate {
    let month = day("2025-01-01") + Months::new(random.random_range(0..23));
    match random.random_range(0..3) {
        0 => month,
        1 => month.pred_opt().expect("a day before"),
        _ => month + Days::new(random.random_range(0..28)),
    }
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn random_histories_agree_with_the_second_reading() {
    let strategy = (any::<u64>(), 0..READINGS.len());
    runner(40)
        .run(&strategy, |(seed, reading)| {
            let history = random(&mut ChaCha8Rng::seed_from_u64(seed));
            let (ours, theirs) = scored_by_both(&history, &rules_with(READINGS[reading]), day(AS_OF));
            assert_agree(&ours, &theirs, &format!("seed {seed} {}", READINGS[reading]));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn scores_do_not_depend_on_order_files_or_shards() {
    runner(8)
        .run(&(any::<u64>(), 1..5usize, 2..9usize), |(seed, files, shards)| {
            let history = random(&mut ChaCha8Rng::seed_from_u64(seed));
            let folder = tempfile::tempdir().expect("a folder");
            let rules = rules_with("");
            fixture::write(&history, folder.path(), &Layout::default());
            let plain = scored(folder.path(), &rules, day(AS_OF), 1);
            fixture::write(
                &history,
                folder.path(),
                &Layout { files, shuffled: Some(seed), hive: seed % 2 == 0, ..Layout::default() },
            );
            prop_assert_eq!(scored(folder.path(), &rules, day(AS_OF), shards), plain);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn one_more_certified_person_never_lowers_a_score() {
    let certifications = ["enterprise_administrator_expert", "endpoint_administrator_associate"];
    runner(8)
        .run(&(any::<u64>(), 0..2usize), |(seed, which)| {
            let mut history = random(&mut ChaCha8Rng::seed_from_u64(seed));
            let rules = rules_with("");
            let (before, _) = scored_by_both(&history, &rules, day(AS_OF));
            let account = before.scores[seed as usize % before.scores.len()].partner_id.clone();
            history.certifications.push(Certification {
                partner_id: Some(account.clone()),
                person_id: Some("somebody new".to_owned()),
                certification: Some(certifications[which].to_owned()),
                earned_on: Some(day(AS_OF)),
                expires_on: Some(day(AS_OF)),
            });
            let (after, _) = scored_by_both(&history, &rules, day(AS_OF));
            let of = |scored: &Scored| {
                scored.scores.iter().find(|score| score.partner_id == account).expect("the partner").clone()
            };
            let (before, after) = (of(&before), of(&after));
            prop_assert!(
                after.total_points >= before.total_points && after.qualified >= before.qualified,
                "{:?} {:?}",
                before,
                after
            );
            prop_assert!(after.enterprise_points >= before.enterprise_points && after.smb_points >= before.smb_points);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn totals_are_sums_and_stay_within_their_maximum() {
    runner(8)
        .run(&any::<u64>(), |seed| {
            let history = random(&mut ChaCha8Rng::seed_from_u64(seed));
            let (ours, _) = scored_by_both(&history, &rules_with(""), day(AS_OF));
            for score in &ours.scores {
                prop_assert_eq!(score.total_points, score.metrics.iter().sum::<i64>());
                prop_assert!((0..=1_000_000).contains(&score.total_points));
                let of_track = if score.track == "smb" { score.smb_points } else { score.enterprise_points };
                prop_assert_eq!(score.total_points, of_track);
                prop_assert!(!score.qualified || score.total_points >= 700_000 && score.metrics_short.is_empty());
            }
            for points in &ours.metric_points {
                prop_assert!((0..=points.max_points).contains(&points.points));
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
