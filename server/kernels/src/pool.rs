//! The threads that the kernels run on: the caller and its workers.
//!
//! A matrix product takes tens of microseconds, so a worker spins briefly for the next one before
//! it parks. While the user thinks, no thread spins and CPU use is 0 %.
//!
//! The caller does not wait for a worker that wakes late, because its core slept deeply or runs
//! another program. The other threads do that worker's share of the job, and the job is closed
//! ([`Epoch`]) so that the worker can no longer join it.
//!
//! Invariant: a call returns (or unwinds) only after every worker that joined its job has left it,
//! so a job may borrow from the caller's stack.

use std::any::Any;
use std::cell::UnsafeCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::isa::Isa;

/// How long a thread spins before it parks. Longer than the gap between two layers' products, far
/// shorter than a user can notice.
const SPIN_TIME: Duration = Duration::from_micros(40);

type Job<'a> = dyn Fn(usize) + Sync + 'a;

/// A fixed set of threads that run the kernels.
///
/// The calling thread is thread 0. Dropping the pool ends and joins the others.
pub struct Pool {
    shared: Arc<State>,
    workers: Vec<JoinHandle<()>>,
    /// Held while a job runs, so that jobs of several callers run one after another.
    running: Mutex<()>,
    isa: Isa,
}

struct State {
    /// The state of the current job: an [`Epoch`].
    epoch: AtomicU64,
    job: UnsafeCell<Option<&'static Job<'static>>>,
    stop: AtomicBool,
    /// Whether each worker is parked, or about to park.
    parked: Vec<AtomicBool>,
    /// The caller, while it is parked until the workers are done.
    parked_caller: Mutex<Option<Thread>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `job` is written only by the caller, while the epoch is closed and no worker runs it.
// Workers read it only after they have joined, and an epoch opens only after `job` is written.
unsafe impl Sync for State {}

/// The state of the current job in one atomic word: the number of workers that run it (10 bits), the
/// number that have joined (10), whether it is closed to further workers (1), and its number.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Epoch(u64);

/// Maximum number of workers that an [`Epoch`] can count.
const MAX_WORKERS: usize = 1000;

impl Epoch {
    const JOINED: u64 = 1 << 10;
    const CLOSED: u64 = 1 << 20;
    const NUMBER: u64 = 1 << 21;

    fn n_running(self) -> u64 {
        self.0 % Self::JOINED
    }

    fn n_joined(self) -> u64 {
        self.0 % Self::CLOSED / Self::JOINED
    }

    fn is_closed(self) -> bool {
        self.0 & Self::CLOSED != 0
    }

    fn number(self) -> u64 {
        self.0 / Self::NUMBER
    }

    /// Returns the open epoch of the next job.
    fn next(self) -> Self {
        Self(self.number().wrapping_add(1).wrapping_mul(Self::NUMBER))
    }

    /// Returns the epoch with one more worker that runs it.
    fn with_participant(self) -> Self {
        Self(self.0 + Self::JOINED + 1)
    }
}

/// Whether a job needs every thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Participation {
    /// Every thread calls the job once.
    All,
    /// Any thread that comes while there is work left calls the job.
    AsNeeded,
}

impl Pool {
    /// Starts a pool of `threads` threads (at least one) with the fastest kernels that the CPU
    /// supports.
    pub fn new(threads: usize) -> Self {
        Self::with_isa(threads, Isa::detect())
    }

    /// Starts a pool whose kernels use `isa`, or the next best instruction set that the CPU
    /// supports.
    pub fn with_isa(threads: usize, isa: Isa) -> Self {
        let n_workers = threads.saturating_sub(1).min(MAX_WORKERS);
        let shared = Arc::new(State {
            epoch: AtomicU64::new(Epoch::CLOSED),
            job: UnsafeCell::new(None),
            stop: AtomicBool::new(false),
            parked: (0..n_workers).map(|_| AtomicBool::new(false)).collect(),
            parked_caller: Mutex::new(None),
            panic: Mutex::new(None),
        });
        // If the system cannot start another thread, the pool is smaller.
        let workers = (0..n_workers)
            .map_while(|worker| {
                let shared = Arc::clone(&shared);
                thread::Builder::new()
                    .name(format!("lowkey-kernels-{}", worker + 1))
                    .spawn(move || shared.run_worker(worker))
                    .ok()
            })
            .collect();
        Self { shared, workers, running: Mutex::new(()), isa: isa.usable() }
    }

    /// Returns the number of threads, the caller's included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Returns the instruction set that the kernels use; this CPU supports it.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Calls `job` once per thread with the thread's index, and waits for all calls.
    ///
    /// A panic in any call reaches the caller after all calls have ended. Inside a job, the calls
    /// run one after another on the calling thread.
    pub fn run(&self, job: impl Fn(usize) + Sync) {
        self.start(Participation::All, job);
    }

    fn start(&self, participation: Participation, job: impl Fn(usize) + Sync) {
        let guard = self.running.try_lock();
        if self.workers.is_empty() || guard.is_err() {
            (0..self.threads()).for_each(job);
            return;
        }
        let job: &Job<'_> = &job;
        // SAFETY: only the lifetime changes; `wait_for_workers` returns when no worker is in the
        // job and none can join it, so no worker outlives the borrow.
        let job = unsafe { std::mem::transmute::<&Job<'_>, &'static Job<'static>>(job) };
        // SAFETY: `guard` is held, and the last `wait_for_workers` left the epoch closed
        // with no worker in it, so no worker reads `job` now.
        unsafe { *self.shared.job.get() = Some(job) };
        let epoch = self.shared.epoch();
        self.shared.epoch.store(epoch.next().0, Ordering::SeqCst);
        for (worker, parked) in self.workers.iter().zip(&self.shared.parked) {
            if parked.load(Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        let n_needed =
            if participation == Participation::All { self.workers.len() as u64 } else { 0 };
        self.shared.wait_for_workers(n_needed);
        drop(guard);
        if let Err(panic) = own {
            resume_unwind(panic);
        }
        let panic = self.shared.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Splits `0..n_items` into runs of `grain` items; each run goes to the next free thread.
    pub fn split(&self, n_items: usize, grain: usize, job: impl Fn(Range<usize>) + Sync) {
        self.split_runs(n_items, grain, |_| grain, job);
    }

    /// As [`split`](Self::split), but the runs begin long and shrink to `grain`, so that all
    /// threads end at about the same time even on a busy machine.
    pub fn split_guided(&self, n_items: usize, grain: usize, job: impl Fn(Range<usize>) + Sync) {
        let n_shares = 2 * self.threads();
        let share = |left: usize| left / n_shares / grain.max(1) * grain;
        self.split_runs(n_items, grain, share, job);
    }

    /// Splits `0..n_items` into runs of `run(items left)` items, at least `grain` each.
    fn split_runs(
        &self,
        n_items: usize,
        grain: usize,
        run: impl Fn(usize) -> usize + Sync,
        job: impl Fn(Range<usize>) + Sync,
    ) {
        let grain = grain.max(1);
        if self.threads() == 1 || n_items <= grain {
            if n_items > 0 {
                job(0..n_items);
            }
            return;
        }
        let end_of = |start: usize| (start + run(n_items - start).max(grain)).min(n_items);
        let next = AtomicUsize::new(0);
        self.start(Participation::AsNeeded, |_| {
            let order = Ordering::Relaxed;
            let participation = |start: usize| (start < n_items).then(|| end_of(start));
            while let Ok(start) = next.fetch_update(order, order, participation) {
                job(start..end_of(start));
            }
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches the panics of its jobs, so the result holds no information.
            let _ = worker.join();
        }
    }
}

impl State {
    fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    /// Takes part in one job after another until the pool stops.
    fn run_worker(&self, worker: usize) {
        let mut last_number = 0;
        while self.wait_for_job(worker, last_number) {
            let epoch = self.join();
            last_number = epoch.number();
            if epoch.is_closed() {
                continue;
            }
            // SAFETY: this worker has joined, so the caller has written `job` and does not touch it
            // until the worker has left.
            let job = unsafe { *self.job.get() };
            if let Some(job) = job
                && let Err(panic) = catch_unwind(AssertUnwindSafe(|| job(worker + 1)))
            {
                *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
            }
            if Epoch(self.epoch.fetch_sub(1, Ordering::SeqCst)).n_running() == 1 {
                let parked_caller =
                    self.parked_caller.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(caller) = parked_caller.as_ref() {
                    caller.unpark();
                }
            }
        }
    }

    /// Joins the current job unless it is closed. Returns the epoch as it was before.
    fn join(&self) -> Epoch {
        let order = Ordering::SeqCst;
        let join = |epoch| (!Epoch(epoch).is_closed()).then(|| Epoch(epoch).with_participant().0);
        match self.epoch.fetch_update(order, order, join) {
            Ok(epoch) | Err(epoch) => Epoch(epoch),
        }
    }

    /// Waits for a job with a number other than `last_number`. Returns false when the pool stops.
    fn wait_for_job(&self, worker: usize, last_number: u64) -> bool {
        let is_ready = || self.epoch().number() != last_number || self.stop.load(Ordering::SeqCst);
        if !spin_until(is_ready) {
            // Either the caller sees `parked` and unparks this thread, or this thread sees the new
            // epoch here: both accesses are sequentially consistent.
            let parked = self.parked.get(worker);
            parked.inspect(|parked| parked.store(true, Ordering::SeqCst));
            while !is_ready() {
                thread::park();
            }
            parked.inspect(|parked| parked.store(false, Ordering::SeqCst));
        }
        !self.stop.load(Ordering::SeqCst)
    }

    /// Waits until `n_needed` workers have joined and all workers have left; the epoch is closed
    /// afterwards.
    fn wait_for_workers(&self, n_needed: u64) {
        if n_needed == 0 {
            self.epoch.fetch_or(Epoch::CLOSED, Ordering::SeqCst);
        }
        let done = || {
            let epoch = self.epoch();
            epoch.n_joined() >= n_needed && epoch.n_running() == 0
        };
        if !spin_until(done) {
            // The last worker to leave reads `parked_caller` after it has left: either it finds this
            // thread there, or `done` already holds.
            *self.parked_caller.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(thread::current());
            while !done() {
                thread::park();
            }
            *self.parked_caller.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.epoch.fetch_or(Epoch::CLOSED, Ordering::SeqCst);
    }
}

/// Spins until `condition` holds. Returns false if it does not hold within [`SPIN_TIME`].
fn spin_until(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..64 {
            if condition() {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() > SPIN_TIME {
            return condition();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
