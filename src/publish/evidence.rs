//! Evidence: what every tenant, pair and person adds, sorted, in files of partner ranges.
//!
//! Sets of tenants leave their contributions as parts; facts are summed from the parts, and the parts are then brought into order one
//! range of partners at a time, so that no more than a range is in memory.

use std::path::PathBuf;

use polars::prelude::*;

use super::{Staging, Stamp};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::Accounts;
use crate::rulebook::Rulebook;

/// The folder of unsorted contributions within the staging folder.
const PARTS: &str = "parts";
/// Rows of one published file, unless a single partner has more.
const ROWS_PER_FILE: u64 = 1_000_000;

/// Contributions on disk, in parts as sets of tenants were read.
#[derive(Debug)]
pub struct EvidenceParts {
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl EvidenceParts {
    /// Begins without parts.
    pub fn begin(staging: &Staging) -> Result<EvidenceParts> {
        Ok(EvidenceParts { folder: staging.folder(PARTS)?, files: Vec::new() })
    }

    /// Writes one set's contributions, and returns them as a plan that reads them back.
    pub fn add(&mut self, contributions: Vec<LazyFrame>) -> Result<LazyFrame> {
        let path = self.folder.join(format!("part-{:05}.parquet", self.files.len()));
        let all =
            concat(contributions, UnionArgs::default()).map_err(|error| engine::plan_error("evidence", &error))?;
        engine::sink("evidence", all, &path, Vec::new())?;
        self.files.push(path.clone());
        scan(&[path])
    }
}

/// Sorts the parts into the staging folder's `evidence/`, and removes them. Returns the rows written.
pub fn write(
    parts: EvidenceParts,
    staging: &Staging,
    accounts: &Accounts,
    rules: &Rulebook,
    stamp: &Stamp,
) -> Result<u64> {
    let folder = staging.folder("evidence")?;
    let rows = rows_by_account(&scan(&parts.files)?, accounts.rows.len())?;
    for (index, (from, below)) in ranges(&rows).into_iter().enumerate() {
        let within = col("account").gt_eq(lit(from)).and(col("account").lt(lit(below)));
        let lf = named(scan(&parts.files)?.filter(within), accounts, rules);
        let sorted = engine::collect("evidence", lf)?;
        let path = folder.join(format!("part-{index:05}.parquet"));
        engine::sink("evidence", sorted.lazy(), &path, stamp.metadata())?;
    }
    std::fs::remove_dir_all(&parts.folder)
        .map_err(|error| Error::storage("remove the folder", &parts.folder, &error))?;
    Ok(rows.iter().sum())
}

fn scan(files: &[PathBuf]) -> Result<LazyFrame> {
    let paths: Vec<PlRefPath> = files.iter().map(|path| PlRefPath::new(path.to_string_lossy())).collect();
    let arguments = ScanArgsParquet { glob: false, hive_options: HiveOptions::new_disabled(), ..Default::default() };
    LazyFrame::scan_parquet_files(paths.into(), arguments).map_err(|error| engine::plan_error("evidence", &error))
}

fn rows_by_account(parts: &LazyFrame, accounts: usize) -> Result<Vec<u64>> {
    let counts = parts.clone().group_by([col("account")]).agg([len().cast(DataType::UInt64).alias("rows")]);
    let counts = engine::collect("evidence", counts)?;
    let (account, rows) = (engine::column(&counts, "account")?, engine::column(&counts, "rows")?);
    let typed = || -> PolarsResult<_> { Ok((account.u32()?, rows.u64()?)) };
    let (account, rows) = typed().map_err(|error| Error::internal(error.to_string()))?;
    let mut by_account = vec![0; accounts];
    for (account, rows) in account.iter().zip(rows.iter()) {
        if let Some(place) = account.and_then(|account| by_account.get_mut(account as usize)) {
            *place = rows.unwrap_or(0);
        }
    }
    Ok(by_account)
}

/// Ranges of accounts, `from` and the one below which it ends. They depend on the counts alone, not on how tenants were read.
fn ranges(rows: &[u64]) -> Vec<(u32, u32)> {
    let mut ranges = Vec::new();
    let (mut from, mut held) = (0, 0);
    for (account, rows) in (0u32..).zip(rows) {
        if held > 0 && held + rows > ROWS_PER_FILE {
            ranges.push((from, account));
            (from, held) = (account, 0);
        }
        held += rows;
    }
    ranges.push((from, rows.len() as u32));
    ranges
}

/// Names in the place of numbers, in order of the full key.
fn named(lf: LazyFrame, accounts: &Accounts, rules: &Rulebook) -> LazyFrame {
    let measures = rules.measures();
    let names = |name: &str, value: &dyn Fn(usize) -> String| {
        let values: Vec<String> = (0..measures.len()).map(value).collect();
        Series::new(name.into(), values).into()
    };
    let numbers = Series::new("measure".into(), (0..measures.len() as u32).collect::<Vec<_>>()).into();
    let columns = vec![
        numbers,
        names("track", &|index| measures[index].track.name().to_owned()),
        names("metric", &|index| measures[index].metric.name().to_owned()),
        names("option", &|index| measures[index].option.clone()),
    ];
    let measures = DataFrame::new(measures.len(), columns).unwrap_or_default().lazy();
    let left = JoinArgs::new(JoinType::Left);
    let options = SortMultipleOptions::default().with_nulls_last(true);
    lf.join(accounts.names(), [col("account")], [col("account")], left.clone())
        .join(measures, [col("measure")], [col("measure")], left)
        .sort(["account", "measure", "tenant_id", "person_id", "workload"], options)
        .select(
            [
                "partner_id",
                "track",
                "metric",
                "option",
                "tenant_id",
                "person_id",
                "workload",
                "current",
                "prior",
                "counted",
                "reason",
            ]
            .map(col),
        )
}
