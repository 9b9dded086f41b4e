//! The files, written side by side: one task for each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Advance, World, Written, associations, broken, certifications, partners, side_by_side, usage};

/// Days that a month which does not begin on a first is late by.
const MISDATED_BY: i32 = 14;

/// A file to write.
#[derive(Debug, Clone, Copy)]
enum Task {
    Partners,
    Certifications,
    Associations,
    Month(i32),
    MisdatedMonth,
}

/// What a sample in the making is called, beside the folder that it becomes; the name is hidden from readers of tables.
const PREFIX: &str = ".partial-";

/// A new folder beside `out`, which is new or empty.
pub(super) fn begin(out: &Path) -> io::Result<PathBuf> {
    if out.exists() && fs::read_dir(out)?.next().is_some() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the output folder is not empty"));
    }
    let name = out.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the output has no name"))?;
    let partial = out.with_file_name(format!("{PREFIX}{}", name.to_string_lossy()));
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    Ok(partial)
}

/// Puts a finished folder in its place.
pub(super) fn finish(partial: &Path, out: &Path) -> io::Result<()> {
    if out.exists() {
        fs::remove_dir(out)?;
    }
    fs::rename(partial, out)
}

/// Writes every file.
pub(super) fn all(world: &World, out: &Path, progress: &mut dyn FnMut(u64, u64)) -> io::Result<Written> {
    let tasks = tasks(world);
    let of = world.tenants * (world.calendar.months as u64 + 1);
    let one = |task, advance: Advance| perform(world, out, task, advance);
    side_by_side::perform(&tasks, one, sum, &mut |done| progress(done.min(of), of))
}

/// The tables that others are read with come first: a failure shows early.
fn tasks(world: &World) -> Vec<Task> {
    let mut tasks = vec![Task::Partners, Task::Certifications, Task::Associations];
    tasks.extend((0..world.calendar.months).map(Task::Month));
    if world.dirty {
        tasks.push(Task::MisdatedMonth);
    }
    tasks
}

fn perform(world: &World, out: &Path, task: Task, advance: Advance) -> io::Result<Written> {
    let none = Written::default();
    Ok(match task {
        Task::Partners => {
            let (partners, bytes) = partners::write(world, &out.join("partners.parquet"))?;
            Written { partners, bytes, ..none }
        }
        Task::Certifications => {
            let (certifications, bytes) = certifications::write(world, &out.join("certifications.parquet"))?;
            Written { certifications, bytes, ..none }
        }
        Task::Associations => {
            let (associations, bytes) = associations::write(world, &out.join("associations.parquet"), advance)?;
            Written { associations, bytes, ..none }
        }
        Task::Month(month) => {
            let path = usage_file(out, &world.calendar.folder(month))?;
            let (usage_rows, bytes) = usage::write_month(world, month, &path, advance)?;
            Written { usage_rows, bytes, ..none }
        }
        Task::MisdatedMonth => {
            // A folder is named for the first day of a month alone, so these rows have a column of their month.
            let day = world.calendar.first_day(world.calendar.last()) + MISDATED_BY;
            let (usage_rows, bytes) = usage::write_dated(&broken::misdated(world), day, &usage_file(out, "misdated")?)?;
            Written { usage_rows, bytes, ..none }
        }
    })
}

fn usage_file(out: &Path, folder: &str) -> io::Result<PathBuf> {
    let folder = out.join("workload_usage").join(folder);
    fs::create_dir_all(&folder)?;
    Ok(folder.join("part-0.parquet"))
}

fn sum(a: Written, b: Written) -> Written {
    Written {
        partners: a.partners + b.partners,
        associations: a.associations + b.associations,
        certifications: a.certifications + b.certifications,
        usage_rows: a.usage_rows + b.usage_rows,
        bytes: a.bytes + b.bytes,
    }
}
