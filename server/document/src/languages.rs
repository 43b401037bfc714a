//! The language table: one entry per language.
//!
//! Ids are LSP's; `names` are those that other editors and users give the language. Order matters
//! twice: within `strings` the longest opener comes first, and if two languages claim an extension,
//! the first entry gets it.

mod braces;
mod markup;
mod more;
mod words;

use crate::language::{
    BlockComment, Commas, Delimiter, Escape, HereDoc, Interpolation, Language, Markup, Scope,
    StringSyntax,
};

const PAIRS: &[(char, char)] = &[('(', ')'), ('[', ']'), ('{', '}')];
const CLOSERS: &[char] = &[')', ']', '}', '"', '\''];
const CLOSERS_TICK: &[char] = &[')', ']', '}', '"', '\'', '`'];

const SLASHES: &[&str] = &["//"];
const HASH: &[&str] = &["#"];
const C_COMMENT: &[BlockComment] = &[block("/*", "*/")];
const NESTING_COMMENT: &[BlockComment] = &[BlockComment { nests: true, ..block("/*", "*/") }];
const XML_COMMENT: &[BlockComment] = &[block("<!--", "-->")];

const DOUBLE: StringSyntax = string("\"", "\"", Escape::Backslash);
const SINGLE: StringSyntax = string("'", "'", Escape::Backslash);
const CHARACTER: StringSyntax = StringSyntax { one_character: true, ..SINGLE };
const TICKS: StringSyntax = multiline("`", "`", Escape::Backslash);
const TEXT_BLOCK: StringSyntax = multiline("\"\"\"", "\"\"\"", Escape::Backslash);

const C_STRINGS: &[StringSyntax] = &[DOUBLE, CHARACTER];
const SCRIPT_STRINGS: &[StringSyntax] = &[DOUBLE, SINGLE, with(TICKS, DOLLAR_BRACE), REGEX];
const MARKUP_STRINGS: &[StringSyntax] =
    &[multiline("\"", "\"", Escape::None), multiline("'", "'", Escape::None)];

const DOLLAR_BRACE: &[Interpolation] = &[code("${", "}")];
const DOLLAR_PAREN: &[Interpolation] = &[code("$(", ")")];
const HASH_BRACE: &[Interpolation] = &[code("#{", "}")];
const BRACE: &[Interpolation] = &[Interpolation { doubled: true, ..code("{", "}") }];

const REGEX: StringSyntax =
    StringSyntax { delimiter: Delimiter::Slash, ..string("/", "/", Escape::Backslash) };
/// Words of the JavaScript family that an operand follows.
const SCRIPT_OPERATORS: &[&str] = &[
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "instanceof",
    "do",
    "else",
    "yield",
    "await",
    "default",
];
const SHELL_DOCS: HereDoc =
    HereDoc { open: "<<", marks: "-", capitals: false, code_after_end: false };
/// Closing brackets that a comma must not precede.
const NO_COMMA: &[&str] = &[")", "]", "}"];

const fn block(open: &'static str, close: &'static str) -> BlockComment {
    BlockComment { open, close, nests: false, at_line_start: false }
}

const fn code(open: &'static str, close: &'static str) -> Interpolation {
    Interpolation { open, close, doubled: false, quotes: "" }
}

const fn string(open: &'static str, close: &'static str, escape: Escape) -> StringSyntax {
    StringSyntax {
        open,
        close,
        escape,
        multiline: false,
        one_character: false,
        prefixes: &[],
        after_word: false,
        interpolations: &[],
        delimiter: Delimiter::Fixed,
    }
}

const fn multiline(open: &'static str, close: &'static str, escape: Escape) -> StringSyntax {
    StringSyntax { multiline: true, ..string(open, close, escape) }
}

/// Returns a literal with code inside.
const fn with(literal: StringSyntax, interpolations: &'static [Interpolation]) -> StringSyntax {
    StringSyntax { interpolations, ..literal }
}

/// Returns a literal that begins with one of these words.
const fn prefixed(prefixes: &'static [&'static str], literal: StringSyntax) -> StringSyntax {
    StringSyntax { prefixes, ..literal }
}

/// Returns a literal whose delimiter is one of these characters.
const fn chosen(open: &'static str, delimiters: &'static str) -> StringSyntax {
    StringSyntax {
        delimiter: Delimiter::Chosen(delimiters),
        ..multiline(open, "/", Escape::Backslash)
    }
}

/// Facts that most languages share; every entry overrides those that differ.
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
    opens_after: &[],
    opens_with: &[],
    code_escape: None,
    comment_after_blank: false,
    has_plain_values: false,
    operators: &[],
    here_doc: None,
    markup: Markup::None,
    embedded: &[],
    template_marks: None,
    is_prose_or_data: false,
    commas: Commas::Free,
};

/// A language with the comments and literals of C.
const C_LIKE: Language =
    Language { line_comments: SLASHES, block_comments: C_COMMENT, strings: C_STRINGS, ..COMMON };

/// A language of the JavaScript family.
const SCRIPT: Language = Language {
    strings: SCRIPT_STRINGS,
    closers: CLOSERS_TICK,
    operators: SCRIPT_OPERATORS,
    ..C_LIKE
};

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
    &more::PERL,
    &more::GROOVY,
    &more::JULIA,
    &more::R,
    &more::OBJECTIVE_C,
    &more::PROTO,
    &more::GRAPHQL,
    &more::FSHARP,
    &more::OCAML,
    &more::CRYSTAL,
    &more::ERLANG,
    &more::CLOJURE,
    &markup::HTML,
    &markup::XML,
    &markup::VUE,
    &markup::SVELTE,
    &markup::ERB,
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
    &markup::CSV,
    &markup::COMMIT,
    &markup::PLAIN_TEXT,
];
