//! What exports state, in history's words, and what became of each file.

use chrono::NaiveDate;

use crate::error::Error;
use crate::month::Month;

/// One thing that an export states. Ids are as exported; tenant ids that are GUIDs are lower-cased, without spaces and braces around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A partner: all that Profile tells, or the names and the global account that another report tells in passing.
    Partner {
        partner_id: String,
        partner_name: Option<String>,
        global_partner_id: Option<String>,
        market: Option<String>,
    },
    /// Whose reseller a partner is, in a month.
    Distributor {
        partner_id: String,
        partner_name: Option<String>,
        market: Option<String>,
        distributor_id: String,
        month: Month,
    },
    /// Seats and users of a tenant's workload in a month.
    Usage {
        tenant_id: String,
        workload: String,
        month: Month,
        paid_seats: i64,
        active_users: i64,
        /// The export marks the row as a repeat of another location's: it adds nothing where a row that is none states the key.
        duplicate: bool,
        /// The subscription, where a report has a row for each: the parts of a tenant and workload are summed.
        part: Option<String>,
    },
    /// A partner was seen with a tenant through a type in a month. The workload is none where the type is of whole tenants.
    Seen {
        partner_id: String,
        global_partner_id: Option<String>,
        tenant_id: String,
        workload: Option<String>,
        association_type: String,
        month: Month,
    },
    /// A CPOR claim with the day it began, seen in a month.
    Claim { partner_id: String, tenant_id: String, workload: String, associated_on: NaiveDate, month: Month },
    /// The report tells of a partner in a month, and this row of it of nobody who is with a tenant: who was, and is in no row, is not any more.
    Covered { partner_id: String, month: Month },
    /// A person's certification. The person is a pseudonym already.
    Certification {
        partner_id: String,
        person_id: String,
        certification: String,
        earned_on: NaiveDate,
        expires_on: Option<NaiveDate>,
    },
}

/// Where a row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file as given; a member of an archive is `archive.zip!member.csv`.
    pub path: String,
    /// The id of its kind of report.
    pub report: String,
}

/// What became of a file that was read. `rows` is the sum of those kept, folded, passed over and rejected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRead {
    /// The file as given; a member of an archive is `archive.zip!member.csv`.
    pub path: String,
    /// Of the file as it is stored; of a member of an archive, of its content.
    pub sha256: String,
    /// The size of what was hashed.
    pub bytes: u64,
    /// The id of its kind of report; none for a file that is no report.
    pub report: Option<String>,
    /// Why nothing of the file was read; none where it was.
    pub skip_reason: Option<String>,
    /// Rows below the header.
    pub rows: u64,
    /// Rows that state something. One row may state several things.
    pub kept: u64,
    /// The header standing again between rows, as in joined files.
    pub folded: u64,
    /// Sound rows that state nothing for a history, by reason.
    pub passed_over: Vec<PassedOver>,
    /// Rows that could not be taken, by rule.
    pub rejected: Vec<Rejected>,
    /// Names that nobody knows here, by kind and name; their rows are kept where a history can hold them.
    pub unknown: Vec<Unknown>,
    /// Whatever else a person should know, a sentence each.
    pub warnings: Vec<String>,
    /// People whose ids begin with zeros: the pseudonym of the id without these, and of the id.
    pub zero_led_people: Vec<(String, String)>,
}

/// Sound rows that state nothing for a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Why, such as `no_certification`.
    pub reason: String,
    pub rows: u64,
}

/// Rows that break one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The rule's name, such as `ambiguous_count`.
    pub rule: String,
    pub rows: u64,
    /// The line of the first of them; the header's is 1.
    pub line: u64,
    /// The column and value of the first, shortened; without the value where the report has personal columns.
    pub sample: Option<String>,
}

/// A name that nobody knows here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub kind: UnknownKind,
    /// As exported, shortened.
    pub name: String,
    pub rows: u64,
    /// The known name that may be meant.
    pub nearest: Option<String>,
}

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnknownKind {
    Workload,
    Certification,
    Partner,
    AssociationType,
    Product,
    State,
}

impl UnknownKind {
    /// Its name in findings.
    pub fn name(self) -> &'static str {
        match self {
            UnknownKind::Workload => "workload",
            UnknownKind::Certification => "certification",
            UnknownKind::Partner => "partner",
            UnknownKind::AssociationType => "association_type",
            UnknownKind::Product => "product",
            UnknownKind::State => "state",
        }
    }

    /// What follows from a row with such a name.
    pub fn consequence(self) -> &'static str {
        match self {
            UnknownKind::Workload => "usage accepted under this name; no rulebook counts it",
            UnknownKind::Certification => "accepted under this title; no rulebook counts it",
            UnknownKind::Partner => "accepted without a name",
            UnknownKind::AssociationType => "usage accepted, nobody associated",
            UnknownKind::Product => "nobody associated",
            UnknownKind::State => "taken as a state that holds",
        }
    }
}

/// A file that cannot be taken at all. Whatever was handed over of it is void.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The file as given; a member of an archive is `archive.zip!member.csv`.
    pub path: String,
    /// Why, and what to do.
    pub error: Error,
}
