//! A synthetic history of any size: the proportions of a real portfolio, and every awkward case a real one has.
//!
//! A tenant's whole life is drawn from the seed and its index alone, so months are written side by side, sorted, without keeping
//! anything for each tenant. The same arguments give the same bytes.

mod activity;
mod associations;
mod bookings;
mod broken;
mod calendar;
mod cases;
mod certifications;
mod draw;
pub mod exports;
mod names;
mod partners;
mod portfolio;
mod side_by_side;
mod tenants;
mod terms;
mod usage;
mod workloads;
mod writing;

use std::io;
use std::path::Path;

use chrono::NaiveDate;

use calendar::Calendar;
use portfolio::Portfolio;
use workloads::Workload;

/// What to write.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Rows of `partners`: global accounts and their locations. From 60 on, every role occurs.
    pub partners: u64,
    /// Tenants, with or without a partner. From 256 on, every awkward case occurs.
    pub tenants: u64,
    /// Months of usage; 13 are the least that can be scored.
    pub months: u32,
    /// Any day of the last month with usage.
    pub last_month: NaiveDate,
    /// Another seed is another portfolio of the same kind.
    pub seed: u64,
    /// Whether to add rows that must be rejected, under 0.5 % of each table, and counts wide enough to hold them.
    pub dirty: bool,
    /// The eligible workloads, the most used first. Some rows are of others.
    pub workloads: Vec<String>,
    /// The certificates that count as intermediate.
    pub intermediate_certifications: Vec<String>,
    /// The certificates that count as advanced.
    pub advanced_certifications: Vec<String>,
}

/// How much was written: rows by table, and bytes of all files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of `partners`.
    pub partners: u64,
    /// Rows of `associations`.
    pub associations: u64,
    /// Rows of `certifications`.
    pub certifications: u64,
    /// Rows of `workload_usage`, all months.
    pub usage_rows: u64,
    /// The size of all files.
    pub bytes: u64,
}

/// Writes the history into `out`, a folder that is new or empty. `progress` is told from time to time, on this thread, how
/// many units of work are done, and of how many.
///
/// Fails if the sample is empty, the folder is not, or a file cannot be written. The folder is there when it is whole: until then a hidden
/// one beside it is, which the next call removes.
pub fn write(sample: &Sample, out: &Path, progress: &mut dyn FnMut(u64, u64)) -> io::Result<Written> {
    let world = World::new(sample)?;
    let partial = writing::begin(out)?;
    let written = writing::all(&world, &partial, progress)?;
    writing::finish(&partial, out)?;
    Ok(written)
}

/// Tells that so many tenants are done with; fails where the rest is no longer wanted.
type Advance<'a> = &'a dyn Fn(u64) -> io::Result<()>;
/// Progress is told every so many tenants.
const STRIDE: u64 = 4096;

/// Tells of the tenants since it was told last, at the last of a stride and at the very last.
fn advance_at(world: &World, index: u64, advance: Advance) -> io::Result<()> {
    match index + 1 {
        done if done.is_multiple_of(STRIDE) => advance(STRIDE),
        done if done == world.tenants => advance(done % STRIDE),
        _ => Ok(()),
    }
}

/// Everything that the tables are drawn from.
struct World {
    seed: u64,
    tenants: u64,
    dirty: bool,
    calendar: Calendar,
    /// All workloads that occur, sorted; and the positions of those on the caller's list, in its order, and of the others.
    workloads: Vec<Workload>,
    listed: Vec<usize>,
    unlisted: Vec<usize>,
    intermediate: Vec<String>,
    advanced: Vec<String>,
    portfolio: Portfolio,
}

impl World {
    fn new(sample: &Sample) -> io::Result<Self> {
        let refuse = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if sample.partners == 0 || sample.tenants == 0 || sample.months == 0 {
            return refuse("a sample needs at least one partner, one tenant and one month");
        }
        if sample.workloads.is_empty() {
            return refuse("a sample needs at least one eligible workload");
        }
        let partners = usize::try_from(sample.partners).map_err(io::Error::other)?;
        let workloads = workloads::workloads(&sample.workloads);
        let position = |name: &String| workloads.iter().position(|workload| workload.name == *name);
        Ok(World {
            seed: sample.seed,
            tenants: sample.tenants,
            dirty: sample.dirty,
            calendar: Calendar::new(sample.last_month, sample.months),
            listed: sample.workloads.iter().filter_map(position).collect(),
            unlisted: (0..workloads.len()).filter(|position| !workloads[*position].listed).collect(),
            workloads,
            intermediate: sample.intermediate_certifications.clone(),
            advanced: sample.advanced_certifications.clone(),
            portfolio: Portfolio::new(sample.seed, partners),
        })
    }
}
