//! Languages whose blocks end with a bracket: the C, JavaScript and ML-with-braces families.
//!
//! `language.rs` explains the fields.

use super::{
    BRACE, C_LIKE, CHARACTER, CLOSERS_TICK, COMMON, DOLLAR_BRACE, DOUBLE, NESTING_COMMENT, SCRIPT,
    SINGLE, SLASHES, TEXT_BLOCK, code, multiline, prefixed, string, with,
};
use crate::language::{
    Commas, Delimiter, Escape, HereDoc, Interpolation, Language, Markup, StringSyntax,
};

/// Prefixes of raw strings, alone or with `b` or `c`.
const RAW: &[&str] = &["r", "br", "cr"];

pub(crate) static RUST: Language = Language {
    id: "rust",
    names: &["rs"],
    extensions: &["rs"],
    line_comments: SLASHES,
    block_comments: NESTING_COMMENT,
    strings: &[
        prefixed(RAW, multiline("####\"", "\"####", Escape::None)),
        prefixed(RAW, multiline("###\"", "\"###", Escape::None)),
        prefixed(RAW, multiline("##\"", "\"##", Escape::None)),
        prefixed(RAW, multiline("#\"", "\"#", Escape::None)),
        prefixed(RAW, multiline("\"", "\"", Escape::None)),
        prefixed(&["b", "c"], multiline("\"", "\"", Escape::Backslash)),
        multiline("\"", "\"", Escape::Backslash),
        CHARACTER,
    ],
    // No single quote: it begins a lifetime as often as a character.
    closers: &[')', ']', '}', '"'],
    ..COMMON
};

pub(crate) static TYPESCRIPT: Language =
    Language { id: "typescript", names: &["ts"], extensions: &["ts", "mts", "cts"], ..SCRIPT };

pub(crate) static TYPESCRIPT_REACT: Language = Language {
    id: "typescriptreact",
    names: &["tsx", "typescript.tsx"],
    extensions: &["tsx"],
    markup: Markup::Elements,
    ..SCRIPT
};

pub(crate) static JAVASCRIPT: Language = Language {
    id: "javascript",
    names: &["js"],
    extensions: &["js", "mjs", "cjs"],
    markup: Markup::Elements,
    ..SCRIPT
};

pub(crate) static JAVASCRIPT_REACT: Language = Language {
    id: "javascriptreact",
    names: &["jsx", "javascript.jsx"],
    extensions: &["jsx"],
    markup: Markup::Elements,
    ..SCRIPT
};

pub(crate) static GO: Language = Language {
    id: "go",
    names: &["golang"],
    extensions: &["go"],
    strings: &[DOUBLE, CHARACTER, multiline("`", "`", Escape::None)],
    closers: CLOSERS_TICK,
    commas: Commas::BeforeCloser,
    ..C_LIKE
};

/// A call's last argument has no comma; a list in braces may have one.
const NO_COMMA_IN_CALLS: &[&str] = &[")", "]"];

pub(crate) static C: Language = Language {
    id: "c",
    extensions: &["c", "h"],
    commas: Commas::NotBefore(NO_COMMA_IN_CALLS),
    ..C_LIKE
};

pub(crate) static CPP: Language = Language {
    id: "cpp",
    names: &["c++", "cxx", "cuda-cpp"],
    extensions: &["cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "inl", "cu"],
    strings: &[
        prefixed(
            &["r", "lr", "ur", "u8r"],
            StringSyntax {
                delimiter: Delimiter::Named("(", ")"),
                ..multiline("\"", "\"", Escape::None)
            },
        ),
        DOUBLE,
        CHARACTER,
    ],
    commas: Commas::NotBefore(NO_COMMA_IN_CALLS),
    ..C_LIKE
};

pub(crate) static JAVA: Language = Language {
    id: "java",
    extensions: &["java"],
    strings: &[TEXT_BLOCK, DOUBLE, CHARACTER],
    commas: Commas::NotBefore(NO_COMMA_IN_CALLS),
    ..C_LIKE
};

const RAW_BLOCK: StringSyntax = multiline("\"\"\"", "\"\"\"", Escape::None);
const VERBATIM: StringSyntax = multiline("\"", "\"", Escape::Doubled);

pub(crate) static CSHARP: Language = Language {
    id: "csharp",
    names: &["cs", "c#", "c_sharp"],
    extensions: &["cs", "csx"],
    strings: &[
        multiline("\"\"\"\"", "\"\"\"\"", Escape::None),
        with(
            multiline("$$\"\"\"", "\"\"\"", Escape::None),
            &[Interpolation { quotes: "", ..code("{{", "}}") }],
        ),
        with(multiline("$\"\"\"", "\"\"\"", Escape::None), &[code("{", "}")]),
        RAW_BLOCK,
        with(multiline("$@\"", "\"", Escape::Doubled), BRACE),
        with(multiline("@$\"", "\"", Escape::Doubled), BRACE),
        StringSyntax { open: "@\"", ..VERBATIM },
        with(StringSyntax { open: "$\"", ..DOUBLE }, BRACE),
        DOUBLE,
        CHARACTER,
    ],
    commas: Commas::NotBefore(NO_COMMA_IN_CALLS),
    ..C_LIKE
};

pub(crate) static KOTLIN: Language = Language {
    id: "kotlin",
    names: &["kt"],
    extensions: &["kt", "kts"],
    block_comments: NESTING_COMMENT,
    strings: &[with(RAW_BLOCK, DOLLAR_BRACE), with(DOUBLE, DOLLAR_BRACE), CHARACTER],
    opens_after: &["=", "->"],
    ..C_LIKE
};

/// Swift's code inside literals, by the number of `#` of the literal.
const CODE: &[Interpolation] = &[code("\\(", ")")];
const CODE_1: &[Interpolation] = &[code("\\#(", ")")];

pub(crate) static SWIFT: Language = Language {
    id: "swift",
    extensions: &["swift"],
    block_comments: NESTING_COMMENT,
    strings: &[
        with(multiline("#\"\"\"", "\"\"\"#", Escape::None), CODE_1),
        string("##\"", "\"##", Escape::None),
        with(string("#\"", "\"#", Escape::None), CODE_1),
        with(TEXT_BLOCK, CODE),
        with(DOUBLE, CODE),
    ],
    closers: &[')', ']', '}', '"'],
    ..C_LIKE
};

pub(crate) static SCALA: Language = Language {
    id: "scala",
    extensions: &["scala", "sc", "sbt"],
    block_comments: NESTING_COMMENT,
    strings: &[
        StringSyntax { after_word: true, ..with(RAW_BLOCK, DOLLAR_BRACE) },
        StringSyntax { after_word: true, ..with(DOUBLE, DOLLAR_BRACE) },
        RAW_BLOCK,
        DOUBLE,
        CHARACTER,
    ],
    opens_after: &["=", "=>", ":", "match", "then", "else", "yield"],
    ..C_LIKE
};

pub(crate) static DART: Language = Language {
    id: "dart",
    extensions: &["dart"],
    block_comments: NESTING_COMMENT,
    strings: &[
        prefixed(&["r"], RAW_BLOCK),
        prefixed(&["r"], multiline("'''", "'''", Escape::None)),
        prefixed(&["r"], string("\"", "\"", Escape::None)),
        prefixed(&["r"], string("'", "'", Escape::None)),
        with(TEXT_BLOCK, DOLLAR_BRACE),
        with(multiline("'''", "'''", Escape::Backslash), DOLLAR_BRACE),
        with(DOUBLE, DOLLAR_BRACE),
        with(SINGLE, DOLLAR_BRACE),
    ],
    ..C_LIKE
};

pub(crate) static ZIG: Language = Language {
    id: "zig",
    extensions: &["zig", "zon"],
    // A line of a multi-line literal is text to its end, like a comment.
    line_comments: &["//", "\\\\"],
    block_comments: &[],
    ..C_LIKE
};

/// `{$x}` and `${x}`; a brace alone is text.
const PHP_CODE: &[Interpolation] = &[code("${", "}"), code("{$", "}")];

pub(crate) static PHP: Language = Language {
    id: "php",
    extensions: &["php", "phtml"],
    line_comments: &["//", "#"],
    strings: &[
        with(multiline("\"", "\"", Escape::Backslash), PHP_CODE),
        multiline("'", "'", Escape::Backslash),
        multiline("`", "`", Escape::Backslash),
    ],
    here_doc: Some(HereDoc { open: "<<<", marks: " ", capitals: false, code_after_end: true }),
    template_marks: Some(("?>", &["<?php", "<?=", "<?"])),
    ..C_LIKE
};
