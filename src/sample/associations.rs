//! `associations.parquet`: who serves which tenant, through what, from when to when.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Date32Builder, StringBuilder};
use arrow::datatypes::DataType::{Date32, Utf8};

use super::broken;
use super::cases::Case;
use super::draw::{Draw, Stream};
use super::portfolio::Segment;
use super::table::{Column, ROWS_PER_BATCH, Table};
use super::tenants::{Relationship, Tenant};
use super::terms::{Renewal, Term};
use super::{Advance, World, advance_at};

const COLUMNS: [Column; 6] = [
    Column("partner_id", Utf8, false),
    Column("tenant_id", Utf8, false),
    Column("workload", Utf8, true),
    Column("association_type", Utf8, false),
    Column("start_date", Date32, false),
    Column("end_date", Date32, true),
];

/// Of a thousand tenants with a partner, so many have a second one beside it.
const SECOND_PARTNER: u64 = 130;
/// Of a thousand claims, so many are for the whole tenant.
const WHOLE_TENANT_CLAIM: u64 = 160;
/// Of a thousand resellers' customers, so many are bought for directly, not through a distributor.
const DIRECT: u64 = 300;

/// The association types there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cpor,
    Dpor,
    CspTier1,
    CspTier2,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Cpor => "CPOR",
            Kind::Dpor => "DPOR",
            Kind::CspTier1 => "CSP_TIER_1",
            Kind::CspTier2 => "CSP_TIER_2",
        }
    }
}

/// One row, partner and workload by their positions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Association {
    partner: usize,
    workload: Option<usize>,
    kind: Kind,
    term: Term,
}

/// Writes the table; returns its rows and bytes.
pub(super) fn write(world: &World, path: &Path, advance: Advance) -> io::Result<(u64, u64)> {
    let mut table = Table::create(path.to_owned(), &COLUMNS, world.dirty)?;
    let mut columns = Columns::default();
    let mut id = String::new();
    let mut rows = Vec::new();
    for index in 0..world.tenants {
        let tenant = Tenant::new(world, index);
        Booking { world, tenant: &tenant, rows: &mut rows }.all();
        tenant.write_id(world.tenants, &mut id);
        for row in rows.drain(..) {
            columns.add(world, &id, &row);
        }
        columns.write_if(ROWS_PER_BATCH, &mut table)?;
        advance_at(world, index, advance)?;
    }
    if world.dirty {
        broken::associations(world, &mut columns);
    }
    columns.write_if(1, &mut table)?;
    Ok((columns.written, table.close()?))
}

/// The columns of the rows to be written next.
#[derive(Default)]
pub(super) struct Columns {
    partner_id: StringBuilder,
    tenant_id: StringBuilder,
    workload: StringBuilder,
    association_type: StringBuilder,
    start_date: Date32Builder,
    end_date: Date32Builder,
    waiting: usize,
    written: u64,
}

/// A row as it is written, right or wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) partner_id: Option<&'a str>,
    pub(super) tenant_id: Option<&'a str>,
    pub(super) workload: Option<&'a str>,
    pub(super) association_type: Option<&'a str>,
    pub(super) start_date: Option<i32>,
    pub(super) end_date: Option<i32>,
}

impl Columns {
    pub(super) fn rows(&self) -> u64 {
        self.written + self.waiting as u64
    }

    pub(super) fn push(&mut self, row: Row) {
        self.partner_id.append_option(row.partner_id);
        self.tenant_id.append_option(row.tenant_id);
        self.workload.append_option(row.workload);
        self.association_type.append_option(row.association_type);
        self.start_date.append_option(row.start_date);
        self.end_date.append_option(row.end_date);
        self.waiting += 1;
    }

    fn add(&mut self, world: &World, tenant_id: &str, row: &Association) {
        self.push(Row {
            partner_id: Some(&world.portfolio.partners[row.partner].id),
            tenant_id: Some(tenant_id),
            workload: row.workload.map(|workload| world.workloads[workload].name.as_str()),
            association_type: Some(row.kind.name()),
            start_date: Some(row.term.start),
            end_date: row.term.end,
        });
    }

    fn write_if(&mut self, enough: usize, table: &mut Table) -> io::Result<()> {
        if self.waiting < enough {
            return Ok(());
        }
        self.written += std::mem::take(&mut self.waiting) as u64;
        table.write(vec![
            Arc::new(self.partner_id.finish()),
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.workload.finish()),
            Arc::new(self.association_type.finish()),
            Arc::new(self.start_date.finish()),
            Arc::new(self.end_date.finish()),
        ])
    }
}

/// The associations of one tenant, as they are drawn.
struct Booking<'a> {
    world: &'a World,
    tenant: &'a Tenant,
    rows: &'a mut Vec<Association>,
}

impl Booking<'_> {
    fn all(&mut self) {
        let Some(relationship) = self.tenant.relationship else { return };
        let mut draw = Draw::new(self.world.seed, Stream::Associations, self.tenant.index);
        let term = Term::between(self.world.calendar, relationship.since, relationship.until, &mut draw);
        if self.tenant.near.is_some() {
            return self.resale(relationship.partner, &[term], &mut draw);
        }
        match self.tenant.case {
            Case::Renewed => self.renewal(relationship.partner, term, Renewal::Seamless, &mut draw),
            Case::Lapsed => self.renewal(relationship.partner, term, Renewal::Late, &mut draw),
            Case::Overlapping => self.renewal(relationship.partner, term, Renewal::Early, &mut draw),
            Case::RepeatedRow => self.resale(relationship.partner, &[term, term], &mut draw),
            Case::BothCspTiers => self.both_tiers(relationship.partner, term),
            Case::ChangesType => self.change(relationship.partner, term, &mut draw),
            Case::TwoLocations => self.locations(relationship.partner, term, &mut draw),
            Case::Contested => self.contest(relationship.partner, term, &mut draw),
            Case::MonthEnds => self.month_ends(relationship.partner, &mut draw),
            _ => self.usual(relationship.partner, term, &mut draw),
        }
        if let Some(next) = self.tenant.successor {
            let term = Term::between(self.world.calendar, next.since, next.until, &mut draw);
            self.serve(next.partner, term, &mut draw);
        }
    }

    fn push(&mut self, partner: usize, workload: Option<usize>, kind: Kind, term: Term) {
        self.rows.push(Association { partner, workload, kind, term });
    }

    fn usual(&mut self, partner: usize, term: Term, draw: &mut Draw) {
        let all_claimed = self.serve(partner, term, draw);
        if draw.chance(SECOND_PARTNER) {
            self.second_partner(all_claimed, draw);
        }
    }

    /// A partner resells, claims or is the digital partner, and sometimes several of these. Tells if it claims everything.
    fn serve(&mut self, partner: usize, term: Term, draw: &mut Draw) -> bool {
        let care = self.world.portfolio.partners[partner].care;
        let (resells, claims, advises) = match self.tenant.segment {
            Segment::Small => (900, care / 5, 10),
            Segment::Medium => (760, 150 + care * 7 / 10, 60),
            Segment::Large => (250, 250 + care * 7 / 10, 520),
        };
        let before = self.rows.len();
        let claimed = draw.chance(claims) || self.tenant.case == Case::UnlistedClaim;
        let whole = draw.chance(WHOLE_TENANT_CLAIM);
        if claimed {
            self.claims(partner, term, whole, &[0, 1]);
        }
        if draw.chance(advises) {
            self.push(partner, None, Kind::Dpor, term);
        }
        if draw.chance(resells) || self.rows.len() == before {
            let renewal = Renewal::drawn(draw);
            self.renewal(partner, term, renewal, draw);
        }
        claimed && whole
    }

    /// Another partner resells, or claims the workloads that the first leaves.
    fn second_partner(&mut self, all_claimed: bool, draw: &mut Draw) {
        let Some(partner) = self.other_partner(draw) else { return };
        let (calendar, traits) = (self.world.calendar, &self.world.portfolio.partners[partner]);
        let relationship = Relationship::new(partner, traits, Case::Ordinary, calendar, draw);
        let term = Term::between(calendar, relationship.since, relationship.until, draw);
        if all_claimed || self.tenant.segment == Segment::Small && draw.chance(600) {
            self.resale(partner, &[term], draw);
        } else {
            self.claims(partner, term, false, &[2]);
        }
    }

    fn other_partner(&self, draw: &mut Draw) -> Option<usize> {
        let portfolio = &self.world.portfolio;
        let taken: Vec<usize> = self.rows.iter().map(|row| portfolio.account(row.partner)).collect();
        portfolio.pick(self.tenant.segment, draw).filter(|partner| !taken.contains(&portfolio.account(*partner)))
    }

    /// The tier of a reseller's row.
    fn tier(draw: &mut Draw) -> Kind {
        if draw.chance(DIRECT) { Kind::CspTier1 } else { Kind::CspTier2 }
    }

    fn resale(&mut self, partner: usize, terms: &[Term], draw: &mut Draw) {
        let tier = Self::tier(draw);
        for term in terms {
            self.push(partner, None, tier, *term);
        }
    }

    fn renewal(&mut self, partner: usize, term: Term, renewal: Renewal, draw: &mut Draw) {
        let terms = term.renewed(self.world.calendar, renewal, draw);
        self.resale(partner, &terms, draw);
    }

    /// The whole tenant, or the workloads in use that are of the given parts.
    fn claims(&mut self, partner: usize, term: Term, whole: bool, parts: &[u64]) {
        let whole = whole && self.tenant.case != Case::UnlistedClaim;
        if whole {
            return self.push(partner, None, Kind::Cpor, term);
        }
        for workload in 0..self.world.workloads.len() {
            let forced = self.tenant.case == Case::UnlistedClaim && self.world.unlisted.first() == Some(&workload);
            let ours = self.tenant.uses(self.world, workload) && parts.contains(&self.tenant.part(workload));
            if ours || forced && parts.contains(&0) {
                self.push(partner, Some(workload), Kind::Cpor, term);
            }
        }
    }

    fn both_tiers(&mut self, partner: usize, term: Term) {
        self.push(partner, None, Kind::CspTier1, term);
        self.push(partner, None, Kind::CspTier2, term);
    }

    /// Resold until a day of the last year, claimed from the next.
    fn change(&mut self, partner: usize, term: Term, draw: &mut Draw) {
        let calendar = self.world.calendar;
        let day = calendar.last_day(calendar.last()) - draw.between(20, 330) as i32;
        self.resale(partner, &[Term { end: Some(day), ..term }], draw);
        self.push(partner, None, Kind::Cpor, Term { start: day + 1, end: term.end });
    }

    /// Through the global account and one of its locations.
    fn locations(&mut self, account: usize, term: Term, draw: &mut Draw) {
        self.resale(account, &[term], draw);
        let location = self.world.portfolio.families.iter().find(|family| family.0 == account);
        if let Some((_, location)) = location {
            self.resale(*location, &[term], draw);
            self.claims(*location, term, false, &[0, 1, 2]);
        }
    }

    /// Two partners claim the same workloads.
    fn contest(&mut self, partner: usize, term: Term, draw: &mut Draw) {
        self.push(partner, Some(self.tenant.main), Kind::Cpor, term);
        let portfolio = &self.world.portfolio;
        let others = (0..8).find_map(|_| self.other_partner(draw));
        let next = (partner + 1) % portfolio.partners.len();
        self.push(others.unwrap_or(next), Some(self.tenant.main), Kind::Cpor, term);
    }

    /// Rows that hold or do not hold in the last month, or the one a year before, by a day.
    fn month_ends(&mut self, partner: usize, draw: &mut Draw) {
        let calendar = self.world.calendar;
        let month = calendar.last() - 12 * draw.below(2) as i32;
        let day = calendar.last_day(month) + draw.between(-1, 1) as i32;
        let starts = Term { start: day, end: None };
        let ends = Term { start: calendar.first_day(month - 30), end: Some(day) };
        let term = if draw.chance(500) { starts } else { ends };
        self.push(partner, None, Kind::CspTier2, term);
    }
}
