//! Tasks done side by side, on as many threads as there are cores: what they return is summed, what they tell is passed on.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::Advance;

/// More threads would need more memory than they save time.
const MOST_THREADS: usize = 8;

/// What a thread tells.
enum Event<Sum> {
    Advanced(u64),
    Finished(io::Result<Sum>),
}

/// Performs every task, in order as far as there are threads, until one fails. `progress` is told, on this thread, how much is done in all.
pub(super) fn perform<Task: Copy + Sync, Sum: Copy + Default + Send>(
    tasks: &[Task],
    one: impl Fn(Task, Advance) -> io::Result<Sum> + Sync,
    add: impl Fn(Sum, Sum) -> Sum,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Sum> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get()).min(MOST_THREADS);
    thread::scope(|scope| {
        let (sender, events) = channel();
        for _ in 0..threads {
            let (sender, next, one) = (sender.clone(), &next, &one);
            scope.spawn(move || work(tasks, next, one, &sender));
        }
        drop(sender);
        gather(events, add, progress)
    })
}

/// Takes tasks until none is left or one fails here or elsewhere.
fn work<Task: Copy, Sum>(
    tasks: &[Task],
    next: &AtomicUsize,
    one: &impl Fn(Task, Advance) -> io::Result<Sum>,
    sender: &Sender<Event<Sum>>,
) {
    let advance = |units| sender.send(Event::Advanced(units)).map_err(|_| io::Error::other("stopped"));
    while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
        if sender.send(Event::Finished(one(*task, &advance))).is_err() {
            return;
        }
    }
}

/// Sums up what is told. Once it returns early, nobody listens, and the threads stop at their next word.
fn gather<Sum: Copy + Default>(
    events: Receiver<Event<Sum>>,
    add: impl Fn(Sum, Sum) -> Sum,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Sum> {
    let (mut done, mut sum) = (0, Sum::default());
    for event in events {
        match event {
            Event::Advanced(units) => done += units,
            Event::Finished(more) => sum = add(sum, more?),
        }
        progress(done);
    }
    Ok(sum)
}
