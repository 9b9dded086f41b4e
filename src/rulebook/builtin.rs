//! The rulebooks the binary carries.

use super::{Rulebook, load};
use crate::error::Result;

/// The rulebook of a run that names none.
pub const DEFAULT: &str = "modern-work-2024";

const FILES: [(&str, &str); 3] = [
    ("modern-work-2023", include_str!("../../data/rulebooks/modern-work-2023.toml")),
    (DEFAULT, include_str!("../../data/rulebooks/modern-work-2024.toml")),
    ("modern-work-2026", include_str!("../../data/rulebooks/modern-work-2026.toml")),
];

/// The text of a built-in rulebook.
pub fn builtin(id: &str) -> Option<&'static str> {
    FILES.iter().find(|(name, _)| *name == id).map(|(_, text)| *text)
}

/// The ids of the built-in rulebooks, the oldest first.
pub fn builtin_ids() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(id, _)| *id)
}

/// Every built-in rulebook, the oldest first.
pub fn builtins() -> Result<Vec<Rulebook>> {
    FILES.iter().map(|(id, text)| load::parse(text, id)).collect()
}
