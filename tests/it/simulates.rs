//! Simulations: what a change is said to give is what scoring the changed history gives.

use std::path::{Path, PathBuf};

use partnerscore::insight::{self, ChangedMeasure, Scenario, Simulation, Total};
use partnerscore::pipeline::{self, Settings};
use partnerscore::rulebook::{self, Rulebook};
use partnerscore::score::{Points, Score};
use serde_json::Value;

use crate::baseline_history::{AS_OF, Placed, association, certification, day, history, partner, usage};
use crate::cases::{add, prefixed};
use crate::command::{Said, run};
use crate::samples;
use crate::second_reading::{History, Partner, Usage};

fn settings(root: &Path, partner_id: Option<&str>) -> Settings {
    let rules = rulebook::choose(None).expect("rules");
    let partners = partner_id.map(str::to_owned).into_iter().collect();
    Settings { partners, ..Settings::new(root, day(AS_OF), rules) }
}

fn scenario(text: &str) -> Scenario {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The small history, with two tenants that `acme` does not serve, and a location of `acme`.
fn wider() -> History {
    let mut history = history();
    history.partners.push(Partner { global_partner_id: Some("acme".to_owned()), ..partner("acme-north") });
    history.associations.push(association("acme-north", "t5", "CPOR", "2026-02-03"));
    for month in ["2025-10-01", "2026-02-01", "2026-10-01"] {
        history.workload_usage.push(usage("t4", "teams", month, 40, 9));
        history.workload_usage.push(usage("t4", "intune", month, 60, 12));
        history.workload_usage.push(usage("t5", "teams", month, 90, 30));
    }
    history
}

/// A scenario, and the same change made to the rows of a history. `@` stands before ids, which differ from copy to copy.
struct Change {
    scenario: &'static str,
    made: fn(&mut History),
}

/// Changes the row of a tenant and workload at M, or adds it.
fn set(history: &mut History, tenant_id: &str, workload: &str, paid_seats: Option<i64>, active_users: Option<i64>) {
    let added = usage(tenant_id, workload, "2026-10-01", 0, 0);
    let is_own =
        |row: &Usage| (&row.tenant_id, &row.workload, row.month) == (&added.tenant_id, &added.workload, added.month);
    let place = history.workload_usage.iter().position(is_own).unwrap_or(history.workload_usage.len());
    if place == history.workload_usage.len() {
        history.workload_usage.push(added.clone());
    }
    let row = &mut history.workload_usage[place];
    row.paid_seats = paid_seats.or(row.paid_seats);
    row.active_users = active_users.or(row.active_users);
}

const CHANGES: [Change; 12] = [
    Change {
        scenario: "certify = [{ metric = 'advanced', people = 1 }]",
        made: |history| {
            history.certifications.push(certification("acme", "new", "enterprise_administrator_expert", AS_OF));
        },
    },
    Change {
        scenario: "certify = [{ metric = 'intermediate_certifications', people = 2 }]",
        made: |history| {
            for person in ["new", "newer"] {
                history.certifications.push(certification("acme", person, "endpoint_administrator_associate", AS_OF));
            }
        },
    },
    Change {
        scenario: "certify = [{ metric = 'advanced', people = -1 }]",
        made: |history| history.certifications.retain(|row| row.person_id.as_deref() != Some("ann")),
    },
    Change {
        scenario: "tenant = [{ tenant_id = '@t1', workload = 'teams', active_users = 49 }]",
        made: |history| set(history, "t1", "teams", None, Some(49)),
    },
    Change {
        scenario: "tenant = [{ tenant_id = '@t1', workload = 'teams', active_users = 0 }]",
        made: |history| set(history, "t1", "teams", None, Some(0)),
    },
    Change {
        scenario: "tenant = [{ tenant_id = '@t1', workload = 'teams', paid_seats = 400, active_users = 300 }]",
        made: |history| set(history, "t1", "teams", Some(400), Some(300)),
    },
    Change {
        scenario: "tenant = [{ tenant_id = '@t1', workload = 'sharepoint', paid_seats = 70, active_users = 70 },
                             { tenant_id = '@t1', active_users = 71 }]",
        made: |history| set(history, "t1", "sharepoint", Some(70), Some(71)),
    },
    Change {
        scenario: "associate = [{ tenant_id = '@t4', option = 'cpor' }]",
        made: |history| history.associations.push(association("acme", "t4", "CPOR", "2026-10-01")),
    },
    Change {
        scenario: "associate = [{ tenant_id = '@t4', option = 'csp', workload = 'teams' }]",
        made: |history| {
            let whole = association("acme", "t4", "CSP_TIER_1", "2026-10-01");
            history
                .associations
                .push(crate::second_reading::Association { workload: Some("teams".to_owned()), ..whole });
        },
    },
    Change {
        scenario: "associate = [{ tenant_id = '@won', option = 'cpor' }]
                   tenant = [{ tenant_id = '@won', workload = 'teams', paid_seats = 50, active_users = 20 }]",
        made: |history| {
            history.associations.push(association("acme", "won", "CPOR", "2026-10-01"));
            set(history, "won", "teams", Some(50), Some(20));
        },
    },
    // Held for long through another option: the new one starts anew.
    Change {
        scenario: "associate = [{ tenant_id = '@t1', option = 'dpor' }]
                   tenant = [{ tenant_id = '@t1', workload = 'teams', paid_seats = 301 }]",
        made: |history| {
            history.associations.push(association("acme", "t1", "DPOR", "2026-10-01"));
            set(history, "t1", "teams", Some(301), None);
        },
    },
    Change {
        scenario: "certify = [{ metric = 'advanced', people = 1 }]
                   associate = [{ tenant_id = '@t4', option = 'cpor' }]
                   tenant = [{ tenant_id = '@t5', workload = 'teams', active_users = 80 }]",
        made: |history| {
            history.certifications.push(certification("acme-north", "new", "enterprise_administrator_expert", AS_OF));
            history.associations.push(association("acme-north", "t4", "CPOR", "2026-10-01"));
            set(history, "t5", "teams", None, Some(80));
        },
    },
];

fn score_of<'a>(scores: &'a [Score], partner_id: &str) -> &'a Score {
    scores.iter().find(|score| score.account.partner_id == partner_id).unwrap_or_else(|| panic!("no {partner_id}"))
}

fn assert_total(total: &Total, score: &Score, what: &str) {
    assert_eq!((total.track.as_str(), total.qualified), (score.track.name(), score.qualified), "{what}");
    let points = [total.total_points, total.enterprise_points, total.smb_points, total.points_short];
    let expected = [score.total_points(), score.enterprise_points, score.smb_points, score.points_short];
    assert_eq!(points.map(Points::of_f64), expected, "{what}");
    assert!(total.metrics_short.iter().eq(score.metrics_short.iter().map(|metric| metric.name())), "{what}");
}

/// Before and after are what the two histories score.
fn assert_simulates(simulation: &Simulation, before: &Score, after: &Score, rules: &Rulebook, what: &str) {
    assert_total(&simulation.before, before, what);
    assert_total(&simulation.after, after, what);
    let measures = rules.measures();
    assert_eq!(simulation.measures.len(), measures.len());
    for (index, changed) in simulation.measures.iter().enumerate() {
        let key = (changed.track.as_str(), changed.metric.as_str(), &changed.option);
        assert_eq!(key, (measures[index].track.name(), measures[index].metric.name(), &measures[index].option));
        let (one, other) = (&before.measures[index], &after.measures[index]);
        let was = (changed.current_before, changed.prior_before, changed.counted_before);
        assert_eq!(was, (one.current, one.prior, one.counted), "{what}: {changed:?} before");
        let is = (changed.current_after, changed.prior_after, changed.counted_after);
        assert_eq!(is, (other.current, other.prior, other.counted), "{what}: {changed:?} after");
        assert_eq!(Points::of_f64(changed.points_before), one.points, "{what}: {changed:?}");
        assert_eq!(Points::of_f64(changed.points_after), other.points, "{what}: {changed:?}");
    }
}

/// Every change beside the others in one history, unchanged and changed: two scores judge all simulations.
#[test]
fn a_change_gives_what_the_changed_history_scores() {
    let (mut base, mut changed) = (History::default(), History::default());
    for (index, change) in CHANGES.iter().enumerate() {
        let mut history = wider();
        add(&mut base, &history, index);
        (change.made)(&mut history);
        add(&mut changed, &history, index);
    }
    let [base, changed] = [&base, &changed].map(Placed::new);
    let all = settings(&base.history(), None);
    let before = pipeline::score(&all).unwrap_or_else(|error| panic!("{error}"));
    let after = pipeline::score(&settings(&changed.history(), None)).unwrap_or_else(|error| panic!("{error}"));
    for (index, change) in CHANGES.iter().enumerate() {
        let scenario = scenario(&change.scenario.replace('@', &prefixed("", index)));
        // A location's change is its account's.
        let asked = if index % 2 == 0 { "acme" } else { "acme-north" };
        let settings = settings(&base.history(), Some(&prefixed(asked, index)));
        let simulation = insight::simulate(&settings, &scenario).unwrap_or_else(|error| panic!("{error}"));
        let partner_id = prefixed("acme", index);
        assert_eq!(simulation.partner_id, partner_id);
        let [before, after] = [&before, &after].map(|scored| score_of(&scored.scores, &partner_id));
        assert_ne!(before.measures, after.measures, "{} changes nothing", change.scenario);
        assert_simulates(&simulation, before, after, &settings.rules, change.scenario);
    }
}

/// A track, metric and option, and what is added.
type Added = (&'static str, &'static str, &'static str, i64);

/// Changes of facts: a scenario, and what it adds to which measures.
const FACTS: [(&str, &[Added]); 7] = [
    (
        "usage = [{ option = 'cpor', active_users = 300 }]",
        &[("enterprise", "usage_growth", "cpor", 300), ("smb", "usage_growth", "cpor", 300)],
    ),
    ("usage = [{ option = 'cpor', track = 'smb', active_users = 300 }]", &[("smb", "usage_growth", "cpor", 300)]),
    ("usage = [{ option = 'csp', active_users = -7 }]", &[("smb", "usage_growth", "csp", -7)]),
    ("deployments = [{ option = 'dpor', tenants = 3 }]", &[("enterprise", "deployments", "dpor", 3)]),
    (
        "net_customer_adds = -2",
        &[("enterprise", "net_customer_adds", "all", -2), ("smb", "net_customer_adds", "all", -2)],
    ),
    (
        "deployments = [{ option = 'cpor', tenants = -1 }, { option = 'cpor', tenants = 5, track = 'smb' }]",
        &[("enterprise", "deployments", "cpor", -1), ("smb", "deployments", "cpor", 4)],
    ),
    ("usage = [{ option = 'csp', active_users = 2147483647 }]", &[("smb", "usage_growth", "csp", 2_147_483_647)]),
];

/// The points of a value, half up in ten-thousandths.
fn earned(net: i64, target: i64, most: i64) -> i64 {
    let capped = i128::from(net.clamp(0, target)) * i128::from(most);
    i64::try_from((2 * capped / i128::from(target) + 1) / 2).expect("points")
}

#[test]
fn a_change_of_facts_adds_to_its_measures_alone() {
    let placed = Placed::new(&wider());
    let settings = settings(&placed.history(), Some("acme"));
    let before = pipeline::score(&settings).unwrap_or_else(|error| panic!("{error}"));
    for (text, added) in FACTS {
        let simulation = insight::simulate(&settings, &scenario(text)).unwrap_or_else(|error| panic!("{error}"));
        for (changed, measured) in simulation.measures.iter().zip(&before.scores[0].measures) {
            let of = |(track, metric, option, _): &&Added| {
                (*track, *metric, *option) == (&changed.track, &changed.metric, &changed.option)
            };
            // No count falls below zero.
            let more = added.iter().find(of).map_or(0, |(.., more)| (*more).max(-changed.current_before));
            assert_eq!(changed.current_before + more, changed.current_after, "{text}: {changed:?}");
            assert_eq!(changed.prior_before, changed.prior_after, "{text}: {changed:?}");
            let net = changed.current_after - changed.prior_after;
            let points = earned(net, measured.target, measured.max_points.0);
            assert_eq!(Points::of_f64(changed.points_after), Points(points), "{text}: {changed:?}");
        }
        let taken = |track: &str| {
            let of_track = |measure: &&ChangedMeasure| measure.track == track && measure.counted_after;
            simulation
                .measures
                .iter()
                .filter(of_track)
                .map(|measure| Points::of_f64(measure.points_after))
                .sum::<Points>()
        };
        let after = &simulation.after;
        assert_eq!([after.enterprise_points, after.smb_points].map(Points::of_f64), ["enterprise", "smb"].map(taken));
    }
}

#[test]
fn another_rulebook_gives_what_two_scores_give() {
    let [earlier, later] =
        ["modern-work-2023", "modern-work-2026"].map(|id| rulebook::choose(Some(id)).expect("rules"));
    let settings = Settings { rules: later, ..settings(&samples::dirty(), None).of_a_few() };
    let comparison = insight::compare_rulebooks(&settings, &earlier).unwrap_or_else(|error| panic!("{error}"));
    let after = pipeline::score(&settings).expect("scored");
    let before = pipeline::score(&Settings { rules: earlier, ..settings }).expect("scored");
    assert_eq!(comparison.partners.len(), after.scores.len());
    assert_eq!((comparison.against.as_str(), comparison.rulebook.as_str()), ("modern-work-2023", "modern-work-2026"));
    let qualified = |scores: &[Score]| scores.iter().filter(|score| score.qualified).count();
    assert_eq!(comparison.qualified_before, qualified(&before.scores));
    assert_eq!(comparison.qualified_after, qualified(&after.scores));
    for row in &comparison.partners {
        let [before, after] = [&before, &after].map(|scored| score_of(&scored.scores, &row.partner_id));
        assert_total(&row.before, before, &row.partner_id);
        assert_total(&row.after, after, &row.partner_id);
        assert_eq!(Points::of_f64(row.change), after.total_points() - before.total_points());
    }
    assert!(comparison.partners.is_sorted_by(|one, next| one.change <= next.change), "the largest loss first");
    assert!(comparison.partners.iter().any(|row| row.change != 0.0));
}

/// The small history on disk, for the command.
struct Commanded {
    placed: Placed,
}

impl Commanded {
    fn new() -> Commanded {
        Commanded { placed: Placed::new(&wider()) }
    }

    fn simulate(&self, more: &[&str]) -> Said {
        let history = self.placed.history();
        let whom = ["simulate", &history.to_string_lossy(), "--as-of", AS_OF];
        run(&[&whom, more].concat())
    }

    fn file(&self, text: &str) -> PathBuf {
        let file = self.placed.folder.path().join("scenario.toml");
        std::fs::write(&file, text).expect("a file");
        file
    }
}

#[test]
fn a_file_and_the_command_line_say_the_same() {
    let commanded = Commanded::new();
    let file = commanded.file(
        "net_customer_adds = -1
certify = [{ metric = 'advanced', people = 1 }]
usage = [{ option = 'cpor', track = 'smb', active_users = 300 }, { option = 'dpor', active_users = -20 }]
deployments = [{ option = 'cpor', tenants = 2 }]
tenant = [{ tenant_id = 't1', workload = 'teams', paid_seats = 60, active_users = 41 }]
associate = [{ tenant_id = 't4', workload = 'teams', option = 'csp' }]
",
    );
    let flags = ["--net-adds", "-1", "--certify", "advanced=+1", "--usage", "smb.cpor=300", "--usage", "dpor=-20"];
    let more = ["--deployments", "cpor=2", "--tenant", "t1:teams", "--seats", "60", "--users", "41", "--associate"];
    let flags = [&flags[..], &more, &["t4:csp:teams"]].concat();
    let whose = ["--partner", "acme", "--format", "json"];
    let by_file = commanded.simulate(&[&whose[..], &["--scenario", &file.to_string_lossy()]].concat());
    let by_flags = commanded.simulate(&[&whose[..], &flags].concat());
    assert_eq!(by_file.succeeds().stdout, by_flags.succeeds().stdout);
    let answer: Value = serde_json::from_str(&by_flags.stdout).expect("JSON");
    assert_eq!(answer["changes"].as_array().map(Vec::len), Some(7), "{}", answer["changes"]);
    let both = commanded.simulate(&[&whose[..], &["--scenario", &file.to_string_lossy(), "--net-adds", "3"]].concat());
    let both: Value = serde_json::from_str(&both.succeeds().stdout).expect("JSON");
    assert!(both["changes"].to_string().contains("+2 net customer adds"), "file and flags add up: {}", both["changes"]);
    let text = commanded.simulate(&["--partner", "acme", "--net-adds=-1"]);
    assert!(text.succeeds().stdout.contains("-1 net customer adds"), "{}", text.stdout);
}

/// What is wrong in a file, the line of it, and what is said.
const WRONG_FILES: [(&str, usize, &[&str]); 9] = [
    ("[[certfy]]\nmetric = 'advanced'\n", 1, &["unknown field `certfy`", "did you mean `certify`?"]),
    ("net_customer_adds = 1\n\n[[certify]]\nmetric = 'advanced'\npeople = 'one'\n", 5, &["invalid type"]),
    ("net_customer_adds = 1.5\n", 1, &["invalid type"]),
    ("[[tenant]]\ntenant_id = 't1'\npaid_seat = 5\n", 3, &["did you mean `paid_seats`?"]),
    ("[[tenant]]\ntenant_id = 't1'\npaid_seats = -5\n", 3, &["-5 is not from 0 to 2147483647"]),
    ("[[tenant]]\ntenant_id = 't1'\nactive_users = 2147483648\n", 3, &["2147483648 is not from 0"]),
    ("\nnet_customer_adds = 9223372036854775807\n", 2, &["9223372036854775807 is not from -2147483647"]),
    ("[[usage]]\noption = 'cpor'\nactive_users = -3000000000\n", 3, &["is not from -2147483647"]),
    ("net_customer_adds = \n", 1, &[]),
];

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_line() {
    let commanded = Commanded::new();
    for (text, line, texts) in WRONG_FILES {
        let file = commanded.file(text);
        let said = commanded.simulate(&["--partner", "acme", "--scenario", &file.to_string_lossy()]);
        said.fails(2, &[&[format!("scenario.toml:{line}\n").as_str(), "hint:"], texts].concat());
    }
    let missing = commanded.placed.folder.path().join("missing.toml");
    commanded.simulate(&["--partner", "acme", "--scenario", &missing.to_string_lossy()]).fails(2, &["missing.toml"]);
}

/// Command lines that ask for nothing sensible, and what is said.
const WRONG_LINES: [(&[&str], &[&str]); 33] = [
    (&[], &["no change to simulate"]),
    (&["--usage", "csp="], &["is not NAME=NUMBER"]),
    (&["--usage", "csp"], &["is not NAME=NUMBER"]),
    (&["--usage", "=3"], &["there is no option ``", "options are cpor, csp, dpor\n"]),
    (&["--usage", ".=3"], &["there is no track ``"]),
    (&["--usage", ".csp=3"], &["there is no track ``"]),
    (&["--usage", "smb.=3"], &["there is no option ``", "options are cpor, csp\n"]),
    (&["--usage", "smb.dpor=3"], &["there is no option `dpor`", "did you mean `cpor`?"]),
    (&["--usage", "large.cpor=3"], &["there is no track `large`", "tracks are enterprise and smb"]),
    (&["--usage", "cpro=3"], &["did you mean `cpor`?"]),
    (&["--usage", "csp=3000000000"], &["is not NAME=NUMBER"]),
    (&["--usage", "csp=99999999999999999999999"], &["is not NAME=NUMBER"]),
    (&["--usage", "csp=1e3"], &["is not NAME=NUMBER"]),
    (&["--deployments", "csp==3"], &["is not NAME=NUMBER"]),
    (&["--certify", "advance=1"], &["no metric of certifications", "did you mean `advanced`?"]),
    (&["--certify", "usage_growth=1"], &["no metric of certifications", "intermediate or advanced"]),
    (&["--certify", "advanced=-9223372036854775808"], &["is not NAME=NUMBER"]),
    (&["--net-adds", "9223372036854775807"], &["--net-adds"]),
    (&["--net-adds", "-2147483648"], &["--net-adds"]),
    (&["--net-adds", "0"], &["no change to simulate"]),
    (&["--tenant", "t1"], &["nothing of tenant `t1` changes", "give its paid seats"]),
    (&["--seats", "5"], &["--tenant"]),
    (&["--tenant", "t1", "--seats=-1"], &["--seats"]),
    (&["--tenant", "t1", "--seats", "2147483648"], &["--seats"]),
    (&["--tenant", "t1", "--users", "9223372036854775807"], &["--users"]),
    (&["--tenant", "t11", "--users", "5"], &["no association with tenant `t11`", "did you mean `t1`?"]),
    (&["--tenant", "", "--users", "5"], &["no association with tenant ``"]),
    (&["--tenant", "t1:teems", "--users", "5"], &["no metric lists the workload `teems`", "did you mean `teams`?"]),
    (&["--tenant", "t1:", "--users", "5"], &["no metric lists the workload ``"]),
    (&["--associate", "t4"], &["is not TENANT:OPTION"]),
    (&["--associate", "t4:cpro"], &["there is no option `cpro`", "did you mean `cpor`?"]),
    (&["--associate", "nowhere:cpor"], &["usage has no row of tenant `nowhere`", "check its id"]),
    (&["--associate", ":cpor"], &["usage has no row of tenant ``"]),
];

#[test]
fn what_makes_no_sense_is_refused() {
    let commanded = Commanded::new();
    for (arguments, texts) in WRONG_LINES {
        commanded.simulate(&[&["--partner", "acme"], arguments].concat()).fails(2, texts);
    }
    commanded.simulate(&["--net-adds", "1"]).fails(2, &["name a partner with --partner"]);
    commanded.simulate(&["--partner", "acmee", "--net-adds", "1"]).fails(2, &["did you mean `acme`?"]);
    let of_distributor = ["--partner", "acme", "--distributor", "north", "--net-adds", "1"];
    commanded.simulate(&of_distributor).fails(2, &["--against"]);
    let changed = ["--against", "modern-work-2026", "--net-adds", "1"];
    commanded.simulate(&changed).fails(2, &["simulated by itself"]);
    commanded.simulate(&["--against", "modern-work-2062"]).fails(2, &["did you mean `modern-work-20"]);
}
