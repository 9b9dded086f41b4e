//! `partnerscore outlook`: what is already certain.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::Cell;

use super::arguments::OutlookArguments;
use super::printer;
use super::summary::counted;
use super::text::{left, partner, points, right, table};
use crate::error::Result;
use crate::insight::{self, Outlook, PartnerOutlook};
use crate::pipeline::Settings;
use crate::rulebook::Metric;

/// Partners of a portfolio, and rows of evidence, that are shown.
const SHOWN: usize = 25;

/// Looks ahead for a partner, or for all.
pub fn outlook(arguments: &OutlookArguments) -> Result<()> {
    let when = arguments.date.when();
    let rules = arguments.rulebook.as_of(when)?;
    let settings = Settings {
        partners: arguments.partner.iter().cloned().collect(),
        distributors: arguments.distributor.clone(),
        shards: arguments.shards.into(),
        ..Settings::new(&arguments.history, rules.as_of(when), rules)
    };
    let alone = arguments.partner.is_some();
    let settings = if alone { settings.of_a_few() } else { settings };
    let outlook = insight::outlook(&settings, arguments.months)?;
    let text = if alone { one(&outlook) } else { all(&outlook) };
    printer::answer(&outlook, arguments.format, Some(text))
}

fn one(outlook: &Outlook) -> String {
    let mut text = format!("{}\n", outlook.note);
    for one in &outlook.partners {
        let _ =
            writeln!(text, "\n{} under {}\n", partner(&one.partner_id, one.partner_name.as_deref()), outlook.rulebook);
        months(&mut text, one);
        for alert in &one.alerts {
            let _ = writeln!(text, " {}: {}", alert.as_of, alert.what);
        }
        events(&mut text, one);
    }
    text
}

fn months(text: &mut String, one: &PartnerOutlook) {
    let mut months = table(&[
        "as of",
        "track",
        "points",
        "designation",
        "net adds",
        "intermediate",
        "advanced",
        "usage",
        "deployments",
    ]);
    for month in &one.months {
        let metrics = Metric::ALL.map(|metric| month.metrics.get(metric.name()).copied().unwrap_or_default());
        let designation = if month.qualified { "yes" } else { "no" };
        let head =
            [left(&month.as_of.to_string()), left(&month.track), right(points(month.total_points)), left(designation)];
        months.add_row(head.into_iter().chain(metrics.map(|metric| right(points(metric)))));
    }
    let _ = writeln!(text, "{months}\n");
}

/// What is behind each month's change, by cause and measure, and the rows that change most.
fn events(text: &mut String, one: &PartnerOutlook) {
    let mut sums: BTreeMap<(String, &str, String), (i64, u64)> = BTreeMap::new();
    for event in &one.events {
        let measure = format!("{} {} {}", event.track, event.metric, event.option);
        let sum = sums.entry((event.as_of.to_string(), &event.kind, measure)).or_default();
        sum.0 += event.net_after - event.net_before;
        sum.1 += 1;
    }
    if sums.is_empty() {
        let _ = writeln!(text, " nothing that is dated changes");
        return;
    }
    let mut rows = table(&["as of", "what happens", "measure", "net", "rows"]);
    for ((as_of, kind, measure), (net, count)) in sums {
        rows.add_row([
            left(&as_of),
            left(&kind.replace('_', " ")),
            left(&measure),
            right(format!("{net:+}")),
            right(count),
        ]);
    }
    let _ = writeln!(text, "\n{rows}");
    let mut largest: Vec<_> = one.events.iter().collect();
    largest.sort_by_key(|event| {
        (std::cmp::Reverse((event.net_after - event.net_before).abs()), event.as_of, event.tenant_id.clone())
    });
    let mut behind = table(&["as of", "tenant or person", "workload", "measure", "before", "then"]);
    for event in largest.iter().take(SHOWN) {
        let who = event.tenant_id.as_deref().or(event.person_id.as_deref()).unwrap_or_default();
        behind.add_row([
            left(&event.as_of.to_string()),
            left(who),
            left(event.workload.as_deref().unwrap_or_default()),
            left(&format!("{} {} {}", event.track, event.metric, event.option)),
            right(event.net_before),
            right(event.net_after),
        ]);
    }
    let _ = writeln!(text, "\n{behind}");
    if largest.len() > SHOWN {
        let _ = writeln!(text, " and {} more; --format json has all", largest.len() - SHOWN);
    }
}

fn all(outlook: &Outlook) -> String {
    let mut text = format!("{}\n", outlook.note);
    let alerted: Vec<&PartnerOutlook> = outlook.partners.iter().filter(|one| !one.alerts.is_empty()).collect();
    let lost = |one: &&&PartnerOutlook| one.alerts.iter().any(|alert| alert.kind == "loses_designation");
    let losing = alerted.iter().filter(lost).count();
    let _ = writeln!(
        text,
        "\n{} as of {}: {}, {} with alerts, {losing} lose the designation if nothing changes\n",
        outlook.rulebook,
        outlook.as_of,
        counted(outlook.partners.len() as u64, "partner"),
        alerted.len()
    );
    let dates: Vec<String> = outlook
        .partners
        .first()
        .map_or_else(Vec::new, |one| one.months.iter().map(|month| month.as_of.format("%Y-%m").to_string()).collect());
    let header: Vec<&str> =
        std::iter::once("partner").chain(dates.iter().map(String::as_str)).chain(["first alert"]).collect();
    let mut rows = table(&header);
    for one in alerted.iter().take(SHOWN) {
        let months = one.months.iter().map(|month| right(points(month.total_points)));
        let alert = one.alerts.first().map(|alert| format!("{} {}", alert.as_of, alert.what)).unwrap_or_default();
        let who = Cell::new(partner(&one.partner_id, one.partner_name.as_deref()));
        rows.add_row(std::iter::once(who).chain(months).chain([left(&alert)]));
    }
    let _ = writeln!(text, "{rows}");
    if alerted.len() > SHOWN {
        let _ = writeln!(text, " and {} more; --format csv has all", alerted.len() - SHOWN);
    }
    text
}
