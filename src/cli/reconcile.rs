//! `partnerscore reconcile`: Partner Center's own figures beside ours.

use comfy_table::{Cell, ContentArrangement, Table};

use super::arguments::ReconcileArguments;
use super::console::Console;
use super::printer::{self, printable};
use super::summary::counted;
use super::text::{change, left, month, points, right, table};
use crate::error::Result;
use crate::insight::{self, Readings, Reconciled, Reconciliation, Tried};
use crate::words::part_of;

/// Differences that the table shows; every other format has them all.
const SHOWN: usize = 50;
/// Columns that text for people takes.
const WIDTH: u16 = 100;

/// Prints the comparison, and fails under `--strict` where a figure differs.
pub fn reconcile(arguments: &ReconcileArguments, console: &Console) -> Result<()> {
    let (history, rulebook) = (arguments.history.as_deref(), arguments.rulebook.as_deref());
    let answer = insight::reconcile(&arguments.run, &arguments.official, history, rulebook)?;
    console.finish();
    printer::answer(&answer, arguments.format, Some(text(&answer)))?;
    match answer.failure().filter(|_| arguments.strict) {
        Some(error) => Err(error.at(arguments.official.display())),
        None => Ok(()),
    }
}

/// The answer as a person reads it: the headline, the differences, and what would remove or may have caused them.
fn text(answer: &Reconciliation) -> String {
    let mut text = format!(
        "{} {}: run as of {}, usage of {}, rulebook {}\n",
        part_of(answer.matching as u64, answer.figures as u64, "figure"),
        if answer.figures == 1 { "matches" } else { "match" },
        answer.as_of,
        month(answer.month),
        printable(&answer.rulebook)
    );
    if answer.matching == answer.figures {
        return text;
    }
    let notes = Notes::of(answer);
    text += &format!("\n{}\n", differences(answer, &notes));
    let hidden = answer.differing().count().saturating_sub(SHOWN);
    if hidden > 0 {
        text += &format!("and {hidden} more; --format csv has them all\n");
    }
    if let Some(readings) = &answer.readings {
        text += &format!("\n{}", tried(readings, &notes, answer.figures - answer.matching));
    }
    if !answer.hints.is_empty() {
        text += &format!("\n{}\n", hints(answer, &notes));
    }
    text
}

/// What the differences are explained by, numbered in the order in which it is told: readings, then hints.
struct Notes<'a> {
    readings: Vec<&'a Tried>,
    hints: usize,
}

impl<'a> Notes<'a> {
    fn of(answer: &'a Reconciliation) -> Notes<'a> {
        let tried = answer.readings.iter().flat_map(|readings| readings.tried.iter().chain(&readings.pairs));
        let readings: Vec<&Tried> = tried.filter(|tried| tried.removes > 0).collect();
        Notes { hints: readings.len(), readings }
    }

    /// The numbers of the notes on a figure.
    fn on(&self, row: &Reconciled, answer: &Reconciliation) -> String {
        let removes = |tried: &&Tried| row.removed_by.contains(&tried.readings);
        let readings = self.readings.iter().enumerate().filter(|(_, tried)| removes(tried));
        let hints = answer.hints.iter().enumerate().filter(|(_, hint)| row.hints.contains(&hint.hint));
        let numbers = readings.map(|(place, _)| place).chain(hints.map(|(place, _)| self.hints + place));
        numbers.map(|place| (place + 1).to_string()).collect::<Vec<_>>().join(" ")
    }
}

fn differences(answer: &Reconciliation, notes: &Notes) -> Table {
    let mut table = table(&["partner", "track", "metric", "ours", "official", "difference", "notes"]);
    for row in answer.differing().take(SHOWN) {
        table.add_row([
            left(row.location.as_ref().unwrap_or(&row.partner_id)),
            left(&row.track),
            left(&row.metric),
            right(points(row.ours)),
            right(row.shown()),
            right(change(row.difference)),
            left(&notes.on(row, answer)),
        ]);
    }
    table
}

/// What other readings do to the differences.
fn tried(readings: &Readings, notes: &Notes, differences: usize) -> String {
    let mut text = String::new();
    if !notes.readings.is_empty() {
        text += &format!("{}\n", removing(&notes.readings));
    }
    text += &format!("{}\n", said(readings, differences));
    if readings.pairs_left_out > 0 {
        text += &format!("{} left out.\n", counted(readings.pairs_left_out as u64, "pair"));
    }
    text
}

/// The readings that remove a difference.
fn removing(readings: &[&Tried]) -> Table {
    let mut table = table(&["note", "other reading of the rules", "removes", "breaks"]);
    for (place, tried) in readings.iter().enumerate() {
        table.add_row([right(place + 1), left(&tried.text()), right(tried.removes), right(tried.breaks)]);
    }
    table
}

/// How much was tried, and which single reading does the most.
fn said(readings: &Readings, differences: usize) -> String {
    let singles = counted(readings.tried.len() as u64, "reading");
    let tried = match readings.pairs.len() as u64 {
        0 => format!("{singles} tried"),
        pairs => format!("{singles} and {} tried", counted(pairs, "pair")),
    };
    let most = readings.tried.iter().map(|tried| tried.removes).max().unwrap_or_default();
    match &readings.best {
        Some(best) => format!("{tried}; {} removes the most: {most} of {differences}.", printable(&best.to_string())),
        None => format!("{tried}; no single one removes a difference."),
    }
}

fn hints(answer: &Reconciliation, notes: &Notes) -> Table {
    let mut table = table(&["note", "hint", "what may have caused it"]);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    for (place, hint) in answer.hints.iter().enumerate() {
        table.add_row([right(notes.hints + place + 1), Cell::new(hint.hint.name()), left(&hint.text)]);
    }
    table
}
