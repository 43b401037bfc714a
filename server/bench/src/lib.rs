//! The measurements of `lowkey bench`: the engine, a cold start, an editing trace, a server under
//! the load of a team, the quality of suggestions and next edits.
//!
//! The program passes its arguments, its settings, its embedded model and its own path to [`run`].
//! `lowkey demo` uses the [client](client::Client), the [figures](figures::percentile) and the
//! [simulated user](simulated_user::decide).
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

use std::path::PathBuf;

use lowkey_completer::EmbeddedModel;
use lowkey_completer::settings::Settings;

pub mod client;
mod cold;
mod edits;
mod engine;
pub mod figures;
mod player;
mod prompt_args;
mod quality;
mod replay;
pub mod simulated_user;
mod team;
mod trace;

/// The program that runs the measurements.
#[derive(Debug)]
pub struct Program {
    /// The embedded model, if any.
    pub embedded: Option<EmbeddedModel>,
    /// Its path, which `bench cold` uses to start a server.
    pub executable: PathBuf,
}

/// Arguments of `lowkey bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, clap::Subcommand)]
enum Bench {
    /// Measure the model's speed on this machine, and compare it with the machine's limits
    Engine(engine::Args),
    /// Open, leave and reopen files in a real server at typing speed, and report the time to the
    /// first suggestion
    Cold(cold::Args),
    /// Replay an editing trace key by key, and report the cost of each key
    Replay(replay::Args),
    /// Let many simulated typists ask one server, and report what it computes for each key
    Team(team::Args),
    /// Remove text from a repository's files, request it, and report how often the answer is right
    Quality(Box<quality::Args>),
    /// Ask for the next edit after recorded edits, and report how often it is right, and how often
    /// nothing is shown where nothing follows
    Edits(edits::Args),
}

/// Runs a measurement and prints the result to stdout.
pub fn run(args: &Args, settings: &Settings, program: &Program) -> anyhow::Result<()> {
    match &args.bench {
        Bench::Engine(args) => engine::run(args, settings, program),
        Bench::Cold(args) => cold::run(args, settings, program),
        Bench::Replay(args) => replay::run(args, settings, program),
        Bench::Team(args) => team::run(args, settings),
        Bench::Quality(args) => quality::run(args, settings, program),
        Bench::Edits(args) => edits::run(args, settings, program),
    }
}
