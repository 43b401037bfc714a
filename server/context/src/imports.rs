//! The import statements of a file: which names it takes from which modules.
//!
//! One scanner for the statements of each group of languages. It reads the text before a limit and
//! nothing else, so it can be wrong where a comment or a literal looks like an import; a name that
//! the index does not know has no effect.

use lowkey_document::Language;

mod brace_tree;
mod statements;

use brace_tree::leaves;
use statements::{Statement, statements};

/// Imports are at a file's beginning; later text is not searched.
const MAX_SEARCHED_BYTES: usize = 32 << 10;
/// Maximum number of imports of one file.
const MAX_IMPORTS: usize = 256;

/// Names taken from one module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Import {
    /// The parts of the module's path in the order of the source, without relative ones: `["store",
    /// "pull"]` for `crate::store::pull`, `../store/pull` and `store.pull`.
    pub module: Vec<String>,
    /// The imported names before renaming, in the order of the source; empty if the module itself
    /// is imported.
    pub names: Vec<String>,
}

/// The syntax of imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `use a::b::{C, d as e};`
    Rust,
    /// `from a.b import C, d as e` and `import a.b`
    Python,
    /// `import {C, d as e} from "./a/b"` and `require("./a/b")`
    Script,
    /// `import "host/a/b"`, alone or in parentheses.
    Go,
    /// `import a.b.C;` where the last part is the name.
    Dotted,
    /// `using A.B;`
    Using,
    /// `#include "a/b.h"`
    Include,
    /// `require "a/b"` and `require("a.b")`
    Require,
    /// `use A\B\{C, D};`
    Php,
}

impl Syntax {
    /// Returns the syntax of a language; `None` if it has no imports that name files or symbols.
    pub(crate) fn of(language: &Language) -> Option<Self> {
        Some(match language.id {
            "rust" => Self::Rust,
            "python" => Self::Python,
            "typescript" | "typescriptreact" | "javascript" | "javascriptreact" | "vue"
            | "svelte" | "dart" => Self::Script,
            "go" => Self::Go,
            "java" | "kotlin" | "scala" | "groovy" | "swift" | "haskell" => Self::Dotted,
            "csharp" => Self::Using,
            "c" | "cpp" | "objective-c" | "objective-cpp" | "cuda-cpp" => Self::Include,
            "ruby" | "lua" => Self::Require,
            "php" => Self::Php,
            _ => return None,
        })
    }
}

/// Returns the imports at the beginning of a text, in its order.
///
/// Total for any text: at most 256 imports of the first 32 KiB.
pub fn imports(text: &str, language: &Language) -> Vec<Import> {
    let Some(syntax) = Syntax::of(language) else { return Vec::new() };
    let text = text.get(..text.floor_char_boundary(MAX_SEARCHED_BYTES)).unwrap_or_default();
    let mut found = Vec::new();
    for statement in statements(text, syntax) {
        read(statement, syntax, &mut found);
        if found.len() >= MAX_IMPORTS {
            found.truncate(MAX_IMPORTS);
            break;
        }
    }
    found
}

fn read(Statement { names, path }: Statement<'_>, syntax: Syntax, found: &mut Vec<Import>) {
    match syntax {
        Syntax::Rust => leaves(path, "::").into_iter().for_each(|leaf| push_symbol(found, leaf)),
        Syntax::Php => leaves(path, "\\").into_iter().for_each(|leaf| push_symbol(found, leaf)),
        Syntax::Dotted => push_symbol(found, split(path, &['.'])),
        Syntax::Python => python(names, path, found),
        Syntax::Using | Syntax::Go | Syntax::Include | Syntax::Require => {
            let module = split(without_extension(path, syntax), &['/', '.', '\\']);
            // `using Name = A.B` and Go's aliases are read by `statements`.
            push(found, module, Vec::new());
        }
        Syntax::Script => {
            let module = split(without_extension(path, syntax), &['/', ':']);
            push(found, module, script_names(names));
        }
    }
}

/// `from a.b import C` (with names) or `import a.b, c` (without).
fn python(names: &str, path: &str, found: &mut Vec<Import>) {
    if names.is_empty() {
        for module in path.split(',') {
            push(found, split(before_alias(module), &['.']), Vec::new());
        }
        return;
    }
    let module = split(path, &['.']);
    let names: Vec<String> = names
        .split(',')
        .map(|name| word(before_alias(name)))
        .filter(|name| !name.is_empty() && *name != "*")
        .map(str::to_owned)
        .collect();
    if module.is_empty() {
        // `from . import a`: each name is a module.
        for name in names {
            push(found, vec![name], Vec::new());
        }
    } else {
        push(found, module, names);
    }
}

/// Returns the names of `C, {d as e, type F}, * as g`; none if the module itself is imported.
fn script_names(names: &str) -> Vec<String> {
    names
        .split([',', '{', '}'])
        .map(|name| before_alias(name.trim().trim_start_matches("type ")))
        .map(word)
        .filter(|name| !name.is_empty() && *name != "*" && *name != "type")
        .map(str::to_owned)
        .collect()
}

/// Takes the last part of a path as the name, unless it is `*` or `self`.
fn push_symbol(found: &mut Vec<Import>, mut parts: Vec<String>) {
    let name = parts.pop().unwrap_or_default();
    let names =
        if matches!(name.as_str(), "*" | "_" | "self" | "") { Vec::new() } else { vec![name] };
    parts.retain(|part| !matches!(part.as_str(), "crate" | "self" | "super"));
    push(found, parts, names);
}

fn push(found: &mut Vec<Import>, module: Vec<String>, names: Vec<String>) {
    if !module.is_empty() || !names.is_empty() {
        found.push(Import { module, names });
    }
}

/// Splits a path into its parts, without empty and relative ones.
fn split(path: &str, separators: &[char]) -> Vec<String> {
    let parts = path.trim().trim_end_matches(';').split(separators).map(str::trim);
    parts.filter(|part| !matches!(*part, "" | "." | ".." | "~" | "@")).map(str::to_owned).collect()
}

/// Removes the extension that a path in quotes has.
fn without_extension(path: &str, syntax: Syntax) -> &str {
    let known: &[&str] = match syntax {
        Syntax::Script => {
            &[".js", ".ts", ".jsx", ".tsx", ".mjs", ".cjs", ".vue", ".svelte", ".dart"]
        }
        Syntax::Include => &[".h", ".hpp", ".hh", ".hxx", ".inc", ".inl", ".c", ".cpp", ".cuh"],
        Syntax::Require => &[".rb", ".lua"],
        _ => &[],
    };
    known.iter().find_map(|extension| path.strip_suffix(extension)).unwrap_or(path)
}

/// Returns the text before ` as `, or before PHP's and Kotlin's alias.
fn before_alias(name: &str) -> &str {
    name.split(" as ").next().unwrap_or_default().trim()
}

/// Returns the identifier at the beginning of a text.
fn word(text: &str) -> &str {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '*')));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
