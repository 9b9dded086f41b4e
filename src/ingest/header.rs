//! Which kind of report a header is of, and where its columns stand.

use std::collections::HashMap;

use super::report_kinds::{COLUMNS, Column, ReportKind, comparable};
use super::text::printable;
use crate::error::{Error, nearest};

/// Fewer known columns may be there by chance, so that no report is near.
const FEW: usize = 2;
/// Names that are compared with a missing column, and letters of one: more would take long, and be meant for none.
const MOST_NAMES: usize = 500;
const LONGEST_NAME: usize = 60;
/// Unknown columns that a warning names.
const NAMED: usize = 10;

/// A header that was recognised.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) kind: &'a ReportKind,
    /// The columns' names as written.
    pub(super) names: Vec<String>,
    /// Where each column that is read stands.
    places: [Option<usize>; COLUMNS],
    /// Workloads with columns of their own: where paid seats and active users stand.
    pub(super) wide: Vec<(&'a str, usize, usize)>,
    pub(super) warnings: Vec<String>,
}

impl Header<'_> {
    /// Where a column stands.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.places.get(column as usize).copied().flatten()
    }
}

/// Where a file's columns stand, by what names are compared by.
type Places<'a> = HashMap<String, usize>;

/// How well a header fits a kind.
struct Fit<'a> {
    kind: &'a ReportKind,
    /// Columns of the header that the kind has.
    known: usize,
    /// Required columns that the header lacks, by their name of today.
    missing: Vec<&'a str>,
    /// A column of the header that the kind has not, which tells that it is another report.
    excluded: Option<&'a str>,
}

/// What a header's names fit.
pub(super) struct Judged<'a> {
    /// The best fit that lacks nothing.
    fits: Option<Fit<'a>>,
    /// The nearest of all.
    nearest: Option<Fit<'a>>,
    kinds: &'a [ReportKind],
}

impl Judged<'_> {
    /// How many columns are known; more speak for one delimiter over another.
    pub(super) fn known(&self) -> (bool, usize) {
        (self.fits.is_some(), self.fits.as_ref().or(self.nearest.as_ref()).map_or(0, |fit| fit.known))
    }
}

/// Finds the kind whose required columns are all there, and which knows the most of the others.
pub(super) fn judge<'a>(names: &[String], kinds: &'a [ReportKind]) -> Judged<'a> {
    let places = places(names);
    let fits = |kind| Fit::of(kind, &places);
    // The first of equals, as the last maximum of the reverse.
    let best = kinds.iter().rev().map(fits).filter(Fit::is_whole).max_by_key(|fit| fit.known);
    let nearest = kinds.iter().rev().map(fits).max_by_key(|fit| (fit.known, std::cmp::Reverse(fit.missing.len())));
    Judged { fits: best, nearest, kinds }
}

fn places<'a>(names: &[String]) -> Places<'a> {
    let named = names.iter().enumerate().rev().filter(|(_, name)| !name.trim().is_empty());
    named.map(|(place, name)| (comparable(name), place)).collect()
}

impl<'a> Fit<'a> {
    fn of(kind: &'a ReportKind, places: &Places) -> Fit<'a> {
        let is_there = |name: &str| places.contains_key(&comparable(name));
        let any = |names: &[String]| names.iter().any(|name| is_there(name));
        let known = kind.known().filter(|name| is_there(name)).count();
        let lacks = |names: &'a [String]| names.first().map(String::as_str).filter(|_| !any(names));
        let required = kind.columns.values().filter(|column| column.required);
        let mut missing: Vec<&str> = required.filter_map(|column| lacks(&column.names)).collect();
        let has_pair = kind.wide.iter().any(|one| any(&one.paid_seats) && any(&one.active_users));
        for (place, one) in kind.wide.iter().enumerate() {
            let is_begun = any(&one.paid_seats) || any(&one.active_users);
            if is_begun || (!has_pair && place == 0) {
                missing.extend(lacks(&one.paid_seats).into_iter().chain(lacks(&one.active_users)));
            }
        }
        if !kind.others.marks.is_empty() {
            missing.extend(lacks(&kind.others.marks));
        }
        let excluded = kind.others.excluded.iter().map(String::as_str).find(|name| is_there(name));
        Fit { kind, known, missing, excluded }
    }

    fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.excluded.is_none()
    }
}

/// The header of a file, or the error that tells which report is nearest.
///
/// # Errors
/// Refused where no kind fits, or a column stands twice.
pub(super) fn header<'a>(names: Vec<String>, judged: Judged<'a>) -> Result<Header<'a>, Error> {
    if let Some(twice) = twice(&names) {
        let error = Error::refused(format!("the column `{}` stands twice in the header", printable(twice)));
        return Err(error.hint("leave the one that is meant"));
    }
    let Some(fit) = judged.fits else { return Err(unrecognised(&names, &judged)) };
    let by_name = places(&names);
    let mut warnings = Vec::new();
    let mut place = |aliases: &[String]| {
        let mut found = aliases.iter().filter_map(|name| by_name.get(&comparable(name)));
        let first = found.next().copied();
        let others = found.filter_map(|place| names.get(*place)).map(|name| format!("`{name}`"));
        let others = others.collect::<Vec<_>>().join(", ");
        if let (Some(read), false) = (first.and_then(|place| names.get(place)), others.is_empty()) {
            warnings.push(format!("{others} would be read too, were `{read}` not there"));
        }
        first
    };
    let mut places = [None; COLUMNS];
    for (column, aliases) in &fit.kind.columns {
        if let Some(known) = places.get_mut(*column as usize) {
            *known = place(&aliases.names);
        }
    }
    let pairs = fit.kind.wide.iter();
    let wide =
        pairs.filter_map(|one| Some((one.workload.as_str(), place(&one.paid_seats)?, place(&one.active_users)?)));
    let wide = wide.collect();
    warnings.extend(unknown_columns(&names, fit.kind));
    Ok(Header { kind: fit.kind, names, places, wide, warnings })
}

/// A name that the header has twice.
fn twice(names: &[String]) -> Option<&str> {
    let mut seen = HashMap::new();
    let named = names.iter().filter(|name| !name.trim().is_empty());
    named.map(String::as_str).find(|name| seen.insert(comparable(name), ()).is_some())
}

/// Columns that no report of the kind ever had; who knows what they say.
fn unknown_columns(names: &[String], kind: &ReportKind) -> Option<String> {
    let known: Vec<String> = kind.known().map(comparable).collect();
    let unknown = names.iter().filter(|name| !name.trim().is_empty() && !known.contains(&comparable(name)));
    let unknown: Vec<String> = unknown.map(|name| format!("`{}`", printable(name))).collect();
    let named = unknown.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = unknown.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("columns that are not known, and not read: {named}{more}")).filter(|_| !unknown.is_empty())
}

/// No kind fits: which is nearest, what it has that is not there, and what may be meant for it.
fn unrecognised(names: &[String], judged: &Judged) -> Error {
    let titles = judged.kinds.iter().map(|kind| kind.title.as_str()).collect::<Vec<_>>().join("; ");
    let what = "this is no report that is known here";
    let Some(fit) = judged.nearest.as_ref().filter(|fit| fit.known >= FEW) else {
        let error = Error::refused(format!("{what}: its first line has no columns of any"));
        return error.hint(format!("known reports: {titles}"));
    };
    if let (Some(excluded), true) = (fit.excluded, fit.missing.is_empty()) {
        let error = Error::refused(format!("{what}: it has all columns of {}, and `{excluded}`", fit.kind.title));
        return error.hint(format!("{} never has that column; export the report anew", fit.kind.title));
    }
    let columns = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let missing = columns(&fit.missing);
    let plural = if fit.missing.len() == 1 { "column" } else { "columns" };
    let error =
        Error::refused(format!("{what}: the nearest is {}, and it lacks the {plural} {missing}", fit.kind.title));
    let meant: Vec<String> = fit.missing.iter().filter_map(|name| meant(name, names, fit.kind)).collect();
    error.hint(match meant.is_empty() {
        true => format!("export the report anew with {}", if fit.missing.len() == 1 { "it" } else { "them" }),
        false => meant.join("; "),
    })
}

/// An unknown column of the file that may be meant for one that is missing.
fn meant(missing: &str, names: &[String], kind: &ReportKind) -> Option<String> {
    let known: Vec<String> = kind.known().map(comparable).collect();
    let unknown = names.iter().map(|name| comparable(name)).filter(|name| !known.contains(name));
    let unknown: Vec<String> =
        unknown.filter(|name| (1..=LONGEST_NAME).contains(&name.len())).take(MOST_NAMES).collect();
    let near = nearest(&comparable(missing), unknown.iter().map(String::as_str))?;
    let written = names.iter().find(|name| comparable(name) == near)?;
    Some(format!("is `{}` meant for `{missing}`?", printable(written)))
}
