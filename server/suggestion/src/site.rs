//! The place where a completion is to stand: which brackets are open there, and which of them are closed already.
//!
//! Read once per request from the lines around the cursor; the rules ask it instead of reading the text again.
//! Which literals and comments are open at the first of those lines is known from the document; brackets further away
//! than the lines are unknown, and unknown brackets are left to the model.

use lowkey_document::Scope;
use lowkey_document::lexical::{Kind, Place, Scanner, Token};

use crate::indent::{IndentUnit, item_columns};
use crate::lines::{indent_columns, indentation};
use crate::request::Request;

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
    /// How much was open in the scanner when it was read.
    pub depth: usize,
    /// Where it is closed.
    pub closed: Closed,
}

/// A literal that is open at the cursor, directly or around code inside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenLiteral {
    /// The depth at which it was opened: the scanner is outside of it again at this depth.
    pub depth: usize,
    /// Whether text that stays ends it.
    pub ends_after: bool,
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
    /// Whether the last line above that is not blank opens a block.
    pub opens_block_above: bool,
    /// How much is open in the scanner at the cursor.
    pub depth: usize,
    /// The literals that are open at the cursor, outermost first.
    pub literals: Vec<OpenLiteral>,
    /// Closers in text that stays whose openers are not in sight, each with its line's indentation
    /// when it stands at the head of one.
    pub more_closers: Vec<(char, Option<usize>)>,
    /// Whether the rest of the cursor's line closes more than is open.
    pub closes_more_on_line: bool,
    /// Whether the rest of the cursor's line begins and ends outside of literals as it stands.
    pub rest_is_sound: bool,
    line_start: Scanner,
}

impl<'a> Site<'a> {
    /// Reads the surroundings of a request.
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
        let mut site = Self {
            request,
            openers,
            n_open_above,
            place: scanner.place(),
            opens_block_above,
            depth: scanner.depth(),
            literals: literals.collect(),
            more_closers: Vec::new(),
            closes_more_on_line: false,
            rest_is_sound: true,
            line_start,
        };
        site.read_what_follows(scanner);
        site
    }

    /// Visits the characters of `text`, which stands at the cursor; offsets count from the cursor.
    /// A delimiter that begins left of the cursor is not visited.
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

    /// Returns a scanner in its state at the start of the cursor's line.
    pub(crate) fn scanner_at_line_start(&self) -> Scanner {
        self.line_start.clone()
    }

    /// Returns the column from which a line's block is indented.
    pub(crate) fn item_columns(&self, line: &str) -> usize {
        item_columns(self.request.language, line)
    }

    /// Returns what the lines around the cursor are indented with, when they agree; where none is indented, the
    /// editor's word counts.
    pub(crate) fn indent_character(&self) -> Option<char> {
        let around = self.request.lines_above().chain(self.request.lines_below());
        let mut found = None;
        for line in around.chain([self.request.before]) {
            let indentation = indentation(line);
            if indentation.len() == line.len() {
                continue;
            }
            // One space aligns the stars of a comment.
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

    /// Says whether brackets outside of literals can be trusted to come in pairs.
    /// In prose and tags they are punctuation; in shell `case` patterns end with a bare `)`.
    pub(crate) fn has_paired_brackets(&self) -> bool {
        let language = self.request.language;
        !matches!(language.id, "plaintext" | "markdown" | "shellscript" | "latex" | "rst")
            && !language.block_ends.contains(&"</")
    }

    /// Finds out what of the open brackets and literals is closed by what follows the cursor.
    fn read_what_follows(&mut self, mut scanner: Scanner) {
        let request = self.request;
        let tail_bytes = request.replaced_tail.len();
        let rest = [request.replaced_tail, request.after, "\n"].concat();
        let at_cursor = scanner.clone();
        let mut closers = Closers::default();
        let mut ends: Vec<Option<usize>> = vec![None; self.literals.len()];
        let mut depth = self.depth;
        scanner.scan(&rest, |token| {
            if token.c == '\n' && token.kind != Kind::Broken {
                return;
            }
            depth = token.depth;
            for (end, literal) in ends.iter_mut().zip(&self.literals) {
                if end.is_none() && depth <= literal.depth {
                    *end = Some(token.at);
                }
            }
            let closed = if token.at < tail_bytes { Closed::ByTail } else { Closed::ByWhatFollows };
            closers.read(token, closed, None);
        });
        for (end, literal) in ends.into_iter().zip(&mut self.literals) {
            // With an even number of quotes the rest is in order by itself, and the literal still open.
            let is_end = |at| (tail_bytes..rest.len() - 1).contains(&at);
            literal.ends_after = depth <= literal.depth && end.is_some_and(is_end);
        }
        let n_on_line = closers.outer.len();
        let has_literal = |scanner: &Scanner| scanner.literals().next().is_some();
        self.rest_is_sound = depth <= self.depth && !has_literal(&scanner);
        self.forget_what_the_line_opened(&mut scanner, &at_cursor);
        for line in request.lines_below() {
            let is_code = scanner.place() == Place::Code && !line.trim().is_empty();
            let mut head = None;
            if is_code {
                let indent = indent_columns(line);
                let first = line.trim_start();
                if first.starts_with([')', ']', '}']) {
                    head = Some(Head { indent, end: line.len() - first.len() });
                } else if !self.is_outdented_by_custom(first) {
                    closers.wall = Some(closers.wall.map_or(indent, |wall| wall.min(indent)));
                }
            }
            scanner.scan_line(line, |token| {
                if let Some(Head { end, .. }) = &mut head
                    && *end == token.at
                    && matches!(token.kind, Kind::Close)
                {
                    *end += token.len;
                }
                let at_head = head.filter(|head| token.at < head.end).map(|head| head.indent);
                closers.read(token, Closed::ByWhatFollows, at_head);
            });
        }
        self.match_closers(&closers, n_on_line);
    }

    /// What the cursor's line opens and does not end is the completion's business, not that of the lines below.
    fn forget_what_the_line_opened(&mut self, scanner: &mut Scanner, at_cursor: &Scanner) {
        let request = self.request;
        let is_document_ended =
            || request.lines_below().any(|line| scanner.ends_document(line.trim_end()));
        let began_document = at_cursor.has_pending_document() && !is_document_ended();
        let is_open = self.depth > self.line_start.depth() && scanner.depth() >= self.depth;
        if began_document || is_open {
            *scanner = self.line_start.clone();
            return;
        }
        let Some(syntax) = at_cursor.literal() else { return };
        if scanner.place() == Place::Literal
            && self.place == Place::Literal
            && let Some(literal) = self.literals.last_mut()
        {
            let next = request.next_line().unwrap_or_default();
            literal.ends_after = next.trim_start().starts_with(syntax.close);
        }
    }

    /// Some lines stand further left than the block that they belong to: labels, comments, preprocessor lines.
    fn is_outdented_by_custom(&self, line: &str) -> bool {
        (self.request.language.scope == Scope::Braces && line.trim_end().ends_with(':'))
            || line.starts_with('#')
            || self.request.language.line_comments.iter().any(|open| line.starts_with(open))
    }

    /// Marks the open brackets that `closers` close.
    fn match_closers(&mut self, closers: &Closers, n_on_line: usize) {
        let outer = &closers.outer;
        let is_whole = !self.request.is_cut_above() && !self.request.is_cut_below();
        let fits = self.openers.len() == outer.len()
            && self.openers.iter().rev().zip(outer).all(|(o, closer)| o.closer == closer.closer);
        if is_whole && fits {
            // The document is in order as it stands; its indentation need not be asked.
            for (opener, closer) in self.openers.iter_mut().rev().zip(outer) {
                opener.closed = closer.closed;
            }
            return;
        }
        let mut top = self.openers.len();
        let is_mid_line = !self.request.before.trim().is_empty();
        for (idx, closer) in outer.iter().enumerate() {
            let is_on_line = idx < n_on_line;
            let in_reach = self.openers.get(..top).unwrap_or_default();
            // In the middle of a line no bracket ends from beyond one that was opened above, and no block at all.
            let first = match in_reach.iter().rposition(|opener| !opener.on_line) {
                Some(above) if is_on_line && is_mid_line => {
                    let is_block = in_reach.get(above).is_some_and(|opener| opener.bracket == '{');
                    above + usize::from(is_block)
                }
                _ => 0,
            };
            let found = in_reach
                .iter()
                .enumerate()
                .skip(first)
                .rfind(|(_, opener)| closer.may_close(opener))
                .map(|(idx, _)| idx);
            if let Some(idx) = found
                && let Some(opener) = self.openers.get_mut(idx)
            {
                opener.closed = closer.closed;
                top = idx;
            } else {
                self.more_closers.push((closer.closer, closer.indent));
                self.closes_more_on_line |= is_on_line;
            }
        }
        if self.request.is_cut_below() {
            // A block that no visible line leaves is closed out of sight.
            for opener in self.openers.iter_mut().filter(|opener| opener.closed == Closed::No) {
                // Calls are short: one that the cursor's line opens is closed in sight or not at all.
                let is_block = !opener.on_line || opener.bracket == '{';
                if is_block && closers.wall.is_some_and(|wall| wall > opener.indent) {
                    opener.closed = Closed::ByWhatFollows;
                }
            }
        }
    }
}

/// Closers behind the cursor whose openers stand before it, while they are read.
#[derive(Debug, Default)]
struct Closers {
    outer: Vec<OuterCloser>,
    /// What is open among what follows.
    inner: Vec<char>,
    /// The least indentation of a line so far that does not begin with a closer:
    /// a block at this depth or deeper has been left.
    wall: Option<usize>,
}

/// The closers that a line begins with.
#[derive(Debug, Clone, Copy)]
struct Head {
    indent: usize,
    end: usize,
}

/// A closer behind the cursor whose opener stands before it.
#[derive(Debug, Clone, Copy)]
struct OuterCloser {
    closer: char,
    closed: Closed,
    /// The indentation of its line when nothing but closers stands before it there.
    indent: Option<usize>,
    wall: Option<usize>,
}

impl Closers {
    fn read(&mut self, token: Token, closed: Closed, indent: Option<usize>) {
        match token.kind {
            Kind::Open { closer } => self.inner.push(closer),
            Kind::Close if self.inner.pop().is_none() => {
                let (closer, wall) = (token.c, self.wall);
                self.outer.push(OuterCloser { closer, closed, indent, wall });
            }
            _ => {}
        }
    }
}

impl OuterCloser {
    /// Says whether indentation lets this close `opener`: a closer at the head of its line stands at its opener's
    /// indentation or deeper, and no line in between has left the block.
    fn may_close(&self, opener: &Opener) -> bool {
        self.closer == opener.closer
            && self.indent.is_none_or(|indent| opener.indent <= indent)
            && self.wall.is_none_or(|wall| opener.indent < wall)
    }
}

/// Reads one line's brackets onto the stack: a whole line above, or the cursor's up to the cursor. A closer without a fitting opener is ignored;
/// openers that a closer jumps over were no brackets or were never closed.
fn read_line(scanner: &mut Scanner, line: &str, on_line: bool, openers: &mut Vec<Opener>) {
    let indent = indent_columns(line);
    let read = |token: Token| match token.kind {
        Kind::Open { closer } => {
            let closed = Closed::No;
            let depth = token.depth;
            openers.push(Opener { bracket: token.c, closer, indent, on_line, depth, closed });
        }
        Kind::Close => {
            if let Some(idx) = openers.iter().rposition(|opener| opener.closer == token.c) {
                openers.truncate(idx);
            }
        }
        // What was open in code inside of a literal ends with the literal.
        Kind::Leave(_) | Kind::Broken => openers.retain(|opener| opener.depth <= token.depth),
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
        check("c", "/* a\n ( $0", &expect!["Comment "]);
        check("python", "x = 'don$0", &expect!["Literal "]);
        check("html", "<p>don't (stop$0", &expect!["Code (:No"]);
        check("shellscript", "echo ${#list} \"$0", &expect!["Literal "]);
    }
}
