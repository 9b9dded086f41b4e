//! Which kind of report a header is of, and where its columns stand.

use std::collections::{HashMap, HashSet};

use super::report_kinds::{COLUMNS, Column, Name, ReportKind, comparable};
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
    pub(super) names: ColumnNames,
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

/// The names of a header's columns.
#[derive(Debug)]
pub(super) struct ColumnNames {
    written: Vec<String>,
    /// What they are compared by; nothing for a column without a name.
    comparable: Vec<String>,
    /// Where each stands, by what it is compared by; the first of equals.
    places: HashMap<String, usize>,
}

impl ColumnNames {
    pub(super) fn new(written: Vec<String>) -> ColumnNames {
        let comparable: Vec<String> = written.iter().map(|name| comparable(name)).collect();
        let named = comparable.iter().enumerate().rev().filter(|(_, name)| !name.is_empty());
        let places = named.map(|(place, name)| (name.clone(), place)).collect();
        ColumnNames { written, comparable, places }
    }

    /// How many columns there are.
    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    /// A column's name as written.
    pub(super) fn written(&self, place: usize) -> Option<&str> {
        self.written.get(place).map(String::as_str)
    }

    /// What the columns are compared by, in their order.
    pub(super) fn comparable(&self) -> &[String] {
        &self.comparable
    }

    /// Where a column stands, by a name of it.
    pub(super) fn place(&self, name: &Name) -> Option<usize> {
        self.places.get(name.comparable()).copied()
    }

    fn any(&self, names: &[Name]) -> bool {
        names.iter().any(|name| self.place(name).is_some())
    }

    /// The columns that no report of a kind ever had, as written and as compared.
    fn unknown_to(&self, kind: &ReportKind) -> impl Iterator<Item = (&str, &str)> {
        let known: HashSet<&str> = kind.known().map(Name::comparable).collect();
        let names = self.written.iter().zip(&self.comparable);
        let names = names.map(|(written, comparable)| (written.as_str(), comparable.as_str()));
        names.filter(move |(_, comparable)| !comparable.is_empty() && !known.contains(comparable))
    }

    /// A name that stands twice.
    fn twice(&self) -> Option<&str> {
        let mut places = self.comparable.iter().enumerate();
        let is_again = |(place, name): &(usize, &String)| self.places.get(*name).is_some_and(|first| first != place);
        places.find(is_again).and_then(|(place, _)| self.written(place))
    }
}

/// How well a header fits a kind.
struct Fit<'a> {
    kind: &'a ReportKind,
    /// Columns of the header that the kind has.
    known: usize,
    /// Required columns that the header lacks, by their name of today.
    missing: Vec<&'a Name>,
    /// A column of the header that the kind has not, which tells that it is another report.
    excluded: Option<&'a Name>,
}

/// What a header's names fit.
pub(super) struct Judged<'a> {
    /// The best fit that lacks nothing.
    fits: Option<Fit<'a>>,
    /// The nearest of the others.
    nearest: Option<Fit<'a>>,
    kinds: &'a [ReportKind],
}

impl Judged<'_> {
    /// Whether the header is that of a report.
    pub(super) fn is_report(&self) -> bool {
        self.fits.is_some()
    }

    /// How many columns are known; more speak for one delimiter over another.
    pub(super) fn known(&self) -> (bool, usize) {
        (self.fits.is_some(), self.fits.as_ref().or(self.nearest.as_ref()).map_or(0, |fit| fit.known))
    }
}

/// Finds the kind whose required columns are all there, and which knows the most of the others.
pub(super) fn judge<'a>(names: &ColumnNames, kinds: &'a [ReportKind]) -> Judged<'a> {
    // The first of equals, as the last maximum of the reverse.
    let fits = kinds.iter().rev().map(|kind| Fit::of(kind, names));
    let (whole, others): (Vec<Fit>, Vec<Fit>) = fits.partition(Fit::is_whole);
    let nearest = others.into_iter().max_by_key(|fit| (fit.known, std::cmp::Reverse(fit.missing.len())));
    Judged { fits: whole.into_iter().max_by_key(|fit| fit.known), nearest, kinds }
}

impl<'a> Fit<'a> {
    fn of(kind: &'a ReportKind, names: &ColumnNames) -> Fit<'a> {
        let known = kind.known().filter(|name| names.place(name).is_some()).count();
        let lacks = |aliases: &'a [Name]| aliases.first().filter(|_| !names.any(aliases));
        let required = kind.columns.values().filter(|column| column.required);
        let mut missing: Vec<&Name> = required.filter_map(|column| lacks(&column.names)).collect();
        let has_pair = kind.wide.iter().any(|one| names.any(&one.paid_seats) && names.any(&one.active_users));
        for (place, one) in kind.wide.iter().enumerate() {
            let is_begun = names.any(&one.paid_seats) || names.any(&one.active_users);
            if is_begun || (!has_pair && place == 0) {
                missing.extend(lacks(&one.paid_seats).into_iter().chain(lacks(&one.active_users)));
            }
        }
        if !kind.others.marks.is_empty() {
            missing.extend(lacks(&kind.others.marks));
        }
        let excluded = kind.others.excluded.iter().find(|name| names.place(name).is_some());
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
pub(super) fn header<'a>(names: ColumnNames, judged: Judged<'a>) -> Result<Header<'a>, Error> {
    if let Some(twice) = names.twice() {
        let error = Error::refused(format!("the column `{}` stands twice in the header", printable(twice)));
        return Err(error.hint("leave the one that is meant"));
    }
    let Some(fit) = judged.fits else { return Err(unrecognised(&names, &judged)) };
    let mut warnings = Vec::new();
    let mut place = |aliases: &[Name]| {
        let mut found = aliases.iter().filter_map(|name| names.place(name));
        let first = found.next();
        let others = found.filter_map(|place| names.written(place)).map(|name| format!("`{name}`"));
        let others = others.collect::<Vec<_>>().join(", ");
        if let (Some(read), false) = (first.and_then(|place| names.written(place)), others.is_empty()) {
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

/// Columns that no report of the kind ever had; who knows what they say.
fn unknown_columns(names: &ColumnNames, kind: &ReportKind) -> Option<String> {
    let unknown: Vec<String> = names.unknown_to(kind).map(|(name, _)| format!("`{}`", printable(name))).collect();
    let named = unknown.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = unknown.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("columns that are not known, and not read: {named}{more}")).filter(|_| !unknown.is_empty())
}

/// No kind fits: which is nearest, what it has that is not there, and what may be meant for it.
fn unrecognised(names: &ColumnNames, judged: &Judged) -> Error {
    let titles = judged.kinds.iter().map(|kind| kind.title.as_str()).collect::<Vec<_>>().join("; ");
    let what = "this is no report that is known here";
    let Some(fit) = judged.nearest.as_ref().filter(|fit| fit.known >= FEW) else {
        let error = Error::refused(format!("{what}: its first line has no columns of any"));
        return error.hint(format!("known reports: {titles}"));
    };
    if let (Some(excluded), true) = (fit.excluded, fit.missing.is_empty()) {
        let error = Error::refused(format!("{what}: it has all columns of {}, and `{}`", fit.kind.title, &**excluded));
        return error.hint(format!("{} never has that column; export the report anew", fit.kind.title));
    }
    let missing = fit.missing.iter().map(|name| format!("`{}`", &***name)).collect::<Vec<_>>().join(", ");
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
fn meant(missing: &Name, names: &ColumnNames, kind: &ReportKind) -> Option<String> {
    let unknown = names.unknown_to(kind).filter(|(_, comparable)| comparable.len() <= LONGEST_NAME);
    let unknown: Vec<(&str, &str)> = unknown.take(MOST_NAMES).collect();
    let near = nearest(missing.comparable(), unknown.iter().map(|(_, comparable)| *comparable))?;
    let (written, _) = unknown.iter().find(|(_, comparable)| *comparable == near)?;
    Some(format!("is `{}` meant for `{}`?", printable(written), &**missing))
}
