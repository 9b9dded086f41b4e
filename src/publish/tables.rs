//! `scores` and `metric_points`: their columns, in order, and how a table is written.

use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use polars::prelude::*;

use super::{Mode, SCHEMA_VERSION, beside, staging};
use crate::engine;
use crate::error::{Error, Result};
use crate::rulebook::{Metric, Rulebook};
use crate::score::{MetricPoints, Points, Score};

/// What every Parquet file says of where it comes from.
#[derive(Debug, Clone)]
pub struct Stamp {
    pub rulebook_id: String,
    pub rulebook_hash: String,
    pub as_of: NaiveDate,
}

impl Stamp {
    /// The file's key-value metadata.
    pub fn metadata(&self) -> Vec<(String, String)> {
        [
            ("partnerscore.schema_version", SCHEMA_VERSION.to_owned()),
            ("partnerscore.rulebook_id", self.rulebook_id.clone()),
            ("partnerscore.rulebook_hash", self.rulebook_hash.clone()),
            ("partnerscore.as_of", self.as_of.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}

/// Writes rows as Parquet, in their order.
pub fn write_table(stage: &'static str, rows: DataFrame, path: &Path, stamp: &Stamp) -> Result<()> {
    engine::sink(stage, rows.lazy(), path, stamp.metadata())
}

/// Writes a table beside an output folder's runs, in the place of what stood there, in one step. `rows` may be asked again where somebody
/// else has written it in the meantime; where there are none, what stands there stays.
pub fn replace_table(out: &Path, name: &str, mode: Mode, rows: &mut dyn FnMut() -> Result<StampedRows>) -> Result<()> {
    let path = beside::workspace(out)?.join(name);
    let staged = staging::beside(&path);
    beside::change_beside(out, name, mode, &mut |_| {
        let Some((rows, stamp)) = rows()? else { return Ok(None) };
        write_table("write", rows, &staged, &stamp)?;
        let bytes = fs::read(&staged).and_then(|bytes| fs::remove_file(&staged).map(|()| bytes));
        bytes.map(Some).map_err(|error| Error::storage("read what was staged", &staged, &error))
    })
}

/// The rows of a table, with what its file says of where they come from; None where there are none.
pub type StampedRows = Option<(DataFrame, Stamp)>;

/// One row for each partner, by rank and then partner_id.
pub fn scores(scores: &[Score]) -> Result<DataFrame> {
    let text = |name: &str, value: &dyn Fn(&Score) -> Option<String>| {
        column(name, scores.iter().map(value).collect::<Vec<_>>())
    };
    let points = |name: &str, value: &dyn Fn(&Score) -> Points| {
        column(name, scores.iter().map(|score| value(score).to_f64()).collect::<Vec<_>>())
    };
    let mut columns = vec![
        column("rank", scores.iter().map(|score| score.rank).collect::<Vec<_>>()),
        text("partner_id", &|score| Some(score.account.partner_id.clone())),
        text("partner_name", &|score| score.account.partner_name.clone()),
        text("distributor_id", &|score| score.account.distributor_id.clone()),
        text("market", &|score| score.account.market.clone()),
        column("distributor_rank", scores.iter().map(|score| score.distributor_rank).collect::<Vec<_>>()),
        text("track", &|score| Some(score.track.name().to_owned())),
        column("qualified", scores.iter().map(|score| score.qualified).collect::<Vec<_>>()),
        points("total_points", &|score| score.total_points()),
    ];
    columns.extend(
        Metric::ALL
            .iter()
            .enumerate()
            .map(|(index, metric)| points(&format!("{}_points", metric.name()), &|score| score.metrics[index])),
    );
    columns.extend([
        points("enterprise_points", &|score| score.enterprise_points),
        points("smb_points", &|score| score.smb_points),
        points("points_short", &|score| score.points_short),
        text("metrics_short", &|score| {
            Some(score.metrics_short.iter().map(|metric| metric.name()).collect::<Vec<_>>().join(","))
        }),
    ]);
    frame(scores.len(), columns)
}

/// One row for each partner_id, track, metric and option, in rulebook order.
pub fn metric_points(scores: &[Score], rules: &Rulebook) -> Result<DataFrame> {
    let mut by_partner: Vec<&Score> = scores.iter().collect();
    by_partner.sort_by(|a, b| a.account.partner_id.cmp(&b.account.partner_id));
    let measures = rules.measures();
    let height = by_partner.len() * measures.len();
    let named = |name: &str, value: &dyn Fn(usize) -> String| {
        let values = by_partner.iter().flat_map(|_| (0..measures.len()).map(value));
        column(name, values.collect::<Vec<_>>())
    };
    let rows = || by_partner.iter().flat_map(|score| &score.measures);
    let count = |name: &str, value: &dyn Fn(&MetricPoints) -> i64| column(name, rows().map(value).collect::<Vec<_>>());
    let points = |name: &str, value: &dyn Fn(&MetricPoints) -> Points| {
        column(name, rows().map(|row| value(row).to_f64()).collect::<Vec<_>>())
    };
    let partner_ids = by_partner.iter().flat_map(|score| measures.iter().map(|_| score.account.partner_id.clone()));
    let columns = vec![
        column("partner_id", partner_ids.collect::<Vec<_>>()),
        named("track", &|index| measures[index].track.name().to_owned()),
        named("metric", &|index| measures[index].metric.name().to_owned()),
        named("option", &|index| measures[index].option.clone()),
        count("current", &|row| row.current),
        count("prior", &|row| row.prior),
        count("net", &|row| row.current - row.prior),
        count("target", &|row| row.target),
        points("points", &|row| row.points),
        points("max_points", &|row| row.max_points),
        column("counted", rows().map(|row| row.counted).collect::<Vec<_>>()),
    ];
    frame(height, columns)
}

fn column<T>(name: &str, values: Vec<T>) -> Column
where
    Series: NamedFrom<Vec<T>, [T]>,
    Vec<T>: AsRef<[T]>,
{
    Series::new(name.into(), values).into()
}

fn frame(height: usize, columns: Vec<Column>) -> Result<DataFrame> {
    DataFrame::new(height, columns).map_err(|error| Error::internal(error.to_string()))
}
