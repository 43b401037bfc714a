//! Brackets and quotes of a text, for whoever measures suggestions instead of making them.
//!
//! The same scanner that the balance rules use, without the crate's types around it.

use lowkey_document::Language;
use lowkey_document::lexical::{Kind, Scanner};

/// What a bracket or quote does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// Opens what this text closes: a bracket, or a literal with an end of its own.
    Open(&'static str),
    /// Closes a bracket or a literal.
    Close,
    /// A line end inside a literal that cannot hold one.
    Broken,
}

/// A bracket or quote in code; those in comments and inside literals are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Where it starts, in bytes.
    pub at: usize,
    /// How long it is, in bytes.
    pub len: usize,
    /// What it does.
    pub kind: MarkKind,
}

/// Returns the brackets and quotes of `text`, which begins where code begins, in order.
pub fn marks(language: &'static Language, text: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    Scanner::new(language).scan(text, |token| {
        let kind = match token.kind {
            Kind::Open { closer } => MarkKind::Open(closing(closer)),
            Kind::Enter(literal) => MarkKind::Open(literal.close),
            Kind::Close | Kind::Leave(_) => MarkKind::Close,
            Kind::Broken => MarkKind::Broken,
            Kind::Code | Kind::Text => return,
        };
        marks.push(Mark { at: token.at, len: token.len, kind });
    });
    marks
}

/// Returns a closing bracket as text.
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
    fn every_bracket_of_the_table_has_its_text() {
        for language in Language::all() {
            for &(_, closer) in language.brackets {
                assert_eq!(closing(closer), closer.to_string(), "{}", language.id);
            }
        }
    }

    #[test]
    fn brackets_of_comments_and_literals_are_text() {
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
                (12, MarkKind::Broken),
            ]
        );
        assert_eq!(marks(Language::by_id("rust"), text).len(), 4);
    }
}
