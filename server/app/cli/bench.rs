//! `lowkey bench`: measurements that anyone can repeat.

use lowkey_completer::settings::Settings;

mod cold;
mod cut;
mod engine;
pub(super) mod figures;
mod player;
mod quality;
mod replay;
pub(super) mod target;
mod trace;

/// Arguments of `lowkey bench`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, clap::Subcommand)]
enum Bench {
    /// Say how fast the model runs on this machine, and how far that is from what the machine gives
    Engine(engine::Args),
    /// Open, leave and reopen files in a real server at typing speed, and say how long the first suggestion takes
    Cold(cold::Args),
    /// Replay an editing trace, key by key, and say what each key cost
    Replay(replay::Args),
    /// Take text out of a repository's files, ask for it, and say how often the answer is right
    Quality(quality::Args),
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<()> {
    match &args.bench {
        Bench::Engine(args) => engine::run(args, settings),
        Bench::Cold(args) => cold::run(args, settings),
        Bench::Replay(args) => replay::run(args, settings),
        Bench::Quality(args) => quality::run(args, settings),
    }
}
