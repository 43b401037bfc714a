//! `lowkey bench edits`: how often the next edit is right, and how often lowkey is quiet where
//! nothing follows.
//!
//! Two sources: scenarios, each a text with an edit history and the expected text, and histories
//! mined from releases. With `--judge`, a model judges the unsure proposals of these histories; with
//! `--next-edit-model`, another rewrites the lines of scenarios.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lowkey_completer::settings::Settings;
use lowkey_edits::Caution;
use lowkey_terminal::stdout::print;
use serde_json::json;

mod judge;
mod mined;
mod model_judge;
mod run_scenario;
mod scenario;
mod stage_two;
mod table;

use mined::MinedHistory;
use model_judge::ModelJudge;
use run_scenario::ScenarioRow;
use scenario::Scenario;
use stage_two::StageTwo;

use crate::Program;

/// Arguments of `lowkey bench edits`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder with scenarios: files in txtar format, each with a text, its edit history, the
    /// steps and the expected text
    #[arg(value_name = "DIR", required_unless_present = "mined")]
    folder: Option<PathBuf>,
    /// Replay the edit histories in this file instead; `server/training/edits.py` makes it
    #[arg(long, value_name = "FILE", conflicts_with = "folder")]
    mined: Option<PathBuf>,
    /// Show only very likely changes, as the setting `next_edit = "careful"` does
    #[arg(long)]
    careful: bool,
    /// With --mined, write every place that the changes fit, with its features, to this file
    #[arg(long, value_name = "FILE", requires = "mined")]
    features: Option<PathBuf>,
    /// Ask this next-edit model where the search finds nothing: a name or a file, as in the setting
    /// `next_edit_model`
    #[arg(long, value_name = "MODEL", requires = "folder")]
    next_edit_model: Option<PathBuf>,
    /// With --mined, let this model judge the unsure proposals: a .gguf file
    #[arg(long, value_name = "MODEL", requires = "mined")]
    judge: Option<PathBuf>,
    /// Threads of the model
    #[arg(long, value_name = "N", default_value_t = 2, requires = "judge")]
    judge_threads: usize,
    /// Print a row for each scenario or history as JSON lines
    #[arg(long)]
    json: bool,
}

impl Args {
    fn caution(&self) -> Caution {
        if self.careful { Caution::Careful } else { Caution::Normal }
    }
}

pub(super) fn run(args: &Args, settings: &Settings, program: &Program) -> anyhow::Result<()> {
    match (&args.mined, &args.folder) {
        (Some(file), _) => run_mined(args, file),
        (None, Some(folder)) => run_scenarios(args, folder, settings, program),
        // Required without --mined.
        (None, None) => bail!("no folder with scenarios; name one, or a file with --mined"),
    }
}

fn run_scenarios(
    args: &Args,
    folder: &std::path::Path,
    settings: &Settings,
    program: &Program,
) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txtar"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("{} has no .txtar files; name a folder with scenarios", folder.display());
    }
    let stage_two = match &args.next_edit_model {
        None => None,
        Some(model) => Some(StageTwo::start(model, args.careful, settings, program)?),
    };
    let mut rows: Vec<ScenarioRow> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read the scenario {}", file.display()))?;
        let scenario = Scenario::parse(&text)
            .with_context(|| format!("cannot read the scenario {}", file.display()))?;
        rows.push(match &stage_two {
            None => scenario.run(args.caution()),
            Some(stage_two) => stage_two.run(&scenario),
        });
    }
    let work = stage_two.as_ref().map(StageTwo::work);
    if args.json {
        for row in &rows {
            print(&format!("{}\n", serde_json::to_string(row)?))?;
        }
        let summary = table::scenario_summary(&rows);
        print(&format!("{}\n", json!({ "summary": summary, "next_edit_model": work })))
    } else {
        let work = work.map(|work| stage_two::says(&work)).unwrap_or_default();
        print(&(table::scenarios(&rows) + &work))
    }
}

fn run_mined(args: &Args, file: &std::path::Path) -> anyhow::Result<()> {
    let opened = std::fs::File::open(file)
        .with_context(|| format!("cannot read the histories {}", file.display()))?;
    let mut features = match &args.features {
        None => None,
        Some(path) => Some(BufWriter::new(
            std::fs::File::create(path)
                .with_context(|| format!("cannot write the features to {}", path.display()))?,
        )),
    };
    let judge = args.judge.as_deref();
    let judge = judge.map(|path| ModelJudge::load(path, args.judge_threads)).transpose()?;
    let mut rows = Vec::new();
    for (idx, line) in BufReader::new(opened).lines().enumerate() {
        let line =
            line.with_context(|| format!("cannot read line {} of {}", idx + 1, file.display()))?;
        let history: MinedHistory = serde_json::from_str(&line)
            .with_context(|| format!("line {} of {} is no history", idx + 1, file.display()))?;
        let replayed = history.replay();
        let row = history.ask(&replayed, args.caution(), judge.as_ref());
        if let Some(features) = &mut features {
            for candidate in history.labelled(&replayed, idx) {
                serde_json::to_writer(&mut *features, &candidate)?;
                features.write_all(b"\n")?;
            }
        }
        if args.json {
            print(&format!("{}\n", serde_json::to_string(&row)?))?;
        }
        rows.push(row);
    }
    if rows.is_empty() {
        bail!("{} has no histories; make them with server/training/edits.py", file.display());
    }
    if args.json {
        print(&format!("{}\n", json!({ "summary": table::mined_summary(&rows) })))
    } else {
        print(&table::mined(&rows))
    }
}
