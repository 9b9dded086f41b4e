//! Certifications: people who hold at least one valid certification of a metric's list, each once.

use chrono::NaiveDate;
use polars::prelude::*;

use super::reason;
use crate::engine;
use crate::rulebook::ListedCertification;

/// One row for each account and person with a listed certification: 1 now where one of them is valid on the as-of date.
pub fn certifications(rows: LazyFrame, listed: &[ListedCertification], as_of: NaiveDate) -> LazyFrame {
    let as_of = engine::day(as_of);
    let earned = col("earned_on").lt_eq(as_of.clone());
    let expired = col("expires_on").is_not_null().and(col("expires_on").lt(as_of.clone()));
    let eligible = any_of(listed, |entry| match entry.eligible_until {
        None => lit(true),
        Some(until) => as_of.clone().lt_eq(engine::day(until)),
    });
    let valid = earned.clone().and(expired.clone().not()).and(eligible.clone());
    rows.filter(any_of(listed, |_| lit(true)))
        .with_columns([
            (earned.clone().and(expired.not()).and(eligible.not())).alias("retired"),
            earned.not().alias("awaited"),
            valid.alias("valid"),
        ])
        .group_by([col("account"), col("person_id")])
        .agg([col("valid").max(), col("retired").max(), col("awaited").max()])
        .select([
            col("account"),
            reason::no_text("tenant_id"),
            col("person_id"),
            reason::no_text("workload"),
            col("valid").cast(DataType::Int64).alias("current"),
            lit(0i64).cast(DataType::Int64).alias("prior"),
            col("valid").alias("counted"),
            reason::first_of(
                &[
                    (col("valid"), reason::COUNTED),
                    (col("retired"), reason::CERTIFICATION_NO_LONGER_ELIGIBLE),
                    (col("awaited"), reason::CERTIFICATION_NOT_YET_EARNED),
                ],
                reason::CERTIFICATION_EXPIRED,
            )
            .alias("reason"),
        ])
}

/// A condition on the listed certification that a row names, by its name or an alias; false for one that is not listed.
fn any_of(listed: &[ListedCertification], condition: impl Fn(&ListedCertification) -> Expr) -> Expr {
    let named = |entry: &ListedCertification| {
        let names = entry.aliases.iter().chain([&entry.name]);
        names.map(|name| col("certification").eq(lit(name.as_str()))).reduce(Expr::or).unwrap_or_else(|| lit(false))
    };
    listed.iter().map(|entry| named(entry).and(condition(entry))).reduce(Expr::or).unwrap_or_else(|| lit(false))
}
