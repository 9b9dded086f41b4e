//! A small sound history that single tests spoil in one place.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use tempfile::TempDir;

use crate::fixture::{self, Layout};
use crate::second_reading::{Association, Certification, History, Partner, Usage};

/// The day that [`history`] is scored for: M is 2026-10, P is 2025-10.
pub const AS_OF: &str = "2026-11-23";

/// A date.
pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A partner without attributes.
pub fn partner(partner_id: &str) -> Partner {
    Partner { partner_id: some(partner_id), ..Partner::default() }
}

/// An association on all workloads that does not end.
pub fn association(partner_id: &str, tenant_id: &str, association_type: &str, start: &str) -> Association {
    Association {
        partner_id: some(partner_id),
        tenant_id: some(tenant_id),
        workload: None,
        association_type: some(association_type),
        start_date: Some(day(start)),
        end_date: None,
    }
}

/// A certification that does not expire.
pub fn certification(partner_id: &str, person_id: &str, certification: &str, earned_on: &str) -> Certification {
    Certification {
        partner_id: some(partner_id),
        person_id: some(person_id),
        certification: some(certification),
        earned_on: Some(day(earned_on)),
        expires_on: None,
    }
}

/// One row of usage.
pub fn usage(tenant_id: &str, workload: &str, month: &str, paid_seats: i64, active_users: i64) -> Usage {
    Usage {
        tenant_id: some(tenant_id),
        workload: some(workload),
        month: Some(day(month)),
        paid_seats: Some(paid_seats),
        active_users: Some(active_users),
    }
}

/// Two partners, three tenants, thirteen months.
pub fn history() -> History {
    let mut history = History {
        partners: vec![partner("acme"), partner("birch")],
        associations: vec![
            association("acme", "t1", "CPOR", "2024-01-01"),
            association("acme", "t2", "CSP_TIER_1", "2026-03-15"),
            association("birch", "t3", "DPOR", "2024-01-01"),
        ],
        certifications: vec![
            certification("acme", "ann", "enterprise_administrator_expert", "2025-01-01"),
            certification("acme", "ben", "teams_application_developer_associate", "2025-01-01"),
        ],
        workload_usage: Vec::new(),
    };
    for (index, month) in (0..13).map(|index| (index, month(index))) {
        for (tenant, seats) in [("t1", 50), ("t2", 80), ("t3", 400)] {
            history.workload_usage.push(usage(tenant, "teams", &month, seats, 20 + index));
            history.workload_usage.push(usage(tenant, "exchange", &month, seats, 10 + index));
        }
    }
    history
}

/// The month so many after P.
fn month(index: i64) -> String {
    let ordinal = 2025 * 12 + 9 + index;
    format!("{}-{:02}-01", ordinal / 12, ordinal % 12 + 1)
}

/// A folder with a history, and where to publish.
pub struct Placed {
    pub folder: TempDir,
}

impl Placed {
    /// Writes a history in the default layout.
    pub fn new(history: &History) -> Placed {
        Placed::laid_out(history, &Layout::default())
    }

    /// Writes a history in a layout.
    pub fn laid_out(history: &History, layout: &Layout) -> Placed {
        let folder = tempfile::tempdir().expect("a folder");
        fixture::write(history, &folder.path().join("history"), layout);
        Placed { folder }
    }

    pub fn history(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Where the run as of [`AS_OF`] is published.
    pub fn run(&self) -> PathBuf {
        self.out().join(format!("as_of={AS_OF}"))
    }

    /// Scores as of [`AS_OF`].
    pub fn score(&self, more: &[&str]) -> crate::command::Said {
        crate::command::score(&self.history(), &self.out(), AS_OF, more)
    }

    /// Asserts that the output folder holds no run, whole or half.
    pub fn nothing_published(&self) {
        let left: Vec<_> =
            std::fs::read_dir(self.out()).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
        let tells = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".status.json");
        assert!(left.iter().all(|name| name == ".partnerscore.lock" || tells(name)), "{left:?}");
    }
}

/// Replaces a file of a history by other bytes.
pub fn spoil(path: &Path, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let bytes = std::fs::read(path).expect("a file");
    std::fs::write(path, change(bytes)).expect("a file");
}
