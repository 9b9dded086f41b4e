//! Why a contribution counts, or does not: a closed list, documented in `docs/reasons.md`.

use polars::prelude::*;

/// The columns of a contribution, in order.
pub const COLUMNS: [&str; 9] =
    ["account", "measure", "tenant_id", "person_id", "workload", "current", "prior", "counted", "reason"];

/// It counts as it stands.
pub const COUNTED: &str = "counted";
/// It counts now; there was no association in the year-ago month, and the association month is what growth is counted from.
pub const ASSOCIATION_MONTH_BASELINE: &str = "association_month_baseline";
/// It counts now; the association is younger than the year-ago month.
pub const NEWLY_HELD: &str = "newly_held";
/// It counts now and not then: the tenant was outside the seat band in the year-ago month.
pub const ENTERED_BAND: &str = "entered_band";
/// It counts then and not now: the tenant is outside the seat band.
pub const LEFT_BAND: &str = "left_band";
/// It counts then and not now: no association holds.
pub const NOT_HELD_AT_M: &str = "not_held_at_m";
/// It would count then, but no association holds now, and the rulebook ignores lost tenants.
pub const LOST: &str = "lost";
/// It does not count: every eligible workload has fewer paid seats than the band asks for.
pub const BELOW_BAND: &str = "below_band";
/// It does not count: paid seats lie above the band, or on both sides of it.
pub const OUTSIDE_BAND: &str = "outside_band";
/// It does not count: no usage row of the tenant on an eligible workload.
pub const NO_USAGE: &str = "no_usage";
/// It does not count: active users are under the share of paid seats that makes a deployment.
pub const BELOW_ACTIVE_SHARE: &str = "below_active_share";
/// It counts then and not now: active users fell under the share.
pub const FELL_BELOW_ACTIVE_SHARE: &str = "fell_below_active_share";
/// It does not count: it was deployed before the association began.
pub const DEPLOYED_BEFORE_ASSOCIATION: &str = "deployed_before_association";
/// It does not count: every listed certification of the person has expired.
pub const CERTIFICATION_EXPIRED: &str = "certification_expired";
/// It does not count: earned after the as-of date.
pub const CERTIFICATION_NOT_YET_EARNED: &str = "certification_not_yet_earned";
/// It does not count: the certification was retired, and its grace period is over.
pub const CERTIFICATION_NO_LONGER_ELIGIBLE: &str = "certification_no_longer_eligible";

/// The first reason whose condition is true, else the last resort.
pub(super) fn first_of(reasons: &[(Expr, &str)], otherwise: &str) -> Expr {
    reasons.iter().rev().fold(lit(otherwise), |otherwise, (condition, reason)| {
        when(condition.clone()).then(lit(*reason)).otherwise(otherwise)
    })
}

/// A text column without values.
pub(super) fn no_text(name: &str) -> Expr {
    lit(NULL).cast(DataType::String).alias(name)
}
