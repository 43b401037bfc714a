//! `lowkey models list`: one line per model, or everything as JSON.

use std::fmt::Write as _;

use lowkey_completer::load;
use lowkey_model::Config;
use lowkey_store::{CatalogEntry, DEFAULT_NAME, EmbeddedModel, Hub, Pins, amount, catalog};
use lowkey_terminal::stdout::{print, print_styled};
use lowkey_terminal::style::{BOLD, QUIET};
use serde::Serialize;

use crate::embedded::embedded;

/// Arguments of `lowkey models list`.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The state of the embedded model if the default model's weights were missing at build time.
const FIXTURE: &str =
    "stand-in: this program was built before all parts of the default model were there";

/// A row of the list.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    family: String,
    parameters: String,
    quantization: String,
    /// Length of the file: exact if it is on this machine, else the hub's, if known.
    bytes: Option<u64>,
    /// The same in words; empty if unknown.
    size: String,
    /// For serving with a context of 2,048 tokens.
    memory_bytes: Option<u64>,
    license: String,
    restricts: bool,
    /// The restrictions of the licence.
    terms: Option<String>,
    fim: Option<String>,
    /// The next-edit format, for a model of the setting `next_edit_model`.
    next_edit: Option<String>,
    languages: String,
    architecture: String,
    /// Whether this version can run it.
    runs: bool,
    /// Whether the file is on this machine.
    installed: bool,
    path: Option<String>,
    /// Our measurements, and where they are published.
    measured: Option<String>,
    /// The missing parts, in words; empty for a model that is installed and runs.
    state: String,
}

#[derive(Debug, Serialize)]
struct List {
    models: Vec<Row>,
}

pub(super) fn run(args: &Args, hub: &Hub, pins: &Pins) -> anyhow::Result<()> {
    let mut models: Vec<Row> = embedded().as_ref().map(inside).into_iter().collect();
    for entry in catalog() {
        models.push(row(entry, hub, pins)?);
    }
    if args.json {
        return print(&format!("{}\n", serde_json::to_string(&List { models })?));
    }
    print_styled(&table(&models))
}

/// Returns the row of the embedded model, from its metadata and its card.
fn inside(model: &EmbeddedModel) -> Row {
    let file = load::open_embedded(model).ok();
    let architecture = file.as_ref().map(|file| file.architecture().to_owned());
    // The catalog's formula, applied to the shape in the file.
    let config = file.map(|file| file.config().clone());
    let parameters = config.as_ref().map(in_millions).unwrap_or_default();
    let memory = config.and_then(|config| {
        let shape = CatalogEntry {
            layers: config.n_layers as u64,
            kv_heads: config.n_kv_heads as u64,
            head_size: config.head_dim as u64,
            ..catalog().first()?.clone()
        };
        shape.memory_bytes(Some(model.n_bytes))
    });
    let fact = |name| model.fact(name).unwrap_or_default().to_owned();
    Row {
        name: DEFAULT_NAME.to_owned(),
        family: fact("family"),
        parameters,
        quantization: fact("quantization"),
        bytes: Some(model.n_bytes),
        size: amount(model.n_bytes),
        memory_bytes: memory,
        license: fact("licence"),
        restricts: false,
        terms: None,
        fim: model.fact("fim").map(str::to_owned),
        next_edit: None,
        languages: fact("languages"),
        architecture: architecture.unwrap_or_default(),
        runs: true,
        installed: true,
        path: model.path().map(|path| path.display().to_string()),
        measured: model.fact("measured").map(|text| format!("{text} (the model card)")),
        state: if model.is_fixture { FIXTURE.to_owned() } else { String::new() },
    }
}

/// Returns the parameters of a model like the default one, in the catalog's form: `4.2M`.
fn in_millions(config: &Config) -> String {
    let attention = (2 * config.n_heads + 2 * config.n_kv_heads) * config.head_dim;
    let layer = config.hidden * (attention + 3 * config.intermediate_size);
    let tables = if config.tied_embeddings { 1 } else { 2 };
    let all = config.n_layers * layer + tables * config.vocab * config.hidden;
    format!("{:.1}M", all as f64 / 1e6)
}

fn row(entry: &CatalogEntry, hub: &Hub, pins: &Pins) -> anyhow::Result<Row> {
    let pin = lowkey_store::pin_of(pins, entry)?;
    let path = lowkey_store::cached_file(hub, entry, pin.as_ref());
    let length = path.as_deref().and_then(|path| Some(path.metadata().ok()?.len()));
    let missing = missing(entry);
    let bytes = length.or(entry.bytes);
    let installed = path.is_some();
    Ok(Row {
        name: entry.name.clone(),
        family: entry.family.clone(),
        parameters: entry.parameters.clone(),
        quantization: entry.quantization.clone(),
        bytes,
        size: bytes.map(amount).unwrap_or_default(),
        memory_bytes: entry.memory_bytes(length),
        license: entry.licence.clone(),
        restricts: entry.terms.is_some(),
        terms: entry.terms.clone(),
        fim: entry.fim.clone(),
        next_edit: entry.next_edit.clone(),
        languages: entry.languages.clone(),
        architecture: entry.architecture.clone(),
        runs: missing.is_none(),
        installed,
        path: path.map(|path| path.display().to_string()),
        measured: entry.measured.clone(),
        state: match missing {
            Some(missing) => format!("not yet: {missing}"),
            None if installed => String::new(),
            None => "not pulled".to_owned(),
        },
    })
}

/// Returns what this version lacks to run a model.
pub(in crate::cli) fn missing(entry: &CatalogEntry) -> Option<String> {
    if !lowkey_model::architectures().any(|known| known == entry.architecture) {
        return Some(format!("architecture {}", entry.architecture));
    }
    let missing = "neither fill-in-the-middle tokens nor a chat template";
    (entry.fim.is_none() && entry.next_edit.is_none()).then(|| missing.to_owned())
}

fn table(models: &[Row]) -> String {
    let unknown = |amount: Option<String>| amount.unwrap_or_else(|| "?".to_owned());
    let mut rows = vec![["name", "size", "memory", "here", "runs", "licence"].map(str::to_owned)];
    rows.extend(models.iter().map(|model| {
        let star = if model.restricts { " *" } else { "" };
        [
            model.name.clone(),
            unknown(model.bytes.map(amount)),
            unknown(model.memory_bytes.map(amount)),
            if model.installed { "yes" } else { "" }.to_owned(),
            match (model.runs, &model.next_edit) {
                (true, Some(_)) => "yes, for next edits".to_owned(),
                (true, None) => "yes".to_owned(),
                (false, _) => model.state.clone(),
            },
            format!("{}{star}", model.license),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or_default()).collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = " ".repeat((width + 2).saturating_sub(cell.chars().count()));
            line.push_str(cell);
            line.push_str(&pad);
        }
        line.push_str(&row[5]);
        let style = if index == 0 { QUIET } else { BOLD };
        let split = if index == 0 { line.len() } else { widths.first().copied().unwrap_or(0) };
        let (name, rest) = line.split_at_checked(split).unwrap_or((&line, ""));
        let _ = writeln!(out, "{style}{name}{style:#}{rest}");
    }
    out.push_str(
        "\nmemory: the file (its parameters if its size is unknown), 2,048 tokens of KV cache and 80 MB.\nruns: this version has the architecture and a prompt format: fill-in-the-middle, or instructions with a chat template; only the first was tested. A model for next edits belongs in the setting `next_edit_model`, and was not tested.\n*: the licence restricts the use; `lowkey models pull` shows the terms and asks for consent.\n",
    );
    for model in models {
        if let Some(measured) = &model.measured {
            let _ = writeln!(out, "measured, {}: {measured}.", model.name);
        }
    }
    out
}
