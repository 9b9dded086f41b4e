//! The rows of evidence that changed, each with its cause: read for the measures that moved alone, a range of partners at a time.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::answer::RowChange;
use super::cause::{Cause, Judge};
use super::side::{MEASURE, Side};
use crate::engine;
use crate::error::{Error, Result};
use crate::rulebook::{Metric, Track};
use crate::score::Points;

/// What tells a row of a measure from the others.
const ROW: [&str; 3] = ["tenant_id", "person_id", "workload"];
/// About how many rows of a run are looked at at once.
const ROWS_AT_ONCE: u64 = 1_000_000;

/// A measure of a partner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub partner_id: String,
    pub track: Track,
    pub metric: Metric,
    pub option: String,
}

/// The rows of a measure that changed for one cause.
#[derive(Debug, Clone, Default)]
pub(super) struct CauseRows {
    /// The change of their net.
    pub net: i64,
    pub count: u64,
    /// Those that changed most.
    pub rows: Vec<RowChange>,
}

/// By measure and cause, what changed.
pub(super) type Changes = BTreeMap<Key, BTreeMap<Cause, CauseRows>>;

/// What changed in some measures between two runs, with at most so many rows for each cause.
pub(super) fn changes(
    before: &Side,
    after: &Side,
    mut wanted: Vec<Key>,
    judge: &Judge,
    limit: Option<usize>,
) -> Result<Changes> {
    wanted.sort();
    wanted.dedup();
    let mut changes = Changes::new();
    let chunks = chunks(&wanted, rows_each(before).max(rows_each(after)));
    for (place, keys) in chunks.iter().enumerate() {
        engine::progress(place, chunks.len());
        let Some(lf) = joined(before, after, keys, judge)? else { continue };
        let df = engine::collect("compared evidence", lf)?;
        add_sums(&df, &mut changes)?;
        add_rows(&df, limit, &mut changes)?;
    }
    Ok(changes)
}

/// How many rows a partner has on average.
fn rows_each(side: &Side) -> u64 {
    let rows = &side.published.run.rows;
    (rows.evidence.unwrap_or(0) / rows.scores.max(1)).max(1)
}

/// Measures in order, in ranges of whole partners.
fn chunks(keys: &[Key], rows_each: u64) -> Vec<&[Key]> {
    let partners = usize::try_from(ROWS_AT_ONCE / rows_each).unwrap_or(usize::MAX).max(1);
    let by_partner: Vec<&[Key]> = keys.chunk_by(|a, b| a.partner_id == b.partner_id).collect();
    let (mut chunks, mut from) = (Vec::new(), 0);
    for group in by_partner.chunks(partners) {
        let length = group.iter().map(|keys| keys.len()).sum::<usize>();
        chunks.push(&keys[from..from + length]);
        from += length;
    }
    chunks
}

/// The rows whose net changed: [`MEASURE`], [`ROW`], `net_before`, `net_after`, `reason_before`, `reason_after`, `change`, `cause`.
fn joined(before: &Side, after: &Side, keys: &[Key], judge: &Judge) -> Result<Option<LazyFrame>> {
    let (Some(earlier), Some(later)) = (before.published.evidence()?, after.published.evidence()?) else {
        return Ok(None);
    };
    let key: Vec<Expr> = MEASURE.into_iter().chain(ROW).map(col).collect();
    let full = JoinArgs { coalesce: JoinCoalesce::CoalesceColumns, nulls_equal: true, ..JoinArgs::new(JoinType::Full) };
    let (earlier, later) = (narrowed(earlier, keys, "before")?, narrowed(later, keys, "after")?);
    let or_zero = ["net_before", "net_after"].map(|name| col(name).fill_null(lit(0i64)));
    Ok(Some(
        earlier
            .join(later, key.clone(), key, full)
            .with_columns(or_zero)
            .with_columns([(col("net_after") - col("net_before")).alias("change"), judge.of_row().alias("cause")])
            .filter(col("change").neq(lit(0i64))),
    ))
}

/// The rows of some measures, with what they add and why.
fn narrowed(evidence: LazyFrame, keys: &[Key], at: &str) -> Result<LazyFrame> {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(evidence.filter(lit(false))) };
    // Rows are sorted by partner: the range spares reading most of a file.
    let id = || col("partner_id");
    let within = id().gt_eq(lit(first.partner_id.as_str())).and(id().lt_eq(lit(last.partner_id.as_str())));
    let net = when(col("counted")).then(col("current") - col("prior")).otherwise(lit(0i64));
    let columns = MEASURE.into_iter().chain(ROW).map(col);
    let columns = columns.chain([net.alias(format!("net_{at}")), col("reason").alias(format!("reason_{at}"))]);
    let measure = || MEASURE.map(col);
    let wanted = evidence.filter(within).join(table(keys)?, measure(), measure(), JoinArgs::new(JoinType::Semi));
    Ok(wanted.select(columns.collect::<Vec<_>>()))
}

fn table(keys: &[Key]) -> Result<LazyFrame> {
    let text = |name: &str, value: &dyn Fn(&Key) -> String| {
        Column::new(name.into(), keys.iter().map(value).collect::<Vec<_>>())
    };
    let columns = vec![
        text("partner_id", &|key| key.partner_id.clone()),
        text("track", &|key| key.track.name().to_owned()),
        text("metric", &|key| key.metric.name().to_owned()),
        text("option", &|key| key.option.clone()),
    ];
    let table = DataFrame::new(keys.len(), columns).map_err(|error| Error::internal(error.to_string()))?;
    Ok(table.lazy())
}

/// Adds what the rows of each measure and cause come to.
fn add_sums(df: &DataFrame, changes: &mut Changes) -> Result<()> {
    let by = MEASURE.into_iter().chain(["cause"]).map(col).collect::<Vec<_>>();
    let rows = len().cast(DataType::Int64).alias("rows");
    let sums = engine::collect("compared evidence", df.clone().lazy().group_by(by).agg([col("change").sum(), rows]))?;
    let mut read = || -> PolarsResult<()> {
        let (change, rows) = (sums.column("change")?.i64()?, sums.column("rows")?.i64()?);
        for (row, place) in Places::of(&sums)?.enumerate() {
            let Some((key, cause)) = place else { continue };
            let told = changes.entry(key).or_default().entry(cause).or_default();
            told.net += change.get(row).unwrap_or(0);
            told.count += rows.get(row).and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0);
        }
        Ok(())
    };
    read().map_err(|error| Error::internal(error.to_string()))
}

/// Adds the rows that changed most, the largest first.
fn add_rows(df: &DataFrame, limit: Option<usize>, changes: &mut Changes) -> Result<()> {
    let by = || MEASURE.into_iter().chain(["cause"]).map(col).collect::<Vec<_>>();
    let size = when(col("change").lt(lit(0i64))).then(lit(0i64) - col("change")).otherwise(col("change"));
    let order: Vec<Expr> = by().into_iter().chain([size]).chain(ROW.map(col)).collect();
    let descending: Vec<bool> = (0..order.len()).map(|place| place == by().len()).collect();
    let options = SortMultipleOptions::default().with_order_descending_multi(descending).with_nulls_last(true);
    let sorted = df.clone().lazy().sort_by_exprs(order, options);
    let first = match limit {
        Some(limit) => sorted.group_by_stable(by()).head(Some(limit)),
        None => sorted,
    };
    let df = engine::collect("compared evidence", first)?;
    let mut read = || -> PolarsResult<()> {
        let rows = row_changes(&df)?;
        for (place, row) in Places::of(&df)?.zip(rows) {
            let Some((key, cause)) = place else { continue };
            changes.entry(key).or_default().entry(cause).or_default().rows.push(row);
        }
        Ok(())
    };
    read().map_err(|error| Error::internal(error.to_string()))
}

fn row_changes(df: &DataFrame) -> PolarsResult<Vec<RowChange>> {
    let text = |name: &str| -> PolarsResult<Vec<Option<String>>> {
        Ok(df.column(name)?.str()?.iter().map(|value| value.map(str::to_owned)).collect())
    };
    let number = |name: &str| -> PolarsResult<Vec<i64>> {
        Ok(df.column(name)?.i64()?.iter().map(Option::unwrap_or_default).collect())
    };
    let (tracks, options) = (text("track")?, text("option")?);
    let (tenants, people, workloads) = (text("tenant_id")?, text("person_id")?, text("workload")?);
    let (before, after) = (number("net_before")?, number("net_after")?);
    let (reason_before, reason_after) = (text("reason_before")?, text("reason_after")?);
    let row = |row: usize| RowChange {
        track: tracks[row].clone().unwrap_or_default(),
        option: options[row].clone().unwrap_or_default(),
        tenant_id: tenants[row].clone(),
        person_id: people[row].clone(),
        workload: workloads[row].clone(),
        net_before: before[row],
        net_after: after[row],
        reason_before: reason_before[row].clone(),
        reason_after: reason_after[row].clone(),
        share: Points::default(),
    };
    Ok((0..df.height()).map(row).collect())
}

/// The measure and the cause of each row of a frame.
struct Places<'a> {
    columns: [&'a StringChunked; 5],
    row: usize,
    height: usize,
}

impl<'a> Places<'a> {
    fn of(df: &'a DataFrame) -> PolarsResult<Places<'a>> {
        let text = |name: &str| df.column(name)?.str();
        let columns = [text("partner_id")?, text("track")?, text("metric")?, text("option")?, text("cause")?];
        Ok(Places { columns, row: 0, height: df.height() })
    }
}

impl Iterator for Places<'_> {
    /// None for a name that this version does not know.
    type Item = Option<(Key, Cause)>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.row;
        self.row += 1;
        let text = |column: usize| self.columns[column].get(row).unwrap_or_default();
        let place = || {
            let (track, metric) = (Track::named(text(1))?, Metric::named(text(2))?);
            let key = Key { partner_id: text(0).to_owned(), track, metric, option: text(3).to_owned() };
            Some((key, Cause::of(text(4))?))
        };
        (row < self.height).then(place)
    }
}
