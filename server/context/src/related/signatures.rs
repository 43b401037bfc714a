//! The signatures of definitions in other files, as skeletons of these files.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::candidates::{Candidate, candidates};
use super::evidence::Parts;
use super::{FileSnippet, Place};
use crate::gather::Snippet;
use crate::index::{File, Indexed, Table};

/// Definitions with a lower score are not used, even if there is room.
const MIN_SCORE: f32 = 2.0;
/// Names of one reason; the others are counted.
const MAX_NAMES_OF_REASON: usize = 6;
/// Indentation of a type's members.
const INDENT: &str = "    ";

/// Limits on the signatures of one prompt, in bytes of their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureLimits {
    /// Maximum bytes of a new choice.
    pub max_bytes: usize,
    /// Maximum bytes of a choice to which later places have added.
    pub max_held_bytes: usize,
}

/// A candidate with the parts of its score, for fitting their weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked<'t> {
    pub path: &'t str,
    pub definition: Indexed<'t>,
    /// The values in the order of [`WEIGHTS`](super::WEIGHTS).
    pub parts: Parts,
}

/// Returns the definitions that [`signatures`] chooses from, best first.
pub fn ranked<'t>(place: &Place<'_>, table: &'t Table) -> Vec<Ranked<'t>> {
    let all = candidates(place, table).into_iter();
    let other = all.filter(|candidate| !is_in_window(place, candidate));
    other
        .map(|Candidate { file, definition, parts, .. }| Ranked {
            path: file.path(),
            definition,
            parts,
        })
        .collect()
}

/// Returns the signatures that may help at a place, one snippet for each file.
///
/// `label` returns the name of a file in the prompt, and `None` if the model must not see it.
/// `held` are the snippets of the document's last prompt, without those of files that the model must
/// not see now: if they have the best third of the signatures, they are returned as they are,
/// because a change of them costs the computation of the whole prompt; if there is room, what they
/// lack is added after them.
pub fn signatures(
    place: &Place<'_>,
    table: &Table,
    limits: SignatureLimits,
    label: impl Fn(&str) -> Option<String>,
    held: &[FileSnippet],
) -> Vec<FileSnippet> {
    let mut choice =
        Choice { label: &label, left: limits.max_bytes, parts: Vec::new(), denied: HashSet::new() };
    let candidates = candidates(place, table);
    let mut helpful = candidates
        .iter()
        .take_while(|candidate| candidate.score >= MIN_SCORE)
        .filter(|candidate| !is_in_window(place, candidate))
        .peekable();
    let after_essential = limits.max_bytes - limits.max_bytes / 3;
    while let Some(candidate) = helpful.next_if(|_| choice.left > after_essential) {
        if choice.add(candidate).is_break() {
            break;
        }
    }
    if !held.is_empty() {
        let lacking = choice.without(held);
        let n_bytes: usize = held.iter().chain(&lacking).map(n_bytes).sum();
        if lacking.is_empty() || n_bytes <= limits.max_held_bytes {
            return [held, &lacking].concat();
        }
    }
    // A break only ends the search.
    let _ = helpful.try_for_each(|candidate| choice.add(candidate));
    choice.snippets()
}

fn n_bytes(FileSnippet { snippet, .. }: &FileSnippet) -> usize {
    snippet.label.len() + 1 + snippet.text.len()
}

/// The signatures chosen so far, best file first.
struct Choice<'t, L> {
    label: L,
    /// Bytes that are not used.
    left: usize,
    parts: Vec<Part<'t>>,
    denied: HashSet<&'t str>,
}

impl<'t, L: Fn(&str) -> Option<String>> Choice<'t, L> {
    /// Adds a candidate unless the model must not see its file; breaks if it does not fit.
    fn add(&mut self, candidate: &Candidate<'t>) -> ControlFlow<()> {
        let Some(part) = self.part(candidate.file) else { return ControlFlow::Continue(()) };
        let n_bytes = part.n_bytes_with(candidate);
        let Some(left) = self.left.checked_sub(n_bytes) else { return ControlFlow::Break(()) };
        if let Some(part) = self.part(candidate.file) {
            part.add(candidate);
        }
        self.left = left;
        ControlFlow::Continue(())
    }

    /// Returns the part of a file; `None` if the model must not see it.
    fn part(&mut self, file: &'t File) -> Option<&mut Part<'t>> {
        if self.denied.contains(file.path()) {
            return None;
        }
        let known = self.parts.iter().position(|part| part.file.path() == file.path());
        let idx = if let Some(idx) = known {
            idx
        } else if let Some(label) = (self.label)(file.path()) {
            self.parts.push(Part { file, label, lines: Vec::new() });
            self.parts.len() - 1
        } else {
            self.denied.insert(file.path());
            return None;
        };
        self.parts.get_mut(idx)
    }

    /// Returns the chosen snippets without the lines that `held` has.
    fn without(&self, held: &[FileSnippet]) -> Vec<FileSnippet> {
        let lacks = |path: &str, line: &str| {
            let mut of_file = held.iter().filter(|held| held.path == path);
            !of_file.any(|held| has_line(&held.snippet, line))
        };
        let parts = self.parts.iter().rev().map(|part| {
            let lines = part.lines.iter().filter(|line| lacks(part.file.path(), line.signature));
            Part { file: part.file, label: part.label.clone(), lines: lines.copied().collect() }
        });
        parts.filter(|part| !part.lines.is_empty()).map(|part| part.snippet()).collect()
    }

    fn snippets(&self) -> Vec<FileSnippet> {
        self.without(&[])
    }
}

fn has_line(snippet: &Snippet, line: &str) -> bool {
    snippet.text.lines().any(|of_snippet| of_snippet.trim_start() == line)
}

/// Whether the window has the definition's text already.
fn is_in_window(place: &Place<'_>, candidate: &Candidate<'_>) -> bool {
    let signature = candidate.definition.signature;
    place.context.prefix.contains(signature) || place.context.suffix.contains(signature)
}

/// The signature of one definition, ordered by its line number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Line<'t> {
    number: u32,
    /// The type that it belongs to.
    container: Option<&'t str>,
    signature: &'t str,
    name: &'t str,
    reason: &'static str,
}

/// The signatures of one file.
struct Part<'t> {
    file: &'t File,
    label: String,
    lines: Vec<Line<'t>>,
}

impl<'t> Part<'t> {
    /// Returns how many bytes a definition adds.
    fn n_bytes_with(&self, candidate: &Candidate<'t>) -> usize {
        let label = if self.lines.is_empty() { self.label.len() + 1 } else { 0 };
        let definition = &candidate.definition;
        let header = definition.container.filter(|container| !self.has_header(container));
        let header = header.map_or(0, |container| self.header(container).len() + 1);
        let indent = if definition.container.is_some() { INDENT.len() } else { 0 };
        label + header + indent + definition.signature.len() + 1
    }

    fn add(&mut self, candidate: &Candidate<'t>) {
        let Indexed { name, line, signature, container, .. } = candidate.definition;
        self.lines.push(Line {
            number: line,
            container,
            signature,
            name,
            reason: candidate.reason,
        });
    }

    /// Whether a type's signature is a line already, as a definition or above a member.
    fn has_header(&self, container: &str) -> bool {
        let header = self.header(container);
        let is_it = |line: &Line<'_>| line.container == Some(container) || line.signature == header;
        self.lines.iter().any(is_it)
    }

    /// Returns the line above the members of a type: its signature, else its name.
    fn header<'c>(&self, container: &'c str) -> &'c str
    where
        't: 'c,
    {
        let mut types = self.file.definitions().filter(|of| of.container.is_none());
        types.find(|of| of.name == container).map_or(container, |of| of.signature)
    }

    fn snippet(&self) -> FileSnippet {
        let mut lines = self.lines.clone();
        lines.sort_unstable();
        lines.dedup();
        let mut text = String::new();
        let mut written: HashSet<&str> = HashSet::new();
        for Line { container, signature, .. } in &lines {
            if let Some(container) = container {
                let header = self.header(container);
                if written.insert(header) {
                    text.push_str(header);
                    text.push('\n');
                }
                text.push_str(INDENT);
            } else if !written.insert(signature) {
                continue;
            }
            text.push_str(signature);
            text.push('\n');
        }
        let snippet = Snippet { label: self.label.clone(), text, reason: reason(&lines) };
        FileSnippet { path: self.file.path().to_owned(), snippet }
    }
}

/// Returns why the lines were chosen: each reason with the names that it holds for.
fn reason(lines: &[Line<'_>]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in lines {
        let group = groups.iter_mut().find(|(reason, _)| *reason == line.reason);
        match group {
            Some((_, names)) if names.contains(&line.name) => {}
            Some((_, names)) => names.push(line.name),
            None => groups.push((line.reason, vec![line.name])),
        }
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(reason, names)| {
            let n_more = names.len().saturating_sub(MAX_NAMES_OF_REASON);
            let more = if n_more > 0 { format!(" and {n_more} more") } else { String::new() };
            let names: Vec<&str> = names.into_iter().take(MAX_NAMES_OF_REASON).collect();
            format!("{reason}: {}{more}", names.join(", "))
        })
        .collect();
    groups.join("; ")
}
