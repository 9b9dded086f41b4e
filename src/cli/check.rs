//! `partnerscore check`: everything a history holds, checked.

use polars::prelude::*;

use super::arguments::{CheckArguments, Format};
use super::console::Console;
use super::printer;
use super::summary::{counted, unknown_partners};
use crate::email::redacted;
use crate::error::{Code, Error, Result};
use crate::history::{CONTESTED_PAIR, ContestedPair, Findings, UNKNOWN_PARTNER};
use crate::pipeline;
use crate::rulebook::{self, Rulebook, When};

/// Contested pairs that are named for people; every other format has them all.
const PAIRS_SHOWN: usize = 20;

/// Prints the findings, and fails as a score of the history would.
pub fn check(arguments: &CheckArguments, console: &Console) -> Result<()> {
    let rules = rules(arguments)?;
    let (history, findings, months) = pipeline::check(&arguments.history, &rules)?;
    console.finish();
    let for_people = arguments.format == Format::Table;
    let table = if arguments.rejects { findings.rejects()? } else { counts(&findings, !for_people)? };
    printer::print(&table, arguments.format)?;
    if for_people && !arguments.rejects {
        printer::write(contested_pairs(&findings).as_bytes())?;
    }
    let rejects: u64 = findings.rejects_by_rule().values().sum();
    let (checked, warnings) = (findings.checked.values().sum::<u64>(), findings.warnings.len());
    let months = match (months.first(), months.last()) {
        (Some(first), Some(last)) => format!("{} from {first} to {last}", counted(months.len() as u64, "month")),
        _ => "no month of usage".to_owned(),
    };
    let (rows, rejected) = (counted(checked, "row"), counted(rejects, "row"));
    let text =
        format!("{rows} checked, {months}: {rejected} rejected, {} of warnings", counted(warnings as u64, "kind"));
    let unknown = unknown_partners(&findings, |id| history.nearest_partner(id));
    let text = unknown.map_or_else(|| text.clone(), |unknown| format!("{text}\n{unknown}"));
    let partners = findings.unknown_partners().len();
    console.say(&text, || tracing::info!(checked, rejects, warnings, months, unknown_partners = partners, "checked"));
    history.refuse_rejects(&findings, arguments.limit.max_reject_ratio)?;
    history.refuse_forms(&findings, arguments.forms.max_unknown_ratio)?;
    if arguments.strict && (rejects > 0 || warnings > 0) {
        return Err(Error::new(Code::Strict, "the history has rejects or warnings")
            .at(arguments.history.display())
            .hint("`check --rejects` prints every rejected row"));
    }
    Ok(())
}

/// The rulebook named; by date, the one that the newest month of the history is scored by, and of today where there is no month.
fn rules(arguments: &CheckArguments) -> Result<Rulebook> {
    let name = arguments.rulebook.rulebook.as_deref();
    if name != Some(rulebook::BY_DATE) {
        return rulebook::choose(name);
    }
    let newest = pipeline::newest_month(&arguments.history)?;
    arguments.rulebook.as_of(When::asked(None, newest))
}

/// The contested pairs, a line each.
fn contested_pairs(findings: &Findings) -> String {
    let mut text = String::new();
    for pair in findings.contested.iter().take(PAIRS_SHOWN) {
        text.push_str(&printer::printable(&format!("contested: {}", contested_pair(pair))));
        text.push('\n');
    }
    let more = findings.contested.len().saturating_sub(PAIRS_SHOWN);
    if more > 0 {
        text.push_str(&format!("{more} more contested; --format csv has them all\n"));
    }
    text
}

/// A contested pair and its partners.
fn contested_pair(pair: &ContestedPair) -> String {
    let ContestedPair { tenant_id, workload, partners, .. } = pair;
    let text = format!("tenant_id={tenant_id}, workload={workload}, partners={}", partners.join(", "));
    redacted(&text).into_owned()
}

/// One row for each table and rule and, where they are to be named, one for each contested pair.
fn counts(findings: &Findings, names_pairs: bool) -> Result<DataFrame> {
    let mut rows: Vec<[String; 4]> = Vec::new();
    let mut counts: Vec<i64> = Vec::new();
    for ((table, rule), count) in findings.rejects_by_rule() {
        let partners = || counted(findings.unknown_partners_of(&table).len() as u64, "partner");
        let subject = if rule == UNKNOWN_PARTNER { partners() } else { String::new() };
        rows.push(["reject".to_owned(), table, rule, subject]);
        counts.push(count as i64);
    }
    for ((rule, subject), count) in &findings.warnings {
        rows.push(["warning".to_owned(), String::new(), (*rule).to_owned(), subject.clone()]);
        counts.push(*count as i64);
    }
    for pair in findings.contested.iter().filter(|_| names_pairs) {
        let columns = ["contested", "associations", CONTESTED_PAIR].map(str::to_owned);
        let [finding, table, rule] = columns;
        rows.push([finding, table, rule, contested_pair(pair)]);
        counts.push(pair.partners.len() as i64);
    }
    let text = |name: &str, index: usize| {
        let values: Vec<Option<&str>> =
            rows.iter().map(|row| Some(row[index].as_str()).filter(|text| !text.is_empty())).collect();
        Column::new(name.into(), values)
    };
    let columns = vec![
        text("finding", 0),
        text("table", 1),
        text("rule", 2),
        text("subject", 3),
        Column::new("rows".into(), counts),
    ];
    DataFrame::new(rows.len(), columns).map_err(|error| Error::internal(error.to_string()))
}
