//! One official figure beside ours.

use std::collections::BTreeMap;
use std::path::Path;

use super::figures::{Figures, Ours};
use super::official::{At, Official, printable, shortened};
use crate::error::{Error, Result, nearest};
use crate::history::History;
use crate::rulebook::Track;
use crate::score::Points;

/// A figure of the file, with the account it is about.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    pub official: Official,
    /// The global account: what is scored.
    pub partner_id: String,
    /// The track compared.
    pub track: Track,
    pub ours: Points,
    pub matches: bool,
    /// The figure of the partner's other track matches, and that of the track compared does not.
    pub other_track_matches: bool,
}

impl Compared {
    fn new(official: Official, partner_id: &str, ours: &Ours) -> Compared {
        let track = official.track.unwrap_or(ours.track);
        let points = ours.of(track, official.figure);
        let matches = official.shown.matches(points);
        let mut others = Track::ALL.into_iter().filter(|other| *other != track);
        let other_track_matches =
            !matches && others.any(|other| official.shown.matches(ours.of(other, official.figure)));
        Compared { partner_id: partner_id.to_owned(), track, ours: points, matches, other_track_matches, official }
    }

    /// Whether zeros at its end are all that keeps the figure from matching.
    pub fn matches_without_zeros(&self) -> bool {
        !self.matches && self.official.shown.without_zeros().matches(self.ours)
    }

    /// Whether the file alone tells why the figure differs, so that no pair of readings is looked for.
    pub fn explains_itself(&self) -> bool {
        self.other_track_matches || self.matches_without_zeros()
    }

    /// Whether the figure matches other figures of ours: those of another reading, with the track that it gives.
    pub fn would_match(&self, figures: &Figures) -> bool {
        figures.get(&self.partner_id).is_some_and(|ours| {
            let track = self.official.track.unwrap_or(ours.track);
            self.official.shown.matches(ours.of(track, self.official.figure))
        })
    }
}

/// The figures of the file beside ours, in the file's order; one that stands twice is compared once.
///
/// # Errors
/// Refused where a partner is unknown, or a figure stands twice with different points.
pub(super) fn compared(
    officials: Vec<Official>,
    path: &Path,
    figures: &Figures,
    history: Option<&History>,
) -> Result<Vec<Compared>> {
    let mut seen = BTreeMap::new();
    let mut rows: Vec<Compared> = Vec::new();
    for official in officials {
        let at = At { path, line: official.line };
        let (partner_id, ours) = account(&official.partner, figures, history, &at)?;
        let key = (partner_id, official.track, official.figure);
        let row = Compared::new(official, partner_id, ours);
        let Some(before) = seen.insert(key, rows.len()) else {
            rows.push(row);
            continue;
        };
        seen.insert(key, before);
        let Some(first) = rows.get_mut(before) else { continue };
        folded(first, row, &at)?;
    }
    Ok(rows)
}

/// Keeps the one of two equal figures that was written with more decimals.
fn folded(first: &mut Compared, again: Compared, at: &At) -> Result<()> {
    if first.official.shown.points != again.official.shown.points {
        let (here, there) = (again.official.shown, first.official.shown);
        let (partner, figure) = (printable(&again.partner_id), again.official.figure.name());
        let what =
            format!("{figure} of `{partner}` stands twice: {here} here, and {there} in line {}", first.official.line);
        return Err(at.error(&what, "points", "keep the line that Partner Center shows"));
    }
    if again.official.shown.decimals > first.official.shown.decimals {
        *first = again;
    }
    Ok(())
}

/// The account that a partner of the file stands for: itself, or the one that the history names for a location.
fn account<'a>(
    partner: &str,
    figures: &'a Figures,
    history: Option<&History>,
    at: &At,
) -> Result<(&'a String, &'a Ours)> {
    if let Some(own) = figures.get_key_value(partner) {
        return Ok(own);
    }
    let accounts = history.map(History::accounts);
    let account = accounts.and_then(|accounts| accounts.rows.get(accounts.of(partner)? as usize));
    let Some(account) = account else { return Err(unknown(partner, figures, history.is_some(), at)) };
    figures.get_key_value(&account.partner_id).ok_or_else(|| {
        let what = format!("`{}` is in the history, and not in this run", printable(partner));
        at.error(&what, "partner", "score without --partner and --distributor, or leave the line out")
    })
}

fn unknown(partner: &str, figures: &Figures, has_history: bool, at: &At) -> Error {
    let hint = match nearest(&shortened(partner), figures.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{}`?", printable(near)),
        None if has_history => "partners stand in the run's scores, and locations in the history".to_owned(),
        None => "partners stand in the run's scores; a location is known with --history alone".to_owned(),
    };
    at.error(&format!("there is no partner `{}` in this run", printable(partner)), "partner", &hint)
}
