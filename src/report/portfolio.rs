//! What a report shows, from the tables of a run and of the one before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::distance::{self, Line};
use super::numbers;
use super::rejects::OwnedRejects;
use crate::error::{Error, Result, nearest};
use crate::insight::{PointsRow, Published, RejectRow, ScoreRow};
use crate::publish::Run;
use crate::rulebook::{Metric, Track};
use crate::score::{Points, whole};

/// Points below the designation within which a partner is a near miss.
pub const NEAR: i64 = 10;
/// Points above the designation under which a partner is at risk.
pub const AT_RISK: i64 = 5;

/// What of a run is reported.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only the partners of this distributor.
    pub distributor: Option<String>,
    /// Only this partner.
    pub partner: Option<String>,
}

impl Asked {
    fn is_of_some(&self) -> bool {
        self.distributor.is_some() || self.partner.is_some()
    }

    fn has(&self, score: &ScoreRow) -> bool {
        self.distributor.as_ref().is_none_or(|only| score.distributor_id.as_ref() == Some(only))
            && self.partner.as_ref().is_none_or(|only| score.partner_id == *only)
    }
}

/// A run as it is reported.
#[derive(Debug)]
pub struct Portfolio {
    pub run: Run,
    pub asked: Asked,
    /// By rank.
    pub partners: Vec<Card>,
    /// The as-of date of the run it is compared with.
    pub before: Option<chrono::NaiveDate>,
    /// Partners that the run before has and this one has not.
    pub gone: usize,
    /// Rejected rows of the partners reported; None where they are those of the run.
    pub rejects: Option<Vec<RejectRow>>,
}

/// One partner.
#[derive(Debug, Clone)]
pub struct Card {
    /// Its place in what is reported, by rank, from 0 on.
    pub place: usize,
    pub score: ScoreRow,
    /// In rulebook order.
    pub measures: Vec<PointsRow>,
    /// In the run before, where there is one and it has the partner.
    pub before: Option<ScoreRow>,
    /// Metrics of the track that one unit less brings under the minimum.
    pub at_minimum: Vec<Metric>,
}

/// Where a partner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Qualified,
    AtRisk,
    NearMiss,
    Without,
}

impl Status {
    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            Status::Qualified => "Qualified",
            Status::AtRisk => "Qualified, at risk",
            Status::NearMiss => "Near miss",
            Status::Without => "Not qualified",
        }
    }

    /// Its name in the page's code.
    pub fn slug(self) -> &'static str {
        match self {
            Status::Qualified => "qualified",
            Status::AtRisk => "at-risk",
            Status::NearMiss => "near-miss",
            Status::Without => "without",
        }
    }
}

impl Portfolio {
    /// Reads what is asked of a run, beside another run where one is given.
    ///
    /// # Errors
    /// Usage where the run has no such partner or distributor, with the nearest; those of reading a run.
    pub fn read(published: &Published, before: Option<&Published>, asked: Asked) -> Result<Portfolio> {
        let all = published.scores()?;
        let count = all.len();
        let scores = asked_for(all, &asked, published)?;
        let rejects = rejects(published, &asked, &scores, count)?;
        let mut measures: BTreeMap<String, Vec<PointsRow>> = BTreeMap::new();
        for row in published.all_metric_points()? {
            measures.entry(row.partner_id.clone()).or_default().push(row);
        }
        let mut earlier: BTreeMap<String, ScoreRow> = match before {
            Some(before) => before.scores()?.into_iter().map(|row| (row.partner_id.clone(), row)).collect(),
            None => BTreeMap::new(),
        };
        let line = line(&published.run);
        let card = |(place, score): (usize, ScoreRow)| {
            let measures = measures.remove(&score.partner_id).unwrap_or_default();
            let at_minimum = at_minimum(&score, &measures, line);
            Card { place, before: earlier.remove(&score.partner_id), at_minimum, measures, score }
        };
        let partners = scores.into_iter().enumerate().map(card).collect();
        let gone = earlier.values().filter(|score| asked.has(score)).count();
        let before = before.map(|before| before.run.as_of);
        Ok(Portfolio { run: published.run.clone(), asked, partners, before, gone, rejects })
    }

    /// How complete the data is, in words.
    pub fn data(&self) -> String {
        let rows = &self.run.rows;
        match &self.rejects {
            Some(theirs) => format!("{} of these partners", numbers::counted(theirs.len(), "rejected row")),
            None => format!(
                "{}; {} of {} tenants found in usage",
                numbers::counted(rows.rejects as usize, "rejected row"),
                rows.tenants_found,
                rows.tenants_held
            ),
        }
    }

    /// Exports that the reported partners lack, each as a sentence.
    pub fn missing_exports(&self) -> Vec<String> {
        let names: HashMap<&str, &str> =
            self.partners.iter().map(|card| (card.score.partner_id.as_str(), card.name())).collect();
        let reported = self.run.missing_exports().filter_map(|(export, account)| Some((names.get(account)?, export)));
        reported.map(|(name, export)| format!("{name}: the exports have no row of {export}")).collect()
    }

    /// What the designation asks for.
    pub fn line(&self) -> Line {
        line(&self.run)
    }

    /// The points that the designation asks for.
    pub fn goal(&self) -> Points {
        self.line().goal
    }

    /// Where a partner stands.
    pub fn status(&self, card: &Card) -> Status {
        let above = card.score.total - self.goal();
        match card.score.qualified {
            true if above < whole(AT_RISK) || !card.at_minimum.is_empty() => Status::AtRisk,
            true => Status::Qualified,
            false if card.score.points_short <= whole(NEAR) => Status::NearMiss,
            false => Status::Without,
        }
    }

    /// Partners of a standing, in an order that a reader wants: near misses by what they lack, those at risk by what they have.
    pub fn of_status(&self, status: Status) -> Vec<&Card> {
        let mut cards: Vec<&Card> = self.partners.iter().filter(|card| self.status(card) == status).collect();
        cards.sort_by_key(|card| {
            let score = &card.score;
            (score.points_short, score.metrics_short.split(',').count(), score.total, score.partner_id.clone())
        });
        cards
    }

    /// Partners whose designation was one thing before and is another now, by rank.
    pub fn moved(&self, before: bool, now: bool) -> Vec<&Card> {
        let has_moved = |card: &&Card| {
            card.score.qualified == now && card.before.as_ref().is_some_and(|score| score.qualified == before)
        };
        self.partners.iter().filter(has_moved).collect()
    }

    /// Partners whose total changed, the largest change first.
    pub fn movers(&self) -> Vec<&Card> {
        let mut movers: Vec<&Card> =
            self.partners.iter().filter(|card| card.change().is_some_and(|change| change != Points(0))).collect();
        movers.sort_by_key(|card| (std::cmp::Reverse(card.change().map(|change| change.0.abs())), card.score.rank));
        movers
    }

    /// Every distributor's partners; last, under None, those that have no distributor.
    pub fn distributors(&self) -> Vec<(Option<&str>, Vec<&Card>)> {
        let mut distributors: BTreeMap<(bool, &str), Vec<&Card>> = BTreeMap::new();
        for card in &self.partners {
            let id = card.score.distributor_id.as_deref();
            distributors.entry((id.is_none(), id.unwrap_or_default())).or_default().push(card);
        }
        let of = |((none, id), cards): ((bool, _), _)| ((!none).then_some(id), cards);
        distributors.into_iter().map(of).collect()
    }

    /// Values of an attribute, each once, sorted.
    pub fn values(&self, value: impl Fn(&ScoreRow) -> Option<&str>) -> BTreeSet<String> {
        self.partners.iter().filter_map(|card| value(&card.score).map(str::to_owned)).collect()
    }
}

impl Card {
    /// Its name, or its id where it has none.
    pub fn name(&self) -> &str {
        self.score.partner_name.as_deref().unwrap_or(&self.score.partner_id)
    }

    /// Its id, where its name does not say it.
    pub fn id_beside(&self) -> &str {
        if self.score.partner_name.is_some() { &self.score.partner_id } else { "" }
    }

    /// Its distributor, market and track, those that it has.
    pub fn where_it_is(&self) -> String {
        let score = &self.score;
        let parts = [score.distributor_id.as_deref(), score.market.as_deref(), Some(score.track.name())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" \u{b7} ")
    }

    /// The change of the total since the run before.
    pub fn change(&self) -> Option<Points> {
        self.before.as_ref().map(|before| self.score.total - before.total)
    }

    /// What it lacks, in words; empty where nothing.
    pub fn lacks(&self) -> String {
        let score = &self.score;
        let short = (score.points_short > Points(0)).then(|| format!("{} short", numbers::points(score.points_short)));
        let metrics = self.short().map(|metric| format!("{} under the minimum", words(metric)));
        short.into_iter().chain(metrics).collect::<Vec<_>>().join(", ")
    }

    /// Metrics of the track under the minimum.
    pub fn short(&self) -> impl Iterator<Item = &str> {
        self.score.metrics_short.split(',').filter(|metric| !metric.is_empty())
    }
}

/// A name of the tables as people write it.
pub fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn asked_for(scores: Vec<ScoreRow>, asked: &Asked, published: &Published) -> Result<Vec<ScoreRow>> {
    if let Some(distributor) = &asked.distributor {
        let known: BTreeSet<String> = scores.iter().filter_map(|score| score.distributor_id.clone()).collect();
        if !known.contains(distributor) {
            return Err(unknown("distributor", distributor, &known, published));
        }
    }
    if let Some(partner) = &asked.partner {
        let known: BTreeSet<String> = scores.iter().map(|score| score.partner_id.clone()).collect();
        if !known.contains(partner) {
            return Err(unknown("partner", partner, &known, published));
        }
    }
    Ok(scores.into_iter().filter(|score| asked.has(score)).collect())
}

/// The rejected rows that a report for some partners may hold; None where it may hold those of the run.
fn rejects(published: &Published, asked: &Asked, scores: &[ScoreRow], all: usize) -> Result<Option<Vec<RejectRow>>> {
    // A run for some partners has nobody else's rows.
    let has_all = published.run.selection.own_findings && scores.len() == all;
    if !asked.is_of_some() || has_all {
        return Ok(None);
    }
    let partners = scores.iter().map(|score| score.partner_id.as_str()).collect();
    Ok(Some(OwnedRejects::read(published)?.of(&partners)))
}

fn unknown(what: &str, name: &str, known: &BTreeSet<String>, published: &Published) -> Error {
    let error = Error::usage(format!("the run has no {what} `{name}`")).at(published.place.display());
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("scores.parquet lists them"),
    }
}

fn line(run: &Run) -> Line {
    Line { goal: whole(run.rulebook.designation_points), minimum: Points::of_f64(run.rulebook.minimum_points) }
}

/// Metrics of a designation's track that one unit less brings under the minimum.
fn at_minimum(score: &ScoreRow, measures: &[PointsRow], line: Line) -> Vec<Metric> {
    if !score.qualified {
        return Vec::new();
    }
    let track: Vec<&PointsRow> = measures.iter().filter(|row| row.track == score.track).collect();
    let taken = track.iter().filter(|row| row.counted);
    taken.filter(|row| distance::taken_with(row, &track, -1) < line.minimum).map(|row| row.metric).collect()
}

/// Both tracks, enterprise first.
pub const TRACKS: [Track; 2] = Track::ALL;
