//! Holes: the text that is taken out of a file, and the place of the cursor then.
//!
//! A hole looks as it would while its text is typed: a whole line leaves its indentation, a block one blank line
//! under its opener, and a line that is left inside brackets keeps the closers that an editor puts there by itself.

use lowkey_suggestion::{MarkKind, marks};
use serde::{Deserialize, Serialize};

use super::repository::Source;
use super::rng::SeededRng;

/// The text that is taken out.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A line from its indentation to its end.
    Line,
    /// The rest of a line from somewhere inside it.
    Rest,
    /// The lines of a block, up to its end.
    Block,
    /// The rest of a line from an opening bracket or quote on, but for the closers that editors insert.
    Midline,
}

impl Kind {
    pub(super) const ALL: [Kind; 4] = [Kind::Line, Kind::Rest, Kind::Block, Kind::Midline];

    /// The name in rows and tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Line => "line",
            Kind::Rest => "rest",
            Kind::Block => "block",
            Kind::Midline => "midline",
        }
    }
}

/// A hole in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) kind: Kind,
    /// Where the first line that it touches starts, in bytes of the file.
    pub(super) start: usize,
    /// Where the last line ends, before its line end.
    pub(super) end: usize,
    /// How many bytes of the first line stay in front of the cursor.
    pub(super) n_before: usize,
    /// The text after the cursor on its line.
    pub(super) tail: String,
}

/// Shorter lines hold nothing to measure, longer ones are data.
const LINE_BYTES: std::ops::RangeInclusive<usize> = 3..=200;

/// Blocks of more lines are not what an editor is asked for at once.
const MAX_BLOCK_LINES: usize = 10;

/// More closers than this were not all inserted by an editor.
const MAX_TAIL_CLOSERS: usize = 4;

impl Hole {
    /// The text of the file from the first to the last line that the hole touches.
    pub(super) fn truth<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// The file with the hole in it.
    pub(super) fn holed(&self, text: &str) -> String {
        let left = text.get(..self.cursor()).unwrap_or_default();
        let below = text.get(self.end..).unwrap_or_default();
        format!("{left}{}{below}", self.tail)
    }

    /// The place of the cursor in the file with the hole.
    pub(super) fn cursor(&self) -> usize {
        self.start + self.n_before
    }
}

/// One line of a file, without its line end.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    start: usize,
    text: &'a str,
}

impl Line<'_> {
    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }

    fn end(&self) -> usize {
        self.start + self.text.len()
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Whether there is something to guess in it: letters or digits, and not too many.
    fn has_content(&self) -> bool {
        let text = self.text.trim();
        LINE_BYTES.contains(&text.len()) && text.chars().filter(|c| c.is_alphanumeric()).count() > 1
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let with_ends = text.split_inclusive('\n');
    with_ends
        .map(|with_end| {
            let line = Line { start, text: with_end.trim_end_matches(['\n', '\r']) };
            start += with_end.len();
            line
        })
        .collect()
}

/// Every hole of a kind that a file has room for, in the order of the file.
pub(super) fn candidates(source: &Source, kind: Kind, seed: u64) -> Vec<Hole> {
    let lines = lines(&source.text);
    match kind {
        Kind::Line => lines.iter().filter(|line| line.has_content()).map(whole_line).collect(),
        Kind::Rest => {
            let mut rng = SeededRng::new(seed, &format!("rest {}", source.label));
            lines.iter().filter_map(|line| rest_of_line(line, &mut rng)).collect()
        }
        Kind::Block => (0..lines.len()).filter_map(|idx| block(lines.get(idx..)?)).collect(),
        Kind::Midline => inside_brackets(source, &lines),
    }
}

fn whole_line(line: &Line<'_>) -> Hole {
    Hole {
        kind: Kind::Line,
        start: line.start,
        end: line.end(),
        n_before: line.indent(),
        tail: String::new(),
    }
}

/// Cuts a line at a random place after its first character, with something left to guess.
fn rest_of_line(line: &Line<'_>, rng: &mut SeededRng) -> Option<Hole> {
    if !line.has_content() {
        return None;
    }
    let has_more = |at: &usize| {
        let rest = line.text.get(*at..).unwrap_or_default();
        rest.trim().len() > 1 && rest.contains(char::is_alphanumeric)
    };
    let places: Vec<usize> = line.text.char_indices().map(|(at, _)| at).collect();
    let inside = places.into_iter().filter(|at| *at > line.indent()).filter(has_more);
    let inside: Vec<usize> = inside.collect();
    let at = *inside.get(rng.below(inside.len()))?;
    Some(Hole { kind: Kind::Rest, n_before: at, ..whole_line(line) })
}

/// The block that the first of `lines` opens.
fn block(lines: &[Line<'_>]) -> Option<Hole> {
    let (opener, below) = lines.split_first()?;
    let opens = opener.has_content() && opener.text.trim_end().ends_with(['{', ':', '(', '[']);
    let first = below.first().filter(|line| opens && !line.is_blank())?;
    if first.indent() <= opener.indent() {
        return None;
    }
    let inside = below
        .iter()
        .take_while(|line| line.is_blank() || line.indent() > opener.indent())
        .take(2 * MAX_BLOCK_LINES);
    let body: Vec<&Line<'_>> = inside.collect();
    let n_lines = body.iter().rposition(|line| !line.is_blank())? + 1;
    let last = body.get(n_lines - 1)?;
    let has_content = body.iter().any(|line| line.has_content());
    (n_lines <= MAX_BLOCK_LINES && has_content).then(|| Hole {
        kind: Kind::Block,
        start: first.start,
        end: last.end(),
        n_before: first.indent(),
        tail: String::new(),
    })
}

/// Places after an opener whose closer is on the same line, with text between them.
fn inside_brackets(source: &Source, lines: &[Line<'_>]) -> Vec<Hole> {
    let marks = marks(source.language, &source.text);
    let mut holes = Vec::new();
    let mut marks = marks.iter().peekable();
    for line in lines {
        // What the line opens: where the inside begins, the closer, and whether it is closed here.
        let mut opened: Vec<(usize, &str, bool)> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut places: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut is_plain = true;
        while let Some(mark) = marks.next_if(|mark| mark.at < line.end() + 1) {
            match mark.kind {
                MarkKind::Open(closer) => {
                    open.push(opened.len());
                    opened.push((mark.at + mark.len - line.start, closer, false));
                    places.push((mark.at + mark.len - line.start, open.clone()));
                }
                MarkKind::Close => match open.pop().and_then(|idx| opened.get_mut(idx)) {
                    Some((inside, _, is_closed)) => {
                        let text = line.text.get(*inside..mark.at.saturating_sub(line.start));
                        *is_closed = text.is_some_and(|text| !text.trim().is_empty());
                    }
                    // It closes what a line above opened: after it, nothing is simple.
                    None => is_plain = false,
                },
                MarkKind::BrokenLiteral => is_plain = false,
            }
        }
        if !is_plain || !line.has_content() {
            continue;
        }
        for (at, around) in places {
            let around: Vec<_> = around.iter().filter_map(|idx| opened.get(*idx)).collect();
            let is_closed = around.iter().all(|(_, _, is_closed)| *is_closed);
            // Editors close one character by one; `"""` and `/*` are typed whole.
            let is_short = around.iter().all(|(_, closer, _)| closer.len() == 1);
            if is_closed && is_short && around.len() <= MAX_TAIL_CLOSERS {
                let tail = around.iter().rev().map(|(_, closer, _)| *closer).collect();
                holes.push(Hole { kind: Kind::Midline, n_before: at, tail, ..whole_line(line) });
            }
        }
    }
    holes
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use lowkey_document::Language;

    use super::*;

    fn source(language: &str, text: &str) -> Source {
        let language = Language::by_id(language);
        Source { label: "a".into(), path: PathBuf::from("/a"), language, text: text.into() }
    }

    /// Each hole as `left|tail ← truth`, with the lines that it touches only.
    fn holes_of(language: &str, text: &str, kind: Kind) -> Vec<String> {
        let source = source(language, text);
        let draw = |hole: &Hole| {
            let left = &text[hole.start..hole.cursor()];
            format!("{left}|{} ← {}", hole.tail, hole.truth(text))
        };
        candidates(&source, kind, 1).iter().map(draw).collect()
    }

    #[test]
    fn a_line_leaves_its_indentation() {
        let text = "fn a() {\r\n    b(1);\r\n}\r\n";
        assert_eq!(holes_of("rust", text, Kind::Line), ["| ← fn a() {", "    | ←     b(1);"]);
    }

    #[test]
    fn a_block_leaves_one_blank_line_under_its_opener() {
        let text = "def a(x):\n    if x:\n        bb()\n\n    c()\n\ndef d(): pass\n";
        assert_eq!(
            holes_of("python", text, Kind::Block),
            ["    | ←     if x:\n        bb()\n\n    c()", "        | ←         bb()"]
        );
        let long = format!("def a():\n{}", "    b()\n".repeat(11));
        assert!(holes_of("python", &long, Kind::Block).is_empty());
    }

    #[test]
    fn inside_brackets_the_closers_stay() {
        assert_eq!(
            holes_of("rust", "let x = f(g(a, \"b\"), [c]);\n", Kind::Midline),
            [
                "let x = f(|) ← let x = f(g(a, \"b\"), [c]);",
                "let x = f(g(|)) ← let x = f(g(a, \"b\"), [c]);",
                "let x = f(g(a, \"|\")) ← let x = f(g(a, \"b\"), [c]);",
                "let x = f(g(a, \"b\"), [|]) ← let x = f(g(a, \"b\"), [c]);",
            ]
        );
        // Nothing inside, closed below, closed from above: none of these is what an editor closes.
        assert!(holes_of("rust", "let x = f();\nf(\n    a12, \"b\n", Kind::Midline).is_empty());
        assert!(holes_of("rust", "f(\n  a1) + g(b1);\n", Kind::Midline).is_empty());
    }

    #[test]
    fn the_rest_of_a_line_begins_inside_it_and_holds_something() {
        let text = "let value = compute(é, 2);\n}\n\n  x\n";
        let source = source("rust", text);
        for seed in 0..50 {
            let holes = candidates(&source, Kind::Rest, seed);
            assert_eq!(holes.len(), 1);
            let rest = &text[holes[0].cursor()..holes[0].end];
            assert!(holes[0].n_before > 0 && rest.trim().len() > 1, "{rest:?}");
            assert_eq!(holes[0].holed(text), text.replacen(rest, "", 1));
        }
    }

    #[test]
    fn a_hole_is_the_file_without_its_text() {
        let text = "a(\n  b(c, d);\n)\n";
        let hole = candidates(&source("rust", text), Kind::Midline, 1).remove(0);
        assert_eq!(hole.holed(text), "a(\n  b()\n)\n");
        assert_eq!((hole.cursor(), hole.truth(text)), (7, "  b(c, d);"));
    }
}
