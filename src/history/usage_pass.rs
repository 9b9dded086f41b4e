//! One pass over a month's sound rows: numbers in the place of ids and names, totals by tenant, and on the way a proof that no key
//! repeats, and the counts that warnings are made of.
//!
//! Where rows ascend by tenant, as in sorted files, a tenant's number is found by walking along the sorted ids, and its rows are
//! looked at together. Rows in any order need a map of every id and a set of every key.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use polars::prelude::*;

use super::checks::LARGEST_COUNT;
use super::id_forms::IdForms;
use super::tenants::Tenants;
use super::texts;
use crate::engine::{self, Flow};
use crate::error::Result;

/// The number of a workload that is not listed; a listed one has its position plus one.
pub const UNLISTED: u8 = 0;

/// Views of workload names that are remembered.
const REMEMBERED: usize = 1 << REMEMBERED_BITS;
const REMEMBERED_BITS: u32 = 8;
/// Spreads views over the slots (the golden ratio as a fraction of 64 bits).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// What is wanted of the rows of the tenants asked for.
#[derive(Debug, Clone, Default)]
pub struct ToFind {
    /// The tenants asked for.
    pub tenants: Tenants,
    /// The workloads that get a number of their own, their position plus one.
    pub workloads: Vec<String>,
    /// Lists of workloads, by number, of which totals are wanted.
    pub lists: Vec<Vec<u8>>,
    /// Ranges of paid seats: totals tell how many rows lie within each.
    pub seat_ranges: Vec<RangeInclusive<i64>>,
    /// By tenant, whether its rows are wanted one by one; those of every tenant where absent.
    pub one_by_one: Option<Vec<bool>>,
}

/// Totals of a list of workloads, a place for each tenant by number.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// How many rows there are.
    pub rows: Vec<u32>,
    pub active_users: Vec<i64>,
    pub paid_seats: Vec<i64>,
    /// How many rows have paid seats in each range.
    pub within: Vec<Vec<u32>>,
}

/// What a pass has seen.
#[derive(Default)]
pub(super) struct Seen {
    /// Rows wanted one by one: `tenant` UInt32, `workload` UInt8, `paid_seats` and `active_users` Int64.
    columns: Columns,
    /// By list.
    pub totals: Vec<Totals>,
    /// By tenant, how many rows it has.
    pub rows_of_tenants: Vec<u32>,
    /// Workloads by name, in the order in which they first came.
    pub workloads: Vec<Workload>,
    /// Ids of tenants of which some key repeats.
    pub repeating: Vec<String>,
    /// Whether some tenant or workload is blank.
    pub any_blank: bool,
    /// How many rows have a tenant that spells null, by spelling.
    pub null_tenants: BTreeMap<String, u64>,
    /// How the ids of tenants are written that were not asked for.
    pub id_forms: IdForms,
}

/// A workload name, and how many rows have it.
#[derive(Debug, Default, Clone)]
pub(super) struct Workload {
    pub name: String,
    pub rows: u64,
    /// Rows with more active users than paid seats.
    pub over: u64,
    /// Its number among those that have one.
    number: u8,
    /// Which lists have it, a bit for each.
    lists: u64,
    /// The run of rows of one tenant that had it last.
    last_run: u64,
}

/// Rows as they are put together.
#[derive(Default)]
struct Columns {
    tenant: Vec<u32>,
    workload: Vec<u8>,
    paid_seats: Vec<i64>,
    active_users: Vec<i64>,
}

/// Goes once over `tenant_id, workload, paid_seats, active_users`; a second time where the first finds that tenants do not ascend.
pub(super) fn seen(rows: &LazyFrame, to_find: &Arc<ToFind>) -> Result<Seen> {
    let pass = |order| engine::fold("usage rows", rows.clone(), Pass::new(to_find, order), Pass::step);
    let along = pass(Order::default())?;
    if !along.broken_order {
        return Ok(along.seen);
    }
    let ids = (0..to_find.tenants.len()).filter_map(|number| to_find.tenants.id(number));
    let numbers = ids.map(str::to_owned).zip(0..).collect();
    Ok(pass(Order::Any { numbers, keys: Keys::default() })?.seen)
}

impl Seen {
    /// The rows wanted one by one.
    pub(super) fn take_rows(&mut self) -> DataFrame {
        let columns = std::mem::take(&mut self.columns);
        let height = columns.tenant.len();
        let columns = vec![
            UInt32Chunked::from_vec("tenant".into(), columns.tenant).into_series().into(),
            UInt8Chunked::from_vec("workload".into(), columns.workload).into_series().into(),
            Int64Chunked::from_vec("paid_seats".into(), columns.paid_seats).into_series().into(),
            Int64Chunked::from_vec("active_users".into(), columns.active_users).into_series().into(),
        ];
        DataFrame::new(height, columns).unwrap_or_default()
    }
}

impl Totals {
    fn of(tenants: usize, ranges: usize) -> Totals {
        Totals {
            rows: vec![0; tenants],
            active_users: vec![0; tenants],
            paid_seats: vec![0; tenants],
            within: vec![vec![0; tenants]; ranges],
        }
    }

    /// Adds what a run of rows has summed up, and empties it.
    fn add(&mut self, tenant: usize, sum: &mut Sum) {
        self.rows[tenant] += sum.rows;
        self.active_users[tenant] += std::mem::take(&mut sum.active_users);
        self.paid_seats[tenant] += std::mem::take(&mut sum.paid_seats);
        sum.rows = 0;
        for (total, within) in self.within.iter_mut().zip(&mut sum.within) {
            total[tenant] += std::mem::take(within);
        }
    }
}

/// The totals of a run of rows of one tenant.
#[derive(Clone, Default)]
struct Sum {
    rows: u32,
    active_users: i64,
    paid_seats: i64,
    within: Vec<u32>,
}

/// How tenants are found.
enum Order {
    /// Along the sorted ids: the number that is next, and of the rows before the id, and whether it was asked for.
    Ascending { next: usize, last: String, wanted: bool },
    /// By a map of every id, those that nobody asked for included, and the workloads of every tenant.
    Any { numbers: PlHashMap<String, u32>, keys: Keys },
}

/// The keys that came so far: of the first workloads a bit for each tenant, of the others, which are rare, a set.
#[derive(Default)]
struct Keys {
    bits: Vec<u64>,
    more: HashSet<(u32, usize)>,
}

impl Keys {
    /// Adds a key, and says whether it is new.
    fn insert(&mut self, tenant: u32, place: usize) -> bool {
        if place >= u64::BITS as usize {
            return self.more.insert((tenant, place));
        }
        let tenant = tenant as usize;
        if tenant >= self.bits.len() {
            self.bits.resize(tenant + 1, 0);
        }
        let is_new = (self.bits[tenant] >> place) & 1 == 0;
        self.bits[tenant] |= 1 << place;
        is_new
    }
}

impl Default for Order {
    fn default() -> Self {
        Order::Ascending { next: 0, last: String::new(), wanted: false }
    }
}

/// A pass under way.
#[derive(Default)]
struct Pass {
    to_find: Arc<ToFind>,
    order: Order,
    broken_order: bool,
    /// Runs of rows of one tenant so far.
    run: u64,
    /// Of the run at hand, by list.
    sums: Vec<Sum>,
    seen: Seen,
}

/// The tenant of a run of rows.
#[derive(Clone, Copy, Default)]
struct Tenant {
    /// Its number in the map or among the tenants asked for.
    number: u32,
    wanted: bool,
    /// Whether it did not come before.
    is_new: bool,
}

/// Places of the workloads whose views came before. Views of one chunk are equal where names are; a slot holds the last that fell in it.
struct Remembered([(u128, usize); REMEMBERED]);

impl Pass {
    fn new(to_find: &Arc<ToFind>, order: Order) -> Pass {
        let (tenants, ranges) = (to_find.tenants.len(), to_find.seat_ranges.len());
        let totals = to_find.lists.iter().map(|_| Totals::of(tenants, ranges)).collect();
        let sums = vec![Sum { within: vec![0; ranges], ..Sum::default() }; to_find.lists.len()];
        let seen = Seen { totals, rows_of_tenants: vec![0; tenants], ..Seen::default() };
        Pass { to_find: to_find.clone(), order, sums, seen, ..Pass::default() }
    }

    fn step(&mut self, mut df: DataFrame) -> PolarsResult<Flow> {
        df.rechunk_mut();
        let (ids, names) = (df.column("tenant_id")?.str()?, df.column("workload")?.str()?);
        let (seats, users) = (df.column("paid_seats")?.i64()?, df.column("active_users")?.i64()?);
        refuse_broken(ids.null_count() + names.null_count(), [seats, users])?;
        let chunks =
            ids.downcast_iter().zip(names.downcast_iter()).zip(seats.downcast_iter().zip(users.downcast_iter()));
        for ((ids, names), (seats, users)) in chunks {
            let mut remembered = Remembered([(0, usize::MAX); REMEMBERED]);
            let (views, seats, users) = (ids.views(), seats.values(), users.values());
            let mut from = 0;
            while from < ids.len() {
                // Equal views are equal ids. Other views may be, too: then the same tenant begins anew.
                let more = views[from..].iter().take_while(|view| **view == views[from]).count();
                let Some(tenant) = self.begin(ids.value(from)) else { return Ok(Flow::Break(())) };
                self.look_at(tenant, ids.value(from), more);
                let mut repeats = false;
                for row in from..from + more {
                    let view = names.views()[row].as_u128();
                    let slot = &mut remembered.0[slot_of(view)];
                    if slot.0 != view || slot.1 == usize::MAX {
                        *slot = (view, self.workload(names.value(row)));
                    }
                    let place = slot.1;
                    repeats |= self.take(tenant, place, seats[row], users[row]);
                }
                self.end(tenant, more);
                if repeats {
                    self.repeats(ids.value(from));
                }
                from += more;
            }
        }
        Ok(Flow::Continue(()))
    }

    /// The tenant of the rows that begin here, unless they break the order.
    fn begin(&mut self, id: &str) -> Option<Tenant> {
        let tenants = &self.to_find.tenants;
        match &mut self.order {
            Order::Ascending { next, last, wanted } => {
                let order = if self.run == 0 { Ordering::Greater } else { id.cmp(last.as_str()) };
                match order {
                    Ordering::Less => {
                        self.broken_order = true;
                        return None;
                    }
                    // The same tenant goes on: in another batch, or under another view.
                    Ordering::Equal => {}
                    Ordering::Greater => {
                        *wanted = loop {
                            match tenants.id(*next).map(|wanted| wanted.cmp(id)) {
                                Some(Ordering::Less) => *next += 1,
                                other => break other == Some(Ordering::Equal),
                            }
                        };
                        self.run += 1;
                        last.clear();
                        last.push_str(id);
                    }
                }
                Some(Tenant { number: *next as u32, wanted: *wanted, is_new: order == Ordering::Greater })
            }
            Order::Any { numbers, .. } => {
                let (number, is_new) = match numbers.get(id) {
                    Some(number) => (*number, false),
                    None => {
                        let number = numbers.len() as u32;
                        numbers.insert(id.to_owned(), number);
                        (number, true)
                    }
                };
                Some(Tenant { number, wanted: (number as usize) < tenants.len(), is_new })
            }
        }
    }

    /// Looks at the id of a run of rows. Those that were asked for are in associations, which are looked at by themselves.
    fn look_at(&mut self, tenant: Tenant, id: &str, rows: usize) {
        if tenant.is_new && !tenant.wanted {
            self.seen.any_blank |= texts::is_blank(id);
            self.seen.id_forms.count(id);
        }
        if texts::spells_null(id) {
            *self.seen.null_tenants.entry(id.to_owned()).or_default() += rows as u64;
        }
    }

    /// The place of a workload among those seen.
    fn workload(&mut self, name: &str) -> usize {
        let workloads = &mut self.seen.workloads;
        if let Some(place) = workloads.iter().position(|workload| workload.name == name) {
            return place;
        }
        self.seen.any_blank |= texts::is_blank(name);
        let number = self.to_find.workloads.iter().position(|listed| listed == name);
        let number = number.and_then(|position| u8::try_from(position + 1).ok()).unwrap_or(UNLISTED);
        let has = |(place, list): (usize, &Vec<u8>)| u64::from(list.contains(&number)) << place;
        let lists = self.to_find.lists.iter().enumerate().map(has).sum();
        workloads.push(Workload { name: name.to_owned(), number, lists, ..Workload::default() });
        workloads.len() - 1
    }

    /// Takes a row, and says whether its key was there before.
    fn take(&mut self, tenant: Tenant, place: usize, seats: i64, users: i64) -> bool {
        let workload = &mut self.seen.workloads[place];
        workload.rows += 1;
        workload.over += u64::from(users > seats);
        if tenant.wanted {
            let lists = workload.lists;
            for (_, sum) in self.sums.iter_mut().enumerate().filter(|(list, _)| (lists >> list) & 1 == 1) {
                sum.rows += 1;
                sum.active_users += users;
                sum.paid_seats += seats;
                for (within, range) in sum.within.iter_mut().zip(&self.to_find.seat_ranges) {
                    *within += u32::from(*range.start() <= seats) & u32::from(seats <= *range.end());
                }
            }
            if self.to_find.one_by_one.as_ref().is_none_or(|wanted| wanted[tenant.number as usize]) {
                self.seen.columns.push(tenant.number, workload.number, seats, users);
            }
        }
        match &mut self.order {
            Order::Ascending { .. } => std::mem::replace(&mut workload.last_run, self.run) == self.run,
            Order::Any { keys, .. } => !keys.insert(tenant.number, place),
        }
    }

    /// Adds up a run of rows.
    fn end(&mut self, tenant: Tenant, rows: usize) {
        if tenant.wanted {
            let number = tenant.number as usize;
            self.seen.rows_of_tenants[number] += rows as u32;
            for (totals, sum) in self.seen.totals.iter_mut().zip(&mut self.sums) {
                totals.add(number, sum);
            }
        }
    }

    /// Keeps the id of a tenant of which a key repeats.
    fn repeats(&mut self, id: &str) {
        let repeating = &mut self.seen.repeating;
        if repeating.last().is_none_or(|last| last != id) {
            repeating.push(id.to_owned());
        }
    }
}

impl Columns {
    fn push(&mut self, tenant: u32, workload: u8, seats: i64, users: i64) {
        self.tenant.push(tenant);
        self.workload.push(workload);
        self.paid_seats.push(seats);
        self.active_users.push(users);
    }
}

/// Refuses rows that break a check: they were left out before, unless the statistics of a file say that it has none, and lie.
fn refuse_broken(nulls: usize, counts: [&Int64Chunked; 2]) -> PolarsResult<()> {
    let nulls = nulls + counts.iter().map(|counts| counts.null_count()).sum::<usize>();
    let values = |counts: &Int64Chunked| {
        counts
            .downcast_iter()
            .map(|chunk| chunk.values().iter().fold(0, |bits, count| bits | count))
            .fold(0, |a, b| a | b)
    };
    // Negative counts have the highest bit, and what is too large some bit above the largest count's.
    let is_broken = nulls > 0 || counts.iter().any(|counts| values(counts) & !LARGEST_COUNT != 0);
    polars_ensure!(!is_broken, ComputeError: "a file has values that its statistics rule out");
    Ok(())
}

/// Where a view is remembered.
fn slot_of(view: u128) -> usize {
    let folded = (view as u64) ^ ((view >> u64::BITS) as u64);
    (folded.wrapping_mul(SPREAD) >> (u64::BITS - REMEMBERED_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More workloads than a word has bits: no history of today's has them, and none may be mistaken for another.
    #[test]
    fn keys_are_told_apart_whatever_the_number_of_workloads() {
        let mut keys = Keys::default();
        for place in [0, 1, 63, 64, 65, 127, 128, 999] {
            for tenant in [0, 7, 3] {
                assert!(keys.insert(tenant, place), "{tenant} {place}");
                assert!(!keys.insert(tenant, place), "{tenant} {place}");
            }
        }
    }
}
