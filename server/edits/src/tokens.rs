//! Splits text into words, marks and line ends, each with its kind of text.

use std::ops::Range;

use lowkey_document::lexical::{Scanner, TextKind, TokenKind};

/// A word, a mark of one character, or a line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lexeme {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: TextKind,
    /// Whether it is an identifier, a keyword or a number.
    pub(crate) is_word: bool,
}

/// A text and its tokens. A line end precedes the first token and follows the last one, so that
/// each token has a neighbour on both sides.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) text: String,
    pub(crate) all: Vec<Lexeme>,
}

impl Tokens {
    /// Splits whole lines. `scanner` is the state at their start.
    pub(crate) fn new(text: String, scanner: &Scanner) -> Self {
        let mut all = vec![line_end(0)];
        let mut scanner = scanner.clone();
        let mut at = 0;
        for line in text.split('\n') {
            lex_line(line, at, &mut scanner, &mut all);
            at += line.len();
            all.push(line_end(at));
            at += 1;
        }
        Self { text, all }
    }

    /// Returns the text of a token: `"\n"` for a line end, "" for a token that does not exist.
    pub(crate) fn str(&self, idx: usize) -> &str {
        match self.all.get(idx) {
            Some(token) if token.start == token.end => "\n",
            Some(token) => self.text.get(token.start..token.end).unwrap_or_default(),
            None => "",
        }
    }

    /// Returns the start of a token, or the text's end.
    pub(crate) fn start(&self, idx: usize) -> usize {
        self.all.get(idx).map_or(self.text.len(), |token| token.start)
    }

    /// Returns the end of a token, or the text's end.
    pub(crate) fn end(&self, idx: usize) -> usize {
        self.all.get(idx).map_or(self.text.len(), |token| token.end)
    }

    /// Returns the text from a token to another one, which is not included.
    pub(crate) fn span(&self, tokens: Range<usize>) -> &str {
        if tokens.is_empty() {
            return "";
        }
        self.text.get(self.start(tokens.start)..self.end(tokens.end - 1)).unwrap_or_default()
    }

    pub(crate) fn is_word(&self, idx: usize) -> bool {
        self.all.get(idx).is_some_and(|token| token.is_word)
    }

    pub(crate) fn is_line_end(&self, idx: usize) -> bool {
        self.all.get(idx).is_none_or(|token| token.start == token.end)
    }

    pub(crate) fn kind(&self, idx: usize) -> TextKind {
        self.all.get(idx).map_or(TextKind::Code, |token| token.kind)
    }
}

fn line_end(at: usize) -> Lexeme {
    Lexeme { start: at, end: at, kind: TextKind::Code, is_word: false }
}

/// Whether a character belongs to a word.
pub(crate) fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn lex_line(line: &str, base: usize, scanner: &mut Scanner, all: &mut Vec<Lexeme>) {
    let line = line.strip_suffix('\r').unwrap_or(line);
    // The number of open literals; text in none of them is a comment.
    let mut n_literals = match scanner.text_kind() {
        TextKind::Literal => scanner.literals().count().max(1),
        TextKind::Comment | TextKind::Code => scanner.literals().count(),
    };
    let mut word: Option<Lexeme> = None;
    scanner.scan_line(line, |token| {
        let kind = match token.kind {
            TokenKind::LiteralStart(_) => {
                n_literals += 1;
                TextKind::Literal
            }
            TokenKind::LiteralEnd(_) | TokenKind::BrokenLiteral => {
                n_literals = n_literals.saturating_sub(1);
                TextKind::Literal
            }
            TokenKind::Text if n_literals > 0 => TextKind::Literal,
            TokenKind::Text => TextKind::Comment,
            TokenKind::Open { .. } | TokenKind::Close | TokenKind::Code => TextKind::Code,
        };
        let end = (token.at + token.len).min(line.len());
        for (at, c) in line.get(token.at..end).unwrap_or_default().char_indices() {
            let start = base + token.at + at;
            let lexeme = Lexeme { start, end: start + c.len_utf8(), kind, is_word: true };
            if is_word_char(c) {
                match &mut word {
                    Some(word) if word.kind == kind => word.end = lexeme.end,
                    _ => all.extend(word.replace(lexeme)),
                }
                continue;
            }
            all.extend(word.take());
            if !c.is_whitespace() {
                all.push(Lexeme { is_word: false, ..lexeme });
            }
        }
    });
    all.extend(word);
}

#[cfg(test)]
mod tests {
    use lowkey_document::Document;

    use super::*;

    fn lex(text: &str, language: &str) -> Tokens {
        let snapshot = Document::open("file:///a", language, 1, text).snapshot();
        Tokens::new(text.to_owned(), &snapshot.lexical_state(0))
    }

    #[test]
    fn words_marks_and_line_ends() {
        let tokens = lex("let a_1 = f(\"x y\"); // c\n", "rust");
        let found: Vec<&str> = (0..tokens.all.len()).map(|idx| tokens.str(idx)).collect();
        let words = "\n let a_1 = f ( \" x y \" ) ; / / c \n \n".split(' ').collect::<Vec<_>>();
        assert_eq!(found, words);
        let kinds = |kind| (0..found.len()).filter(|&idx| tokens.kind(idx) == kind).count();
        assert_eq!((kinds(TextKind::Literal), kinds(TextKind::Comment)), (4, 3));
    }

    #[test]
    fn code_inside_a_literal_is_code() {
        let tokens = lex("s = f\"a {b} c\"", "python");
        let kind_of = |text: &str| {
            let idx = (0..tokens.all.len()).find(|&idx| tokens.str(idx) == text).unwrap();
            tokens.kind(idx)
        };
        assert_eq!(kind_of("a"), TextKind::Literal);
        assert_eq!(kind_of("b"), TextKind::Code);
        assert_eq!(kind_of("c"), TextKind::Literal);
    }
}
