//! Two runs compared: each change goes to its cause, shares sum to the change, and what cannot be told is said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use partnerscore::insight::diff::Cause;
use serde_json::Value;
use tempfile::TempDir;

use crate::baseline_history::{AS_OF, association, day, history, usage};
use crate::command::{self, Said, run};
use crate::fixture::{self, Layout};
use crate::rulebooks::changed;
use crate::second_reading::History;

/// A folder with histories and the runs made of them.
struct Runs {
    folder: TempDir,
}

impl Runs {
    fn new() -> Runs {
        Runs { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a history and scores it; the run has the history's name.
    fn score(&self, name: &str, history: &History, as_of: &str, more: &[&str]) -> PathBuf {
        let place = self.path(&format!("history-{name}"));
        if !place.exists() {
            fixture::write(history, &place, &Layout::default());
        }
        self.score_of(&place, name, as_of, more)
    }

    fn score_of(&self, history: &Path, name: &str, as_of: &str, more: &[&str]) -> PathBuf {
        command::score(history, &self.path(name), as_of, more).succeeds();
        self.path(name).join(format!("as_of={as_of}"))
    }

    /// The default rulebook with values replaced.
    fn rulebook(&self, changes: &[(&str, toml::Value)]) -> String {
        let changes: BTreeMap<String, toml::Value> =
            changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let file = self.path("rules.toml");
        std::fs::write(&file, changed(&changes)).expect("a file");
        file.to_string_lossy().into_owned()
    }
}

fn diff(before: &Path, after: &Path, more: &[&str]) -> Said {
    run(&[&["diff", &before.to_string_lossy(), &after.to_string_lossy()], more].concat())
}

fn answer(before: &Path, after: &Path, more: &[&str]) -> Value {
    let said = diff(before, after, &[&["--format", "json"], more].concat());
    serde_json::from_str(&said.succeeds().stdout).expect("JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("no list {key}"))
}

/// Ten-thousandths of a point.
fn units(value: &Value) -> i64 {
    (value.as_f64().expect("points") * 10_000.0).round() as i64
}

fn notes(answer: &Value) -> Vec<&str> {
    list(answer, "notes").iter().map(|note| note["code"].as_str().expect("a code")).collect()
}

/// By partner, metric and cause, the share in ten-thousandths.
fn shares(answer: &Value) -> BTreeMap<String, i64> {
    let mut shares = BTreeMap::new();
    for partner in list(answer, "changed") {
        for metric in list(partner, "metrics") {
            for share in list(metric, "shares") {
                let key = [&partner["partner_id"], &metric["metric"], &share["cause"]];
                let key = key.map(|part| part.as_str().expect("a name")).join(" ");
                shares.insert(key, units(&share["points"]));
            }
        }
    }
    shares
}

/// Asserts the shares, given as `partner metric cause` with points.
fn assert_shares(answer: &Value, expected: &[(&str, f64)]) {
    let expected: BTreeMap<String, i64> =
        expected.iter().map(|(key, points)| ((*key).to_owned(), (points * 10_000.0).round() as i64)).collect();
    assert_eq!(shares(answer), expected, "{answer:#}");
    assert_sums(answer);
}

/// Shares sum to the change: of each metric, of each partner, and over all.
fn assert_sums(answer: &Value) {
    let sum = |shares: &Vec<Value>| shares.iter().map(|share| units(&share["points"])).sum::<i64>();
    let mut by_metric: BTreeMap<&str, i64> = BTreeMap::new();
    for partner in list(answer, "changed") {
        let total = units(&partner["after"]["total"]) - units(&partner["before"]["total"]);
        assert_eq!(units(&partner["change"]), total, "{partner:#}");
        assert_eq!(sum(list(partner, "shares")), total, "{partner:#}");
        for metric in list(partner, "metrics") {
            let change = units(&metric["after"]) - units(&metric["before"]);
            assert_eq!((units(&metric["change"]), sum(list(metric, "shares"))), (change, change), "{partner:#}");
            *by_metric.entry(metric["metric"].as_str().expect("a name")).or_default() += change;
        }
        let moved: i64 = list(partner, "metrics").iter().map(|metric| units(&metric["change"])).sum();
        assert_eq!(moved, total, "{partner:#}");
    }
    for movement in list(answer, "metrics") {
        let change = by_metric.remove(movement["metric"].as_str().expect("a name"));
        assert_eq!(Some(units(&movement["change"])), change, "{movement:#}");
        assert_eq!(Some(sum(list(movement, "shares"))), change, "{movement:#}");
    }
    assert!(by_metric.is_empty(), "{by_metric:?}");
}

const EVIDENCE: &[&str] = &["--evidence"];

#[test]
fn a_certificate_that_expires_is_certifications() {
    let runs = Runs::new();
    let mut history = history();
    history.certifications[0].expires_on = Some(day("2026-11-22"));
    let before = runs.score("before", &history, "2026-11-22", EVIDENCE);
    let after = runs.score("after", &history, AS_OF, EVIDENCE);
    let told = answer(&before, &after, &[]);
    assert_shares(&told, &[("acme advanced_certifications certifications", -15.0)]);
    let row = &told["changed"][0]["metrics"][0]["shares"][0]["rows"][0];
    assert_eq!((&row["person_id"], &row["net_before"], &row["net_after"]), (&"ann".into(), &1.into(), &0.into()));
    assert_eq!((&row["reason_before"], &row["reason_after"]), (&"counted".into(), &"certification_expired".into()));
    assert_eq!(units(&row["share"]), -150_000);
    // Certain without evidence as well.
    let bare = runs.score("bare", &history, AS_OF, &[]);
    let told = answer(&before, &bare, &[]);
    assert_shares(&told, &[("acme advanced_certifications certifications", -15.0)]);
    assert_eq!(notes(&told), ["evidence_missing"]);
}

/// With a tenant `t4` that nobody holds yet, on both sides of 40 percent.
fn with_another_tenant() -> History {
    let mut history = history();
    let months: Vec<_> = history.workload_usage.iter().filter_map(|row| row.month).collect();
    for month in months.into_iter().collect::<std::collections::BTreeSet<_>>() {
        let users = if month < day("2026-09-01") { 10 } else { 30 };
        history.workload_usage.push(usage("t4", "teams", &month.to_string(), 50, users));
    }
    history
}

#[test]
fn an_association_that_begins_is_associations() {
    let runs = Runs::new();
    let without = with_another_tenant();
    let mut with = without.clone();
    with.associations.push(association("acme", "t4", "CPOR", "2026-05-10"));
    let before = runs.score("before", &without, AS_OF, EVIDENCE);
    let after = runs.score("after", &with, AS_OF, EVIDENCE);
    let expected = [
        ("acme net_customer_adds associations", 2.0),
        ("acme usage_growth associations", 1.2),
        ("acme deployments associations", 5.0),
    ];
    assert_shares(&answer(&before, &after, &[]), &expected);
    // The way back: the association ends.
    let back = expected.map(|(key, points)| (key, -points));
    let told = answer(&after, &before, &[]);
    assert_shares(&told, &back);
    // Only associations differ, which needs no evidence to be told.
    let bare = runs.score("bare", &with, AS_OF, &[]);
    assert_shares(&answer(&before, &bare, &[]), &expected);
}

#[test]
fn an_association_that_ends_is_associations_through_whichever_option_counts_then() {
    let runs = Runs::new();
    let mut ended = history();
    ended.associations[0].end_date = Some(day("2026-06-30"));
    let before = runs.score("before", &history(), AS_OF, EVIDENCE);
    let after = runs.score("after", &ended, AS_OF, EVIDENCE);
    let told = answer(&before, &after, &[]);
    // Growth through cpor falls from 24 users to none; the 14 through csp count instead.
    let shares = shares(&told);
    assert_eq!(shares["acme usage_growth associations"], 2_100 - 14_400, "{told:#}");
    assert!(shares.keys().all(|key| key.ends_with(" associations")), "{shares:?}");
    assert_sums(&told);
    let metrics = list(&told["changed"][0], "metrics");
    let growth = metrics.iter().find(|metric| metric["metric"] == "usage_growth").expect("usage growth");
    assert_eq!((&growth["option_before"], &growth["option_after"]), (&"cpor".into(), &"csp".into()));
}

/// An association that passes the year-ago month: its tenant is no add any more, and its growth counts from there.
#[test]
fn an_association_that_turns_a_year_old_is_associations() {
    let runs = Runs::new();
    let mut history = longer(&history(), 32);
    history.associations[0].start_date = Some(day("2025-11-10"));
    let before = runs.score("before", &history, AS_OF, EVIDENCE);
    let after = runs.score("after", &history, "2026-12-23", EVIDENCE);
    let told = answer(&before, &after, &[]);
    assert_eq!(shares(&told)["acme net_customer_adds associations"], -20_000);
    assert_sums(&told);
}

#[test]
fn usage_that_is_told_anew_is_restated_data() {
    let runs = Runs::new();
    let mut restated = history();
    let now = day("2026-10-01");
    for row in &mut restated.workload_usage {
        if row.month == Some(now) && row.tenant_id.as_deref() == Some("t1") {
            row.active_users = row.active_users.map(|users| users + 25);
        }
    }
    let before = runs.score("before", &history(), AS_OF, EVIDENCE);
    let after = runs.score("after", &restated, AS_OF, EVIDENCE);
    let expected = [("acme usage_growth restated_data", 3.0)];
    let told = answer(&before, &after, &[]);
    assert_shares(&told, &expected);
    let share = &told["changed"][0]["metrics"][0]["shares"][0];
    assert_eq!(share["rows_changed"], 2);
    // Only usage differs, which needs no evidence to be told.
    let bare = runs.score("bare", &restated, AS_OF, &[]);
    assert_shares(&answer(&bare, &before, &[]), &[("acme usage_growth restated_data", -3.0)]);
}

/// A tenant that usage of M does not have, though it is held: an export may be missing, and no seat was lost.
#[test]
fn a_tenant_without_a_row_at_m_is_missing_usage() {
    let runs = Runs::new();
    let mut gap = history();
    let is_missing = |row: &crate::second_reading::Usage| {
        row.month == Some(day("2026-10-01")) && row.tenant_id.as_deref() == Some("t1")
    };
    gap.workload_usage.retain(|row| !is_missing(row));
    let before = runs.score("before", &history(), AS_OF, EVIDENCE);
    let after = runs.score("after", &gap, AS_OF, EVIDENCE);
    for (told, at) in [(answer(&before, &after, &[]), "reason_after"), (answer(&after, &before, &[]), "reason_before")]
    {
        let shares = shares(&told);
        assert!(shares.keys().all(|key| key.ends_with(" missing_usage")) && shares.len() > 1, "{shares:?}");
        assert_sums(&told);
        let metrics = list(&told, "changed").iter().flat_map(|partner| list(partner, "metrics"));
        let rows: Vec<&Value> =
            metrics.flat_map(|metric| list(metric, "shares")).flat_map(|share| list(share, "rows")).collect();
        let theirs: Vec<&&Value> = rows.iter().filter(|row| row["tenant_id"] == "t1").collect();
        assert!(!theirs.is_empty() && theirs.iter().all(|row| row[at] == "no_usage_at_m"), "{theirs:?}");
    }
    // What begins or ends being held is told as that, whatever usage has.
    let mut ended = gap.clone();
    ended.associations[0].end_date = Some(day("2026-06-30"));
    let ended = runs.score("ended", &ended, AS_OF, EVIDENCE);
    let told = answer(&before, &ended, &[]);
    assert!(shares(&told).keys().all(|key| key.ends_with(" associations")), "{told:#}");
}

/// A history with one more month, in which `t1` has so many users of teams.
fn longer(history: &History, users: i64) -> History {
    let mut longer = history.clone();
    for tenant in ["t1", "t2", "t3"] {
        let seats = if tenant == "t1" {
            50
        } else if tenant == "t2" {
            80
        } else {
            400
        };
        let teams = if tenant == "t1" { users } else { 33 };
        longer.workload_usage.push(usage(tenant, "teams", "2026-11-01", seats, teams));
        longer.workload_usage.push(usage(tenant, "exchange", "2026-11-01", seats, 23));
    }
    longer
}

#[test]
fn usage_that_moved_with_the_months_is_a_new_month() {
    let runs = Runs::new();
    let mut history = longer(&history(), 83);
    // Not to be told apart from usage without evidence.
    history.associations.retain(|row| row.tenant_id.as_deref() != Some("t2"));
    let before = runs.score("before", &history, AS_OF, EVIDENCE);
    let after = runs.score("after", &history, "2026-12-23", EVIDENCE);
    assert_shares(&answer(&before, &after, &[]), &[("acme usage_growth new_month", 3.0)]);
    let bare = runs.score("bare", &history, "2026-12-23", &[]);
    let told = answer(&before, &bare, &[]);
    assert_shares(&told, &[("acme usage_growth usage_or_associations", 3.0)]);
    assert_eq!(notes(&told), ["evidence_missing"]);
    let table = diff(&before, &bare, &[]);
    assert!(table.stdout.contains("no evidence in RUN_B") && table.stdout.contains("--evidence"), "{}", table.stdout);
    // What both have read and was restated since is said, as it cannot be told from the new month.
    let mut restated = history.clone();
    restated.workload_usage[30].active_users = Some(1);
    let restated = runs.score("restated", &restated, "2026-12-23", EVIDENCE);
    assert_eq!(notes(&answer(&before, &restated, &[])), ["restated_too"]);
    assert_eq!(notes(&answer(&after, &before, &[])), ["reversed"]);
}

#[test]
fn another_rulebook_on_the_same_data_is_rules() {
    let runs = Runs::new();
    let before = runs.score("before", &history(), AS_OF, EVIDENCE);
    let target = toml::Table::from_iter([("cpor".to_owned(), 250.into()), ("csp".to_owned(), 2000.into())]);
    let rules = runs.rulebook(&[("metrics.usage_growth.targets.smb", target.into())]);
    let after = runs.score("after", &history(), AS_OF, &["--evidence", "--rulebook", &rules]);
    assert_shares(&answer(&before, &after, &[]), &[("acme usage_growth rules", 1.44)]);
    let bare = runs.score("bare", &history(), AS_OF, &["--rulebook", &rules]);
    assert_shares(&answer(&before, &bare, &[]), &[("acme usage_growth rules", 1.44)]);
    // The bar alone: no point moves.
    let rules = runs.rulebook(&[("choices.metric_minimum.reading", "above_zero".into())]);
    let bar = runs.score("bar", &history(), AS_OF, &["--rulebook", &rules]);
    assert!(diff(&before, &bar, &[]).succeeds().stdout.contains("nothing changed"));
}

/// The bridge between two rulebooks is a score of the first run's date by the second run's rules, and the shares say so.
#[test]
fn rules_and_data_are_told_apart_by_the_history() {
    let runs = Runs::new();
    let history = longer(&history(), 83);
    let target = toml::Table::from_iter([("cpor".to_owned(), 250.into()), ("csp".to_owned(), 2000.into())]);
    let rules = runs.rulebook(&[("metrics.usage_growth.targets.smb", target.into())]);
    let ruled = ["--evidence", "--rulebook", &rules];
    let before = runs.score("history", &history, AS_OF, EVIDENCE);
    let after = runs.score("history", &history, "2026-12-23", &ruled);
    let place = runs.path("history-history").to_string_lossy().into_owned();
    let told = answer(&before, &after, &[]);
    assert_shares(&told, &[("acme usage_growth rules_or_data", 7.44)]);
    assert_eq!(notes(&told), ["rules_or_data"]);
    let told = answer(&before, &after, &["--history", &place, "--rulebook", &rules]);
    assert_shares(&told, &[("acme usage_growth rules", 1.44), ("acme usage_growth new_month", 6.0)]);
    assert_eq!(notes(&told), Vec::<&str>::new());
    // RUN_B's rulebook is not built in, and the default is another one.
    diff(&before, &after, &["--history", &place]).fails(2, &["hash", "--rulebook"]);
    diff(&before, &after, &["--rulebook", &rules]).fails(2, &["--history"]);
    let told = answer(&before, &before, &["--history", &place]);
    assert_eq!(notes(&told), ["history_not_needed"]);
    // A history that was restated since RUN_A is said to be.
    let mut restated = history.clone();
    restated.workload_usage[0].active_users = Some(1);
    fixture::write(&restated, &runs.path("history-history"), &Layout::default());
    let told = answer(&before, &after, &["--history", &place, "--rulebook", &rules]);
    assert_eq!(notes(&told), ["history_differs"]);
    assert_sums(&told);
}

/// A partner of which the history has no account any more is not told apart, and the others are.
#[test]
fn a_partner_that_the_history_does_not_know_any_more_is_rules_or_data() {
    let runs = Runs::new();
    let mut history = longer(&history(), 83);
    history.workload_usage.iter_mut().filter(|row| row.month == Some(day("2026-11-01"))).for_each(|row| {
        row.active_users = row.active_users.map(|users| users + 100);
    });
    let target = toml::Table::from_iter([("cpor".to_owned(), 250.into()), ("csp".to_owned(), 2000.into())]);
    let rules = runs.rulebook(&[("metrics.usage_growth.targets.smb", target.into())]);
    let before = runs.score("history", &history, AS_OF, EVIDENCE);
    let after = runs.score("history", &history, "2026-12-23", &["--evidence", "--rulebook", &rules]);
    let mut without = history.clone();
    without.partners.retain(|row| row.partner_id.as_deref() == Some("acme"));
    without.associations.retain(|row| row.partner_id.as_deref() == Some("acme"));
    fixture::write(&without, &runs.path("without"), &Layout::default());
    let place = runs.path("without").to_string_lossy().into_owned();
    let told = answer(&before, &after, &["--history", &place, "--rulebook", &rules]);
    let shares = shares(&told);
    let of = |partner: &str| shares.keys().filter(|key| key.starts_with(partner)).collect::<Vec<_>>();
    assert!(!of("birch").is_empty() && of("birch").iter().all(|key| key.ends_with(" rules_or_data")), "{shares:?}");
    assert!(of("acme").iter().any(|key| key.ends_with(" rules")), "{shares:?}");
    assert!(of("acme").iter().any(|key| key.ends_with(" new_month")), "{shares:?}");
    assert_sums(&told);
}

/// Runs of the committed sample, of several months and rulebooks, with evidence and without.
fn sample() -> &'static Runs {
    static RUNS: std::sync::OnceLock<Runs> = std::sync::OnceLock::new();
    RUNS.get_or_init(|| {
        let runs = Runs::new();
        let sample = Path::new("data/sample");
        for as_of in ["2026-05-20", "2026-10-20", "2026-11-20"] {
            runs.score_of(sample, "evidence", as_of, EVIDENCE);
            runs.score_of(sample, "bare", as_of, &[]);
        }
        runs.score_of(sample, "other", "2026-11-20", &["--evidence", "--rulebook", "modern-work-2026"]);
        runs
    })
}

fn of_sample(name: &str, as_of: &str) -> PathBuf {
    sample().path(name).join(format!("as_of={as_of}"))
}

#[test]
fn shares_sum_to_the_change_for_every_partner_of_the_sample() {
    let now = "2026-11-20";
    let (mut partners, mut switched) = (0, 0);
    for (before, after, more) in [
        (of_sample("evidence", "2026-10-20"), of_sample("evidence", now), &[][..]),
        (of_sample("evidence", "2026-05-20"), of_sample("evidence", now), &[]),
        (of_sample("evidence", now), of_sample("evidence", "2026-05-20"), &[]),
        (of_sample("bare", "2026-05-20"), of_sample("evidence", now), &[]),
        (of_sample("evidence", now), of_sample("other", now), &[]),
        (of_sample("evidence", "2026-05-20"), of_sample("other", now), &[]),
        (of_sample("evidence", "2026-05-20"), of_sample("other", now), &["--history", "data/sample"]),
        (of_sample("bare", "2026-05-20"), of_sample("other", now), &["--history", "data/sample"]),
    ] {
        let told = answer(&before, &after, more);
        assert_sums(&told);
        partners += list(&told, "changed").len();
        let tracks = |partner: &&Value| partner["before"]["track"] != partner["after"]["track"];
        switched += list(&told, "changed").iter().filter(tracks).count();
    }
    assert!(partners > 200 && switched > 10, "{partners} partners, {switched} of them on another track");
}

/// Every cause is explained on the page, and no other.
#[test]
fn every_cause_is_explained() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diff.md")).expect("docs/diff.md");
    let causes = page.split("## Causes").nth(1).and_then(|rest| rest.split("## ").next()).expect("causes");
    let explained: Vec<&str> =
        causes.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(explained, Cause::ALL.map(Cause::name));
}

/// What comes of another track is nothing in all, unless the designation and not the points decides.
#[test]
fn another_track_moves_points_between_metrics_and_gives_none() {
    let told = answer(&of_sample("evidence", "2026-05-20"), &of_sample("evidence", "2026-11-20"), &[]);
    let mut seen = 0;
    for partner in list(&told, "changed") {
        let qualified = [&partner["before"], &partner["after"]].map(|standing| standing["qualified"] == true);
        let of_track = |share: &&Value| share["cause"] == "track";
        if qualified == [false, false] {
            assert_eq!(list(partner, "shares").iter().filter(of_track).count(), 0, "{partner:#}");
            seen += usize::from(partner["before"]["track"] != partner["after"]["track"]);
        }
    }
    assert!(seen > 0);
}

/// Rows stand for their cause's share, but for the rounding of each, whatever changed and whichever track is taken.
#[test]
fn rows_of_evidence_sum_to_the_share_of_their_cause() {
    let (may, october, november) = ("2026-05-20", "2026-10-20", "2026-11-20");
    let history = ["--history", "data/sample"];
    let (mut rows, mut switched) = (0, 0);
    for (before, after, more) in [
        (of_sample("evidence", october), of_sample("evidence", november), &[][..]),
        (of_sample("evidence", may), of_sample("evidence", november), &[]),
        (of_sample("evidence", november), of_sample("evidence", may), &[]),
        (of_sample("evidence", november), of_sample("other", november), &[]),
        (of_sample("other", november), of_sample("evidence", november), &[]),
        (of_sample("evidence", may), of_sample("other", november), &[]),
        (of_sample("evidence", may), of_sample("other", november), &history[..]),
    ] {
        let told = answer(&before, &after, &[&["--limit", "1000000"], more].concat());
        let (told_rows, told_switched) = assert_rows_sum(&told);
        rows += told_rows;
        switched += told_switched;
    }
    assert!(rows > 1_000 && switched > 10, "{rows} rows, {switched} partners on another track");
}

/// The rows of an answer that has all of them sum to the shares. How many there are, and how many partners took another track.
fn assert_rows_sum(told: &Value) -> (usize, usize) {
    let (mut rows, mut switched) = (0, 0);
    for partner in list(told, "changed") {
        switched += usize::from(partner["before"]["track"] != partner["after"]["track"]);
        for share in list(partner, "metrics").iter().flat_map(|metric| list(metric, "shares")) {
            let behind = list(share, "rows");
            assert_eq!(share["rows_changed"].as_u64(), Some(behind.len() as u64));
            let sum: i64 = behind.iter().map(|row| units(&row["share"])).sum();
            let left = (sum - units(&share["points"])).abs();
            assert!(behind.is_empty() || left <= behind.len() as i64 + 2, "{left} in {share:#}\n{partner:#}");
            assert!(share["cause"] != "track" || behind.is_empty(), "{share:#}");
            rows += behind.len();
        }
    }
    (rows, switched)
}

#[test]
fn without_evidence_causes_are_told_as_far_as_they_are_certain() {
    let told = answer(&of_sample("bare", "2026-10-20"), &of_sample("evidence", "2026-11-20"), &[]);
    assert_eq!(notes(&told), ["evidence_missing"]);
    let known = ["certifications", "usage_or_associations", "track"];
    for (key, _) in shares(&told) {
        let cause = key.rsplit(' ').next().expect("a cause");
        assert!(known.contains(&cause), "{key}");
        assert_eq!(cause == "certifications", key.contains("_certifications ") && cause != "track", "{key}");
    }
    let rows = list(&told, "changed").iter().flat_map(|partner| list(partner, "metrics"));
    let shares = rows.flat_map(|metric| list(metric, "shares"));
    assert!(shares.into_iter().all(|share| list(share, "rows").is_empty() && share["rows_changed"] == 0));
}

#[test]
fn the_same_run_twice_says_that_nothing_changed() {
    let (run, out) = (of_sample("evidence", "2026-11-20"), sample().path("evidence"));
    // The folder above stands for its newest run.
    for (before, after) in [(&run, &run), (&run, &out), (&of_sample("bare", "2026-11-20"), &run)] {
        let said = diff(before, after, &[]);
        assert!(said.succeeds().stdout.contains("nothing changed"), "{}", said.stdout);
        let told = answer(before, after, &[]);
        assert!(list(&told, "changed").is_empty() && list(&told, "metrics").is_empty() && notes(&told).is_empty());
        assert_eq!(told["counts"]["compared"], told["counts"]["unchanged"]);
    }
}

#[test]
fn every_change_of_the_scores_is_told() {
    let told = answer(&of_sample("evidence", "2026-05-20"), &of_sample("evidence", "2026-11-20"), &[]);
    let scores = |as_of: &str| -> BTreeMap<String, (String, String)> {
        let batch = crate::outputs::read(&of_sample("evidence", as_of).join("scores.parquet"));
        let [ids, points, qualified] =
            ["partner_id", "total_points", "qualified"].map(|name| crate::outputs::texts(&batch, name));
        let rows = ids.into_iter().zip(points.into_iter().zip(qualified));
        rows.map(|(id, (points, qualified))| (id.unwrap(), (points.unwrap(), qualified.unwrap()))).collect()
    };
    let (before, after) = (scores("2026-05-20"), scores("2026-11-20"));
    let turned = |to: &str| before.iter().filter(|(id, was)| was.1 != to && after[*id].1 == to).count();
    let counts = &told["counts"];
    assert_eq!(counts["newly_qualified"], turned("true"));
    assert_eq!(counts["lost"], turned("false"));
    assert!(turned("true") > 0 && turned("false") > 0);
    let ids: Vec<&str> =
        list(&told, "changed").iter().map(|partner| partner["partner_id"].as_str().expect("an id")).collect();
    for (id, was) in &before {
        assert!(was.0 == after[id].0 || ids.contains(&id.as_str()), "{id} changed, and nothing tells so");
    }
    let sizes: Vec<i64> = list(&told, "changed").iter().map(|partner| units(&partner["change"]).abs()).collect();
    assert!(sizes.is_sorted_by(|one, next| one >= next), "the largest change first");
}

#[test]
fn partners_come_and_go() {
    let runs = Runs::new();
    let mut more = history();
    more.partners.push(crate::baseline_history::partner("cedar"));
    let before = runs.score("before", &history(), AS_OF, EVIDENCE);
    let after = runs.score("after", &more, AS_OF, EVIDENCE);
    let told = answer(&before, &after, &[]);
    assert_eq!((&told["counts"]["came"], &told["counts"]["went"]), (&1.into(), &0.into()));
    assert_eq!(told["came"][0]["partner_id"], "cedar");
    let table = diff(&after, &before, &[]);
    assert!(table.stdout.contains("Went, 1:"), "{}", table.stdout);
    // Who is in one run alone because the runs were narrowed differently has neither come nor gone.
    let narrowed = runs.score("after", &more, "2026-11-24", &["--evidence", "--partner", "acme"]);
    let told = answer(&after, &narrowed, &[]);
    assert_eq!(notes(&told), ["selections_differ"]);
    let counts = &told["counts"];
    assert_eq!((&counts["compared"], &counts["not_compared"], &counts["went"]), (&1.into(), &2.into(), &0.into()));
}

#[test]
fn one_partner_shows_every_row_and_a_limit_fewer() {
    let (before, after) = (of_sample("evidence", "2026-05-20"), of_sample("evidence", "2026-11-20"));
    let rows = |told: &Value| {
        let metrics = list(told, "changed").iter().flat_map(|partner| list(partner, "metrics"));
        let shares: Vec<&Value> = metrics.flat_map(|metric| list(metric, "shares")).collect();
        let shown = shares.iter().map(|share| list(share, "rows").len()).max().unwrap_or(0);
        (shown as u64, shares.iter().filter_map(|share| share["rows_changed"].as_u64()).max().unwrap_or(0))
    };
    let all = answer(&before, &after, &["--partner", "1311213"]);
    assert_eq!(list(&all, "changed").len(), 1);
    let (shown, there) = rows(&all);
    assert!(shown == there && there > 10, "{shown} of {there} rows");
    assert_eq!(rows(&answer(&before, &after, &["--partner", "1311213", "--limit", "2"])), (2, there));
    assert_eq!(rows(&answer(&before, &after, &[])).0, 3);
    let table = diff(&before, &after, &["--partner", "1311213"]);
    assert!(table.stdout.contains("Changed, 1:\n1311213 "), "{}", table.stdout);
    // The narrowed answer is that of the whole.
    let whole = answer(&before, &after, &["--limit", "1000000"]);
    let of_whole = list(&whole, "changed").iter().find(|partner| partner["partner_id"] == "1311213");
    assert_eq!(of_whole, all["changed"].get(0));
}

#[test]
fn one_metric_is_told_alone() {
    let (before, after) = (of_sample("evidence", "2026-05-20"), of_sample("evidence", "2026-11-20"));
    let told = answer(&before, &after, &["--metric", "deployments"]);
    assert_eq!(list(&told, "metrics").len(), 1);
    let metrics: Vec<&Value> = list(&told, "changed").iter().flat_map(|partner| list(partner, "metrics")).collect();
    assert!(metrics.len() > 10 && metrics.iter().all(|metric| metric["metric"] == "deployments"));
}

#[test]
fn every_format_holds_the_same_rows() {
    let (before, after) = (of_sample("evidence", "2026-10-20"), of_sample("evidence", "2026-11-20"));
    let told = answer(&before, &after, &[]);
    let csv = diff(&before, &after, &["--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.succeeds().stdout.as_bytes());
    let header: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    assert_eq!(header[..4], ["kind", "partner_id", "partner_name", "track_before"]);
    let place = |name: &str| header.iter().position(|column| column == name).expect("a column");
    let mut of_rows: BTreeMap<String, i64> = BTreeMap::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for row in reader.records().map(|record| record.expect("a record")) {
        *kinds.entry(row[0].to_owned()).or_default() += 1;
        if &row[0] == "cause" {
            let key = ["partner_id", "metric", "cause"].map(|name| &row[place(name)]).join(" ");
            let share = row[place("share")].parse::<f64>().expect("points");
            of_rows.insert(key, (share * 10_000.0).round() as i64);
        }
    }
    assert_eq!(of_rows, shares(&told));
    assert_eq!(kinds["partner"], list(&told, "changed").len());
    let mut command = command::partnerscore();
    let parquet = command.arg("diff").args([&before, &after]).args(["--format", "parquet"]).output().expect("starts");
    let file = sample().path("diff.parquet");
    std::fs::write(&file, parquet.stdout).expect("a file");
    let batch = crate::outputs::read(&file);
    assert_eq!(batch.num_rows(), kinds.values().sum::<usize>());
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, header);
    // Notes are for whoever reads no rows.
    let bare = diff(&of_sample("bare", "2026-10-20"), &after, &["--format", "csv"]);
    assert!(bare.stderr.contains("--evidence") && !bare.stdout.contains("--evidence"), "{}", bare.stderr);
}

#[test]
fn errors_say_what_and_what_to_do() {
    let run = of_sample("evidence", "2026-11-20");
    let nowhere = sample().path("nowhere");
    diff(&run, &run, &["--partner", "1311214"]).fails(2, &["no partner `1311214`", "did you mean `1311213`?"]);
    diff(&run, &run, &["--metric", "deployment"]).fails(2, &["did you mean `deployments`?"]);
    diff(&nowhere, &run, &[]).fails(5, &["nowhere", "hint:"]);
    diff(&run, Path::new("data/sample"), &[]).fails(5, &["data/sample", "this is a history", "score"]);
    diff(&run, &run.join("scores.parquet"), &[]).fails(2, &["a RUN is a folder"]);
    let broken = Runs::new();
    std::fs::write(broken.path("run.json"), "{}").expect("a file");
    diff(&run, broken.folder.path(), &[]).fails(3, &["not a run", "hint:"]);
}

#[test]
fn the_schema_that_is_committed_is_the_one_of_the_answer() {
    let printed = run(&["schema", "diff"]);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/diff.json");
    let committed = std::fs::read_to_string(committed).expect("docs/schemas/diff.json");
    assert!(committed == printed.succeeds().stdout, "run `partnerscore schema diff > docs/schemas/diff.json`");
    let schema: Value = serde_json::from_str(&committed).expect("JSON");
    let told = answer(&of_sample("evidence", "2026-10-20"), &of_sample("evidence", "2026-11-20"), &[]);
    let known = schema["properties"].as_object().expect("properties");
    assert!(
        told.as_object().expect("an object").keys().eq(known.keys())
            || told
                .as_object()
                .is_some_and(|told| { told.len() == known.len() && told.keys().all(|key| known.contains_key(key)) })
    );
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else { return };
    let file = sample().path("diff.json");
    std::fs::write(&file, told.to_string()).expect("a file");
    let script = "import json, sys\ntry:\n import jsonschema\nexcept ImportError:\n sys.exit(0)\n\
                  jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))";
    let mut command = std::process::Command::new(python);
    command.args(["-c", script]).arg(&file).arg("docs/schemas/diff.json").current_dir(env!("CARGO_MANIFEST_DIR"));
    let said = command::said(command.output().expect("python"));
    assert_eq!(said.code, 0, "{}", said.stderr);
}
