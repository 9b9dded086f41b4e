//! Chance that is cheap to start: every tenant, partner or person has a small generator of its own, so any of them can be
//! drawn again alone, in any order, on any thread. Integers only: the same sample on every platform.

/// What is drawn. The same number in two streams has nothing in common.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Block = 1,
    Partner,
    Person,
    Tenant,
    Associations,
    Customer,
    Dirt,
}

/// A sequence of draws (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Draw {
    state: u64,
}

impl Draw {
    pub(super) fn new(seed: u64, stream: Stream, index: u64) -> Self {
        Draw { state: hash(hash(seed, stream as u64), index) }
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number under `bound`, or 0 where that is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        scale(self.bits(), bound)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high.abs_diff(low) + 1) as i64
    }

    /// True in so many of a thousand draws.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of the items, which must not be empty.
    pub(super) fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// A value of the distribution that has these quantiles.
    pub(super) fn quantile(&mut self, points: Curve) -> i64 {
        between_points(points, self.below(1_000_000) as i64)
    }
}

/// A curve of straight lines through points: per mille, from 0 to 1000, and value.
pub(super) type Curve<'a> = &'a [(i64, i64)];

/// The value of a curve at so many of a thousand.
pub(super) fn value_at(points: Curve, per_mille: u64) -> i64 {
    between_points(points, per_mille as i64 * 1000)
}

fn between_points(points: Curve, millionth: i64) -> i64 {
    let above = points.iter().position(|(at, _)| at * 1000 > millionth).unwrap_or(points.len() - 1);
    let ((from, low), (to, high)) = (points[above.saturating_sub(1)], points[above]);
    low + (high - low) * (millionth - from * 1000) / ((to - from) * 1000).max(1)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number that looks drawn, but depends on its arguments alone.
pub(super) fn hash(key: u64, salt: u64) -> u64 {
    mix(key ^ mix(salt.wrapping_add(GOLDEN)))
}

/// Maps all 64 bits evenly onto the numbers under `bound`.
pub(super) fn scale(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
