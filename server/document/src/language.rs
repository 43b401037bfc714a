//! Facts about a language that the later stages use without parsing it.
//!
//! They suffice to separate code from comments and strings, to balance brackets and to find the end
//! of a block; they are not a grammar. The facts are in `languages.rs`, one entry per language.

use std::path::Path;

use crate::languages::{LANGUAGES, PLAIN_TEXT};

/// The lexical facts of one language.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// The LSP language id, such as `"rust"`.
    pub id: &'static str,
    /// Other ids that editors use, such as `"sh"` for `"shellscript"`; lower case.
    pub names: &'static [&'static str],
    /// File extensions without the dot, lower case.
    pub extensions: &'static [&'static str],
    /// Complete file names, which take precedence over an extension; lower case, such as
    /// `"dockerfile"`.
    pub file_names: &'static [&'static str],
    /// Openers of comments that end with the line. Use the first one for new comments.
    pub line_comments: &'static [&'static str],
    /// Comments with their own closer.
    pub block_comments: &'static [BlockComment],
    /// String and character literals, longest opener first, so that the first match is right.
    pub strings: &'static [StringSyntax],
    /// Bracket pairs that nest in code.
    pub brackets: &'static [(char, char)],
    /// Closers that editors insert after the cursor when the user types the opener.
    pub closers: &'static [char],
    pub scope: Scope,
    /// Words that close a block at the indentation of its opener and belong to the block, such as
    /// `"end"`.
    pub block_ends: &'static [&'static str],
    /// Endings of lines that open a block without a bracket, such as `"then"`.
    pub opens_after: &'static [&'static str],
    /// First words of lines that open a block, such as `"def"`; with or without a bracket or an
    /// ending in `opens_after`.
    pub opens_with: &'static [&'static str],
    /// The character that escapes the next one in code, as in `\\'` of shells.
    pub code_escape: Option<char>,
    /// Whether a line comment begins only at the line's start or after a blank: `${#list}` and
    /// `a#b` contain none.
    pub comment_after_blank: bool,
    /// Whether values are written without quotes, as in YAML. Literals then begin only at the start
    /// of a value, more deeply indented lines after a `|` or `>` are text, and a leading `- ` is an
    /// item whose members are below its text.
    pub has_plain_values: bool,
    /// Words that an operand follows; for example, a regular expression or an element after
    /// `return`.
    pub operators: &'static [&'static str],
    /// Here documents: text up to a line that holds their name.
    pub here_doc: Option<HereDoc>,
    /// Tags in the text, or elements in the code.
    pub markup: Markup,
    /// Embedded parts in other languages.
    pub embedded: &'static [EmbeddedLanguage],
    /// The end of the code in a template, and the marks that begin it again:
    /// `("?>", ["<?php", "<?="])`.
    pub template_marks: Option<(&'static str, &'static [&'static str])>,
    /// Whether this is prose or data, in which a partial suggestion is useful.
    pub is_prose_or_data: bool,
    /// Where commas between elements are allowed and required.
    pub commas: Commas,
}

/// A comment with an opener and a closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockComment {
    pub open: &'static str,
    pub close: &'static str,
    /// Whether a nested one must be closed too, as in Rust.
    pub nests: bool,
    /// Whether it begins and ends only at a line's start, as in Ruby.
    pub at_line_start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StringSyntax {
    pub open: &'static str,
    pub close: &'static str,
    /// How its content spells the closer.
    pub escape: Escape,
    /// Whether it may contain line ends; otherwise the end of the line ends it.
    pub multiline: bool,
    /// Whether it contains exactly one (possibly escaped) character. Any other content means that
    /// it is not a literal: `'a` is a lifetime in Rust.
    pub one_character: bool,
    /// Words that belong to the opener, lower case, as in `f"`. If there are any, one of them is
    /// required.
    pub prefixes: &'static [&'static str],
    /// Whether a word must directly precede the opener, as in Scala's `s"`.
    pub after_word: bool,
    pub interpolations: &'static [Interpolation],
    /// Whether the delimiters are fixed or vary.
    pub delimiter: Delimiter,
}

/// Code inside a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interpolation {
    /// The opener; its last character is the bracket.
    pub open: &'static str,
    pub close: &'static str,
    /// Whether a doubled opener is text: `{{`.
    pub doubled: bool,
    /// The quotes that open literals inside; if empty, all quotes of the language.
    pub quotes: &'static str,
}

/// The form of a literal's delimiters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    Fixed,
    /// Both contain a name: `R"name(` to `)name"`. The fields are the text after the name in the
    /// opener and the text before it in the closer.
    Named(&'static str, &'static str),
    /// The character after `open`, one of these, and its counterpart: `%w[` to `]`.
    Chosen(&'static str),
    /// Slashes, if an operand is expected: a regular expression.
    Slash,
}

/// How a here document begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HereDoc {
    /// The text before the name.
    pub open: &'static str,
    /// Characters between opener and name that allow the end to be indented.
    pub marks: &'static str,
    /// Whether a name without quotes must be in capitals; without this rule `a <<b` would begin a
    /// document.
    pub capitals: bool,
    /// Whether code may follow the name that ends it; otherwise the name must be the whole line.
    pub code_after_end: bool,
}

/// The form of tags or elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    None,
    /// All code is text with tags; literals occur only in tags, as in HTML.
    Tags,
    /// Elements are operands in code and contain text, as in JSX.
    Elements,
}

/// Where commas between elements are allowed and required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commas {
    /// Allowed after the last element.
    Free,
    /// Not allowed before these closing brackets and words.
    NotBefore(&'static [&'static str]),
    /// Required after the last element, too, if the closer is on a separate line, as in Go.
    BeforeCloser,
}

/// An embedded part in another language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedLanguage {
    /// The opener. If it is `<` and a letter, it is a tag and the code follows the tag's end.
    pub open: &'static str,
    /// The closer, recognised anywhere.
    pub close: &'static str,
    /// The id of the embedded language.
    pub language: &'static str,
}

/// How a literal's content spells the closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Not possible: the first closer ends the literal.
    None,
    /// After a backslash, which also escapes itself.
    Backslash,
    /// After a backtick.
    Backtick,
    /// Doubled, as in `'it''s'`.
    Doubled,
    /// Doubled, or after a backslash if text follows: SQL's dialects differ.
    DoubledOrBackslash,
    /// Followed by `$`, `'` or a backslash, as in Nix.
    Followed,
}

/// How a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// With a closing bracket; indentation is only a convention.
    Braces,
    /// With the first line that is less indented (or with the block's end word at the opener's
    /// indentation).
    Indent,
}

impl Language {
    /// Returns a language by its LSP id or another of its names; plain text if the name is unknown.
    pub fn by_id(id: &str) -> &'static Self {
        Self::find(id).unwrap_or_else(Self::plain_text)
    }

    /// Returns a language by id or name, ignoring case; `None` if the name is unknown.
    pub fn find(id: &str) -> Option<&'static Self> {
        let is_it = |name: &str| name.eq_ignore_ascii_case(id);
        LANGUAGES
            .iter()
            .copied()
            .find(|language| is_it(language.id) || language.names.iter().any(|name| is_it(name)))
    }

    /// Returns the language of a file by its name or extension; plain text if neither is known.
    pub fn by_path(path: &Path) -> &'static Self {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().to_lowercase()) else {
            return Self::plain_text();
        };
        if let Some(language) =
            LANGUAGES.iter().copied().find(|language| language.file_names.contains(&name.as_str()))
        {
            return language;
        }
        let Some((_, extension)) = name.rsplit_once('.') else {
            return Self::plain_text();
        };
        LANGUAGES
            .iter()
            .copied()
            .find(|language| language.extensions.contains(&extension))
            .unwrap_or_else(Self::plain_text)
    }

    /// Returns `name` with an extension of this language, unless the name already identifies the
    /// language.
    pub(crate) fn name_of(&self, name: &str) -> String {
        let is_told = std::ptr::eq(Self::by_path(Path::new(name)), self);
        match self.extensions.first().filter(|_| !is_told) {
            Some(extension) => format!("{name}.{extension}"),
            None => name.to_owned(),
        }
    }

    /// Returns plain text, the language without any facts.
    pub fn plain_text() -> &'static Self {
        &PLAIN_TEXT
    }

    /// Returns every language in the table.
    pub fn all() -> &'static [&'static Self] {
        LANGUAGES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_found_by_name_and_extension() {
        assert!(LANGUAGES.len() >= 18);
        for language in LANGUAGES {
            for id in language.names.iter().chain([&language.id]) {
                assert_eq!(Language::by_id(id).id, language.id, "id {id}");
                assert_eq!(
                    Language::by_id(&id.to_uppercase()).id,
                    language.id,
                    "id {id} in capitals"
                );
                assert_eq!(id.to_lowercase(), *id);
            }
            for extension in language.extensions {
                let path = format!("/src/some.file.{extension}");
                assert_eq!(Language::by_path(Path::new(&path)).id, language.id, "{path}");
            }
            for name in language.file_names {
                assert_eq!(
                    Language::by_path(Path::new("/src").join(name).as_path()).id,
                    language.id,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn name_gets_the_language_extension() {
        for (language, name, told) in [
            ("go", "Untitled-1", "Untitled-1.go"),
            ("ruby", "Untitled-1", "Untitled-1.rb"),
            ("lua", "scratch.lua", "scratch.lua"),
            ("python", "trees.ipynb#W3s", "trees.ipynb#W3s.py"),
            ("dockerfile", "Dockerfile", "Dockerfile"),
            ("plaintext", "Untitled-1", "Untitled-1"),
            ("git-commit", "x", "x"),
        ] {
            assert_eq!(Language::by_id(language).name_of(name), told);
        }
    }

    #[test]
    fn unknown_language_is_plain_text() {
        assert_eq!(Language::by_id("brainfuck").id, "plaintext");
        assert_eq!(Language::by_id("").id, "plaintext");
        assert_eq!(Language::by_path(Path::new("/a/LICENSE")).id, "plaintext");
        assert_eq!(Language::by_path(Path::new("/")).id, "plaintext");
        assert_eq!(Language::by_path(Path::new("x.unheard-of")).id, "plaintext");
        assert_eq!(Language::by_path(Path::new("Dockerfile")).id, "dockerfile");
        assert_eq!(Language::by_path(Path::new("A.RS")).id, "rust");
    }

    #[test]
    fn longer_openers_come_first() {
        for language in LANGUAGES {
            for (idx, string) in language.strings.iter().enumerate() {
                let is_chosen = matches!(string.delimiter, Delimiter::Chosen(_));
                assert!((is_chosen || !string.open.is_empty()) && !string.close.is_empty());
                let hides = |later: &&StringSyntax| {
                    later.open.starts_with(string.open)
                        && later.prefixes == string.prefixes
                        && later.after_word == string.after_word
                };
                let hidden = language.strings.iter().skip(idx + 1).find(hides);
                assert_eq!(hidden, None, "{}: {:?} hides a later opener", language.id, string.open);
            }
        }
    }
}
