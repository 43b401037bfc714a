//! Detects whether a line opens a block, so that more deeply indented lines after it belong to it.

use super::{Frame, Scanner, TextKind, TokenKind, is_word};
use crate::language::{Language, Markup, Scope};

/// HTML elements without content.
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr", "doctype",
];

impl Scanner {
    /// Whether `line`, which begins in this state, opens a block that continues below it: with a
    /// bracket, a keyword or a punctuation mark of its language. Comments and literals open no
    /// block.
    pub fn opens_block(&self, line: &str) -> bool {
        let mut scanner = self.clone();
        let mut code = String::new();
        let mut text_kind = self.text_kind();
        scanner.scan(line.trim_end(), |token| match token.kind {
            TokenKind::Open { .. } | TokenKind::Close | TokenKind::Code => {
                code.push_str(line.get(token.at..token.at + token.len).unwrap_or_default());
            }
            TokenKind::LiteralStart(_) | TokenKind::LiteralEnd(_) => code.push('"'),
            TokenKind::BrokenLiteral | TokenKind::Text => {}
        });
        if matches!(scanner.frames.last(), Some(Frame::LineComment)) {
            text_kind = TextKind::Code;
        } else if scanner.text_kind() != TextKind::Code {
            return false;
        }
        let code = code.trim();
        if text_kind != TextKind::Code && code.is_empty() {
            return false;
        }
        let opens_element = scanner.frames.len() > self.frames.len()
            && scanner.frames.last() == Some(&Frame::Children)
            && code.ends_with('>');
        opens_element || opens(self.current(), line, code)
    }
}

fn opens(language: &Language, line: &str, code: &str) -> bool {
    if code.ends_with(['{', '(', '[']) {
        return true;
    }
    let word_end = code.rfind(|c: char| !is_word(c)).map_or(0, |at| {
        at + code.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
    });
    let last_word = code.get(word_end..).unwrap_or_default();
    let first_word = code.split(|c: char| !is_word(c)).next().unwrap_or_default();
    let ends_itself = language.block_ends.contains(&"end") && last_word == "end";
    if ends_itself || code.is_empty() {
        return false;
    }
    match language.markup {
        Markup::Tags => return opens_tag(code),
        Markup::None | Markup::Elements => {}
    }
    if language.id == "makefile" {
        // A rule; its recipe follows.
        let is_rule = !line.starts_with(['\t', ' ', '.']) && code.contains(':');
        return is_rule && !code.contains('=');
    }
    if language.scope == Scope::Braces
        && code.ends_with(':')
        && matches!(first_word, "case" | "default")
    {
        return true;
    }
    let after = language.opens_after.iter().any(|mark| match *mark {
        "=" => {
            let before = code.strip_suffix('=').and_then(|code| code.chars().next_back());
            before.is_some_and(|c| !"=!<>:+-*/|&".contains(c))
        }
        // The parameters of a block. After an operator `|` the expression continues.
        "|" => code.ends_with('|') && (code.contains("do |") || code.contains("{ |")),
        mark if mark.ends_with(is_word) => mark.eq_ignore_ascii_case(last_word),
        mark => code.ends_with(mark),
    });
    after
        || language.opens_with.iter().any(|head| {
            code.strip_prefix(head).is_some_and(|rest| !rest.starts_with(is_word))
                // A method may be an equation: `def a(b) = c`.
                && !(*head == "def" && code.contains(") = "))
        })
}

/// Whether the last tag of a line opens an element.
fn opens_tag(code: &str) -> bool {
    let Some(tag) = code.strip_suffix('>').and_then(|code| code.rsplit_once('<')) else {
        return false;
    };
    let (_, tag) = tag;
    let name: String = tag.chars().take_while(|c| c.is_alphanumeric()).collect();
    let name = name.to_ascii_lowercase();
    !name.is_empty() && !tag.ends_with(['/', '%', '-']) && !VOID.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(language: &str, line: &str) -> bool {
        Scanner::new(Language::by_id(language)).opens_block(line)
    }

    #[test]
    fn words_marks_and_brackets_open_blocks() {
        for (language, line) in [
            ("python", "def f(a):  # the area"),
            ("python", "    else:"),
            ("javascript", "function f(a) { // in metres"),
            ("c", "int f(void) { /* \" */"),
            ("c", "    case 'a':"),
            ("ruby", "def area(shape)"),
            ("ruby", "  list.each do |item| # it's"),
            ("ruby", "if a > 1"),
            ("lua", "local function area(shape)"),
            ("lua", "for a in b do -- all"),
            ("elixir", "  def area(shape) do"),
            ("elixir", "  :ok ->"),
            ("shellscript", "for f in *.txt; do"),
            ("shellscript", "if [ a ]; then # yes"),
            ("shellscript", "case $a in"),
            ("kotlin", "fun area(shape: Shape): Double ="),
            ("scala", "def area(shape: Shape): Double ="),
            ("haskell", "main = do"),
            ("haskell", "area shape ="),
            ("ocaml", "let area shape ="),
            ("fsharp", "let area shape ="),
            ("julia", "function area(shape)"),
            ("crystal", "def area(shape)"),
            ("erlang", "area(Shape) ->"),
            ("sql", "CREATE TABLE shops ("),
            ("sql", "BEGIN"),
            ("nix", "let"),
            ("yaml", "  - copy: # it's"),
            ("makefile", "clean: all"),
            ("html", "<ul class=\"a\">"),
            ("vue", "<template>"),
            ("javascriptreact", "return <ul>"),
            ("perl", "sub area {"),
            ("powershell", "function Area { # it's"),
        ] {
            assert!(opens(language, line), "{language}: {line}");
        }
    }

    #[test]
    fn comments_and_literals_open_no_block() {
        for (language, line) in [
            ("python", "# Limits:"),
            ("python", "a = \"b:\""),
            ("python", "a = {'b': 1}"),
            ("javascript", "// area {"),
            ("javascript", "const a = '{'"),
            ("typescript", "return a"),
            ("ruby", "# do"),
            ("ruby", "return a if b"),
            ("ruby", "if a then b end"),
            ("ruby", "def area(a) = a * 2"),
            ("ruby", "a = b |"),
            ("lua", "local a = f(function() return b end)"),
            ("shellscript", "echo done"),
            ("kotlin", "val a = b == c"),
            ("kotlin", "if (a >="),
            ("yaml", "# list:"),
            ("yaml", "a: b"),
            ("makefile", "CC := cc"),
            ("makefile", "\techo a:"),
            ("html", "<br>"),
            ("html", "<li>a</li>"),
            ("html", "<img src=\"a\" />"),
            ("markdown", "As follows:"),
            ("plaintext", "Limits:"),
            ("sql", "SELECT a FROM b;"),
        ] {
            assert!(!opens(language, line), "{language}: {line}");
        }
    }
}
