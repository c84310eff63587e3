//! The threads that transfers run on: one a processor, each with a runtime of its own, so that a
//! transfer stays where it began. Between a packet and its answer no other thread is woken, and none
//! looks whether there is work to take over.
//!
//! Requests are taken by the doors, on the runtime of the caller; a transfer goes to the thread that has the
//! fewest.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// More threads than this carry more than any wire.
const MOST: usize = 8;

/// The threads. Dropping them ends what runs on them.
pub(super) struct Workers {
    first: Worker,
    others: Vec<Worker>,
}

struct Worker {
    handle: Handle,
    /// Its places that are taken hold it too.
    taken: Arc<()>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A transfer's place on a thread; dropping it gives it back.
pub(super) struct Place {
    handle: Handle,
    _taken: Arc<()>,
}

impl Place {
    /// The runtime of its thread.
    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Workers {
    /// One thread a processor, in the network namespace of the caller.
    ///
    /// # Errors
    /// The system gives no thread, or no descriptors for its runtime.
    pub(super) fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        Self::of(count.min(MOST))
    }

    fn of(count: usize) -> io::Result<Self> {
        let others = (1..count).map(|_| Worker::start());
        Ok(Self {
            first: Worker::start()?,
            others: others.collect::<io::Result<_>>()?,
        })
    }

    /// A place on the thread with the fewest transfers.
    pub(super) fn place(&self) -> Place {
        let least = self
            .others
            .iter()
            .fold(&self.first, |least: &Worker, worker| {
                if worker.transfers() < least.transfers() {
                    worker
                } else {
                    least
                }
            });
        Place {
            handle: least.handle.clone(),
            _taken: Arc::clone(&least.taken),
        }
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let handle = runtime.handle().clone();
        let thread = thread::Builder::new().name("tftp".to_owned());
        Ok(Self {
            handle,
            taken: Arc::new(()),
            stop: Some(stop),
            thread: Some(thread.spawn(move || run(runtime, stopped))?),
        })
    }
}

impl Worker {
    fn transfers(&self) -> usize {
        Arc::strong_count(&self.taken) - 1
    }
}

/// Runs what is placed here until it is to stop; a disk that hangs is not waited for.
fn run(runtime: Runtime, stopped: oneshot::Receiver<()>) {
    let _ = runtime.block_on(stopped);
    runtime.shutdown_background();
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic of a task is not one of the thread
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(workers: &Workers) -> Vec<usize> {
        let all = std::iter::once(&workers.first).chain(&workers.others);
        all.map(Worker::transfers).collect()
    }

    #[test]
    fn each_transfer_goes_where_the_fewest_are() {
        let workers = Workers::of(3).unwrap();
        let mut places: Vec<Place> = (0..6).map(|_| workers.place()).collect();
        assert_eq!(taken(&workers), [2, 2, 2]);
        places.remove(1); // of the second
        assert_eq!(taken(&workers), [2, 1, 2]);
        places.push(workers.place());
        assert_eq!(taken(&workers), [2, 2, 2]);
    }

    #[test]
    fn what_is_placed_stays_on_its_thread_and_ends_with_it() {
        let workers = Workers::of(2).unwrap();
        let places = [workers.place(), workers.place()];
        let (said, heard) = std::sync::mpsc::channel();
        for place in &places {
            let said = said.clone();
            place.handle().spawn(async move {
                let before = thread::current().id();
                tokio::task::yield_now().await;
                let _ = said.send(before == thread::current().id());
                std::future::pending::<()>().await;
            });
        }
        drop(said);
        assert!(heard.recv().unwrap() && heard.recv().unwrap());
        drop(workers);
        assert!(heard.recv().is_err(), "nobody is left who could say more");
    }
}
