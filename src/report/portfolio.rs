//! What a report shows, from the tables of a run and of the one before.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result, nearest};
use crate::insight::{PointsRow, Published, ScoreRow};
use crate::publish::Run;
use crate::rulebook::{Metric, Track};
use crate::score::{Points, earned, whole};

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

/// A run as it is reported.
#[derive(Debug)]
pub struct Portfolio {
    pub run: Run,
    pub asked: Asked,
    /// By rank.
    pub partners: Vec<Card>,
    /// The as-of date of the run it is compared with.
    pub before: Option<chrono::NaiveDate>,
}

/// One partner.
#[derive(Debug, Clone)]
pub struct Card {
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
        let scores = asked_for(published.scores()?, &asked, published)?;
        let mut measures: BTreeMap<String, Vec<PointsRow>> = BTreeMap::new();
        for row in published.all_metric_points()? {
            measures.entry(row.partner_id.clone()).or_default().push(row);
        }
        let earlier: BTreeMap<String, ScoreRow> = match before {
            Some(before) => before.scores()?.into_iter().map(|row| (row.partner_id.clone(), row)).collect(),
            None => BTreeMap::new(),
        };
        let card = |score: ScoreRow| {
            let measures = measures.remove(&score.partner_id).unwrap_or_default();
            let at_minimum = at_minimum(&score, &measures, Points::of_f64(published.run.rulebook.minimum_points));
            Card { before: earlier.get(&score.partner_id).cloned(), at_minimum, measures, score }
        };
        let partners = scores.into_iter().map(card).collect();
        Ok(Portfolio { run: published.run.clone(), asked, partners, before: before.map(|before| before.run.as_of) })
    }

    /// The points that the designation asks for.
    pub fn goal(&self) -> Points {
        whole(self.run.rulebook.designation_points)
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

    /// Partners whose total changed, the largest change first.
    pub fn movers(&self) -> Vec<&Card> {
        let mut movers: Vec<&Card> =
            self.partners.iter().filter(|card| card.change().is_some_and(|change| change != Points(0))).collect();
        movers.sort_by_key(|card| (std::cmp::Reverse(card.change().map(|change| change.0.abs())), card.score.rank));
        movers
    }

    /// Every distributor's partners.
    pub fn distributors(&self) -> BTreeMap<&str, Vec<&Card>> {
        let mut distributors: BTreeMap<&str, Vec<&Card>> = BTreeMap::new();
        for card in &self.partners {
            distributors.entry(card.score.distributor_id.as_deref().unwrap_or("none")).or_default().push(card);
        }
        distributors
    }

    /// Values of an attribute, each once, sorted.
    pub fn values(&self, value: impl Fn(&ScoreRow) -> Option<&str>) -> BTreeSet<String> {
        self.partners.iter().filter_map(|card| value(&card.score).map(str::to_owned)).collect()
    }
}

impl Card {
    /// The change of the total since the run before.
    pub fn change(&self) -> Option<Points> {
        self.before.as_ref().map(|before| self.score.total - before.total)
    }

    /// What it lacks, in words; empty where nothing.
    pub fn lacks(&self) -> String {
        let score = &self.score;
        let short =
            (score.points_short > Points(0)).then(|| format!("{} points", crate::insight::shown(score.points_short)));
        let metrics = score.metrics_short.split(',').filter(|metric| !metric.is_empty());
        let metrics = metrics.map(|metric| format!("{} under its minimum", words(metric)));
        short.into_iter().chain(metrics).collect::<Vec<_>>().join(", ")
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
    let wanted = |score: &ScoreRow| {
        asked.distributor.as_ref().is_none_or(|only| score.distributor_id.as_ref() == Some(only))
            && asked.partner.as_ref().is_none_or(|only| score.partner_id == *only)
    };
    Ok(scores.into_iter().filter(wanted).collect())
}

fn unknown(what: &str, name: &str, known: &BTreeSet<String>, published: &Published) -> Error {
    let error = Error::usage(format!("the run has no {what} `{name}`")).at(published.place.display());
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("scores.parquet lists them"),
    }
}

/// Metrics of the partner's track that have points, and would be under the minimum with one unit less.
fn at_minimum(score: &ScoreRow, measures: &[PointsRow], minimum: Points) -> Vec<Metric> {
    if !score.qualified {
        return Vec::new();
    }
    let taken = measures.iter().filter(|row| row.track == score.track && row.counted);
    let one_less = |row: &PointsRow| {
        let max_points = row.max_points.0 / whole(1).0;
        earned(row.current - row.prior - 1, max_points, row.target)
    };
    taken.filter(|row| one_less(row) < minimum).map(|row| row.metric).collect()
}

/// Both tracks, enterprise first.
pub const TRACKS: [Track; 2] = Track::ALL;
