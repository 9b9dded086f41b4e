//! `associations.parquet`: who serves which tenant, through what, from when to when.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Date32Builder, StringBuilder};
use arrow::datatypes::DataType::{Date32, Utf8};

use super::bookings::{Association, Booking};
use super::broken;
use super::tenants::Tenant;
use super::{Advance, World, advance_at};
use crate::publish::table_file::{Column, ROWS_PER_BATCH, Table};

const COLUMNS: [Column; 6] = [
    Column("partner_id", Utf8, false),
    Column("tenant_id", Utf8, false),
    Column("workload", Utf8, true),
    Column("association_type", Utf8, false),
    Column("start_date", Date32, false),
    Column("end_date", Date32, true),
];

/// Writes the table; returns its rows and bytes.
pub(super) fn write(world: &World, path: &Path, advance: Advance) -> io::Result<(u64, u64)> {
    let mut table = Table::create(path.to_owned(), &COLUMNS, world.dirty)?;
    let mut columns = Columns::default();
    let mut id = String::new();
    let mut rows = Vec::new();
    for index in 0..world.tenants {
        let tenant = Tenant::new(world, index);
        Booking { world, tenant: &tenant, rows: &mut rows }.all();
        tenant.write_id(world.tenants, &mut id);
        for row in rows.drain(..) {
            columns.add(world, &id, &row);
        }
        columns.write_if(ROWS_PER_BATCH, &mut table)?;
        advance_at(world, index, advance)?;
    }
    if world.dirty {
        broken::associations(world, &mut columns);
    }
    columns.write_if(1, &mut table)?;
    Ok((columns.written, table.close()?))
}

/// The columns of the rows to be written next.
#[derive(Default)]
pub(super) struct Columns {
    partner_id: StringBuilder,
    tenant_id: StringBuilder,
    workload: StringBuilder,
    association_type: StringBuilder,
    start_date: Date32Builder,
    end_date: Date32Builder,
    waiting: usize,
    written: u64,
}

/// A row as it is written, right or wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) partner_id: Option<&'a str>,
    pub(super) tenant_id: Option<&'a str>,
    pub(super) workload: Option<&'a str>,
    pub(super) association_type: Option<&'a str>,
    pub(super) start_date: Option<i32>,
    pub(super) end_date: Option<i32>,
}

impl Columns {
    pub(super) fn rows(&self) -> u64 {
        self.written + self.waiting as u64
    }

    pub(super) fn push(&mut self, row: Row) {
        self.partner_id.append_option(row.partner_id);
        self.tenant_id.append_option(row.tenant_id);
        self.workload.append_option(row.workload);
        self.association_type.append_option(row.association_type);
        self.start_date.append_option(row.start_date);
        self.end_date.append_option(row.end_date);
        self.waiting += 1;
    }

    fn add(&mut self, world: &World, tenant_id: &str, row: &Association) {
        self.push(Row {
            partner_id: Some(&world.portfolio.partners[row.partner].id),
            tenant_id: Some(tenant_id),
            workload: row.workload.map(|workload| world.workloads[workload].name.as_str()),
            association_type: Some(row.kind.name()),
            start_date: Some(row.term.start),
            end_date: row.term.end,
        });
    }

    fn write_if(&mut self, enough: usize, table: &mut Table) -> io::Result<()> {
        if self.waiting < enough {
            return Ok(());
        }
        self.written += std::mem::take(&mut self.waiting) as u64;
        table.write(vec![
            Arc::new(self.partner_id.finish()),
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.workload.finish()),
            Arc::new(self.association_type.finish()),
            Arc::new(self.start_date.finish()),
            Arc::new(self.end_date.finish()),
        ])
    }
}
