//! The bridge between two rulebooks: the first run's date, scored by the second run's rules.

use tempfile::TempDir;

use super::cause::Data;
use super::side::Side;
use super::{Both, Comparison};
use crate::error::{Error, Result};
use crate::pipeline::{self, Settings};
use crate::rulebook::{self, Rulebook};

/// A run that nobody else sees.
pub(super) struct Bridge {
    pub side: Side,
    /// Whether the history is still the one that the first run has read.
    pub same_history: bool,
    _folder: TempDir,
}

impl Bridge {
    /// Scores the partners that moved, where rules and data both differ and a history is given.
    pub(super) fn between(
        asked: &Comparison,
        before: &Side,
        after: &Side,
        data: &Data,
        moved: &[&Both],
    ) -> Result<Option<Bridge>> {
        let Some(history) = asked.history.as_ref().filter(|_| data.rules_or_data() && !moved.is_empty()) else {
            return Ok(None);
        };
        let rules = rules_of(after, asked.rulebook.as_deref())?;
        let accounts = pipeline::open(history, &rules)?.0.accounts().clone();
        // Of a partner that has no account any more, nobody can tell; of none at all, the history is another one.
        let ids = || moved.iter().map(|both| &both.before.partner_id);
        let known: Vec<String> = ids().filter(|id| accounts.of(id).is_some()).cloned().collect();
        let settings = Settings {
            partners: if known.is_empty() { ids().cloned().collect() } else { known },
            evidence: after.has_evidence(),
            ..Settings::new(history, before.published.run.as_of, rules)
        };
        let folder = tempfile::tempdir()
            .map_err(|error| Error::storage("make a folder", std::env::temp_dir().as_path(), &error))?;
        let outcome = pipeline::run(&settings.of_a_few(), folder.path())?;
        let side = Side::open(&outcome.folder)?;
        let tables = ["partners", "associations", "certifications", "workload_usage"];
        let same_history = tables.into_iter().all(|table| before.restated(&side, table) == 0);
        Ok(Some(Bridge { side, same_history, _folder: folder }))
    }
}

/// The rulebook of a run: the one named, or the built-in one of its id. It must be the very same.
fn rules_of(run: &Side, named: Option<&str>) -> Result<Rulebook> {
    let wanted = &run.published.run.rulebook;
    if named.is_none() && rulebook::builtin(&wanted.id).is_none() {
        return Err(Error::usage(format!("RUN_B was scored by rulebook `{}`, which is not built in", wanted.id))
            .at(run.published.place.display())
            .hint("give its file with --rulebook"));
    }
    let rules = rulebook::choose(Some(named.unwrap_or(&wanted.id)))?;
    if rules.hash == wanted.hash {
        return Ok(rules);
    }
    let what = format!("rulebook `{}` is not the one that RUN_B was scored by: its hash is {}", rules.id, rules.hash);
    Err(Error::usage(what)
        .at(run.published.place.display())
        .hint(format!("give the file whose hash is {} with --rulebook", wanted.hash)))
}
