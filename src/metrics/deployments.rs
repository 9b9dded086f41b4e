//! Deployments: tenants that use what they pay for, now less a year ago, through each option.
//!
//! A tenant that was above the share already when its association began is left out now.

use polars::prelude::*;

use super::{absent, bands, pairs, reason, through};
use crate::rulebook::{DeploymentUnit, Rulebook, Track};

/// One row for each tenant (or pair, where the rulebook counts pairs): 1 now and then where it is deployed.
pub fn deployments(pairs: &LazyFrame, rules: &Rulebook, track: Track) -> LazyFrame {
    let pairs = pairs.clone().filter(through(rules, track)).with_columns([
        bands::at_m(rules, track).alias("in_band_at_m"),
        bands::at_p(track).alias("in_band_at_p"),
        bands::below(track).alias("below_band"),
    ]);
    contributions(units(pairs, rules))
}

/// What is judged, each with `reaches_at_m`, `reaches_at_p` and `above_at_association`.
fn units(pairs: LazyFrame, rules: &Rulebook) -> LazyFrame {
    let tenant = || [col("account"), col("option"), col("tenant")];
    let flags = ["held_at_m", "held_at_p", "in_band_at_m", "in_band_at_p", "below_band", "in_usage", "only_earlier"];
    let any_flag = || flags.map(|name| col(name).max());
    match rules.choices.deployment_unit.reading {
        DeploymentUnit::TenantPooled => {
            let sums =
                ["users_at_m", "seats_at_m", "users_at_first", "seats_at_first"].map(|name| held(name, "held_at_m"));
            let sums_then = ["users_at_p", "seats_at_p"].map(|name| held(name, "held_at_p"));
            pairs
                .group_by(tenant())
                .agg([any_flag().to_vec(), sums.to_vec(), sums_then.to_vec()].concat())
                .with_columns(ratios(rules, "first"))
                .with_columns([pairs::no_workload()])
        }
        DeploymentUnit::TenantAnyWorkload => pairs
            .with_columns(ratios(rules, "first"))
            .with_columns([
                col("reaches_at_m").and(col("held_at_m")),
                col("reaches_at_p").and(col("held_at_p")),
                col("above_at_association").and(col("held_at_m")),
            ])
            .group_by(tenant())
            .agg(
                [
                    any_flag().to_vec(),
                    ["reaches_at_m", "reaches_at_p", "above_at_association"].map(|name| col(name).max()).to_vec(),
                ]
                .concat(),
            )
            .with_columns([pairs::no_workload()]),
        DeploymentUnit::TenantWorkload => pairs.with_columns(ratios(rules, "association")),
    }
}

/// The sum of a column over the pairs held then.
fn held(name: &str, held: &str) -> Expr {
    when(col(held)).then(col(name)).otherwise(lit(0i64)).sum().alias(name)
}

/// Does the active share reach the rulebook's, now and then, and was it above when the association began? Integers throughout.
fn ratios(rules: &Rulebook, association: &str) -> [Expr; 3] {
    let percent = lit(rules.metrics.deployments.deployed_at_percent);
    let users = |at: &str| col(format!("users_at_{at}")) * lit(100i64);
    let seats = |at: &str| col(format!("seats_at_{at}"));
    let has_seats = |at: &str| seats(at).gt(lit(0));
    let reaches = |at: &str| has_seats(at).and(users(at).gt_eq(seats(at) * percent.clone()));
    let above = |at: &str| has_seats(at).and(users(at).gt(seats(at) * percent.clone()));
    [
        reaches("m").alias("reaches_at_m"),
        reaches("p").alias("reaches_at_p"),
        above(association).alias("above_at_association"),
    ]
}

fn contributions(units: LazyFrame) -> LazyFrame {
    let (held_at_m, held_at_p) = (|| col("held_at_m"), || col("held_at_p"));
    let deployed_at_m = held_at_m().and(col("in_band_at_m")).and(col("reaches_at_m"));
    let deployed_at_p = held_at_p().and(col("in_band_at_p")).and(col("reaches_at_p"));
    let left_out = held_at_p().not().and(col("above_at_association"));
    let now = deployed_at_m.clone().and(left_out.clone().not());
    let then = deployed_at_p;
    units.select([
        col("account"),
        col("option"),
        col("tenant"),
        reason::no_text("person_id"),
        col("workload"),
        deployed_at_m.clone().cast(DataType::Int64).alias("current"),
        then.clone().cast(DataType::Int64).alias("prior"),
        now.clone().or(then.clone()).alias("counted"),
        reason::first_of(
            &[
                (now.clone().and(then.clone()), reason::COUNTED),
                (now.clone().and(held_at_p()).and(col("in_band_at_p").not()), reason::ENTERED_BAND),
                (now.clone().and(held_at_p()), reason::COUNTED),
                (now, reason::NEWLY_HELD),
                (absent::no_usage_at_m(), reason::NO_USAGE_AT_M),
                (then.clone().and(held_at_m().not()), reason::NOT_HELD_AT_M),
                (then.clone().and(col("in_band_at_m").not()), reason::LEFT_BAND),
                (then, reason::FELL_BELOW_ACTIVE_SHARE),
                (deployed_at_m, reason::DEPLOYED_BEFORE_ASSOCIATION),
                (col("in_usage").not(), reason::NO_USAGE),
                (held_at_m().not(), reason::NOT_HELD_AT_M),
                (col("in_band_at_m").not().and(col("below_band")), reason::BELOW_BAND),
                (col("in_band_at_m").not(), reason::OUTSIDE_BAND),
            ],
            reason::BELOW_ACTIVE_SHARE,
        )
        .alias("reason"),
    ])
}
