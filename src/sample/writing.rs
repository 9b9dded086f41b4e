//! The files, written side by side: one task for each, and as many threads as there are cores.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::{World, Written, associations, broken, certifications, partners, usage};

/// More threads would need more memory than they save time.
const MOST_THREADS: usize = 8;

/// A file to write.
#[derive(Debug, Clone, Copy)]
enum Task {
    Partners,
    Certifications,
    Associations,
    Month(i32),
    MisdatedMonth,
}

/// What a thread tells.
enum Event {
    Advanced(u64),
    Finished(io::Result<Written>),
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
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get()).min(MOST_THREADS);
    let of = world.tenants * (world.calendar.months as u64 + 1);
    thread::scope(|scope| {
        let (sender, events) = channel();
        for _ in 0..threads {
            let (sender, tasks, next) = (sender.clone(), &tasks, &next);
            scope.spawn(move || work(world, out, tasks, next, &sender));
        }
        drop(sender);
        gather(events, &mut |done| progress(done.min(of), of))
    })
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

/// Takes tasks until none is left or one fails here or elsewhere.
fn work(world: &World, out: &Path, tasks: &[Task], next: &AtomicUsize, sender: &Sender<Event>) {
    while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
        let finished = perform(world, out, *task, sender);
        if sender.send(Event::Finished(finished)).is_err() {
            return;
        }
    }
}

/// Sums up what is told. Once it returns early, nobody listens, and the threads stop at their next word.
fn gather(events: Receiver<Event>, progress: &mut dyn FnMut(u64)) -> io::Result<Written> {
    let (mut done, mut written) = (0, Written::default());
    for event in events {
        match event {
            Event::Advanced(units) => done += units,
            Event::Finished(more) => written = sum(written, more?),
        }
        progress(done);
    }
    Ok(written)
}

fn perform(world: &World, out: &Path, task: Task, sender: &Sender<Event>) -> io::Result<Written> {
    let advance = |units| sender.send(Event::Advanced(units)).map_err(|_| io::Error::other("stopped"));
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
            let (associations, bytes) = associations::write(world, &out.join("associations.parquet"), &advance)?;
            Written { associations, bytes, ..none }
        }
        Task::Month(month) => {
            let (usage_rows, bytes) = usage::write_month(world, month, &month_file(world, out, month, 1)?, &advance)?;
            Written { usage_rows, bytes, ..none }
        }
        Task::MisdatedMonth => {
            let path = month_file(world, out, world.calendar.last(), 15)?;
            let (usage_rows, bytes) = usage::write_rows(&broken::misdated(world), &path)?;
            Written { usage_rows, bytes, ..none }
        }
    })
}

fn month_file(world: &World, out: &Path, month: i32, day: u32) -> io::Result<PathBuf> {
    let folder = out.join("workload_usage").join(world.calendar.folder(month, day));
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
