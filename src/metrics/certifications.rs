//! Certifications: people who hold at least one valid certification of a metric's list, each once.

use chrono::NaiveDate;
use polars::prelude::*;

use super::reason;
use crate::engine;
use crate::error::Result;
use crate::rulebook::{self, ListedCertification, Metric, Rulebook};

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

/// Names of certifications, by which lists have them; for those that a metric does not list.
pub struct Lists {
    /// On the metric's list.
    here: Vec<String>,
    /// On any list of the rulebook.
    anywhere: Vec<String>,
    /// On the metric's list in another built-in rulebook.
    elsewhere: Vec<String>,
    /// On any list of any built-in rulebook.
    known: Vec<String>,
}

impl Lists {
    /// The lists that a metric's certifications are compared with.
    ///
    /// # Errors
    /// Internal where a built-in rulebook cannot be read.
    pub fn of(rules: &Rulebook, metric: Metric) -> Result<Lists> {
        let builtins = rulebook::builtins()?;
        let of_metric = |rules: &Rulebook| names(rules.certifications(metric));
        let of_rulebook = |rules: &Rulebook| -> Vec<String> {
            Metric::ALL.into_iter().flat_map(|metric| names(rules.certifications(metric))).collect()
        };
        Ok(Lists {
            here: of_metric(rules),
            anywhere: of_rulebook(rules),
            elsewhere: builtins.iter().flat_map(of_metric).collect(),
            known: builtins.iter().flat_map(of_rulebook).collect(),
        })
    }
}

/// Every name and alias of listed certifications.
fn names(listed: &[ListedCertification]) -> Vec<String> {
    listed.iter().flat_map(|entry| entry.aliases.iter().chain([&entry.name])).cloned().collect()
}

/// Whether a row is valid on a day, whatever the lists say.
fn is_valid(as_of: NaiveDate) -> Expr {
    let unexpired = col("expires_on").is_null().or(col("expires_on").gt_eq(engine::day(as_of)));
    col("earned_on").lt_eq(engine::day(as_of)).and(unexpired)
}

/// Whether a row names one of some certifications.
fn is_in(names: &[String]) -> Expr {
    col("certification").is_in(lit(Series::new("names".into(), names)).implode(false), false)
}

/// What people validly hold on a day and no list of the rulebook has: `person_id` and `certification`, each pair once.
pub fn unlisted(rows: LazyFrame, rules: &Rulebook, as_of: NaiveDate) -> LazyFrame {
    let listed: Vec<String> = Metric::ALL.into_iter().flat_map(|metric| names(rules.certifications(metric))).collect();
    let rows = rows.filter(is_valid(as_of).and(is_in(&listed).not()));
    rows.select(["person_id", "certification"].map(col)).unique(None, UniqueKeepStrategy::Any)
}

/// One row for each account and person without a listed certification of the metric, who has a valid one that does not count: one that
/// another built-in rulebook lists for the metric, or, where the person has nothing that this rulebook lists, one that none knows.
pub fn not_listed(rows: LazyFrame, lists: &Lists, as_of: NaiveDate) -> LazyFrame {
    let unlisted = || is_valid(as_of).and(is_in(&lists.anywhere).not());
    let none = |name: &str| lit(0i64).cast(DataType::Int64).alias(name);
    let flags = [
        is_in(&lists.here).alias("listed_here"),
        is_in(&lists.anywhere).alias("listed_anywhere"),
        unlisted().and(is_in(&lists.elsewhere)).alias("listed_elsewhere"),
        unlisted().and(is_in(&lists.known).not()).alias("unknown"),
    ];
    rows.with_columns(flags)
        .group_by([col("account"), col("person_id")])
        .agg(["listed_here", "listed_anywhere", "listed_elsewhere", "unknown"].map(|name| col(name).max()))
        .filter(col("listed_here").not())
        .filter(col("listed_elsewhere").or(col("unknown").and(col("listed_anywhere").not())))
        .select([
            col("account"),
            reason::no_text("tenant_id"),
            col("person_id"),
            reason::no_text("workload"),
            none("current"),
            none("prior"),
            lit(false).alias("counted"),
            lit(reason::CERTIFICATION_NOT_LISTED).alias("reason"),
        ])
}
