//! What a hunk changed, as rewrites that other places may need.
//!
//! Each part in which a hunk's lines differ is a rewrite: tokens, and the text that replaces them.
//! Parts of one line are also joined into one rewrite, and a renamed identifier has rewrites for its
//! other spellings. Words that a joined rewrite keeps are variables: `Optional[str]` to
//! `str | None` also changes `Optional[int]`.

use std::ops::Range;

use lowkey_document::lexical::TextKind;

use crate::diff::{Difference, differences};
use crate::hunk::Hunk;
use crate::source_line::SourceLine;
use crate::spelling::{other_styles, words};
use crate::tokens::{Tokens, is_word_char};

/// Tokens of context on each side.
pub(crate) const CONTEXT: usize = 8;
/// Parts of a hunk; one with more is a different text, not a change.
const MAX_PARTS: usize = 8;
/// Line ends in a replacement.
const MAX_NEW_LINES: usize = 3;
/// Variables of a rewrite.
const MAX_VARIABLES: usize = 4;
/// Characters of a word that is searched for inside longer identifiers.
const MIN_PART_CHARS: usize = 4;

/// Words before a name that they define.
const DEFINES: &[&str] = &[
    "def",
    "fn",
    "func",
    "function",
    "fun",
    "class",
    "struct",
    "enum",
    "trait",
    "interface",
    "type",
    "let",
    "var",
    "const",
    "static",
    "mut",
    "val",
    "mod",
    "module",
    "namespace",
    "macro_rules",
];

/// First words of lines that import.
const IMPORTS: &[&str] = &["import", "from", "use", "using", "require", "include", "mod"];

/// How a rewrite came from its hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// One part in which the lines differ.
    Part,
    /// Several parts of a line and the text between them.
    Joined,
    /// The same, with variables.
    General,
    /// A renamed identifier in another style.
    Style,
    /// The renamed words inside longer identifiers.
    Inside,
    /// An argument added after the last one of a call.
    LastArgument,
}

/// One token of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Token(String),
    Variable(usize),
}

/// One piece of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Variable(usize),
}

/// A change that may repeat.
#[derive(Debug, Clone)]
pub(crate) struct Rewrite {
    pub(crate) origin: Origin,
    /// The replaced tokens; empty for an insertion.
    pub(crate) pattern: Vec<Piece>,
    pub(crate) replacement: Vec<Part>,
    /// The tokens around the change in the old lines, the nearest first.
    pub(crate) left: Vec<String>,
    pub(crate) right: Vec<String>,
    /// The kind of text that changes, or of the tokens around an insertion.
    pub(crate) kinds: Vec<TextKind>,
    /// The indentation of the line, for replacements of several lines.
    pub(crate) indent: String,
    /// Words that the change brings.
    pub(crate) new_words: Vec<String>,
    /// The tokens that the change brings.
    pub(crate) new_tokens: Vec<String>,
    /// The number of parts of its hunk.
    pub(crate) n_parts: usize,
    /// The parts that it joins.
    pub(crate) n_joined: usize,
    /// Whether the hunk's new lines still have the replaced word.
    pub(crate) keeps_old: bool,
    pub(crate) defines: bool,
    /// Whether the line imports.
    pub(crate) imports: bool,
    /// The line before the change.
    pub(crate) source: SourceLine,
    /// Identifies equal changes of different hunks.
    pub(crate) key: (String, String),
    /// For an argument: the called name.
    pub(crate) callee: Option<String>,
}

impl Rewrite {
    /// Whether one word becomes one other word.
    pub(crate) fn renames(&self) -> bool {
        let is_word = |text: &str| !text.is_empty() && text.chars().all(is_word_char);
        is_word(&self.key.0) && is_word(&self.key.1)
    }
}

/// Returns the rewrites of a hunk.
pub(crate) fn rewrites(hunk: &Hunk) -> Vec<Rewrite> {
    if hunk.old_lines.trim().is_empty() || hunk.new_lines.trim().is_empty() {
        return Vec::new();
    }
    let old = Tokens::new(hunk.old_lines.clone(), &hunk.scanner);
    let new = Tokens::new(hunk.new_lines.clone(), &hunk.scanner);
    let Some(parts) = differences(&old, &new) else { return Vec::new() };
    if parts.is_empty() || parts.len() > MAX_PARTS {
        return Vec::new();
    }
    let source = HunkTokens { hunk, old: &old, new: &new, n_parts: parts.len() };
    let mut found: Vec<Rewrite> = Vec::new();
    for part in &parts {
        let Some(rewrite) = source.rewrite(part, Origin::Part) else { continue };
        if rewrite.renames() {
            found.extend(spelled(&rewrite));
        }
        found.extend(source.last_argument(part, &rewrite));
        found.push(rewrite);
    }
    for first in 0..parts.len() {
        for last in first + 1..parts.len() {
            let (Some(a), Some(b)) = (parts.get(first), parts.get(last)) else { continue };
            let joined = Difference { old: a.old.start..b.old.end, new: a.new.start..b.new.end };
            if joined.old.clone().any(|idx| old.is_line_end(idx)) {
                break;
            }
            let Some(rewrite) = source.rewrite(&joined, Origin::Joined) else { continue };
            let rewrite = Rewrite { n_joined: last - first + 1, ..rewrite };
            found.extend(source.general(&joined, &rewrite));
            found.push(rewrite);
        }
    }
    found
}

/// Whether a word is a name where it is defined.
pub(crate) fn defines(tokens: &Tokens, part: Range<usize>) -> bool {
    let before = part.start.checked_sub(1).map(|idx| tokens.str(idx)).unwrap_or_default();
    let [after, next] = [tokens.str(part.end), tokens.str(part.end + 1)];
    let assigns = matches!(after, "=" | ":") && !matches!(next, "=" | ":" | ">");
    part.len() == 1
        && (DEFINES.contains(&before)
            || (matches!(before, "for" | "as")
                && matches!(after, "in" | "of" | ":" | ";" | "\n" | "," | ")"))
            || (assigns && matches!(before, "\n" | "(" | "," | "|" | "mut")))
}

/// Returns the tokens of the line of a token.
pub(crate) fn line_of(tokens: &Tokens, idx: usize) -> Range<usize> {
    let start = (0..idx).rev().find(|&idx| tokens.is_line_end(idx)).map_or(0, |idx| idx + 1);
    let end = (idx..tokens.all.len()).find(|&idx| tokens.is_line_end(idx));
    start..end.unwrap_or(tokens.all.len()).max(start)
}

/// Whether a line imports.
pub(crate) fn imports(tokens: &Tokens, line: Range<usize>) -> bool {
    let first = line.map(|idx| tokens.str(idx)).find(|text| *text != "pub");
    first.is_some_and(|first| IMPORTS.contains(&first))
}

struct HunkTokens<'t> {
    hunk: &'t Hunk,
    old: &'t Tokens,
    new: &'t Tokens,
    n_parts: usize,
}

impl HunkTokens<'_> {
    /// Returns the rewrite of a part; `None` for one from which nothing follows: blank lines, line
    /// ends, marks alone.
    fn rewrite(&self, part: &Difference, origin: Origin) -> Option<Rewrite> {
        let Self { old, new, .. } = self;
        let has_word = part.old.clone().any(|idx| old.is_word(idx))
            || part.new.clone().any(|idx| new.is_word(idx));
        let n_line_ends = part.new.clone().filter(|&idx| new.is_line_end(idx)).count();
        let removes_lines = part.old.clone().any(|idx| old.is_line_end(idx));
        // A first or last line end is no token of a line.
        let is_outside = part.old.start == 0 || part.old.end >= old.all.len();
        let is_balanced = balance(old, part.old.clone()) == balance(new, part.new.clone());
        if !has_word || n_line_ends > MAX_NEW_LINES || removes_lines || is_outside || !is_balanced {
            return None;
        }
        let inserts = part.old.is_empty();
        let text = if inserts || part.new.is_empty() {
            // The text between the neighbours, with its blanks.
            let start = if inserts && new.is_line_end(part.new.start.checked_sub(1)?) {
                new.start(part.new.start)
            } else {
                new.end(part.new.start.checked_sub(1)?)
            };
            new.text.get(start..new.start(part.new.end))?
        } else {
            new.span(part.new.clone())
        };
        let strings = |range: Range<usize>| range.map(|idx| old.str(idx).to_owned());
        let kinds = if inserts {
            vec![old.kind(part.old.start - 1), old.kind(part.old.start)]
        } else {
            part.old.clone().map(|idx| old.kind(idx)).collect()
        };
        let before = old.text.get(..old.start(part.old.start)).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let indent = line.chars().take_while(|c| c.is_whitespace()).collect();
        let mut new_words: Vec<String> = part
            .new
            .clone()
            .filter(|&idx| new.is_word(idx))
            .map(|idx| new.str(idx).to_owned())
            .collect();
        new_words.retain(|word| !(0..old.all.len()).any(|idx| old.str(idx) == word));
        let key = (old.span(part.old.clone()).to_owned(), text.trim().to_owned());
        let pattern = strings(part.old.clone()).map(Piece::Token).collect();
        Some(Rewrite {
            origin,
            pattern,
            replacement: vec![Part::Text(text.to_owned())],
            left: strings(part.old.start.saturating_sub(CONTEXT)..part.old.start).rev().collect(),
            right: strings(part.old.end..(part.old.end + CONTEXT).min(old.all.len())).collect(),
            kinds,
            indent,
            new_words,
            new_tokens: part.new.clone().map(|idx| new.str(idx).to_owned()).collect(),
            n_parts: self.n_parts,
            n_joined: 1,
            keeps_old: part.old.len() == 1
                && (0..new.all.len()).any(|idx| new.str(idx) == old.str(part.old.start)),
            defines: defines(old, part.old.clone()),
            imports: imports(old, line_of(old, part.old.start)),
            source: SourceLine::new(old, part.old.start, self.hunk),
            key,
            callee: None,
        })
    }

    /// Returns the rewrite with the words that the change keeps as variables.
    fn general(&self, part: &Difference, rewrite: &Rewrite) -> Option<Rewrite> {
        let Self { old, new, .. } = self;
        let mut variables: Vec<&str> = Vec::new();
        let in_new = |word: &str| part.new.clone().any(|idx| new.str(idx) == word);
        for idx in part.old.clone().filter(|&idx| old.is_word(idx)) {
            let word = old.str(idx);
            if !variables.contains(&word) && in_new(word) {
                variables.push(word);
            }
        }
        if variables.is_empty() || variables.len() > MAX_VARIABLES {
            return None;
        }
        let number = |word: &str| variables.iter().position(|variable| *variable == word);
        let pattern: Vec<Piece> = part
            .old
            .clone()
            .map(|idx| match number(old.str(idx)) {
                Some(number) => Piece::Variable(number),
                None => Piece::Token(old.str(idx).to_owned()),
            })
            .collect();
        // Without a word of its own, a pattern is found everywhere.
        let is_word = |piece: &Piece| match piece {
            Piece::Token(text) => text.chars().all(is_word_char),
            Piece::Variable(_) => false,
        };
        if !pattern.iter().any(is_word) {
            return None;
        }
        let mut replacement: Vec<Part> = Vec::new();
        let mut at = new.start(part.new.start);
        for idx in part.new.clone() {
            let Some(number) = number(new.str(idx)) else { continue };
            replacement.push(Part::Text(new.text.get(at..new.start(idx))?.to_owned()));
            replacement.push(Part::Variable(number));
            at = new.end(idx);
        }
        let end = new.end(part.new.end.checked_sub(1)?);
        replacement.push(Part::Text(new.text.get(at..end)?.to_owned()));
        Some(Rewrite { origin: Origin::General, pattern, replacement, ..rewrite.clone() })
    }

    /// Returns the rewrite that adds the same last argument to other calls of the same name.
    fn last_argument(&self, part: &Difference, rewrite: &Rewrite) -> Option<Rewrite> {
        let Self { old, new, .. } = self;
        let is_argument = part.old.is_empty()
            && old.str(part.old.end) == ")"
            && new.str(part.new.start) == ","
            && part.new.clone().all(|idx| !new.is_line_end(idx));
        if !is_argument {
            return None;
        }
        let open = opener(old, part.old.end)?;
        let callee = open.checked_sub(1).filter(|&idx| old.is_word(idx))?;
        Some(Rewrite {
            origin: Origin::LastArgument,
            callee: Some(old.str(callee).to_owned()),
            ..rewrite.clone()
        })
    }
}

/// Returns the brackets of each kind that some tokens close without opening them, and open without
/// closing them. A change that differs in them is half of a change.
fn balance(tokens: &Tokens, part: Range<usize>) -> [[usize; 2]; 4] {
    let mut counts = [[0_usize; 2]; 4];
    for idx in part {
        let text = tokens.str(idx);
        let Some(kind) = ["()", "[]", "{}"].iter().position(|pair| pair.contains(text)) else {
            // Quotes come in pairs.
            counts[3][0] ^= usize::from(matches!(text, "\"" | "'" | "`"));
            continue;
        };
        if text.len() != 1 {
            continue;
        }
        let [closed, open] = &mut counts[kind];
        match text {
            "(" | "[" | "{" => *open += 1,
            _ if *open > 0 => *open -= 1,
            _ => *closed += 1,
        }
    }
    counts
}

/// Returns the bracket that `closer` closes.
pub(crate) fn opener(tokens: &Tokens, closer: usize) -> Option<usize> {
    let mut n_open = 0_usize;
    (0..closer).rev().take(400).find(|&idx| {
        match tokens.str(idx) {
            _ if tokens.kind(idx) != TextKind::Code => {}
            ")" | "]" | "}" => n_open += 1,
            "(" | "[" | "{" if n_open == 0 => return true,
            "(" | "[" | "{" => n_open -= 1,
            _ => {}
        }
        false
    })
}

/// Returns the rewrites of a renamed identifier's other spellings, and of its changed words inside
/// longer identifiers.
fn spelled(rewrite: &Rewrite) -> Vec<Rewrite> {
    let (old, new) = &rewrite.key;
    let mut pairs: Vec<(Origin, String, String)> = Vec::new();
    for (from, to) in other_styles(old, new) {
        pairs.push((Origin::Style, from, to));
    }
    let (old_words, new_words) = (words(old), words(new));
    let n_same = old_words.iter().zip(&new_words).take_while(|(a, b)| a == b).count();
    let shorter = old_words.len().min(new_words.len()) - n_same;
    let n_last = old_words
        .iter()
        .rev()
        .zip(new_words.iter().rev())
        .take(shorter)
        .take_while(|(a, b)| a == b)
        .count();
    let from = old_words.get(n_same..old_words.len() - n_last).unwrap_or_default();
    let to = new_words.get(n_same..new_words.len() - n_last).unwrap_or_default();
    if !from.is_empty() && !to.is_empty() && from.concat().chars().count() >= MIN_PART_CHARS {
        pairs.push((Origin::Inside, from.join(" "), to.join(" ")));
    }
    let rewrites = pairs.into_iter().map(|(origin, from, to)| Rewrite {
        origin,
        pattern: pieces(&from),
        replacement: vec![Part::Text(to)],
        ..rewrite.clone()
    });
    rewrites.collect()
}

/// Splits a spelled identifier into tokens: `max-size` has three.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<String> = Vec::new();
    for c in text.chars() {
        match pieces.last_mut() {
            Some(last) if is_word_char(c) && last.chars().all(is_word_char) => last.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces.into_iter().map(Piece::Token).collect()
}
