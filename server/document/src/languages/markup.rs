//! Markup, data, configuration and prose.
//!
//! Facts only; what the fields mean is said in `language.rs`.

use super::{
    C_COMMENT, CLOSERS_TICK, COMMON, DOUBLE, HASH, MARKUP_STRINGS, SLASHES, TEXT_BLOCK,
    XML_COMMENT, multiline, string,
};
use crate::language::{Escape, Language, Scope};

pub(crate) static PLAIN_TEXT: Language = Language {
    id: "plaintext",
    names: &["text", "txt", "plain"],
    extensions: &["txt", "text", "log"],
    // An apostrophe is no opener in prose.
    strings: &[],
    scope: Scope::Indent,
    ..COMMON
};

/// A language of tags.
const HTML_LIKE: Language = Language {
    block_comments: XML_COMMENT,
    strings: MARKUP_STRINGS,
    closers: &['>', '"', '\'', ')', ']', '}'],
    scope: Scope::Indent,
    block_ends: &["</"],
    ..COMMON
};

pub(crate) static HTML: Language = Language {
    id: "html",
    names: &["htm", "xhtml"],
    extensions: &["html", "htm", "xhtml"],
    ..HTML_LIKE
};

pub(crate) static XML: Language = Language {
    id: "xml",
    names: &["svg", "xsl"],
    extensions: &["xml", "svg", "xsd", "xsl", "xslt", "plist"],
    ..HTML_LIKE
};

pub(crate) static VUE: Language = Language { id: "vue", extensions: &["vue"], ..HTML_LIKE };

pub(crate) static SVELTE: Language =
    Language { id: "svelte", extensions: &["svelte"], ..HTML_LIKE };

pub(crate) static CSS: Language =
    Language { id: "css", extensions: &["css"], block_comments: C_COMMENT, ..COMMON };

pub(crate) static SCSS: Language = Language {
    id: "scss",
    names: &["less", "sass"],
    extensions: &["scss", "less"],
    line_comments: SLASHES,
    block_comments: C_COMMENT,
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
    ..COMMON
};

pub(crate) static JSON: Language = Language {
    id: "json",
    extensions: &["json", "webmanifest", "geojson", "ipynb"],
    file_names: &[".prettierrc", "composer.lock"],
    strings: &[DOUBLE],
    closers: &[']', '}', '"'],
    ..COMMON
};

pub(crate) static JSONC: Language = Language {
    id: "jsonc",
    names: &["json5"],
    extensions: &["jsonc", "json5", "code-workspace"],
    file_names: &["tsconfig.json", "jsconfig.json"],
    line_comments: SLASHES,
    block_comments: C_COMMENT,
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
    // Prose: an apostrophe opens nothing. Code spans do.
    strings: &[multiline("```", "```", Escape::None), string("`", "`", Escape::None)],
    closers: CLOSERS_TICK,
    scope: Scope::Indent,
    ..COMMON
};

pub(crate) static DOCKERFILE: Language = Language {
    id: "dockerfile",
    names: &["docker"],
    extensions: &["dockerfile"],
    file_names: &["dockerfile", "containerfile"],
    line_comments: HASH,
    scope: Scope::Indent,
    ..COMMON
};

pub(crate) static MAKEFILE: Language = Language {
    id: "makefile",
    names: &["make"],
    extensions: &["mk", "mak"],
    file_names: &["makefile", "gnumakefile"],
    line_comments: HASH,
    scope: Scope::Indent,
    ..COMMON
};

pub(crate) static NIX: Language = Language {
    id: "nix",
    extensions: &["nix"],
    line_comments: HASH,
    block_comments: C_COMMENT,
    strings: &[multiline("''", "''", Escape::None), multiline("\"", "\"", Escape::Backslash)],
    ..COMMON
};

pub(crate) static TERRAFORM: Language = Language {
    id: "terraform",
    names: &["hcl", "tf"],
    extensions: &["tf", "tfvars", "hcl"],
    line_comments: &["#", "//"],
    block_comments: C_COMMENT,
    strings: &[DOUBLE],
    ..COMMON
};
