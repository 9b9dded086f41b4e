//! Observations of a month: which partner was seen with which tenant, through what and in which report. Associations are derived of them.

use arrow::datatypes::DataType::{Date32, Utf8};
use chrono::NaiveDate;

use super::findings::Change;
use super::spool::{self, Record, Spool};
use super::stored::{self, Cell, Stored, Storing};
use crate::error::Result;
use crate::month::Month;
use crate::publish::Replacement;
use crate::publish::table_file::Column;

pub(super) const COLUMNS: [Column; 6] = [
    Column("tenant_id", Utf8, false),
    Column("partner_id", Utf8, false),
    Column("association_type", Utf8, false),
    Column("workload", Utf8, true),
    Column("report", Utf8, false),
    Column("associated_on", Date32, true),
];

/// The table's name in findings.
pub(super) const NAME: &str = "observations";

/// What stands for no date in a record.
const NO_DATE: i64 = i64::MIN;

/// The file of a month.
pub(super) fn file(month: Month) -> String {
    format!("_observations/month={}/seen.parquet", month.first_day())
}

/// A partner, seen with a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen<'a> {
    pub(super) tenant_id: &'a str,
    pub(super) partner_id: &'a str,
    pub(super) association_type: &'a str,
    /// None: the whole tenant.
    pub(super) workload: Option<&'a str>,
    /// The kind of report it is seen in.
    pub(super) report: &'a str,
    /// The day the association began, where the report tells.
    pub(super) associated_on: Option<NaiveDate>,
}

/// What an observation is of; its files are sorted by it.
type Key<'a> = (&'a str, &'a str, &'a str, Option<&'a str>, &'a str);

impl<'a> Seen<'a> {
    /// Keeps it for its month.
    pub(super) fn put(&self, spool: &mut Spool, month: Month) -> Result<()> {
        let record = spool.month(month);
        // A workload has a name: nothing stands for none, and comes first as none does.
        let workload = self.workload.unwrap_or_default();
        spool::put_key(record, &[self.tenant_id, self.partner_id, self.association_type, workload, self.report]);
        spool::put_number(record, self.associated_on.map_or(NO_DATE, |day| i64::from(stored::days(day))));
        spool.settle(month)
    }

    /// What stands behind a key.
    fn read(key: &'a str, record: &mut Record<'a>) -> Seen<'a> {
        let [tenant_id, partner_id, association_type, workload, report] = spool::texts(key);
        let workload = Some(workload).filter(|workload| !workload.is_empty());
        let associated_on = i32::try_from(record.number()).ok().and_then(stored::day);
        Seen { tenant_id, partner_id, association_type, workload, report, associated_on }
    }

    /// The row that a file stands on.
    pub(super) fn of(file: &'a Stored) -> Seen<'a> {
        Seen {
            tenant_id: file.text(0),
            partner_id: file.text(1),
            association_type: file.text(2),
            workload: file.optional(3),
            report: file.text(4),
            associated_on: file.day(5),
        }
    }

    /// Who was seen with whom, through what.
    pub(super) fn link(&self) -> (&'a str, &'a str, &'a str, Option<&'a str>) {
        (self.tenant_id, self.partner_id, self.association_type, self.workload)
    }

    fn key(&self) -> Key<'a> {
        (self.tenant_id, self.partner_id, self.association_type, self.workload, self.report)
    }

    fn add_to(&self, rows: &mut Storing) -> Result<()> {
        rows.add(&[
            Cell::text(self.tenant_id),
            Cell::text(self.partner_id),
            Cell::text(self.association_type),
            Cell::Text(self.workload),
            Cell::text(self.report),
            Cell::Day(self.associated_on),
        ])
    }
}

/// The earlier of two dates, of which either may be unknown.
pub(super) fn earliest(a: Option<NaiveDate>, b: Option<NaiveDate>) -> Option<NaiveDate> {
    a.into_iter().chain(b).min()
}

/// Merges what was seen in a month into the history: a union, of which each row has the earliest date stated.
pub(super) fn merge(records: &[u8], month: Month, place: &mut Replacement) -> Result<Change> {
    let keyed = spool::sorted(records, |record| {
        record.number();
    });
    let read = |(key, place)| Seen::read(key, &mut Record::at(records, place));
    let mut sightings = keyed.into_iter().map(read).peekable();
    let mut held = Stored::open(&place.target().join(file(month)), &COLUMNS)?;
    let mut rows = Storing::create(&place.file(&file(month))?, &COLUMNS)?;
    let mut change = Change::default();
    while let Some(mut seen) = sightings.next() {
        while let Some(again) = sightings.next_if(|next| next.key() == seen.key()) {
            seen.associated_on = earliest(seen.associated_on, again.associated_on);
        }
        while held.has_row() && Seen::of(&held).key() < seen.key() {
            Seen::of(&held).add_to(&mut rows)?;
            held.advance()?;
        }
        let is_held = held.has_row() && Seen::of(&held).key() == seen.key();
        let before = is_held.then(|| held.day(5));
        seen.associated_on = earliest(before.flatten(), seen.associated_on);
        change.count(before.as_ref(), &seen.associated_on);
        seen.add_to(&mut rows)?;
        if is_held {
            held.advance()?;
        }
    }
    while held.has_row() {
        Seen::of(&held).add_to(&mut rows)?;
        held.advance()?;
    }
    change.rows = rows.rows;
    rows.close()?;
    if !change.is_any() {
        place.take_back(&file(month))?;
    }
    Ok(change)
}
