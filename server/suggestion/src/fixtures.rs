//! Test texts: `$0` marks the cursor, and `├ ┤` after the cursor encloses the model's text.
//!
//! Requests are built as the pipeline builds them: a tail of closers and punctuation is replaced,
//! and a blank line is completed from column 0.

use lowkey_document::{Language, fixture};

use crate::indent::IndentUnit;
use crate::request::{MAX_LINES, Request};

/// A request that owns its texts, with the model's answer.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub language: &'static Language,
    pub previous_lines: Vec<String>,
    pub before: String,
    pub replaced_indent: String,
    pub replaced_tail: String,
    pub after: String,
    pub next_lines: Vec<String>,
    pub model_text: String,
    pub multiline: bool,
    pub indent_unit: Option<IndentUnit>,
}

impl Fixture {
    /// Parses a fixture; `model_text` is the text between `├` and `┤`.
    pub(crate) fn new(language: &str, text: &str) -> Self {
        let (model_text, text) = match text.split_once('├') {
            Some((before, rest)) => {
                let (model, after) = rest.split_once('┤').expect("a fixture closes what it opens");
                (model.to_owned(), format!("{before}$0{after}"))
            }
            None => (String::new(), text.to_owned()),
        };
        // The context stage passes lines without line ends.
        let (text, cursor) = fixture::parse(&text.replace("\r\n", "\n"));
        let (above, below) = text.split_at(cursor.0.min(text.len()));
        let mut previous_lines: Vec<String> = above.split('\n').map(str::to_owned).collect();
        let before = previous_lines.pop().unwrap_or_default();
        let mut next_lines: Vec<String> = below.split('\n').map(str::to_owned).collect();
        let rest = next_lines.remove(0);
        // The text after the last line end is a line only if it is not empty.
        if next_lines.last().is_some_and(String::is_empty) {
            next_lines.pop();
        }
        let is_tail = rest.chars().all(|c| c.is_whitespace() || ")]}>\"'`;,:".contains(c));
        let (replaced_tail, after) =
            if is_tail { (rest, String::new()) } else { (String::new(), rest) };
        let (replaced_indent, before) = if before.trim().is_empty() {
            (before, String::new())
        } else {
            (String::new(), before)
        };
        Self {
            language: Language::by_id(language),
            previous_lines,
            before,
            replaced_indent,
            replaced_tail,
            after,
            next_lines,
            model_text,
            multiline: false,
            indent_unit: None,
        }
    }

    pub(crate) fn multiline(mut self) -> Self {
        self.multiline = true;
        self
    }

    pub(crate) fn unit(mut self, unit: IndentUnit) -> Self {
        self.indent_unit = Some(unit);
        self
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            language: self.language,
            previous_lines: &self.previous_lines,
            lexical: None,
            before: &self.before,
            replaced_indent: &self.replaced_indent,
            replaced_tail: &self.replaced_tail,
            after: &self.after,
            next_lines: &self.next_lines,
            multiline: self.multiline,
            max_lines: MAX_LINES,
            indent_unit: self.indent_unit,
        }
    }
}
