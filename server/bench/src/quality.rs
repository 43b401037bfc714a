//! `lowkey bench quality`: takes text out of a repository's files, asks for it, and holds the answer against it.
//!
//! Each question goes through the whole pipeline of the server, as an editor's would: the ignore and secret rules,
//! window, prompt, model, stop rules, trims. The score is that of the file as an editor would show it with the suggestion
//! accepted. Holes know nothing of each other: the memory is empty for each.
//! Invariant: the same files, seed and options give the same rows, but for the times and for how
//! much of a prompt was cached. So there is no time budget here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lowkey_completer::settings::Settings;
use lowkey_completer::{
    Answer, Completer, CompletionRequest, Insert, Outcome, Status, TimeLimit, Trigger,
};
use lowkey_document::{ByteOffset, Document, PositionEncoding, Snapshot, Uri};
use lowkey_suggestion::{PositionClass, SuffixClass};
use lowkey_terminal::progress;
use lowkey_terminal::stdout::print;
use serde_json::{Map, Value, json};

use super::prompt_args::PromptArgs;
use crate::Program;

mod cross_file;
mod filled;
mod hole;
mod ledger;
mod parses;
mod plan;
mod refined;
mod repository;
mod repository_copy;
mod rng;
mod row;
mod score;
mod table;

use filled::{filled, scored, touched};
use hole::Kind;
use ledger::Ledger;
use parses::Parsers;
use plan::{Planned, plan};
use refined::{Refined, RefinedSummary};
use repository::{Source, Walk, walk};
use repository_copy::RepositoryCopy;
use rng::digest;
use row::{Row, Summary, Texts};
use score::agreed_chars;

/// Twenty thousand files are indexed in less.
const INDEX_TIMEOUT: Duration = Duration::from_mins(1);

/// Arguments of `lowkey bench quality`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Args {
    /// The repository: files that git ignores or that may hold secrets are left alone
    #[arg(value_name = "DIR", required_unless_present = "cross_file")]
    folder: Option<PathBuf>,
    /// How many holes, as many of each kind in each language
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    holes: u32,
    /// Which holes: the same number chooses the same ones
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Kinds of holes, separated by commas; without it every kind
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<Kind>,
    /// Language ids, separated by commas; without it every language of code
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    languages: Vec<String>,
    /// Ask as by a key instead of by typing: always for several lines
    #[arg(long)]
    invoked: bool,
    /// Add rows to this file, and do not ask again what it holds already
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Put the text of the holes and of the suggestions into the rows
    #[arg(long)]
    texts: bool,
    /// Ask each hole once more with the remote server of the settings, and report where it makes the answer right or
    /// wrong
    #[arg(long, conflicts_with = "cross_file")]
    refined: bool,
    /// Run this command in a copy of DIR with each suggestion accepted, one after the other, and say how often it succeeds
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,
    /// The command fails when it takes longer
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    run_seconds: u64,
    /// Says of each filled file of a language whether it parses: a command that reads it on stdin; may be given for several
    #[arg(long, value_name = "LANGUAGE=COMMAND")]
    parses: Vec<String>,
    /// Print a row for each hole and a summary as JSON lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cross_file: cross_file::Options,
    #[command(flatten)]
    prompt: PromptArgs,
}

pub(super) fn run(args: &Args, settings: &Settings, program: &Program) -> anyhow::Result<()> {
    if let Some(holes) = &args.cross_file.cross_file {
        return cross_file::run(holes, args, settings, program);
    }
    // Required without --cross-file.
    let folder = args.folder.as_deref().unwrap_or(Path::new("."));
    let root = std::fs::canonicalize(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    if !root.is_dir() {
        bail!("{} is not a folder; name a repository's", folder.display());
    }
    let parsers = Parsers::new(&args.parses)?;
    let kinds = if args.kinds.is_empty() { Kind::ALL.to_vec() } else { args.kinds.clone() };
    let walk = walk(&root, &settings.exclude, &args.languages)?;
    let planned = plan(&walk.sources, &kinds, args.holes as usize, args.seed);
    if planned.is_empty() {
        let Walk { sources, n_denied, n_skipped } = walk;
        bail!(
            "no holes are possible in {}: {} files of code, {n_denied} that the model must not see, {n_skipped} \
             in no known language, too long or not UTF-8; name a folder with source code, or languages with --languages",
            folder.display(),
            sources.len(),
        );
    }
    // Looking ahead would be work for a next key that never comes.
    let settings = Settings { look_ahead: false, ..args.prompt.apply(settings) };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let completer = Completer::start(settings.clone(), program.embedded, None)?;
    completer.set_roots(vec![root.clone()]);
    let outcome = runtime.block_on(async {
        let model = match completer.ready().await {
            Status::Ready { model, .. } => model,
            Status::Failed(reason) => bail!(reason),
            Status::Loading(_) => bail!("the model did not load"),
        };
        completer.start_index();
        let parameters = parameters(args, &settings, &kinds, &model);
        let repository_copy = match &args.run {
            Some(command) => Some(
                RepositoryCopy::new(&root, command, Duration::from_secs(args.run_seconds)).await?,
            ),
            None => None,
        };
        let refining = if args.refined {
            Some(refined::completer(&settings, program, vec![root.clone()]).await?)
        } else {
            None
        };
        let (sources, completer) = (&walk.sources, &completer);
        let mut bench = Bench { args, sources, completer, refining, repository_copy, parsers };
        let rows = bench.rows(&planned, &parameters).await;
        if let Some(refining) = &bench.refining {
            refining.shutdown();
        }
        Ok((rows?, model))
    });
    completer.shutdown();
    let (rows, model) = outcome?;
    if args.json {
        return print(&format!("{}\n", json!({ "summary": summary(&rows)? })));
    }
    let heading = format!(
        "{} holes in {} with {model}, seed {}, {}",
        rows.len(),
        folder.display(),
        args.seed,
        if args.invoked { "asked by a key" } else { "asked by typing" },
    );
    print(&table::table(&rows, &heading))
}

/// What rows depend on beside the files, which each row's digest names.
fn parameters(args: &Args, settings: &Settings, kinds: &[Kind], model: &str) -> Map<String, Value> {
    let mut languages = args.languages.clone();
    languages.sort();
    let parameters = json!({
        "model": model,
        "seed": args.seed,
        "kinds": kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "languages": languages,
        "invoked": args.invoked,
        "texts": args.texts,
        "run": args.run,
        "parses": (!args.parses.is_empty()).then_some(&args.parses),
        "refined_at": args.refined.then_some(&settings.remote_url),
    });
    let Value::Object(mut parameters) = parameters else { return Map::new() };
    for key in [
        "anchor",
        "order",
        "prompt_tokens",
        "remote_prompt_tokens",
        "cross_file",
        "max_lines",
        "multiline",
        "suggestion_threshold",
    ] {
        parameters.extend(settings.value_of(key).map(|value| (key.to_owned(), value)));
    }
    parameters
}

fn summary(rows: &[Row]) -> anyhow::Result<Value> {
    let mut summary = serde_json::to_value(Summary::of(&rows.iter().collect::<Vec<_>>()))?;
    let object = |groups: Vec<(String, Summary)>| {
        let values = groups.into_iter().map(|(name, s)| Ok((name, serde_json::to_value(s)?)));
        values.collect::<serde_json::Result<Map<_, _>>>()
    };
    if let Some(refined) = RefinedSummary::of(rows) {
        summary["refined"] = serde_json::to_value(refined)?;
    }
    summary["kinds"] = object(table::by_kind(rows))?.into();
    summary["languages"] = object(table::by_language(rows))?.into();
    Ok(summary)
}

/// A run over planned holes.
struct Bench<'a> {
    args: &'a Args,
    sources: &'a [Source],
    completer: &'a Arc<Completer>,
    /// Asks the remote server too.
    refining: Option<Arc<Completer>>,
    repository_copy: Option<RepositoryCopy>,
    parsers: Parsers,
}

/// A planned hole in its file.
struct Case<'a> {
    number: usize,
    source: &'a Source,
    hole: &'a hole::Hole,
    digest: String,
}

impl Bench<'_> {
    /// Asks about every hole that the ledger does not hold; returns all rows in the order of the plan.
    async fn rows(
        &mut self,
        planned: &[Planned],
        parameters: &Map<String, Value>,
    ) -> anyhow::Result<Vec<Row>> {
        let (mut ledger, known) =
            Ledger::open_optional::<Row>(self.args.out.as_deref(), parameters)?;
        let known: std::collections::BTreeMap<usize, Row> =
            known.into_iter().map(|row| (row.hole, row)).collect();
        let n_before = known.len().min(planned.len());
        let progress = progress::bar(progress::HOLES, n_before as u64, planned.len() as u64);
        let mut rows = Vec::with_capacity(planned.len());
        for (number, Planned { source_idx, hole }) in planned.iter().enumerate() {
            let Some(source) = self.sources.get(*source_idx) else { continue };
            let place = format!("{} {} {}", hole.kind.name(), hole.start, hole.cursor());
            let digest = format!("{:016x}", digest(&[&source.label, &source.text, &place]));
            let case = Case { number, source, hole, digest };
            let row = match known.get(&number) {
                Some(row) if row.digest == case.digest => row.clone(),
                Some(row) => bail!(
                    "{} changed since the row of hole {number} was made; name another file with --out",
                    row.path
                ),
                None => {
                    let row = self.ask(&case).await?;
                    if let Some(ledger) = &mut ledger {
                        ledger.add(&row)?;
                    }
                    progress.inc(1);
                    row
                }
            };
            if self.args.json {
                let line = format!("{}\n", serde_json::to_string(&row)?);
                progress.suspend(|| print(&line))?;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// Asks a completer about one hole.
    async fn answer(
        &self,
        completer: &Arc<Completer>,
        snapshot: &Snapshot,
        hole: &hole::Hole,
    ) -> anyhow::Result<Answer> {
        completer.opened(snapshot);
        if !completer.wait_for_index(INDEX_TIMEOUT) {
            bail!("the folder is not indexed within {} s", INDEX_TIMEOUT.as_secs());
        }
        let trigger = if self.args.invoked { Trigger::Invoked } else { Trigger::Automatic };
        let request = CompletionRequest {
            trigger,
            time_limit: TimeLimit::Unlimited,
            ..CompletionRequest::new(snapshot.clone(), ByteOffset(hole.cursor()))
        };
        let answer = completer.complete(request).await;
        // The next hole of the file is another document: nothing of this one may help it.
        completer.closed(snapshot.uri());
        Ok(answer)
    }

    /// Asks about one hole and scores the answer.
    async fn ask(&mut self, case: &Case<'_>) -> anyhow::Result<Row> {
        let Case { source, hole, .. } = case;
        let holed = hole.holed(&source.text);
        let uri = Uri::of_path(&source.path);
        let snapshot = Document::open(uri.as_str(), source.language.id, 0, &holed).snapshot();
        let answer = self.answer(self.completer, &snapshot, hole).await?;
        let refined = match &self.refining {
            Some(completer) => {
                let answer = self.answer(completer, &snapshot, hole).await?;
                refined::check(completer)?;
                let filled = filled(&snapshot, &answer);
                Some(Refined::of(&answer, filled.map(|text| scored(case, &text))))
            }
            None => None,
        };
        let filled = filled(&snapshot, &answer);
        let run = match (&self.repository_copy, &filled) {
            (Some(repository_copy), Some(text)) => {
                Some(repository_copy.passes(&source.label, text, &source.text).await?)
            }
            _ => None,
        };
        let parses = match &filled {
            Some(text) => self.parsers.parses(source, text).await?,
            None => None,
        };
        Ok(Row { parses, run, refined, ..self.row(case, &snapshot, &answer, filled.as_deref()) })
    }

    fn row(
        &self,
        case: &Case<'_>,
        snapshot: &Snapshot,
        answer: &Answer,
        filled: Option<&str>,
    ) -> Row {
        let Case { number, source, hole, digest } = case;
        let touched = |text: &str| touched(case, text).to_owned();
        let scored_as = |text: &str| scored(case, text);
        let with =
            |insert: &Insert| snapshot.with_edit(insert.start..insert.end, &insert.text).text();
        let untrimmed = answer.report.untrimmed.as_ref().filter(|insert| !insert.text.is_empty());
        let inserted = match &answer.outcome {
            Outcome::Insert(insert) => insert.text.as_str(),
            Outcome::Nothing | Outcome::Superseded => "",
        };
        let at = snapshot.position(ByteOffset(hole.cursor()), PositionEncoding::Utf16);
        let cursor = snapshot.cursor(ByteOffset(hole.cursor()));
        let report = &answer.report;
        let texts = || Texts {
            truth: hole.truth(&source.text).to_owned(),
            shown: touched(filled.unwrap_or(&snapshot.text())),
            after_cursor: hole.tail.clone(),
        };
        Row {
            hole: *number,
            path: source.label.clone(),
            language: source.language.id.to_owned(),
            kind: hole.kind,
            line: at.line as usize,
            column: at.column,
            digest: digest.clone(),
            score: filled.map(scored_as).unwrap_or_default(),
            untrimmed: untrimmed.map(|insert| scored_as(&with(insert)).into()),
            parses: None,
            run: None,
            refined: None,
            silent: match filled {
                Some(_) => None,
                None => Some(
                    report.silent.clone().unwrap_or_else(|| "the model returned no text".into()),
                ),
            },
            stop: report.stop.map(|stop| stop.name().to_owned()),
            trims: report.trims.iter().map(|&rule| rule.to_owned()).collect(),
            log_probs: report.confidence,
            probability: report.gate.map(|gate| gate.probability),
            position: PositionClass::of(&cursor.before),
            suffix: SuffixClass::of(&cursor.after),
            chars: inserted.chars().count(),
            agreed_chars: filled.map_or(0, |text| agreed_chars(hole, &source.text, &touched(text))),
            lines: inserted.lines().count(),
            tokens: report.tokens,
            ms: report.ms,
            texts: self.args.texts.then(texts),
        }
    }
}
