//! Whether a published run is up to date: the same input, rules, selection and engine revision would give it again.

use std::collections::BTreeMap;

use super::{Settings, describing};
use crate::history::{History, MISSING_EXPORT};
use crate::metrics::Period;
use crate::publish::{self, ENGINE_REVISION, Input, Run};

/// Whether a run of these settings would read what a published run has read, and do the same with it.
pub fn would_repeat(settings: &Settings, history: &History, published: &Run) -> bool {
    what_changed(settings, history, published).is_none()
}

/// Why a run of these settings would not repeat a published one, in words; None where it would.
pub fn what_changed(settings: &Settings, history: &History, published: &Run) -> Option<String> {
    let (revision, schema_version) = (published.engine_revision, &published.schema_version);
    if revision != ENGINE_REVISION {
        return Some(format!("engine revision {revision} made it, and this is revision {ENGINE_REVISION}"));
    }
    if schema_version != publish::SCHEMA_VERSION {
        return Some(format!("its tables have schema version {schema_version}, not {}", publish::SCHEMA_VERSION));
    }
    if published.rulebook.hash != settings.rules.hash {
        return Some(format!("it was made by other rules, {}", published.rulebook.id));
    }
    if published.as_of != settings.as_of || published.selection != describing::selection(settings) {
        return Some("it was asked for other partners, another date, or evidence otherwise".to_owned());
    }
    if history.is_in_memory() {
        return Some("its tables are in memory, where nothing shows whether they changed".to_owned());
    }
    if let Some(gate) = gate_closed_to(settings, published) {
        return Some(gate);
    }
    if !lacks_same_exports(settings, history, published) {
        return Some("exports that the scores need have come or gone".to_owned());
    }
    let inputs = describing::inputs(history, &settings.rules, settings.as_of, settings.is_selection());
    let differs = |input: &&Input, others: &[Input]| !others.iter().any(|other| input.is_version_of(other));
    let changed = inputs.iter().find(|input| differs(input, &published.inputs));
    let gone = published.inputs.iter().find(|input| differs(input, &inputs));
    changed.or(gone).map(|input| &input.name).map(|name| format!("{name} of the history is not what it was"))
}

/// Whether the history lacks the exports that a published run warns of, and no others. The record of exports is no table, and a new
/// one may say the same.
fn lacks_same_exports(settings: &Settings, history: &History, published: &Run) -> bool {
    let period = Period::of(&settings.rules, settings.as_of);
    // A partner that is not known any more is told of by the score.
    let Ok(accounts) = history.accounts().narrowed(&settings.partners, &settings.distributors) else { return false };
    let findings = history.check_compared_exports(&accounts, (period.year_ago, period.month));
    let now = findings.warnings.into_iter().filter(|((rule, _), _)| *rule == MISSING_EXPORT);
    let now: BTreeMap<String, u64> = now.map(|((_, subject), count)| (subject, count)).collect();
    let before = published.warnings.iter().filter(|warning| warning.rule == MISSING_EXPORT);
    now == before.map(|warning| (warning.subject.clone(), warning.count)).collect()
}

/// Which limit of the settings refuses what a published run found, in words; None where all of them allow it.
fn gate_closed_to(settings: &Settings, published: &Run) -> Option<String> {
    for (table, checked) in &published.rows.checked {
        let of_table = published.rejects.iter().filter(|reject| reject.table == *table);
        let rejected: u64 = of_table.map(|reject| reject.rows).sum();
        if rejected as f64 > settings.max_reject_ratio * *checked as f64 {
            let most = settings.max_reject_ratio;
            return Some(format!(
                "more than {most} of the rows of {table} were rejected, which max_reject_ratio refuses"
            ));
        }
    }
    let (found, held) = (published.rows.tenants_found, published.rows.tenants_held);
    let is_covered = found as f64 >= settings.min_coverage * held as f64;
    (!is_covered).then(|| format!("{found} of {held} tenants were found, which min_coverage refuses"))
}
