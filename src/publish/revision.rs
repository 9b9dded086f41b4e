//! The revision of the engine: the number by which a later run recognises results that this version would give again.

/// Increases whenever the same history, rulebook and settings give other published tables, rejects or warnings than before.
///
/// Runs of another revision are out of date. A test compares the tables of golden histories with `tests/golden/engine_revision.toml`
/// and fails where they differ at the same revision.
pub const ENGINE_REVISION: u32 = 1;
