//! Trend: every published run of an output folder side by side, with movement and the qualification window.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use polars::prelude::*;

use super::published::{Published, ScoreRow};
use crate::error::{Error, Result};
use crate::publish::{self, Mode, Stamp, StampedRows};
use crate::rulebook::{Metric, Rulebook};
use crate::score::Points;

/// The file of an output folder that holds its trend.
pub const TREND: &str = "trend.parquet";

/// Writes the trend of the runs of an output folder, whose lock is held; nothing where there is no run.
///
/// One row for each partner and run, by partner and date. `movement` is the total less that of the run before. The window is that of
/// `rules`: a partner that met the bar at any run within it is qualified in the window, which closes on the last day that
/// still looks back on `last_qualified`.
pub fn trend(out: &Path, rules: &Rulebook, mode: Mode) -> Result<()> {
    publish::replace_table(out, TREND, mode, &mut || trend_of(&Published::all(out)?, rules))
}

/// The trend of runs, the oldest first.
fn trend_of(runs: &[Published], rules: &Rulebook) -> Result<StampedRows> {
    let Some(newest) = runs.last() else { return Ok(None) };
    let stamp = Stamp {
        rulebook_id: newest.run.rulebook.id.clone(),
        rulebook_hash: newest.run.rulebook.hash.clone(),
        as_of: newest.run.as_of,
    };
    let mut by_partner: BTreeMap<String, Vec<Standing>> = BTreeMap::new();
    for run in runs {
        for score in run.scores()? {
            let (as_of, month) = (run.run.as_of, run.run.months.m);
            let rulebook = run.run.rulebook.id.clone();
            by_partner.entry(score.partner_id.clone()).or_default().push(Standing { as_of, month, rulebook, score });
        }
    }
    let rows: Vec<Row> = by_partner.into_values().flat_map(|standings| rows(standings, rules)).collect();
    Ok(Some((table(&rows)?, stamp)))
}

/// One partner in one run.
struct Standing {
    as_of: NaiveDate,
    month: NaiveDate,
    rulebook: String,
    score: ScoreRow,
}

/// A standing, with what came before it.
struct Row {
    standing: Standing,
    movement: Option<Points>,
    rank_before: Option<i64>,
    last_qualified: Option<NaiveDate>,
    qualified_in_window: bool,
    window_closes: Option<NaiveDate>,
}

/// One partner's rows, the oldest first.
fn rows(standings: Vec<Standing>, rules: &Rulebook) -> Vec<Row> {
    let (mut before, mut last_qualified): (Option<(Points, i64)>, Option<NaiveDate>) = (None, None);
    let mut rows = Vec::with_capacity(standings.len());
    for standing in standings {
        if standing.score.qualified {
            last_qualified = Some(standing.as_of);
        }
        let window_closes = last_qualified.map(|day| rules.window_closes(day));
        let now = (standing.score.total, standing.score.rank);
        rows.push(Row {
            movement: before.map(|(total, _)| now.0 - total),
            rank_before: before.map(|(_, rank)| rank),
            last_qualified,
            qualified_in_window: window_closes.is_some_and(|closes| standing.as_of <= closes),
            window_closes,
            standing,
        });
        before = Some(now);
    }
    rows
}

fn table(rows: &[Row]) -> Result<DataFrame> {
    let text = |name: &str, value: &dyn Fn(&Row) -> Option<String>| {
        Column::new(name.into(), rows.iter().map(value).collect::<Vec<_>>())
    };
    let points = |name: &str, value: &dyn Fn(&Row) -> Option<Points>| {
        let values: Vec<Option<f64>> = rows.iter().map(|row| value(row).map(Points::to_f64)).collect();
        Column::new(name.into(), values)
    };
    let whole = |name: &str, value: &dyn Fn(&Row) -> Option<i64>| {
        Column::new(name.into(), rows.iter().map(value).collect::<Vec<_>>())
    };
    let flag =
        |name: &str, value: &dyn Fn(&Row) -> bool| Column::new(name.into(), rows.iter().map(value).collect::<Vec<_>>());
    let mut columns = vec![
        text("partner_id", &|row| Some(row.standing.score.partner_id.clone())),
        days("as_of", rows, &|row| Some(row.standing.as_of)),
        days("month", rows, &|row| Some(row.standing.month)),
        text("rulebook", &|row| Some(row.standing.rulebook.clone())),
        text("partner_name", &|row| row.standing.score.partner_name.clone()),
        text("distributor_id", &|row| row.standing.score.distributor_id.clone()),
        text("market", &|row| row.standing.score.market.clone()),
        text("track", &|row| Some(row.standing.score.track.name().to_owned())),
        flag("qualified", &|row| row.standing.score.qualified),
        whole("rank", &|row| Some(row.standing.score.rank)),
        points("total_points", &|row| Some(row.standing.score.total)),
    ];
    for (index, metric) in Metric::ALL.iter().enumerate() {
        columns.push(points(&format!("{}_points", metric.name()), &|row| Some(row.standing.score.metrics[index])));
    }
    columns.extend([
        points("movement", &|row| row.movement),
        whole("rank_before", &|row| row.rank_before),
        flag("qualified_in_window", &|row| row.qualified_in_window),
        days("last_qualified", rows, &|row| row.last_qualified),
        days("window_closes", rows, &|row| row.window_closes),
    ]);
    DataFrame::new(rows.len(), columns).map_err(|error| Error::internal(error.to_string()))
}

/// A column of dates.
fn days(name: &str, rows: &[Row], value: &dyn Fn(&Row) -> Option<NaiveDate>) -> Column {
    let days = rows.iter().map(|row| value(row).map(|day| day.to_epoch_days()));
    Int32Chunked::from_iter_options(name.into(), days).into_date().into_series().into()
}
