//! `lowkey doctor`: the abilities of this machine and the model, on one screen.

use lowkey_completer::settings::{self, Settings};
use lowkey_completer::{Completer, DeviceChoice, PersistOptions, Status, load};
use lowkey_engine::{assembler, stored_sessions};
use lowkey_kernels::Pool;
use lowkey_terminal::stdout::{print, print_styled};
use lowkey_terminal::style::BOLD;
use lowkey_terminal::system::{kilobytes, load};
use serde::Serialize;
use std::fmt::Write as _;

use crate::embedded::embedded;
use editors::Editor;
use forecast::{Forecast, Kernels};
use next_edit::NextEditFindings;
use remote::RemoteFindings;
use self_test::SelfTest;

mod editors;
mod forecast;
mod holes;
mod next_edit;
mod remote;
mod self_test;

/// Arguments of `lowkey doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Skip the self-test: the model fills in 20 holes, which takes seconds with a large model
    #[arg(long)]
    no_self_test: bool,
}

#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    cpu: Cpu,
    device: Device,
    memory: Memory,
    model: Model,
    /// The result of the self-test; `null` with `--no-self-test`.
    self_test: Option<SelfTest>,
    /// The remote server of the settings; `null` if there is none.
    remote: Option<RemoteFindings>,
    /// The model of the setting `next_edit_model`; `null` if there is none.
    next_edit_model: Option<NextEditFindings>,
    kept: Kept,
    /// The measured speed of the kernels; `null` without enough memory for the measurement.
    kernels_measured: Option<Kernels>,
    /// The models of the catalog with their expected speed on this machine.
    forecasts: Vec<Forecast>,
    /// Editors on this machine, and whether their settings name lowkey.
    editors: Vec<Editor>,
    settings_file: Option<String>,
}

/// Data on disk that is kept between starts.
#[derive(Debug, Serialize)]
struct Kept {
    /// `null` if no data is kept.
    folder: Option<String>,
    /// Saved sessions, of any model.
    sessions: usize,
    sessions_mb: f64,
    /// Whether the speeds come from earlier starts instead of a measurement now.
    speed: bool,
}

#[derive(Debug, Serialize)]
struct Cpu {
    architecture: &'static str,
    processor: String,
    /// Instruction sets that matter to the kernels.
    features: Vec<&'static str>,
    /// The implementation of the kernels in use.
    kernels: &'static str,
    threads_available: usize,
    threads_used: usize,
    /// Average number of programs that wanted a thread in the last minute; `null` if the system
    /// does not report it.
    load: Option<f64>,
}

impl Cpu {
    /// Whether other programs use so much that measurements are unreliable.
    fn is_busy(&self) -> bool {
        // One thread is the load of the doctor itself, the end of a compiler run, or an editor's
        // start.
        self.load.is_some_and(|load| load > self.threads_available as f64 + 0.5)
    }
}

/// The device that runs the model.
#[derive(Debug, Serialize)]
struct Device {
    /// `cpu`, or the device's setting and its product name.
    used: String,
    /// Kinds of devices other than the CPU that this build supports.
    built_for: &'static [&'static str],
}

#[derive(Debug, Serialize)]
struct Memory {
    /// Available memory in megabytes; `null` if the system does not report it.
    available_mb: Option<u64>,
    /// Megabytes that this process uses with the model loaded.
    resident_mb: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Model {
    name: String,
    architecture: String,
    file_mb: f64,
    context_tokens: usize,
    /// The prompt format.
    infill: String,
    digest: String,
    kv_bytes_per_token: usize,
    load_ms: f64,
    prefill_tokens_per_s: f64,
    decode_tokens_per_s: f64,
    /// Seconds for a cold prompt of 1,500 tokens, or of the model's context length if that is
    /// shorter.
    cold_prompt_s: f64,
    /// Time budget of an automatic request, in milliseconds.
    time_budget_ms: u64,
}

pub(super) fn run(args: &Args, settings: Settings) -> anyhow::Result<()> {
    let file =
        load::open(&settings.model, &settings, embedded().as_ref()).map_err(anyhow::Error::msg)?;
    let threads = settings.threads;
    let format = if args.no_self_test {
        None
    } else {
        let assembler = assembler(&file, settings.infill).map_err(anyhow::Error::msg)?;
        Some(assembler.format().clone())
    };
    let accelerator = settings.device.open()?;
    let device = Device {
        used: accelerator.map_or_else(|| "cpu".to_owned(), |found| found.name().to_owned()),
        built_for: DeviceChoice::SUPPORTED_KINDS,
    };
    let load = load();
    let started = std::time::Instant::now();
    let keep = load::keep(&settings).map(PersistOptions::reading_only);
    let folder = keep.as_ref().map(|keep| keep.folder.clone());
    let settings = match &format {
        Some(format) => self_test::settings(&settings, format),
        None => settings,
    };
    let completer = Completer::start(settings, embedded(), keep)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (name, speed, speed_was_stored, kv_bytes_per_token, context_tokens, infill) =
        match runtime.block_on(completer.ready()) {
            Status::Ready {
                model,
                speed,
                speed_was_stored,
                cache_bytes_per_token,
                context_length,
                infill,
                ..
            } => (model, speed, speed_was_stored, cache_bytes_per_token, context_length, infill),
            Status::Failed(reason) => anyhow::bail!(reason),
            Status::Loading(_) => anyhow::bail!("the engine ended while it loaded the model"),
        };
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let features = lowkey_kernels::features();
    let used = load::threads_of(threads);
    let available_mb = kilobytes("/proc/meminfo", "MemAvailable:").map(|kb| kb >> 10);
    let resident_mb = kilobytes("/proc/self/status", "VmRSS:").map(|kb| kb >> 10);
    let self_test = format
        .map(|format| runtime.block_on(self_test::run(&completer, &format, file.n_parameters())));
    let remote = remote::examine(&completer, &completer.settings());
    let next_edit_model = runtime.block_on(next_edit::examine(&completer, args.no_self_test));
    let kernels_measured = Kernels::measure(&Pool::new(used));
    let (sessions, sessions_bytes) = folder.as_deref().map(stored_sessions).unwrap_or_default();
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        cpu: Cpu {
            architecture: features.architecture,
            processor: features.processor.clone(),
            features: features.has.clone(),
            kernels: features.kernels.name(),
            threads_available: features.threads,
            threads_used: used,
            load,
        },
        device,
        memory: Memory { available_mb, resident_mb },
        model: Model {
            name,
            architecture: file.architecture().to_owned(),
            file_mb: (file.n_bytes() as f64 / 1e5).round() / 10.0,
            context_tokens,
            infill,
            digest: file.digest(),
            kv_bytes_per_token,
            load_ms: load_ms.round(),
            prefill_tokens_per_s: speed.prefill.round(),
            decode_tokens_per_s: speed.decode.round(),
            cold_prompt_s: context_tokens.min(1500) as f64 / speed.prefill.max(1e-3),
            time_budget_ms: completer.budget().as_millis() as u64,
        },
        self_test,
        remote,
        next_edit_model,
        kept: Kept {
            folder: folder.map(|folder| folder.display().to_string()),
            sessions,
            sessions_mb: (sessions_bytes as f64 / 1e5).round() / 10.0,
            speed: speed_was_stored,
        },
        kernels_measured,
        forecasts: forecast::forecasts(kernels_measured, available_mb),
        editors: editors::editors(),
        settings_file: settings::config_file().map(|p| p.display().to_string()),
    };
    completer.shutdown();
    if args.json {
        return print(&format!("{}\n", serde_json::to_string(&findings)?));
    }
    print_styled(&screen(&findings))
}

impl Device {
    fn says(&self) -> String {
        match self.built_for {
            [] => format!("{}; this build supports no GPU", self.used),
            kinds => format!("{}; built for {} too", self.used, kinds.join(" and ")),
        }
    }
}

fn screen(found: &Findings) -> String {
    let Findings { version, cpu, device, memory, model, kept, settings_file, .. } = found;
    let since = if kept.speed { "kept from earlier use" } else { "measured now" };
    let mb = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| format!("{n} MB"));
    let self_test = found.self_test.as_ref();
    let rows = [
        ("lowkey", (*version).to_owned()),
        ("processor", cpu.processor.clone()),
        ("features", format!("{}: {}", cpu.architecture, cpu.features.join(" "))),
        ("kernels", cpu.kernels.to_owned()),
        ("runs on", device.says()),
        (
            "threads",
            match cpu.load {
                Some(load) if cpu.is_busy() => format!(
                    "{} of {}, shared by {load:.0} programs: an idle machine is faster",
                    cpu.threads_used, cpu.threads_available
                ),
                _ => format!("{} of {}", cpu.threads_used, cpu.threads_available),
            },
        ),
        ("memory free", mb(memory.available_mb)),
        ("memory held", mb(memory.resident_mb)),
        ("model", format!("{} ({}, {} MB on disk)", model.name, model.architecture, model.file_mb)),
        (
            "context",
            format!("{} tokens, {} bytes each", model.context_tokens, model.kv_bytes_per_token),
        ),
        ("asked", model.infill.clone()),
        ("self-test", self_test.map_or_else(|| "not run".to_owned(), SelfTest::says)),
        ("loaded in", format!("{} ms", model.load_ms)),
        ("prompt", format!("{} tokens/s, {since}", model.prefill_tokens_per_s)),
        ("decoding", format!("{} tokens/s, {since}", model.decode_tokens_per_s)),
        (
            "cold prompt",
            format!("{:.2} s for {} tokens", model.cold_prompt_s, model.context_tokens.min(1500)),
        ),
        ("answers in", format!("{} ms, with the text decoded by then", model.time_budget_ms)),
        (
            "kept in",
            kept.folder.as_ref().map_or_else(
                || "nothing is kept".to_owned(),
                |folder| format!("{folder}: {} sessions, {} MB", kept.sessions, kept.sessions_mb),
            ),
        ),
        (
            "settings",
            match settings_file {
                Some(file) if std::path::Path::new(file).exists() => file.clone(),
                Some(file) => format!("{file}: not there, so all defaults apply"),
                None => "no config folder".to_owned(),
            },
        ),
    ];
    let mut out = String::new();
    let remote = found.remote.iter().flat_map(RemoteFindings::rows);
    let next_edits = found.next_edit_model.iter().map(|found| ("next edits", found.says()));
    for (name, value) in rows.into_iter().chain(next_edits).chain(remote) {
        let _ = writeln!(out, "{BOLD}{name:<12}{BOLD:#}{value}");
    }
    if found.editors.is_empty() {
        let _ = writeln!(
            out,
            "{BOLD}{:<12}{BOLD:#}no known editor is on PATH; editors/ in the repository explains how to set up yours",
            "editors"
        );
    }
    for editor in &found.editors {
        let _ = writeln!(out, "{BOLD}{:<12}{BOLD:#}{}", editor.name, editor.says());
    }
    if let Some(advice) = self_test.and_then(|test| test.advice(&model.infill)) {
        out.push('\n');
        out.push_str(&advice);
    }
    out.push('\n');
    out.push_str(&forecast::table(found.kernels_measured, &found.forecasts));
    if cpu.is_busy() {
        out.push_str(
            "The machine is busy, which lowers the forecasts: run this again when it is idle.\n",
        );
    }
    out
}
