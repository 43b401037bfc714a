//! Uses the text below the cursor to find where a suggestion must end.
//!
//! A chat-tuned model tends to write too much: it leaves the block that continues below the cursor,
//! starts a list of test cases at the left margin, closes a Markdown fence that was never opened,
//! or repeats the next lines of the file in other words. Each of these faults can be seen from the
//! lines around the cursor.

use lowkey_document::Scope;

use crate::lines::{indent_columns, is_word};
use crate::request::Request;
use crate::scope::CONTINUATIONS;

/// Minimum number of tokens for a line to be compared as a near copy.
const MIN_COPY_TOKENS: usize = 4;

/// The line below the cursor and the endings that it rules out.
#[derive(Debug, Clone)]
pub(crate) struct FollowingLine {
    /// The indentation of the next line, if it shows how deep the block continues there.
    block_indent: Option<usize>,
    /// The indentation of the last line above the cursor that is not blank.
    above_indent: usize,
    /// Whether indentation and fences carry no meaning here: prose and tags.
    is_prose: bool,
    may_have_fences: bool,
}

impl FollowingLine {
    pub(crate) fn new(request: &Request<'_>) -> Self {
        let next = request.next_line().unwrap_or_default();
        let language = request.language;
        // Tags and prose have no fixed indentation.
        let is_prose =
            matches!(language.id, "" | "plaintext" | "markdown" | "latex" | "rst" | "html" | "xml")
                || language.block_ends.contains(&"</");
        let first = next.trim_start().chars().next();
        // A line that continues a statement is deeper without starting a block.
        let continues = first.is_none_or(|c| ".?:&|+-*/=<>,)]}".contains(c));
        let around = request.lines_above().chain(request.lines_below());
        Self {
            block_indent: (!is_prose && !continues).then(|| indent_columns(next)),
            above_indent: request.previous_line().map(indent_columns).unwrap_or_default(),
            is_prose,
            may_have_fences: is_prose || around.into_iter().any(is_fence),
        }
    }

    /// Whether the whole line `line` leaves a block that the next line of the file continues.
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

    /// Whether `line` equals the next line of the file except for at most one word or mark. Such a
    /// line means that the text has reached the code that follows.
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
                (None, None) => return n_tokens >= MIN_COPY_TOKENS && n_changed <= 1,
                _ => return false,
            }
        }
    }

    /// Whether a line opens or closes a Markdown fence in a file that has none.
    pub(crate) fn is_stray_fence(&self, line: &str) -> bool {
        !self.may_have_fences && is_fence(line)
    }
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

/// Whether deeper lines may follow a line: it ends with an opener, or begins with a word such as
/// `else` that continues a block.
fn opens_block(line: &str, scope: Scope) -> bool {
    let line = line.trim();
    // Labels, directives and annotations have an indentation of their own.
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

/// Splits a line into words and single marks, without blanks.
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

    /// Builds the rules for a blank line between the lines above and below.
    fn between(language: &str, above: &[&str], below: &[&str]) -> FollowingLine {
        let owned =
            |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let (previous_lines, next_lines) = (owned(above), owned(below));
        let language = Language::by_id(language);
        let request = Request::new(language, "");
        FollowingLine::new(&Request {
            previous_lines: &previous_lines,
            next_lines: &next_lines,
            ..request
        })
    }

    #[test]
    fn line_must_not_leave_open_block() {
        let python = between("python", &["def f(x):", "    y = x"], &["    return y"]);
        assert!(python.leaves_block("print(f(1))", Scope::Indent));
        assert!(python.leaves_block("# Test cases", Scope::Indent));
        assert!(!python.leaves_block("    y += 1", Scope::Indent));
        let go = between("go", &["func f() {", "\tx := 1"], &["\treturn x"]);
        assert!(go.leaves_block("}", Scope::Braces));
        assert!(!go.leaves_block("\tx++", Scope::Braces));
    }

    #[test]
    fn block_opener_may_be_less_indented() {
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
    fn continued_statement_is_not_a_block() {
        let chain = between("javascript", &["  g(", "    1)"], &["    .then(h)"]);
        assert!(!chain.leaves_block("  f()", Scope::Braces));
        let end = between("python", &["    x = 1"], &["y = 2"]);
        assert!(!end.leaves_block("z = 3", Scope::Indent));
    }

    #[test]
    fn near_copy_differs_in_one_word() {
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
    fn only_fence_is_stray() {
        assert!(between("python", &["x = 1"], &[]).is_stray_fence("```"));
        assert!(between("rust", &[], &[]).is_stray_fence("```rust"));
        assert!(!between("python", &["```"], &[]).is_stray_fence("```"));
        assert!(!between("markdown", &[], &[]).is_stray_fence("```"));
        assert!(!between("rust", &[], &[]).is_stray_fence("`a`"));
    }
}
