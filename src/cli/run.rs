//! `partnerscore run`: what a pipeline file declares.

use std::collections::BTreeMap;

use clap::ArgMatches;
use clap::parser::ValueSource;
use comfy_table::{Table, presets};

use super::arguments::{OverrideArguments, RunArguments};
use super::console::Console;
use super::printer::{self, printable};
use super::summary::counted;
use super::{backfill, report, summary};
use crate::declared::{self, Overrides, Pipeline, RunPlan, Told};
use crate::error::{Result, nearest};

/// What variables that override settings begin with.
const PREFIX: &str = "PARTNERSCORE_";
/// Variables that other commands, or tests, read.
const OTHERS: [&str; 3] = ["PARTNERSCORE_CACHE", "PARTNERSCORE_PERSON_KEY", "PARTNERSCORE_TEST_"];

/// Each override: its argument, its key in a pipeline file, its flag and its variable.
const OVERRIDES: [(&str, &str); 19] = [
    ("history", "history"),
    ("output", "output"),
    ("as_of", "as_of"),
    ("from", "backfill.from"),
    ("to", "backfill.to"),
    ("rulebook", "rulebook"),
    ("evidence", "evidence"),
    ("shards", "shards"),
    ("max_reject_ratio", "max_reject_ratio"),
    ("max_unknown_ratio", "max_unknown_ratio"),
    ("min_coverage", "min_coverage"),
    ("max_fall_in_partners", "max_fall_in_partners"),
    ("max_fall_in_mean_points", "max_fall_in_mean_points"),
    ("strict", "strict"),
    ("mode", "mode"),
    ("retention_runs", "retention.runs"),
    ("prometheus", "telemetry.prometheus"),
    ("openlineage", "telemetry.openlineage"),
    ("namespace", "telemetry.namespace"),
];

/// Runs a pipeline file, or tells what a run would do. `given` tells which arguments were flags and which variables.
pub fn run(arguments: RunArguments, given: &ArgMatches, console: &Console) -> Result<()> {
    warn_of_unknown_variables();
    let pipeline = Pipeline::read(&arguments.pipeline, overrides(arguments.overrides, given))?;
    if arguments.plan {
        let plan = declared::plan(&pipeline, arguments.redo)?;
        console.finish();
        return printer::answer(&plan, arguments.format, Some(text(&plan)));
    }
    declared::run(&pipeline, arguments.redo, &mut |told| say(console, told))
}

fn overrides(arguments: OverrideArguments, given: &ArgMatches) -> Overrides {
    Overrides {
        history: arguments.history,
        output: arguments.output,
        as_of: arguments.as_of,
        from: arguments.from,
        to: arguments.to,
        rulebook: arguments.rulebook,
        evidence: arguments.evidence,
        shards: arguments.shards,
        max_reject_ratio: arguments.max_reject_ratio,
        max_unknown_ratio: arguments.max_unknown_ratio,
        min_coverage: arguments.min_coverage,
        max_fall_in_partners: arguments.max_fall_in_partners,
        max_fall_in_mean_points: arguments.max_fall_in_mean_points,
        strict: arguments.strict,
        mode: arguments.mode,
        retention_runs: arguments.retention_runs,
        prometheus: arguments.prometheus,
        openlineage: arguments.openlineage,
        namespace: arguments.namespace,
        csv_safe: given.get_flag("csv_safe"),
        sources: sources(given),
    }
}

/// Where each override that was given comes from, by its key in a pipeline file.
fn sources(given: &ArgMatches) -> BTreeMap<String, String> {
    let named = OVERRIDES.iter().filter_map(|(argument, key)| {
        let source = match given.value_source(argument)? {
            ValueSource::CommandLine => format!("the flag --{}", argument.replace('_', "-")),
            ValueSource::EnvVariable => format!("the variable {PREFIX}{}", argument.to_uppercase()),
            _ => return None,
        };
        Some(((*key).to_owned(), source))
    });
    named.collect()
}

/// A mistyped variable would override nothing, silently.
fn warn_of_unknown_variables() {
    let known: Vec<String> = OVERRIDES.iter().map(|(name, _)| format!("{PREFIX}{}", name.to_uppercase())).collect();
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let others = OTHERS.iter().any(|other| name.starts_with(other));
        if !name.starts_with(PREFIX) || others || known.iter().any(|known| *known == name) {
            continue;
        }
        let near = nearest(&name, known.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        tracing::warn!("the variable {name} overrides no setting{near}");
    }
}

fn say(console: &Console, told: Told) {
    match told {
        Told::Scored(settings, outcome, took) => summary::say(console, settings, outcome, took),
        Told::Month(month, result, outcome) => backfill::tell(console, month, result, outcome),
        Told::Backfilled(done, out) => backfill::say(console, done, out),
        Told::Report(written) => report::say(console, written),
        Told::Compared(file) => {
            let text = format!("written: {}", file.display());
            console.say(&text, || tracing::info!(file = %file.display(), "comparison"));
        }
        Told::Alerts(alerts, file) => {
            let count = alerts.alerts.len();
            let text = format!("{} in {}", counted(count as u64, "alert"), file.display());
            console.say(&text, || tracing::info!(alerts = count, file = %file.display(), "alerts"));
        }
        Told::UpToDate(step) => console.say(&format!("up to date: {step}"), || tracing::info!(step, "up to date")),
        Told::Removed(folder) => {
            let text = format!("removed: {}", folder.display());
            console.say(&text, || tracing::info!(folder = %folder.display(), "removed"));
        }
    }
}

/// The plan as a person reads it.
fn text(plan: &RunPlan) -> String {
    let mut settings = table(&["setting", "value", "from"]);
    for setting in plan.settings.iter().filter(|setting| setting.value.is_some()) {
        let value = printable(setting.value.as_deref().unwrap_or_default());
        settings.add_row([setting.key.clone(), value, printable(&setting.source)]);
    }
    let mut steps = table(&["step", "would run", "target", "why"]);
    for step in &plan.steps {
        let would_run = if step.would_run { "yes" } else { "no" };
        steps.add_row([step.step.clone(), would_run.to_owned(), printable(&step.target), printable(&step.why)]);
    }
    format!("{settings}\n\n{steps}\n")
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}
