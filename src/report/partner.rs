//! One partner's page, to read on a screen or hand out on one sheet.

use std::collections::BTreeMap;

use askama::Template;

use super::card::{Details, details, measured};
use super::numbers::{day, grouped, month};
use super::page::{CSS, asks, mover};
use super::portfolio::{AT_RISK, NEAR, Portfolio, words};
use crate::error::{Error, Result};
use crate::insight::{ReasonRow, shown};
use crate::metrics::reason;
use crate::month::Month;
use crate::publish::printable_lines;
use crate::rulebook::Metric;

/// One partner's page.
#[derive(Template)]
#[template(path = "partner.html")]
struct PartnerPage<'a> {
    portfolio: &'a Portfolio,
    css: &'static str,
    day: String,
    month: String,
    year_ago: String,
    asks: String,
    goal: String,
    goal_share: f64,
    moved: Option<Moved>,
    details: Details<'a>,
    evidence: Vec<Behind>,
    near_points: i64,
    risk_points: i64,
}

/// How a partner's total changed since a day.
struct Moved {
    since: String,
    change: String,
}

/// How often a reason stands behind a measure.
struct Behind {
    measure: String,
    meaning: String,
    action: &'static str,
    rows: String,
    net: String,
}

/// Renders the page of the one partner that a portfolio was narrowed to, with what stands behind its points where the run has evidence.
///
/// # Errors
/// Usage where the portfolio has no partner.
pub fn partner_page(portfolio: &Portfolio, reasons: &[ReasonRow]) -> Result<String> {
    let Some(card) = portfolio.partners.first() else {
        return Err(Error::usage("there is no partner to report").hint("name one with --partner"));
    };
    let before = portfolio.before.filter(|_| card.before.is_some());
    let page = PartnerPage {
        css: CSS,
        day: day(portfolio.run.as_of),
        month: month(Month::of(portfolio.run.months.m)),
        year_ago: month(Month::of(portfolio.run.months.p)),
        asks: asks(portfolio),
        goal: shown(portfolio.goal()),
        goal_share: super::page::goal_share(portfolio),
        moved: before.map(|since| Moved { since: day(since), change: mover(portfolio, card).change }),
        details: details(portfolio, card),
        // The other track's rows would double the page; explain has them.
        evidence: behind(reasons.iter().filter(|row| row.track == card.score.track)),
        near_points: NEAR,
        risk_points: AT_RISK,
        portfolio,
    };
    let text = page.render().map_err(|error| Error::internal(error.to_string()))?;
    // Whatever steers a terminal or the order of letters came from the data.
    Ok(printable_lines(&text).into_owned())
}

/// Reasons by measure, in rulebook order.
fn behind<'a>(reasons: impl Iterator<Item = &'a ReasonRow>) -> Vec<Behind> {
    let mut sorted: BTreeMap<(Metric, &str, &str), &ReasonRow> = BTreeMap::new();
    sorted.extend(reasons.map(|row| ((row.metric, row.option.as_str(), row.reason.as_str()), row)));
    let of = |row: &ReasonRow| {
        let explained = reason::explained(&row.reason);
        Behind {
            measure: measured(row.metric, &row.option),
            meaning: explained.map_or_else(|| words(&row.reason), |reason| reason.meaning.to_owned()),
            action: explained.and_then(|reason| reason.action).unwrap_or_default(),
            rows: grouped(row.rows),
            net: grouped(row.net),
        }
    };
    sorted.into_values().map(of).collect()
}
