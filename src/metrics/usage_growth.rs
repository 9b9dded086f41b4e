//! Usage growth: active users now less those of a year ago, through each option.
//!
//! Growth from before an association earns nothing: a pair that is held now and was not then counts from its association month.

use polars::prelude::*;

use super::{absent, bands, reason, through};
use crate::rulebook::{LostTenants, Rulebook, Track, UsageBaseline};

/// One row for each pair: active users now and then where its tenant is in the track's band.
pub fn usage_growth(pairs: &LazyFrame, rules: &Rulebook, track: Track) -> LazyFrame {
    let (held_at_m, held_at_p) = (|| col("held_at_m"), || col("held_at_p"));
    let in_band_at_m = || bands::at_m(rules, track);
    let in_band_at_p = || bands::at_p(track);
    let newly_held = || held_at_m().and(held_at_p().not());
    let still_wanted = match rules.choices.lost_tenants.reading {
        LostTenants::Subtract => lit(true),
        LostTenants::Ignore => held_at_m(),
    };
    let now = held_at_m().and(in_band_at_m());
    let then = held_at_p().and(in_band_at_p()).and(still_wanted.clone());
    let counted = now.clone().or(then.clone());
    let from_association = newly_held().and(in_band_at_m());
    let or_zero = |condition: Expr, users: Expr| when(condition).then(users).otherwise(lit(0i64));
    let current = or_zero(now.clone(), col("users_at_m"));
    let prior = or_zero(then.clone(), col("users_at_p")) + or_zero(from_association, baseline(rules));
    // A row that does not count shows what was measured.
    let measured = or_zero(held_at_m(), col("users_at_m"));
    let measured_then = when(held_at_p()).then(col("users_at_p")).otherwise(baseline(rules));
    pairs.clone().filter(through(rules, track)).select([
        col("account"),
        col("option"),
        col("tenant"),
        reason::no_text("person_id"),
        col("workload"),
        when(counted.clone()).then(current).otherwise(measured).alias("current"),
        when(counted.clone()).then(prior).otherwise(measured_then).alias("prior"),
        counted.alias("counted"),
        reason::first_of(
            &[
                (now.clone().and(newly_held()), reason::ASSOCIATION_MONTH_BASELINE),
                (now.clone().and(in_band_at_p()), reason::COUNTED),
                (now, reason::ENTERED_BAND),
                (absent::no_usage_at_m(), reason::NO_USAGE_AT_M),
                (then.clone().and(held_at_m()), reason::LEFT_BAND),
                (then, reason::NOT_HELD_AT_M),
                (col("in_usage").not(), reason::NO_USAGE),
                (held_at_m().not().and(in_band_at_p()).and(still_wanted.not()), reason::LOST),
                (held_at_m().and(bands::below(track)), reason::BELOW_BAND),
                (held_at_m(), reason::OUTSIDE_BAND),
            ],
            reason::NOT_HELD_AT_M,
        )
        .alias("reason"),
    ])
}

/// What the growth of a newly held pair is counted from.
fn baseline(rules: &Rulebook) -> Expr {
    let (association_month, year_ago) = (col("users_at_association"), col("users_at_p"));
    match rules.choices.usage_baseline.reading {
        UsageBaseline::AssociationMonth => association_month,
        UsageBaseline::YearAgo => year_ago,
        UsageBaseline::LargerOfBoth => {
            when(association_month.clone().gt(year_ago.clone())).then(association_month).otherwise(year_ago)
        }
    }
}
