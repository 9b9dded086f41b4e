//! Tenants that associations and usage write differently: ids that match only without case, padding and punctuation.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::Question;
use super::claims::claimed_rows;
use crate::engine;
use crate::error::Result;
use crate::history::{Findings, Share, TENANT_ID_DIFFERS_IN_FORM, TenantRange, id_form};

/// Where rows are counted of which the tenant's id matches in another form alone; see [`TENANT_IDS`](crate::history::TENANT_IDS).
const TENANTS_OF_ASSOCIATIONS: &str = "tenant ids of associations";
const TENANTS_OF_USAGE: &str = "tenant ids of workload_usage";

const STAGE: &str = "tenant ids";

/// Compares the tenant ids of associations that count at M or at P with those of usage at M. It reads both columns again, so it is
/// asked only where ids are not all written in one way.
pub fn tenant_forms(question: &Question) -> Result<Findings> {
    let everyone = TenantRange::all();
    let associations = claimed_rows(question, &everyone)?;
    let usage = question.history.usage_plan(question.seen(question.period.month), &everyone)?;
    let (associations, usage) = (rows_by_id(associations)?, rows_by_id(usage)?);
    let mut findings = Findings::default();
    warn(&mut findings, TENANTS_OF_ASSOCIATIONS, &associations, &usage);
    warn(&mut findings, TENANTS_OF_USAGE, &usage, &associations);
    Ok(findings)
}

/// How many rows each tenant has.
fn rows_by_id(rows: LazyFrame) -> Result<BTreeMap<String, u64>> {
    let rows = rows.filter(col("tenant_id").is_not_null()).group_by([col("tenant_id")]);
    let rows = rows.agg([len().cast(DataType::Int64).alias("rows")]);
    Ok(engine::text_counts(&engine::collect(STAGE, rows)?, "tenant_id", "rows")?.into_iter().collect())
}

/// Warns of the rows of a table whose ids the other table has in another form alone.
fn warn(findings: &mut Findings, place: &'static str, own: &BTreeMap<String, u64>, others: &BTreeMap<String, u64>) {
    let missing: Vec<(&String, String)> =
        own.keys().filter(|id| !others.contains_key(*id)).map(|id| (id, id_form(id))).collect();
    let wanted: BTreeSet<&String> = missing.iter().map(|(_, form)| form).filter(|form| !form.is_empty()).collect();
    let named = others.keys().map(|id| (id_form(id), id)).filter(|(form, _)| wanted.contains(form));
    let by_form: BTreeMap<String, &String> = named.collect();
    let found: Vec<(&String, &String)> =
        missing.iter().filter_map(|(id, form)| Some((*id, *by_form.get(form)?))).collect();
    let part = found.iter().filter_map(|(id, _)| own.get(*id)).sum();
    findings.count_form(place, Share { part, rows: own.values().sum() });
    if let Some((id, near)) = found.first() {
        findings.warn(TENANT_ID_DIFFERS_IN_FORM, format!("{place}, such as `{id}` for `{near}`"), part);
    }
}
