//! The language table: one entry per language, facts only.
//!
//! Ids are LSP's; names are what other editors and people call the language.
//! Order matters twice: within `strings` the longest opener comes first,
//! and where two languages claim an extension the first entry has it.

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

/// A language of tags.
const HTML_LIKE: Language = Language {
    block_comments: XML_COMMENT,
    strings: MARKUP_STRINGS,
    closers: &['>', '"', '\'', ')', ']', '}'],
    scope: Scope::Indent,
    block_ends: &["</"],
    ..COMMON
};

pub(crate) static PLAIN_TEXT: Language = Language {
    id: "plaintext",
    names: &["text", "txt", "plain"],
    extensions: &["txt", "text", "log"],
    // An apostrophe is no opener in prose.
    strings: &[],
    scope: Scope::Indent,
    ..COMMON
};

static RUST: Language = Language {
    id: "rust",
    names: &["rs"],
    extensions: &["rs"],
    line_comments: SLASHES,
    block_comments: NESTING_COMMENT,
    strings: &[
        multiline("r###\"", "\"###", Escape::None),
        multiline("r##\"", "\"##", Escape::None),
        multiline("r#\"", "\"#", Escape::None),
        multiline("r\"", "\"", Escape::None),
        multiline("\"", "\"", Escape::Backslash),
        CHARACTER,
    ],
    // No quote: `'` opens a lifetime as often as a character.
    closers: &[')', ']', '}', '"'],
    ..COMMON
};

static PYTHON: Language = Language {
    id: "python",
    names: &["py", "python3"],
    extensions: &["py", "pyi", "pyw"],
    file_names: &["sconstruct", "sconscript"],
    line_comments: HASH,
    strings: &[TEXT_BLOCK, multiline("'''", "'''", Escape::Backslash), DOUBLE, SINGLE],
    scope: Scope::Indent,
    ..COMMON
};

static TYPESCRIPT: Language =
    Language { id: "typescript", names: &["ts"], extensions: &["ts", "mts", "cts"], ..SCRIPT };

static TYPESCRIPT_REACT: Language = Language {
    id: "typescriptreact",
    names: &["tsx", "typescript.tsx"],
    extensions: &["tsx"],
    ..SCRIPT
};

static JAVASCRIPT: Language =
    Language { id: "javascript", names: &["js"], extensions: &["js", "mjs", "cjs"], ..SCRIPT };

static JAVASCRIPT_REACT: Language = Language {
    id: "javascriptreact",
    names: &["jsx", "javascript.jsx"],
    extensions: &["jsx"],
    ..SCRIPT
};

static GO: Language = Language {
    id: "go",
    names: &["golang"],
    extensions: &["go"],
    strings: &[DOUBLE, CHARACTER, multiline("`", "`", Escape::None)],
    closers: CLOSERS_TICK,
    ..C_LIKE
};

static C: Language = Language { id: "c", extensions: &["c", "h"], ..C_LIKE };

static CPP: Language = Language {
    id: "cpp",
    names: &["c++", "cxx"],
    extensions: &["cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "inl"],
    strings: &[multiline("R\"(", ")\"", Escape::None), DOUBLE, CHARACTER],
    ..C_LIKE
};

static JAVA: Language = Language {
    id: "java",
    extensions: &["java"],
    strings: &[TEXT_BLOCK, DOUBLE, CHARACTER],
    ..C_LIKE
};

static CSHARP: Language = Language {
    id: "csharp",
    names: &["cs", "c#", "c_sharp"],
    extensions: &["cs", "csx"],
    strings: &[
        multiline("\"\"\"", "\"\"\"", Escape::None),
        multiline("$@\"", "\"", Escape::Doubled),
        multiline("@$\"", "\"", Escape::Doubled),
        multiline("@\"", "\"", Escape::Doubled),
        DOUBLE,
        CHARACTER,
    ],
    ..C_LIKE
};

static KOTLIN: Language = Language {
    id: "kotlin",
    names: &["kt"],
    extensions: &["kt", "kts"],
    block_comments: NESTING_COMMENT,
    strings: &[multiline("\"\"\"", "\"\"\"", Escape::None), DOUBLE, CHARACTER],
    ..C_LIKE
};

static SWIFT: Language = Language {
    id: "swift",
    extensions: &["swift"],
    block_comments: NESTING_COMMENT,
    strings: &[TEXT_BLOCK, DOUBLE],
    closers: &[')', ']', '}', '"'],
    ..C_LIKE
};

static SCALA: Language = Language {
    id: "scala",
    extensions: &["scala", "sc", "sbt"],
    block_comments: NESTING_COMMENT,
    strings: &[multiline("\"\"\"", "\"\"\"", Escape::None), DOUBLE, CHARACTER],
    ..C_LIKE
};

static DART: Language = Language {
    id: "dart",
    extensions: &["dart"],
    block_comments: NESTING_COMMENT,
    strings: &[TEXT_BLOCK, multiline("'''", "'''", Escape::Backslash), DOUBLE, SINGLE],
    ..C_LIKE
};

static ZIG: Language =
    Language { id: "zig", extensions: &["zig", "zon"], block_comments: &[], ..C_LIKE };

static PHP: Language = Language {
    id: "php",
    extensions: &["php", "phtml"],
    line_comments: &["//", "#"],
    strings: &[multiline("\"", "\"", Escape::Backslash), multiline("'", "'", Escape::Backslash)],
    ..C_LIKE
};

static RUBY: Language = Language {
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

static SHELL: Language = Language {
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

static POWERSHELL: Language = Language {
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

static LUA: Language = Language {
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

static ELIXIR: Language = Language {
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

static HASKELL: Language = Language {
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

static SQL: Language = Language {
    id: "sql",
    names: &["postgres", "mysql", "sqlite", "plsql"],
    extensions: &["sql"],
    line_comments: &["--"],
    block_comments: C_COMMENT,
    strings: &[multiline("'", "'", Escape::Doubled), string("\"", "\"", Escape::Doubled)],
    scope: Scope::Indent,
    ..COMMON
};

static HTML: Language = Language {
    id: "html",
    names: &["htm", "xhtml"],
    extensions: &["html", "htm", "xhtml"],
    ..HTML_LIKE
};

static XML: Language = Language {
    id: "xml",
    names: &["svg", "xsl"],
    extensions: &["xml", "svg", "xsd", "xsl", "xslt", "plist"],
    ..HTML_LIKE
};

static VUE: Language = Language { id: "vue", extensions: &["vue"], ..HTML_LIKE };

static SVELTE: Language = Language { id: "svelte", extensions: &["svelte"], ..HTML_LIKE };

static CSS: Language =
    Language { id: "css", extensions: &["css"], block_comments: C_COMMENT, ..COMMON };

static SCSS: Language = Language {
    id: "scss",
    names: &["less", "sass"],
    extensions: &["scss", "less"],
    line_comments: SLASHES,
    block_comments: C_COMMENT,
    ..COMMON
};

static YAML: Language = Language {
    id: "yaml",
    names: &["yml", "dockercompose"],
    extensions: &["yaml", "yml"],
    file_names: &[".clang-format", ".clang-tidy"],
    line_comments: HASH,
    strings: &[multiline("\"", "\"", Escape::Backslash), multiline("'", "'", Escape::Doubled)],
    scope: Scope::Indent,
    ..COMMON
};

static JSON: Language = Language {
    id: "json",
    extensions: &["json", "webmanifest", "geojson", "ipynb"],
    file_names: &[".prettierrc", "composer.lock"],
    strings: &[DOUBLE],
    closers: &[']', '}', '"'],
    ..COMMON
};

static JSONC: Language = Language {
    id: "jsonc",
    names: &["json5"],
    extensions: &["jsonc", "json5", "code-workspace"],
    file_names: &["tsconfig.json", "jsconfig.json"],
    line_comments: SLASHES,
    block_comments: C_COMMENT,
    ..COMMON
};

static TOML: Language = Language {
    id: "toml",
    extensions: &["toml"],
    file_names: &["cargo.lock", "poetry.lock", "uv.lock"],
    line_comments: HASH,
    strings: &[
        TEXT_BLOCK,
        multiline("'''", "'''", Escape::None),
        DOUBLE,
        string("'", "'", Escape::None),
    ],
    ..COMMON
};

static MARKDOWN: Language = Language {
    id: "markdown",
    names: &["md", "mdx", "rmd"],
    extensions: &["md", "markdown", "mdx", "mkd"],
    file_names: &["readme"],
    block_comments: XML_COMMENT,
    // Prose: an apostrophe opens nothing. Code spans do.
    strings: &[multiline("```", "```", Escape::None), string("`", "`", Escape::None)],
    closers: CLOSERS_TICK,
    scope: Scope::Indent,
    ..COMMON
};

static DOCKERFILE: Language = Language {
    id: "dockerfile",
    names: &["docker"],
    extensions: &["dockerfile"],
    file_names: &["dockerfile", "containerfile"],
    line_comments: HASH,
    scope: Scope::Indent,
    ..COMMON
};

static MAKEFILE: Language = Language {
    id: "makefile",
    names: &["make"],
    extensions: &["mk", "mak"],
    file_names: &["makefile", "gnumakefile"],
    line_comments: HASH,
    scope: Scope::Indent,
    ..COMMON
};

static NIX: Language = Language {
    id: "nix",
    extensions: &["nix"],
    line_comments: HASH,
    block_comments: C_COMMENT,
    strings: &[multiline("''", "''", Escape::None), multiline("\"", "\"", Escape::Backslash)],
    ..COMMON
};

static TERRAFORM: Language = Language {
    id: "terraform",
    names: &["hcl", "tf"],
    extensions: &["tf", "tfvars", "hcl"],
    line_comments: &["#", "//"],
    block_comments: C_COMMENT,
    strings: &[DOUBLE],
    ..COMMON
};

/// Every language but the one of which nothing is known comes before it, so a search meets it last.
pub(crate) static LANGUAGES: &[&Language] = &[
    &RUST,
    &PYTHON,
    &TYPESCRIPT,
    &TYPESCRIPT_REACT,
    &JAVASCRIPT,
    &JAVASCRIPT_REACT,
    &GO,
    &C,
    &CPP,
    &JAVA,
    &CSHARP,
    &KOTLIN,
    &SWIFT,
    &SCALA,
    &DART,
    &ZIG,
    &PHP,
    &RUBY,
    &SHELL,
    &POWERSHELL,
    &LUA,
    &ELIXIR,
    &HASKELL,
    &SQL,
    &HTML,
    &XML,
    &VUE,
    &SVELTE,
    &CSS,
    &SCSS,
    &YAML,
    &JSON,
    &JSONC,
    &TOML,
    &MARKDOWN,
    &DOCKERFILE,
    &MAKEFILE,
    &NIX,
    &TERRAFORM,
    &PLAIN_TEXT,
];
