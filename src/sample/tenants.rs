//! A tenant's whole life, drawn from the seed and its index alone. Nothing is kept between tenants.

use std::ops::Range;

use super::World;
use super::calendar::Calendar;
use super::cases::Case;
use super::draw::{Draw, Stream, hash, value_at};
use super::portfolio::{Partner, Segment};

/// Of a thousand tenants, so many are small and medium; the others are large.
const SMALL: u64 = 690;
const MEDIUM: u64 = 255;
/// Of a thousand tenants, so many have a partner.
const WITH_PARTNER: u64 = 870;
/// Of a thousand tenants that left their partner in the last year, and of those that left before, so many have another.
const HANDED_OVER: u64 = 320;
const HANDED_OVER_BEFORE: u64 = 850;

/// Quantiles of paid seats by segment: points of per mille and seats.
const SMALL_SEATS: [(i64, i64); 4] = [(0, 1), (400, 3), (800, 7), (1000, 11)];
const MEDIUM_SEATS: [(i64, i64); 5] = [(0, 11), (500, 32), (750, 75), (900, 150), (1000, 301)];
const LARGE_SEATS: [(i64, i64); 5] = [(0, 301), (500, 620), (750, 1100), (950, 3500), (1000, 16_000)];
/// Quantiles of the change of seats in a year, per mille: a third of the tenants shrink.
const GROWTH: [(i64, i64); 4] = [(0, -180), (330, 0), (800, 90), (1000, 400)];
/// Quantiles of the share of seats in use, per mille, before any partner's care.
const ADOPTION: [(i64, i64); 5] = [(0, 40), (250, 220), (500, 360), (800, 560), (1000, 850)];
/// Quantiles of its change in a year, per mille of the seats.
const DRIFT: [(i64, i64); 4] = [(0, -120), (550, 0), (850, 40), (1000, 120)];

/// Of a thousand tenants of a partner, so many are won in a year, and lost in a year, by the partner's momentum.
const WON_BY_MOMENTUM: [(i64, i64); 4] = [(0, 5), (400, 20), (700, 270), (1000, 680)];
const LOST_BY_MOMENTUM: [(i64, i64); 4] = [(0, 490), (400, 470), (700, 130), (1000, 10)];
/// What a partner adds to adoption in its first months, and to its change in a year, per mille of the seats, by its care.
const LIFT_BY_CARE: [(i64, i64); 4] = [(0, -100), (400, -20), (700, 250), (1000, 400)];
const DRIFT_BY_CARE: [(i64, i64); 4] = [(0, -80), (400, -50), (700, 50), (1000, 140)];

/// A tenant, at the size it has in the last month.
#[derive(Debug, Clone)]
pub(super) struct Tenant {
    pub(super) index: u64,
    /// Salt for what depends on the workload or the month.
    pub(super) key: u64,
    pub(super) case: Case,
    pub(super) segment: Segment,
    /// Paid seats of its main workload in the last month.
    pub(super) seats: i64,
    /// Change of seats in a year, per mille.
    pub(super) growth: i64,
    /// A month, and the seats before it, per mille of those after.
    pub(super) jump: Option<(i32, i64)>,
    /// The position of the workload it uses by all means.
    pub(super) main: usize,
    pub(super) adoption: Adoption,
    /// Where use sits right at two in five seats instead.
    pub(super) near: Option<Near>,
    /// The months it exists in, and those of them that no row tells of.
    pub(super) seen: Range<i32>,
    pub(super) missing: Range<i32>,
    /// Its partner, and the one it goes to after that.
    pub(super) relationship: Option<Relationship>,
    pub(super) successor: Option<Relationship>,
}

/// The share of seats in use, per mille.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adoption {
    /// In the last month, before the partner's care.
    pub(super) level: i64,
    /// Change in a year.
    pub(super) drift: i64,
}

/// Users at two in five of the seats, and a few more or fewer before and from the month `turn`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    pub(super) turn: i32,
    pub(super) before: i64,
    pub(super) after: i64,
}

/// The partner that looks after the tenant, from and until a month.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relationship {
    pub(super) partner: usize,
    pub(super) since: i32,
    pub(super) until: Option<i32>,
    /// What its care adds to the share of seats in use, per mille.
    pub(super) lift: i64,
}

impl Tenant {
    /// Draws the tenant with this index.
    pub(super) fn new(world: &World, index: u64) -> Self {
        let mut draw = Draw::new(world.seed, Stream::Tenant, index);
        let case = Case::of(world.seed, index);
        let segment = case.segment().unwrap_or(segment(draw.below(1000)));
        let mut tenant = Tenant {
            index,
            key: draw.bits(),
            case,
            segment,
            seats: seats(segment, &mut draw),
            growth: draw.quantile(&GROWTH),
            jump: None,
            main: main_workload(world, &mut draw),
            adoption: Adoption { level: draw.quantile(&ADOPTION), drift: draw.quantile(&DRIFT) },
            near: None,
            seen: lifetime(world.calendar, &mut draw),
            missing: 0..0,
            relationship: None,
            successor: None,
        };
        tenant.befriend(world, &mut draw);
        case.shape(&mut tenant, world.calendar, &mut draw);
        tenant
    }

    /// The id: GUID-shaped, unique, and ascending with the index. `text` is overwritten.
    pub(super) fn write_id(&self, tenants: u64, text: &mut String) {
        let step = ((1 << 48) / tenants.max(1)).max(1);
        let high = self.index * step + self.key % step;
        let low = hash(self.key, 1);
        text.clear();
        hexadecimal(text, high >> 16, 8);
        hexadecimal(text, high, 4);
        hexadecimal(text, 0x4000 | (low >> 52), 4);
        hexadecimal(text, 0x8000 | (low & 0x3fff), 4);
        hexadecimal(text, hash(low, 2), 12);
    }

    fn befriend(&mut self, world: &World, draw: &mut Draw) {
        let alone = !draw.chance(WITH_PARTNER) && !self.case.needs_partner();
        let family = draw.below(world.portfolio.families.len() as u64) as usize;
        let picked = match world.portfolio.families.get(family) {
            Some((account, _)) if self.case == Case::TwoLocations => Some(*account),
            _ => world.portfolio.pick(self.segment, draw),
        };
        let Some(partner) = picked.filter(|_| !alone) else { return };
        let traits = &world.portfolio.partners[partner];
        let relationship = Relationship::new(partner, traits, self.case, world.calendar, draw);
        self.relationship = Some(relationship);
        self.successor = relationship.until.and_then(|end| self.succeed(world, partner, end, draw));
        let latest = self.successor.unwrap_or(relationship).partner;
        self.adoption.drift += value_at(&DRIFT_BY_CARE, world.portfolio.partners[latest].care);
    }

    /// The partner that takes over from another: of two that try, the one with more momentum.
    fn succeed(&self, world: &World, before: usize, end: i32, draw: &mut Draw) -> Option<Relationship> {
        let rivals = [world.portfolio.pick(self.segment, draw)?, world.portfolio.pick(self.segment, draw)?];
        let partner = rivals.into_iter().max_by_key(|rival| world.portfolio.partners[*rival].momentum)?;
        let traits = &world.portfolio.partners[partner];
        let since = end + draw.between(0, 2) as i32;
        let recent = end > world.calendar.last() - 12;
        let found = draw.chance(if recent { HANDED_OVER } else { HANDED_OVER_BEFORE });
        let relationship = Relationship { partner, since, until: None, lift: lift(traits, draw) };
        Some(relationship).filter(|_| found && world.portfolio.account(partner) != world.portfolio.account(before))
    }
}

impl Relationship {
    /// Draws when it begins and ends. Partners with momentum win more and lose fewer, year by year the same.
    pub(super) fn new(partner: usize, traits: &Partner, case: Case, calendar: Calendar, draw: &mut Draw) -> Self {
        let won = value_at(&WON_BY_MOMENTUM, traits.momentum) as u64;
        let lost = value_at(&LOST_BY_MOMENTUM, traits.momentum) as u64;
        let last = calendar.last();
        let since = match draw.below(1000) {
            at if case.is_new() || at < won && !case.is_settled() => last - draw.between(0, 11) as i32,
            at if at < 2 * won => last - draw.between(12, 23) as i32,
            _ => last - draw.between(24, 70) as i32,
        };
        let until = match draw.below(1000) {
            _ if case.is_new() || case.is_settled() => None,
            at if at < lost => Some(last - draw.between(0, 11) as i32),
            at if at < 2 * lost => Some(last - draw.between(12, 23) as i32),
            _ => None,
        };
        Relationship { partner, since, until: until.filter(|until| *until >= since), lift: lift(traits, draw) }
    }
}

fn segment(at: u64) -> Segment {
    match at {
        at if at < SMALL => Segment::Small,
        at if at < SMALL + MEDIUM => Segment::Medium,
        _ => Segment::Large,
    }
}

fn seats(segment: Segment, draw: &mut Draw) -> i64 {
    match segment {
        Segment::Small => draw.quantile(&SMALL_SEATS),
        Segment::Medium => draw.quantile(&MEDIUM_SEATS),
        Segment::Large => draw.quantile(&LARGE_SEATS),
    }
}

/// The commoner a workload, the likelier it is the main one.
fn main_workload(world: &World, draw: &mut Draw) -> usize {
    let listed = world.listed.len() as u64;
    let position = draw.below(listed).min(draw.below(listed)) as usize;
    world.listed.get(position).copied().unwrap_or(0)
}

/// Few tenants come and go within a history.
fn lifetime(calendar: Calendar, draw: &mut Draw) -> Range<i32> {
    let month = draw.between(1, i64::from(calendar.last().max(1))) as i32;
    match draw.below(1000) {
        0..40 => month..calendar.months,
        40..80 => 0..month,
        _ => 0..calendar.months,
    }
}

/// What a partner's care adds to the share of seats in use, per mille: much under the best, less than nothing under the worst.
fn lift(partner: &Partner, draw: &mut Draw) -> i64 {
    draw.between(-50, 50) + value_at(&LIFT_BY_CARE, partner.care)
}

/// Appends a group of lower-case digits, with a hyphen before all but the first.
fn hexadecimal(text: &mut String, bits: u64, digits: u32) {
    if !text.is_empty() {
        text.push('-');
    }
    for digit in (0..digits).rev() {
        text.push(char::from(b"0123456789abcdef"[(bits >> (4 * digit) & 15) as usize]));
    }
}
