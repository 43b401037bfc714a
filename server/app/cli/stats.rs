//! `lowkey stats`: what was shown on this machine, and what became of it.
//!
//! Draws the file that the servers of this user count into; nothing is computed that is not in it, and nothing of it
//! goes anywhere but where the user says.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lowkey_completer::stats::{self, Day};
use serde_json::json;

use super::paint::colours;
use super::print;

mod page;
mod plot;
mod screen;
mod view;

use view::View;

/// Arguments of `lowkey stats`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// So many days back from today
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=4000))]
    days: u32,
    /// Print one JSON object
    #[arg(long, conflicts_with_all = ["html", "forget"])]
    json: bool,
    /// Write a page with plots to this file; it needs nothing else and sends nothing anywhere
    #[arg(long, value_name = "FILE", conflicts_with = "forget")]
    html: Option<PathBuf>,
    /// Delete everything that was counted
    #[arg(long)]
    forget: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Some(ledger) = stats::ledger() else {
        bail!(
            "there is no folder for statistics: LOWKEY_CACHE_DIR is set and empty, or this account has no home folder; \
             name a folder with LOWKEY_CACHE_DIR"
        );
    };
    let path = ledger.path().display().to_string();
    if args.forget {
        let was_there = ledger.forget().with_context(|| format!("cannot delete {path}"))?;
        let words = if was_there { "deleted" } else { "nothing was counted in" };
        return print(&format!("{words} {path}\n"));
    }
    let counted = ledger.read().with_context(|| format!("cannot read {path}"))?;
    let view = View::of(&counted, Day::today(), args.days);
    if args.json {
        let all =
            json!({ "file": path, "unreadable_lines": counted.unreadable, "statistics": view });
        return print(&format!("{all}\n"));
    }
    if let Some(file) = &args.html {
        let page = page::page(&view);
        std::fs::write(file, page).with_context(|| format!("cannot write {}", file.display()))?;
        return print(&format!("wrote {}\n", file.display()));
    }
    print(&screen::screen(&view, &path, counted.unreadable, colours()))
}
