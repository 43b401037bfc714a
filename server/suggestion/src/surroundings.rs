//! The surroundings of a completion: the brackets that are open at the cursor, and which of them
//! are closed already.
//!
//! Read once per request from the lines around the cursor; the rules query this instead of reading
//! the text again. The document knows which literals and comments are open at the first of those
//! lines. Brackets outside those lines are unknown, and the rules leave unknown brackets to the
//! model.

mod closers;

use lowkey_document::lexical::{Scanner, TextKind, Token, TokenKind};

use crate::indent::{IndentUnit, item_columns};
use crate::lines::{indent_columns, indentation};
use crate::request::Request;

/// Where an open bracket is closed in the current document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedBy {
    /// Not in the visible lines.
    Nothing,
    /// By the tail that the answer replaces: the answer may close it itself.
    Tail,
    /// By text that stays: the answer must not close it again.
    LaterText,
}

/// A bracket that is open at the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opener {
    pub bracket: char,
    /// The closing bracket.
    pub closer: char,
    /// The indentation of its line, in columns.
    pub indent: usize,
    /// Whether it is on the cursor's line.
    pub on_line: bool,
    /// The scanner's depth when the bracket was read.
    pub depth: usize,
    pub closed: ClosedBy,
}

/// A literal that is open at the cursor. The cursor is in its text or in code inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenLiteral {
    /// The depth at which it was opened. The literal ends when the scanner returns to this depth.
    pub depth: usize,
    /// Whether text that stays ends it.
    pub ends_after: bool,
}

/// A request and the analysis of its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings<'a> {
    pub request: Request<'a>,
    /// The brackets open at the cursor, outermost first.
    pub openers: Vec<Opener>,
    /// How many brackets are open at the start of the cursor's line.
    pub n_open_above: usize,
    /// The kind of text at the cursor.
    pub text_kind: TextKind,
    /// Whether the last line above that is not blank opens a block.
    pub opens_block_above: bool,
    /// The scanner's depth at the cursor.
    pub depth: usize,
    /// The literals that are open at the cursor, outermost first.
    pub literals: Vec<OpenLiteral>,
    /// Closers in text that stays whose openers are not in the visible lines; each with its line's
    /// indentation if it is at the head of a line.
    pub unmatched_closers: Vec<(char, Option<usize>)>,
    /// Whether the rest of the cursor's line closes more brackets than are open.
    pub closes_more_on_line: bool,
    /// Whether the rest of the cursor's line begins and ends outside of literals.
    pub rest_is_balanced: bool,
    line_start: Scanner,
}

impl<'a> Surroundings<'a> {
    pub(crate) fn new(request: &Request<'a>) -> Self {
        let request = request.clipped();
        let mut scanner = request.scanner_above();
        let mut openers = Vec::new();
        let mut opens_block_above = false;
        let last = request
            .lines_above()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .last()
            .map(|(idx, _)| idx);
        for (idx, line) in request.lines_above().enumerate() {
            if Some(idx) == last {
                opens_block_above = scanner.opens_block(line);
            }
            read_line(&mut scanner, line, false, &mut openers);
        }
        let line_start = scanner.clone();
        let n_open_above = openers.len();
        read_line(&mut scanner, request.before, true, &mut openers);
        let literals =
            scanner.literals().map(|(depth, _)| OpenLiteral { depth, ends_after: false });
        let mut surroundings = Self {
            request,
            openers,
            n_open_above,
            text_kind: scanner.text_kind(),
            opens_block_above,
            depth: scanner.depth(),
            literals: literals.collect(),
            unmatched_closers: Vec::new(),
            closes_more_on_line: false,
            rest_is_balanced: true,
            line_start,
        };
        surroundings.read_text_after_cursor(scanner);
        surroundings
    }

    /// Visits the characters of `text` as inserted at the cursor; offsets count from the cursor. A
    /// delimiter that begins before the cursor is not visited.
    pub(crate) fn scan(&self, text: &str, mut visit: impl FnMut(Token)) {
        let mut scanner = self.line_start.clone();
        let cursor = self.request.before.len();
        let mut line = String::with_capacity(cursor + text.len());
        line.push_str(self.request.before);
        line.push_str(text);
        scanner.scan(&line, |token| {
            if let Some(at) = token.at.checked_sub(cursor) {
                visit(Token { at, ..token });
            }
        });
    }

    pub(crate) fn scanner_at_line_start(&self) -> Scanner {
        self.line_start.clone()
    }

    /// Returns the column from which a line's block is indented.
    pub(crate) fn item_columns(&self, line: &str) -> usize {
        item_columns(self.request.language, line)
    }

    /// Returns the character that indents the lines around the cursor, if they agree. If no line is
    /// indented, returns the editor's character.
    pub(crate) fn indent_character(&self) -> Option<char> {
        let around = self.request.lines_above().chain(self.request.lines_below());
        let mut found = None;
        for line in around.chain([self.request.before]) {
            let indentation = indentation(line);
            if indentation.len() == line.len() {
                continue;
            }
            // A single space aligns the stars of a comment.
            let character = match indentation {
                "" | " " => continue,
                spaces if spaces.starts_with(' ') => ' ',
                _ => '\t',
            };
            match found {
                Some(before) if before != character => return None,
                _ => found = Some(character),
            }
        }
        found.or_else(|| self.request.indent_unit.map(IndentUnit::character))
    }

    /// Whether brackets outside of literals come in pairs. In prose and tags they are punctuation;
    /// in shell, `case` patterns end with a bare `)`.
    pub(crate) fn has_paired_brackets(&self) -> bool {
        let language = self.request.language;
        !matches!(language.id, "plaintext" | "markdown" | "shellscript" | "latex" | "rst")
            && !language.block_ends.contains(&"</")
    }
}

/// Applies one line's brackets to the stack: a whole line above, or the cursor's line up to the
/// cursor. A closer without a matching opener is ignored. Openers that a closer skips were no
/// brackets or were never closed.
fn read_line(scanner: &mut Scanner, line: &str, on_line: bool, openers: &mut Vec<Opener>) {
    let indent = indent_columns(line);
    let read = |token: Token| match token.kind {
        TokenKind::Open { closer } => {
            let closed = ClosedBy::Nothing;
            let depth = token.depth;
            openers.push(Opener { bracket: token.c, closer, indent, on_line, depth, closed });
        }
        TokenKind::Close => {
            if let Some(idx) = openers.iter().rposition(|opener| opener.closer == token.c) {
                openers.truncate(idx);
            }
        }
        // Brackets opened in code inside a literal end with the literal.
        TokenKind::LiteralEnd(_) | TokenKind::BrokenLiteral => {
            openers.retain(|opener| opener.depth <= token.depth);
        }
        _ => {}
    };
    if on_line {
        scanner.scan(line, read);
    } else {
        scanner.scan_line(line, read);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::fixtures::Fixture;

    /// Prints the brackets open at the cursor, each with its [`ClosedBy`].
    fn check(language: &str, fixture: &str, expect: &Expect) {
        let fixture = Fixture::new(language, fixture);
        let surroundings = Surroundings::new(&fixture.request());
        let openers: Vec<String> = surroundings
            .openers
            .iter()
            .map(|opener| format!("{}:{:?}", opener.bracket, opener.closed))
            .collect();
        expect.assert_eq(&format!("{:?} {}", surroundings.text_kind, openers.join(" ")));
    }

    #[test]
    fn call_in_closed_block() {
        check("rust", "fn a() {\n    b(c$0\n}\n", &expect!["Code {:LaterText (:Nothing"]);
    }

    #[test]
    fn indentation_identifies_unfinished_block() {
        check(
            "javascript",
            "describe('a', () => {\n  it('b', () => {\n    $0\n});\n",
            &expect!["Code (:LaterText {:LaterText (:Nothing {:Nothing"],
        );
    }

    #[test]
    fn tail_closers_differ_from_those_that_stay() {
        check("python", "print(f(x$0))\n", &expect!["Code (:Tail (:Tail"]);
        check("python", "print(f(x$0y))\n", &expect!["Code (:LaterText (:LaterText"]);
    }

    #[test]
    fn brackets_in_literals_do_not_count() {
        check("go", "x := \"((\" // ((\ny := []int{$0\n", &expect!["Code {:Nothing"]);
        check(
            "rust",
            "fn f<'a>(x: &'a str, c: char) { g('(', $0",
            &expect!["Code {:Nothing (:Nothing"],
        );
    }

    #[test]
    fn cursor_place_is_detected() {
        check("c", "/* a\n ( $0", &expect!["Comment "]);
        check("python", "x = 'don$0", &expect!["Literal "]);
        check("html", "<p>don't (stop$0", &expect!["Code (:Nothing"]);
        check("shellscript", "echo ${#list} \"$0", &expect!["Literal "]);
    }
}
