//! Brackets and quotes of a text, for tools that measure suggestions.
//!
//! Uses the scanner of the balance rules, without this crate's other types.

use lowkey_document::Language;
use lowkey_document::lexical::{Scanner, TokenKind};

/// The role of a bracket or quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// An opener, with the text that closes it: a bracket, or a literal that has its own closing
    /// delimiter.
    Open(&'static str),
    /// The end of a bracket or a literal.
    Close,
    /// A line end inside a literal that cannot span lines.
    BrokenLiteral,
}

/// A bracket or quote in code; those in comments and literals are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Start, in bytes.
    pub at: usize,
    /// Length, in bytes.
    pub len: usize,
    pub kind: MarkKind,
}

/// Returns the brackets and quotes of `text` in order. The text must start in code.
pub fn marks(language: &'static Language, text: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    Scanner::new(language).scan(text, |token| {
        let kind = match token.kind {
            TokenKind::Open { closer } => MarkKind::Open(closing(closer)),
            TokenKind::LiteralStart(literal) => MarkKind::Open(literal.close),
            TokenKind::Close | TokenKind::LiteralEnd(_) => MarkKind::Close,
            TokenKind::BrokenLiteral => MarkKind::BrokenLiteral,
            TokenKind::Code | TokenKind::Text => return,
        };
        marks.push(Mark { at: token.at, len: token.len, kind });
    });
    marks
}

/// Returns a closing bracket as a string.
fn closing(closer: char) -> &'static str {
    match closer {
        ')' => ")",
        ']' => "]",
        '}' => "}",
        '>' => ">",
        '`' => "`",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_closer_has_a_string() {
        for language in Language::all() {
            for &(_, closer) in language.brackets {
                assert_eq!(closing(closer), closer.to_string(), "{}", language.id);
            }
        }
    }

    #[test]
    fn brackets_in_comments_are_not_marks() {
        let text = "f(\"(\"); // (\n'";
        let found: Vec<_> = marks(Language::by_id("python"), "f(\"(\") # (\n'\n")
            .into_iter()
            .map(|mark| (mark.at, mark.kind))
            .collect();
        assert_eq!(
            found,
            [
                (1, MarkKind::Open(")")),
                (2, MarkKind::Open("\"")),
                (4, MarkKind::Close),
                (5, MarkKind::Close),
                (11, MarkKind::Open("'")),
                (12, MarkKind::BrokenLiteral),
            ]
        );
        assert_eq!(marks(Language::by_id("rust"), text).len(), 4);
    }
}
