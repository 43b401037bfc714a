//! The place where a completion is to stand: which brackets are open there, and which of them are closed already.
//!
//! Read once per request from the lines around the cursor; the rules ask it instead of reading the text again.
//! What lies further away than those lines is unknown, and unknown brackets are left to the model.

use crate::lines::{indent_columns, indentation};
use crate::request::Request;
use crate::syntax::{Kind, Place, Scanner, Token};

/// Where an open bracket is closed as the document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Nowhere that can be seen.
    No,
    /// By the tail that the answer replaces: the answer may close it itself.
    ByTail,
    /// By text that stays: the answer must not close it again.
    ByWhatFollows,
}

/// A bracket that is open at the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opener {
    /// The bracket itself.
    pub bracket: char,
    /// What closes it.
    pub closer: char,
    /// The indentation of its line, in columns.
    pub indent: usize,
    /// Whether it stands on the cursor's line.
    pub on_line: bool,
    /// Where it is closed.
    pub closed: Closed,
}

/// A request and what its surroundings say.
#[derive(Debug, Clone)]
pub(crate) struct Site<'a> {
    /// The request.
    pub request: Request<'a>,
    /// The brackets open at the cursor, outermost first.
    pub openers: Vec<Opener>,
    /// How many brackets are open at the start of the cursor's line.
    pub n_open_above: usize,
    /// What kind of text the cursor stands in.
    pub place: Place,
    /// Whether a literal that is open at the cursor is ended by text that stays.
    pub literal_ends_after: bool,
    /// Whether text that stays closes brackets whose openers are not in sight.
    pub closes_more_below: bool,
    /// Whether the rest of the cursor's line closes more than is open.
    pub closes_more_on_line: bool,
    line_start: Scanner,
}

impl<'a> Site<'a> {
    /// Reads the surroundings of a request.
    pub(crate) fn new(request: &Request<'a>) -> Self {
        let request = request.clipped();
        let mut scanner = Scanner::new(request.language);
        let mut openers = Vec::new();
        for line in request.lines_above() {
            read_line(&mut scanner, line, false, &mut openers);
            scanner.scan("\n", |_| {});
        }
        let line_start = scanner;
        let n_open_above = openers.len();
        read_line(&mut scanner, request.before, true, &mut openers);
        let mut site = Self {
            request,
            openers,
            n_open_above,
            place: scanner.place(),
            literal_ends_after: false,
            closes_more_below: false,
            closes_more_on_line: false,
            line_start,
        };
        site.read_what_follows(scanner);
        site
    }

    /// Visits the characters of `text`, which stands at the cursor; offsets count from the cursor.
    /// A delimiter that begins left of the cursor is not visited.
    pub(crate) fn scan(&self, text: &str, mut visit: impl FnMut(Token)) {
        let mut scanner = self.line_start;
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

    /// Returns a scanner that stands at the start of the cursor's line.
    pub(crate) fn scanner_at_line_start(&self) -> Scanner {
        self.line_start
    }

    /// Says whether brackets outside of literals can be trusted to come in pairs.
    /// In prose and tags they are punctuation; in shell `case` patterns end with a bare `)`.
    pub(crate) fn has_paired_brackets(&self) -> bool {
        let language = self.request.language;
        !matches!(language.id, "plaintext" | "markdown" | "shellscript" | "latex" | "rst")
            && !language.block_ends.contains(&"</")
    }

    /// Finds out which of the open brackets are closed by what follows the cursor.
    fn read_what_follows(&mut self, mut scanner: Scanner) {
        let literal = scanner.literal();
        let tail_bytes = self.request.replaced_tail.len();
        let mut text = String::from(self.request.replaced_tail);
        text.push_str(self.request.after);
        let rest_bytes = text.len();
        for line in self.request.lines_below() {
            text.push('\n');
            text.push_str(line);
        }
        // Closers that nothing behind the cursor opened.
        let mut outer: Vec<OuterCloser> = Vec::new();
        let mut inner: Vec<char> = Vec::new();
        let mut line = LineHead { indent: None, start: 0 };
        let mut literal_end = None;
        scanner.scan(&text, |token| {
            match token.kind {
                Kind::Open { closer } => inner.push(closer),
                Kind::Close if inner.pop().is_none() => {
                    let (closer, at) = (token.c, token.at);
                    outer.push(OuterCloser { closer, at, indent: line.indent });
                }
                Kind::Leave(left) if literal_end.is_none() && literal == Some(left) => {
                    literal_end = Some(token.at);
                }
                _ => {}
            }
            if token.c == '\n' {
                let start = token.at + token.len;
                let below = text.get(start..).unwrap_or_default();
                line = LineHead { indent: Some(indent_columns(below)), start };
                line.start += indentation(below).len();
            } else if token.at >= line.start && token.kind != Kind::Close {
                // Anything but closers ends the line's head.
                line.indent = None;
            }
        });
        self.literal_ends_after = literal.is_some_and(|literal| {
            literal_end.is_some_and(|at| at >= tail_bytes && (literal.multiline || at < rest_bytes))
        });
        let mark = |closer: &OuterCloser| {
            if closer.at < tail_bytes { Closed::ByTail } else { Closed::ByWhatFollows }
        };
        if closes_exactly(&self.openers, &outer) {
            let more = outer.get(self.openers.len()..).unwrap_or_default();
            self.closes_more_below = !more.is_empty();
            self.closes_more_on_line = more.iter().any(|closer| closer.at < rest_bytes);
            for (opener, closer) in self.openers.iter_mut().rev().zip(&outer) {
                opener.closed = mark(closer);
            }
            return;
        }
        let mut top = self.openers.len();
        for closer in &outer {
            let found = self.openers.iter().take(top).rposition(|opener| {
                // A closer at the head of a line stands at its opener's indentation or deeper.
                let too_deep = closer.indent.is_some_and(|indent| opener.indent > indent);
                opener.closer == closer.closer && !too_deep
            });
            if let Some(idx) = found
                && let Some(opener) = self.openers.get_mut(idx)
            {
                opener.closed = mark(closer);
                top = idx;
            } else {
                self.closes_more_below = true;
                self.closes_more_on_line |= closer.at < rest_bytes;
            }
        }
        if self.request.is_cut_below() {
            self.assume_closed_out_of_sight();
        }
    }

    /// Takes blocks that were open above the cursor's line for closed when the lines below end before their end;
    /// one that the cursor's line opens is closed when it has a body.
    fn assume_closed_out_of_sight(&mut self) {
        let below = self.request.next_line().map(indent_columns);
        for opener in self.openers.iter_mut().filter(|opener| opener.closed == Closed::No) {
            let has_body = below.is_some_and(|below| below > opener.indent);
            if !opener.on_line || (opener.bracket == '{' && has_body) {
                opener.closed = Closed::ByWhatFollows;
            }
        }
    }
}

/// A closer behind the cursor whose opener stands before it.
#[derive(Debug, Clone, Copy)]
struct OuterCloser {
    closer: char,
    at: usize,
    /// The indentation of its line when nothing but closers stands before it there.
    indent: Option<usize>,
}

/// The blanks and closers that a line begins with, while they are read.
#[derive(Debug, Clone, Copy)]
struct LineHead {
    indent: Option<usize>,
    start: usize,
}

/// Says whether the closers fit the open brackets one by one, with none left open:
/// then indentation need not be asked.
fn closes_exactly(openers: &[Opener], outer: &[OuterCloser]) -> bool {
    openers.len() <= outer.len()
        && openers.iter().rev().zip(outer).all(|(opener, closer)| opener.closer == closer.closer)
}

/// Reads one line's brackets onto the stack. A closer without a fitting opener is ignored;
/// openers that a closer jumps over were no brackets or were never closed.
fn read_line(scanner: &mut Scanner, line: &str, on_line: bool, openers: &mut Vec<Opener>) {
    let indent = indent_columns(line);
    scanner.scan(line, |token| match token.kind {
        Kind::Open { closer } => {
            let closed = Closed::No;
            openers.push(Opener { bracket: token.c, closer, indent, on_line, closed });
        }
        Kind::Close => {
            if let Some(idx) = openers.iter().rposition(|opener| opener.closer == token.c) {
                openers.truncate(idx);
            }
        }
        _ => {}
    });
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::fixtures::Fixture;

    /// Prints the brackets open at the cursor, each with where it is closed.
    fn check(language: &str, fixture: &str, expect: &Expect) {
        let fixture = Fixture::new(language, fixture);
        let site = Site::new(&fixture.request());
        let openers: Vec<String> = site
            .openers
            .iter()
            .map(|opener| format!("{}:{:?}", opener.bracket, opener.closed))
            .collect();
        expect.assert_eq(&format!("{:?} {}", site.place, openers.join(" ")));
    }

    #[test]
    fn a_call_in_a_closed_block() {
        check("rust", "fn a() {\n    b(c$0\n}\n", &expect!["Code {:ByWhatFollows (:No"]);
    }

    #[test]
    fn an_unfinished_block_is_told_from_the_outer_one_by_indentation() {
        check(
            "javascript",
            "describe('a', () => {\n  it('b', () => {\n    $0\n});\n",
            &expect!["Code (:ByWhatFollows {:ByWhatFollows (:No {:No"],
        );
    }

    #[test]
    fn the_replaced_tail_is_told_from_what_stays() {
        check("python", "print(f(x$0))\n", &expect!["Code (:ByTail (:ByTail"]);
        check("python", "print(f(x$0y))\n", &expect!["Code (:ByWhatFollows (:ByWhatFollows"]);
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        check("go", "x := \"((\" // ((\ny := []int{$0\n", &expect!["Code {:No"]);
        check("rust", "fn f<'a>(x: &'a str, c: char) { g('(', $0", &expect!["Code {:No (:No"]);
    }

    #[test]
    fn the_place_of_the_cursor_is_known() {
        check("c", "/* a\n ( $0", &expect!["BlockComment { idx: 0, depth: 1 } "]);
        check("python", "x = 'don$0", &expect!["Literal { idx: 3 } "]);
        check("html", "<p>don't (stop$0", &expect!["Code (:No"]);
        check("shellscript", "echo ${#list} \"$0", &expect!["Literal { idx: 0 } "]);
    }
}
