//! The language table: one entry per language, facts only.
//!
//! Ids are LSP's; names are what other editors and people call the language.
//! Order matters twice: within `strings` the longest opener comes first,
//! and where two languages claim an extension the first entry has it.

mod braces;
mod markup;
mod words;

use crate::language::{BlockComment, Escape, Language, Scope, StringSyntax};

const PAIRS: &[(char, char)] = &[('(', ')'), ('[', ']'), ('{', '}')];
const CLOSERS: &[char] = &[')', ']', '}', '"', '\''];
const CLOSERS_TICK: &[char] = &[')', ']', '}', '"', '\'', '`'];

const SLASHES: &[&str] = &["//"];
const HASH: &[&str] = &["#"];
const C_COMMENT: &[BlockComment] = &[block("/*", "*/")];
const NESTING_COMMENT: &[BlockComment] = &[BlockComment { open: "/*", close: "*/", nests: true }];
const XML_COMMENT: &[BlockComment] = &[block("<!--", "-->")];

const DOUBLE: StringSyntax = string("\"", "\"", Escape::Backslash);
const SINGLE: StringSyntax = string("'", "'", Escape::Backslash);
const CHARACTER: StringSyntax = StringSyntax { one_character: true, ..SINGLE };
const TICK_TEMPLATE: StringSyntax = multiline("`", "`", Escape::Backslash);
const TEXT_BLOCK: StringSyntax = multiline("\"\"\"", "\"\"\"", Escape::Backslash);

const C_STRINGS: &[StringSyntax] = &[DOUBLE, CHARACTER];
const SCRIPT_STRINGS: &[StringSyntax] = &[DOUBLE, SINGLE, TICK_TEMPLATE];
const MARKUP_STRINGS: &[StringSyntax] =
    &[multiline("\"", "\"", Escape::None), multiline("'", "'", Escape::None)];

const fn block(open: &'static str, close: &'static str) -> BlockComment {
    BlockComment { open, close, nests: false }
}

const fn string(open: &'static str, close: &'static str, escape: Escape) -> StringSyntax {
    StringSyntax { open, close, escape, multiline: false, one_character: false }
}

const fn multiline(open: &'static str, close: &'static str, escape: Escape) -> StringSyntax {
    StringSyntax { open, close, escape, multiline: true, one_character: false }
}

/// What most languages share; every entry below says how it differs.
const COMMON: Language = Language {
    id: "",
    names: &[],
    extensions: &[],
    file_names: &[],
    line_comments: &[],
    block_comments: &[],
    strings: &[DOUBLE, SINGLE],
    brackets: PAIRS,
    closers: CLOSERS,
    scope: Scope::Braces,
    block_ends: &[],
};

/// A language with C's comments and literals.
const C_LIKE: Language =
    Language { line_comments: SLASHES, block_comments: C_COMMENT, strings: C_STRINGS, ..COMMON };

/// A language of the JavaScript family.
const SCRIPT: Language = Language { strings: SCRIPT_STRINGS, closers: CLOSERS_TICK, ..C_LIKE };

pub(crate) use markup::PLAIN_TEXT;

/// Every language, the most used first; plain text last.
pub(crate) static LANGUAGES: &[&Language] = &[
    &braces::RUST,
    &words::PYTHON,
    &braces::TYPESCRIPT,
    &braces::TYPESCRIPT_REACT,
    &braces::JAVASCRIPT,
    &braces::JAVASCRIPT_REACT,
    &braces::GO,
    &braces::C,
    &braces::CPP,
    &braces::JAVA,
    &braces::CSHARP,
    &braces::KOTLIN,
    &braces::SWIFT,
    &braces::SCALA,
    &braces::DART,
    &braces::ZIG,
    &braces::PHP,
    &words::RUBY,
    &words::SHELL,
    &words::POWERSHELL,
    &words::LUA,
    &words::ELIXIR,
    &words::HASKELL,
    &words::SQL,
    &markup::HTML,
    &markup::XML,
    &markup::VUE,
    &markup::SVELTE,
    &markup::CSS,
    &markup::SCSS,
    &markup::YAML,
    &markup::JSON,
    &markup::JSONC,
    &markup::TOML,
    &markup::MARKDOWN,
    &markup::DOCKERFILE,
    &markup::MAKEFILE,
    &markup::NIX,
    &markup::TERRAFORM,
    &markup::PLAIN_TEXT,
];
