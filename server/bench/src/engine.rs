//! `lowkey bench engine`: how fast the model runs here, and how far that is from what the machine gives.
//!
//! It times the forward pass itself, with random tokens: no tokenizer, no editor, no
//! memory of earlier completions. Every row is measured once per round, rounds run in
//! alternating order, and medians are reported, so that what else the machine does
//! falls on all rows alike. The machine's limits are the best of their rounds.

use std::time::Instant;

use lowkey_completer::load;
use lowkey_completer::settings::Settings;
use lowkey_kernels::{Isa, Pool, int8_gop_s, read_gb_s, round_trip_ns};
use lowkey_model::Accelerator;
use lowkey_terminal::progress;
use lowkey_terminal::stdout::{print, print_styled};
use lowkey_terminal::system::kilobytes;

use crate::Program;
use chart::Chart;
use result::{Outcome, Roofline, Share};
use subject::{Row, Subject};

mod chart;
mod result;
mod screen;
mod subject;

/// Arguments of `lowkey bench engine`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Measure each row this many times and report the median
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Run other kernels than the fastest: what an older processor would do, on this one
    #[arg(long, value_name = "NAME", value_parser = kernels())]
    kernels: Option<String>,
}

/// The kernels that this processor can run.
fn kernels() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(Isa::all_usable().into_iter().map(Isa::name))
}

/// The kernels of this name, or the fastest.
fn isa_of(name: Option<&str>) -> Isa {
    let named = |isa: &Isa| Some(isa.name()) == name;
    Isa::all_usable().into_iter().find(named).unwrap_or_else(Isa::detect)
}

/// Rounds in which the machine's limits are looked for; a limit is the best of them.
const ROOFLINE_ROUNDS: usize = 9;

pub(super) fn run(args: &Args, settings: &Settings, program: &Program) -> anyhow::Result<()> {
    let threads = load::threads_of(settings.threads);
    let progress = progress::bar(progress::STEPS, 0, None).with_message("loading the model");
    progress.tick();
    let started = Instant::now();
    let file = load::open(&settings.model, settings, program.embedded.as_ref())
        .map_err(anyhow::Error::msg)?;
    let name = file.name().to_owned();
    let isa = isa_of(args.kernels.as_deref());
    // Kernels are the CPU's: with `--kernels` the model runs there.
    let accelerator = if args.kernels.is_some() { None } else { settings.device.open()? };
    let model = match &accelerator {
        None => lowkey_model::load_on(&file, Pool::with_isa(threads, isa), &mut |_| {})?,
        Some(accelerator) => lowkey_model::load_on_device(&file, accelerator, &mut |_| {})?,
    };
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    drop(file);

    let (rows, skipped) = Row::plan(model.config().context_length);
    progress.set_length(u64::from(args.rounds) * rows.len() as u64);
    progress.set_message("warming up");
    let mut subject = Subject::new(model, &rows)?;
    for row in Row::largest(&rows) {
        subject.measure(row)?;
    }
    progress.reset_eta();
    let mut samples = vec![Vec::new(); rows.len()];
    for round in 0..args.rounds {
        for n_done in 0..rows.len() {
            // Back and forth, so that no row is always measured on a cooler machine.
            let at = if round % 2 == 0 { n_done } else { rows.len() - 1 - n_done };
            if let (Some(row), Some(samples)) = (rows.get(at), samples.get_mut(at)) {
                progress.set_message(format!("round {} of {}: {row}", round + 1, args.rounds));
                samples.push(subject.measure(*row)?);
                progress.inc(1);
            }
        }
    }
    // Before the limits are measured, which takes memory of its own.
    let (memory, peak) = (resident("VmRSS:"), resident("VmHWM:"));
    progress.set_message("the machine's limits");
    let pool = Pool::with_isa(threads, isa);
    let roofline = Roofline {
        read_gb_s: read_gb_s(&pool, ROOFLINE_ROUNDS)?,
        int8_gop_s: int8_gop_s(&pool, ROOFLINE_ROUNDS),
        round_trip_ns: round_trip_ns(&pool),
    };
    drop(progress);

    let mut outcome = Outcome::new(&subject, &rows, &samples, roofline);
    outcome.model = name;
    outcome.threads = pool.threads();
    outcome.kernels = pool.isa().name();
    outcome.device = accelerator.as_ref().map_or("cpu", Accelerator::name).into();
    if accelerator.is_some() {
        // The limits that were measured are the CPU's.
        outcome.share = Share::default();
    }
    outcome.rounds = args.rounds;
    outcome.load_ms = result::rounded(load_ms);
    outcome.memory_mb = memory;
    outcome.memory_peak_mb = peak;
    outcome.skipped = skipped;
    if args.json {
        return print(&format!("{}\n", serde_json::to_string(&outcome)?));
    }
    print_styled(&screen::draw(&Chart::of(&outcome)))
}

/// Megabytes that this process holds, by a field of Linux's status file; `None` elsewhere.
fn resident(field: &str) -> Option<f64> {
    kilobytes("/proc/self/status", field).map(|kb| result::rounded(kb as f64 / 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_by_the_name_that_is_reported() {
        for isa in Isa::all_usable() {
            assert_eq!(isa_of(Some(isa.name())), isa);
        }
        assert_eq!(isa_of(None), Isa::detect());
    }
}
