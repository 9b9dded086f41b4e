//! The rulebooks the binary carries.

use super::{Rulebook, load};
use crate::error::Result;

/// The rulebook of a run that names none.
pub const DEFAULT: &str = "modern-work-2024";

const FILES: [(&str, &str); 1] = [(DEFAULT, include_str!("../../data/rulebooks/modern-work-2024.toml"))];

/// The text of a built-in rulebook.
pub fn builtin(id: &str) -> Option<&'static str> {
    FILES.iter().find(|(name, _)| *name == id).map(|(_, text)| *text)
}

/// Every built-in rulebook, the oldest first.
pub fn builtins() -> Result<Vec<Rulebook>> {
    FILES.iter().map(|(id, text)| load::parse(text, id)).collect()
}
