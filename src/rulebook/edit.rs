//! What-ifs: a rulebook with some of its entries changed.

use toml::{Table, Value};

use super::{Rulebook, builtin, choose, load};
use crate::error::{Error, Result, nearest};

/// What is added to the id of a rulebook that was changed, so that nobody takes its scores for the programme's.
const EDITED: &str = "-edited";

/// One change: a dotted key such as `designation.points`, and its value; none takes an entry away that may be absent.
pub type Edit = (String, Option<Value>);

/// The text of the rulebook that a command names: a built-in one as it is written, or the file.
///
/// # Errors
/// Those of [`choose`](super::choose).
pub fn text(name: &str) -> Result<String> {
    choose::choose(Some(name))?;
    match builtin::builtin(name) {
        Some(text) => Ok(text.to_owned()),
        None => std::fs::read_to_string(name)
            .map_err(|error| Error::storage("read the rulebook", std::path::Path::new(name), &error)),
    }
}

/// A rulebook's text with some entries changed, and the rulebook that it makes.
///
/// Its id gets `-edited` at its end, unless that is changed too. Comments are not kept.
///
/// # Errors
/// Usage where a key is none of a rulebook's, with the nearest, and where the rulebook would be wrong.
pub fn edit(text: &str, edits: &[Edit]) -> Result<(String, Rulebook)> {
    let mut table: Table = toml::from_str(text).map_err(|error| Error::internal(error.to_string()))?;
    let id = table.get("id").and_then(Value::as_str).unwrap_or_default();
    let id = Value::from(if id.ends_with(EDITED) { id.to_owned() } else { format!("{id}{EDITED}") });
    table.insert("id".to_owned(), id);
    for (key, value) in edits {
        set(&mut table, key, value.as_ref())?;
    }
    let text = toml::to_string_pretty(&table).map_err(|error| Error::usage(format!("not a rulebook: {error}")))?;
    let rules = load::parse(&text, "edited rulebook")?;
    Ok((text, rules))
}

/// Changes one entry of a table or of a table within it.
fn set(table: &mut Table, key: &str, value: Option<&Value>) -> Result<()> {
    let (mut within, mut above) = (table, String::new());
    let mut rest = key;
    while let Some((part, below)) = rest.split_once('.') {
        let known: Vec<String> = within.keys().cloned().collect();
        within = match within.get_mut(part) {
            Some(Value::Table(found)) => found,
            Some(_) => return Err(Error::usage(format!("`{above}{part}` has no entries")).at(place(key))),
            None => return Err(unknown(&above, part, &known).at(place(key))),
        };
        above = format!("{above}{part}.");
        rest = below;
    }
    match value {
        Some(value) => within.insert(rest.to_owned(), value.clone()),
        None => within.remove(rest),
    };
    Ok(())
}

fn place(key: &str) -> String {
    format!("edit of `{key}`")
}

fn unknown(above: &str, part: &str, known: &[String]) -> Error {
    let error = Error::usage(format!("a rulebook has no `{above}{part}`"));
    match nearest(part, known.iter().map(String::as_str)) {
        Some(name) => error.hint(format!("did you mean `{above}{name}`?")),
        None => error.hint(format!("known here: {}", known.join(", "))),
    }
}
