//! A model that judges the unsure proposals of mined histories.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Instant;

use anyhow::{Context as _, bail};
use lowkey_completer::judgement_job;
use lowkey_edits::{JudgementFacts, Question, judged_probability};
use lowkey_engine::{Engine, Loaded, Status};
use lowkey_model::ModelFile;

/// Bytes of KV cache that the engine keeps; judgements use none of it.
const SESSION_BYTES: usize = 1 << 20;

pub(super) struct ModelJudge {
    engine: Engine,
}

/// What the model found.
pub(super) struct Verdict {
    pub(super) probability: f32,
    /// Tokens that were computed.
    pub(super) n_tokens: usize,
    pub(super) ms: f64,
    pub(super) facts: Option<JudgementFacts>,
}

impl ModelJudge {
    /// Loads a model and waits until it is ready.
    pub(super) fn load(path: &Path, threads: usize) -> anyhow::Result<Self> {
        let file = ModelFile::open(path)
            .with_context(|| format!("cannot read the model {}", path.display()))?;
        let engine: Engine = Engine::start(SESSION_BYTES, move |progress| {
            Loaded::from_file(&file, threads, progress)
        })?;
        let status = engine.subscribe();
        loop {
            match &*status.borrow() {
                Status::Ready { .. } => break,
                Status::Failed(reason) => bail!("{reason}"),
                Status::Loading(_) => {}
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Ok(Self { engine })
    }

    /// Judges a proposal of this probability; one that cannot be judged is improbable.
    pub(super) fn judge(&self, probability: f32, question: Question) -> Verdict {
        let start = Instant::now();
        let (to_here, judged) = channel();
        let done = move |judged| {
            // The receiver waits for it below.
            let _ = to_here.send(judged);
        };
        let ticket = self.engine.judge(judgement_job(question, probability, done));
        let judged = judged.recv().ok().flatten();
        drop(ticket);
        let ms = start.elapsed().as_secs_f64() * 1000.0;
        let n_tokens = judged.as_ref().map_or(0, |(_, judged)| judged.n_computed);
        let facts = judged.map(|(facts, _)| facts);
        let probability = facts.as_ref().map_or(0.0, judged_probability);
        Verdict { probability, n_tokens, ms, facts }
    }
}
