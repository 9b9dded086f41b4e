//! A golden history: the same rows for ever, drawn by a generator of its own and joined by rows at every edge of the rules.

use chrono::{Months, NaiveDate};

use crate::baseline_history::{association, certification, day, partner, usage};
use crate::second_reading::{Association, Certification, History, Partner, Usage};

/// The day that the golden history is scored for: M is 2026-10, P is 2025-10.
pub const AS_OF: &str = "2026-11-23";
/// Months of usage: P, M, and those between.
const MONTHS: u32 = 13;
const TENANTS: u64 = 48;
const ACCOUNTS: u64 = 10;

/// Workloads of every vintage, and one of none.
const WORKLOADS: [&str; 9] = [
    "teams",
    "exchange",
    "intune",
    "viva_engage",
    "yammer",
    "teams_premium",
    "microsoft_365_copilot",
    "sharepoint",
    "minesweeper",
];

/// Both sides of every bound of the bands, and sizes within them.
const SEATS: [i64; 12] = [0, 10, 11, 12, 40, 150, 299, 300, 301, 302, 900, 4000];

const CERTIFICATIONS: [&str; 8] = [
    "enterprise_administrator_expert",
    "teams_application_developer_associate",
    "identity_and_access_administrator_associate",
    "endpoint_administrator_associate",
    "modern_desktop_administrator_associate",
    "microsoft_365_fundamentals",
    "teams_administrator_associate",
    "teams_meetings_and_meeting_rooms_technical_assessment",
];

/// Numbers that no library changes: SplitMix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % bound
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    fn in_a_hundred(&mut self, times: u64) -> bool {
        self.below(100) < times
    }
}

/// The month so many after P.
fn month(index: u32) -> NaiveDate {
    day("2025-10-01") + Months::new(index)
}

/// The golden history.
pub fn history() -> History {
    let mut draw = Draw(20_261_123);
    let mut history = History::default();
    partners(&mut history, &mut draw);
    (0..TENANTS).for_each(|tenant| customer(&mut history, &mut draw, tenant));
    people(&mut history, &mut draw);
    barely_used(&mut history);
    dirty(&mut history);
    history
}

/// Global accounts with locations, in distributors and without, and an account that only a location names.
fn partners(history: &mut History, draw: &mut Draw) {
    for account in 0..ACCOUNTS {
        history.partners.push(Partner {
            partner_name: Some(format!("Partner {account}")),
            distributor_id: draw.one_of(&[Some("D1"), Some("D2"), None]).map(str::to_owned),
            market: draw.one_of(&[Some("DE"), Some("FR"), None]).map(str::to_owned),
            global_partner_id: (account % 3 == 0).then(|| format!("p{account}")),
            ..partner(&format!("p{account}"))
        });
    }
    for (location, account) in [("l0", "p0"), ("l1", "p0"), ("l2", "p1"), ("l3", "elsewhere")] {
        history.partners.push(Partner { global_partner_id: Some(account.to_owned()), ..partner(location) });
    }
    history.partners.push(history.partners[0].clone());
}

/// A tenant's usage, with seats and people that change once, and the associations of it.
fn customer(history: &mut History, draw: &mut Draw, tenant: u64) {
    let id = format!("t{tenant:02}");
    for _ in 0..1 + draw.below(3) {
        let workload = draw.one_of(&WORKLOADS);
        let (seats, later) = (draw.one_of(&SEATS), draw.one_of(&SEATS));
        let turn = draw.below(20) as u32;
        let (share, growth) = (draw.one_of(&[10, 38, 40, 41, 90]), draw.below(4) as i64);
        for index in 0..MONTHS {
            if draw.in_a_hundred(4) {
                continue;
            }
            let seats = if index < turn { seats } else { later };
            let people = seats * share / 100 + growth * i64::from(index);
            history.workload_usage.push(usage(&id, workload, &month(index).to_string(), seats, people));
        }
    }
    for _ in 0..1 + draw.below(3) {
        let partner = match draw.in_a_hundred(25) {
            true => draw.one_of(&["l0", "l1", "l2", "l3"]).to_owned(),
            false => format!("p{}", draw.below(ACCOUNTS)),
        };
        let start = match draw.in_a_hundred(55) {
            true => day("2024-01-15"),
            false => month(draw.below(13) as u32) + chrono::Days::new(draw.below(28)),
        };
        let kind = draw.one_of(&["CPOR", "CPOR", "DPOR", "CSP_TIER_1", "CSP_TIER_2"]);
        let end = draw.in_a_hundred(25).then(|| start + Months::new(draw.below(30) as u32));
        let workload = draw.in_a_hundred(30).then(|| draw.one_of(&WORKLOADS).to_owned());
        history.associations.push(Association {
            workload,
            end_date: end,
            ..association(&partner, &id, kind, &start.to_string())
        });
    }
}

/// People with certifications that hold, have expired, or are yet to be earned; some at two locations of one account.
fn people(history: &mut History, draw: &mut Draw) {
    for person in 0..45 {
        let partner = draw.one_of(&["p0", "p1", "p2", "p3", "p4", "l0", "l1", "l2"]);
        let earned = day("2024-05-01") + Months::new(draw.below(33) as u32);
        let expires = draw.in_a_hundred(50).then(|| earned + Months::new(draw.below(36) as u32));
        let title = draw.one_of(&CERTIFICATIONS);
        let row = certification(partner, &format!("person{}", person % 30), title, &earned.to_string());
        history.certifications.push(Certification { expires_on: expires, ..row });
    }
}

/// An account with 70 points whose usage growth has less than one: it qualifies by one interpretation of `metric_minimum` alone.
fn barely_used(history: &mut History) {
    history.partners.push(partner("barely"));
    for number in 0..5 {
        let tenant = format!("barely{number}");
        history.associations.push(association("barely", &tenant, "CPOR", "2026-05-10"));
        for index in 0..MONTHS {
            let people = 400 + i64::from(number == 0 && index == 12);
            history.workload_usage.push(usage(&tenant, "teams", &month(index).to_string(), 1000, people));
        }
    }
    for number in 0..4 {
        let person = format!("barely{number}");
        for title in ["identity_and_access_administrator_associate", "enterprise_administrator_expert"] {
            history.certifications.push(certification("barely", &person, title, "2025-02-03"));
        }
    }
}

/// A row for every rule that rejects, rows that repeat, and rows that are warned of.
fn dirty(history: &mut History) {
    history.partners.push(Partner::default());
    let row = || association("p0", "t00", "CPOR", "2025-01-01");
    history.associations.extend([
        Association { partner_id: None, ..row() },
        Association { tenant_id: None, ..row() },
        Association { association_type: Some("MPN".to_owned()), ..row() },
        Association { start_date: None, ..row() },
        Association { end_date: Some(day("2024-12-31")), ..row() },
        Association { partner_id: Some("stranger".to_owned()), ..row() },
        Association { end_date: Some(day("2025-01-01")), ..row() },
        Association { partner_id: Some("p1".to_owned()), ..row() },
        row(),
        row(),
    ]);
    let row = || certification("p0", "person0", "enterprise_administrator_expert", "2025-01-01");
    history.certifications.extend([
        Certification { person_id: None, ..row() },
        Certification { earned_on: None, ..row() },
        Certification { expires_on: Some(day("2024-12-31")), ..row() },
        Certification { partner_id: Some("stranger".to_owned()), ..row() },
        Certification { certification: Some("sommelier".to_owned()), ..row() },
        Certification { expires_on: Some(day(AS_OF)), person_id: Some("last day".to_owned()), ..row() },
        Certification { earned_on: Some(day(AS_OF)), person_id: Some("first day".to_owned()), ..row() },
        row(),
    ]);
    let row = || usage("t01", "viva_learning", "2026-10-01", 50, 20);
    history.workload_usage.extend([
        Usage { tenant_id: None, ..row() },
        Usage { paid_seats: None, ..row() },
        Usage { active_users: Some(-1), ..row() },
        Usage { paid_seats: Some(1 << 31), ..row() },
        Usage { month: Some(day("2026-10-02")), ..row() },
        Usage { workload: Some("viva_topics".to_owned()), ..row() },
        Usage { workload: Some("viva_topics".to_owned()), active_users: Some(21), ..row() },
        Usage { workload: Some("viva_insights".to_owned()), active_users: Some(51), ..row() },
        row(),
        row(),
    ]);
}
