//! `partners.parquet`: who there is, who belongs to whom.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::StringBuilder;
use arrow::datatypes::DataType::Utf8;

use super::World;
use super::broken;
use super::portfolio::Profile;
use crate::publish::table_file::{Column, ROWS_PER_BATCH, Table};

const COLUMNS: [Column; 5] = [
    Column("partner_id", Utf8, false),
    Column("partner_name", Utf8, true),
    Column("global_partner_id", Utf8, true),
    Column("distributor_id", Utf8, true),
    Column("market", Utf8, true),
];

/// Writes the table; returns its rows and bytes.
pub(super) fn write(world: &World, path: &Path) -> io::Result<(u64, u64)> {
    let mut table = Table::create(path.to_owned(), &COLUMNS, world.dirty)?;
    let mut columns = Columns::default();
    for (index, partner) in world.portfolio.partners.iter().enumerate() {
        columns.push(Some(&partner.id), &world.portfolio.profile(index));
        columns.write_if(ROWS_PER_BATCH, &mut table)?;
    }
    if world.dirty {
        broken::partners(world, &mut columns);
    }
    columns.write_if(1, &mut table)?;
    Ok((columns.written, table.close()?))
}

/// The columns of the rows to be written next.
#[derive(Default)]
pub(super) struct Columns {
    partner_id: StringBuilder,
    partner_name: StringBuilder,
    global_partner_id: StringBuilder,
    distributor_id: StringBuilder,
    market: StringBuilder,
    waiting: usize,
    written: u64,
}

impl Columns {
    pub(super) fn push(&mut self, id: Option<&str>, profile: &Profile) {
        self.partner_id.append_option(id);
        self.partner_name.append_option(profile.name.as_deref());
        self.global_partner_id.append_option(profile.global_id.as_deref());
        self.distributor_id.append_option(profile.distributor.as_deref());
        self.market.append_option(profile.market);
        self.waiting += 1;
    }

    fn write_if(&mut self, enough: usize, table: &mut Table) -> io::Result<()> {
        if self.waiting < enough {
            return Ok(());
        }
        self.written += std::mem::take(&mut self.waiting) as u64;
        table.write(vec![
            Arc::new(self.partner_id.finish()),
            Arc::new(self.partner_name.finish()),
            Arc::new(self.global_partner_id.finish()),
            Arc::new(self.distributor_id.finish()),
            Arc::new(self.market.finish()),
        ])
    }
}
