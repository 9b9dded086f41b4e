//! What a tenant uses in a month: workloads, paid seats, active users.

use super::World;
use super::cases::Case;
use super::draw::{hash, scale};
use super::portfolio::Segment;
use super::tenants::{Relationship, Tenant};

/// Seats change when a subscription is renewed, not every month.
const MONTHS_BETWEEN_CHANGES: i32 = 3;
/// A partner's care takes so many months to show.
const MONTHS_OF_LIFT: i64 = 9;
/// Most workloads come with the suite, for all; so many of a thousand are bought for some people only.
const BOUGHT_FOR_SOME: u64 = 130;

impl Tenant {
    /// Whether the month has rows of this tenant.
    pub(super) fn is_present(&self, month: i32) -> bool {
        self.seen.contains(&month) && !self.missing.contains(&month)
    }

    /// Whether the tenant uses a workload, by its position; it is the same in all months.
    pub(super) fn uses(&self, world: &World, workload: usize) -> bool {
        let factor = match self.segment {
            Segment::Small => 900,
            Segment::Medium => 1200,
            Segment::Large => 1450,
        };
        let Some(described) = world.workloads.get(workload) else { return false };
        let forced = workload == self.main
            || self.case == Case::TwoSizes && Some(workload) == self.second(world)
            || self.case == Case::UnlistedClaim && Some(workload) == world.unlisted.first().copied();
        forced || self.dice(workload, Dice::Uses, 1_000_000) < described.share * factor
    }

    /// A listed workload beside the main one, where there is another.
    pub(super) fn second(&self, world: &World) -> Option<usize> {
        let after = world.listed.iter().position(|workload| *workload == self.main)? + 1;
        world.listed.get(after % world.listed.len()).copied().filter(|second| *second != self.main)
    }

    /// Paid seats of a workload in a month.
    pub(super) fn paid_seats(&self, world: &World, workload: usize, month: i32) -> i64 {
        let phase = (self.key % MONTHS_BETWEEN_CHANGES as u64) as i32;
        let changed = month - (month + phase).rem_euclid(MONTHS_BETWEEN_CHANGES);
        let years = i64::from(world.calendar.last() - changed);
        let level = (1000 - self.growth * years / 12).max(200);
        let before = match self.jump {
            Some((jump, before)) if month < jump => before,
            _ => 1000,
        };
        let seats = self.seats * level * before / 1_000_000 * self.portion(world, workload) / 1000;
        if workload == self.main { seats.max(1) } else { seats }
    }

    /// For how many of a thousand people a workload is bought.
    fn portion(&self, world: &World, workload: usize) -> i64 {
        let dice = self.dice(workload, Dice::Portion, 1000);
        match self.case {
            _ if workload == self.main || self.near.is_some() => 1000,
            Case::TwoSizes if Some(workload) == self.second(world) => 250,
            Case::NoSeats => 0,
            _ if dice < 8 => 0,
            _ if dice < BOUGHT_FOR_SOME => 50 + dice as i64 * 6,
            _ => 1000,
        }
    }

    /// Active users of a workload in a month, of the seats it has then.
    pub(super) fn active_users(&self, world: &World, workload: usize, month: i32, seats: i64) -> i64 {
        if let Some(near) = self.near {
            let more = if month < near.turn { near.before } else { near.after };
            return seats * 2 / 5 + if workload == self.main { more } else { 0 };
        }
        let share = self.adoption(world.calendar.last(), month) * self.taste(workload) / 1000;
        let salt = self.dice(workload, Dice::Wobble, 1 << 32) ^ month as u64;
        let wobble = scale(hash(self.key, salt), 41) as i64 - 20;
        let rounding = scale(hash(salt, self.key), 1000) as i64;
        match self.case {
            Case::MoreUsersThanSeats => (seats * (1150 + wobble) + 999) / 1000,
            Case::NoSeats if workload != self.main => self.seats * share / 4000,
            _ => (seats * (share + wobble).clamp(0, 1000) + rounding) / 1000,
        }
    }

    /// The share of seats in use in a month, per mille.
    fn adoption(&self, last: i32, month: i32) -> i64 {
        let drifted = self.adoption.level - self.adoption.drift * i64::from(last - month) / 12;
        let shown = |relationship: &Relationship| i64::from(month - relationship.since).clamp(0, MONTHS_OF_LIFT);
        let first = self.relationship.map_or(0, |first| first.lift * shown(&first));
        let handed_over =
            |next: Relationship| (next.lift - self.relationship.map_or(0, |first| first.lift)) * shown(&next);
        (drifted + (first + self.successor.map_or(0, handed_over)) / MONTHS_OF_LIFT).max(10)
    }

    /// How a workload is liked beside the others, per mille.
    fn taste(&self, workload: usize) -> i64 {
        600 + self.dice(workload, Dice::Taste, 600) as i64
    }

    fn dice(&self, workload: usize, dice: Dice, bound: u64) -> u64 {
        scale(hash(self.key, (workload as u64) << 8 | dice as u64), bound)
    }

    /// The part of the tenant, 0 to 2, that a workload belongs to where partners share it.
    pub(super) fn part(&self, workload: usize) -> u64 {
        self.dice(workload, Dice::Part, 3)
    }
}

#[derive(Debug, Clone, Copy)]
enum Dice {
    Uses,
    Portion,
    Wobble,
    Taste,
    Part,
}
