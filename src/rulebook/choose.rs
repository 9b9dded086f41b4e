//! Which rulebook a command means: a built-in id, a file, or the one that is in effect on a date.

use std::path::Path;

use chrono::{NaiveDate, Utc};

use super::{Rulebook, builtin, load};
use crate::error::{Error, Result, nearest};
use crate::month::Month;

/// The name that stands for the newest built-in rulebook in effect on the as-of date.
pub const BY_DATE: &str = "by-date";

/// The day that something is scored for, as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The as-of date itself.
    Day(NaiveDate),
    /// A usage month, as of the first day on which it is complete. Which day that is, the rulebook says.
    Month(Month),
}

impl When {
    /// The day named, the month named, or today in UTC.
    pub fn asked(day: Option<NaiveDate>, month: Option<Month>) -> When {
        day.map(When::Day).or(month.map(When::Month)).unwrap_or_else(|| When::Day(Utc::now().date_naive()))
    }
}

/// The rulebook a command names: a built-in id, or the path of a file. None means the default.
///
/// # Errors
/// Usage where there is no such rulebook, or it is wrong; and for [`BY_DATE`], which takes a date: see [`choose_as_of`].
pub fn choose(name: Option<&str>) -> Result<Rulebook> {
    let name = name.unwrap_or(builtin::DEFAULT);
    if let Some(text) = builtin::builtin(name) {
        return load::parse(text, name);
    }
    if name == BY_DATE {
        return Err(dateless());
    }
    let path = Path::new(name);
    if path.is_file() { load::read(path) } else { Err(unknown(name)) }
}

/// The rulebook a command names for a score: as [`choose`], and [`BY_DATE`] for the newest built-in one in effect by then.
///
/// # Errors
/// Those of [`choose`], and usage where every built-in rulebook begins later.
pub fn choose_as_of(name: Option<&str>, when: When) -> Result<Rulebook> {
    match name {
        Some(BY_DATE) => in_effect(builtin::builtins()?, when),
        _ => choose(name),
    }
}

/// The newest rulebook that begins on the as-of date or earlier. Each is asked for the day by its own months.
fn in_effect(mut rulebooks: Vec<Rulebook>, when: When) -> Result<Rulebook> {
    rulebooks.sort_by_key(|rules| rules.effective_from);
    match rulebooks.iter().rposition(|rules| rules.effective_from <= rules.as_of(when)) {
        Some(newest) => Ok(rulebooks.swap_remove(newest)),
        None => Err(none_in_effect(rulebooks.first(), when)),
    }
}

fn none_in_effect(oldest: Option<&Rulebook>, when: When) -> Error {
    let Some(oldest) = oldest else { return Error::internal("there is no built-in rulebook") };
    let hint = format!(
        "the oldest, `{0}`, begins on {1}: name `{0}` as the rulebook, or take a later date",
        oldest.id,
        oldest.begins()
    );
    Error::usage(format!("no built-in rulebook is in effect on {}", oldest.as_of(when))).hint(hint)
}

fn dateless() -> Error {
    let hint = format!("name one: {}; `{BY_DATE}` is for commands with an as-of date", known_ids());
    Error::usage(format!("`{BY_DATE}` names no rulebook where there is no as-of date")).hint(hint)
}

fn unknown(name: &str) -> Error {
    let hint = match nearest(name, builtin::builtin_ids().chain([BY_DATE])) {
        Some(known) => {
            format!("did you mean `{known}`? a rulebook is an id that `partnerscore rules list` shows, or a TOML file")
        }
        None => format!("known ids: {}; or give the path of a TOML file, or `{BY_DATE}`", known_ids()),
    };
    Error::usage(format!("there is no rulebook `{name}`")).hint(hint)
}

fn known_ids() -> String {
    builtin::builtin_ids().collect::<Vec<_>>().join(", ")
}
