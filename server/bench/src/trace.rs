//! Editing traces: JSON lines of what an editor sent and where the cursor stood.
//!
//! The first line names the format and the first document. `open` lines add documents;
//! `edit` and `cursor` lines follow, each with the milliseconds since the one before.
//! A `path` on a line makes that document the current one. A `cursor` line with
//! `dt_ms` 0 right after an edit says where that edit left the cursor, as with
//! brackets that an editor closes by itself.

use std::path::Path;

use anyhow::{Context as _, bail};
use lowkey_completer::regular_file;
use serde::Deserialize;

/// The version of the format that is read.
const FORMAT: u32 = 1;

/// A document at the start.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    pub(super) path: String,
    pub(super) language: String,
    pub(super) text: String,
}

/// Line and column, 0-based, UTF-16.
pub(super) type Place = [u32; 2];

/// A replaced range, as in `didChange`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    pub(super) start: Place,
    pub(super) end: Place,
    pub(super) text: String,
}

/// One thing that the user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Milliseconds since the step before.
    pub(super) dt_ms: u64,
    /// Which document becomes the current one; `None` leaves it.
    pub(super) path: Option<String>,
    /// What changed; `None` for a mere move of the cursor.
    pub(super) edit: Option<Edit>,
    /// Where the cursor is afterwards; `None` means at the end of the edit's text.
    pub(super) cursor: Option<Place>,
}

/// A whole trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    /// The documents; the first is the current one at the start.
    pub(super) opens: Vec<Open>,
    pub(super) steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Head {
    lowkey_trace: u32,
    path: String,
    language: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    open: Option<Open>,
    #[serde(default)]
    dt_ms: u64,
    path: Option<String>,
    edit: Option<Edit>,
    cursor: Option<Place>,
}

/// The longest trace: days of typing.
const MAX_BYTES: u64 = 256 << 20;

/// Reads a trace from a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Trace> {
    let text = regular_file::read_text(path, MAX_BYTES)
        .with_context(|| format!("cannot read the trace {}", path.display()))?;
    parse(&text).with_context(|| format!("trace {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Trace> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((_, first)) = lines.next() else { bail!("is empty") };
    let head: Head = serde_json::from_str(first)
        .context("line 1 is not the head of a trace: {\"lowkey_trace\":1,\"path\":…,\"language\":…,\"text\":…}")?;
    if head.lowkey_trace != FORMAT {
        bail!("has format {}; this version reads format {FORMAT}", head.lowkey_trace);
    }
    let Head { path, language, text, .. } = head;
    let mut trace = Trace { opens: vec![Open { path, language, text }], steps: Vec::new() };
    for (idx, line) in lines {
        let line: Line = serde_json::from_str(line).with_context(|| format!("line {}", idx + 1))?;
        match line {
            Line { open: Some(open), edit: None, cursor: None, .. } => trace.opens.push(open),
            Line { open: None, edit: None, cursor: None, .. } | Line { open: Some(_), .. } => {
                bail!("line {}: takes either open, or edit and cursor", idx + 1)
            }
            Line { open: None, dt_ms, path, edit, cursor } => {
                trace.push(Step { dt_ms, path, edit, cursor });
            }
        }
    }
    for path in trace.steps.iter().filter_map(|step| step.path.as_ref()) {
        if !trace.opens.iter().any(|open| open.path == *path) {
            bail!("a step is in {path}, which no line opens");
        }
    }
    Ok(trace)
}

impl Trace {
    fn push(&mut self, step: Step) {
        let places_last = step.dt_ms == 0 && step.edit.is_none() && step.path.is_none();
        match self.steps.last_mut() {
            Some(last) if places_last && last.edit.is_some() && last.cursor.is_none() => {
                last.cursor = step.cursor;
            }
            _ => self.steps.push(step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"lowkey_trace":1,"path":"a.rs","language":"rust","text":""}"#;

    #[test]
    fn edits_cursors_and_documents_are_read() {
        let text = format!(
            "{HEAD}\n{}\n{}\n{}\n{}\n",
            r#"{"open":{"path":"b.rs","language":"rust","text":"x"}}"#,
            r#"{"dt_ms":120,"edit":{"start":[0,0],"end":[0,0],"text":"()"}}"#,
            r#"{"dt_ms":0,"cursor":[0,1]}"#,
            r#"{"dt_ms":900,"path":"b.rs","cursor":[0,0]}"#,
        );
        let trace = parse(&text).unwrap();
        assert_eq!(trace.opens.len(), 2);
        assert_eq!(trace.steps.len(), 2);
        assert_eq!(trace.steps[0].cursor, Some([0, 1]));
        assert_eq!(trace.steps[1].path.as_deref(), Some("b.rs"));
    }

    #[test]
    fn wrong_lines_are_named() {
        let message = |text: &str| format!("{:#}", parse(text).unwrap_err());
        assert!(message("").contains("empty"));
        assert!(message("{}").contains("lowkey_trace"));
        assert!(message(&HEAD.replace(":1,", ":9,")).contains("format 9"));
        assert!(message(&format!("{HEAD}\n{{\"dt_ms\":1}}")).contains("line 2"));
        assert!(message(&format!("{HEAD}\nnonsense")).contains("line 2"));
        let elsewhere = r#"{"dt_ms":1,"path":"c.rs","cursor":[0,0]}"#;
        assert!(message(&format!("{HEAD}\n{elsewhere}")).contains("c.rs"));
    }
}
