//! `certifications.parquet`: what people at the partners have passed, and until when it counts.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Date32Builder, StringBuilder};
use arrow::datatypes::DataType::{Date32, Utf8};

use super::World;
use super::broken;
use super::draw::{Draw, Stream, hash};
use super::portfolio::{Account, Partner};
use crate::publish::table_file::{Column, ROWS_PER_BATCH, Table};

const COLUMNS: [Column; 5] = [
    Column("partner_id", Utf8, false),
    Column("person_id", Utf8, false),
    Column("certification", Utf8, false),
    Column("earned_on", Date32, false),
    Column("expires_on", Date32, true),
];

/// Common certificates that are on neither list, unless the caller's lists say otherwise.
const OTHERS: [&str; 5] = [
    "azure_administrator_associate",
    "messaging_administrator_associate",
    "power_platform_fundamentals",
    "security_operations_analyst_associate",
    "azure_fundamentals",
];
/// A name that exports still carry, and the one that replaced it.
const FORMER: (&str, &str) = ("modern_desktop_administrator_associate", "endpoint_administrator_associate");

/// Days of the month after the last on which a run is likely, counted from its first: certificates expire right around them.
const RUN_DAYS: [i32; 6] = [18, 19, 20, 21, 22, 23];

/// Writes the table; returns its rows and bytes.
pub(super) fn write(world: &World, path: &Path) -> io::Result<(u64, u64)> {
    let mut table = Table::create(path.to_owned(), &COLUMNS, world.dirty)?;
    let mut columns = Columns::default();
    for (index, partner) in world.portfolio.partners.iter().enumerate() {
        for certificate in certificates(world, index, columns.rows()) {
            columns.add(&partner.id, &certificate);
        }
        columns.write_if(ROWS_PER_BATCH, &mut table)?;
    }
    if world.dirty {
        broken::certifications(world, &mut columns);
    }
    columns.write_if(1, &mut table)?;
    Ok((columns.written, table.close()?))
}

/// The columns of the rows to be written next.
#[derive(Default)]
pub(super) struct Columns {
    partner_id: StringBuilder,
    person_id: StringBuilder,
    certification: StringBuilder,
    earned_on: Date32Builder,
    expires_on: Date32Builder,
    waiting: usize,
    written: u64,
}

/// A row as it is written, right or wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) partner_id: Option<&'a str>,
    pub(super) person_id: Option<&'a str>,
    pub(super) certification: Option<&'a str>,
    pub(super) earned_on: Option<i32>,
    pub(super) expires_on: Option<i32>,
}

impl Columns {
    pub(super) fn rows(&self) -> u64 {
        self.written + self.waiting as u64
    }

    pub(super) fn push(&mut self, row: Row) {
        self.partner_id.append_option(row.partner_id);
        self.person_id.append_option(row.person_id);
        self.certification.append_option(row.certification);
        self.earned_on.append_option(row.earned_on);
        self.expires_on.append_option(row.expires_on);
        self.waiting += 1;
    }

    fn add(&mut self, partner_id: &str, certificate: &Certificate) {
        self.push(Row {
            partner_id: Some(partner_id),
            person_id: Some(&format!("{:016x}", certificate.person)),
            certification: Some(certificate.certification),
            earned_on: Some(certificate.earned_on),
            expires_on: certificate.expires_on,
        });
    }

    fn write_if(&mut self, enough: usize, table: &mut Table) -> io::Result<()> {
        if self.waiting < enough {
            return Ok(());
        }
        self.written += std::mem::take(&mut self.waiting) as u64;
        table.write(vec![
            Arc::new(self.partner_id.finish()),
            Arc::new(self.person_id.finish()),
            Arc::new(self.certification.finish()),
            Arc::new(self.earned_on.finish()),
            Arc::new(self.expires_on.finish()),
        ])
    }
}

/// Something that a person has passed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Certificate<'a> {
    pub(super) person: u64,
    pub(super) certification: &'a str,
    pub(super) earned_on: i32,
    pub(super) expires_on: Option<i32>,
}

/// What the people of a partner have passed: the more skilled it is, the more of them and the more certificates that count. `rows` tells how
/// many rows there are of the partners before it.
pub(super) fn certificates(world: &World, index: usize, rows: u64) -> Vec<Certificate<'_>> {
    let mut certificates = Vec::new();
    let partner = &world.portfolio.partners[index];
    if !partner.has_people {
        return certificates;
    }
    let head = world.portfolio.account(index);
    let mut draw = Draw::new(world.seed, Stream::Person, index as u64);
    let count = 3 + partner.skill / 160 + draw.below(4);
    for person in 0..count {
        // The first person of a location works for the global account's own office as well.
        let shared = person == 0 && matches!(partner.account, Account::LocationOf(_));
        let (office, person) = if shared { (head, 0) } else { (index, person) };
        let person = hash(world.seed ^ hash(office as u64, 7), person);
        certify(world, partner, person, rows, &mut draw, &mut certificates);
    }
    certificates
}

fn certify<'a>(
    world: &'a World,
    partner: &Partner,
    person: u64,
    rows: u64,
    draw: &mut Draw,
    certificates: &mut Vec<Certificate<'a>>,
) {
    for _ in 0..1 + draw.below(3) {
        let certification = certification(world, partner, draw);
        let (earned_on, expires_on) = validity(world, rows + certificates.len() as u64, draw);
        certificates.push(Certificate { person, certification, earned_on, expires_on });
        if draw.chance(60) {
            // An earlier pass that has run out: any valid row counts.
            let (earned_on, expires_on) = (earned_on - 400, Some(earned_on - 35));
            certificates.push(Certificate { person, certification, earned_on, expires_on });
        }
    }
}

fn certification<'a>(world: &'a World, partner: &Partner, draw: &mut Draw) -> &'a str {
    let drawn = match draw.below(1000) {
        at if at < 40 + partner.skill / 7 => pick(&world.advanced, draw),
        at if at < 170 + partner.skill / 2 => pick(&world.intermediate, draw),
        _ => None,
    };
    match drawn {
        Some(name) if name == FORMER.1 && draw.chance(250) => FORMER.0,
        Some(name) => name,
        None => draw.one_of(&OTHERS),
    }
}

fn pick<'a>(names: &'a [String], draw: &mut Draw) -> Option<&'a str> {
    names.get(draw.below(names.len() as u64) as usize).map(String::as_str)
}

/// When it was earned and when it expires: mostly valid on the days of a likely run, often not, sometimes by a day.
fn validity(world: &World, row: u64, draw: &mut Draw) -> (i32, Option<i32>) {
    let first = world.calendar.first_day(world.calendar.last() + 1);
    let run = first + RUN_DAYS[RUN_DAYS.len() / 2];
    let earned = run - draw.between(30, 700) as i32;
    match draw.below(1000) {
        0..40 => (earned, Some(first + RUN_DAYS[row as usize % RUN_DAYS.len()])),
        40..70 => (run + draw.between(4, 60) as i32, Some(run + 430)),
        70..260 => (earned - 420, Some(run - draw.between(4, 400) as i32)),
        260..380 => (earned, None),
        _ => (earned, Some(run + draw.between(4, 365) as i32)),
    }
}
