//! `lowkey bench team`: many simulated typists ask one server.
//!
//! Each typist plays a log of requests with its pauses: what an editor asked while a trace was
//! typed. `lowkey bench replay --requests` writes the log of lowkey's requests, and
//! `tests/peers/keystrokes.py --requests` that of llama.vim's. A request that is not answered when
//! the next one begins is cancelled, as both editors do. The tokens are the server's own counts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lowkey_completer::settings::Settings;
use lowkey_completer::{RemoteConfig, remote_config};
use lowkey_remote::{Remote, ServerTotals};
use lowkey_terminal::stdout::print;

mod log;
mod report;
mod typist;

pub(super) use log::{LoggedRequest, RequestLog};
use report::Load;
use typist::{Asks, Typist};

/// Typists at the same time: each has a thread and two connections at most.
const MAX_TYPISTS: usize = 512;

/// Arguments of `lowkey bench team`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Logs of requests; typist 1 plays the first one, typist 2 the second one, and so on
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// The server; without it the one of the settings
    #[arg(long, value_name = "ADDRESS")]
    url: Option<String>,
    /// How many typists at the same time, one run after the other for each number
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_value = "4")]
    typists: Vec<usize>,
    /// How long each run takes
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Ask only where the local model was unsure or several lines were asked; otherwise for every key that the
    /// memory of suggestions does not answer
    #[arg(long)]
    unsure: bool,
    /// Print a JSON line for each run
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<()> {
    let settings = match &args.url {
        Some(url) => Settings { remote_url: url.clone(), ..settings.clone() },
        None => settings.clone(),
    };
    let Some(config) = remote_config(&settings)? else {
        bail!("no server: give --url, or set remote_url in the settings");
    };
    if args.typists.iter().any(|n| !(1..=MAX_TYPISTS).contains(n)) {
        bail!("--typists takes numbers from 1 to {MAX_TYPISTS}");
    }
    let logs = args.logs.iter().map(|path| RequestLog::read(path).map(Arc::new));
    let logs = logs.collect::<anyhow::Result<Vec<_>>>()?;
    let asks = if args.unsure { Asks::Unsure } else { Asks::All };
    let mut lines = Vec::new();
    for &n in &args.typists {
        let load = play(&logs, &config, n, asks, Duration::from_secs(args.seconds))?;
        if args.json {
            print(&format!("{}\n", serde_json::to_string(&load.summary())?))?;
        }
        lines.push(load.line());
    }
    if !args.json {
        print(&report::table(&lines, &logs, &config))?;
    }
    Ok(())
}

/// Lets `n` typists type for `time`.
fn play(
    logs: &[Arc<RequestLog>],
    config: &RemoteConfig,
    n: usize,
    asks: Asks,
    time: Duration,
) -> anyhow::Result<Load> {
    let observer = Remote::new(config.clone(), |_| {});
    let server = observer.check(None).context("the server cannot be asked")?;
    let before = observer.totals()?;
    let end = Instant::now() + time;
    let typists: Vec<_> = (0..n)
        .map(|number| {
            let log = logs.get(number % logs.len()).map(Arc::clone);
            let config = config.clone();
            let typist = move || log.map(|log| Typist::new(log, config, number, asks).play(end));
            std::thread::Builder::new().name(format!("typist {number}")).spawn(typist)
        })
        .collect::<Result<_, _>>()?;
    let mut load = Load::new(n, time);
    for typist in typists {
        match typist.join() {
            Ok(Some(typed)) => load.add(typed),
            Ok(None) | Err(_) => bail!("a typist failed"),
        }
    }
    let after = observer.totals()?;
    load.server = before.zip(after).map(|(before, after)| difference(before, after));
    load.model = server.model;
    Ok(load)
}

fn difference(before: ServerTotals, after: ServerTotals) -> ServerTotals {
    ServerTotals {
        prompt: after.prompt.saturating_sub(before.prompt),
        decoded: after.decoded.saturating_sub(before.decoded),
    }
}
