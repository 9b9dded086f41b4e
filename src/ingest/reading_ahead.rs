//! Files are read by several threads, and what they state is taken on one, in the order of the files: the same whatever the threads.
//!
//! A thread that is far ahead waits, so that memory is that of a few thousand rows, however long a file is and however many there are.

use std::cell::Cell;
use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;

use super::inputs::Input;
use super::reading::{Outcome, Reading, Sink, read};
use super::row::{Row, Source};
use crate::engine;
use crate::error::{Error, Result};

/// Rows that are handed over together.
const ROWS: usize = 1024;
/// Bytes of which is told together.
const BYTES: u64 = 1 << 20;
/// What may wait of a file.
const WAITING: usize = 4;
/// Files for each thread that are being read, or are read and wait to be taken.
const FILES: usize = 4;

/// What a thread says of a file.
enum Said {
    /// So many bytes were read from disk.
    Bytes(u64),
    /// Rows of one source, in its order.
    Rows(Arc<Source>, Vec<Row>),
    /// Nothing follows.
    Ended(Result<Vec<Outcome>>),
}

/// A file to read, and whom to tell.
type Job<'a> = (&'a Input, SyncSender<Said>);

/// As many threads as the machine runs at once.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Reads files with some threads. What they state is handed to `sink`, and bytes that were read to `progress`, on this thread and in the
/// order of the files; returns what became of each.
///
/// # Errors
/// The first, in the order of the files, of what [`read`] and `sink` answer; internal where a thread broke off.
pub(super) fn read_in_order(
    inputs: &[Input],
    reading: &Reading,
    threads: usize,
    sink: &mut Sink,
    progress: &dyn Fn(u64),
) -> Result<Vec<Vec<Outcome>>> {
    let threads = threads.clamp(1, inputs.len().max(1));
    let (give, jobs) = mpsc::channel();
    let jobs = Mutex::new(jobs);
    thread::scope(|scope| {
        let crew: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&jobs, reading))).collect();
        // What is given is dropped here, which ends the threads.
        let taken = take_all(inputs, give, threads * FILES, sink, progress);
        let ends = crew.into_iter().map(thread::ScopedJoinHandle::join);
        match ends.filter(thread::Result::is_err).count() {
            0 => taken,
            _ => Err(broke_off()),
        }
    })
}

fn broke_off() -> Error {
    Error::internal("a thread that reads exports broke off").hint("please report this with the command line")
}

/// Gives the files to the threads, so many ahead, and takes what they say of each in turn.
fn take_all<'a>(
    inputs: &'a [Input],
    give: mpsc::Sender<Job<'a>>,
    ahead: usize,
    sink: &mut Sink,
    progress: &dyn Fn(u64),
) -> Result<Vec<Vec<Outcome>>> {
    let mut outcomes = Vec::with_capacity(inputs.len());
    let mut waiting = inputs.iter();
    let mut under_way = VecDeque::new();
    loop {
        for input in waiting.by_ref().take(ahead - under_way.len()) {
            let (say, said) = mpsc::sync_channel(WAITING);
            give.send((input, say)).map_err(|_| broke_off())?;
            under_way.push_back(said);
        }
        let Some(said) = under_way.pop_front() else { return Ok(outcomes) };
        outcomes.push(take(&said, sink, progress)?);
    }
}

/// Takes all that is said of a file.
fn take(said: &Receiver<Said>, sink: &mut Sink, progress: &dyn Fn(u64)) -> Result<Vec<Outcome>> {
    loop {
        engine::go_on()?;
        match said.recv().map_err(|_| broke_off())? {
            Said::Bytes(bytes) => progress(bytes),
            Said::Rows(source, rows) => rows.into_iter().try_for_each(|row| sink(&source, row))?,
            Said::Ended(outcomes) => return outcomes,
        }
    }
}

/// Reads files until there are no more.
fn work(jobs: &Mutex<Receiver<Job>>, reading: &Reading) {
    loop {
        let job = jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
        let Ok((input, say)) = job else { return };
        Saying { say, rows: Vec::new(), source: None }.file(input, reading);
    }
}

/// What was read of a file and not said yet.
struct Saying {
    say: SyncSender<Said>,
    rows: Vec<Row>,
    source: Option<Arc<Source>>,
}

impl Saying {
    /// Reads the file and says all of it. Where nobody listens any more, it ends early.
    fn file(mut self, input: &Input, reading: &Reading) {
        let told = Told { say: self.say.clone(), bytes: Cell::new(0) };
        let read = read(&input.path, reading, &mut |source, row| self.row(source, row), &|bytes| told.add(bytes));
        let outcomes = read.and_then(|outcomes| self.hand_over().map(|()| outcomes));
        told.tell();
        let _ = self.say.send(Said::Ended(outcomes));
    }

    fn row(&mut self, source: &Source, row: Row) -> Result<()> {
        if self.source.as_deref() != Some(source) {
            self.hand_over()?;
            self.source = Some(Arc::new(source.clone()));
        }
        self.rows.push(row);
        if self.rows.len() < ROWS { Ok(()) } else { self.hand_over() }
    }

    fn hand_over(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        match &self.source {
            Some(source) if !rows.is_empty() => {
                self.say.send(Said::Rows(source.clone(), rows)).map_err(|_| Error::internal("nobody takes the rows"))
            }
            _ => Ok(()),
        }
    }
}

/// Bytes that were read and not told of yet.
struct Told {
    say: SyncSender<Said>,
    bytes: Cell<u64>,
}

impl Told {
    fn add(&self, bytes: u64) {
        self.bytes.set(self.bytes.get() + bytes);
        if self.bytes.get() >= BYTES {
            self.tell();
        }
    }

    /// Whoever does not listen needs not know.
    fn tell(&self) {
        let _ = self.say.send(Said::Bytes(self.bytes.take()));
    }
}
