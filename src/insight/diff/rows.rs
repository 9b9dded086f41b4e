//! The rows of an answer, for CSV and Parquet.

use polars::prelude::*;

use super::answer::{Diff, MetricChange, PartnerChange, PartnerStanding, RowChange, Share};
use crate::error::Result;
use crate::insight::answer::{Answer, column, frame};
use crate::score::Points;

/// One row of the table: a partner, a cause of a metric's change, or a row of evidence behind it.
struct Row<'a> {
    kind: &'static str,
    partner_id: &'a str,
    partner_name: Option<&'a str>,
    before: Option<&'a PartnerStanding>,
    after: Option<&'a PartnerStanding>,
    metric: Option<&'a MetricChange>,
    share: Option<&'a Share>,
    evidence: Option<&'a RowChange>,
}

impl<'a> Row<'a> {
    fn of_partner(change: &'a PartnerChange) -> Row<'a> {
        Row {
            kind: "partner",
            partner_id: &change.partner_id,
            partner_name: change.partner_name.as_deref(),
            before: Some(&change.before),
            after: Some(&change.after),
            metric: None,
            share: None,
            evidence: None,
        }
    }

    /// A partner of one run alone.
    fn of_one(standing: &'a PartnerStanding, came: bool) -> Row<'a> {
        Row {
            kind: "partner",
            partner_id: &standing.partner_id,
            partner_name: standing.partner_name.as_deref(),
            before: (!came).then_some(standing),
            after: came.then_some(standing),
            metric: None,
            share: None,
            evidence: None,
        }
    }

    /// The rows of a partner that changed.
    fn all(change: &'a PartnerChange) -> Vec<Row<'a>> {
        let mut rows = vec![Row::of_partner(change)];
        for metric in &change.metrics {
            for share in &metric.shares {
                let cause = || Row { metric: Some(metric), share: Some(share), ..Row::of_partner(change) };
                rows.push(Row { kind: "cause", ..cause() });
                let evidence = |row| Row { kind: "evidence", evidence: Some(row), ..cause() };
                rows.extend(share.rows.iter().map(evidence));
            }
        }
        rows
    }

    /// The points before, after, and between: of the metric, or of the partner.
    fn points(&self) -> [Option<Points>; 3] {
        if let Some(metric) = self.metric {
            return [Some(metric.before), Some(metric.after), Some(metric.change)];
        }
        let [before, after] = [self.before, self.after].map(|standing| standing.map(|standing| standing.total));
        [before, after, before.zip(after).map(|(before, after)| after - before)]
    }

    fn share(&self) -> Option<Points> {
        self.evidence.map(|row| row.share).or_else(|| self.share.map(|share| share.points))
    }
}

impl Answer for Diff {
    /// Rows of three kinds: a `partner`, a `cause` of a metric's change, and the `evidence` behind it.
    fn rows(&self) -> Result<DataFrame> {
        let mut rows: Vec<Row> = self.changed.iter().flat_map(Row::all).collect();
        rows.extend(self.came.iter().map(|standing| Row::of_one(standing, true)));
        rows.extend(self.went.iter().map(|standing| Row::of_one(standing, false)));
        table(&rows)
    }
}

fn table(rows: &[Row]) -> Result<DataFrame> {
    let text =
        |name: &str, value: &dyn Fn(&Row) -> Option<String>| column(name, rows.iter().map(value).collect::<Vec<_>>());
    let flag =
        |name: &str, value: &dyn Fn(&Row) -> Option<bool>| column(name, rows.iter().map(value).collect::<Vec<_>>());
    let points = |name: &str, value: &dyn Fn(&Row) -> Option<Points>| {
        column(name, rows.iter().map(|row| value(row).map(Points::to_f64)).collect::<Vec<_>>())
    };
    let count = |name: &str, value: &dyn Fn(&RowChange) -> i64| {
        column(name, rows.iter().map(|row| row.evidence.map(value)).collect::<Vec<_>>())
    };
    let evidence =
        |name: &str, value: &dyn Fn(&RowChange) -> Option<String>| text(name, &|row| row.evidence.and_then(value));
    let track = |standing: Option<&PartnerStanding>| standing.map(|standing| standing.track.name().to_owned());
    let total = |standing: Option<&PartnerStanding>| standing.map(|standing| standing.total);
    frame(vec![
        text("kind", &|row| Some(row.kind.to_owned())),
        text("partner_id", &|row| Some(row.partner_id.to_owned())),
        text("partner_name", &|row| row.partner_name.map(str::to_owned)),
        text("track_before", &|row| track(row.before)),
        text("track_after", &|row| track(row.after)),
        flag("qualified_before", &|row| row.before.map(|standing| standing.qualified)),
        flag("qualified_after", &|row| row.after.map(|standing| standing.qualified)),
        points("total_before", &|row| total(row.before)),
        points("total_after", &|row| total(row.after)),
        text("metric", &|row| row.metric.map(|metric| metric.metric.name().to_owned())),
        points("points_before", &|row| row.points()[0]),
        points("points_after", &|row| row.points()[1]),
        points("change", &|row| row.points()[2]),
        text("cause", &|row| row.share.map(|share| share.cause.name().to_owned())),
        points("share", &|row| row.share()),
        evidence("track", &|row| Some(row.track.clone())),
        evidence("option", &|row| Some(row.option.clone())),
        evidence("tenant_id", &|row| row.tenant_id.clone()),
        evidence("person_id", &|row| row.person_id.clone()),
        evidence("workload", &|row| row.workload.clone()),
        count("net_before", &|row| row.net_before),
        count("net_after", &|row| row.net_after),
        evidence("reason_before", &|row| row.reason_before.clone()),
        evidence("reason_after", &|row| row.reason_after.clone()),
    ])
}
