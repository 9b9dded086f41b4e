//! `partnerscore simulate`: before and after a change.

use std::fmt::Write;

use comfy_table::Cell;

use super::arguments::SimulateArguments;
use super::printer;
use super::text::{change, left, partner, points, right, table};
use crate::error::Result;
use crate::insight::{self, ChangedMeasure, RulebookComparison, Scenario, Simulation, Total};
use crate::pipeline::Settings;
use crate::rulebook;

/// Partners shown of a comparison, from each end.
const SHOWN: usize = 10;

/// Simulates changes of one partner, or another rulebook over the portfolio.
pub fn simulate(arguments: &SimulateArguments) -> Result<()> {
    let when = arguments.date.when();
    let rules = arguments.rulebook.as_of(when)?;
    let settings = Settings {
        partners: arguments.partner.iter().cloned().collect(),
        distributors: arguments.distributor.clone(),
        ..Settings::new(&arguments.history, rules.as_of(when), rules)
    };
    let scenario = scenario(arguments)?;
    if let Some(against) = &arguments.against {
        if !scenario.is_empty() {
            return Err(insight::simulated_by_itself());
        }
        let against = rulebook::choose_as_of(Some(against), when)?;
        let comparison = insight::compare_rulebooks(&settings, &against)?;
        return printer::answer(&comparison, arguments.format, Some(compared(&comparison)));
    }
    let simulation = insight::simulate(&settings.of_a_few(), &scenario)?;
    printer::answer(&simulation, arguments.format, Some(text(&simulation)))
}

/// The changes of the file and of the command line together.
fn scenario(arguments: &SimulateArguments) -> Result<Scenario> {
    let mut scenario = arguments.scenario.as_deref().map(Scenario::read).transpose()?.unwrap_or_default();
    let changes = &arguments.changes;
    scenario.extend(Scenario {
        certify: changes.certify.clone(),
        net_customer_adds: changes.net_adds.unwrap_or(0),
        usage: changes.usage.clone(),
        deployments: changes.deployments.clone(),
        tenant: changes.tenant(),
        associate: changes.associate.clone(),
    });
    Ok(scenario)
}

fn text(simulation: &Simulation) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", partner(&simulation.partner_id, simulation.partner_name.as_deref()));
    let _ = writeln!(text, "{} as of {}, if at M:", simulation.rulebook, simulation.as_of);
    for change in &simulation.changes {
        let _ = writeln!(text, "  {}", printer::printable(change));
    }
    for note in &simulation.notes {
        let _ = writeln!(text, "note: {}", printer::printable(note));
    }
    let mut totals = table(&["", "before", "after", "change"]);
    let sides = |value: &dyn Fn(&Total) -> f64| (value(&simulation.before), value(&simulation.after));
    for (name, (before, after)) in [
        ("total", sides(&|total| total.total_points)),
        ("enterprise", sides(&|total| total.enterprise_points)),
        ("smb", sides(&|total| total.smb_points)),
    ] {
        totals.add_row([left(name), right(points(before)), right(points(after)), right(change(after - before))]);
    }
    let _ = writeln!(text, "\n{totals}");
    let _ = writeln!(text, "\nbefore: {}\nafter:  {}", standing(&simulation.before), standing(&simulation.after));
    let moved: Vec<&ChangedMeasure> = simulation.measures.iter().filter(|measure| moved(measure)).collect();
    if moved.is_empty() {
        let _ = writeln!(text, "\nno measure changes");
        return text;
    }
    let mut measures =
        table(&["track", "metric", "option", "net before", "net after", "points before", "points after", ""]);
    for measure in moved {
        measures.add_row([
            left(&measure.track),
            left(&measure.metric),
            left(&measure.option),
            right(measure.current_before - measure.prior_before),
            right(measure.current_after - measure.prior_after),
            right(points(measure.points_before)),
            right(points(measure.points_after)),
            Cell::new(if measure.counted_after { "taken" } else { "not taken" }),
        ]);
    }
    let _ = writeln!(text, "\n{measures}");
    text
}

fn moved(measure: &ChangedMeasure) -> bool {
    (measure.current_before, measure.prior_before, measure.counted_before)
        != (measure.current_after, measure.prior_after, measure.counted_after)
}

/// A result in a line.
pub fn standing(total: &Total) -> String {
    let designation = if total.qualified { "has the designation" } else { "no designation" };
    let short =
        if total.points_short > 0.0 { format!(", {} points short", points(total.points_short)) } else { String::new() };
    let under = total.metrics_short.join(", ");
    let under = if under.is_empty() { under } else { format!(", under its minimum: {under}") };
    format!("{} on {}, {designation}{short}{under}", points(total.total_points), total.track)
}

fn compared(comparison: &RulebookComparison) -> String {
    let mut text = format!(
        "{} against {} as of {}: {} with the designation, {} before\n",
        comparison.rulebook,
        comparison.against,
        comparison.as_of,
        comparison.qualified_after,
        comparison.qualified_before
    );
    let partners = &comparison.partners;
    let won = partners.iter().filter(|partner| !partner.before.qualified && partner.after.qualified).count();
    let lost = partners.iter().filter(|partner| partner.before.qualified && !partner.after.qualified).count();
    let _ = writeln!(text, "{won} would gain it, {lost} would lose it");
    let mut rows = table(&["partner", "before", "after", "change", "designation"]);
    let ends = partners.len().saturating_sub(SHOWN).max(SHOWN.min(partners.len()));
    for row in partners[..SHOWN.min(partners.len())].iter().chain(&partners[ends..]) {
        let designation = match (row.before.qualified, row.after.qualified) {
            (true, true) => "kept",
            (true, false) => "lost",
            (false, true) => "gained",
            (false, false) => "",
        };
        rows.add_row([
            Cell::new(partner(&row.partner_id, row.partner_name.as_deref())),
            right(points(row.before.total_points)),
            right(points(row.after.total_points)),
            right(change(row.change)),
            left(designation),
        ]);
    }
    let _ = writeln!(text, "\nLargest losses and gains of {}; --format csv has all\n{rows}", partners.len());
    text
}
