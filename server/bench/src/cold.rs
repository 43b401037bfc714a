//! `lowkey bench cold`: how long the first suggestion takes where nothing is warm.
//!
//! A real server process of this very program is spoken to over stdio as an editor does: a file is opened, typed in, left
//! for a place far away, come back to, and opened again after a restart. The server keeps its files in a private folder
//! that goes when the run ends, so that the user's sessions are neither used nor changed; of the user's settings only
//! those of the model count.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lowkey_completer::ordinary;
use lowkey_completer::report::to_microseconds;
use lowkey_completer::settings::Settings;
use lowkey_document::{Snapshot, Uri};
use lowkey_terminal::stdout::print;
use serde::Serialize;
use serde_json::{Value, json};

use super::prompt_args::check_value;
use crate::Program;

mod client;
mod figures;
mod places;
mod scene;
mod scratch;

use client::Client;
use places::{Location, Places, Typist, choose, n_lines};
use scene::{SceneResult, run_scene};
use scratch::Scratch;

/// Arguments of `lowkey bench cold`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Source files of at least 60 lines with indented code; each gets a server of its own
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print one JSON object for each file and one with the summary
    #[arg(long)]
    json: bool,
    /// Milliseconds from one key to the next
    #[arg(long, value_name = "MS", default_value_t = 150, value_parser = clap::value_parser!(u64).range(..=60_000))]
    typing_ms: u64,
    /// Keys in each scene, at most
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=1000))]
    keys: u64,
    /// How sure the gate must be: quiet, normal, eager, or always, so that no gate hides how long a suggestion takes
    #[arg(long, value_name = "HOW", default_value = "always", value_parser = |word: &str| check_value("suggestion_threshold", word))]
    suggestion_threshold: String,
}

const AFTER_HELP: &str = "\
Scenes, in this order:
  first start  once, in an empty folder, where the machine's speed is measured
  ready        from the start of the process to a model that is ready
  open         the file is opened, the cursor is in its middle
  jump         the cursor goes at least a third of the file's lines away
  back         the cursor goes back
  restart      the server ends as editors end it and starts again: ready once more
  reopen       the file is opened once more, the cursor is where it was

Some text at both places is left out before the file is opened and typed again, one key every --typing-ms; the first key
comes one pause after the event. Every key changes the text, withdraws the request before and sends the next. All keys of
a scene are typed, also after the first suggestion, which is never taken. The tokens that a request computes before the
next key supersedes it are in no report; with --typing-ms above the server's time limit no request is superseded.
The server keeps its sessions in a folder that is removed at the end. Settings other than the model, its threads,
quantization and device are the defaults.";

/// The scenes with keys, in this order.
const SCENES: [&str; 4] = ["open", "jump", "back", "reopen"];

/// One file, as `--json` prints it.
#[derive(Debug, Serialize)]
struct FileResult {
    file: String,
    lines: usize,
    language: String,
    model: String,
    ready_ms: f64,
    restart_ready_ms: f64,
    scenes: Vec<SceneResult>,
}

/// A file and where it is typed in.
struct Subject {
    file: PathBuf,
    whole: Snapshot,
    places: Places,
}

pub(super) fn run(args: &Args, settings: &Settings, program: &Program) -> anyhow::Result<()> {
    let n_keys = args.keys as usize;
    // All files are looked at first: a mistake in the last one shall not cost a run.
    let subjects =
        args.files.iter().map(|file| subject(file, n_keys)).collect::<anyhow::Result<Vec<_>>>()?;
    let scratch = Arc::new(Scratch::new()?);
    scratch.remove_on_signals()?;
    let bench = Bench { args, settings, program, scratch: &scratch, n_keys };
    let outcome = bench.run(subjects);
    if outcome.is_err() {
        scratch.wait_for_signal_exit();
    }
    outcome
}

/// Reads a file and chooses its places.
fn subject(file: &Path, n_keys: usize) -> anyhow::Result<Subject> {
    let document = ordinary::document(file).map_err(anyhow::Error::msg);
    let whole = document.context("FILE must be a source file of yours")?.snapshot();
    // The first place is typed at three times.
    let places = choose(&whole, 3 * n_keys, n_keys)
        .with_context(|| format!("{} cannot be typed in", file.display()))?;
    Ok(Subject { file: file.to_owned(), whole, places })
}

struct Bench<'a> {
    args: &'a Args,
    settings: &'a Settings,
    program: &'a Program,
    scratch: &'a Arc<Scratch>,
    n_keys: usize,
}

impl Bench<'_> {
    /// Measures all files and prints what comes of it.
    fn run(&self, subjects: Vec<Subject>) -> anyhow::Result<()> {
        let (client, first_start_ms, _) = self.start(None).context("measuring the first start")?;
        client.end()?;
        let mut measured = Vec::new();
        for subject in subjects {
            let name = subject.file.display().to_string();
            let file = self.measure(subject).with_context(|| format!("measuring {name}"))?;
            if self.args.json {
                print(&format!("{}\n", serde_json::to_string(&file)?))?;
            }
            measured.push(file);
        }
        let summary = figures::summarise(
            &measured,
            first_start_ms,
            self.args.typing_ms,
            &self.args.suggestion_threshold,
        );
        if self.args.json {
            return print(&format!("{}\n", json!({ "summary": summary })));
        }
        print(&summary.screen())
    }

    /// Starts a server and waits until it is ready; also returns the milliseconds and the model's name.
    fn start(&self, root: Option<&Path>) -> anyhow::Result<(Client, f64, String)> {
        let mut client = Client::start(&self.program.executable, self.scratch)?;
        let (ms, model) = client.ready(&self.initialize(root))?;
        Ok((client, to_microseconds(ms), model))
    }

    fn initialize(&self, root: Option<&Path>) -> Value {
        let mut options = json!({ "suggestion_threshold": self.args.suggestion_threshold });
        for key in ["model", "threads", "quantize", "device"] {
            options[key] = self.settings.value_of(key).unwrap_or_default();
        }
        let folders =
            root.map(|root| json!([{"uri": Uri::of_path(root).as_str(), "name": "root"}]));
        json!({
            "processId": std::process::id(),
            "clientInfo": {"name": "lowkey bench cold"},
            "rootUri": null,
            "workspaceFolders": folders,
            "capabilities": {
                "general": {"positionEncodings": ["utf-16"]},
                "textDocument": {"inlineCompletion": {}},
                "workspace": {"workspaceFolders": true},
            },
            "initializationOptions": options,
        })
    }

    fn measure(&self, subject: Subject) -> anyhow::Result<FileResult> {
        let Subject { file, whole, places } = subject;
        let root = root_of(&whole);
        let mut typist = Typist::new(&whole, places);
        // A short file is shared fairly between the visits.
        let n_first = typist.n_left(Location::First).div_ceil(3).min(self.n_keys);
        let pace = Duration::from_millis(self.args.typing_ms);
        let (mut client, ready_ms, model) = self.start(root.as_deref())?;
        let mut scenes = Vec::new();
        let event = open(&mut client, &typist)?;
        scenes.push(run_scene(
            &mut client,
            &mut typist,
            ("open", Location::First),
            n_first,
            pace,
            event,
        )?);
        for (name, at, n_keys) in
            [("jump", Location::Far, self.n_keys), ("back", Location::First, n_first)]
        {
            let event = Instant::now();
            scenes.push(run_scene(&mut client, &mut typist, (name, at), n_keys, pace, event)?);
        }
        client.end()?;
        let (mut client, restart_ready_ms, _) = self.start(root.as_deref())?;
        let event = open(&mut client, &typist)?;
        scenes.push(run_scene(
            &mut client,
            &mut typist,
            ("reopen", Location::First),
            n_first,
            pace,
            event,
        )?);
        client.end()?;
        Ok(FileResult {
            file: file.display().to_string(),
            lines: n_lines(&whole),
            language: whole.language_id().to_owned(),
            model,
            ready_ms,
            restart_ready_ms,
            scenes,
        })
    }
}

/// Opens the text as it is now; returns when.
fn open(client: &mut Client, typist: &Typist) -> anyhow::Result<Instant> {
    let text = typist.snapshot();
    let event = Instant::now();
    client.notify(
        "textDocument/didOpen",
        &json!({"textDocument": {
            "uri": text.uri().as_str(),
            "languageId": text.language_id(),
            "version": typist.version(),
            "text": text.text(),
        }}),
    )?;
    Ok(event)
}

/// The folder that an editor would have open: the repository's, or else the file's own.
fn root_of(text: &Snapshot) -> Option<PathBuf> {
    let path = text.uri().file_path()?;
    let is_repository = |folder: &&Path| folder.join(".git").exists();
    path.ancestors().skip(1).find(is_repository).or_else(|| path.parent()).map(Path::to_owned)
}
