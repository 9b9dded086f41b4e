//! A portfolio's page: one file that needs nothing else, readable without its script.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use super::card::{Details, details};
use super::chart::{self, Chart, Distribution, Shares};
use super::numbers::{aligned, counted, day, decimals, grouped, mean, month, percent, signed, signed_mean};
use super::portfolio::{AT_RISK, Card, NEAR, Portfolio, Status, TRACKS, words};
use crate::error::{Error, Result};
use crate::insight::{PointsRow, shown};
use crate::month::Month;
use crate::publish::printable_lines;
use crate::rulebook::{Metric, Track};
use crate::score::{Points, whole};

/// Rises and falls that the page names, each; the workbook has all.
const MOVERS: usize = 10;
/// Partners of a list that stand open; the others follow when they are asked for.
const OPEN: usize = 10;
/// Cards of one kind that the page holds, so that it stays small; the table has every partner.
const CARDS: usize = 600;

pub(super) const CSS: &str = include_str!("templates/report.css");
const SCRIPT: &str = include_str!("templates/report.js");

/// A portfolio's page.
#[derive(Template)]
#[template(path = "portfolio.html")]
struct Page<'a> {
    portfolio: &'a Portfolio,
    css: &'static str,
    script: &'static str,
    day: String,
    month: String,
    year_ago: String,
    asks: String,
    goal: String,
    goal_share: f64,
    says: String,
    headline: Vec<Headline>,
    distribution: Distribution,
    tracks: Vec<Group>,
    shares: Vec<MetricFigures>,
    near: CardList<'a>,
    risk: CardList<'a>,
    moves: Option<Moves<'a>>,
    distributors: Vec<Group>,
    rows: Vec<Row<'a>>,
    most: i64,
    near_points: i64,
    risk_points: i64,
    open: usize,
    markets: Vec<String>,
    distributor_ids: Vec<String>,
}

/// A figure that a reader looks for first.
struct Headline {
    value: String,
    label: &'static str,
    note: String,
}

/// Partners of a track or a distributor, counted.
struct Group {
    name: String,
    partners: String,
    qualified: String,
    share: f64,
    near: String,
    risk: String,
    mean: String,
    mean_share: f64,
}

/// A metric on both tracks.
struct MetricFigures {
    name: String,
    charts: Vec<MetricChart>,
}

/// A metric on a track.
struct MetricChart {
    track: &'static str,
    mean: String,
    max_points: String,
    counts: Vec<String>,
    chart: Chart,
}

/// Partners with a card each.
struct CardList<'a> {
    count: usize,
    says: String,
    /// What they have in common, the most frequent first, and in percent of all.
    reasons: Vec<(String, usize, f64)>,
    cards: Vec<Details<'a>>,
}

/// What changed since a run before.
struct Moves<'a> {
    since: String,
    says: String,
    gained: Vec<Mover<'a>>,
    lost: Vec<Mover<'a>>,
    /// The largest of each.
    rises: Vec<Mover<'a>>,
    falls: Vec<Mover<'a>>,
}

/// A partner's totals in both runs.
pub(super) struct Mover<'a> {
    card: &'a Card,
    before: String,
    after: String,
    pub change: String,
    /// Where the lower of both stands, and how far the higher is from it, in percent of all points.
    from: f64,
    width: f64,
    up: bool,
}

/// A partner in the ranked table.
struct Row<'a> {
    card: &'a Card,
    status: Status,
    has_card: bool,
    total: String,
    share: i64,
    bars: Vec<(String, i64)>,
}

/// Renders a portfolio's page.
///
/// # Errors
/// Internal where the template fails, which it does not.
pub fn portfolio_page(portfolio: &Portfolio) -> Result<String> {
    let cards: Vec<&Card> = portfolio.partners.iter().collect();
    let (near, risk) = (card_list(portfolio, Status::NearMiss), card_list(portfolio, Status::AtRisk));
    let page = Page {
        css: CSS,
        script: SCRIPT,
        day: day(portfolio.run.as_of),
        month: month(Month::of(portfolio.run.months.m)),
        year_ago: month(Month::of(portfolio.run.months.p)),
        asks: asks(portfolio),
        goal: shown(portfolio.goal()),
        goal_share: goal_share(portfolio),
        says: says(portfolio, near.count),
        headline: headline(portfolio),
        distribution: chart::distribution(&cards, portfolio.goal(), most(portfolio)),
        tracks: tracks(portfolio),
        shares: metrics(&cards),
        moves: moves(portfolio),
        distributors: distributors(portfolio),
        rows: rows(portfolio, [&near, &risk]),
        most: most(portfolio),
        near_points: NEAR,
        risk_points: AT_RISK,
        open: OPEN,
        markets: portfolio.values(|score| score.market.as_deref()).into_iter().collect(),
        distributor_ids: portfolio.values(|score| score.distributor_id.as_deref()).into_iter().collect(),
        near,
        risk,
        portfolio,
    };
    let text = page.render().map_err(|error| Error::internal(error.to_string()))?;
    // Whatever steers a terminal or the order of letters came from the data.
    Ok(printable_lines(&text).into_owned())
}

/// What the designation asks for, in words.
pub(super) fn asks(portfolio: &Portfolio) -> String {
    let line = portfolio.line();
    let minimum = match line.minimum {
        Points(1) => "something".to_owned(),
        minimum => format!("at least {}", super::numbers::points(minimum)),
    };
    format!("{} and {minimum} in every metric", super::numbers::points(line.goal))
}

/// The page in a sentence.
fn says(portfolio: &Portfolio, near: usize) -> String {
    let all = portfolio.partners.len();
    let qualified = portfolio.partners.iter().filter(|card| card.score.qualified).count();
    let nearly = match near {
        0 => String::new(),
        1 => ", and 1 nearly does".to_owned(),
        many => format!(", and {} nearly do", grouped(many as i64)),
    };
    let has = match qualified {
        0 => "None".to_owned(),
        some => grouped(some as i64),
    };
    let holds = if qualified == 1 { "holds" } else { "hold" };
    format!("{has} of {} {holds} the designation{nearly}", counted(all, "partner"))
}

/// The points that all metrics of a track give together.
fn most(portfolio: &Portfolio) -> i64 {
    let of = |card: &Card| {
        let taken = card.measures.iter().filter(|row| row.track == Track::ALL[0] && row.counted);
        taken.map(|row| row.max_points).sum::<Points>().0 / whole(1).0
    };
    portfolio.partners.first().map_or(1, of).max(1)
}

/// Where the designation's line stands, in percent of all points.
pub(super) fn goal_share(portfolio: &Portfolio) -> f64 {
    100.0 * portfolio.goal().to_f64() / most(portfolio) as f64
}

fn headline(portfolio: &Portfolio) -> Vec<Headline> {
    let all = portfolio.partners.len();
    let qualified = portfolio.partners.iter().filter(|card| card.score.qualified).count();
    let count = |status| grouped(portfolio.of_status(status).len() as i64);
    let total: Points = portfolio.partners.iter().map(|card| card.score.total).sum();
    let of = |value: String, label, note: String| Headline { value, label, note };
    let mut headline = vec![
        of(grouped(all as i64), if all == 1 { "partner" } else { "partners" }, String::new()),
        of(grouped(qualified as i64), "with the designation", format!("{:.1} % of them", percent(qualified, all))),
        of(count(Status::NearMiss), "near misses", format!("at most {NEAR} points short")),
        of(count(Status::AtRisk), "at risk", format!("of the {}", grouped(qualified as i64))),
        of(format!("{:.1}", mean(total, all)), "points on average", format!("of {}", most(portfolio))),
    ];
    if let Some(since) = portfolio.before {
        let [gained, lost] =
            [(false, true), (true, false)].map(|(before, now)| portfolio.moved(before, now).len() as i64);
        let value = format!("+{} / \u{2212}{}", grouped(gained), grouped(lost));
        headline.insert(2, of(value, "gained and lost", format!("since {}", day(since))));
    }
    headline
}

fn tracks(portfolio: &Portfolio) -> Vec<Group> {
    let of_track = |track: Track| {
        let cards: Vec<&Card> = portfolio.partners.iter().filter(|card| card.score.track == track).collect();
        group(portfolio, track.name().to_owned(), &cards)
    };
    let mut groups: Vec<Group> = TRACKS.map(of_track).into();
    groups.push(group(portfolio, "both".to_owned(), &portfolio.partners.iter().collect::<Vec<_>>()));
    groups
}

fn distributors(portfolio: &Portfolio) -> Vec<Group> {
    let of =
        |(id, cards): (Option<&str>, Vec<&Card>)| group(portfolio, id.unwrap_or("no distributor").to_owned(), &cards);
    portfolio.distributors().into_iter().map(of).collect()
}

fn group(portfolio: &Portfolio, name: String, cards: &[&Card]) -> Group {
    let of = |status| cards.iter().filter(|card| portfolio.status(card) == status).count();
    let qualified = cards.iter().filter(|card| card.score.qualified).count();
    let mean = mean(cards.iter().map(|card| card.score.total).sum(), cards.len());
    Group {
        name,
        partners: grouped(cards.len() as i64),
        qualified: grouped(qualified as i64),
        share: percent(qualified, cards.len()),
        near: grouped(of(Status::NearMiss) as i64),
        risk: grouped(of(Status::AtRisk) as i64),
        mean: format!("{mean:.1}"),
        mean_share: 100.0 * mean / most(portfolio) as f64,
    }
}

fn metrics(cards: &[&Card]) -> Vec<MetricFigures> {
    let own = |track: Track| cards.iter().copied().filter(|card| card.score.track == track).collect::<Vec<_>>();
    let of_track = TRACKS.map(own);
    let shares: Vec<[Shares; 2]> =
        Metric::ALL.map(|metric| [0, 1].map(|place| chart::shares(&of_track[place], metric, TRACKS[place]))).into();
    // One height for all, so that a bar of one is as high as its equal of another.
    let highest = shares.iter().flatten().map(Shares::highest).fold(1.0, f64::max);
    let of_metric = |pair: &[Shares; 2]| MetricFigures {
        name: words(pair[0].metric.name()),
        charts: [0, 1].map(|place| metric_chart(&pair[place], &of_track[place], highest)).into(),
    };
    shares.iter().map(of_metric).collect()
}

fn metric_chart(shares: &Shares, own: &[&Card], highest: f64) -> MetricChart {
    let is_of = |row: &&PointsRow| row.track == shares.track && row.metric == shares.metric && row.counted;
    let rows: Vec<&PointsRow> = own.iter().flat_map(|card| &card.measures).filter(is_of).collect();
    MetricChart {
        track: shares.track.name(),
        mean: format!("{:.1}", mean(rows.iter().map(|row| row.points).sum(), own.len())),
        max_points: rows.first().map_or(String::new(), |row| shown(row.max_points)),
        counts: shares.counts.iter().map(|count| grouped(*count as i64)).collect(),
        chart: shares.chart(highest),
    }
}

fn card_list(portfolio: &Portfolio, status: Status) -> CardList<'_> {
    let cards = portfolio.of_status(status);
    CardList {
        count: cards.len(),
        says: format!(
            "{} {} the designation",
            counted(cards.len(), "partner"),
            match (status, cards.len()) {
                (Status::NearMiss, 1) => "is without",
                (Status::NearMiss, _) => "are without",
                (_, 1) => "has",
                _ => "have",
            }
        ),
        reasons: reasons(portfolio, &cards),
        cards: cards.iter().take(CARDS).map(|card| details(portfolio, card)).collect(),
    }
}

/// What partners lack or may lose, and how many of them; one may have several.
fn reasons(portfolio: &Portfolio, cards: &[&Card]) -> Vec<(String, usize, f64)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for card in cards {
        for reason in reasons_of(portfolio, card) {
            *counts.entry(reason).or_default() += 1;
        }
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(reason, count)| (reason, count, percent(count, cards.len()))).collect()
}

fn reasons_of(portfolio: &Portfolio, card: &Card) -> Vec<String> {
    if card.score.qualified {
        let near = card.score.total - portfolio.goal() < whole(AT_RISK);
        let near = near.then(|| format!("under {AT_RISK} points to spare"));
        let at_minimum = card.at_minimum.iter().map(|metric| format!("{} at the minimum", words(metric.name())));
        return near.into_iter().chain(at_minimum).collect();
    }
    let short: Vec<String> = card.short().map(|metric| format!("{} under the minimum", words(metric))).collect();
    if short.is_empty() { vec!["points alone".to_owned()] } else { short }
}

fn moves(portfolio: &Portfolio) -> Option<Moves<'_>> {
    let since = portfolio.before?;
    let movers = portfolio.movers();
    let (rises, falls): (Vec<&Card>, Vec<&Card>) = movers.into_iter().partition(|card| card.change() > Some(Points(0)));
    let opened = |card| mover(portfolio, card);
    Some(Moves {
        since: day(since),
        says: in_words(portfolio, rises.len(), falls.len()),
        rises: rises.into_iter().take(MOVERS).map(opened).collect(),
        falls: falls.into_iter().take(MOVERS).map(opened).collect(),
        gained: portfolio.moved(false, true).into_iter().map(opened).collect(),
        lost: portfolio.moved(true, false).into_iter().map(opened).collect(),
    })
}

/// What became of the partners since the run before.
fn in_words(portfolio: &Portfolio, rises: usize, falls: usize) -> String {
    let changes: Vec<Points> = portfolio.partners.iter().filter_map(Card::change).collect();
    let mean = mean(changes.iter().sum(), changes.len());
    format!(
        "Of {} in both runs, {} rose, {} fell and {} stayed; {} points on average. {} new, {} no longer there.",
        counted(changes.len(), "partner"),
        grouped(rises as i64),
        grouped(falls as i64),
        grouped((changes.len() - rises - falls) as i64),
        signed_mean(mean),
        grouped((portfolio.partners.len() - changes.len()) as i64),
        grouped(portfolio.gone as i64),
    )
}

/// A partner's totals in both runs.
pub(super) fn mover<'a>(portfolio: &Portfolio, card: &'a Card) -> Mover<'a> {
    let before = card.before.as_ref().map(|before| before.total).unwrap_or_default();
    let share = |points: Points| 100.0 * points.to_f64() / most(portfolio) as f64;
    let (low, high) = (before.min(card.score.total), before.max(card.score.total));
    Mover {
        card,
        before: shown(before),
        after: shown(card.score.total),
        change: signed(card.score.total - before),
        from: share(low),
        width: share(high - low),
        up: card.score.total > before,
    }
}

fn rows<'a>(portfolio: &'a Portfolio, lists: [&CardList; 2]) -> Vec<Row<'a>> {
    let opened: BTreeSet<usize> = lists.into_iter().flat_map(|list| &list.cards).map(|one| one.card.place).collect();
    let widest = |points: &dyn Fn(&Card) -> Points| {
        portfolio.partners.iter().map(|card| decimals(points(card))).max().unwrap_or_default()
    };
    let of_total = widest(&|card| card.score.total);
    let of_metrics: Vec<usize> =
        (0..Metric::ALL.len()).map(|metric| widest(&|card| card.score.metrics[metric])).collect();
    let row = |card: &'a Card| Row {
        status: portfolio.status(card),
        has_card: opened.contains(&card.place),
        total: aligned(card.score.total, of_total),
        share: card.score.total.0 * 100 / whole(most(portfolio)).0,
        bars: bars(card, &of_metrics),
        card,
    };
    portfolio.partners.iter().map(row).collect()
}

/// A partner's metrics as they are written, and in percent of what each gives at most.
fn bars(card: &Card, decimals: &[usize]) -> Vec<(String, i64)> {
    let own = card.measures.iter().filter(|row| row.track == card.score.track && row.counted);
    let most: BTreeMap<Metric, i64> = own.map(|row| (row.metric, row.max_points.0)).collect();
    let metrics = Metric::ALL.iter().zip(&card.score.metrics).zip(decimals);
    let bar = |((metric, points), decimals): ((&Metric, &Points), &usize)| {
        (aligned(*points, *decimals), 100 * points.0 / most.get(metric).copied().unwrap_or_default().max(1))
    };
    metrics.map(bar).collect()
}
