//! Why a contribution counts, or does not: a closed list, documented in `docs/reasons.md`.

use polars::prelude::*;

/// The columns of a contribution, in order.
pub const COLUMNS: [&str; 9] =
    ["account", "measure", "tenant_id", "person_id", "workload", "current", "prior", "counted", "reason"];

/// One reason of the closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// As evidence has it.
    pub code: &'static str,
    /// What it means, as a sentence without its first capital and full stop.
    pub meaning: &'static str,
    /// What the partner can do about it; None where there is nothing to do.
    pub action: Option<&'static str>,
}

/// Declares each reason, and the list of all.
macro_rules! reasons {
    ($($name:ident = $code:literal, $meaning:literal, $action:expr;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*

        /// Every reason.
        pub const ALL: &[Reason] = &[$(Reason { code: $code, meaning: $meaning, action: $action }),*];
    };
}

reasons! {
    COUNTED = "counted",
        "it counts as it stands", None;
    ASSOCIATION_MONTH_BASELINE = "association_month_baseline",
        "held now and not a year ago: growth is counted from the month the association began", Some("grow usage from here on");
    NEWLY_HELD = "newly_held",
        "it counts now; the association is younger than a year", None;
    ENTERED_BAND = "entered_band",
        "it counts now and not a year ago, when the tenant was outside the seat band", None;
    LEFT_BAND = "left_band",
        "it counted a year ago and not now: the tenant left the seat band", Some("where it has seats below the band: win them back");
    NOT_HELD_AT_M = "not_held_at_m",
        "no association holds now", Some("renew the association");
    LOST = "lost",
        "it would count a year ago, but the rulebook ignores tenants that were lost", Some("renew the association");
    BELOW_BAND = "below_band",
        "every eligible workload has fewer paid seats than the band asks for", Some("sell seats");
    OUTSIDE_BAND = "outside_band",
        "its paid seats lie beyond the band", None;
    NO_USAGE_AT_M = "no_usage_at_m",
        "held now; the usage month has no row of the tenant on any workload, and an earlier month has", Some("check that the export of the usage month is complete");
    NO_USAGE = "no_usage",
        "neither the usage month nor the year-ago month has a row of the tenant on an eligible workload", Some("see that an eligible workload is used; where no month has the tenant, check its id");
    BELOW_ACTIVE_SHARE = "below_active_share",
        "active users are under the share of paid seats that makes a deployment", Some("raise active use");
    FELL_BELOW_ACTIVE_SHARE = "fell_below_active_share",
        "it was deployed a year ago; active users fell under the share since", Some("raise active use");
    DEPLOYED_BEFORE_ASSOCIATION = "deployed_before_association",
        "it was deployed before the association began, so it never counts for this association", None;
    WORKLOAD_NOT_ELIGIBLE = "workload_not_eligible",
        "the association names a workload that no metric lists", Some("claim an eligible workload of the tenant");
    CERTIFICATION_EXPIRED = "certification_expired",
        "every listed certification of the person has expired, and none is yet to be earned", Some("renew the certification");
    CERTIFICATION_NOT_YET_EARNED = "certification_not_yet_earned",
        "earned after the as-of date: it counts from that day on", None;
    CERTIFICATION_NOT_LISTED = "certification_not_listed",
        "the person has a valid certification, and this rulebook does not list it for this metric", Some("earn a listed certification; explaining the history names the rulebooks that list this one");
    CERTIFICATION_NO_LONGER_ELIGIBLE = "certification_no_longer_eligible",
        "the certification was retired, and its grace period is over", Some("earn its successor");
}

/// The reason behind a code.
pub fn explained(code: &str) -> Option<&'static Reason> {
    ALL.iter().find(|reason| reason.code == code)
}

/// Reasons of what is held at M and was at P.
const HELD_THROUGHOUT: [&str; 4] = [COUNTED, ENTERED_BAND, LEFT_BAND, FELL_BELOW_ACTIVE_SHARE];
/// Reasons of what is held at M and was not at P.
const HELD_SINCE: [&str; 3] = [ASSOCIATION_MONTH_BASELINE, NEWLY_HELD, DEPLOYED_BEFORE_ASSOCIATION];
/// Reasons of what was held at P and is not at M.
const HELD_ONCE: [&str; 2] = [NOT_HELD_AT_M, LOST];
/// Reasons of what is held at M, and may or may not have been at P.
const HELD_NOW: [&str; 4] = [BELOW_BAND, OUTSIDE_BAND, BELOW_ACTIVE_SHARE, NO_USAGE_AT_M];

/// What the reason in a column tells of the association: whether it holds at M, and whether it held at P; null where it tells nothing.
pub fn held(column: &str) -> [Expr; 2] {
    let any = |reasons: &[&str]| {
        let equals = reasons.iter().map(|reason| col(column).eq(lit(*reason)));
        equals.reduce(Expr::or).unwrap_or_else(|| lit(false))
    };
    let told = |yes: Expr, no: Expr| {
        let unknown = lit(NULL).cast(DataType::Boolean);
        when(yes).then(lit(true)).when(no).then(lit(false)).otherwise(unknown)
    };
    let at_m = any(&HELD_THROUGHOUT).or(any(&HELD_SINCE)).or(any(&HELD_NOW));
    let at_p = any(&HELD_THROUGHOUT).or(any(&HELD_ONCE));
    [told(at_m, any(&HELD_ONCE)), told(at_p, any(&HELD_SINCE))]
}

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
