//! TOML files that people write: errors that name the line, and the nearest key where one was mistyped.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result, nearest};

/// The text of a file; `what` names it in errors, such as `rulebook`.
///
/// # Errors
/// Usage where it cannot be read, is empty, or is not UTF-8, with its line.
pub fn read(path: &Path, what: &str, hint: &str) -> Result<String> {
    let bytes = std::fs::read(path)
        .map_err(|error| Error::usage(format!("could not read the {what}: {error}")).at(path.display()).hint(hint))?;
    if [&b"\xff\xfe"[..], b"\xfe\xff"].iter().any(|mark| bytes.starts_with(mark)) {
        let error = Error::usage("the file is UTF-16, not UTF-8").at(format!("{}:1", path.display()));
        return Err(error.hint("save it as UTF-8"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        let error = Error::usage("the file is not UTF-8 text").at(format!("{}:{line}", path.display()));
        error.hint("save it as UTF-8")
    })?;
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err(Error::usage("the file is empty").at(format!("{}:1", path.display())).hint(hint));
    }
    Ok(text)
}

/// Parses a file's text; `place` names it in errors, `hint` helps where nothing better is known.
pub fn parse<T: DeserializeOwned>(text: &str, place: &str, hint: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| wrong(text, place, hint, &error))
}

/// What TOML or serde found wrong.
fn wrong(text: &str, place: &str, hint: &str, error: &toml::de::Error) -> Error {
    let message = error.message().trim().replace('\n', " ");
    let hint = match mistyped(&message) {
        Some((found, known)) => match nearest(&found, known.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", known.join(", ")),
        },
        None => hint.to_owned(),
    };
    Error::usage(message).at(format!("{place}:{}", line_at(text, error.span()))).hint(hint)
}

/// The mistyped name and the names expected, from serde's message about an unknown field or variant.
fn mistyped(message: &str) -> Option<(String, Vec<String>)> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut names = message.split('`').skip(1).step_by(2).map(str::to_owned);
    let found = names.next()?;
    Some((found, names.collect()))
}

/// The line, counted from one, on which a span of the text begins.
fn line_at(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start).min(text.len());
    text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Where each key of a text stands, dotted below a table, as `place` and a line.
pub fn places(text: &str, place: &str) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    if let Ok(document) = toml::de::DeTable::parse(text) {
        add_places(text, place, "", document.get_ref(), &mut places);
    }
    places
}

fn add_places(text: &str, place: &str, above: &str, table: &toml::de::DeTable, places: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
        places.insert(key.clone(), format!("{place}:{}", line_at(text, Some(name.span()))));
        if let toml::de::DeValue::Table(inner) = value.get_ref() {
            add_places(text, place, &key, inner, places);
        }
    }
}

/// The line of a dotted key such as `tracks.smb.paid_seats_from`, or of the nearest table above it that has a line.
pub fn line_of_key(text: &str, key: &str) -> usize {
    let Ok(document) = toml::de::DeTable::parse(text) else { return 1 };
    let mut table = document.get_ref();
    let mut line = 1;
    for part in key.split('.') {
        let Some((name, value)) = table.get_key_value(part) else { break };
        line = line_at(text, Some(name.span()));
        let toml::de::DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    line
}
