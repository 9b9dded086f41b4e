//! The page: one file that needs nothing else, readable without its script.

use std::collections::BTreeMap;

use askama::Template;

use super::chart::{self, Bars};
use super::portfolio::{AT_RISK, Card, NEAR, Portfolio, Status, TRACKS, words};
use crate::error::{Error, Result};
use crate::insight::{EvidenceRow, PointsRow, shown};
use crate::metrics::reason;
use crate::month::Month;
use crate::rulebook::{Metric, Track};
use crate::score::{Points, whole};

/// Movers that the page names; the workbook has all.
const MOVERS: usize = 20;
/// Cards of one kind that the page expands; the table has every partner.
const CARDS: usize = 400;

/// A portfolio's page.
#[derive(Template)]
#[template(path = "portfolio.html")]
struct Page<'a> {
    portfolio: &'a Portfolio,
    title: String,
    css: &'static str,
    script: &'static str,
    month: Month,
    year_ago: Month,
    goal: String,
    most: i64,
    near: i64,
    at_risk: i64,
    headline: Vec<Headline>,
    distribution: Bars,
    goal_x: f64,
    tracks: Vec<TrackFigures>,
    metrics: Vec<MetricFigures>,
    near_misses: Vec<Details<'a>>,
    risks: Vec<Details<'a>>,
    near_count: usize,
    risk_count: usize,
    movers: Vec<Mover>,
    gained: Vec<&'a Card>,
    lost: Vec<&'a Card>,
    distributors: Vec<Distributor>,
    rows: Vec<Row<'a>>,
    markets: Vec<String>,
    distributor_ids: Vec<String>,
}

/// One partner's page.
#[derive(Template)]
#[template(path = "partner.html")]
struct PartnerPage<'a> {
    portfolio: &'a Portfolio,
    title: String,
    css: &'static str,
    month: Month,
    year_ago: Month,
    goal: String,
    total: String,
    moved: Option<Moved>,
    details: Details<'a>,
    evidence: Vec<Behind>,
}

/// How a partner's total changed since a day.
struct Moved {
    since: chrono::NaiveDate,
    change: String,
}

/// A figure that a reader looks for first.
struct Headline {
    value: String,
    label: String,
}

/// A track's designations.
struct TrackFigures {
    name: &'static str,
    qualified: usize,
    partners: usize,
    share: f64,
}

/// A metric on both tracks.
struct MetricFigures {
    name: String,
    charts: Vec<(&'static str, Bars, String)>,
}

/// A partner, opened.
struct Details<'a> {
    card: &'a Card,
    name: String,
    status: Status,
    lacks: String,
    tracks: Vec<TrackDetails<'a>>,
}

/// A track of a partner, opened.
struct TrackDetails<'a> {
    name: &'static str,
    own: bool,
    total: String,
    rows: Vec<MeasureDetails<'a>>,
}

/// A measure of a partner.
struct MeasureDetails<'a> {
    row: &'a PointsRow,
    metric: String,
    net: i64,
    points: String,
    max_points: String,
    missing: i64,
}

/// A partner whose total changed.
struct Mover {
    name: String,
    before: String,
    after: String,
    change: String,
}

/// A distributor's figures.
struct Distributor {
    id: String,
    partners: usize,
    qualified: usize,
    share: f64,
    near: usize,
    mean: String,
    mean_share: f64,
}

/// A partner in the ranked table.
struct Row<'a> {
    card: &'a Card,
    status: Status,
    total: String,
    bars: Vec<(String, String)>,
}

/// How often a reason stands behind a measure.
struct Behind {
    metric: String,
    option: String,
    reason: String,
    meaning: &'static str,
    action: &'static str,
    rows: usize,
    net: i64,
}

const CSS: &str = include_str!("templates/report.css");
const SCRIPT: &str = include_str!("templates/report.js");

/// The page of a portfolio.
pub fn portfolio_page(portfolio: &Portfolio) -> Result<String> {
    let cards: Vec<&Card> = portfolio.partners.iter().collect();
    let most = most(portfolio);
    let (near, risks) = (portfolio.of_status(Status::NearMiss), portfolio.of_status(Status::AtRisk));
    let opened = |cards: &[&'_ Card]| cards.len();
    let page = Page {
        title: title(portfolio),
        css: CSS,
        script: SCRIPT,
        month: Month::of(portfolio.run.months.m),
        year_ago: Month::of(portfolio.run.months.p),
        goal: shown(portfolio.goal()),
        most,
        near: NEAR,
        at_risk: AT_RISK,
        headline: headline(portfolio),
        distribution: chart::distribution(&cards, portfolio.goal(), most, 600.0),
        goal_x: 600.0 * portfolio.goal().to_f64() / most as f64,
        tracks: tracks(portfolio),
        metrics: metrics(&cards),
        near_count: opened(&near),
        risk_count: opened(&risks),
        near_misses: near.into_iter().take(CARDS).map(|card| details(portfolio, card)).collect(),
        risks: risks.into_iter().take(CARDS).map(|card| details(portfolio, card)).collect(),
        movers: portfolio.movers().into_iter().take(MOVERS).map(mover).collect(),
        gained: moved(portfolio, false, true),
        lost: moved(portfolio, true, false),
        distributors: distributors(portfolio),
        rows: portfolio.partners.iter().map(|card| row(portfolio, card)).collect(),
        markets: portfolio.values(|score| score.market.as_deref()).into_iter().collect(),
        distributor_ids: portfolio.values(|score| score.distributor_id.as_deref()).into_iter().collect(),
        portfolio,
    };
    page.render().map_err(|error| Error::internal(error.to_string()))
}

/// The page of the one partner that a portfolio was narrowed to, with what stands behind its points where the run has evidence.
pub fn partner_page(portfolio: &Portfolio, evidence: &[EvidenceRow]) -> Result<String> {
    let Some(card) = portfolio.partners.first() else {
        return Err(Error::usage("there is no partner to report").hint("name one with --partner"));
    };
    let page = PartnerPage {
        title: format!("{}: capability score", name(card)),
        css: CSS,
        month: Month::of(portfolio.run.months.m),
        year_ago: Month::of(portfolio.run.months.p),
        goal: shown(portfolio.goal()),
        total: shown(card.score.total),
        moved: portfolio
            .before
            .filter(|_| card.before.is_some())
            .map(|since| Moved { since, change: mover(card).change }),
        details: details(portfolio, card),
        // The other track's rows would double the page; explain has them.
        evidence: behind(evidence.iter().filter(|row| row.track == card.score.track)),
        portfolio,
    };
    page.render().map_err(|error| Error::internal(error.to_string()))
}

fn title(portfolio: &Portfolio) -> String {
    let of = portfolio.asked.distributor.as_ref().map(|id| format!(" of {id}")).unwrap_or_default();
    format!("Capability scores{of}, {}", portfolio.run.as_of)
}

/// The points that all metrics of a track give together.
fn most(portfolio: &Portfolio) -> i64 {
    let of = |card: &Card| {
        let taken = card.measures.iter().filter(|row| row.track == Track::ALL[0] && row.counted);
        taken.map(|row| row.max_points).sum::<Points>().0 / whole(1).0
    };
    portfolio.partners.first().map_or(1, of).max(1)
}

fn name(card: &Card) -> String {
    match &card.score.partner_name {
        Some(name) => format!("{name} ({})", card.score.partner_id),
        None => card.score.partner_id.clone(),
    }
}

fn headline(portfolio: &Portfolio) -> Vec<Headline> {
    let all = portfolio.partners.len();
    let qualified = portfolio.partners.iter().filter(|card| card.score.qualified).count();
    let count = |status| portfolio.of_status(status).len();
    let sum: Points = portfolio.partners.iter().map(|card| card.score.total).sum();
    let mean = if all == 0 { 0.0 } else { sum.to_f64() / all as f64 };
    let of = |value: String, label: &str| Headline { value, label: label.to_owned() };
    vec![
        of(all.to_string(), "partners"),
        of(qualified.to_string(), "with the designation"),
        of(count(Status::NearMiss).to_string(), "near misses"),
        of(count(Status::AtRisk).to_string(), "at risk"),
        of(format!("{mean:.1}"), "points on average"),
    ]
}

fn tracks(portfolio: &Portfolio) -> Vec<TrackFigures> {
    let of_track = |track: Track| {
        let cards = || portfolio.partners.iter().filter(move |card| card.score.track == track);
        let (partners, qualified) = (cards().count(), cards().filter(|card| card.score.qualified).count());
        TrackFigures { name: track.name(), qualified, partners, share: share(qualified, partners) }
    };
    TRACKS.map(of_track).into()
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

fn metrics(cards: &[&Card]) -> Vec<MetricFigures> {
    let of_track = |metric: Metric, track: Track| {
        let own: Vec<&Card> = cards.iter().copied().filter(|card| card.score.track == track).collect();
        let points = own.iter().flat_map(|card| &card.measures);
        let points =
            points.filter(|row| row.track == track && row.metric == metric && row.counted).map(|row| row.points);
        let mean = if own.is_empty() { 0.0 } else { points.sum::<Points>().to_f64() / own.len() as f64 };
        (track.name(), chart::of_metric(&own, metric, track, 200.0), format!("{mean:.1}"))
    };
    let of_metric = |metric: Metric| MetricFigures {
        name: words(metric.name()),
        charts: TRACKS.map(|track| of_track(metric, track)).into(),
    };
    Metric::ALL.map(of_metric).into()
}

fn details<'a>(portfolio: &Portfolio, card: &'a Card) -> Details<'a> {
    let of_track = |track: Track| TrackDetails {
        name: track.name(),
        own: track == card.score.track,
        total: shown(if track == Track::Enterprise { card.score.enterprise } else { card.score.smb }),
        rows: card.measures.iter().filter(|row| row.track == track).map(measure).collect(),
    };
    Details {
        name: name(card),
        status: portfolio.status(card),
        lacks: lacks(card),
        tracks: TRACKS.map(of_track).into(),
        card,
    }
}

fn lacks(card: &Card) -> String {
    let at_minimum = card.at_minimum.iter().map(|metric| format!("{} is at its minimum", words(metric.name())));
    let lacks = card.lacks();
    (!lacks.is_empty()).then_some(lacks).into_iter().chain(at_minimum).collect::<Vec<_>>().join(", ")
}

fn measure(row: &PointsRow) -> MeasureDetails<'_> {
    let net = row.current - row.prior;
    MeasureDetails {
        row,
        metric: words(row.metric.name()),
        net,
        points: shown(row.points),
        max_points: shown(row.max_points),
        missing: (row.target - net).max(0),
    }
}

fn mover(card: &Card) -> Mover {
    let change = card.change().unwrap_or_default();
    let sign = match change.0 {
        0 => "\u{b1}",
        1.. => "+",
        _ => "\u{2212}",
    };
    Mover {
        name: name(card),
        before: card.before.as_ref().map(|before| shown(before.total)).unwrap_or_default(),
        after: shown(card.score.total),
        change: format!("{sign}{}", shown(Points(change.0.abs()))),
    }
}

/// Partners whose designation was one thing before and is another now.
fn moved(portfolio: &Portfolio, before: bool, now: bool) -> Vec<&Card> {
    let has_moved = |card: &&Card| {
        card.score.qualified == now && card.before.as_ref().is_some_and(|score| score.qualified == before)
    };
    portfolio.partners.iter().filter(has_moved).collect()
}

fn distributors(portfolio: &Portfolio) -> Vec<Distributor> {
    let of = |(id, cards): (&str, Vec<&Card>)| {
        let qualified = cards.iter().filter(|card| card.score.qualified).count();
        let sum: Points = cards.iter().map(|card| card.score.total).sum();
        let mean = sum.to_f64() / cards.len().max(1) as f64;
        Distributor {
            id: id.to_owned(),
            partners: cards.len(),
            qualified,
            share: share(qualified, cards.len()),
            near: cards.iter().filter(|card| portfolio.status(card) == Status::NearMiss).count(),
            mean: format!("{mean:.1}"),
            mean_share: 100.0 * mean / most(portfolio) as f64,
        }
    };
    portfolio.distributors().into_iter().map(of).collect()
}

fn row<'a>(portfolio: &Portfolio, card: &'a Card) -> Row<'a> {
    let taken: BTreeMap<Metric, &PointsRow> = card
        .measures
        .iter()
        .filter(|row| row.track == card.score.track && row.counted)
        .map(|row| (row.metric, row))
        .collect();
    let bar = |metric: &Metric| {
        taken.get(metric).map_or((String::new(), "0".to_owned()), |row| {
            let percent = 100 * row.points.0 / row.max_points.0.max(1);
            (shown(row.points), percent.to_string())
        })
    };
    Row {
        status: portfolio.status(card),
        total: shown(card.score.total),
        bars: Metric::ALL.iter().map(bar).collect(),
        card,
    }
}

/// Evidence by measure and reason.
fn behind<'a>(evidence: impl Iterator<Item = &'a EvidenceRow>) -> Vec<Behind> {
    let mut counts: BTreeMap<(Metric, &str, &str), (usize, i64)> = BTreeMap::new();
    for row in evidence {
        let sum = counts.entry((row.metric, &row.option, &row.reason)).or_default();
        sum.0 += 1;
        sum.1 += if row.counted { row.current - row.prior } else { 0 };
    }
    let of = |((metric, option, code), (rows, net)): ((Metric, &str, &str), (usize, i64))| {
        let explained = reason::explained(code);
        Behind {
            metric: words(metric.name()),
            option: option.to_owned(),
            reason: words(code),
            meaning: explained.map_or("", |reason| reason.meaning),
            action: explained.and_then(|reason| reason.action).unwrap_or_default(),
            rows,
            net,
        }
    };
    counts.into_iter().map(of).collect()
}
