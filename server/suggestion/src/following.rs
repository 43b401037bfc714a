//! What the text below the cursor says about where a suggestion must end.
//!
//! A model that was trained to chat likes to finish: it leaves the block that the file goes on with, begins a list of
//! test cases at the margin, closes a Markdown fence that nobody opened, or writes the next lines of the file a second
//! time in other words. Each is visible from the lines around the cursor.

use lowkey_document::Scope;

use crate::lines::{indent_columns, is_word};
use crate::request::Request;
use crate::scope::CONTINUATIONS;

/// Tokens that a line must have before another line can be a near copy of it.
const LEAST_TOKENS_OF_A_COPY: usize = 4;

/// The line below the cursor and what it rules out.
#[derive(Debug, Clone)]
pub(crate) struct Following {
    /// Its indentation, where it says how deep the block is that goes on there.
    block_indent: Option<usize>,
    /// The indentation of the last line with text above the cursor.
    above_indent: usize,
    /// Whether indentation and fences mean nothing here: prose and tags.
    is_prose: bool,
    may_have_fences: bool,
}

impl Following {
    pub(crate) fn new(request: &Request<'_>) -> Self {
        let next = request.next_line().unwrap_or_default();
        let language = request.language;
        // Tags and prose indent as they like.
        let is_prose =
            matches!(language.id, "" | "plaintext" | "markdown" | "latex" | "rst" | "html" | "xml")
                || language.block_ends.contains(&"</");
        let first = next.trim_start().chars().next();
        // A line that goes on with a statement is deeper without being in a block.
        let continues = first.is_none_or(|c| ".?:&|+-*/=<>,)]}".contains(c));
        let around = request.lines_above().chain(request.lines_below());
        Self {
            block_indent: (!is_prose && !continues).then(|| indent_columns(next)),
            above_indent: request.previous_line().map(indent_columns).unwrap_or_default(),
            is_prose,
            may_have_fences: is_prose || around.into_iter().any(is_fence),
        }
    }

    /// Whether a whole line `line` leaves a block that the next line of the file goes on with.
    ///
    /// The lines above and below are deeper, and the line opens no block of its own.
    pub(crate) fn leaves_block(&self, line: &str, scope: Scope) -> bool {
        let indent = indent_columns(line);
        let Some(next) = self.block_indent else { return false };
        !line.trim().is_empty()
            && indent < next
            && indent < self.above_indent
            && !opens_block(line, scope)
    }

    /// Whether `line` is the next line of the file with one word or mark changed: the text has met what follows.
    pub(crate) fn is_near_copy(&self, line: &str, next: &str) -> bool {
        if self.is_prose {
            return false;
        }
        let (mut line, mut next) = (tokens(line), tokens(next));
        let (mut n_tokens, mut n_changed) = (0, 0);
        loop {
            match (line.next(), next.next()) {
                (Some(a), Some(b)) => {
                    n_tokens += 1;
                    n_changed += usize::from(a != b);
                }
                (None, None) => return n_tokens >= LEAST_TOKENS_OF_A_COPY && n_changed <= 1,
                _ => return false,
            }
        }
    }

    /// Whether a line opens or closes a Markdown fence where there can be none.
    pub(crate) fn is_stray_fence(&self, line: &str) -> bool {
        !self.may_have_fences && is_fence(line)
    }
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

/// Whether deeper lines may follow a line: it ends with what opens a block, or begins with a word that goes on with one.
fn opens_block(line: &str, scope: Scope) -> bool {
    let line = line.trim();
    // A label, a directive or an annotation stands at a margin of its own.
    if line.starts_with(['#', '@']) && scope == Scope::Braces {
        return true;
    }
    let word_end = line.find(|c: char| !is_word(c)).unwrap_or(line.len());
    let word = line.get(..word_end).unwrap_or_default();
    if CONTINUATIONS.contains(&word) {
        return true;
    }
    let code = match scope {
        Scope::Indent => line.split(" #").next(),
        Scope::Braces => line.split("//").next(),
    };
    let code = code.unwrap_or_default().trim_end();
    let last_word = code.rsplit(|c: char| !is_word(c)).next().unwrap_or_default();
    code.ends_with(['{', '(', '[', ':', ',', '\\', '=', '|', '>'])
        || OPENING_WORDS.contains(&last_word)
}

/// Words at a line's end after which a block begins.
const OPENING_WORDS: &[&str] = &["do", "then", "begin", "of", "else", "try", "where"];

/// Cuts a line into words and single marks, without blanks.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = if is_word(first) { rest.find(|c| !is_word(c)) } else { Some(first.len_utf8()) };
        let (token, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = after;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use lowkey_document::Language;

    use super::*;

    /// The rules at a blank line between the lines above and below.
    fn between(language: &str, above: &[&str], below: &[&str]) -> Following {
        let owned =
            |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let (previous_lines, next_lines) = (owned(above), owned(below));
        let language = Language::by_id(language);
        let request = Request::new(language, "");
        Following::new(&Request {
            previous_lines: &previous_lines,
            next_lines: &next_lines,
            ..request
        })
    }

    #[test]
    fn a_line_may_not_leave_a_block_that_goes_on() {
        let python = between("python", &["def f(x):", "    y = x"], &["    return y"]);
        assert!(python.leaves_block("print(f(1))", Scope::Indent));
        assert!(python.leaves_block("# Test cases", Scope::Indent));
        assert!(!python.leaves_block("    y += 1", Scope::Indent));
        let go = between("go", &["func f() {", "\tx := 1"], &["\treturn x"]);
        assert!(go.leaves_block("}", Scope::Braces));
        assert!(!go.leaves_block("\tx++", Scope::Braces));
    }

    #[test]
    fn a_line_that_opens_a_block_may_stand_further_left() {
        let python = between("python", &["    if x:", "        y = 1"], &["        y = 2"]);
        assert!(!python.leaves_block("    else:", Scope::Indent));
        assert!(!python.leaves_block("    elif z:  # why", Scope::Indent));
        assert!(python.leaves_block("    y = 3", Scope::Indent));
        let rust = between("rust", &["    if x {", "        y();"], &["        z();"]);
        assert!(!rust.leaves_block("    } else {", Scope::Braces));
        assert!(rust.leaves_block("    }", Scope::Braces));
        let ruby = between("ruby", &["  if x", "    y"], &["    z"]);
        assert!(!ruby.leaves_block("  else", Scope::Indent));
        assert!(!ruby.leaves_block("  xs.each do", Scope::Indent));
    }

    #[test]
    fn a_statement_that_goes_on_below_is_no_block() {
        let chain = between("javascript", &["  g(", "    1)"], &["    .then(h)"]);
        assert!(!chain.leaves_block("  f()", Scope::Braces));
        let end = between("python", &["    x = 1"], &["y = 2"]);
        assert!(!end.leaves_block("z = 3", Scope::Indent));
    }

    #[test]
    fn one_word_may_differ_in_a_near_copy() {
        let python = between("python", &[], &[]);
        let next = "        if i % 2 == 1:";
        assert!(python.is_near_copy("        if i % 2 == 0:", next));
        assert!(python.is_near_copy("if i % 2 == 1:", next));
        assert!(!python.is_near_copy("if i % 3 == 0:", next));
        assert!(!python.is_near_copy("if i:", next));
        assert!(!python.is_near_copy("x = 2", "x = 1"), "too short to tell");
        assert!(!between("markdown", &[], &[]).is_near_copy("a b c d e", "a b c d f"));
    }

    #[test]
    fn a_fence_is_stray_where_no_other_is() {
        assert!(between("python", &["x = 1"], &[]).is_stray_fence("```"));
        assert!(between("rust", &[], &[]).is_stray_fence("```rust"));
        assert!(!between("python", &["```"], &[]).is_stray_fence("```"));
        assert!(!between("markdown", &[], &[]).is_stray_fence("```"));
        assert!(!between("rust", &[], &[]).is_stray_fence("`a`"));
    }
}
