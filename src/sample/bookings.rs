//! The associations of a tenant, drawn: a usual mix of types and partners, or an awkward case.

use super::World;
use super::cases::Case;
use super::draw::{Draw, Stream};
use super::portfolio::Segment;
use super::tenants::{Relationship, Tenant};
use super::terms::{Renewal, Term};

/// Of a thousand tenants with a partner, so many have a second one beside it.
const SECOND_PARTNER: u64 = 60;
/// Of a thousand claims, so many are for the whole tenant.
const WHOLE_TENANT_CLAIM: u64 = 230;
/// Of a thousand resellers' customers, so many are bought for directly, not through a distributor.
const DIRECT: u64 = 300;
/// Of a thousand claims for the whole tenant, so many followed, with some overlap, a claim for one workload.
const BEGAN_WITH_ONE: u64 = 100;

/// The association types there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cpor,
    Dpor,
    CspTier1,
    CspTier2,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Cpor => "CPOR",
            Kind::Dpor => "DPOR",
            Kind::CspTier1 => "CSP_TIER_1",
            Kind::CspTier2 => "CSP_TIER_2",
        }
    }
}

/// One row, partner and workload by their positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Association {
    pub(super) partner: usize,
    pub(super) workload: Option<usize>,
    pub(super) kind: Kind,
    pub(super) term: Term,
}

/// The associations of one tenant, as they are drawn.
pub(super) struct Booking<'a> {
    pub(super) world: &'a World,
    pub(super) tenant: &'a Tenant,
    pub(super) rows: &'a mut Vec<Association>,
}

impl Booking<'_> {
    /// Adds all of them to `rows`.
    pub(super) fn all(&mut self) {
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
            Segment::Small => (900, care / 7, 10),
            Segment::Medium => (760, 100 + care * 7 / 10, 60),
            Segment::Large => (250, 150 + care * 7 / 10, 520),
        };
        let before = self.rows.len();
        let claimed = draw.chance(claims) || self.tenant.case == Case::UnlistedClaim;
        let whole = draw.chance(WHOLE_TENANT_CLAIM);
        if claimed {
            self.claims(partner, term, whole, &[0, 1]);
        }
        if claimed && whole && draw.chance(BEGAN_WITH_ONE) {
            let before = Term { start: term.start - 60, end: Some(term.start + 10) };
            self.push(partner, Some(self.tenant.main), Kind::Cpor, before);
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
