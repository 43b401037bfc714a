//! The worker thread: loads the model, then serves the queue until the queue is closed.
//!
//! Loading happens on the same thread, so requests that arrive during it wait in the queue. Their
//! owner decides whether they are still wanted afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use lowkey_model::{CausalLm, LogitsMode};
use lowkey_prompt::{Healing, Placement};
use tokio::sync::watch;

use crate::acceptance::BatchCosts;
use crate::activity::{Activity, Turn, lower_thread_priority};
use crate::background_prefill::PrefillProgress;
use crate::generate::{Generator, ms_since};
use crate::job::{Generated, Job, Stop};
use crate::judge::{JudgeSession, JudgementJob, QueuedJudgement};
use crate::load::{LoadError, Loaded};
use crate::non_empty::NonEmptyMask;
use crate::persist::{
    Identity, MIN_UNSAVED_TOKENS, PersistOptions, SHUTDOWN_SAVE_TIMEOUT, SaveSchedule,
    SessionStore, StoredSpeed, packed,
};
use crate::queue::{Popped, Queue, Queued};
use crate::session::SessionPool;
use crate::speculate::Speculation;
use crate::ticket::Ticket;

/// Tokens per second of this model on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Speed {
    /// Prompt tokens per second, in chunks of 128.
    pub prefill: f64,
    /// Decoded tokens per second.
    pub decode: f64,
}

/// The engine's status.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Reading and packing weights, with the share done, 0 to 1.
    Loading(f32),
    Ready {
        /// The name of the model.
        model: String,
        /// Measured at load, or read from disk.
        speed: Speed,
        /// Whether the speed was read from disk.
        speed_was_stored: bool,
        /// Size of one token in a KV cache, in bytes.
        cache_bytes_per_token: usize,
        /// The context length that the model was trained for, in tokens.
        context_length: usize,
        /// The prompt format, in words.
        infill: String,
        /// The place of text from other files; `None` if it was not measured that such text helps
        /// the model.
        cross_file: Option<Placement>,
    },
    /// No model is loaded; the reason.
    Failed(LoadError),
}

/// How an engine runs.
#[derive(Debug, Default)]
pub struct EngineOptions {
    /// Maximum bytes of KV cache in memory between jobs.
    pub session_bytes: usize,
    /// Where to keep sessions and speed; `None` keeps nothing on disk.
    pub persist: Option<PersistOptions>,
    /// The engine that goes first: this one computes at low priority, and only while that one is
    /// at rest.
    pub after: Option<Arc<Activity>>,
}

/// The handle of the worker thread. Dropping it ends the thread.
///
/// `R` is the caller's type for why a stop rule ends a decoding (see [`Job`]).
pub struct Engine<R = &'static str> {
    queue: Arc<Queue<R>>,
    is_closing: Arc<AtomicBool>,
    status: watch::Receiver<Status>,
    prefill_progress: Arc<PrefillProgress>,
    activity: Arc<Activity>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl<R: Copy + Send + 'static> Engine<R> {
    /// Starts the worker. The worker first calls `load` with a callback for its progress, 0 to 1.
    ///
    /// At most `session_bytes` of KV cache stay in memory between jobs. Nothing is kept on disk.
    pub fn start<L>(session_bytes: usize, load: L) -> std::io::Result<Self>
    where
        L: FnOnce(&mut dyn FnMut(f32)) -> Result<Loaded, LoadError> + Send + 'static,
    {
        Self::start_with_options(EngineOptions { session_bytes, ..EngineOptions::default() }, load)
    }

    /// Starts the worker like [`start`](Self::start), with options.
    pub fn start_with_options<L>(options: EngineOptions, load: L) -> std::io::Result<Self>
    where
        L: FnOnce(&mut dyn FnMut(f32)) -> Result<Loaded, LoadError> + Send + 'static,
    {
        let EngineOptions { session_bytes, persist, after } = options;
        let activity = Arc::<Activity>::default();
        let queue = Arc::<Queue<R>>::default();
        let (to_status, status) = watch::channel(Status::Loading(0.0));
        let prefill_progress = Arc::<PrefillProgress>::default();
        let worker = std::thread::Builder::new().name("lowkey-engine".into()).spawn({
            let queue = Arc::clone(&queue);
            let prefill_progress = Arc::clone(&prefill_progress);
            let activity = Arc::clone(&activity);
            move || {
                if after.is_some() {
                    lower_thread_priority();
                }
                let set = |new: Status| {
                    to_status.send_replace(new);
                };
                match load(&mut |share| set(Status::Loading(share))) {
                    Ok(loaded) => {
                        serve(
                            loaded,
                            session_bytes,
                            persist.as_ref(),
                            (&queue, prefill_progress),
                            (&activity, Turn::after(after)),
                            &set,
                        );
                    }
                    Err(reason) => {
                        set(Status::Failed(reason));
                        loop {
                            match queue.pop(None) {
                                Popped::Job(queued) => finish(*queued, Stop::Failed),
                                Popped::Judgement(queued) => (queued.judgement.done)(None),
                                Popped::TimedOut | Popped::Closed => break,
                            }
                        }
                    }
                }
            }
        })?;
        let is_closing = Arc::default();
        let worker = Mutex::new(Some(worker));
        Ok(Self { queue, is_closing, status, prefill_progress, activity, worker })
    }
}

impl<R> Engine<R> {
    /// Subscribes to the status, starting with the present one; the channel closes when the worker
    /// ends.
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Returns the engine's activity, for engines at low priority.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Whether a whole prompt waits to be computed because a job used its small prompt.
    pub fn is_prefilling(&self) -> bool {
        self.prefill_progress.is_pending.load(Ordering::Acquire)
    }

    /// Returns the number of tokens of whole prompts that were computed in idle time.
    pub fn n_background_prefilled(&self) -> u64 {
        self.prefill_progress.n_tokens.load(Ordering::Relaxed)
    }

    /// Submits a job, which runs until it ends or its ticket is cancelled or dropped.
    pub fn submit(&self, job: Job<R>) -> Ticket {
        let (ticket, cancellation) = Ticket::new(&self.is_closing);
        let counted = self.activity.begin();
        if let Err(refused) = self.queue.push(Queued { job, cancellation, counted }) {
            finish(*refused, Stop::Cancelled);
        }
        ticket
    }

    /// Submits texts to judge. It runs when no job waits, until it ends or its ticket is cancelled or
    /// dropped.
    pub fn judge(&self, judgement: JudgementJob) -> Ticket {
        let (ticket, cancellation) = Ticket::new(&self.is_closing);
        let queued = QueuedJudgement { judgement, cancellation };
        if let Err(refused) = self.queue.push_judgement(queued) {
            (refused.judgement.done)(None);
        }
        ticket
    }

    /// Finishes waiting jobs as cancelled and ends the worker; a running job stops at its next
    /// token.
    ///
    /// Returns after the worker has saved its sessions.
    pub fn shutdown(&self) {
        let (jobs, judgements) = self.queue.close();
        for queued in jobs {
            finish(queued, Stop::Cancelled);
        }
        for queued in judgements {
            (queued.judgement.done)(None);
        }
        self.is_closing.store(true, Ordering::Release);
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && worker.join().is_err()
        {
            tracing::error!("the engine thread panicked");
        }
    }
}

impl<R> Drop for Engine<R> {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn finish<R>(queued: Queued<R>, stop: Stop<R>) {
    let mut result = Generated { stop, ..Generated::default() };
    result.ms.queued = ms_since(queued.job.requested_at);
    result.ms.total = result.ms.queued;
    (queued.job.done)(result);
}

fn serve<R: Copy>(
    loaded: Loaded,
    session_bytes: usize,
    persist: Option<&PersistOptions>,
    (queue, prefill_progress): (&Queue<R>, Arc<PrefillProgress>),
    (activity, turn): (&Arc<Activity>, Turn),
    set: &dyn Fn(Status),
) {
    let Loaded { name, digest, mut model, assembler, speculates, unsaved } = loaded;
    let mut stored_speed = StoredSpeed::read(persist, &digest);
    let speed_was_stored = stored_speed.stored().is_some();
    let speed = stored_speed.stored().unwrap_or_else(|| {
        let speed = measure(&mut *model);
        stored_speed.measured(speed);
        speed
    });
    let session_store = persist.and_then(|persist| {
        let identity = Identity::new(&digest, model.config());
        SessionStore::open(persist, identity, &*model)
    });
    let config = model.config();
    set(Status::Ready {
        model: name,
        speed,
        speed_was_stored,
        cache_bytes_per_token: model.cache_bytes_per_token(),
        context_length: config.context_length,
        infill: assembler.format().name(),
        cross_file: assembler.format().cross_file(),
    });
    let is_busy = Arc::new(AtomicBool::new(false));
    let saved = persist.zip(unsaved);
    // The end of this function drops it, and that ends the thread.
    let _saving_thread = saved.and_then(|(persist, weights)| {
        packed::save_in_background(persist, weights, Arc::clone(&is_busy))
    });
    let healing =
        (!assembler.format().fragmented_middle()).then(|| Healing::new(assembler.tokenizer()));
    let speculation = speculates.then(|| {
        let costs = BatchCosts::for_decode_bytes(model.token_cost().decode_bytes);
        Speculation::new(Arc::clone(assembler.tokenizer()), costs)
    });
    let non_empty = NonEmptyMask::new(assembler.tokenizer());
    let mut generator = Generator {
        model,
        assembler,
        pool: SessionPool::new(session_bytes).with_session_store(session_store),
        speed: stored_speed,
        healing,
        non_empty,
        speculation,
        pending_prefill: None,
        prefill_progress,
        judge_session: JudgeSession::default(),
        logits: Vec::new(),
        turn,
    };
    let mut schedule = persist.filter(|persist| persist.writes).map(SaveSchedule::new);
    loop {
        is_busy.store(true, Ordering::Release);
        let counted = generator.pending_prefill.is_some().then(|| activity.begin());
        generator.prefill_in_background(&|| queue.has_interactive_job());
        drop(counted);
        is_busy.store(false, Ordering::Release);
        match queue.pop(schedule.as_ref().and_then(SaveSchedule::time_until_save)) {
            Popped::Job(queued) => {
                is_busy.store(true, Ordering::Release);
                generator.pool.persists = queued.job.persists;
                generator.run(*queued, &|| queue.has_interactive_job());
                if let Some(schedule) = &mut schedule {
                    schedule.mark_dirty();
                }
            }
            Popped::Judgement(queued) => {
                is_busy.store(true, Ordering::Release);
                let counted = activity.begin();
                let waits = generator.judge(*queued, &|| queue.has_interactive_job());
                drop(counted);
                if let Some(Err(refused)) = waits.map(|queued| queue.push_judgement(queued)) {
                    (refused.judgement.done)(None);
                }
            }
            Popped::TimedOut => {
                generator.speed.save();
                let interrupted = || queue.has_interactive_job();
                let n_saved = generator.pool.save(MIN_UNSAVED_TOKENS, &interrupted);
                if let Some(schedule) = &mut schedule {
                    schedule.mark_saved(n_saved);
                }
            }
            Popped::Closed => break,
        }
    }
    if schedule.is_some() {
        generator.speed.save();
        let begun = Instant::now();
        generator.pool.save(1, &|| begun.elapsed() > SHUTDOWN_SAVE_TIMEOUT);
    }
}

/// Measures a short prefill and a few single tokens on a temporary cache.
fn measure(model: &mut dyn CausalLm) -> Speed {
    const N_PREFILL: usize = 128;
    const N_DECODE: usize = 4;
    let n_prefill = N_PREFILL.min(model.config().context_length / 2);
    let mut cache = model.new_cache(n_prefill + N_DECODE);
    let mut logits = Vec::new();
    // The time does not depend on which tokens these are.
    let tokens = vec![0; n_prefill];
    let mut timed = |tokens: &[u32], mode| {
        let start = Instant::now();
        let done = model.forward(tokens, &mut cache, mode, &mut logits, &|| false);
        done.is_ok_and(|whole| whole).then(|| start.elapsed().as_secs_f64())
    };
    let prefill = timed(&tokens, LogitsMode::Last);
    let decode: Option<f64> = (0..N_DECODE).map(|_| timed(&[0], LogitsMode::Last)).sum();
    let rate = |n: usize, seconds: Option<f64>| seconds.map_or(0.0, |s| n as f64 / s.max(1e-9));
    Speed { prefill: rate(n_prefill, prefill), decode: rate(N_DECODE, decode) }
}
