//! Usage of a month: what is held, and what exports state, become one row for each tenant and workload.
//!
//! A later row of the exports wins over an earlier one, and any over what is held; a row marked as a duplicate wins over duplicates alone.
//! Rows of subscriptions are parts: each is kept, and the key's row is their sum. All of this gives the same whether exports come at once
//! or one after another.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType::{Int64, Utf8};

use super::findings::{Change, Differences};
use super::spool::{self, Record, Spool};
use super::stored::{Cell, Stored, Storing};
use crate::error::Result;
use crate::month::Month;
use crate::publish::Replacement;
use crate::publish::table_file::Column;
use crate::words::noun_for;

const COLUMNS: [Column; 4] = [
    Column("tenant_id", Utf8, false),
    Column("workload", Utf8, false),
    Column("paid_seats", Int64, false),
    Column("active_users", Int64, false),
];
const PARTS: [Column; 5] = [
    Column("tenant_id", Utf8, false),
    Column("workload", Utf8, false),
    Column("part", Utf8, false),
    Column("paid_seats", Int64, false),
    Column("active_users", Int64, false),
];
const DUPLICATES: [Column; 2] = [Column("tenant_id", Utf8, false), Column("workload", Utf8, false)];

/// The table's name in findings and in `history.json`.
pub(super) const NAME: &str = "workload_usage";

/// The file of a month.
pub(super) fn file(month: Month) -> String {
    format!("workload_usage/month={}/part-0.parquet", month.first_day())
}

fn parts_file(month: Month) -> String {
    format!("_observations/month={}/parts.parquet", month.first_day())
}

fn duplicates_file(month: Month) -> String {
    format!("_observations/month={}/duplicates.parquet", month.first_day())
}

/// The rows of a month as they will be.
pub(super) fn open(month: Month, place: &Replacement) -> Result<Stored> {
    Stored::open(&place.current(&file(month)), &COLUMNS)
}

/// The active users of the row that such a file stands on.
pub(super) fn active_users(rows: &Stored) -> i64 {
    rows.count(3)
}

/// Paid seats and active users.
type Counts = (i64, i64);
/// A tenant and a workload.
type Key<'a> = (&'a str, &'a str);

/// A row as an export states it.
pub(super) struct Statement<'a> {
    pub(super) tenant_id: &'a str,
    pub(super) workload: &'a str,
    pub(super) counts: Counts,
    pub(super) duplicate: bool,
    pub(super) part: Option<&'a str>,
    /// The number of the file that states it.
    pub(super) file: usize,
}

impl<'a> Statement<'a> {
    /// Keeps it for its month.
    pub(super) fn put(&self, spool: &mut Spool, month: Month) -> Result<()> {
        let record = spool.month(month);
        spool::put_key(record, &[self.tenant_id, self.workload]);
        spool::put_optional(record, self.part);
        for number in [self.counts.0, self.counts.1, i64::from(self.duplicate), self.file as i64] {
            spool::put_number(record, number);
        }
        spool.settle(month)
    }

    /// What stands behind a key.
    fn read(key: &'a str, record: &mut Record<'a>) -> Statement<'a> {
        let [tenant_id, workload] = spool::texts(key);
        let part = record.optional();
        let counts = (record.number(), record.number());
        let duplicate = record.number() == 1;
        let file = usize::try_from(record.number()).unwrap_or_default();
        Statement { tenant_id, workload, counts, duplicate, part, file }
    }
}

/// What a month came to.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) change: Change,
    /// Workloads that have a row.
    pub(super) workloads: BTreeSet<String>,
    /// By the number of a file, rows of it that another row stands for.
    pub(super) repeated: BTreeMap<usize, u64>,
}

impl Merged {
    fn repeat(&mut self, file: usize) {
        *self.repeated.entry(file).or_default() += 1;
    }
}

/// Which row stands for a key.
#[derive(Clone, Copy)]
struct Standing {
    counts: Counts,
    duplicate: bool,
    /// None where it is held already.
    file: Option<usize>,
    is_sum: bool,
}

/// Merges a month's statements into the history.
pub(super) fn merge(
    records: &[u8],
    month: Month,
    place: &mut Replacement,
    differences: &mut Differences,
) -> Result<Merged> {
    let mut has_parts = false;
    let keyed = spool::sorted(records, |record| has_parts |= Statement::read("", record).part.is_some());
    let read = |(key, place)| Statement::read(key, &mut Record::at(records, place));
    let mut statements = keyed.into_iter().map(read).peekable();
    let mut merging = Merging::begin(month, has_parts, place)?;
    let mut group = Vec::new();
    while let Some(first) = statements.next() {
        let key = (first.tenant_id, first.workload);
        group.clear();
        group.push(first);
        group.extend(std::iter::from_fn(|| statements.next_if(|next| (next.tenant_id, next.workload) == key)));
        merging.keep_before(Some(key))?;
        merging.unite(key, &group, differences)?;
    }
    merging.keep_before(None)?;
    merging.close(place)
}

/// A month under way.
struct Merging {
    month: Month,
    held: Stored,
    rows: Storing,
    parts: Option<Parts>,
    duplicates: Duplicates,
    merged: Merged,
}

impl Merging {
    fn begin(month: Month, has_parts: bool, place: &mut Replacement) -> Result<Merging> {
        Ok(Merging {
            month,
            held: Stored::open(&place.target().join(file(month)), &COLUMNS)?,
            rows: Storing::create(&place.file(&file(month))?, &COLUMNS)?,
            parts: if has_parts { Some(Parts::begin(month, place)?) } else { None },
            duplicates: Duplicates::read(month, place)?,
            merged: Merged::default(),
        })
    }

    fn add(&mut self, key: Key, counts: Counts) -> Result<()> {
        if !self.merged.workloads.contains(key.1) {
            self.merged.workloads.insert(key.1.to_owned());
        }
        self.rows.add(&[Cell::text(key.0), Cell::text(key.1), Cell::Count(counts.0), Cell::Count(counts.1)])
    }

    /// Keeps the rows held before a key, or all that are left.
    fn keep_before(&mut self, key: Option<Key>) -> Result<()> {
        while self.held.has_row() && key.is_none_or(|key| (self.held.text(0), self.held.text(1)) < key) {
            let (tenant_id, workload) = (self.held.text(0), self.held.text(1));
            if !self.merged.workloads.contains(workload) {
                self.merged.workloads.insert(workload.to_owned());
            }
            let counts = [Cell::Count(self.held.count(2)), Cell::Count(self.held.count(3))];
            self.rows.add(&[Cell::text(tenant_id), Cell::text(workload), counts[0], counts[1]])?;
            self.held.advance()?;
        }
        Ok(())
    }

    /// Makes one row of the statements of a key and of what is held.
    fn unite(&mut self, key: Key, group: &[Statement], differences: &mut Differences) -> Result<()> {
        let is_held = self.held.has_row() && (self.held.text(0), self.held.text(1)) == key;
        let before = is_held.then(|| (self.held.count(2), self.held.count(3)));
        let sum = match &mut self.parts {
            Some(parts) => parts.unite(key, group, self.month, &mut self.merged, differences)?,
            None => None,
        };
        let held =
            before.map(|counts| Standing { counts, duplicate: self.duplicates.has(key), file: None, is_sum: false });
        let stands = self.standing(key, held, group, sum, differences);
        if let Some(stands) = stands {
            self.duplicates.set(key, stands.duplicate);
            self.merged.change.count(before.as_ref(), &stands.counts);
            self.add(key, stands.counts)?;
        }
        if is_held { self.held.advance() } else { Ok(()) }
    }

    /// The statement that stands in the end, and what it differs from.
    fn standing(
        &mut self,
        key: Key,
        held: Option<Standing>,
        group: &[Statement],
        sum: Option<Counts>,
        differences: &mut Differences,
    ) -> Option<Standing> {
        group.iter().fold(held, |before, statement| {
            let is_sum = statement.part.is_some();
            let counts = sum.filter(|_| is_sum).unwrap_or(statement.counts);
            let next =
                Standing { counts, duplicate: statement.duplicate && !is_sum, file: Some(statement.file), is_sum };
            let Some(before) = before else { return Some(next) };
            if next.duplicate && !before.duplicate {
                self.merged.repeat(statement.file);
                return Some(before);
            }
            if let Some(file) = before.file.filter(|_| !before.is_sum) {
                self.merged.repeat(file);
            }
            if let Some(file) = before.file.filter(|_| before.duplicate == next.duplicate && before.counts != counts) {
                let what = || format!("{} {} {}", key.0, key.1, self.month);
                differences.note(NAME, what, [(shown(before.counts), file), (shown(counts), statement.file)]);
            }
            Some(next)
        })
    }

    /// Completes the month's files; those that are as they were stay.
    fn close(self, place: &mut Replacement) -> Result<Merged> {
        let mut merged = self.merged;
        merged.change.rows = self.rows.rows;
        self.rows.close()?;
        if !merged.change.is_any() {
            place.take_back(&file(self.month))?;
        }
        if let Some(parts) = self.parts {
            parts.close(self.month, place)?;
        }
        self.duplicates.close(self.month, place)?;
        Ok(merged)
    }
}

fn shown(counts: Counts) -> String {
    let told = |number: i64, noun: &str| format!("{number} {}", noun_for(number.unsigned_abs(), noun));
    format!("{} and {}", told(counts.0, "paid seat"), told(counts.1, "active user"))
}

/// What subscriptions add to a tenant and workload, kept so that a later export can restate one of them.
struct Parts {
    held: Stored,
    rows: Storing,
    changed: bool,
}

impl Parts {
    fn begin(month: Month, place: &mut Replacement) -> Result<Parts> {
        let held = Stored::open(&place.target().join(parts_file(month)), &PARTS)?;
        let rows = Storing::create(&place.file(&parts_file(month))?, &PARTS)?;
        Ok(Parts { held, rows, changed: false })
    }

    fn keep_before(&mut self, key: Option<Key>) -> Result<()> {
        while self.held.has_row() && key.is_none_or(|key| (self.held.text(0), self.held.text(1)) < key) {
            let cells = [0, 1, 2].map(|column| Cell::text(self.held.text(column)));
            let counts = [Cell::Count(self.held.count(3)), Cell::Count(self.held.count(4))];
            self.rows.add(&[cells[0], cells[1], cells[2], counts[0], counts[1]])?;
            self.held.advance()?;
        }
        Ok(())
    }

    /// The sum of a key's parts, where a statement is one.
    fn unite(
        &mut self,
        key: Key,
        group: &[Statement],
        month: Month,
        merged: &mut Merged,
        differences: &mut Differences,
    ) -> Result<Option<Counts>> {
        if group.iter().all(|statement| statement.part.is_none()) {
            return Ok(None);
        }
        self.keep_before(Some(key))?;
        let mut parts: BTreeMap<String, (Counts, Option<usize>)> = BTreeMap::new();
        while self.held.has_row() && (self.held.text(0), self.held.text(1)) == key {
            parts.insert(self.held.text(2).to_owned(), ((self.held.count(3), self.held.count(4)), None));
            self.held.advance()?;
        }
        for statement in group {
            let Some(part) = statement.part else { continue };
            let before = parts.insert(part.to_owned(), (statement.counts, Some(statement.file)));
            self.changed |= before.is_none_or(|(counts, _)| counts != statement.counts);
            let Some((counts, Some(file))) = before else { continue };
            merged.repeat(file);
            if counts != statement.counts {
                let what = || format!("{} {} {month}, a subscription", key.0, key.1);
                differences.note(NAME, what, [(shown(counts), file), (shown(statement.counts), statement.file)]);
            }
        }
        let mut sum: Counts = (0, 0);
        for (part, ((paid_seats, active_users), _)) in &parts {
            let counts = [Cell::Count(*paid_seats), Cell::Count(*active_users)];
            self.rows.add(&[Cell::text(key.0), Cell::text(key.1), Cell::text(part), counts[0], counts[1]])?;
            sum = (sum.0.saturating_add(*paid_seats), sum.1.saturating_add(*active_users));
        }
        Ok(Some(sum))
    }

    fn close(mut self, month: Month, place: &mut Replacement) -> Result<()> {
        self.keep_before(None)?;
        self.rows.close()?;
        if self.changed { Ok(()) } else { place.take_back(&parts_file(month)) }
    }
}

/// Keys that only rows marked as duplicates state: any other row wins over theirs, in a later ingest too.
struct Duplicates {
    held: BTreeSet<(String, String)>,
    keys: BTreeSet<(String, String)>,
}

impl Duplicates {
    fn read(month: Month, place: &Replacement) -> Result<Duplicates> {
        let mut stored = Stored::open(&place.target().join(duplicates_file(month)), &DUPLICATES)?;
        let mut held = BTreeSet::new();
        while stored.has_row() {
            held.insert((stored.text(0).to_owned(), stored.text(1).to_owned()));
            stored.advance()?;
        }
        Ok(Duplicates { keys: held.clone(), held })
    }

    fn has(&self, key: Key) -> bool {
        !self.keys.is_empty() && self.keys.contains(&owned(key))
    }

    fn set(&mut self, key: Key, duplicate: bool) {
        if duplicate {
            self.keys.insert(owned(key));
        } else if !self.keys.is_empty() {
            self.keys.remove(&owned(key));
        }
    }

    fn close(self, month: Month, place: &mut Replacement) -> Result<()> {
        if self.keys == self.held {
            return Ok(());
        }
        if self.keys.is_empty() {
            place.remove(&duplicates_file(month));
            return Ok(());
        }
        let mut rows = Storing::create(&place.file(&duplicates_file(month))?, &DUPLICATES)?;
        for (tenant_id, workload) in &self.keys {
            rows.add(&[Cell::text(tenant_id), Cell::text(workload)])?;
        }
        rows.close()
    }
}

fn owned(key: Key) -> (String, String) {
    (key.0.to_owned(), key.1.to_owned())
}
