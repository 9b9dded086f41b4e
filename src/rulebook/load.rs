//! From TOML to a rulebook, with errors that name file and line.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Rulebook, check};
use crate::error::{Error, Result};
use crate::toml_file;

/// What helps with a file that is wrong.
const HINT: &str = "`partnerscore rules show modern-work-2024` prints a complete rulebook";

/// Reads and checks a rulebook file.
pub fn read(path: &Path) -> Result<Rulebook> {
    let text = toml_file::read(path, "rulebook", HINT)?;
    parse(&text, &path.display().to_string())
}

/// Parses and checks a rulebook's text; `place` names it in errors.
pub fn parse(text: &str, place: &str) -> Result<Rulebook> {
    let mut rulebook: Rulebook = toml_file::parse(text, place, HINT)?;
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
