//! What a dirty history has beyond a clean one: rows that must be rejected, by every rule, and exact repeats, which must not.
//!
//! Each rule's row comes once, in small tables too; in larger ones the rows recur, to about 1 in 2,000. They stand at the end of
//! their file, behind the sorted rows. A table, or a month, of fewer than about 1,600 rows cannot
//! hold them within 0.5 %.

use super::World;
use super::associations;
use super::certifications;
use super::partners;
use super::portfolio::Profile;
use super::tenants::Tenant;
use super::usage;

/// One above the largest count that is believed.
const TOO_MANY: i64 = 1 << 31;
/// No partner has this id: the ids of rows are all digits.
const NOBODY: &str = "no-such-partner";

/// How many broken rows a table of so many rows gets: the first `least` kinds by all means, all kinds where they fit.
fn count(rows: u64, least: usize, kinds: usize) -> usize {
    let bearable = (rows / 250) as usize;
    least.max(kinds.min(bearable)).max((rows / 2000) as usize)
}

/// A tenant id that no other row has.
fn stranger(number: usize) -> String {
    format!("ffffffff-ffff-4fff-bfff-{number:012x}")
}

/// A partner without an id, where that is less than 0.5 % of the partners, and one that stands twice.
pub(super) fn partners(world: &World, columns: &mut partners::Columns) {
    let Some(first) = world.portfolio.partners.first() else { return };
    columns.push(Some(&first.id), &world.portfolio.profile(0));
    if world.portfolio.partners.len() > 250 {
        let name = Some("Nameless Number".to_owned());
        columns.push(None, &Profile { name, global_id: None, distributor: None, market: None });
    }
}

pub(super) fn associations(world: &World, columns: &mut associations::Columns) {
    let Some(partner) = world.portfolio.partners.first() else { return };
    let start = world.calendar.first_day(0);
    for number in 0..count(columns.rows(), 4, 7) {
        let tenant = stranger(number);
        let right = associations::Row {
            partner_id: Some(&partner.id),
            tenant_id: Some(&tenant),
            workload: None,
            association_type: Some("CPOR"),
            start_date: Some(start),
            end_date: None,
        };
        columns.push(match number % 7 {
            0 => associations::Row { partner_id: None, ..right },
            1 => associations::Row { association_type: Some("CPORR"), ..right },
            2 => associations::Row { end_date: Some(start - 1), ..right },
            3 => associations::Row { partner_id: Some(NOBODY), ..right },
            4 => associations::Row { tenant_id: None, ..right },
            5 => associations::Row { association_type: None, ..right },
            _ => associations::Row { start_date: None, ..right },
        });
    }
}

pub(super) fn certifications(world: &World, columns: &mut certifications::Columns) {
    let Some(partner) = world.portfolio.partners.first() else { return };
    let earned = world.calendar.first_day(0);
    for number in 0..count(columns.rows(), 3, 6) {
        let person = format!("{number:016x}");
        let right = certifications::Row {
            partner_id: Some(&partner.id),
            person_id: Some(&person),
            certification: Some("azure_fundamentals"),
            earned_on: Some(earned),
            expires_on: None,
        };
        columns.push(match number % 6 {
            0 => certifications::Row { person_id: None, ..right },
            1 => certifications::Row { expires_on: Some(earned - 1), ..right },
            2 => certifications::Row { partner_id: Some(NOBODY), ..right },
            3 => certifications::Row { partner_id: None, ..right },
            4 => certifications::Row { certification: None, ..right },
            _ => certifications::Row { earned_on: None, ..right },
        });
    }
}

/// Rows for a month that has `rows` so far: broken ones, and repeats of what it holds already.
pub(super) fn usage(world: &World, month: i32, rows: u64) -> Vec<usage::Row> {
    let workload = world.workloads.first().map(|workload| workload.name.clone());
    let broken = (0..count(rows, 3, 8)).map(|number| {
        let (tenant_id, workload) = (Some(stranger(number)), workload.clone());
        let right = usage::Row { tenant_id, workload, paid_seats: Some(20), active_users: Some(10) };
        match number % 8 {
            0 => usage::Row { tenant_id: None, ..right },
            1 => usage::Row { active_users: Some(-1), ..right },
            2 => usage::Row { paid_seats: Some(TOO_MANY), ..right },
            3 => usage::Row { paid_seats: None, ..right },
            4 => usage::Row { workload: None, ..right },
            5 => usage::Row { active_users: None, ..right },
            6 => usage::Row { paid_seats: Some(-20), ..right },
            _ => usage::Row { active_users: Some(TOO_MANY), ..right },
        }
    });
    broken.chain(repeats(world, month)).collect()
}

/// Rows of a month that does not begin on a first, for a folder of its own.
pub(super) fn misdated(world: &World) -> Vec<usage::Row> {
    existing(world, world.calendar.last()).take(2).collect()
}

/// One row as it is already, one with another number of seats, and one of both kinds.
fn repeats(world: &World, month: i32) -> Vec<usage::Row> {
    let known: Vec<usage::Row> = existing(world, month).take(3).collect();
    let other = |row: &usage::Row| usage::Row { paid_seats: row.paid_seats.map(|seats| seats + 1), ..row.clone() };
    let repeated = known.iter().take(1).cloned();
    let contradicted = known.iter().skip(1).take(1).map(other);
    let both = known.iter().skip(2).flat_map(|row| [row.clone(), other(row)]);
    repeated.chain(contradicted).chain(both).collect()
}

/// The rows of a month again, of each tenant that of its main workload.
fn existing(world: &World, month: i32) -> impl Iterator<Item = usage::Row> {
    let tenants = (0..world.tenants).map(|index| Tenant::new(world, index));
    tenants.filter(move |tenant| tenant.is_present(month)).map(move |tenant| {
        let mut id = String::new();
        tenant.write_id(world.tenants, &mut id);
        let seats = tenant.paid_seats(world, tenant.main, month);
        usage::Row {
            tenant_id: Some(id),
            workload: Some(world.workloads[tenant.main].name.clone()),
            paid_seats: Some(seats),
            active_users: Some(tenant.active_users(world, tenant.main, month, seats)),
        }
    })
}
