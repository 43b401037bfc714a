//! Scenario files: a description and settings, then sections in txtar format.
//!
//! `buffer.txt` is the text, `history` the edits before, `steps` the requests and checks, `expected`
//! the text after all accepted proposals. Rows count from 1 and columns from 0, in bytes.

use anyhow::{Context as _, bail};

/// One scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) id: String,
    pub(super) language: String,
    pub(super) file: String,
    /// Rows from 0 and columns at which a proposal is asked for.
    pub(super) cursors: Vec<(usize, usize)>,
    pub(super) buffer: String,
    pub(super) history: Vec<ScenarioEdit>,
    pub(super) steps: Vec<ScenarioStep>,
    /// Without it, nothing may be shown.
    pub(super) expected: Option<String>,
}

/// An edit that the user made before: whole lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScenarioEdit {
    pub(super) file: String,
    pub(super) old: String,
    pub(super) new: String,
}

/// A step of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScenarioStep {
    Request,
    Accept,
}

impl Scenario {
    /// Reads a scenario file.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let (head, sections) = sections(text);
        let setting = |key: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            found.map(|value| value.trim().to_owned())
        };
        let needed = |key: &str| setting(key).with_context(|| format!("it has no `{key}`"));
        let number = |value: &str| {
            value.parse::<usize>().with_context(|| format!("{value:?} is not a number"))
        };
        let section = |name: &str| {
            let found = sections.iter().find(|(section, _)| section == name);
            found.map(|(_, text)| text.clone())
        };
        let mut cursors = vec![(number(&needed("row")?)?, number(&needed("col")?)?)];
        for pair in setting("cursor-positions").unwrap_or_default().split(',') {
            if let Some((row, column)) = pair.trim().split_once(':') {
                cursors.push((number(row)?, number(column)?));
            }
        }
        Ok(Self {
            id: needed("id")?,
            language: needed("language")?,
            file: needed("file")?,
            cursors: cursors
                .into_iter()
                .map(|(row, column)| (row.saturating_sub(1), column))
                .collect(),
            buffer: section("buffer.txt").context("it has no section `buffer.txt`")?,
            history: history(&section("history").unwrap_or_default())?,
            steps: steps(&section("steps").unwrap_or_default())?,
            expected: section("expected"),
        })
    }
}

/// Divides a file at its `-- NAME --` lines.
fn sections(text: &str) -> (String, Vec<(String, String)>) {
    let mut head = String::new();
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let name = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
        if let Some(name) = name {
            sections.push((name.to_owned(), String::new()));
            continue;
        }
        let target = sections.last_mut().map_or(&mut head, |(_, text)| text);
        target.push_str(line);
        target.push('\n');
    }
    (head, sections)
}

fn history(text: &str) -> anyhow::Result<Vec<ScenarioEdit>> {
    let mut edits: Vec<ScenarioEdit> = Vec::new();
    let mut is_new = false;
    for line in text.lines() {
        if let Some(file) = line.strip_prefix("<|file|>") {
            let file = file.trim().to_owned();
            edits.push(ScenarioEdit { file, old: String::new(), new: String::new() });
        } else if line == "<|old|>" {
            is_new = false;
        } else if line == "<|new|>" {
            is_new = true;
        } else {
            let Some(edit) = edits.last_mut() else {
                bail!("its history begins without `<|file|>`")
            };
            let side = if is_new { &mut edit.new } else { &mut edit.old };
            side.push_str(line);
            side.push('\n');
        }
    }
    Ok(edits)
}

fn steps(text: &str) -> anyhow::Result<Vec<ScenarioStep>> {
    let mut steps = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_whitespace().next() {
            Some("request-completion") => steps.push(ScenarioStep::Request),
            Some("accept") => steps.push(ScenarioStep::Accept),
            // The section `expected` says the same: without it, nothing may be shown.
            Some("expect") => {}
            _ => bail!(
                "its step {line:?} is not known; the steps are request-completion, accept and expect"
            ),
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A rename.\nid: a\nlanguage: rust\nfile: a.rs\nrow: 2\ncol: 1\n\
        cursor-positions: 3:0\n-- buffer.txt --\nf()\ng()\n-- history --\n<|file|> a.rs\n<|old|>\ne()\n\
        <|new|>\nf()\n-- steps --\nrequest-completion manual\naccept\n-- expected --\nf()\nf()\n";

    #[test]
    fn scenario_is_read() {
        let scenario = Scenario::parse(TEXT).unwrap();
        assert_eq!((&*scenario.id, &*scenario.language, &*scenario.file), ("a", "rust", "a.rs"));
        assert_eq!(scenario.cursors, [(1, 1), (2, 0)]);
        assert_eq!(scenario.buffer, "f()\ng()\n");
        let edit = ScenarioEdit { file: "a.rs".into(), old: "e()\n".into(), new: "f()\n".into() };
        assert_eq!(scenario.history, [edit]);
        assert_eq!(scenario.steps, [ScenarioStep::Request, ScenarioStep::Accept]);
        assert_eq!(scenario.expected.as_deref(), Some("f()\nf()\n"));
    }

    #[test]
    fn broken_scenario_is_reported() {
        let fault = |text: &str| Scenario::parse(text).unwrap_err().to_string();
        assert_eq!(fault("id: a\n"), "it has no `row`");
        assert_eq!(fault(&TEXT.replace("row: 2", "row: x")), "\"x\" is not a number");
        assert!(fault(&TEXT.replace("accept", "jump")).contains("\"jump\" is not known"));
        assert!(fault(&TEXT.replace("<|file|> a.rs\n", "")).contains("without `<|file|>`"));
    }
}
