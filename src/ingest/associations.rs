//! `associations`, derived of what was observed in every month, in one pass along the sorted observations.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use arrow::datatypes::DataType::{Boolean, Date32, Utf8};
use chrono::NaiveDate;

use super::findings::Change;
use super::names;
use super::observations::{self, Seen, earliest};
use super::partners::Partners;
use super::stored::{Cell, Stored, Storing};
use crate::error::Result;
use crate::history::ExportCoverage;
use crate::month::Month;
use crate::publish::Replacement;
use crate::publish::table_file::Column;

/// The last is for people: whether the start is inferred from months, or the end from another account's claim, and not stated by a report.
const COLUMNS: [Column; 7] = [
    Column("partner_id", Utf8, false),
    Column("tenant_id", Utf8, false),
    Column("workload", Utf8, true),
    Column("association_type", Utf8, false),
    Column("start_date", Date32, false),
    Column("end_date", Date32, true),
    Column("inferred", Boolean, false),
];

/// The table's name.
pub(super) const NAME: &str = "associations";
/// Its file.
pub(super) const FILE: &str = "associations.parquet";

/// Who, with whom, through what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    tenant_id: String,
    partner_id: String,
    association_type: String,
    workload: Option<String>,
}

/// From when to when a link held, and the first and the last month in which it was seen then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: NaiveDate,
    end: Option<NaiveDate>,
    inferred: bool,
    first: Month,
    last: Month,
}

/// A link and a time for which it held.
#[derive(Debug)]
struct Held {
    link: Link,
    span: Span,
}

impl Held {
    /// Whether the partner holds a workload of the tenant, and was seen with the whole tenant through the same type all that time.
    fn is_within(&self, whole: &Held) -> bool {
        let is_part = self.link.workload.is_some() && whole.link.workload.is_none();
        let same_partner = self.link.partner_id == whole.link.partner_id;
        let same_type = self.link.association_type == whole.link.association_type;
        let in_time = whole.span.first <= self.span.first && self.span.last <= whole.span.last;
        is_part && same_partner && same_type && in_time
    }

    /// The day on which another account's claim on the same pair takes the place of this one; none where it does not.
    ///
    /// The later claim begins on the day stated, or with the first month in which it was seen. Where this one was seen from then on, its own
    /// reports go on stating it, and both stay.
    fn superseded_on(&self, later: &Held, partners: &Partners) -> Option<NaiveDate> {
        let same_pair =
            self.link.association_type == later.link.association_type && self.link.workload == later.link.workload;
        let same_account = partners.account(&self.link.partner_id) == partners.account(&later.link.partner_id);
        if !same_pair || same_account {
            return None;
        }
        let begins = if later.span.inferred { later.span.first.first_day() } else { later.span.start };
        let holds_then = self.span.start < begins && self.span.end.is_none_or(|end| end >= begins);
        let is_restated = self.span.last.first_day() >= begins;
        (holds_then && !is_restated).then_some(begins)
    }
}

/// The associations of a tenant: without workloads that a whole tenant covers, and with the end of claims that others took the place of.
fn settled(held: Vec<Held>, exclusive: &[String], partners: &Partners) -> Vec<Held> {
    let superseded = |one: &Held| -> Option<NaiveDate> {
        let is_exclusive = exclusive.contains(&one.link.association_type);
        let others = held.iter().filter(|_| is_exclusive);
        others.filter_map(|other| one.superseded_on(other, partners)).min()
    };
    let ends: Vec<Option<NaiveDate>> = held.iter().map(superseded).collect();
    let is_kept: Vec<bool> = held.iter().map(|one| !held.iter().any(|whole| one.is_within(whole))).collect();
    let rows = held.into_iter().zip(ends).zip(is_kept).filter(|(_, is_kept)| *is_kept);
    rows.map(|((mut one, superseded), _)| {
        if let Some(last_day) = superseded.and_then(|day| day.pred_opt()) {
            (one.span.end, one.span.inferred) = (Some(last_day), true);
        }
        one
    })
    .collect()
}

/// Derives the table anew, from the observations of some months, and writes it where it differs from what is held.
pub(super) fn derive(
    months: &[Month],
    covered: &ExportCoverage,
    partners: &Partners,
    place: &mut Replacement,
) -> Result<Change> {
    let open = |month: &Month| {
        Ok((*month, Stored::open(&place.current(&observations::file(*month)), &observations::COLUMNS)?))
    };
    let mut files = months.iter().map(open).collect::<Result<Vec<_>>>()?;
    let mut coverage = Coverage::new(covered, partners);
    let mut writing = Writing::begin(place)?;
    let exclusive = names::exclusive_types()?;
    let mut held: Vec<Held> = Vec::new();
    while let Some(link) = least(&files) {
        if held.last().is_some_and(|last| last.link.tenant_id != link.tenant_id) {
            writing.add_all(settled(std::mem::take(&mut held), &exclusive, partners))?;
        }
        let mut seen: BTreeMap<Month, Option<NaiveDate>> = BTreeMap::new();
        let mut reports: BTreeSet<String> = BTreeSet::new();
        for (month, file) in &mut files {
            while file.has_row() && link.is_of(&Seen::of(file)) {
                let sighting = Seen::of(file);
                let stated = seen.entry(*month).or_default();
                *stated = earliest(*stated, sighting.associated_on);
                if !reports.contains(sighting.report) {
                    reports.insert(sighting.report.to_owned());
                }
                file.advance()?;
            }
        }
        let months = coverage.of(partners.account(&link.partner_id), reports);
        held.extend(spans(&seen, &months).into_iter().map(|span| Held { link: link.clone(), span }));
    }
    writing.add_all(settled(held, &exclusive, partners))?;
    writing.close(place)
}

impl Link {
    fn of(seen: &Seen) -> Link {
        Link {
            tenant_id: seen.tenant_id.to_owned(),
            partner_id: seen.partner_id.to_owned(),
            association_type: seen.association_type.to_owned(),
            workload: seen.workload.map(str::to_owned),
        }
    }

    fn is_of(&self, seen: &Seen) -> bool {
        self.tenant_id == seen.tenant_id
            && self.partner_id == seen.partner_id
            && self.association_type == seen.association_type
            && self.workload.as_deref() == seen.workload
    }
}

/// The first link, in their order, that any file stands on.
fn least(files: &[(Month, Stored)]) -> Option<Link> {
    let standing = files.iter().filter(|(_, file)| file.has_row()).map(|(_, file)| Seen::of(file));
    standing.min_by(|a, b| a.link().cmp(&b.link())).map(|seen| Link::of(&seen))
}

/// The months that some reports of an account cover; asked for again and again.
struct Coverage {
    accounts: BTreeMap<String, BTreeMap<String, BTreeSet<Month>>>,
    asked: HashMap<(String, BTreeSet<String>), Rc<BTreeSet<Month>>>,
}

impl Coverage {
    fn new(covered: &ExportCoverage, partners: &Partners) -> Coverage {
        Coverage { accounts: covered.by_account(|partner| Some(partners.account(partner))), asked: HashMap::new() }
    }

    fn of(&mut self, account: &str, reports: BTreeSet<String>) -> Rc<BTreeSet<Month>> {
        let accounts = &self.accounts;
        let asked = (account.to_owned(), reports);
        if let Some(months) = self.asked.get(&asked) {
            return months.clone();
        }
        let covered = accounts.get(account);
        let months = asked.1.iter().filter_map(|report| covered?.get(report)).flatten().copied();
        let months: Rc<BTreeSet<Month>> = Rc::new(months.collect());
        self.asked.insert(asked, months.clone());
        months
    }
}

/// A run of months in which a link was seen, as far as they are covered.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: Month,
    last: Month,
    /// The earliest day that a report states as its beginning.
    stated: Option<NaiveDate>,
    /// Whether a covered month follows in which the link was not seen.
    over: bool,
}

/// When a link held: months in which it was seen, with the day that a report states, among the months that are covered.
fn spans(seen: &BTreeMap<Month, Option<NaiveDate>>, covered: &BTreeSet<Month>) -> Vec<Span> {
    let oldest = covered.first().copied();
    let mut spans = Vec::new();
    for run in joined(runs(seen, covered)) {
        let end = run.over.then(|| run.last.last_day());
        let stated = run.stated.filter(|stated| end.is_none_or(|end| *stated <= end));
        let began_before = oldest.is_none_or(|oldest| run.first <= oldest);
        let first_day = run.first.first_day();
        let inferred_start = if began_before { first_day.pred_opt().unwrap_or(first_day) } else { first_day };
        let start = stated.unwrap_or(inferred_start);
        spans.push(Span { start, end, inferred: stated.is_none(), first: run.first, last: run.last });
    }
    spans
}

/// The runs: a covered month without the link ends one, and so does a claim that began on a later day.
fn runs(seen: &BTreeMap<Month, Option<NaiveDate>>, covered: &BTreeSet<Month>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let months: BTreeSet<Month> = covered.iter().chain(seen.keys()).copied().collect();
    for month in months {
        let running = runs.last_mut().filter(|run| !run.over);
        match (seen.get(&month), running) {
            (Some(stated), Some(run)) if !run.gave_way(*stated) => {
                (run.last, run.stated) = (month, earliest(run.stated, *stated));
            }
            (Some(stated), running) => {
                running.into_iter().for_each(|run| run.over = true);
                runs.push(Run { first: month, last: month, stated: *stated, over: false });
            }
            (None, Some(run)) => run.over = true,
            (None, None) => {}
        }
    }
    runs
}

impl Run {
    /// Whether a stated day is that of another claim, which began when this one had been seen. Reports state the day of the claim that holds;
    /// days that differ from before it was seen are one claim's.
    fn gave_way(&self, stated: Option<NaiveDate>) -> bool {
        let (Some(own), Some(stated)) = (self.stated, stated) else { return false };
        stated > own && stated > self.first.last_day()
    }

    /// Whether another run is the same claim, seen again: it began, by the day stated, before this one ended.
    fn goes_on_as(&self, later: &Run) -> bool {
        later.stated.is_some_and(|stated| stated <= self.last.last_day()) && !self.gave_way(later.stated)
    }
}

/// Runs of which the later, by the day that its report states, began before the earlier ended: the gap was one of the reports alone.
fn joined(runs: Vec<Run>) -> Vec<Run> {
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(before) if before.goes_on_as(&run) => {
                let stated = earliest(before.stated, run.stated);
                *before = Run { first: before.first, stated, ..run };
            }
            _ => joined.push(run),
        }
    }
    joined
}

/// The new table, compared with the one that is held as it is written.
struct Writing {
    held: Stored,
    rows: Storing,
    change: Change,
}

impl Writing {
    fn begin(place: &mut Replacement) -> Result<Writing> {
        let held = Stored::open(&place.target().join(FILE), &COLUMNS)?;
        Ok(Writing { held, rows: Storing::create(&place.file(FILE)?, &COLUMNS)?, change: Change::default() })
    }

    /// Adds the associations of a tenant.
    fn add_all(&mut self, held: Vec<Held>) -> Result<()> {
        held.iter().try_for_each(|one| self.add(&one.link, one.span))
    }

    fn add(&mut self, link: &Link, span: Span) -> Result<()> {
        self.rows.add(&[
            Cell::text(&link.partner_id),
            Cell::text(&link.tenant_id),
            Cell::Text(link.workload.as_deref()),
            Cell::text(&link.association_type),
            Cell::Day(Some(span.start)),
            Cell::Day(span.end),
            Cell::Flag(span.inferred),
        ])?;
        let key = (
            link.tenant_id.as_str(),
            link.partner_id.as_str(),
            link.association_type.as_str(),
            link.workload.as_deref(),
            Some(span.start),
        );
        while self.held.has_row() && held_key(&self.held) < key {
            self.change.removed += 1;
            self.held.advance()?;
        }
        let is_held = self.held.has_row() && held_key(&self.held) == key;
        let before = is_held.then(|| (self.held.day(5), self.held.flag(6)));
        self.change.count(before.as_ref(), &(span.end, span.inferred));
        if is_held { self.held.advance() } else { Ok(()) }
    }

    fn close(mut self, place: &mut Replacement) -> Result<Change> {
        while self.held.has_row() {
            self.change.removed += 1;
            self.held.advance()?;
        }
        self.change.rows = self.rows.rows;
        self.rows.close()?;
        if !self.change.is_any() && place.target().join(FILE).exists() {
            place.take_back(FILE)?;
        }
        Ok(self.change)
    }
}

/// What the rows of the table are sorted by.
fn held_key(held: &Stored) -> (&str, &str, &str, Option<&str>, Option<NaiveDate>) {
    (held.text(1), held.text(0), held.text(3), held.optional(2), held.day(4))
}
