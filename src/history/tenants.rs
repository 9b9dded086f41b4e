//! Tenants: sets of whole ones as ranges of sorted ids, so that a set's rows stand together where files are sorted; and the numbers
//! that stand for ids in plans.

use std::cmp::Ordering;
use std::sync::Arc;

use polars::prelude::*;

use super::footer::Span;
use crate::engine;
use crate::error::{Error, Result};

/// Row groups that a range has on average at least, where their statistics alone tell even ranges.
const GROUPS_PER_RANGE: usize = 2;
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

/// Tenants by number: their ids in ascending order, each at the place that is its number.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    ids: Arc<StringChunked>,
}

impl Tenants {
    /// Numbers the ids of a column: the tenants, and the number of each row, `tenant` UInt32.
    ///
    /// Where ids ascend, as in sorted files, one walk along them is enough.
    pub fn number(ids: &Series) -> Result<(Tenants, Series)> {
        let ids = ids.rechunk();
        let ids = ids.str().map_err(|error| Error::internal(error.to_string()))?;
        let numbered = match ascending(ids) {
            Some(numbered) => Ok(numbered),
            None => by_map(ids),
        };
        let (tenants, numbers) = numbered.map_err(|error| Error::internal(error.to_string()))?;
        let numbers = UInt32Chunked::from_vec("tenant".into(), numbers).into_series();
        Ok((Tenants { ids: Arc::new(tenants.rechunk().into_owned()) }, numbers))
    }

    /// How many there are; numbers are below it.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The id behind a number.
    pub fn id(&self, number: usize) -> Option<&str> {
        // Beyond its end a column of polars panics.
        (number < self.len()).then(|| self.ids.get(number)).flatten()
    }

    /// The ids of some numbers, a UInt32 column.
    pub fn ids_of(&self, numbers: &Series) -> Result<Series> {
        let ids = || -> PolarsResult<Series> { Ok(self.ids.take(numbers.u32()?)?.into_series()) };
        ids().map_err(|error| Error::internal(error.to_string()))
    }

    /// Only the tenants with some numbers, a UInt32 column in ascending order: each gets its place there as its number.
    pub fn only(&self, numbers: &Series) -> Result<Tenants> {
        let ids = self.ids_of(numbers)?;
        let ids = ids.str().map_err(|error| Error::internal(error.to_string()))?;
        Ok(Tenants { ids: Arc::new(ids.rechunk().into_owned()) })
    }

    /// Every id, as the haystack of an `is_in`.
    pub fn haystack(&self) -> Result<Expr> {
        engine::list(&self.ids.as_ref().clone().into_series())
    }

    /// For each number, whether a column of numbers has it.
    pub fn marked(&self, numbers: &Series) -> Result<Vec<bool>> {
        let mut marked = vec![false; self.len()];
        let numbers = numbers.u32().map_err(|error| Error::internal(error.to_string()))?;
        for number in numbers.iter().flatten() {
            if let Some(mark) = marked.get_mut(number as usize) {
                *mark = true;
            }
        }
        Ok(marked)
    }

    /// `tenant` UInt32, ascending, and `tenant_id`.
    pub fn names(&self) -> LazyFrame {
        let ids = self.ids.as_ref().clone().with_name("tenant_id".into()).into_series();
        let names = DataFrame::new(self.len(), vec![ids.into()]).unwrap_or_default().lazy();
        names.with_row_index("tenant", None).select([col("tenant"), col("tenant_id")])
    }
}

/// Distinct ids and the number of each row, where rows ascend.
fn ascending(ids: &StringChunked) -> Option<(StringChunked, Vec<u32>)> {
    let (mut firsts, mut numbers) = (Vec::new(), Vec::with_capacity(ids.len()));
    let mut last: Option<&str> = None;
    for (row, id) in ids.iter().enumerate() {
        let id = id?;
        match last.map(|last| last.cmp(id)) {
            Some(Ordering::Greater) => return None,
            Some(Ordering::Equal) => {}
            Some(Ordering::Less) | None => firsts.push(row as IdxSize),
        }
        last = Some(id);
        numbers.push(firsts.len() as u32 - 1);
    }
    let tenants = ids.take(&IdxCa::from_vec("rows".into(), firsts)).ok()?;
    Some((tenants, numbers))
}

/// The same for rows in any order.
fn by_map(ids: &StringChunked) -> PolarsResult<(StringChunked, Vec<u32>)> {
    let tenants = ids.unique()?.sort(false);
    let of_row: PlHashMap<&str, u32> = tenants.iter().flatten().zip(0..).collect();
    let number = |id: Option<&str>| id.and_then(|id| of_row.get(id).copied()).unwrap_or_default();
    let numbers = ids.iter().map(number).collect();
    Ok((tenants.clone(), numbers))
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
    let bounds = (1..count).filter_map(|part| ids.get(part * ids.len() / count)).map(|id| (*id).to_owned());
    Ok(between(bounds.collect()))
}

/// The same by what row groups of sorted rows tell of themselves, with nothing read; None where they are too few, or overlap.
pub(super) fn ranges_of_spans(mut spans: Vec<Span>, count: usize) -> Option<Vec<TenantRange>> {
    spans.sort_by(|a, b| (&a.least, &a.most).cmp(&(&b.least, &b.most)));
    let ascend = spans.windows(2).all(|pair| matches!(pair, [a, b] if a.most <= b.least));
    if count <= 1 || !ascend || spans.len() < GROUPS_PER_RANGE * count {
        return None;
    }
    let rows: u64 = spans.iter().map(|span| span.rows).sum();
    let (mut before, mut bounds) = (0, Vec::new());
    for span in spans {
        // The group in whose rows the next range begins begins it.
        if before * count as u64 >= (bounds.len() as u64 + 1) * rows {
            bounds.push(span.least);
        }
        before += span.rows;
    }
    Some(between(bounds))
}

/// The ranges between bounds.
fn between(mut bounds: Vec<String>) -> Vec<TenantRange> {
    bounds.dedup();
    let starts = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
    let ends = bounds.iter().cloned().map(Some).chain(std::iter::once(None));
    starts.zip(ends).map(|(from, below)| TenantRange { from, below }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(least: &str, most: &str, rows: u64) -> Span {
        Span { least: least.to_owned(), most: most.to_owned(), rows }
    }

    fn bounds(spans: Vec<Span>, count: usize) -> Option<Vec<String>> {
        Some(ranges_of_spans(spans, count)?.into_iter().filter_map(|range| range.below).collect())
    }

    #[test]
    fn row_groups_of_sorted_rows_make_even_ranges() {
        let groups =
            |names: &str| names.chars().map(|name| span(&format!("{name}0"), &format!("{name}9"), 10)).collect();
        assert_eq!(bounds(groups("dbcaefgh"), 4), Some(vec!["c0".to_owned(), "e0".to_owned(), "g0".to_owned()]));
        assert_eq!(bounds(groups("abcdefg"), 3), Some(vec!["d0".to_owned(), "f0".to_owned()]));
        assert_eq!(bounds(groups("abc"), 2), None, "too few");
        assert_eq!(bounds(groups("abcdef"), 1), None, "one range is everything");
        // A tenant may begin in one group and end in the next; groups of rows in any order tell nothing.
        assert_eq!(
            bounds(vec![span("a", "b", 5), span("b", "c", 5), span("c", "c", 5), span("c", "d", 5)], 2),
            Some(vec!["c".to_owned()])
        );
        assert_eq!(bounds(vec![span("a", "m", 5), span("b", "c", 5), span("n", "o", 5), span("p", "q", 5)], 2), None);
    }

    #[test]
    fn a_large_group_takes_the_place_of_several_ranges() {
        let spans = vec![span("a", "b", 97), span("c", "d", 1), span("e", "f", 1), span("g", "h", 1)];
        assert_eq!(bounds(spans, 2), Some(vec!["c".to_owned()]));
    }
}
