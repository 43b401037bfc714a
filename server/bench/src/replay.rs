//! `lowkey bench replay`: an editing trace through the whole pipeline, key by key.
//!
//! It drives the completer in this process; a process-level test holds its answers
//! against the server's over stdio. Keys run back to back: idle work (looking ahead)
//! gets the trace's own pauses, and what it costs is counted as background. With
//! `--realtime` the pauses are waited for, and looking ahead runs on its own clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use lowkey_completer::report::{Report, TextSource, Tokens};
use lowkey_completer::settings::Settings;
use lowkey_completer::{Completer, CompletionRequest, Outcome, Status, Work};
use lowkey_terminal::stdout::print;
use serde::Serialize;

use super::figures::percentile;
use super::player::{FOLDER, Player, upcoming};
use super::prompt_args::PromptArgs;
use super::simulated_user::{Action, decide};
use super::team::{LoggedRequest, RequestLog};
use super::trace::{self, Trace};
use crate::Program;

/// Arguments of `lowkey bench replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Traces to replay, one after the other (JSON lines; see tests/traces)
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,
    /// Print each key's report and a summary as JSON lines
    #[arg(long)]
    json: bool,
    /// Wait between keys as the user did
    #[arg(long)]
    realtime: bool,
    /// Play a user who knows the final text and accepts what matches
    #[arg(long)]
    target: bool,
    /// Write what a remote server would be asked to this file, for `lowkey bench team`; one trace only
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
    #[command(flatten)]
    prompt: PromptArgs,
}

/// One key, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    key: usize,
    /// Whether the answer was made for another text than the current one.
    stale: bool,
    #[serde(flatten)]
    report: Report,
    /// Prompt tokens computed for this key, whichever request reported them.
    #[serde(skip)]
    prefilled: u64,
    /// What a user who knows the final text did with it.
    #[serde(skip)]
    action: Option<Action>,
    /// Whether a key was pressed for it; after an accept the editor asks without one.
    #[serde(skip)]
    is_key: bool,
}

/// What all keys came to.
#[derive(Debug, Serialize)]
struct Summary {
    keys: usize,
    ms_p50: f64,
    ms_p95: f64,
    ms_p99: f64,
    /// Prompt tokens per key, without background work.
    prefilled_median: f64,
    prefilled_mean: f64,
    /// The same with background work.
    prefilled_mean_all: f64,
    /// Tokens decoded per second of decoding for the keys; 0 where none were.
    decode_tok_s: f64,
    /// Tokens that were decoded for the keys, guessed ahead, and guessed right.
    decoded: usize,
    drafted: usize,
    draft_accepted: usize,
    /// Share of keys answered without inference.
    memory_share: f64,
    /// 99th percentile of these answers' latency.
    memory_ms_p99: f64,
    /// Share of keys that showed something.
    shown_share: f64,
    stale: usize,
    /// With `--target`: keys of the trace less those that a user who knows the final text presses, one for each accept
    /// and one for each suggestion typed over. Negative where suggestions cost more than they save.
    keystrokes_saved: i64,
    /// With `--target`: keys that the trace has, typed or taken.
    keystrokes: usize,
    /// With `--target`: keys pressed to accept, and suggestions typed over.
    accepts: usize,
    rejects: usize,
    background: Background,
}

#[derive(Debug, Serialize)]
struct Background {
    prefilled: u64,
    decoded: u64,
}

/// Time limit for indexing a trace's documents.
const INDEX_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn run(args: &Args, settings: &Settings, program: &Program) -> anyhow::Result<()> {
    if args.requests.is_some() && args.traces.len() > 1 {
        anyhow::bail!("--requests takes one trace: each log is that of one typist");
    }
    let settings = args.prompt.apply(settings);
    let traces = args.traces.iter().map(|path| trace::read(path)).collect::<Result<Vec<_>, _>>()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut all = Vec::new();
    for (path, trace) in args.traces.iter().zip(&traces) {
        // A server of its own for each trace: no trace profits from the one before.
        let completer = Completer::start(settings.clone(), program.embedded, None)?;
        let (rows, work, log) = runtime.block_on(play(args, trace, &completer))?;
        if let Some(path) = &args.requests {
            std::fs::write(path, log.written()?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        completer.shutdown();
        let summary = summarise(&rows, work);
        all.push((summary.keystrokes_saved, summary.keystrokes));
        if args.json {
            let mut lines = String::new();
            for row in &rows {
                lines.push_str(&serde_json::to_string(row)?);
                lines.push('\n');
            }
            lines.push_str(&serde_json::json!({ "summary": summary }).to_string());
            print(&format!("{lines}\n"))?;
        } else {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let saved = if args.target { saved_line(&name, &summary) } else { String::new() };
            print(&(saved + &summary_line(&name, &summary)))?;
        }
    }
    if args.target && all.len() > 1 && !args.json {
        let (saved, keys) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        print(&format!("all: {saved} of {keys} keystrokes saved ({:.1} %)\n", share(saved, keys)))?;
    }
    Ok(())
}

async fn play(
    args: &Args,
    trace: &Trace,
    completer: &Arc<Completer>,
) -> anyhow::Result<(Vec<Row>, Work, RequestLog)> {
    if let Status::Failed(reason) = completer.ready().await {
        anyhow::bail!(reason);
    }
    let mut player = Player::new(trace)?;
    // The index has the trace's documents only.
    completer.set_roots(vec![FOLDER.into()]);
    player.snapshots().for_each(|snapshot| completer.opened(&snapshot));
    completer.wait_for_index(INDEX_TIMEOUT);
    let mut rows = Vec::new();
    let (mut requests, mut sample) = (Vec::new(), None);
    let (mut next, mut n_keys, mut at_ms) = (0, 0, 0);
    let mut has_accepted = false;
    while let Some(step) = trace.steps.get(next) {
        let is_key = !std::mem::take(&mut has_accepted);
        // After an accept the editor asks at once, without a key.
        if is_key {
            next += 1;
            at_ms += step.dt_ms;
            let pause = Duration::from_millis(step.dt_ms);
            if args.realtime {
                tokio::time::sleep(pause).await;
            } else {
                completer.idle(pause).await;
            }
            if !player.step(step)? {
                continue;
            }
            completer.changed(&player.snapshot()?);
            if step.path.is_some() {
                // The document that the user has left is indexed again.
                completer.wait_for_index(INDEX_TIMEOUT);
            }
        }
        let before = completer.work();
        let snapshot = player.snapshot()?;
        let cursor = player.cursor(&snapshot);
        let request = CompletionRequest::new(snapshot.clone(), cursor);
        let answer = completer.complete(request.clone()).await;
        if args.requests.is_some()
            && answer.report.source != TextSource::Memory
            && let Some((ask, is_unsure)) = completer.remote_ask(&request, &answer.report)
        {
            sample.clone_from(&ask.vocabulary);
            let n_decoded = answer.report.tokens.decoded;
            requests.push(LoggedRequest::of(ask, (n_keys, at_ms), is_unsure, n_decoded));
        }
        let now = player.snapshot()?;
        let mut row = Row {
            key: n_keys,
            stale: now.revision() != snapshot.revision() || now.uri() != snapshot.uri(),
            report: Report { why: Vec::new(), ..(*answer.report).clone() },
            prefilled: completer.work().prefilled - before.prefilled,
            action: None,
            is_key,
        };
        if let (true, Outcome::Insert(insert)) = (args.target, &answer.outcome) {
            let steps = trace.steps.get(next..).unwrap_or_default();
            let (upcoming_text, ends) = upcoming(steps, player.place());
            // Closers that the answer replaces stay where they are.
            let ghost = insert.continuation(&snapshot, cursor);
            let action =
                ghost.map_or(Action::Continue, |ghost| decide(ghost, &upcoming_text, &ends));
            // Only whole steps can be skipped: the rest of the trace must still fit.
            if let (Action::Accept { bytes, steps, .. }, Some(ghost)) = (action, ghost) {
                player.insert(ghost.get(..bytes).unwrap_or_default())?;
                next += steps;
                has_accepted = true;
                completer.changed(&player.snapshot()?);
                if bytes == ghost.len() {
                    completer.accepted(answer.id);
                }
            }
            row.action = Some(action);
        }
        n_keys += usize::from(is_key);
        rows.push(row);
    }
    completer.idle(Duration::from_secs(1)).await;
    let log = RequestLog::new("lowkey", (n_keys, at_ms), sample.as_deref(), requests);
    Ok((rows, completer.work(), log))
}

fn summarise(rows: &[Row], work: Work) -> Summary {
    let of = |value: &dyn Fn(&Row) -> f64| rows.iter().map(value).collect::<Vec<_>>();
    let from_memory: Vec<f64> = rows
        .iter()
        .filter(|row| row.report.source == TextSource::Memory)
        .map(|row| row.report.ms.total)
        .collect();
    let ms = of(&|row| row.report.ms.total);
    let prefilled = of(&|row| row.prefilled as f64);
    let n = rows.len().max(1) as f64;
    let count = |of: fn(&Tokens) -> usize| rows.iter().map(|row| of(&row.report.tokens)).sum();
    let decoded: usize = count(|tokens| tokens.decoded);
    let decode_ms: f64 = of(&|row| row.report.ms.decode).iter().sum();
    let (mut steps, mut accepts, mut rejects) = (0, 0, 0);
    for action in rows.iter().filter_map(|row| row.action) {
        match action {
            Action::Accept { steps: n, keys, .. } => (steps, accepts) = (steps + n, accepts + keys),
            Action::Reject => rejects += 1,
            Action::Continue => {}
        }
    }
    let background =
        Background { prefilled: work.background_prefilled, decoded: work.background_decoded };
    Summary {
        keys: rows.len(),
        ms_p50: percentile(&ms, 0.5),
        ms_p95: percentile(&ms, 0.95),
        ms_p99: percentile(&ms, 0.99),
        prefilled_median: percentile(&prefilled, 0.5),
        // From the totals: what a job computes after its answer, at the time budget, is in no row.
        prefilled_mean: work.prefilled as f64 / n,
        prefilled_mean_all: (work.prefilled + work.background_prefilled) as f64 / n,
        decode_tok_s: decoded as f64 * 1e3 / decode_ms.max(1e-3),
        decoded,
        drafted: count(|tokens| tokens.drafted),
        draft_accepted: count(|tokens| tokens.draft_accepted),
        memory_share: from_memory.len() as f64 / n,
        memory_ms_p99: percentile(&from_memory, 0.99),
        shown_share: rows.iter().filter(|row| row.report.insert.is_some()).count() as f64 / n,
        stale: rows.iter().filter(|row| row.stale).count(),
        keystrokes_saved: steps as i64 - accepts as i64 - rejects as i64,
        keystrokes: rows.iter().filter(|row| row.is_key).count() + steps,
        accepts,
        rejects,
        background,
    }
}

/// A share in percent.
fn share(part: i64, of: usize) -> f64 {
    part as f64 * 100.0 / of.max(1) as f64
}

/// The headline of a trace that is played by a user who knows its final text.
fn saved_line(name: &str, s: &Summary) -> String {
    format!(
        "{name}: {} of {} keystrokes saved ({:.1} %), {} to accept, {} suggestions typed over\n",
        s.keystrokes_saved,
        s.keystrokes,
        share(s.keystrokes_saved, s.keystrokes),
        s.accepts,
        s.rejects,
    )
}

fn summary_line(name: &str, s: &Summary) -> String {
    format!(
        "{name:<24} {:>4} keys  p50 {:>6.1} ms  p95 {:>6.1} ms  p99 {:>6.1} ms  \
         prefilled median {:>2.0} mean {:>5.1} (with background {:>5.1})  \
         memory {:>3.0} % (p99 {:.1} ms)  shown {:>3.0} %  stale {}  \
         drafted {} of {} decoded, {} right\n",
        s.keys,
        s.ms_p50,
        s.ms_p95,
        s.ms_p99,
        s.prefilled_median,
        s.prefilled_mean,
        s.prefilled_mean_all,
        s.memory_share * 100.0,
        s.memory_ms_p99,
        s.shown_share * 100.0,
        s.stale,
        s.drafted,
        s.decoded,
        s.draft_accepted,
    )
}
