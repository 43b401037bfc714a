//! The threads that the kernels run on: the caller and its workers.
//!
//! A matrix product takes tens of microseconds, so a worker spins briefly for the next one before
//! it parks. While the user thinks, no thread spins and CPU use is 0 %.
//!
//! The caller does not wait for a worker that wakes late, because its core slept deeply or runs
//! another program. The other threads do that worker's share of the job, and the job is closed
//! ([`Door`]) so that the worker can no longer enter it.
//!
//! Invariant: a call returns (or unwinds) only after every worker that entered its job has left it,
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
const SPIN: Duration = Duration::from_micros(40);

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
    /// The state of the current job: a [`Door`].
    door: AtomicU64,
    job: UnsafeCell<Option<&'static Job<'static>>>,
    stop: AtomicBool,
    /// Whether each worker is parked, or about to park.
    parked: Vec<AtomicBool>,
    /// The caller, while it is parked until the workers are done.
    waiting: Mutex<Option<Thread>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `job` is written only by the caller, while the door is shut and no worker is inside.
// Workers read it only after they have entered, and the door opens only after `job` is written.
unsafe impl Sync for State {}

/// The state of the current job in one atomic word: the number of workers inside (10 bits), the
/// number that have entered (10), whether the job is closed to further workers (1), and the job's
/// number.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Door(u64);

/// Maximum number of workers that a [`Door`] can count.
const MOST_WORKERS: usize = 1000;

impl Door {
    const ENTERED: u64 = 1 << 10;
    const SHUT: u64 = 1 << 20;
    const NUMBER: u64 = 1 << 21;

    fn inside(self) -> u64 {
        self.0 % Self::ENTERED
    }

    fn entered(self) -> u64 {
        self.0 % Self::SHUT / Self::ENTERED
    }

    fn is_shut(self) -> bool {
        self.0 & Self::SHUT != 0
    }

    fn number(self) -> u64 {
        self.0 / Self::NUMBER
    }

    /// Returns the open door of the next job.
    fn next(self) -> Self {
        Self(self.number().wrapping_add(1).wrapping_mul(Self::NUMBER))
    }

    /// Returns the door with one more worker inside.
    fn with_one_more(self) -> Self {
        Self(self.0 + Self::ENTERED + 1)
    }
}

/// Whether a job needs every thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Take {
    /// Every thread calls the job once.
    All,
    /// Any thread that comes while there is work left calls the job.
    Any,
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
        let wanted = threads.saturating_sub(1).min(MOST_WORKERS);
        let shared = Arc::new(State {
            door: AtomicU64::new(Door::SHUT),
            job: UnsafeCell::new(None),
            stop: AtomicBool::new(false),
            parked: (0..wanted).map(|_| AtomicBool::new(false)).collect(),
            waiting: Mutex::new(None),
            panic: Mutex::new(None),
        });
        // If the system cannot start another thread, the pool is smaller.
        let workers = (0..wanted)
            .map_while(|worker| {
                let shared = Arc::clone(&shared);
                thread::Builder::new()
                    .name(format!("lowkey-kernels-{}", worker + 1))
                    .spawn(move || shared.work(worker))
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
        self.start(Take::All, job);
    }

    fn start(&self, take: Take, job: impl Fn(usize) + Sync) {
        let turn = self.running.try_lock();
        if self.workers.is_empty() || turn.is_err() {
            (0..self.threads()).for_each(job);
            return;
        }
        let job: &Job<'_> = &job;
        // SAFETY: only the lifetime changes; `finish` returns when no worker is in the job and none
        // can enter it, so no worker outlives the borrow.
        let job = unsafe { std::mem::transmute::<&Job<'_>, &'static Job<'static>>(job) };
        // SAFETY: `turn` is held, and the last `finish` left the door shut with no worker inside,
        // so no worker reads `job` now.
        unsafe { *self.shared.job.get() = Some(job) };
        let door = self.shared.door();
        self.shared.door.store(door.next().0, Ordering::SeqCst);
        for (worker, parked) in self.workers.iter().zip(&self.shared.parked) {
            if parked.load(Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        let n_needed = if take == Take::All { self.workers.len() as u64 } else { 0 };
        self.shared.finish(n_needed);
        drop(turn);
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
    pub fn split_tapering(&self, n_items: usize, grain: usize, job: impl Fn(Range<usize>) + Sync) {
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
        self.start(Take::Any, |_| {
            let order = Ordering::Relaxed;
            let take = |start: usize| (start < n_items).then(|| end_of(start));
            while let Ok(start) = next.fetch_update(order, order, take) {
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
    fn door(&self) -> Door {
        Door(self.door.load(Ordering::SeqCst))
    }

    /// Takes part in one job after another until the pool stops.
    fn work(&self, worker: usize) {
        let mut seen = 0;
        while self.wait_for_job(worker, seen) {
            let door = self.enter();
            seen = door.number();
            if door.is_shut() {
                continue;
            }
            // SAFETY: this worker is inside, so the caller has written `job` and does not touch it
            // until the worker has left.
            let job = unsafe { *self.job.get() };
            if let Some(job) = job
                && let Err(panic) = catch_unwind(AssertUnwindSafe(|| job(worker + 1)))
            {
                *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
            }
            if Door(self.door.fetch_sub(1, Ordering::SeqCst)).inside() == 1 {
                let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(caller) = waiting.as_ref() {
                    caller.unpark();
                }
            }
        }
    }

    /// Enters the current job unless its door is shut. Returns the door as it was before.
    fn enter(&self) -> Door {
        let order = Ordering::SeqCst;
        let enter = |door| (!Door(door).is_shut()).then(|| Door(door).with_one_more().0);
        match self.door.fetch_update(order, order, enter) {
            Ok(door) | Err(door) => Door(door),
        }
    }

    /// Waits for a job with a number other than `seen`. Returns false when the pool stops.
    fn wait_for_job(&self, worker: usize, seen: u64) -> bool {
        let there = || self.door().number() != seen || self.stop.load(Ordering::SeqCst);
        if !spin_until(there) {
            // Either the caller sees `parked` and unparks this thread, or this thread sees the new
            // door here: both accesses are sequentially consistent.
            let parked = self.parked.get(worker);
            parked.inspect(|parked| parked.store(true, Ordering::SeqCst));
            while !there() {
                thread::park();
            }
            parked.inspect(|parked| parked.store(false, Ordering::SeqCst));
        }
        !self.stop.load(Ordering::SeqCst)
    }

    /// Waits until `n_needed` workers have entered and all workers have left; the door is shut
    /// afterwards.
    fn finish(&self, n_needed: u64) {
        if n_needed == 0 {
            self.door.fetch_or(Door::SHUT, Ordering::SeqCst);
        }
        let done = || {
            let door = self.door();
            door.entered() >= n_needed && door.inside() == 0
        };
        if !spin_until(done) {
            // The last worker to leave reads `waiting` after it has left: either it finds this
            // thread there, or `done` already holds.
            *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
            while !done() {
                thread::park();
            }
            *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.door.fetch_or(Door::SHUT, Ordering::SeqCst);
    }
}

/// Spins until `condition` holds. Returns false if it does not hold within [`SPIN`].
fn spin_until(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..64 {
            if condition() {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() > SPIN {
            return condition();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn run_calls_every_thread_once() {
        for threads in [1, 2, 3, 5] {
            let pool = Pool::new(threads);
            for _ in 0..if cfg!(miri) { 3 } else { 200 } {
                let calls: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
                pool.run(|thread| {
                    calls[thread].fetch_add(1, Ordering::Relaxed);
                });
                assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn shut_door_admits_no_worker() {
        let pool = Pool::new(1);
        let shut = pool.shared.door();
        assert!(pool.shared.enter() == shut && pool.shared.door() == shut);
        pool.shared.door.store(shut.next().0, Ordering::SeqCst);
        assert!(!pool.shared.enter().is_shut() && !pool.shared.enter().is_shut());
        let door = pool.shared.door();
        assert_eq!((door.inside(), door.entered(), door.number()), (2, 2, shut.number() + 1));
        // One worker leaves, and the caller has no work left.
        pool.shared.door.fetch_sub(1, Ordering::SeqCst);
        pool.shared.door.fetch_or(Door::SHUT, Ordering::SeqCst);
        assert!(pool.shared.enter().is_shut(), "too late");
        let door = pool.shared.door();
        assert_eq!((door.inside(), door.entered(), door.is_shut()), (1, 2, true));
        assert!(door.next().number() == door.number() + 1 && !door.next().is_shut());
    }

    #[test]
    fn split_covers_every_item_once() {
        let pool = Pool::new(3);
        for (n_items, grain) in [(0, 4), (1, 4), (17, 4), (100, 1), (5, 0), (1000, 7)] {
            let seen: Vec<AtomicUsize> = (0..n_items).map(|_| AtomicUsize::new(0)).collect();
            let see = |items: Range<usize>| {
                for item in items {
                    seen[item].fetch_add(1, Ordering::Relaxed);
                }
            };
            pool.split(n_items, grain, see);
            pool.split_tapering(n_items, grain, see);
            assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 2));
        }
    }

    #[test]
    fn panic_reaches_caller_and_pool_survives() {
        let pool = Pool::new(3);
        for victim in 0..3 {
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool.run(|thread| {
                    if thread == victim {
                        resume_unwind(Box::new("broken job"));
                    }
                });
            }));
            assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"broken job"));
        }
        let calls = AtomicUsize::new(0);
        pool.run(|_| {
            calls.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn nested_job_runs_in_place() {
        let pool = Pool::new(2);
        let calls = AtomicUsize::new(0);
        pool.run(|_| {
            pool.run(|_| {
                calls.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(calls.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn concurrent_callers_do_not_mix_jobs() {
        let pool = Pool::new(2);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
                        let calls = AtomicUsize::new(0);
                        pool.run(|_| {
                            calls.fetch_add(1, Ordering::Relaxed);
                        });
                        assert_eq!(calls.load(Ordering::Relaxed), 2);
                    }
                });
            }
        });
    }
}
