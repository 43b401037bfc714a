//! `--cross-file HOLES`: holes whose line uses a name that another file defines, asked with and
//! without text from other files.
//!
//! Each hole is asked once for each variant: a collector of text and its place in the prompt. All
//! variants of a hole share the cached keys and values, which changes no answer, only its cost.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use lowkey_completer::settings::{Settings, SuggestionThreshold};
use lowkey_completer::{
    Answer, Completer, CompletionRequest, Elsewhere, Outcome, Placement, Status, TimeLimit, Trigger,
};
use lowkey_document::{ByteOffset, Document, Uri};
use lowkey_terminal::progress;
use lowkey_terminal::stdout::print;
use serde_json::{Map, Value, json};

use super::ledger::Ledger;
use super::rng::SeededRng;
use super::row::Texts;
use super::score::score;
use super::{Args, INDEX_TIMEOUT};
use crate::Program;

mod collector;
mod given;
mod row;
mod table;

use collector::Collector;
use given::{GivenHole, Opened};
use row::Row;

/// The options of holes across files.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Ask about the holes in this file instead of those of a folder: lines that use a name that
    /// another file defines. `server/training/crossfile.py` makes it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["run", "parses", "kinds"])]
    pub(super) cross_file: Option<PathBuf>,
    /// With --cross-file, text from other files, separated by commas: none, oracle for the
    /// signatures of the names on the line, signatures as in an editor, chunks, or both
    #[arg(long, value_delimiter = ',', value_name = "WHICH", default_value = "none,oracle")]
    context: Vec<Collector>,
    /// With --cross-file, the place of that text, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "WHERE", default_value = "before")]
    placement: Vec<Place>,
    /// With --cross-file, the most tokens of that text, in addition to the prompt's
    #[arg(long, value_name = "N", default_value_t = 128)]
    snippet_tokens: usize,
    /// With --cross-file, compare with the rows without context in this file of --out
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

/// The words of `--placement`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Place {
    /// Before the document, as files
    Before,
    /// The same after the repository's name
    BeforeRepo,
    /// Above the prefix, as comments
    AbovePrefix,
    /// After the suffix, as files
    AfterFiles,
    /// After the suffix, as comments
    AfterComments,
}

impl Place {
    fn placement(self) -> Placement {
        match self {
            Place::Before => Placement::Before,
            Place::BeforeRepo => Placement::Repository,
            Place::AbovePrefix => Placement::AbovePrefix,
            Place::AfterFiles => Placement::AfterSuffixFiles,
            Place::AfterComments => Placement::AfterSuffixComments,
        }
    }
}

/// A collector, and the place of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Variant {
    collector: Collector,
    /// `None` without text.
    place: Option<Place>,
}

impl Variant {
    /// Returns each collector at each place; without text there is only one variant.
    fn all(options: &Options) -> Vec<Variant> {
        let mut variants = Vec::new();
        for &collector in &options.context {
            let places = options.placement.iter().copied().map(Some);
            let places: Vec<_> =
                if collector == Collector::None { vec![None] } else { places.collect() };
            variants.extend(places.into_iter().map(|place| Variant { collector, place }));
        }
        variants
    }

    fn name(self) -> String {
        let word = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map(|value| value.get_name().to_owned())
        };
        let collector = word(&|| clap::ValueEnum::to_possible_value(&self.collector));
        let place = word(&|| clap::ValueEnum::to_possible_value(&self.place?));
        collector.into_iter().chain(place).collect::<Vec<_>>().join(" ")
    }
}

/// Asks about the holes in the file at `path`.
pub(super) fn run(
    path: &Path,
    args: &Args,
    settings: &Settings,
    program: &Program,
) -> anyhow::Result<()> {
    let options = &args.cross_file;
    let holes = chosen(given::read(path)?, args);
    if holes.is_empty() {
        bail!("{} has no holes in the chosen languages", path.display());
    }
    let baseline = options.against.as_deref().map(table::baseline).transpose()?;
    // Answers are measured without the gate, unless it is requested.
    let ungated =
        Settings { suggestion_threshold: SuggestionThreshold::Always, ..settings.clone() };
    let settings = Settings { look_ahead: false, ..args.prompt.apply(&ungated) };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let completer = Completer::start(settings.clone(), program.embedded, None)?;
    let outcome = runtime.block_on(async {
        let model = match completer.ready().await {
            Status::Ready { model, .. } => model,
            Status::Failed(reason) => bail!(reason),
            Status::Loading(_) => bail!("the model did not load"),
        };
        let parameters = parameters(args, &settings, &model);
        let bench = Bench { args, completer: &completer, variants: Variant::all(options) };
        Ok((bench.rows(&holes, &parameters).await?, model))
    });
    completer.shutdown();
    let (rows, model) = outcome?;
    let baseline = baseline.unwrap_or_else(|| table::baseline_of(&rows));
    if args.json {
        let summary = table::summary(&rows, &baseline);
        return print(&format!("{}\n", json!({ "summary": summary })));
    }
    let heading = format!(
        "{} holes of {} with {model}, at most {} tokens of other files",
        holes.len(),
        path.display(),
        options.snippet_tokens,
    );
    print(&table::table(&rows, &baseline, &heading))
}

/// Returns the first holes of the chosen languages in a random order, which the seed determines.
fn chosen(mut holes: Vec<GivenHole>, args: &Args) -> Vec<GivenHole> {
    holes.retain(|hole| args.languages.is_empty() || args.languages.contains(&hole.language));
    SeededRng::new(args.seed, "cross-file").shuffle(&mut holes);
    holes.truncate(args.holes as usize);
    holes
}

/// Returns what rows depend on, except for the texts.
fn parameters(args: &Args, settings: &Settings, model: &str) -> Map<String, Value> {
    let mut parameters = Map::from_iter([
        ("model".to_owned(), model.into()),
        ("snippet_tokens".to_owned(), args.cross_file.snippet_tokens.into()),
        ("invoked".to_owned(), args.invoked.into()),
    ]);
    for key in ["anchor", "order", "prompt_tokens", "suggestion_threshold"] {
        parameters.extend(settings.value_of(key).map(|value| (key.to_owned(), value)));
    }
    parameters
}

struct Bench<'a> {
    args: &'a Args,
    completer: &'a Arc<Completer>,
    variants: Vec<Variant>,
}

impl Bench<'_> {
    /// Asks about every hole and variant that the ledger does not hold.
    async fn rows(
        &self,
        holes: &[GivenHole],
        parameters: &Map<String, Value>,
    ) -> anyhow::Result<Vec<Row>> {
        let (mut ledger, known) =
            Ledger::open_optional::<Row>(self.args.out.as_deref(), parameters)?;
        let progress = progress::bar(progress::HOLES, 0, holes.len() as u64);
        let mut rows = Vec::new();
        for hole in holes {
            let opened = hole.open()?;
            // The same folder for every variant: labels are relative to it.
            self.completer.set_roots(vec![hole.root.clone()]);
            for &variant in &self.variants {
                let (id, name) = (hole.id(), variant.name());
                let found = known.iter().find(|row| row.hole == id && row.variant == name);
                let row = match found {
                    Some(row) if row.digest == opened.digest => row.clone(),
                    Some(_) => {
                        bail!("{id} changed since its row was made; name another file with --out")
                    }
                    None => {
                        let row = self.ask(hole, &opened, variant).await;
                        if let Some(ledger) = &mut ledger {
                            ledger.add(&row)?;
                        }
                        row
                    }
                };
                if self.args.json {
                    let line = format!("{}\n", serde_json::to_string(&row)?);
                    progress.suspend(|| print(&line))?;
                }
                rows.push(row);
            }
            progress.inc(1);
        }
        Ok(rows)
    }

    /// Asks about one hole with the text of one variant.
    async fn ask(&self, given: &GivenHole, opened: &Opened, variant: Variant) -> Row {
        let Opened { text, language, hole, .. } = opened;
        let uri = Uri::of_path(&opened.path);
        let document = Document::open(uri.as_str(), language.id, 0, &hole.holed(text));
        let snapshot = document.snapshot();
        let repository = if variant.collector.is_automatic() {
            self.completer.opened(&snapshot);
            self.completer.wait_for_index(INDEX_TIMEOUT);
            // A name would make the empty list of snippets final.
            String::new()
        } else {
            given.package.clone()
        };
        let elsewhere = Elsewhere {
            snippets: Vec::new(),
            repository,
            tokens: self.args.cross_file.snippet_tokens,
            placement: variant.place.map(Place::placement),
        };
        let trigger = if self.args.invoked { Trigger::Invoked } else { Trigger::Automatic };
        let mut request = CompletionRequest {
            trigger,
            time_limit: TimeLimit::Unlimited,
            multiline: Some(false),
            elsewhere,
            ..CompletionRequest::new(snapshot.clone(), ByteOffset(hole.cursor()))
        };
        if variant.collector.is_automatic() {
            request = self.completer.with_snippets(request);
        }
        let Elsewhere { snippets, tokens, .. } = &mut request.elsewhere;
        snippets.splice(..0, variant.collector.collect(given, &snapshot, hole.cursor()));
        *tokens += variant.collector.n_extra_tokens();
        let answer = self.completer.complete(request).await;
        // The next variant must not be answered from memory.
        self.completer.closed(snapshot.uri());
        let filled = match &answer.outcome {
            Outcome::Insert(insert) => {
                Some(snapshot.with_edit(insert.start..insert.end, &insert.text).text())
            }
            Outcome::Nothing | Outcome::Superseded => None,
        };
        self.row(given, opened, variant, &answer, filled.as_deref())
    }

    fn row(
        &self,
        given: &GivenHole,
        opened: &Opened,
        variant: Variant,
        answer: &Answer,
        filled: Option<&str>,
    ) -> Row {
        let Opened { text, language, hole, digest, .. } = opened;
        let n_below = text.len().saturating_sub(hole.end);
        let shown = filled.map(|filled| {
            let end = filled.len().saturating_sub(n_below);
            filled.get(hole.start..end).unwrap_or_default()
        });
        let scored = shown.map(|shown| score(language, text, hole, shown)).unwrap_or_default();
        let inserted = shown.and_then(|shown| shown.get(hole.n_before..)).unwrap_or_default();
        let report = &answer.report;
        let texts = || Texts {
            truth: hole.truth(text).to_owned(),
            shown: shown.unwrap_or_default().to_owned(),
            after_cursor: hole.tail.clone(),
        };
        Row {
            hole: given.id(),
            digest: digest.clone(),
            package: given.package.clone(),
            language: given.language.clone(),
            kind: hole.kind,
            visible: given.visible.clone(),
            variant: variant.name(),
            exact: scored.exact_match,
            identifier: given.is_named_in(inserted),
            similarity: scored.edit_similarity,
            silent: match filled {
                Some(_) => None,
                None => Some(
                    report.silent.clone().unwrap_or_else(|| "the model returned no text".into()),
                ),
            },
            stop: report.stop.map(|stop| stop.name().to_owned()),
            snippets: report.n_snippets,
            tokens: report.tokens,
            ms: report.ms,
            texts: self.args.texts.then(texts),
        }
    }
}
