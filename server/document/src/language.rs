//! What the later stages know about a language without parsing it.
//!
//! Enough to tell code from comments and strings, to balance brackets and to see where a block ends;
//! not a grammar. The facts stand in `languages.rs`, one entry per language.

use std::path::Path;

use crate::languages::{LANGUAGES, PLAIN_TEXT};

/// The lexical facts of one language.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// The LSP language id, as in `"rust"`.
    pub id: &'static str,
    /// Other ids under which editors know it, as in `"sh"` for `"shellscript"`; lower case.
    pub names: &'static [&'static str],
    /// File extensions without the dot, lower case.
    pub extensions: &'static [&'static str],
    /// Whole file names that say more than an extension, lower case, as in `"dockerfile"`.
    pub file_names: &'static [&'static str],
    /// What starts a comment that ends with the line; the first is the one to write.
    pub line_comments: &'static [&'static str],
    /// Comments with an end of their own.
    pub block_comments: &'static [BlockComment],
    /// String and character literals, longest opener first, so that the first match is right.
    pub strings: &'static [StringSyntax],
    /// Bracket pairs that nest in code.
    pub brackets: &'static [(char, char)],
    /// What editors insert by themselves behind the cursor when an opener is typed.
    pub closers: &'static [char],
    pub scope: Scope,
    /// Words that close a block at the indentation of its opener and still belong to it, as in `"end"`.
    pub block_ends: &'static [&'static str],
    /// What code ends with where a line opens a block without a bracket, as in `"then"`.
    pub opens_after: &'static [&'static str],
    /// Words that a line begins with where it opens a block, as in `"def"`; with a bracket or `opens_after` or alone.
    pub opens_with: &'static [&'static str],
    /// What escapes the next character of code, as `\\'` in shells.
    pub code_escape: Option<char>,
    /// Whether a line comment begins only at the line's start or after a blank: `${#list}`, `a#b`.
    pub comment_after_blank: bool,
    /// Whether text is a value without quotes, as in YAML: literals begin only where a value does, deeper lines after
    /// a `|` or `>` are text, and a leading `- ` is an item whose members stand below its text.
    pub has_plain_values: bool,
    /// Words after which an operand follows, as a regular expression or an element does after `return`.
    pub operators: &'static [&'static str],
    /// Documents inside of the code, to a line that holds their name.
    pub here_doc: Option<HereDoc>,
    /// Tags in the text, or elements in the code.
    pub markup: Markup,
    /// Islands of other languages.
    pub embedded: &'static [Embedded],
    /// How the code is left for the text around it, and entered again: `("?>", ["<?php", "<?="])`.
    pub outside: Option<(&'static str, &'static [&'static str])>,
    /// Whether this is prose or data, of which a part is worth having.
    pub parts_are_whole: bool,
    /// Where commas between elements may be, and must be.
    pub commas: Commas,
}

/// A comment with an opener and a closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockComment {
    pub open: &'static str,
    pub close: &'static str,
    /// Whether one inside another must be closed too, as in Rust.
    pub nests: bool,
    /// Whether it begins and ends at a line's start only, as in Ruby.
    pub at_line_start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StringSyntax {
    pub open: &'static str,
    pub close: &'static str,
    /// How the closer is written inside.
    pub escape: Escape,
    /// Whether it may contain line ends; otherwise the line's end ends it.
    pub multiline: bool,
    /// Whether it holds exactly one (possibly escaped) character. What does not, is no literal:
    /// `'a` is a lifetime in Rust.
    pub one_character: bool,
    /// Words that belong to the opener, lower case, as in `f"`; where there are any, one of them must be there.
    pub prefixes: &'static [&'static str],
    /// Whether a word must stand directly before the opener, as in Scala's `s"`.
    pub after_word: bool,
    pub interpolations: &'static [Interpolation],
    /// Whether the delimiters are as they stand here.
    pub delimiter: Delimiter,
}

/// Code inside a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interpolation {
    /// What starts it; its last character is the bracket.
    pub open: &'static str,
    pub close: &'static str,
    /// Whether the opener twice is text: `{{`.
    pub doubled: bool,
    /// The quotes that open literals inside; every one of the language where this is empty.
    pub quotes: &'static str,
}

/// What the delimiters of a literal are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    Fixed,
    /// A name is part of both: `R"name(` to `)name"`. What follows it in the opener and precedes it in the closer.
    Named(&'static str, &'static str),
    /// The character after `open`, one of these, with its counterpart: `%w[` to `]`.
    Chosen(&'static str),
    /// Slashes, where an operand is expected: a regular expression.
    Slash,
}

/// How a document inside of the code begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HereDoc {
    /// What stands before the name.
    pub open: &'static str,
    /// Characters between the two that allow the end to be indented.
    pub marks: &'static str,
    /// Whether a name without quotes is in capitals; otherwise `a <<b` would be one.
    pub capitals: bool,
    /// Whether code goes on after the name that ends it; otherwise the name is all of its line.
    pub code_after_end: bool,
}

/// Tags in the text, or elements in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    None,
    /// All code is text with tags; literals are in tags only, as in HTML.
    Tags,
    /// Elements are operands in code, and text is inside of them, as in JSX.
    Elements,
}

/// Where commas between elements may be, and must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commas {
    /// The last element may have one.
    Free,
    /// Not before these closing brackets and words.
    NotBefore(&'static [&'static str]),
    /// After the last element, too, where the closer is on a line of its own, as in Go.
    BeforeCloser,
}

/// An island of another language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedded {
    /// What starts it: with `<` and a letter a tag, whose end the code follows.
    pub open: &'static str,
    /// What ends it, wherever it stands.
    pub close: &'static str,
    /// The id of its language.
    pub language: &'static str,
}

/// How a closer is written inside a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Not at all: the first closer ends it.
    None,
    /// Behind a backslash, which also escapes itself.
    Backslash,
    /// Behind a backtick.
    Backtick,
    /// Twice, as in `'it''s'`.
    Doubled,
    /// Twice, or after a backslash where text follows: SQL's dialects differ.
    DoubledOrBackslash,
    /// With `$`, `'` or a backslash after it, as in Nix.
    Followed,
}

/// How a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// With a closing bracket; indentation follows by convention.
    Braces,
    /// With the first line that is indented less (or the block's end word at the opener's indentation).
    Indent,
}

impl Language {
    /// Returns a language by its LSP id or one of its other names; plain text when nobody knows it.
    pub fn by_id(id: &str) -> &'static Self {
        Self::find(id).unwrap_or_else(Self::plain_text)
    }

    /// Returns a language by id or name, whatever the case; `None` when nobody knows it.
    pub fn find(id: &str) -> Option<&'static Self> {
        let is_it = |name: &str| name.eq_ignore_ascii_case(id);
        LANGUAGES
            .iter()
            .copied()
            .find(|language| is_it(language.id) || language.names.iter().any(|name| is_it(name)))
    }

    /// Returns the language of a file by its name or extension; plain text when neither says.
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

    /// Returns `name` with an extension of this language, unless it tells the language already.
    pub(crate) fn name_of(&self, name: &str) -> String {
        let is_told = std::ptr::eq(Self::by_path(Path::new(name)), self);
        match self.extensions.first().filter(|_| !is_told) {
            Some(extension) => format!("{name}.{extension}"),
            None => name.to_owned(),
        }
    }

    /// Returns the language of which nothing is known.
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
    fn languages_are_found_by_every_name_and_extension() {
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
    fn a_name_without_an_extension_gets_its_language_s() {
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
    fn what_nobody_knows_is_plain_text() {
        assert_eq!(Language::by_id("brainfuck").id, "plaintext");
        assert_eq!(Language::by_id("").id, "plaintext");
        assert_eq!(Language::by_path(Path::new("/a/LICENSE")).id, "plaintext");
        assert_eq!(Language::by_path(Path::new("/")).id, "plaintext");
        assert_eq!(Language::by_path(Path::new("x.unheard-of")).id, "plaintext");
        assert_eq!(Language::by_path(Path::new("Dockerfile")).id, "dockerfile");
        assert_eq!(Language::by_path(Path::new("A.RS")).id, "rust");
    }

    #[test]
    fn a_longer_opener_comes_before_a_shorter_one_that_begins_it() {
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
