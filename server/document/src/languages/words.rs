//! Languages whose blocks end with a word or with less indentation, and the query and shell languages.
//!
//! Facts only; what the fields mean is said in `language.rs`.

use super::{
    C_COMMENT, C_STRINGS, CLOSERS_TICK, COMMON, DOUBLE, HASH, SINGLE, TEXT_BLOCK, TICK_TEMPLATE,
    block, multiline, string,
};
use crate::language::{BlockComment, Escape, Language, Scope};

pub(crate) static PYTHON: Language = Language {
    id: "python",
    names: &["py", "python3"],
    extensions: &["py", "pyi", "pyw"],
    file_names: &["sconstruct", "sconscript"],
    line_comments: HASH,
    strings: &[TEXT_BLOCK, multiline("'''", "'''", Escape::Backslash), DOUBLE, SINGLE],
    scope: Scope::Indent,
    ..COMMON
};

pub(crate) static RUBY: Language = Language {
    id: "ruby",
    names: &["rb"],
    extensions: &["rb", "rake", "gemspec"],
    file_names: &["rakefile", "gemfile"],
    line_comments: HASH,
    block_comments: &[block("=begin", "=end")],
    strings: &[
        multiline("\"", "\"", Escape::Backslash),
        multiline("'", "'", Escape::Backslash),
        TICK_TEMPLATE,
    ],
    closers: CLOSERS_TICK,
    scope: Scope::Indent,
    block_ends: &["end", "else", "elsif", "when", "in", "rescue", "ensure"],
    ..COMMON
};

pub(crate) static SHELL: Language = Language {
    id: "shellscript",
    names: &["sh", "bash", "zsh", "shell", "ksh"],
    extensions: &["sh", "bash", "zsh", "ksh", "bats"],
    file_names: &[".bashrc", ".bash_profile", ".zshrc", ".profile", "pkgbuild"],
    line_comments: HASH,
    strings: &[
        multiline("\"", "\"", Escape::Backslash),
        multiline("'", "'", Escape::None),
        TICK_TEMPLATE,
    ],
    closers: CLOSERS_TICK,
    scope: Scope::Indent,
    block_ends: &["fi", "done", "esac", "else", "elif", "}"],
    ..COMMON
};

pub(crate) static POWERSHELL: Language = Language {
    id: "powershell",
    names: &["ps1", "pwsh"],
    extensions: &["ps1", "psm1", "psd1"],
    line_comments: HASH,
    block_comments: &[block("<#", "#>")],
    strings: &[
        multiline("@\"", "\"@", Escape::None),
        multiline("@'", "'@", Escape::None),
        multiline("\"", "\"", Escape::Backtick),
        multiline("'", "'", Escape::Doubled),
    ],
    ..COMMON
};

pub(crate) static LUA: Language = Language {
    id: "lua",
    names: &["luau"],
    extensions: &["lua", "luau", "rockspec"],
    line_comments: &["--"],
    block_comments: &[block("--[[", "]]"), block("--[=[", "]=]")],
    strings: &[
        multiline("[=[", "]=]", Escape::None),
        multiline("[[", "]]", Escape::None),
        DOUBLE,
        SINGLE,
    ],
    scope: Scope::Indent,
    block_ends: &["end", "else", "elseif", "until", "}", ")"],
    ..COMMON
};

pub(crate) static ELIXIR: Language = Language {
    id: "elixir",
    names: &["ex"],
    extensions: &["ex", "exs"],
    line_comments: HASH,
    strings: &[
        TEXT_BLOCK,
        multiline("\"", "\"", Escape::Backslash),
        multiline("'", "'", Escape::Backslash),
    ],
    scope: Scope::Indent,
    block_ends: &["end", "else", "rescue", "catch", "after"],
    ..COMMON
};

pub(crate) static HASKELL: Language = Language {
    id: "haskell",
    names: &["hs"],
    extensions: &["hs"],
    line_comments: &["--"],
    block_comments: &[BlockComment { open: "{-", close: "-}", nests: true }],
    // A prime ends identifiers (`x'`), so only a whole character literal counts.
    strings: C_STRINGS,
    closers: &[')', ']', '}', '"'],
    scope: Scope::Indent,
    ..COMMON
};

pub(crate) static SQL: Language = Language {
    id: "sql",
    names: &["postgres", "mysql", "sqlite", "plsql"],
    extensions: &["sql"],
    line_comments: &["--"],
    block_comments: C_COMMENT,
    strings: &[multiline("'", "'", Escape::Doubled), string("\"", "\"", Escape::Doubled)],
    scope: Scope::Indent,
    ..COMMON
};
