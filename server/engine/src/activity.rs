//! The activity of an engine, for engines at low priority on the same machine.
//!
//! Two models that compute at the same time halve each other's speed. So the engine that answers
//! keys counts its jobs here, and an engine at low priority waits before each job and between the
//! layers of each forward pass until the count is zero. A job that waits loses nothing: it goes on
//! where it stopped. On Linux its threads also have a lower priority, so that the waiting begins
//! when the first engine needs the core.
//!
//! Invariants: the first engine never waits for another one; a waiting job that is cancelled ends.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a waiting job checks whether it is cancelled.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// What an engine does at present.
#[derive(Debug, Default)]
pub struct Activity {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Jobs that wait or run, and background prefills that run.
    n_jobs: usize,
    /// The end of the quiet time after the last key.
    quiet_until: Option<Instant>,
}

/// A job, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct CountedJob(Arc<Activity>);

impl Activity {
    /// Keeps engines at low priority waiting for `quiet` from now: the user types.
    pub fn typed(&self, quiet: Duration) {
        self.lock().quiet_until = Instant::now().checked_add(quiet);
    }

    /// Whether no job waits or runs, and the user does not type.
    pub fn is_at_rest(&self) -> bool {
        self.lock().time_to_rest() == Some(Duration::ZERO)
    }

    /// Counts a job.
    pub(crate) fn begin(self: &Arc<Self>) -> CountedJob {
        self.lock().n_jobs += 1;
        CountedJob(Arc::clone(self))
    }

    /// Waits until the engine is at rest or `is_cancelled` returns true; returns whether it waited.
    pub(crate) fn wait_for_rest(&self, is_cancelled: &dyn Fn() -> bool) -> bool {
        let mut state = self.lock();
        let mut has_waited = false;
        loop {
            let time = match state.time_to_rest() {
                Some(Duration::ZERO) => return has_waited,
                Some(time) => time.min(CHECK_INTERVAL),
                None => CHECK_INTERVAL,
            };
            if is_cancelled() {
                return has_waited;
            }
            has_waited = true;
            let waited = self.changed.wait_timeout(state, time);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the time until the engine may be at rest; `None` while a job waits or runs.
    fn time_to_rest(&self) -> Option<Duration> {
        let quiet = self.quiet_until.map(|at| at.saturating_duration_since(Instant::now()));
        (self.n_jobs == 0).then_some(quiet.unwrap_or_default())
    }
}

impl Drop for CountedJob {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.n_jobs = state.n_jobs.saturating_sub(1);
        drop(state);
        self.0.changed.notify_all();
    }
}

/// The turn of an engine at low priority.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// The engine that goes first; `None` for that engine itself.
    first: Option<Arc<Activity>>,
    /// Whether the present job has waited, so that its times do not show the machine's speed.
    pub(crate) has_waited: bool,
}

impl Turn {
    pub(crate) fn after(first: Option<Arc<Activity>>) -> Self {
        Self { first, has_waited: false }
    }

    /// Waits until the first engine is at rest or `is_cancelled` returns true; returns whether it
    /// waited.
    pub(crate) fn wait(&self, is_cancelled: &dyn Fn() -> bool) -> bool {
        self.first.as_ref().is_some_and(|first| first.wait_for_rest(is_cancelled))
    }
}

/// Lowers the priority of the calling thread and of those that it starts, where the system has
/// priorities of threads.
pub(crate) fn lower_thread_priority() {
    #[cfg(target_os = "linux")]
    {
        /// The weight of such a thread is about a tenth of that of the others.
        const NICENESS: i32 = 10;
        // On Linux this concerns the calling thread only.
        if let Err(error) = rustix::process::nice(NICENESS) {
            tracing::debug!(%error, "the second model's threads keep their priority");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Longer than a test can take.
    const ENDLESS: Duration = Duration::from_hours(1);

    #[test]
    fn rest_is_without_jobs_and_keys() {
        let activity = Arc::<Activity>::default();
        assert!(activity.is_at_rest() && !activity.wait_for_rest(&|| false));
        let (one, other) = (activity.begin(), activity.begin());
        drop(one);
        assert!(!activity.is_at_rest(), "a job is left");
        drop(other);
        assert!(activity.is_at_rest());
        activity.typed(ENDLESS);
        assert!(!activity.is_at_rest());
        activity.typed(Duration::ZERO);
        assert!(activity.is_at_rest());
    }

    #[test]
    fn cancelled_job_does_not_wait() {
        let activity = Arc::<Activity>::default();
        let _job = activity.begin();
        assert!(!activity.wait_for_rest(&|| true));
        let n_checks = AtomicUsize::new(0);
        assert!(activity.wait_for_rest(&|| n_checks.fetch_add(1, Ordering::Relaxed) == 3));
    }

    #[test]
    fn waiting_job_goes_on_at_the_end_of_the_first_ones() {
        let activity = Arc::<Activity>::default();
        let job = activity.begin();
        let turn = Turn::after(Some(Arc::clone(&activity)));
        let (waits, is_waiting) = std::sync::mpsc::channel();
        let waiter = std::thread::spawn(move || {
            turn.wait(&|| {
                let _ = waits.send(());
                false
            })
        });
        is_waiting.recv().unwrap();
        drop(job);
        assert!(waiter.join().unwrap());
        assert!(!Turn::default().wait(&|| false), "the first engine waits for none");
    }
}
