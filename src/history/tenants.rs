//! Sets of whole tenants: ranges of sorted ids, so that a set's rows stand together where files are sorted.

use polars::prelude::*;

use crate::engine;
use crate::error::Result;

/// Ids from each set's rows that are looked at to find even boundaries.
const SAMPLE_PER_RANGE: u64 = 1024;

/// Tenants whose id is at least `from` and below `below`; open at an end that is None.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantRange {
    pub from: Option<String>,
    pub below: Option<String>,
}

impl TenantRange {
    /// Every tenant.
    pub fn all() -> Self {
        TenantRange::default()
    }

    /// True for rows of these tenants. Rows without a tenant belong to the first range, so that each is checked once.
    pub fn keep(&self) -> Option<Expr> {
        let id = || col("tenant_id");
        let from = self.from.as_ref().map(|from| id().gt_eq(lit(from.as_str())));
        let below = self.below.as_ref().map(|below| id().lt(lit(below.as_str())));
        match (from, below) {
            (None, None) => None,
            (None, Some(below)) => Some(below.or(id().is_null())),
            (Some(from), None) => Some(from),
            (Some(from), Some(below)) => Some(from.and(below)),
        }
    }
}

/// Splits the tenants of a frame with column `tenant_id` into ranges of about as many rows each.
pub(super) fn ranges(ids: LazyFrame, rows: u64, count: usize) -> Result<Vec<TenantRange>> {
    if count <= 1 {
        return Ok(vec![TenantRange::all()]);
    }
    let every = (rows / (SAMPLE_PER_RANGE * count as u64)).max(1);
    let sampled = ids
        .select([col("tenant_id")])
        .with_row_index("row", None)
        .filter((col("row") % lit(every)).eq(lit(0)).and(col("tenant_id").is_not_null()))
        .select([col("tenant_id")])
        .sort(["tenant_id"], SortMultipleOptions::default());
    let sampled = engine::collect("tenant ranges", sampled)?;
    let ids: Vec<&str> = sampled
        .column("tenant_id")
        .and_then(|column| column.str())
        .map(|ids| ids.iter().flatten().collect())
        .unwrap_or_default();
    let mut bounds: Vec<String> =
        (1..count).filter_map(|part| ids.get(part * ids.len() / count)).map(|id| (*id).to_owned()).collect();
    bounds.dedup();
    let starts = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
    let ends = bounds.iter().cloned().map(Some).chain(std::iter::once(None));
    Ok(starts.zip(ends).map(|(from, below)| TenantRange { from, below }).collect())
}
