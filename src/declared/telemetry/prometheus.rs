//! A run in the text format of Prometheus, for the textfile collector of its node exporter.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::declared::status::{PipelineStatus, StepState};
use crate::publish::Run;

/// A gauge's labels and its value.
type Sample<'a> = (Vec<(&'static str, &'a str)>, f64);

/// The gauges of a run; those of what is published only where something is.
pub(super) fn text(status: &PipelineStatus, run: Option<&Run>) -> String {
    let mut file = Exposition { text: String::new(), pipeline: &status.pipeline };
    let (exit_code, retryable) = (status.exit_code.unwrap_or_default(), status.retryable == Some(true));
    file.gauge("exit_code", "What the last run ended with; 0 is well.", [(vec![], f64::from(exit_code))]);
    file.gauge("retryable", "Whether the last run may end well later unchanged.", [(vec![], flag(retryable))]);
    file.gauge("started_timestamp_seconds", "When the last run began.", [(vec![], seconds(status.started_at))]);
    if let Some(finished) = status.finished_at {
        file.gauge("finished_timestamp_seconds", "When the last run ended.", [(vec![], seconds(finished))]);
    }
    if let Some(success) = status.last_success_at {
        file.gauge("last_success_timestamp_seconds", "When a run last ended well.", [(vec![], seconds(success))]);
    }
    let steps = || status.steps.iter();
    let taken = steps().map(|step| (vec![("step", step.step.as_str())], step.milliseconds as f64 / 1000.0));
    file.gauge("step_seconds", "How long each step of the last run took.", taken);
    let skipped = steps().map(|step| (vec![("step", step.step.as_str())], flag(step.state == StepState::UpToDate)));
    file.gauge("step_up_to_date", "Whether a step found its result there already.", skipped);
    if let Some(run) = run {
        file.of_run(run);
    }
    file.text
}

struct Exposition<'a> {
    text: String,
    pipeline: &'a str,
}

impl Exposition<'_> {
    fn of_run(&mut self, run: &Run) {
        self.gauge("as_of_timestamp_seconds", "The date of what is published.", [(vec![], day(run.as_of))]);
        self.gauge("partners", "Partners that were scored.", [(vec![], run.rows.scores as f64)]);
        if let Some(scores) = &run.scores {
            self.gauge("mean_points", "Mean of the total points.", [(vec![], scores.mean_points)]);
            let qualified = scores.qualified.iter().map(|(track, of)| (vec![("track", track.as_str())], *of as f64));
            self.gauge("qualified_partners", "Partners with the designation.", qualified);
        }
        let checked = run.rows.checked.iter().map(|(table, rows)| (vec![("table", table.as_str())], *rows as f64));
        self.gauge("checked_rows", "Rows of the history that were checked.", checked);
        let rejected = run.rejects.iter();
        let rejected =
            rejected.map(|count| (vec![("table", &*count.table), ("rule", &*count.rule)], count.rows as f64));
        self.gauge("rejected_rows", "Rows of the history that were rejected.", rejected);
        // Subjects come from the data: there is no end to how many labels they would make.
        let mut warnings: BTreeMap<&str, u64> = BTreeMap::new();
        run.warnings.iter().for_each(|seen| *warnings.entry(&seen.rule).or_default() += seen.count);
        let warnings = warnings.into_iter().map(|(rule, count)| (vec![("rule", rule)], count as f64));
        self.gauge("warnings", "How often a warning was seen.", warnings);
        if let Some(month) = run.freshness.newest_usage_month {
            self.gauge("newest_usage_month_timestamp_seconds", "The newest month of usage.", [(vec![], day(month))]);
        }
        let (usage, people) = (run.freshness.usage_as_promised, run.freshness.certifications_as_promised);
        let people = people.map(|people| (vec![("table", "certifications")], flag(people)));
        let fresh = std::iter::once((vec![("table", "workload_usage")], flag(usage))).chain(people);
        self.gauge("as_recent_as_promised", "Whether a table is as recent as its source promises.", fresh);
        if let Some(bytes) = run.peak_memory_bytes {
            self.gauge("peak_memory_bytes", "The most memory that scoring held.", [(vec![], bytes as f64)]);
        }
    }

    /// Writing to a String cannot fail.
    fn gauge<'s>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample<'s>>) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let _ = writeln!(self.text, "# HELP partnerscore_{name} {help}\n# TYPE partnerscore_{name} gauge");
        for (labels, value) in samples {
            let labels = std::iter::once(("pipeline", self.pipeline)).chain(labels);
            let labels: Vec<String> = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let _ = writeln!(self.text, "partnerscore_{name}{{{}}} {value}", labels.join(","));
        }
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

fn day(day: NaiveDate) -> f64 {
    seconds(day.and_time(NaiveTime::MIN).and_utc())
}
