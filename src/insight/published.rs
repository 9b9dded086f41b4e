//! A RUN: one published folder, read back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use polars::prelude::*;

use crate::engine;
use crate::error::{Error, Result, nearest};
use crate::publish::{self, Run};
use crate::rulebook::{Metric, Track};
use crate::score::Points;
use crate::storage;

/// A published folder.
#[derive(Debug, Clone)]
pub struct Published {
    /// Where it is read.
    pub folder: PathBuf,
    /// Where it was published: the same folder, or the URL from which it was brought here.
    pub place: PathBuf,
    pub run: Run,
}

/// One row of `scores.parquet`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    pub rank: i64,
    pub partner_id: String,
    pub partner_name: Option<String>,
    pub distributor_id: Option<String>,
    pub market: Option<String>,
    pub distributor_rank: Option<i64>,
    pub track: Track,
    pub qualified: bool,
    pub total: Points,
    /// By metric, in rulebook order.
    pub metrics: [Points; 5],
    pub enterprise: Points,
    pub smb: Points,
    pub points_short: Points,
    /// Comma-separated, as published.
    pub metrics_short: String,
}

impl Published {
    /// Opens a RUN: a folder with `run.json`, or a folder of runs, of which it takes the newest; or the URL of one, which is brought here.
    ///
    /// # Errors
    /// Absent where there is no run; refused where `run.json` is not one; storage where access fails.
    pub fn open(path: &Path) -> Result<Published> {
        if storage::is_url(path) {
            return Published::brought(publish::brought(path)?);
        }
        if publish::is_run(path) {
            return Published::read(path.to_owned());
        }
        let newest = publish::run_folders(path)?.pop();
        newest.map(|(_, folder)| Published::read(folder)).unwrap_or_else(|| {
            Err(Error::absent("there is no published run in this folder")
                .at(path.display())
                .hint("`partnerscore score` publishes one; name its folder as_of=DATE, or the folder above it"))
        })
    }

    /// Whether a path is a RUN, and not a history.
    pub fn is_at(path: &Path) -> bool {
        if storage::is_url(path) {
            return publish::names_run(path);
        }
        publish::is_run(path) || publish::run_folders(path).is_ok_and(|runs| !runs.is_empty())
    }

    /// Every run of an output folder, the oldest first; on an object store, their evidence stays there.
    pub fn all(out: &Path) -> Result<Vec<Published>> {
        let open = |folder: PathBuf| match storage::is_url(&folder) {
            true => Published::brought(publish::brought_without_evidence(&folder)?),
            false => Published::read(folder),
        };
        publish::run_folders(out)?.into_iter().map(|(_, folder)| open(folder)).collect()
    }

    /// The newest run that lies beside this one with an earlier date and the same partners asked for, where there is one.
    ///
    /// # Errors
    /// Storage or refused where a run beside cannot be read.
    pub fn last(&self) -> Result<Option<Published>> {
        // On an object store, the folder of its date is in between.
        let beside = if storage::is_url(&self.place) { self.place.parent() } else { Some(self.place.as_path()) };
        let out = beside.and_then(Path::parent);
        let (Some(out), Some(until)) = (out, self.run.as_of.pred_opt()) else { return Ok(None) };
        let last = publish::last_run(out, until, &self.run.selection)?;
        last.map(|(place, _)| Published::open(&place)).transpose()
    }

    fn brought((folder, place): (PathBuf, PathBuf)) -> Result<Published> {
        let run = Run::read(&folder)?;
        Ok(Published { folder, place, run })
    }

    fn read(folder: PathBuf) -> Result<Published> {
        let run = Run::read(&folder)?;
        Ok(Published { place: folder.clone(), folder, run })
    }

    /// The rows of `scores.parquet`, by rank.
    pub fn scores(&self) -> Result<Vec<ScoreRow>> {
        let df = engine::collect("published scores", self.table("scores")?)?;
        score_rows(&df).map_err(|error| self.unreadable(&error))
    }

    /// A published table as a plan.
    pub fn table(&self, name: &str) -> Result<LazyFrame> {
        scan(&[self.folder.join(format!("{name}.parquet"))])
    }

    /// The evidence as a plan, where it was published.
    pub fn evidence(&self) -> Result<Option<LazyFrame>> {
        self.evidence_files().map(|files| scan(&files)).transpose()
    }

    /// The evidence as a plan for each of its files, in order, where it was published.
    pub fn evidence_parts(&self) -> Result<Option<Vec<LazyFrame>>> {
        let parts = |files: Vec<PathBuf>| files.into_iter().map(|file| scan(&[file])).collect();
        self.evidence_files().map(parts).transpose()
    }

    fn evidence_files(&self) -> Option<Vec<PathBuf>> {
        let entries = std::fs::read_dir(self.folder.join("evidence")).ok()?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        Some(files)
    }

    /// What is said where a run has no evidence.
    pub fn without_evidence(&self) -> Error {
        Error::absent("this run was published without evidence")
            .at(self.place.display())
            .hint("explain the history instead, or publish again with `score --evidence`")
    }

    /// An error about this run's tables.
    pub(super) fn unreadable(&self, error: &PolarsError) -> Error {
        Error::refused(format!("a table of this run cannot be read: {error}"))
            .at(self.place.display())
            .hint("score again with this version")
    }
}

fn scan(files: &[PathBuf]) -> Result<LazyFrame> {
    let paths: Vec<PlRefPath> = files.iter().map(|path| PlRefPath::new(path.to_string_lossy())).collect();
    let arguments = ScanArgsParquet { glob: false, hive_options: HiveOptions::new_disabled(), ..Default::default() };
    LazyFrame::scan_parquet_files(paths.into(), arguments).map_err(|error| engine::plan_error("published run", &error))
}

fn score_rows(df: &DataFrame) -> PolarsResult<Vec<ScoreRow>> {
    let text = |name: &str| -> PolarsResult<Vec<Option<String>>> {
        Ok(df.column(name)?.str()?.iter().map(|value| value.map(str::to_owned)).collect())
    };
    let points = |name: &str| -> PolarsResult<Vec<Points>> {
        Ok(df.column(name)?.f64()?.iter().map(|value| Points::of_f64(value.unwrap_or_default())).collect())
    };
    let whole = |name: &str| -> PolarsResult<Vec<Option<i64>>> { Ok(df.column(name)?.i64()?.iter().collect()) };
    let (rank, distributor_rank) = (whole("rank")?, whole("distributor_rank")?);
    let (ids, names) = (text("partner_id")?, text("partner_name")?);
    let (distributors, markets) = (text("distributor_id")?, text("market")?);
    let (tracks, short) = (text("track")?, text("metrics_short")?);
    let qualified: Vec<bool> = df.column("qualified")?.bool()?.iter().map(|value| value == Some(true)).collect();
    let (total, points_short) = (points("total_points")?, points("points_short")?);
    let (enterprise, smb) = (points("enterprise_points")?, points("smb_points")?);
    let metrics = Metric::ALL.iter().map(|metric| points(&format!("{}_points", metric.name())));
    let metrics = metrics.collect::<PolarsResult<Vec<_>>>()?;
    let row = |row: usize| ScoreRow {
        rank: rank[row].unwrap_or_default(),
        partner_id: ids[row].clone().unwrap_or_default(),
        partner_name: names[row].clone(),
        distributor_id: distributors[row].clone(),
        market: markets[row].clone(),
        distributor_rank: distributor_rank[row],
        track: if tracks[row].as_deref() == Some(Track::Enterprise.name()) { Track::Enterprise } else { Track::Smb },
        qualified: qualified[row],
        total: total[row],
        metrics: std::array::from_fn(|metric| metrics[metric][row]),
        enterprise: enterprise[row],
        smb: smb[row],
        points_short: points_short[row],
        metrics_short: short[row].clone().unwrap_or_default(),
    };
    Ok((0..df.height()).map(row).collect())
}

/// One row of `metric_points.parquet`.
#[derive(Debug, Clone, PartialEq)]
pub struct PointsRow {
    pub partner_id: String,
    pub track: Track,
    pub metric: Metric,
    pub option: String,
    pub current: i64,
    pub prior: i64,
    pub target: i64,
    pub points: Points,
    pub max_points: Points,
    pub counted: bool,
}

/// One row of `rejects.parquet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectRow {
    pub table: String,
    pub rule: String,
    pub key: String,
    pub reason: String,
}

/// One row of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceRow {
    pub partner_id: String,
    pub track: Track,
    pub metric: Metric,
    pub option: String,
    pub tenant_id: Option<String>,
    pub person_id: Option<String>,
    pub workload: Option<String>,
    pub current: i64,
    pub prior: i64,
    pub counted: bool,
    pub reason: String,
}

/// Rows of evidence that share a reason: how many, and what those that count add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonRow {
    pub partner_id: String,
    pub track: Track,
    pub metric: Metric,
    pub option: String,
    pub reason: String,
    pub rows: i64,
    /// What the counted rows add now, less what they added then.
    pub net: i64,
}

/// Columns of a collected table, row by row.
pub(super) struct Rows<'a> {
    pub df: &'a DataFrame,
}

impl Rows<'_> {
    pub(super) fn text(&self, name: &str, row: usize) -> PolarsResult<Option<String>> {
        Ok(self.df.column(name)?.str()?.get(row).map(str::to_owned))
    }

    pub(super) fn name(&self, name: &str, row: usize) -> PolarsResult<String> {
        Ok(self.text(name, row)?.unwrap_or_default())
    }

    pub(super) fn whole(&self, name: &str, row: usize) -> PolarsResult<i64> {
        Ok(self.df.column(name)?.i64()?.get(row).unwrap_or_default())
    }

    pub(super) fn points(&self, name: &str, row: usize) -> PolarsResult<Points> {
        Ok(Points::of_f64(self.df.column(name)?.f64()?.get(row).unwrap_or_default()))
    }

    pub(super) fn flag(&self, name: &str, row: usize) -> PolarsResult<bool> {
        Ok(self.df.column(name)?.bool()?.get(row).unwrap_or_default())
    }

    pub(super) fn track(&self, row: usize) -> PolarsResult<Track> {
        let name = self.name("track", row)?;
        Track::named(&name).ok_or_else(|| polars_err!(ComputeError: "there is no track `{name}`"))
    }

    fn metric(&self, row: usize) -> PolarsResult<Metric> {
        let name = self.name("metric", row)?;
        Metric::named(&name).ok_or_else(|| polars_err!(ComputeError: "there is no metric `{name}`"))
    }
}

impl Published {
    /// The points of one partner, in rulebook order.
    pub fn metric_points(&self, partner_id: &str) -> Result<Vec<PointsRow>> {
        let theirs = self.table("metric_points")?.filter(col("partner_id").eq(lit(partner_id)));
        let df = engine::collect("published points", theirs)?;
        let (rows, read) = (Rows { df: &df }, |row| points_row(&Rows { df: &df }, row));
        let points: PolarsResult<Vec<PointsRow>> = (0..rows.df.height()).map(read).collect();
        points.map_err(|error| self.unreadable(&error))
    }

    /// The points of every partner, by partner and then in rulebook order.
    pub fn all_metric_points(&self) -> Result<Vec<PointsRow>> {
        let df = engine::collect("published points", self.table("metric_points")?)?;
        let points: PolarsResult<Vec<PointsRow>> =
            (0..df.height()).map(|row| points_row(&Rows { df: &df }, row)).collect();
        points.map_err(|error| self.unreadable(&error))
    }

    /// The points of some partners, in no order.
    pub fn metric_points_of(&self, partner_ids: &[&str]) -> Result<Vec<PointsRow>> {
        let (partners, key) =
            (Series::new("partner_id".into(), partner_ids).into_frame().lazy(), || [col("partner_id")]);
        let theirs = self.table("metric_points")?.join(partners, key(), key(), JoinArgs::new(JoinType::Semi));
        let df = engine::collect("published points", theirs)?;
        let points: PolarsResult<Vec<PointsRow>> =
            (0..df.height()).map(|row| points_row(&Rows { df: &df }, row)).collect();
        points.map_err(|error| self.unreadable(&error))
    }

    /// Every rejected row.
    pub fn rejects(&self) -> Result<Vec<RejectRow>> {
        let df = engine::collect("published rejects", self.table("rejects")?)?;
        let row = |row| -> PolarsResult<RejectRow> {
            let rows = Rows { df: &df };
            Ok(RejectRow {
                table: rows.name("table", row)?,
                rule: rows.name("rule", row)?,
                key: rows.name("key", row)?,
                reason: rows.name("reason", row)?,
            })
        };
        let rows: PolarsResult<Vec<RejectRow>> = (0..df.height()).map(row).collect();
        rows.map_err(|error| self.unreadable(&error))
    }

    /// Of some tenants, the partners whose evidence has them; none where the run has no evidence.
    pub fn partners_of_tenants(&self, tenants: &BTreeSet<&str>) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let mut partners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let Some(evidence) = self.evidence()?.filter(|_| !tenants.is_empty()) else { return Ok(partners) };
        let ids = StringChunked::from_iter_values("tenant_id".into(), tenants.iter().copied()).into_series();
        let pairs = evidence.filter(col("tenant_id").is_in(engine::list(&ids)?, false));
        let pairs = pairs.select(["tenant_id", "partner_id"].map(col)).unique(None, UniqueKeepStrategy::Any);
        let df = engine::collect("published evidence", pairs)?;
        let rows = Rows { df: &df };
        for row in 0..df.height() {
            let pair = rows.name("tenant_id", row).and_then(|tenant| Ok((tenant, rows.name("partner_id", row)?)));
            let (tenant, partner) = pair.map_err(|error| self.unreadable(&error))?;
            partners.entry(tenant).or_default().insert(partner);
        }
        Ok(partners)
    }

    /// The evidence of one partner, in its order; None where the run has none.
    pub fn evidence_of(&self, partner_id: &str) -> Result<Option<Vec<EvidenceRow>>> {
        let Some(evidence) = self.evidence()? else { return Ok(None) };
        let df = engine::collect("published evidence", evidence.filter(col("partner_id").eq(lit(partner_id))))?;
        let rows: PolarsResult<Vec<EvidenceRow>> =
            (0..df.height()).map(|row| evidence_row(&Rows { df: &df }, row)).collect();
        rows.map(Some).map_err(|error| self.unreadable(&error))
    }

    /// The evidence of one partner, or of all, by reason; sorted. None where the run has none.
    pub fn reasons(&self, partner_id: Option<&str>) -> Result<Option<Vec<ReasonRow>>> {
        let Some(evidence) = self.evidence()? else { return Ok(None) };
        let theirs = match partner_id {
            Some(id) => evidence.filter(col("partner_id").eq(lit(id))),
            None => evidence,
        };
        let keys = ["partner_id", "track", "metric", "option", "reason"].map(col);
        let net = when(col("counted")).then(col("current") - col("prior")).otherwise(lit(0_i64)).sum();
        let grouped = theirs.group_by(&keys).agg([len().cast(DataType::Int64).alias("rows"), net.alias("net")]);
        let df = engine::collect("published reasons", grouped.sort_by_exprs(keys, SortMultipleOptions::default()))?;
        let rows: PolarsResult<Vec<ReasonRow>> =
            (0..df.height()).map(|row| reason_row(&Rows { df: &df }, row)).collect();
        rows.map(Some).map_err(|error| self.unreadable(&error))
    }

    /// The score of one partner.
    ///
    /// # Errors
    /// Usage where the run does not have it, with the nearest that it has.
    pub fn score_of(&self, partner_id: &str) -> Result<ScoreRow> {
        let theirs = self.table("scores")?.filter(col("partner_id").eq(lit(partner_id)));
        let df = engine::collect("published scores", theirs)?;
        let found = score_rows(&df).map_err(|error| self.unreadable(&error))?.pop();
        found.map_or_else(|| Err(self.unknown_partner(partner_id)?), Ok)
    }

    fn unknown_partner(&self, partner_id: &str) -> Result<Error> {
        let known: Vec<String> = self.scores()?.into_iter().map(|score| score.partner_id).collect();
        let error = Error::usage(format!("the run has no partner `{partner_id}`")).at(self.place.display());
        Ok(match nearest(partner_id, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("a run has global accounts; scores.parquet lists them"),
        })
    }
}

fn points_row(rows: &Rows, row: usize) -> PolarsResult<PointsRow> {
    Ok(PointsRow {
        partner_id: rows.name("partner_id", row)?,
        track: rows.track(row)?,
        metric: rows.metric(row)?,
        option: rows.name("option", row)?,
        current: rows.whole("current", row)?,
        prior: rows.whole("prior", row)?,
        target: rows.whole("target", row)?,
        points: rows.points("points", row)?,
        max_points: rows.points("max_points", row)?,
        counted: rows.flag("counted", row)?,
    })
}

fn reason_row(rows: &Rows, row: usize) -> PolarsResult<ReasonRow> {
    Ok(ReasonRow {
        partner_id: rows.name("partner_id", row)?,
        track: rows.track(row)?,
        metric: rows.metric(row)?,
        option: rows.name("option", row)?,
        reason: rows.name("reason", row)?,
        rows: rows.whole("rows", row)?,
        net: rows.whole("net", row)?,
    })
}

fn evidence_row(rows: &Rows, row: usize) -> PolarsResult<EvidenceRow> {
    Ok(EvidenceRow {
        partner_id: rows.name("partner_id", row)?,
        track: rows.track(row)?,
        metric: rows.metric(row)?,
        option: rows.name("option", row)?,
        tenant_id: rows.text("tenant_id", row)?,
        person_id: rows.text("person_id", row)?,
        workload: rows.text("workload", row)?,
        current: rows.whole("current", row)?,
        prior: rows.whole("prior", row)?,
        counted: rows.flag("counted", row)?,
        reason: rows.name("reason", row)?,
    })
}
