//! Definitions of languages that are read by lines: blocks by indentation, words that end a block,
//! or definitions that begin at a line's start.
//!
//! A *logical line* is a line with the lines that its open brackets need. Indentation decides which
//! type or function a line is in.

use super::definitions::{Collector, DefinitionKind};
use super::grammar::{Grammar, Role};
use super::head::{Found, found, is, word};
use super::tokens::Token;

mod blocks;
mod declarations;

/// Maximum tokens of a logical line; the rest of a long table is not needed.
const MAX_LINE_TOKENS: usize = 2000;

/// A block that contains the current line.
#[derive(Debug)]
pub(super) struct Level {
    column: usize,
    /// The type that the block's definitions belong to.
    name: Option<String>,
    is_function: bool,
    /// Python's `__init__`, whose assignments define fields.
    is_constructor: bool,
}

/// The state between two lines.
#[derive(Debug)]
pub(super) struct Lines<'o> {
    grammar: &'static Grammar,
    levels: Vec<Level>,
    out: &'o mut Collector,
}

/// Reads the definitions of a text's tokens.
pub(super) fn read(
    language: &str,
    grammar: &'static Grammar,
    tokens: &[Token<'_>],
    out: &mut Collector,
) {
    let mut lines = Lines { grammar, levels: Vec::new(), out };
    if language == "clojure" || language == "sql" {
        declarations::read_all(language, &mut lines, tokens);
        return;
    }
    let brackets = match language {
        "python" | "lua" | "elixir" | "ocaml" | "fsharp" | "haskell" | "ruby" | "crystal" => "([{",
        _ => "([",
    };
    for line in logical_lines(grammar, tokens, brackets, language == "haskell") {
        let Some(first) = line.first() else { continue };
        while lines.levels.last().is_some_and(|level| level.column >= first.column) {
            lines.levels.pop();
        }
        match language {
            "python" => blocks::python(&mut lines, line),
            "ruby" | "crystal" => blocks::ruby(&mut lines, line),
            "lua" => blocks::lua(&mut lines, line),
            "elixir" => blocks::elixir(&mut lines, line),
            "julia" => blocks::julia(&mut lines, line),
            "scala" => blocks::scala(&mut lines, line),
            "fsharp" | "ocaml" => declarations::ml(&mut lines, line),
            "haskell" => declarations::haskell(&mut lines, line),
            "erlang" => declarations::erlang(&mut lines, line),
            "shellscript" => declarations::shell(&mut lines, line),
            "r" => declarations::r(&mut lines, line),
            _ => {}
        }
        if lines.out.is_full() {
            return;
        }
    }
}

impl Lines<'_> {
    fn is_local(&self) -> bool {
        self.levels.iter().any(|level| level.is_function)
    }

    fn container(&self) -> Option<String> {
        self.levels.iter().rev().find_map(|level| level.name.clone())
    }

    fn is_member(&self) -> bool {
        self.levels.last().is_some_and(|level| level.name.is_some())
    }

    fn add(&mut self, found: Option<Found>) {
        if let Some(mut found) = found {
            let container = found.container.take().or_else(|| self.container());
            self.out.add(found, container);
        }
    }

    fn enter(&mut self, line: &[Token<'_>], name: Option<&str>, is_function: bool) {
        let column = line.first().map_or(0, |first| first.column);
        let name = name.map(str::to_owned);
        self.levels.push(Level { column, name, is_function, is_constructor: false });
    }

    fn function_kind(&self) -> DefinitionKind {
        if self.is_member() { DefinitionKind::Method } else { DefinitionKind::Function }
    }

    fn value_kind(&self, name: &str) -> DefinitionKind {
        if self.is_member() {
            DefinitionKind::Field
        } else if name.chars().any(char::is_lowercase) {
            DefinitionKind::Variable
        } else {
            DefinitionKind::Constant
        }
    }

    /// Returns the role of a line and the index after its keyword, past modifiers.
    fn role(&self, line: &[Token<'_>]) -> Option<(Role, usize)> {
        let mut at = 0;
        while let Some(word) = word(line, at) {
            if let Some(role) = self.grammar.role(word)
                && !(is(line, at + 1, "=") || is(line, at + 1, "."))
            {
                return Some((role, at + 1));
            }
            if !self.grammar.modifiers.contains(&word) {
                return None;
            }
            at = super::head::after_group(line, at + 1);
        }
        None
    }
}

/// Returns the index of the last word of a dotted name: `a.b:c`, `A::B`.
fn end_of_path(line: &[Token<'_>], start: usize) -> usize {
    let mut at = start;
    loop {
        let mut next = at + 1;
        while line.get(next).is_some_and(|token| token.is_any(".:")) && next < at + 3 {
            next += 1;
        }
        if next == at + 1
            || word(line, next).is_none()
            || is(line, at + 1, ":") && is(line, at + 2, " ")
        {
            return at;
        }
        at = next;
    }
}

/// Splits tokens into logical lines.
fn logical_lines<'a, 't>(
    grammar: &Grammar,
    tokens: &'a [Token<'t>],
    brackets: &str,
    is_by_column: bool,
) -> Vec<&'a [Token<'t>]> {
    let closers: String = brackets
        .chars()
        .map(|open| match open {
            '(' => ')',
            '[' => ']',
            _ => '}',
        })
        .collect();
    let mut lines = Vec::new();
    let (mut start, mut depth) = (0, 0usize);
    for (idx, token) in tokens.iter().enumerate() {
        let is_definition = || {
            let is_keyword =
                grammar.role(token.text).is_some() || grammar.modifiers.contains(&token.text);
            token.column == 0 && token.is_word() && is_keyword
        };
        let is_continued = idx.checked_sub(1).is_some_and(|last| is(tokens, last, "\\"));
        let is_new = token.is_first
            && if is_by_column { token.column == 0 } else { depth == 0 && !is_continued };
        // A definition at a line's start ends brackets that were never closed.
        if idx > start && (is_new || (token.is_first && depth > 0 && is_definition())) {
            lines.push(tokens.get(start..idx.min(start + MAX_LINE_TOKENS)).unwrap_or_default());
            (start, depth) = (idx, 0);
        }
        if token.is_any(brackets) {
            depth += 1;
        } else if token.is_any(&closers) {
            depth = depth.saturating_sub(1);
        }
    }
    let end = tokens.len().min(start + MAX_LINE_TOKENS);
    lines.push(tokens.get(start..end).unwrap_or_default());
    lines
}

/// Returns a definition whose signature ends before the first token outside brackets that
/// satisfies a predicate.
fn found_until(
    line: &[Token<'_>],
    idx: usize,
    kind: DefinitionKind,
    is_end: impl Fn(usize, &Token<'_>) -> bool,
) -> Option<Found> {
    word(line, idx)?;
    let end = super::head::position(line, idx + 1, is_end).unwrap_or(line.len());
    found(line, idx, kind, line.get(..end).unwrap_or_default())
}
