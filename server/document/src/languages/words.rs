//! Languages whose blocks end with a word or with less indentation, and the query and shell
//! languages.
//!
//! `language.rs` explains the fields.

use super::{
    BRACE, C_COMMENT, C_STRINGS, CLOSERS_TICK, COMMON, DOLLAR_PAREN, DOUBLE, HASH, HASH_BRACE,
    NO_COMMA, REGEX, SHELL_DOCS, SINGLE, TEXT_BLOCK, TICKS, block, chosen, code, multiline,
    prefixed, string, with,
};
use crate::language::{
    BlockComment, Commas, Delimiter, Escape, HereDoc, Interpolation, Language, Scope, StringSyntax,
};

const SINGLE_BLOCK: StringSyntax = multiline("'''", "'''", Escape::Backslash);
/// Prefixes of formatted literals, and of the template literals of Python 3.14.
const FORMATTED: &[&str] = &["f", "fr", "rf", "t", "tr", "rt"];

pub(crate) static PYTHON: Language = Language {
    id: "python",
    names: &["py", "python3"],
    extensions: &["py", "pyi", "pyw"],
    file_names: &["sconstruct", "sconscript"],
    line_comments: HASH,
    strings: &[
        prefixed(FORMATTED, with(TEXT_BLOCK, BRACE)),
        prefixed(FORMATTED, with(SINGLE_BLOCK, BRACE)),
        prefixed(FORMATTED, with(DOUBLE, BRACE)),
        prefixed(FORMATTED, with(SINGLE, BRACE)),
        TEXT_BLOCK,
        SINGLE_BLOCK,
        DOUBLE,
        SINGLE,
    ],
    scope: Scope::Indent,
    opens_after: &[":"],
    ..COMMON
};

/// Delimiters of `%w[…]` and similar literals.
const BRACKETS: &str = "([{<|/!";

pub(crate) static RUBY: Language = Language {
    id: "ruby",
    names: &["rb"],
    extensions: &["rb", "rake", "gemspec", "ru", "podspec"],
    file_names: &["rakefile", "gemfile", "podfile", "vagrantfile", "brewfile"],
    line_comments: HASH,
    block_comments: &[BlockComment { at_line_start: true, ..block("=begin", "=end") }],
    strings: &[
        multiline("'", "'", Escape::Backslash),
        with(multiline("\"", "\"", Escape::Backslash), HASH_BRACE),
        with(TICKS, HASH_BRACE),
        with(chosen("%w", BRACKETS), &[]),
        with(chosen("%i", BRACKETS), &[]),
        with(chosen("%q", BRACKETS), &[]),
        with(chosen("%W", BRACKETS), HASH_BRACE),
        with(chosen("%I", BRACKETS), HASH_BRACE),
        with(chosen("%Q", BRACKETS), HASH_BRACE),
        with(chosen("%r", BRACKETS), HASH_BRACE),
        with(chosen("%x", BRACKETS), HASH_BRACE),
        with(REGEX, HASH_BRACE),
    ],
    closers: CLOSERS_TICK,
    scope: Scope::Indent,
    block_ends: &["end", "else", "elsif", "when", "in", "rescue", "ensure"],
    opens_after: &["do", "|", "then", "begin", "else", "ensure"],
    opens_with: &[
        "def", "class", "module", "if", "unless", "while", "until", "case", "for", "elsif", "when",
        "rescue",
    ],
    operators: &[
        "return", "if", "unless", "while", "until", "and", "or", "not", "when", "in", "puts", "do",
        "then", "elsif", "else", "case", "yield",
    ],
    here_doc: Some(HereDoc { open: "<<", marks: "~-", capitals: true, code_after_end: false }),
    ..COMMON
};

const SHELL_CODE: &[Interpolation] = &[
    code("$(", ")"),
    // Inside double quotes an apostrophe in `${x:-it's}` is text.
    Interpolation { quotes: "\"", ..code("${", "}") },
    code("`", "`"),
];

pub(crate) static SHELL: Language = Language {
    id: "shellscript",
    names: &["sh", "bash", "zsh", "shell", "ksh", "bats"],
    extensions: &["sh", "bash", "zsh", "ksh", "bats"],
    file_names: &[".bashrc", ".bash_profile", ".zshrc", ".profile", "pkgbuild", "apkbuild"],
    line_comments: HASH,
    strings: &[
        with(multiline("\"", "\"", Escape::Backslash), SHELL_CODE),
        multiline("$'", "'", Escape::Backslash),
        multiline("'", "'", Escape::None),
        TICKS,
    ],
    closers: CLOSERS_TICK,
    scope: Scope::Indent,
    block_ends: &["fi", "done", "esac", "else", "elif", "}"],
    opens_after: &["then", "do", "else", "in", "{"],
    code_escape: Some('\\'),
    comment_after_blank: true,
    here_doc: Some(SHELL_DOCS),
    ..COMMON
};

pub(crate) static POWERSHELL: Language = Language {
    id: "powershell",
    names: &["ps1", "pwsh"],
    extensions: &["ps1", "psm1", "psd1"],
    line_comments: HASH,
    block_comments: &[block("<#", "#>")],
    strings: &[
        with(multiline("@\"", "\"@", Escape::None), DOLLAR_PAREN),
        multiline("@'", "'@", Escape::None),
        with(multiline("\"", "\"", Escape::Backtick), DOLLAR_PAREN),
        multiline("'", "'", Escape::Doubled),
    ],
    code_escape: Some('`'),
    comment_after_blank: true,
    ..COMMON
};

pub(crate) static LUA: Language = Language {
    id: "lua",
    names: &["luau"],
    extensions: &["lua", "luau", "rockspec"],
    line_comments: &["--"],
    block_comments: &[
        block("--[[", "]]"),
        block("--[=[", "]=]"),
        block("--[==[", "]==]"),
        block("--[===[", "]===]"),
    ],
    strings: &[
        multiline("[===[", "]===]", Escape::None),
        multiline("[==[", "]==]", Escape::None),
        multiline("[=[", "]=]", Escape::None),
        multiline("[[", "]]", Escape::None),
        DOUBLE,
        SINGLE,
    ],
    scope: Scope::Indent,
    block_ends: &["end", "else", "elseif", "until", "}", ")"],
    opens_after: &["then", "do", "else", "repeat"],
    opens_with: &["function", "local function"],
    commas: Commas::NotBefore(&[")"]),
    ..COMMON
};

/// Delimiters of sigils.
const SIGILS: &str = "([{<|/\"'";

pub(crate) static ELIXIR: Language = Language {
    id: "elixir",
    names: &["ex"],
    extensions: &["ex", "exs"],
    line_comments: HASH,
    strings: &[
        multiline("~S\"\"\"", "\"\"\"", Escape::None),
        with(TEXT_BLOCK, HASH_BRACE),
        SINGLE_BLOCK,
        with(multiline("\"", "\"", Escape::Backslash), HASH_BRACE),
        with(multiline("'", "'", Escape::Backslash), HASH_BRACE),
        with(chosen("~s", SIGILS), HASH_BRACE),
        with(chosen("~r", SIGILS), HASH_BRACE),
        with(chosen("~w", SIGILS), HASH_BRACE),
        chosen("~S", SIGILS),
        chosen("~R", SIGILS),
        chosen("~W", SIGILS),
    ],
    scope: Scope::Indent,
    block_ends: &["end", "else", "rescue", "catch", "after"],
    opens_after: &["do", "->", "fn", "else", "rescue", "catch", "after"],
    code_escape: Some('?'),
    commas: Commas::NotBefore(NO_COMMA),
    ..COMMON
};

pub(crate) static HASKELL: Language = Language {
    id: "haskell",
    names: &["hs"],
    extensions: &["hs"],
    line_comments: &["--"],
    block_comments: &[BlockComment { nests: true, ..block("{-", "-}") }],
    // A prime may end an identifier (`x'`), so only a complete character literal counts.
    strings: C_STRINGS,
    closers: &[')', ']', '}', '"'],
    scope: Scope::Indent,
    opens_after: &["=", "do", "of", "where", "let", "->", "then", "else"],
    commas: Commas::NotBefore(NO_COMMA),
    ..COMMON
};

pub(crate) static SQL: Language = Language {
    id: "sql",
    names: &["postgres", "mysql", "sqlite", "plsql"],
    extensions: &["sql", "psql", "mysql"],
    line_comments: &["--"],
    block_comments: C_COMMENT,
    strings: &[
        prefixed(&["e"], multiline("'", "'", Escape::Backslash)),
        multiline("'", "'", Escape::DoubledOrBackslash),
        string("\"", "\"", Escape::Doubled),
        string("`", "`", Escape::Doubled),
        StringSyntax { delimiter: Delimiter::Named("$", "$"), ..multiline("$", "$", Escape::None) },
    ],
    scope: Scope::Indent,
    opens_after: &["begin", "as", "then", "loop", "select", "values", "set", "where"],
    commas: Commas::NotBefore(&[")", "from", "where", "group", "order", "having", "limit", ";"]),
    ..COMMON
};
