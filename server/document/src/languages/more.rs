//! Less common languages, each with enough facts to separate code from text.
//!
//! `language.rs` explains the fields.

use super::{
    BRACE, C_LIKE, CHARACTER, COMMON, DOLLAR_BRACE, DOLLAR_PAREN, DOUBLE, HASH, HASH_BRACE,
    NO_COMMA, REGEX, SINGLE, SLASHES, TEXT_BLOCK, block, chosen, multiline, prefixed, string, with,
};
use crate::language::{BlockComment, Commas, Escape, HereDoc, Language, Scope};

const BRACKETS: &str = "([{<|/!#";

pub(crate) static PERL: Language = Language {
    id: "perl",
    names: &["pl", "perl5"],
    extensions: &["pl", "pm", "t", "psgi"],
    line_comments: HASH,
    block_comments: &[
        BlockComment { at_line_start: true, ..block("=pod", "=cut") },
        BlockComment { at_line_start: true, ..block("=head", "=cut") },
        BlockComment { at_line_start: true, ..block("=begin", "=cut") },
    ],
    strings: &[
        multiline("\"", "\"", Escape::Backslash),
        multiline("'", "'", Escape::Backslash),
        multiline("`", "`", Escape::Backslash),
        REGEX,
        // For a substitution, only the pattern is a literal; its replacement is read as code.
        prefixed(&["q", "qq", "qw", "qr", "qx", "m", "s", "tr", "y"], chosen("", BRACKETS)),
    ],
    comment_after_blank: true,
    operators: &["return", "if", "unless", "and", "or", "not", "split", "grep", "x", "when"],
    here_doc: Some(HereDoc { open: "<<", marks: "~", capitals: true, code_after_end: false }),
    ..COMMON
};

pub(crate) static GROOVY: Language = Language {
    id: "groovy",
    names: &["gradle", "jenkinsfile"],
    extensions: &["groovy", "gradle"],
    file_names: &["jenkinsfile"],
    strings: &[
        with(TEXT_BLOCK, DOLLAR_BRACE),
        multiline("'''", "'''", Escape::Backslash),
        with(multiline("$/", "/$", Escape::None), DOLLAR_BRACE),
        with(DOUBLE, DOLLAR_BRACE),
        SINGLE,
        with(REGEX, DOLLAR_BRACE),
    ],
    operators: &["return", "in", "case", "assert"],
    ..C_LIKE
};

pub(crate) static JULIA: Language = Language {
    id: "julia",
    names: &["jl"],
    extensions: &["jl"],
    line_comments: HASH,
    block_comments: &[BlockComment { nests: true, ..block("#=", "=#") }],
    strings: &[
        prefixed(&["raw"], string("\"", "\"", Escape::Backslash)),
        with(TEXT_BLOCK, DOLLAR_PAREN),
        with(multiline("\"", "\"", Escape::Backslash), DOLLAR_PAREN),
        CHARACTER,
    ],
    scope: Scope::Indent,
    block_ends: &["end", "else", "elseif", "catch", "finally"],
    opens_after: &["do", "begin", "else", "try", "quote"],
    opens_with: &[
        "function",
        "if",
        "elseif",
        "for",
        "while",
        "struct",
        "mutable struct",
        "module",
        "let",
        "macro",
        "catch",
    ],
    ..COMMON
};

pub(crate) static R: Language = Language {
    id: "r",
    names: &["rscript"],
    extensions: &["r"],
    line_comments: HASH,
    strings: &[
        prefixed(&["r"], multiline("\"(", ")\"", Escape::None)),
        prefixed(&["r"], multiline("'(", ")'", Escape::None)),
        multiline("\"", "\"", Escape::Backslash),
        multiline("'", "'", Escape::Backslash),
        string("`", "`", Escape::None),
    ],
    commas: Commas::NotBefore(NO_COMMA),
    ..COMMON
};

pub(crate) static OBJECTIVE_C: Language = Language {
    id: "objective-c",
    names: &["objectivec", "objc", "objective-cpp"],
    extensions: &["m", "mm"],
    ..C_LIKE
};

pub(crate) static PROTO: Language = Language {
    id: "proto3",
    names: &["proto", "protobuf"],
    extensions: &["proto"],
    strings: &[DOUBLE, SINGLE],
    ..C_LIKE
};

pub(crate) static GRAPHQL: Language = Language {
    id: "graphql",
    names: &["gql"],
    extensions: &["graphql", "gql"],
    line_comments: HASH,
    strings: &[TEXT_BLOCK, DOUBLE],
    ..COMMON
};

pub(crate) static FSHARP: Language = Language {
    id: "fsharp",
    names: &["fs", "f#"],
    extensions: &["fs", "fsi", "fsx"],
    line_comments: SLASHES,
    block_comments: &[BlockComment { nests: true, ..block("(*", "*)") }],
    strings: &[
        with(multiline("$\"\"\"", "\"\"\"", Escape::None), BRACE),
        multiline("\"\"\"", "\"\"\"", Escape::None),
        multiline("@\"", "\"", Escape::Doubled),
        with(multiline("$\"", "\"", Escape::Backslash), BRACE),
        multiline("\"", "\"", Escape::Backslash),
        CHARACTER,
    ],
    closers: &[')', ']', '}', '"'],
    scope: Scope::Indent,
    opens_after: &["=", "->", "then", "else", "do", "with", "try", "begin"],
    ..COMMON
};

pub(crate) static OCAML: Language = Language {
    id: "ocaml",
    names: &["ml"],
    extensions: &["ml", "mli"],
    block_comments: &[BlockComment { nests: true, ..block("(*", "*)") }],
    strings: &[
        multiline("{|", "|}", Escape::None),
        multiline("\"", "\"", Escape::Backslash),
        CHARACTER,
    ],
    closers: &[')', ']', '}', '"'],
    scope: Scope::Indent,
    block_ends: &["end", "done"],
    opens_after: &["=", "->", "then", "else", "do", "with", "begin", "struct", "sig", "in"],
    ..COMMON
};

pub(crate) static CRYSTAL: Language = Language {
    id: "crystal",
    names: &["cr"],
    extensions: &["cr"],
    line_comments: HASH,
    strings: &[
        with(multiline("\"", "\"", Escape::Backslash), HASH_BRACE),
        CHARACTER,
        with(REGEX, HASH_BRACE),
    ],
    scope: Scope::Indent,
    block_ends: &["end", "else", "elsif", "when", "in", "rescue", "ensure"],
    opens_after: &["do", "|", "then", "begin", "else", "ensure"],
    opens_with: &[
        "def", "class", "module", "struct", "if", "unless", "while", "until", "case", "elsif",
        "when", "rescue", "enum",
    ],
    here_doc: Some(HereDoc { open: "<<", marks: "-", capitals: true, code_after_end: false }),
    ..COMMON
};

pub(crate) static ERLANG: Language = Language {
    id: "erlang",
    names: &["erl"],
    extensions: &["erl", "hrl"],
    line_comments: &["%"],
    strings: &[multiline("\"", "\"", Escape::Backslash), string("'", "'", Escape::Backslash)],
    scope: Scope::Indent,
    block_ends: &["end", "catch", "after"],
    opens_after: &["->", "of", "begin", "receive", "after"],
    code_escape: Some('$'),
    commas: Commas::NotBefore(NO_COMMA),
    ..COMMON
};

pub(crate) static CLOJURE: Language = Language {
    id: "clojure",
    names: &["clj"],
    extensions: &["clj", "cljs", "cljc", "edn"],
    line_comments: &[";"],
    strings: &[multiline("\"", "\"", Escape::Backslash)],
    closers: &[')', ']', '}', '"'],
    code_escape: Some('\\'),
    ..COMMON
};
