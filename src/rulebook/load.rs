//! From TOML to a rulebook, with errors that name file and line.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Rulebook, builtin, check};
use crate::error::{Error, Result, nearest};
use crate::toml_file;

/// The rulebook a command names: a built-in id, or the path of a file. None means the default.
pub fn choose(name: Option<&str>) -> Result<Rulebook> {
    let name = name.unwrap_or(builtin::DEFAULT);
    if let Some(text) = builtin::builtin(name) {
        return parse(text, name);
    }
    let path = Path::new(name);
    if path.is_file() {
        return read(path);
    }
    let known: Vec<String> = builtin::builtins()?.into_iter().map(|rulebook| rulebook.id).collect();
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(id) => {
            format!("did you mean `{id}`? a rulebook is an id that `partnerscore rules list` shows, or a TOML file")
        }
        None => format!("known ids: {}; or give the path of a TOML file", known.join(", ")),
    };
    Err(Error::usage(format!("there is no rulebook `{name}`")).hint(hint))
}

/// Reads and checks a rulebook file.
pub fn read(path: &Path) -> Result<Rulebook> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::usage(format!("could not read the rulebook: {error}")).at(path.display()).hint("give a UTF-8 TOML file")
    })?;
    parse(&text, &path.display().to_string())
}

/// Parses and checks a rulebook's text; `place` names it in errors.
pub fn parse(text: &str, place: &str) -> Result<Rulebook> {
    let hint = "`partnerscore rules show modern-work-2024` prints a complete rulebook";
    let mut rulebook: Rulebook = toml_file::parse(text, place, hint)?;
    check::check(&rulebook).map_err(|fault| {
        Error::usage(fault.what).at(format!("{place}:{}", toml_file::line_of_key(text, &fault.key))).hint(fault.hint)
    })?;
    rulebook.hash = hex(&Sha256::digest(text.as_bytes()));
    Ok(rulebook)
}

/// Lower-case hexadecimal digits of bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
