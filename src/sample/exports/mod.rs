//! The sample as Partner Center would export it: a folder a month, in it a folder for each account with its reports, and one for each
//! distributor with the performance of its resellers.
//!
//! An export tells less than the history that the sample also makes: `docs/sample.md` says what is lost. What it tells is the same.

mod accounts;
mod customer;
mod dirt;
mod layout;
mod month;
mod row;
mod sheet;

use std::io;
use std::path::Path;

use super::certifications::{self, Certificate};
use super::portfolio::Profile;
use super::{Advance, Sample, World, side_by_side, writing};
use accounts::Accounts;

pub use layout::{Column, Dates, Holds, Kind, Layout, Layouts, Report};

/// How much was exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Files, over all months.
    pub files: u64,
    /// Rows of all files, headers aside.
    pub rows: u64,
    /// The size of all files, as they are stored.
    pub bytes: u64,
}

/// Writes the sample as exports into `out`, a folder that is new or empty: those of every account, or those that a distributor would gather of
/// its resellers. A dirty sample gives exports with what real ones have: byte-order marks, repeated headers and rows, counts with thousands
/// separators, names that nobody knows, and rows that must be rejected beside the sound ones; they tell the same.
///
/// `progress` is told, on this thread, how many units of work are done, and of how many. A month is in memory while it is written. Fails as
/// [`super::write`] does, and where nobody has the distributor.
pub fn write(
    sample: &Sample,
    layouts: &Layouts,
    distributor: Option<&str>,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<Exported> {
    let world = World::new(sample)?;
    let plan = Plan::new(&world, layouts, distributor)?;
    let partial = writing::begin(out)?;
    let months: Vec<i32> = (0..world.calendar.months).collect();
    let of = world.tenants * months.len() as u64;
    let one = |month, advance: Advance| month::write(&plan, month, &partial, advance);
    let exported = side_by_side::perform(&months, one, add, &mut |done| progress(done.min(of), of))?;
    writing::finish(&partial, out)?;
    Ok(exported)
}

fn add(a: Exported, b: Exported) -> Exported {
    Exported { files: a.files + b.files, rows: a.rows + b.rows, bytes: a.bytes + b.bytes }
}

/// What every month's export is made of.
struct Plan<'a> {
    world: &'a World,
    layouts: &'a Layouts,
    /// By partner.
    profiles: Vec<Profile>,
    /// By partner; none of a partner that is not exported.
    certificates: Vec<Vec<Certificate<'a>>>,
    accounts: Accounts,
}

impl<'a> Plan<'a> {
    fn new(world: &'a World, layouts: &'a Layouts, distributor: Option<&str>) -> io::Result<Self> {
        let profiles: Vec<Profile> =
            (0..world.portfolio.partners.len()).map(|index| world.portfolio.profile(index)).collect();
        let accounts = Accounts::new(&world.portfolio, &profiles, distributor);
        if accounts.all.is_empty() {
            let name = distributor.unwrap_or_default();
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("no partner has the distributor `{name}`"),
            ));
        }
        let mut rows = 0;
        let certificates = (0..profiles.len()).map(|index| {
            let certificates = certifications::certificates(world, index, rows);
            rows += certificates.len() as u64;
            certificates
        });
        Ok(Plan { certificates: certificates.collect(), world, layouts, profiles, accounts })
    }
}
