//! What reaches the scan: predicates and projections, so that only the bytes a score needs are read.

use std::sync::Arc;

use partnerscore::history::{History, KnownNames, Rows, TenantRange, Tenants, ToFind};
use partnerscore::metrics::{self, Period, Question};
use partnerscore::month::Month;
use partnerscore::rulebook;
use polars::prelude::*;

use crate::baseline_history::{AS_OF, Placed, history};
use crate::fixture::Layout;

fn opened(layout: &Layout) -> (Placed, History) {
    let placed = Placed::laid_out(&history(), layout);
    let (history, _) = History::open(&placed.history(), KnownNames::default()).expect("a history");
    (placed, history)
}

fn plan(lf: LazyFrame) -> String {
    lf.describe_optimized_plan().expect("a plan")
}

/// The lines of a plan that belong to scans of a table.
fn assert_no_filter_above_scan(plan: &str) {
    assert!(!plan.contains("FILTER"), "a filter is left above the scan:\n{plan}");
    assert!(plan.contains("SELECTION:"), "{plan}");
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

#[test]
fn usage_reads_only_its_month_and_its_columns() {
    let (_placed, history) = opened(&Layout { extras: true, ..Layout::default() });
    let range = TenantRange { from: Some("t2".to_owned()), below: Some("t3".to_owned()) };
    let plan = plan(history.usage_plan(month("2026-10"), &range).expect("usage"));
    assert!(plan.contains("month=2026-10-01") && !plan.contains("month=2026-09-01"), "{plan}");
    assert!(plan.contains("PROJECT 4/"), "four columns of all:\n{plan}");
    assert_no_filter_above_scan(&plan);
    assert!(plan.contains(r#"col("tenant_id") >= "t2""#) && plan.contains(r#"col("tenant_id") < "t3""#), "{plan}");
}

#[test]
fn months_inside_files_reach_the_scan() {
    let (_placed, history) = opened(&Layout { hive: false, ..Layout::default() });
    let plan = plan(history.usage_plan(month("2026-10"), &TenantRange::all()).expect("usage"));
    assert_no_filter_above_scan(&plan);
    assert!(plan.contains(r#"col("month")"#) && plan.contains("2026-10-01"), "{plan}");
}

#[test]
fn associations_are_filtered_by_date_and_tenant_in_the_scan() {
    let (_placed, history) = opened(&Layout { extras: true, ..Layout::default() });
    let rules = rulebook::choose(None).expect("rules");
    let period = Period::of(&rules, AS_OF.parse().expect("a date"));
    let accounts = history.accounts();
    let question = Question { history: &history, rules: &rules, accounts, period, evidence: false, carried_from: None };
    let range = TenantRange { from: Some("t2".to_owned()), below: None };
    let plan = plan(metrics::claimed_rows(&question, &range).expect("associations"));
    let scan = plan.split("Parquet SCAN").nth(1).expect("a scan");
    let scan = scan.split("RIGHT PLAN").next().expect("the scan");
    for reached in ["2026-10-31", "2025-10-31", "start_date", "end_date", r#">= "t2""#] {
        assert!(scan.contains(reached), "{reached} did not reach the scan:\n{plan}");
    }
    assert!(scan.contains("PROJECT 6/9"), "{plan}");
}

#[test]
fn the_months_between_are_read_for_tenants_that_need_them_alone() {
    let (_placed, history) = opened(&Layout::default());
    let (tenants, numbers) = Tenants::number(&Series::new("tenant_id".into(), ["t1", "t2"])).expect("tenants");
    let tenants = tenants.only(&numbers.slice(1, 1)).expect("one of them");
    let to_find = Arc::new(ToFind { tenants, ..ToFind::default() });
    let wanted = Rows { month: month("2026-03"), range: &TenantRange::all(), only: true };
    let usage = history.usage(&wanted, &to_find).expect("usage");
    assert_eq!(usage.height, 2, "two rows of t2, none of the others");
    assert_eq!(usage.findings.checked.get("workload_usage"), Some(&2));
}

/// Months that no score needs are not even opened.
#[test]
fn months_outside_the_period_are_not_opened() {
    let placed = Placed::new(&history());
    for unneeded in ["2026-11-01", "2024-01-01"] {
        let folder = placed.history().join(format!("workload_usage/month={unneeded}"));
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("part-0.parquet"), "not Parquet at all").expect("a file");
    }
    placed.score(&[]).succeeds();
}
