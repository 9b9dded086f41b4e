//! The awkward cases: each occurs in every 256 tenants, so that the smallest sample has all of them.

use super::calendar::Calendar;
use super::draw::{Draw, Stream};
use super::portfolio::Segment;
use super::tenants::{Near, Tenant};

const BLOCK: u64 = 256;

/// What is unusual about a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Ordinary,
    /// One workload has more than 300 seats, another fewer.
    TwoSizes,
    /// Seats pass a usual limit within the last year.
    GrowsLarge,
    ShrinksToMedium,
    GrowsToMedium,
    ShrinksToSmall,
    /// Workloads without seats, some of them used.
    NoSeats,
    /// More people are active than seats are paid.
    MoreUsersThanSeats,
    /// Months without a row, in the middle or at the end of a year.
    MissingMonths,
    MissingLastMonth,
    MissingMonthAYearAgo,
    Appears,
    Vanishes,
    /// Partners claim it, but it never uses anything.
    NeverSeen,
    /// An association that ends, and begins anew the day after, weeks later, or before it ends.
    Renewed,
    Lapsed,
    Overlapping,
    /// The same row twice.
    RepeatedRow,
    BothCspTiers,
    /// From one association type to another, without a gap.
    ChangesType,
    /// The same tenant through a global account and its location.
    TwoLocations,
    /// Two partners claim the same workload.
    Contested,
    /// A claim on a workload that is not on the list.
    UnlistedClaim,
    /// Begins or ends on the last day of a month, or a day beside it.
    MonthEnds,
    /// Two in five seats are used, or one user more or fewer, lately and when the association began.
    ReachesTwoInFive,
    FallsShortOfTwoInFive,
    TwoInFiveAtStart,
    AboveTwoInFiveAtStart,
}

const CASES: [Case; 27] = [
    Case::TwoSizes,
    Case::GrowsLarge,
    Case::ShrinksToMedium,
    Case::GrowsToMedium,
    Case::ShrinksToSmall,
    Case::NoSeats,
    Case::MoreUsersThanSeats,
    Case::MissingMonths,
    Case::MissingLastMonth,
    Case::MissingMonthAYearAgo,
    Case::Appears,
    Case::Vanishes,
    Case::NeverSeen,
    Case::Renewed,
    Case::Lapsed,
    Case::Overlapping,
    Case::RepeatedRow,
    Case::BothCspTiers,
    Case::ChangesType,
    Case::TwoLocations,
    Case::Contested,
    Case::UnlistedClaim,
    Case::MonthEnds,
    Case::ReachesTwoInFive,
    Case::FallsShortOfTwoInFive,
    Case::TwoInFiveAtStart,
    Case::AboveTwoInFiveAtStart,
];

impl Case {
    /// The case of a tenant: dealt out block by block, each time in another order of places.
    pub(super) fn of(seed: u64, index: u64) -> Self {
        let turn = Draw::new(seed, Stream::Block, index / BLOCK).bits();
        // An odd factor permutes the places of a block.
        let place = (index % BLOCK).wrapping_mul(turn | 1).wrapping_add(turn >> 32) % BLOCK;
        CASES.get(place as usize).copied().unwrap_or(Case::Ordinary)
    }

    /// Whether the tenant has a partner by all means, so that the case matters.
    pub(super) fn needs_partner(self) -> bool {
        !matches!(self, Case::Ordinary | Case::Appears | Case::Vanishes | Case::MissingMonths)
    }

    /// Whether the association is older than a year and goes on.
    pub(super) fn is_settled(self) -> bool {
        use Case::*;
        matches!(self, TwoSizes | GrowsLarge | ShrinksToMedium | GrowsToMedium | ShrinksToSmall)
            || matches!(self, NoSeats | MoreUsersThanSeats | MissingLastMonth | MissingMonthAYearAgo)
            || matches!(self, Renewed | Lapsed | Overlapping | RepeatedRow | BothCspTiers | ChangesType)
            || matches!(self, Contested | ReachesTwoInFive | FallsShortOfTwoInFive)
    }

    /// Whether the association began within the last year and goes on.
    pub(super) fn is_new(self) -> bool {
        matches!(self, Case::TwoInFiveAtStart | Case::AboveTwoInFiveAtStart)
    }

    /// The size the case needs, where it needs one.
    pub(super) fn segment(self) -> Option<Segment> {
        use Case::*;
        match self {
            TwoSizes | GrowsLarge => Some(Segment::Large),
            ShrinksToMedium | GrowsToMedium | TwoLocations | Contested => Some(Segment::Medium),
            ReachesTwoInFive | FallsShortOfTwoInFive | TwoInFiveAtStart | AboveTwoInFiveAtStart => {
                Some(Segment::Medium)
            }
            ShrinksToSmall => Some(Segment::Small),
            _ => None,
        }
    }

    /// Makes the tenant what the case says.
    pub(super) fn shape(self, tenant: &mut Tenant, calendar: Calendar, draw: &mut Draw) {
        self.shape_seats(tenant, calendar, draw);
        self.shape_presence(tenant, calendar, draw);
        self.shape_use(tenant, calendar, draw);
    }

    fn shape_seats(self, tenant: &mut Tenant, calendar: Calendar, draw: &mut Draw) {
        let (seats, before) = match self {
            Case::TwoSizes => (draw.between(330, 700), 1000),
            Case::GrowsLarge => (draw.between(310, 420), 600),
            Case::ShrinksToMedium => (draw.between(200, 290), 1700),
            Case::GrowsToMedium => (draw.between(12, 18), 500),
            Case::ShrinksToSmall => (draw.between(6, 10), 2200),
            _ => return,
        };
        tenant.seats = seats;
        tenant.growth = 0;
        tenant.jump = Some((calendar.last() - draw.between(0, 10) as i32, before));
    }

    fn shape_presence(self, tenant: &mut Tenant, calendar: Calendar, draw: &mut Draw) {
        let last = calendar.last();
        let middle = draw.between(1, i64::from(last.max(1))) as i32;
        let length = draw.between(1, 3) as i32;
        match self {
            Case::MissingMonths => tenant.missing = middle..middle + length,
            Case::MissingLastMonth => tenant.missing = last..last + 1,
            Case::MissingMonthAYearAgo => tenant.missing = last - 12..last - 11,
            Case::Appears => tenant.seen = middle..calendar.months,
            Case::Vanishes => tenant.seen = 0..middle,
            Case::NeverSeen => tenant.seen = 0..0,
            _ => {}
        }
    }

    fn shape_use(self, tenant: &mut Tenant, calendar: Calendar, draw: &mut Draw) {
        let (before, after) = match self {
            Case::ReachesTwoInFive => (-1, 0),
            Case::FallsShortOfTwoInFive => (0, -1),
            Case::TwoInFiveAtStart => (0, 0),
            Case::AboveTwoInFiveAtStart => (1, 1),
            _ => return,
        };
        tenant.seats = draw.between(5, 50) * 5;
        tenant.growth = 0;
        tenant.near = Some(Near { turn: calendar.last() - draw.between(0, 10) as i32, before, after });
    }
}
