//! Ids that differ only in case, braces or leading zeros: ids compare byte by byte, so that one partner or tenant would be two.

use polars::prelude::*;

use super::checks::{Findings, SIMILAR_IDS};
use crate::engine;
use crate::error::Result;

/// Groups of ids that are named; the others are counted together.
const NAMED: usize = 16;
const STAGE: &str = "similar ids";

/// Warns of ids in a column of a plan that are the same but for case, braces and leading zeros.
pub(super) fn check(ids: LazyFrame, column: &'static str, findings: &mut Findings) -> Result<()> {
    let bare = col(column).str().strip_chars(lit("{}() ")).str().to_lowercase();
    let key = bare.str().strip_chars_start(lit("0")).alias("key");
    let ids = ids.select([col(column)]).filter(col(column).is_not_null()).unique(None, UniqueKeepStrategy::Any);
    let ids = ids.with_columns([key]);
    let several = ids.clone().group_by([col("key")]).agg([len().alias("ids")]).filter(col("ids").gt(lit(1)));
    let several = ids.join(several, [col("key")], [col("key")], JoinArgs::new(JoinType::Inner));
    let several = several.sort(["key", column], SortMultipleOptions::default());
    let several = engine::collect(STAGE, several.select([col("key"), col(column)]))?;
    for (number, group) in groups(&several, column)?.into_iter().enumerate() {
        let subject = format!("{column}: {}", group.join(", "));
        let subject = if number < NAMED { subject } else { format!("{column}: (others)") };
        findings.warn(SIMILAR_IDS, subject, group.len() as u64);
    }
    Ok(())
}

/// The ids of each key; the frame is sorted by key.
fn groups(several: &DataFrame, column: &str) -> Result<Vec<Vec<String>>> {
    let (keys, ids) = (engine::column(several, "key")?, engine::column(several, column)?);
    let texts = |series: &Series| -> Vec<String> {
        series
            .str()
            .map(|texts| texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
            .unwrap_or_default()
    };
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut last: Option<String> = None;
    for (key, id) in texts(&keys).into_iter().zip(texts(&ids)) {
        match groups.last_mut().filter(|_| last.as_ref() == Some(&key)) {
            Some(group) => group.push(id),
            None => groups.push(vec![id]),
        }
        last = Some(key);
    }
    Ok(groups)
}
