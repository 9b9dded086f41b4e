//! Net customer adds: tenants in band and held now, less those of a year ago.
//!
//! Each tenant counts once, through whichever options of the track it is held. The pair held need not be the one in band.

use polars::prelude::*;

use super::{absent, bands, pairs, reason, through};
use crate::rulebook::{Rulebook, Track};

/// One row for each account and tenant: 1 now and then where it is in the track's band and held through any of its options.
pub fn net_customer_adds(pairs: &LazyFrame, rules: &Rulebook, track: Track) -> LazyFrame {
    let (held_at_m, held_at_p) = (|| col("held_at_m"), || col("held_at_p"));
    let now = held_at_m().and(col("in_band_at_m"));
    let then = held_at_p().and(col("in_band_at_p"));
    pairs
        .clone()
        .filter(through(rules, track))
        .with_columns([bands::at_m(rules, track).alias("in_band_at_m"), bands::at_p(track).alias("in_band_at_p")])
        .with_columns([bands::below(track).alias("below_band")])
        .group_by([col("account"), col("tenant")])
        .agg(
            ["held_at_m", "held_at_p", "in_band_at_m", "in_band_at_p", "below_band", "in_usage", "only_earlier"]
                .map(|name| col(name).max()),
        )
        .select([
            col("account"),
            col("tenant"),
            reason::no_text("person_id"),
            pairs::no_workload(),
            now.clone().cast(DataType::Int64).alias("current"),
            then.clone().cast(DataType::Int64).alias("prior"),
            now.clone().or(then.clone()).alias("counted"),
            reason::first_of(
                &[
                    (now.clone().and(then.clone()), reason::COUNTED),
                    (now.clone().and(held_at_p()), reason::ENTERED_BAND),
                    (now, reason::NEWLY_HELD),
                    (absent::no_usage_at_m(), reason::NO_USAGE_AT_M),
                    (then.clone().and(held_at_m()), reason::LEFT_BAND),
                    (then, reason::NOT_HELD_AT_M),
                    (col("in_usage").not(), reason::NO_USAGE),
                    (held_at_m().and(col("below_band")), reason::BELOW_BAND),
                    (held_at_m(), reason::OUTSIDE_BAND),
                ],
                reason::NOT_HELD_AT_M,
            )
            .alias("reason"),
        ])
}
