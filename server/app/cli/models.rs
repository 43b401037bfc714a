//! `lowkey models`: the models of the catalog, and their files on this machine.
//!
//! Results go to stdout: a list, a path. Progress, questions and notes go to stderr. Only `pull`
//! uses the network.

use lowkey_completer::load;
use lowkey_store::{CatalogEntry, DEFAULT_NAME, Hub, Pins, StoreError, amount};
use lowkey_terminal::stdout::print;

use crate::stderr::print_stderr;

pub(super) mod list;
mod progress;
mod pull;

/// Arguments of `lowkey models`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the models: size, memory, licence, whether they are on this machine and run
    List(list::Args),
    /// Download a model into the cache shared with other tools, and print its path
    Pull(pull::Args),
    /// Check the files on this machine against their checksums
    Verify {
        /// Check only this model
        name: Option<String>,
    },
    /// Remove a model's file
    Rm {
        /// The model's name
        name: String,
    },
    /// Print where a model's file is
    Path {
        /// The model's name
        name: String,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let hub = Hub::from_env();
    let pins = load::pins(&hub);
    match &args.command {
        None => list::run(&list::Args::default(), &hub, &pins),
        Some(Command::List(args)) => list::run(args, &hub, &pins),
        Some(Command::Pull(args)) => pull::run(args, hub, &pins),
        Some(Command::Verify { name }) => verify(name.as_deref(), &hub, &pins),
        Some(Command::Rm { name }) => remove(name, &hub, &pins),
        Some(Command::Path { name }) => path(name, &hub, &pins),
    }
}

/// Returns the catalog row of a name that can be pulled.
fn row(name: &str) -> Result<&'static CatalogEntry, StoreError> {
    if lowkey_store::is_default(name) {
        return Err(StoreError::Embedded { name: DEFAULT_NAME.to_owned() });
    }
    lowkey_store::entry(name).ok_or_else(|| StoreError::UnknownName { name: name.to_owned() })
}

fn path(name: &str, hub: &Hub, pins: &Pins) -> anyhow::Result<()> {
    let entry = row(name)?;
    let pin = lowkey_store::pin_of(pins, entry)?;
    let Some(path) = lowkey_store::cached_file(hub, entry, pin.as_ref()) else {
        let folder = hub.cache.root().to_path_buf();
        return Err(StoreError::NotHere { name: entry.name.clone(), folder }.into());
    };
    print(&format!("{}\n", path.display()))
}

fn verify(name: Option<&str>, hub: &Hub, pins: &Pins) -> anyhow::Result<()> {
    let rows = match name {
        Some(name) => vec![row(name)?],
        None => lowkey_store::catalog().iter().collect(),
    };
    let mut damaged = Vec::new();
    let mut n_checked = 0;
    for entry in rows {
        let pin = lowkey_store::pin_of(pins, entry)?;
        let Some(path) = lowkey_store::cached_file(hub, entry, pin.as_ref()) else {
            if name.is_some() {
                let folder = hub.cache.root().to_path_buf();
                return Err(StoreError::NotHere { name: entry.name.clone(), folder }.into());
            }
            continue;
        };
        n_checked += 1;
        let against = if pin.is_some() { "as pulled" } else { "not pinned by a pull" };
        match lowkey_store::verify(entry, pin.as_ref(), &path, &mut |_| {}) {
            Ok((sha256, bytes)) => {
                let size = amount(bytes);
                print(&format!("{}: {size}, SHA-256 {sha256}, {against}\n", entry.name))?;
            }
            Err(error) => damaged.push(error.to_string()),
        }
    }
    anyhow::ensure!(damaged.is_empty(), damaged.join("\n"));
    if n_checked == 0 {
        let root = hub.cache.root().display();
        print_stderr!(
            "no model of the catalog is in {root}; `lowkey models list` shows the catalog"
        );
    }
    Ok(())
}

fn remove(name: &str, hub: &Hub, pins: &Pins) -> anyhow::Result<()> {
    let entry = row(name)?;
    let gone = lowkey_store::remove(hub, pins, entry)?;
    if gone.is_empty() {
        let folder = hub.cache.root().to_path_buf();
        return Err(StoreError::NotHere { name: entry.name.clone(), folder }.into());
    }
    let lines: Vec<String> =
        gone.iter().map(|path| format!("removed {}\n", path.display())).collect();
    print(&lines.concat())
}
