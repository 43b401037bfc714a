//! The head of a statement: its tokens up to the body or the end.

use super::definitions::DefinitionKind;
use super::grammar::Role;
use super::tokens::{Kind, Token};

/// Maximum length of a signature.
pub(super) const MAX_SIGNATURE_BYTES: usize = 200;

/// How a head ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At the bracket that opens its body.
    Body,
    Semicolon,
    Comma,
    Line,
    /// At the bracket that closes the block around it.
    Close,
}

/// The definitions that a block may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// A file, a module or a namespace.
    Open,
    Type,
    Enum,
    /// An object literal of a script: only its methods are definitions.
    Object,
    /// A function's body: its definitions are local.
    Local,
    /// An expression.
    Hidden,
    /// Go's `const ( … )`: each line is a definition of this role.
    Group(Role),
}

/// A definition in a head.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) kind: DefinitionKind,
    pub(super) line: u32,
    pub(super) signature: String,
    /// The type that it belongs to, if that is not the block around it.
    pub(super) container: Option<String>,
}

/// What a head defines, and how its body is read.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) found: Vec<Found>,
    pub(super) scope: Scope,
    /// The type whose members the body contains.
    pub(super) container: Option<String>,
    /// Whether the statement continues after the body.
    pub(super) continues: bool,
}

impl Outcome {
    pub(super) fn nothing(scope: Scope) -> Self {
        Self { found: Vec::new(), scope, container: None, continues: false }
    }

    pub(super) fn expression() -> Self {
        Self { continues: true, ..Self::nothing(Scope::Hidden) }
    }

    pub(super) fn one(found: Found, scope: Scope) -> Self {
        Self { found: vec![found], ..Self::nothing(scope) }
    }

    pub(super) fn with_members(found: Found, scope: Scope) -> Self {
        let container = Some(found.name.clone());
        Self { found: vec![found], scope, container, continues: false }
    }
}

/// Returns a definition named by the token at `idx`.
pub(super) fn found(
    head: &[Token<'_>],
    idx: usize,
    kind: DefinitionKind,
    signature: &[Token<'_>],
) -> Option<Found> {
    let token = head.get(idx)?;
    let name = token.text.trim_matches(|c| matches!(c, '"' | '\'' | '`'));
    if name.is_empty() || name == "_" || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let signature = text_of(signature);
    Some(Found { name: name.to_owned(), kind, line: token.line, signature, container: None })
}

/// Returns the text of tokens on one line, with one blank for each gap, cut at
/// [`MAX_SIGNATURE_BYTES`].
pub(super) fn text_of(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    let mut end = None;
    for token in tokens {
        if end.is_some_and(|end| token.start > end) && !text.ends_with([' ', '(', '[']) {
            text.push(' ');
        }
        end = Some(token.end());
        if token.kind == Kind::Body {
            continue;
        }
        if text.ends_with(", ") && token.is_any(")]") {
            // The trailing comma of a list with one element on each line.
            text.truncate(text.len().saturating_sub(2));
        } else if text.ends_with(' ') && token.is_any(")],.") && token.is_first {
            text.pop();
        }
        for c in token.text.chars() {
            let c = if c.is_whitespace() { ' ' } else { c };
            if c != ' ' || !text.ends_with(' ') {
                text.push(c);
            }
        }
        if text.len() >= MAX_SIGNATURE_BYTES {
            text.truncate(text.floor_char_boundary(MAX_SIGNATURE_BYTES));
            break;
        }
    }
    let kept = text.trim_end_matches([' ', '{', '=', ':', ',', ';']);
    text.truncate(kept.len());
    text
}

/// Returns the index after the bracket that closes the one at `start`; the length of the head if
/// none does. At any other token it returns `start`.
pub(super) fn after_group(head: &[Token<'_>], start: usize) -> usize {
    let Some((open, close)) = head.get(start).and_then(|token| match token.text {
        "(" => Some(("(", ")")),
        "[" => Some(("[", "]")),
        "<" => Some(("<", ">")),
        _ => None,
    }) else {
        return start;
    };
    let mut n_open = 0usize;
    for (idx, token) in head.iter().enumerate().skip(start) {
        if token.is(open) {
            n_open += 1;
        } else if token.is(close) && !(close == ">" && is_arrow(head, idx)) {
            n_open -= 1;
            if n_open == 0 {
                return idx + 1;
            }
        }
    }
    head.len()
}

/// Whether the `>` at `idx` ends `->` or `=>`.
pub(super) fn is_arrow(head: &[Token<'_>], idx: usize) -> bool {
    let before = idx.checked_sub(1).and_then(|before| head.get(before));
    before.zip(head.get(idx)).is_some_and(|(before, token)| {
        token.is(">") && before.is_any("-=") && before.end() == token.start
    })
}

/// Returns the word at `idx`.
pub(super) fn word<'t>(head: &[Token<'t>], idx: usize) -> Option<&'t str> {
    head.get(idx).filter(|token| token.is_word()).map(|token| token.text)
}

/// Returns the word `n` tokens before `idx`.
pub(super) fn word_before<'t>(head: &[Token<'t>], idx: usize, n: usize) -> Option<&'t str> {
    word(head, idx.checked_sub(n)?)
}

/// Whether the token `n` tokens before `idx` is the mark.
pub(super) fn is_before(head: &[Token<'_>], idx: usize, n: usize, mark: &str) -> bool {
    idx.checked_sub(n).is_some_and(|idx| is(head, idx, mark))
}

/// Whether the token at `idx` is the mark.
pub(super) fn is(head: &[Token<'_>], idx: usize, mark: &str) -> bool {
    head.get(idx).is_some_and(|token| token.is(mark))
}

/// Returns the index of the first token outside brackets from `start` that satisfies a predicate.
pub(super) fn position(
    head: &[Token<'_>],
    start: usize,
    is_it: impl Fn(usize, &Token<'_>) -> bool,
) -> Option<usize> {
    let mut depth = 0usize;
    for (idx, token) in head.iter().enumerate().skip(start) {
        if depth == 0 && is_it(idx, token) {
            return Some(idx);
        }
        if token.is_any("([") {
            depth += 1;
        } else if token.is_any(")]") {
            depth = depth.saturating_sub(1);
        }
    }
    None
}

/// Returns the index of the `=` that begins a value; not that of `==`, `=>`, `<=` and the like.
pub(super) fn value_at(head: &[Token<'_>], start: usize) -> Option<usize> {
    position(head, start, |idx, token| {
        let touches = |before: &Token<'_>, after: &Token<'_>| before.end() == after.start;
        token.is("=")
            && !head.get(idx + 1).is_some_and(|next| next.is_any("=>") && touches(token, next))
            && !idx.checked_sub(1).and_then(|before| head.get(before)).is_some_and(|before| {
                before.is_any("=<>!+-*/|&%^") && touches(before, token) && !before.is(">")
            })
    })
}

/// Returns the signature's tokens: from `start` to the value or the end.
pub(super) fn without_value<'h, 't>(head: &'h [Token<'t>], start: usize) -> &'h [Token<'t>] {
    let end = value_at(head, start)
        .or_else(|| position(head, start, |idx, token| token.is("=") && is_arrow(head, idx + 1)))
        .unwrap_or(head.len());
    head.get(start..end).unwrap_or_default()
}

/// Returns the index after attributes and annotations.
pub(super) fn after_attributes(head: &[Token<'_>]) -> usize {
    let mut at = 0;
    loop {
        let next = if is(head, at, "#") {
            let bracket = if is(head, at + 1, "!") { at + 2 } else { at + 1 };
            if is(head, bracket, "[") { after_group(head, bracket) } else { return at }
        } else if is(head, at, "@")
            && word(head, at + 1).is_some_and(|word| !matches!(word, "interface" | "protocol"))
        {
            let mut next = at + 2;
            while (is(head, next, ".") || is(head, next, ":")) && word(head, next + 1).is_some() {
                next += 2;
            }
            if is(head, next, "(") { after_group(head, next) } else { next }
        } else if is(head, at, "[") {
            let next = after_group(head, at);
            // A computed name of a script, not an attribute.
            if head.get(next).is_some_and(|token| token.is_any("(:=?")) {
                return at;
            }
            next
        } else {
            return at;
        };
        if next <= at {
            return at;
        }
        at = next;
    }
}

/// Whether a value loads another file: the name is then an import.
pub(super) fn is_import(head: &[Token<'_>], value: usize) -> bool {
    let mut rest = head.iter().skip(value + 1).filter(|token| !token.is("(")).take(3);
    rest.any(|token| token.is_word() && matches!(token.text, "require" | "import"))
}

/// Whether a block after this head is part of an expression, which may continue after it.
pub(super) fn is_expression(head: &[Token<'_>]) -> bool {
    let starts = word(head, 0).is_some_and(|word| {
        matches!(word, "return" | "throw" | "await" | "yield" | "export" | "case")
    });
    let ends = head.last().is_some_and(|token| token.is_any("=([,:?|&<+"));
    starts || ends || value_at(head, 0).is_some()
}
