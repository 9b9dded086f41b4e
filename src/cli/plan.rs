//! `partnerscore plan`: what is missing, least effort first.

use std::fmt::Write;

use comfy_table::Cell;

use super::arguments::PlanArguments;
use super::printer;
use super::simulate::standing;
use super::summary::counted;
use super::text::{left, partner, points, right, table};
use crate::error::Result;
use crate::insight::{self, Effort, Plan, Plans, TrackPlan};
use crate::pipeline::Settings;

/// Partners of a portfolio that are shown.
const SHOWN: usize = 25;

/// Plans for a partner, or for all.
pub fn plan(arguments: &PlanArguments) -> Result<()> {
    let when = arguments.date.when();
    let rules = arguments.rulebook.as_of(when)?;
    let effort = Effort::read(arguments.effort.as_deref())?;
    arguments.effort.as_deref().map_or(Ok(()), |path| effort.require_options(&rules, path))?;
    let settings = Settings {
        partners: arguments.partner.iter().cloned().collect(),
        distributors: arguments.distributor.clone(),
        ..Settings::new(&arguments.history, rules.as_of(when), rules)
    };
    if arguments.all {
        let plans = insight::plan_all(&settings, &effort)?;
        return printer::answer(&plans, arguments.format, Some(all(&plans)));
    }
    let plan = insight::plan(&settings.of_a_few(), &effort)?;
    printer::answer(&plan, arguments.format, Some(one(&plan)))
}

fn one(plan: &Plan) -> String {
    let mut text = format!("{}\n", partner(&plan.partner_id, plan.partner_name.as_deref()));
    let _ = writeln!(text, "{} as of {}: {}", plan.rulebook, plan.as_of, standing(&plan.now));
    for of_track in &plan.tracks {
        let _ = writeln!(text, "\n{}", heading(of_track, plan));
        if of_track.moves.is_empty() {
            continue;
        }
        let mut moves = table(&["effort", "move", "from", "to"]);
        for planned in &of_track.moves {
            let counts = |value: &dyn Fn(&insight::PlannedUsage) -> String| {
                planned.usage.iter().map(value).collect::<Vec<_>>().join("\n")
            };
            let before = counts(&|usage| format!("{}/{}", usage.active_users_before, usage.paid_seats_before));
            let after = counts(&|usage| format!("{}/{} {}", usage.active_users, usage.paid_seats, usage.workload));
            moves.add_row([right(planned.effort), left(&planned.what), Cell::new(before), Cell::new(after)]);
        }
        let _ = writeln!(text, "{moves}");
        if let Some(planned) = of_track.one_move.as_ref().filter(|_| of_track.count() > 1) {
            let _ = writeln!(text, " one move alone would do: {} (effort {})", planned.what, planned.effort);
        }
    }
    text
}

fn heading(of_track: &TrackPlan, plan: &Plan) -> String {
    let mut text = format!("{}: {} points", of_track.track, points(of_track.points));
    if of_track.points_short > 0.0 {
        let _ = write!(text, ", {} short", points(of_track.points_short));
    }
    for (metric, short) in &of_track.lacking {
        let _ = write!(text, ", {metric} {} under its minimum", points(*short));
    }
    let _ = match (of_track.reached, of_track.moves.is_empty()) {
        (true, true) => write!(text, ": the designation is there"),
        (true, false) => {
            let after = of_track.points_after.map(|after| format!(", to {} points", points(after))).unwrap_or_default();
            let easiest = if plan.easiest.as_ref() == Some(&of_track.track) { " (the easier way)" } else { "" };
            write!(text, ": effort {}{after}{easiest}; users/seats at M", of_track.effort)
        }
        (false, _) if plan.now.qualified => write!(text, ": the other track has the designation"),
        (false, _) => write!(text, ": no plan reaches the designation"),
    };
    text
}

fn all(plans: &Plans) -> String {
    let reached: Vec<&Plan> = plans.plans.iter().filter(|plan| plan.easiest.is_some()).collect();
    let one_move = reached.iter().filter(|plan| plan.one_move().is_some()).count();
    let mut text = format!(
        "{} as of {}: {} without the designation, {} of them within reach, {one_move} one move away\n",
        plans.rulebook,
        plans.as_of,
        counted(plans.plans.len() as u64, "partner"),
        reached.len()
    );
    let mut rows = table(&["partner", "points", "track", "effort", "moves", "what"]);
    for plan in reached.iter().take(SHOWN) {
        let Some(of_track) = plan.easiest() else { continue };
        let what: Vec<&str> = of_track.moves.iter().map(|planned| planned.what.as_str()).collect();
        let more = if what.len() > 2 { format!("; and {} more", what.len() - 2) } else { String::new() };
        rows.add_row([
            Cell::new(partner(&plan.partner_id, plan.partner_name.as_deref())),
            right(points(plan.now.total_points)),
            left(&of_track.track),
            right(of_track.effort),
            right(of_track.count()),
            left(&format!("{}{more}", what[..what.len().min(2)].join("; "))),
        ]);
    }
    let _ = writeln!(text, "\n{rows}");
    if reached.len() > SHOWN {
        let _ = writeln!(text, " and {} more; --format csv has all", reached.len() - SHOWN);
    }
    text
}
