//! Points as whole numbers of ten-thousandths: capped, then divided once, half up.

use std::iter::Sum;
use std::ops::Sub;

/// How many decimals of a point are kept.
pub const DECIMALS: u32 = 4;

/// How many units one point has.
const UNITS: i64 = 10_i64.pow(DECIMALS);

/// Ten-thousandths of a point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(pub i64);

impl Points {
    /// The points behind a Float64 that [`Points::to_f64`] gave.
    pub fn of_f64(points: f64) -> Points {
        Points((points * UNITS as f64).round() as i64)
    }

    /// The nearest Float64, as files hold it.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / UNITS as f64
    }
}

impl Sub for Points {
    type Output = Points;

    fn sub(self, other: Points) -> Points {
        Points(self.0 - other.0)
    }
}

impl Sum for Points {
    fn sum<I: Iterator<Item = Points>>(points: I) -> Points {
        Points(points.map(|points| points.0).sum())
    }
}

impl<'a> Sum<&'a Points> for Points {
    fn sum<I: Iterator<Item = &'a Points>>(points: I) -> Points {
        points.copied().sum()
    }
}

/// A whole number of points.
pub fn whole(points: i64) -> Points {
    Points(points * UNITS)
}

/// value x maximum / target, never under 0 nor over the maximum. A rulebook's targets are positive.
pub fn earned(value: i64, max_points: i64, target: i64) -> Points {
    let capped = value.clamp(0, target);
    Points(divided(capped * max_points * UNITS, target))
}

/// A non-negative number divided by a positive one, rounded half up.
pub fn divided(dividend: i64, divisor: i64) -> i64 {
    let rest_is_half_or_more = dividend % divisor >= divisor - dividend % divisor;
    dividend / divisor + i64::from(rest_is_half_or_more)
}
