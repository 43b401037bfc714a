//! Markup, data, configuration and prose.
//!
//! `language.rs` explains the fields.

use super::{
    C_COMMENT, CLOSERS_TICK, COMMON, DOLLAR_BRACE, DOUBLE, HASH, HASH_BRACE, MARKUP_STRINGS,
    NO_COMMA, SHELL_DOCS, SINGLE, SLASHES, TEXT_BLOCK, XML_COMMENT, code, multiline, string, with,
};
use crate::language::{
    Commas, EmbeddedLanguage, Escape, Interpolation, Language, Markup, Scope, StringSyntax,
};

pub(crate) static PLAIN_TEXT: Language = Language {
    id: "plaintext",
    names: &["text", "txt", "plain"],
    extensions: &["txt", "text", "log"],
    // In prose an apostrophe opens nothing.
    strings: &[],
    scope: Scope::Indent,
    is_prose_or_data: true,
    ..COMMON
};

const SCRIPT: EmbeddedLanguage =
    EmbeddedLanguage { open: "<script", close: "</script", language: "javascript" };
const STYLE: EmbeddedLanguage =
    EmbeddedLanguage { open: "<style", close: "</style", language: "css" };

const HTML_LIKE: Language = Language {
    block_comments: XML_COMMENT,
    strings: MARKUP_STRINGS,
    closers: &['>', '"', '\'', ')', ']', '}'],
    scope: Scope::Indent,
    block_ends: &["</"],
    markup: Markup::Tags,
    is_prose_or_data: true,
    ..COMMON
};

pub(crate) static HTML: Language = Language {
    id: "html",
    names: &["htm", "xhtml", "handlebars", "jinja-html", "django-html", "twig"],
    extensions: &["html", "htm", "xhtml", "hbs", "j2", "jinja", "twig"],
    embedded: &[SCRIPT, STYLE],
    ..HTML_LIKE
};

pub(crate) static XML: Language = Language {
    id: "xml",
    names: &["svg", "xsl"],
    extensions: &["xml", "svg", "xsd", "xsl", "xslt", "plist"],
    ..HTML_LIKE
};

pub(crate) static VUE: Language =
    Language { id: "vue", extensions: &["vue"], embedded: &[SCRIPT, STYLE], ..HTML_LIKE };

pub(crate) static SVELTE: Language = Language {
    id: "svelte",
    names: &["astro"],
    extensions: &["svelte", "astro"],
    embedded: &[SCRIPT, STYLE],
    ..HTML_LIKE
};

pub(crate) static ERB: Language = Language {
    id: "erb",
    names: &["html.erb", "eruby", "eex", "heex", "ejs"],
    extensions: &["erb", "rhtml", "ejs", "eex", "heex"],
    embedded: &[
        EmbeddedLanguage { open: "<%#", close: "%>", language: "plaintext" },
        EmbeddedLanguage { open: "<%", close: "%>", language: "ruby" },
        SCRIPT,
        STYLE,
    ],
    ..HTML_LIKE
};

pub(crate) static CSS: Language =
    Language { id: "css", extensions: &["css"], block_comments: C_COMMENT, ..COMMON };

pub(crate) static SCSS: Language = Language {
    id: "scss",
    names: &["less", "sass"],
    extensions: &["scss", "less"],
    line_comments: SLASHES,
    block_comments: C_COMMENT,
    // The slashes of an address begin no comment: `url(http://a)`.
    comment_after_blank: true,
    strings: &[with(DOUBLE, HASH_BRACE), with(SINGLE, HASH_BRACE)],
    ..COMMON
};

pub(crate) static YAML: Language = Language {
    id: "yaml",
    names: &["yml", "dockercompose"],
    extensions: &["yaml", "yml"],
    file_names: &[".clang-format", ".clang-tidy"],
    line_comments: HASH,
    strings: &[multiline("\"", "\"", Escape::Backslash), multiline("'", "'", Escape::Doubled)],
    scope: Scope::Indent,
    opens_after: &[":", "- ", "|", ">"],
    comment_after_blank: true,
    has_plain_values: true,
    ..COMMON
};

pub(crate) static JSON: Language = Language {
    id: "json",
    extensions: &["json", "webmanifest", "geojson", "ipynb"],
    file_names: &[".prettierrc", "composer.lock"],
    strings: &[DOUBLE],
    closers: &[']', '}', '"'],
    is_prose_or_data: true,
    commas: Commas::NotBefore(NO_COMMA),
    ..COMMON
};

pub(crate) static JSONC: Language = Language {
    id: "jsonc",
    names: &["json5"],
    extensions: &["jsonc", "json5", "code-workspace"],
    file_names: &["tsconfig.json", "jsconfig.json"],
    line_comments: SLASHES,
    block_comments: C_COMMENT,
    strings: &[DOUBLE, SINGLE],
    is_prose_or_data: true,
    ..COMMON
};

pub(crate) static TOML: Language = Language {
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

pub(crate) static MARKDOWN: Language = Language {
    id: "markdown",
    names: &["md", "mdx", "rmd"],
    extensions: &["md", "markdown", "mdx", "mkd"],
    file_names: &["readme"],
    block_comments: XML_COMMENT,
    // In prose an apostrophe opens nothing; code spans open a literal.
    strings: &[multiline("```", "```", Escape::None), string("`", "`", Escape::None)],
    closers: CLOSERS_TICK,
    scope: Scope::Indent,
    is_prose_or_data: true,
    ..COMMON
};

pub(crate) static DOCKERFILE: Language = Language {
    id: "dockerfile",
    names: &["docker"],
    extensions: &["dockerfile"],
    file_names: &["dockerfile", "containerfile"],
    line_comments: HASH,
    comment_after_blank: true,
    code_escape: Some('\\'),
    here_doc: Some(SHELL_DOCS),
    commas: Commas::NotBefore(&["]"]),
    scope: Scope::Indent,
    ..COMMON
};

pub(crate) static MAKEFILE: Language = Language {
    id: "makefile",
    names: &["make"],
    extensions: &["mk", "mak"],
    file_names: &["makefile", "gnumakefile"],
    line_comments: HASH,
    opens_after: &[":"],
    code_escape: Some('\\'),
    scope: Scope::Indent,
    ..COMMON
};

pub(crate) static NIX: Language = Language {
    id: "nix",
    extensions: &["nix"],
    line_comments: HASH,
    block_comments: C_COMMENT,
    strings: &[
        with(multiline("''", "''", Escape::Followed), DOLLAR_BRACE),
        with(multiline("\"", "\"", Escape::Backslash), DOLLAR_BRACE),
    ],
    opens_after: &["=", "let", "in", "then", "else", ":"],
    ..COMMON
};

pub(crate) static TERRAFORM: Language = Language {
    id: "terraform",
    names: &["hcl", "tf"],
    extensions: &["tf", "tfvars", "hcl"],
    line_comments: &["#", "//"],
    block_comments: C_COMMENT,
    strings: &[with(DOUBLE, TEMPLATE)],
    here_doc: Some(SHELL_DOCS),
    ..COMMON
};

const TEMPLATE: &[Interpolation] = &[code("${", "}"), code("%{", "}")];

pub(crate) static CSV: Language = Language {
    id: "csv",
    names: &["tsv", "csv (semicolon)"],
    extensions: &["csv", "tsv"],
    strings: &[StringSyntax { multiline: true, ..string("\"", "\"", Escape::Doubled) }],
    brackets: &[],
    scope: Scope::Indent,
    is_prose_or_data: true,
    ..COMMON
};

pub(crate) static COMMIT: Language = Language {
    id: "git-commit",
    names: &["gitcommit", "commit"],
    file_names: &["commit_editmsg", "merge_msg"],
    line_comments: HASH,
    comment_after_blank: true,
    strings: &[],
    scope: Scope::Indent,
    is_prose_or_data: true,
    ..COMMON
};
