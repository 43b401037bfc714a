//! `lowkey stats`: the suggestions shown on this machine and their outcomes.
//!
//! Draws the file in which this user's servers count. The command uses only this file, and writes
//! its results only where the user directs.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lowkey_completer::stats::{self, Day};
use lowkey_terminal::stdout::{print, print_styled};
use serde_json::json;

mod page;
mod screen;
mod view;

use view::View;

/// Arguments of `lowkey stats`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Number of days, up to today
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=4000))]
    days: u32,
    /// Print one JSON object
    #[arg(long, conflicts_with_all = ["html", "forget"])]
    json: bool,
    /// Write a page with plots to this file; the page loads and sends nothing
    #[arg(long, value_name = "FILE", conflicts_with = "forget")]
    html: Option<PathBuf>,
    /// Delete all counts
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
        let page = page::page(&view).context("cannot fill in the page of the statistics")?;
        std::fs::write(file, page).with_context(|| format!("cannot write {}", file.display()))?;
        return print(&format!("wrote {}\n", file.display()));
    }
    print_styled(&screen::screen(&view, &path, counted.unreadable))
}
