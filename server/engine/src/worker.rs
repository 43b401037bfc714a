//! The worker thread: loads the model, then serves the queue until it is closed.
//!
//! Loading happens on the same thread, so requests that come meanwhile simply wait
//! in the queue; whether they still matter by then is their owner's decision.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use lowkey_model::{CausalLm, LogitsMode};
use lowkey_prompt::Healing;
use tokio::sync::watch;

use crate::first_text::FirstText;
use crate::generate::{Generator, ms_since};
use crate::job::{Generated, Job, Stop};
use crate::load::{LoadFailed, Loaded};
use crate::persist::{
    IDLE_NEW_TOKENS, Identity, Keep, KeptSpeed, LONGEST_FAREWELL, Saving, Shelf, packed,
};
use crate::queue::{Popped, Queue, Queued};
use crate::session::SessionPool;
use crate::speculate::Speculation;
use crate::ticket::Ticket;
use crate::trust::Costs;
use crate::warming::Warmth;

/// Tokens per second of this model on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Speed {
    /// Prompt tokens per second, in chunks of 128.
    pub prefill: f64,
    /// Decoded tokens per second.
    pub decode: f64,
}

/// What the engine is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Reading and packing weights; the share done, 0 to 1.
    Loading(f32),
    /// Serving.
    Ready {
        /// The model's name.
        model: String,
        /// Measured at load, or kept from an earlier start.
        speed: Speed,
        /// Whether it was kept.
        speed_was_kept: bool,
        /// Bytes of one token in a KV cache.
        cache_bytes_per_token: usize,
        /// Tokens that the model was trained to see.
        context_length: usize,
        /// How it is asked to fill in, in words.
        infill: String,
    },
    /// There is no model; the reason.
    Failed(LoadFailed),
}

/// The way into the worker thread. Dropping it ends the thread.
///
/// `R` is the caller's type for why a stop rule ends a decoding (see [`Job`]).
pub struct Engine<R = &'static str> {
    queue: Arc<Queue<R>>,
    is_closing: Arc<AtomicBool>,
    status: watch::Receiver<Status>,
    warmth: Arc<Warmth>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl<R: Copy + Send + 'static> Engine<R> {
    /// Starts the worker, which calls `load` first, with a callback for its progress (0 to 1).
    ///
    /// At most `session_bytes` of KV cache are kept between jobs. Nothing is kept on disk.
    pub fn start<L>(session_bytes: usize, load: L) -> std::io::Result<Self>
    where
        L: FnOnce(&mut dyn FnMut(f32)) -> Result<Loaded, LoadFailed> + Send + 'static,
    {
        Self::start_keeping(session_bytes, None, load)
    }

    /// Starts the worker as [`start`](Self::start) does, with sessions and speed kept on disk.
    pub fn start_keeping<L>(
        session_bytes: usize,
        keep: Option<Keep>,
        load: L,
    ) -> std::io::Result<Self>
    where
        L: FnOnce(&mut dyn FnMut(f32)) -> Result<Loaded, LoadFailed> + Send + 'static,
    {
        let queue = Arc::<Queue<R>>::default();
        let (to_status, status) = watch::channel(Status::Loading(0.0));
        let warmth = Arc::<Warmth>::default();
        let worker = std::thread::Builder::new().name("lowkey-engine".into()).spawn({
            let queue = Arc::clone(&queue);
            let warmth = Arc::clone(&warmth);
            move || {
                let set = |new: Status| {
                    to_status.send_replace(new);
                };
                match load(&mut |share| set(Status::Loading(share))) {
                    Ok(loaded) => {
                        serve(loaded, session_bytes, keep.as_ref(), (&queue, warmth), &set);
                    }
                    Err(reason) => {
                        set(Status::Failed(reason));
                        while let Popped::Job(queued) = queue.pop(None) {
                            finish(*queued, Stop::Failed);
                        }
                    }
                }
            }
        })?;
        let is_closing = Arc::default();
        Ok(Self { queue, is_closing, status, warmth, worker: Mutex::new(Some(worker)) })
    }
}

impl<R> Engine<R> {
    /// Returns what the engine is doing, now and from now on; the channel closes when the worker ends.
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Whether the whole prompt of a place is still to be computed whose small one was asked.
    pub fn is_warming(&self) -> bool {
        self.warmth.is_pending.load(Ordering::Acquire)
    }

    /// Tokens of whole prompts that were computed so far while nothing else was to be done.
    pub fn n_warmed(&self) -> u64 {
        self.warmth.n_tokens.load(Ordering::Relaxed)
    }

    /// Submits a job, which runs until it ends or its ticket is cancelled or dropped.
    pub fn submit(&self, job: Job<R>) -> Ticket {
        let (ticket, cancellation) = Ticket::new(&self.is_closing);
        if let Err(refused) = self.queue.push(Queued { job, cancellation }) {
            finish(*refused, Stop::Cancelled);
        }
        ticket
    }

    /// Finishes waiting jobs as cancelled and ends the worker; running ones stop at their next token.
    ///
    /// Returns when the worker has saved what is to be kept.
    pub fn shutdown(&self) {
        for queued in self.queue.close() {
            finish(queued, Stop::Cancelled);
        }
        self.is_closing.store(true, Ordering::Release);
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && worker.join().is_err()
        {
            tracing::error!("the engine thread had panicked");
        }
    }
}

impl<R> Drop for Engine<R> {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn finish<R>(queued: Queued<R>, stop: Stop<R>) {
    let mut made = Generated { stop, ..Generated::default() };
    made.ms.queued = ms_since(queued.job.asked);
    made.ms.total = made.ms.queued;
    (queued.job.done)(made);
}

fn serve<R: Copy>(
    loaded: Loaded,
    session_bytes: usize,
    keep: Option<&Keep>,
    (queue, warmth): (&Queue<R>, Arc<Warmth>),
    set: &dyn Fn(Status),
) {
    let Loaded { name, digest, mut model, assembler, speculates, unsaved } = loaded;
    let mut kept = KeptSpeed::read(keep, &digest);
    let speed_was_kept = kept.kept().is_some();
    let speed = kept.kept().unwrap_or_else(|| {
        let speed = measure(&mut *model);
        kept.measured(speed);
        speed
    });
    let shelf = keep.and_then(|keep| {
        let identity = Identity::new(&digest, model.config());
        Shelf::open(keep, identity, &*model)
    });
    let config = model.config();
    set(Status::Ready {
        model: name,
        speed,
        speed_was_kept,
        cache_bytes_per_token: model.cache_bytes_per_token(),
        context_length: config.context_length,
        infill: assembler.format().name(),
    });
    let is_busy = Arc::new(AtomicBool::new(false));
    let saved = keep.zip(unsaved);
    // Dropped at the end of this function, which ends the thread.
    let _saving =
        saved.and_then(|(keep, weights)| packed::save_later(keep, weights, Arc::clone(&is_busy)));
    let healing =
        (!assembler.format().fragmented_middle()).then(|| Healing::new(assembler.tokenizer()));
    let speculation = speculates.then(|| {
        let costs = Costs::of(model.work().decode_bytes);
        Speculation::new(Arc::clone(assembler.tokenizer()), costs)
    });
    let first_text = FirstText::new(assembler.tokenizer());
    let mut generator = Generator {
        model,
        assembler,
        pool: SessionPool::new(session_bytes).with_shelf(shelf),
        speed: kept,
        healing,
        first_text,
        speculation,
        warming: None,
        warmth,
        logits: Vec::new(),
    };
    let mut saving = keep.filter(|keep| keep.writes).map(Saving::new);
    loop {
        is_busy.store(true, Ordering::Release);
        generator.warm(&|| queue.interactive_waits());
        is_busy.store(false, Ordering::Release);
        match queue.pop(saving.as_ref().and_then(Saving::patience)) {
            Popped::Job(queued) => {
                is_busy.store(true, Ordering::Release);
                generator.pool.persists = queued.job.persists;
                generator.run(*queued, &|| queue.interactive_waits());
                if let Some(saving) = &mut saving {
                    saving.worked();
                }
            }
            Popped::Nothing => {
                generator.speed.save();
                let interrupted = || queue.interactive_waits();
                let n_saved = generator.pool.save(IDLE_NEW_TOKENS, &interrupted);
                if let Some(saving) = &mut saving {
                    saving.rested(n_saved);
                }
            }
            Popped::Closed => break,
        }
    }
    if saving.is_some() {
        generator.speed.save();
        let begun = Instant::now();
        generator.pool.save(1, &|| begun.elapsed() > LONGEST_FAREWELL);
    }
}

/// Times a short prefill and a few single tokens on a throw-away cache.
fn measure(model: &mut dyn CausalLm) -> Speed {
    const N_PREFILL: usize = 128;
    const N_DECODE: usize = 4;
    let n_prefill = N_PREFILL.min(model.config().context_length / 2);
    let mut cache = model.new_cache(n_prefill + N_DECODE);
    let mut logits = Vec::new();
    // Any tokens do: the work does not depend on which they are.
    let tokens = vec![0; n_prefill];
    let mut timed = |tokens: &[u32], want| {
        let start = Instant::now();
        let done = model.forward(tokens, &mut cache, want, &mut logits, &|| false);
        done.is_ok_and(|whole| whole).then(|| start.elapsed().as_secs_f64())
    };
    let prefill = timed(&tokens, LogitsMode::Last);
    let decode: Option<f64> = (0..N_DECODE).map(|_| timed(&[0], LogitsMode::Last)).sum();
    let rate = |n: usize, seconds: Option<f64>| seconds.map_or(0.0, |s| n as f64 / s.max(1e-9));
    Speed { prefill: rate(n_prefill, prefill), decode: rate(N_DECODE, decode) }
}
