//! From TOML to a rulebook, with errors that name file and line.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Rulebook, check};
use crate::error::{Error, Result};
use crate::toml_file;

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
