//! `workload_usage`: paid seats and active users by tenant and workload, a file for each month.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Builder, StringBuilder};
use arrow::datatypes::DataType::{Date32, Int32, Utf8};

use super::broken;
use super::tenants::Tenant;
use super::{Advance, World, advance_at};
use crate::publish::table_file::{Column, ROWS_PER_BATCH, Table};

const COLUMNS: [Column; 4] = [
    Column("tenant_id", Utf8, false),
    Column("workload", Utf8, false),
    Column("paid_seats", Int32, false),
    Column("active_users", Int32, false),
];

/// A row as it is written, right or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) tenant_id: Option<String>,
    pub(super) workload: Option<String>,
    pub(super) paid_seats: Option<i64>,
    pub(super) active_users: Option<i64>,
}

/// Writes the file of a month; returns its rows and bytes.
pub(super) fn write_month(world: &World, month: i32, path: &Path, advance: Advance) -> io::Result<(u64, u64)> {
    let mut table = Table::create(path.to_owned(), &COLUMNS, world.dirty)?;
    let mut columns = Columns::default();
    let mut id = String::new();
    for index in 0..world.tenants {
        let tenant = Tenant::new(world, index);
        if tenant.is_present(month) {
            tenant.write_id(world.tenants, &mut id);
            columns.add(world, &tenant, &id, month);
            columns.write_if(ROWS_PER_BATCH, &mut table)?;
        }
        advance_at(world, index, advance)?;
    }
    if world.dirty {
        let rows = broken::usage(world, month, columns.rows());
        rows.iter().for_each(|row| columns.push(row));
    }
    columns.write_if(1, &mut table)?;
    Ok((columns.written, table.close()?))
}

/// Writes a file of the rows given, as they are, with a day as their month; returns its rows and bytes.
pub(super) fn write_dated(rows: &[Row], day: i32, path: &Path) -> io::Result<(u64, u64)> {
    let [tenant_id, workload, paid_seats, active_users] = COLUMNS;
    let with_month = [tenant_id, workload, Column("month", Date32, false), paid_seats, active_users];
    let mut table = Table::create(path.to_owned(), &with_month, true)?;
    let mut columns = Columns::default();
    rows.iter().for_each(|row| columns.push(row));
    let mut arrays = columns.finish();
    arrays.insert(2, Arc::new(Date32Array::from(vec![day; rows.len()])));
    table.write(arrays)?;
    Ok((columns.written, table.close()?))
}

/// The columns of the rows to be written next.
#[derive(Default)]
struct Columns {
    tenant_id: StringBuilder,
    workload: StringBuilder,
    paid_seats: Int64Builder,
    active_users: Int64Builder,
    waiting: usize,
    written: u64,
}

impl Columns {
    fn rows(&self) -> u64 {
        self.written + self.waiting as u64
    }

    /// Adds the tenant's rows of a month, sorted by workload as the workloads are.
    fn add(&mut self, world: &World, tenant: &Tenant, id: &str, month: i32) {
        for (position, workload) in world.workloads.iter().enumerate() {
            if !tenant.uses(world, position) {
                continue;
            }
            let seats = tenant.paid_seats(world, position, month);
            self.tenant_id.append_value(id);
            self.workload.append_value(&workload.name);
            self.paid_seats.append_value(seats);
            self.active_users.append_value(tenant.active_users(world, position, month, seats));
            self.waiting += 1;
        }
    }

    fn push(&mut self, row: &Row) {
        self.tenant_id.append_option(row.tenant_id.as_deref());
        self.workload.append_option(row.workload.as_deref());
        self.paid_seats.append_option(row.paid_seats);
        self.active_users.append_option(row.active_users);
        self.waiting += 1;
    }

    fn write_if(&mut self, enough: usize, table: &mut Table) -> io::Result<()> {
        if self.waiting < enough {
            return Ok(());
        }
        table.write(self.finish())
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        self.written += std::mem::take(&mut self.waiting) as u64;
        vec![
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.workload.finish()),
            Arc::new(self.paid_seats.finish()),
            Arc::new(self.active_users.finish()),
        ]
    }
}
