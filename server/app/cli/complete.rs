//! `lowkey complete FILE:LINE:COL`: one completion, as an editor gets it for an explicit request.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use lowkey_completer::settings::Settings;
use lowkey_completer::{
    Completer, CompletionRequest, Outcome, PersistOptions, Status, TimeLimit, Trigger, load,
    regular_file,
};
use lowkey_document::{ByteOffset, Document};
use lowkey_terminal::stdout::print;

use crate::embedded::embedded;
use crate::stderr::print_stderr;

/// Arguments of `lowkey complete`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File, line and column, both counted from 1; the column counts characters, and the completion
    /// is inserted before it
    #[arg(value_name = "FILE:LINE:COL")]
    place: String,
    /// Print the whole report as one JSON object
    #[arg(long)]
    json: bool,
    /// Show the decision of each stage (on stderr, or as `why` in the JSON)
    #[arg(long)]
    explain: bool,
    /// Allow a completion of several lines
    #[arg(long)]
    multiline: bool,
}

/// A place in a file, 1-based.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    file: PathBuf,
    line: usize,
    column: usize,
}

/// A large workspace is indexed in part.
const INDEX_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn run(args: &Args, settings: Settings) -> anyhow::Result<()> {
    let place = parse(&args.place)?;
    let document = regular_file::document(&place.file).map_err(anyhow::Error::msg)?;
    let cursor = find(&document, &place)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A single command reads the data that an editor's server has kept, but saves none of its own.
    let keep = load::keep(&settings).map(PersistOptions::reading_only);
    let completer = Completer::start(settings, embedded(), keep)?;
    if let Some(problem) = completer.use_refiners() {
        print_stderr!("lowkey: settings: {problem}");
    }
    if let Ok(folder) = std::env::current_dir() {
        completer.set_roots(vec![folder]);
    }
    let answer = runtime.block_on(async {
        if let Status::Failed(reason) = completer.ready().await {
            bail!(reason);
        }
        // The model decides whether other files are read.
        completer.start_index();
        completer.opened(&document.snapshot());
        completer.wait_for_index(INDEX_TIMEOUT);
        let request = CompletionRequest {
            trigger: Trigger::Invoked,
            multiline: Some(args.multiline),
            time_limit: TimeLimit::Unlimited,
            ..CompletionRequest::new(document.snapshot(), cursor)
        };
        Ok(completer.complete(request).await)
    })?;
    completer.shutdown();
    if args.json {
        let mut report = (*answer.report).clone();
        if !args.explain {
            report.why.clear();
        }
        return print(&format!("{}\n", serde_json::to_string(&report)?));
    }
    if args.explain {
        for verdict in &answer.report.why {
            print_stderr!("{verdict}");
        }
    }
    match &answer.outcome {
        Outcome::Insert(_) => print(&format!("{}\n", answer.report.text)),
        Outcome::Nothing | Outcome::Superseded => {
            let rule = answer.report.silent.as_deref().unwrap_or("the model returned no text");
            print_stderr!("lowkey: no suggestion: {rule}; run with --explain for the reasons");
            Ok(())
        }
    }
}

/// Splits `FILE:LINE:COL` from the right, because a path may contain colons.
fn parse(place: &str) -> anyhow::Result<Place> {
    let parts = place.rsplit_once(':').and_then(|(rest, column)| {
        let (file, line) = rest.rsplit_once(':')?;
        Some((file, line.parse().ok()?, column.parse().ok()?))
    });
    match parts {
        Some((file, line, column)) if !file.is_empty() => {
            Ok(Place { file: file.into(), line, column })
        }
        _ => bail!("{place:?} is not a position; write FILE:LINE:COL, both numbers counted from 1"),
    }
}

fn find(document: &Document, place: &Place) -> anyhow::Result<ByteOffset> {
    let snapshot = document.snapshot();
    let Place { file, line, column } = place;
    let n_lines = snapshot.n_lines();
    if *line == 0 || *line > n_lines {
        bail!("line {line} is outside {}, which has lines 1 to {n_lines}", file.display());
    }
    let text = snapshot.line(line - 1);
    let n_columns = text.chars().count() + 1;
    if *column == 0 || *column > n_columns {
        bail!(
            "column {column} is outside line {line} of {}, which has columns 1 to {n_columns}",
            file.display()
        );
    }
    let bytes: usize = text.chars().take(column - 1).map(char::len_utf8).sum();
    let ByteOffset(start) = snapshot.line_start(line - 1);
    Ok(ByteOffset(start + bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_split_from_the_right() {
        let place = parse("a:b.rs:3:14").ok();
        assert_eq!(place, Some(Place { file: "a:b.rs".into(), line: 3, column: 14 }));
        for wrong in ["a.rs", "a.rs:3", "a.rs:x:1", ":1:1", "a.rs:1:-1", ""] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn columns_count_characters() {
        let document = Document::open("file:///a.py", "python", 0, "äb\nc");
        let at = |line, column| {
            find(&document, &Place { file: "a.py".into(), line, column }).map_err(|e| e.to_string())
        };
        assert_eq!(at(1, 1), Ok(ByteOffset(0)));
        assert_eq!(at(1, 2), Ok(ByteOffset(2)));
        assert_eq!(at(1, 3), Ok(ByteOffset(3)));
        assert!(at(1, 4).is_err_and(|m| m.contains("columns 1 to 3")));
        assert!(at(3, 1).is_err_and(|m| m.contains("lines 1 to 2")));
        assert!(at(0, 1).is_err());
        assert!(at(1, 0).is_err());
    }
}
