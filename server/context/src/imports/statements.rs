//! Finds import statements: the text of the path, and of the names if they are written apart.

use super::Syntax;

/// A longer statement is cut.
const MAX_STATEMENT_BYTES: usize = 4 << 10;

/// One import statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'t> {
    /// The text that lists the names; empty if there is none.
    pub(super) names: &'t str,
    /// The text that names the module, without quotes.
    pub(super) path: &'t str,
}

/// Returns the statements of a text, in order.
pub(super) fn statements(text: &str, syntax: Syntax) -> Vec<Statement<'_>> {
    let mut found = Vec::new();
    let mut in_group = false;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let line = rest.lines().next().unwrap_or_default();
        let next = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let from = rest.get(indent..).unwrap_or_default();
        let statement = match syntax {
            Syntax::Go => go(trimmed, &mut in_group),
            _ => one(from, trimmed, syntax),
        };
        let n_read = statement.map_or(0, |(_, n_bytes)| n_bytes);
        found.extend(statement.map(|(statement, _)| statement));
        // The next statement begins on a line after this one's end.
        let end = (indent + n_read).min(rest.len());
        at +=
            next.max(rest.get(end..).and_then(|r| r.find('\n')).map_or(end, |line| end + line + 1));
    }
    found
}

/// Reads the statement at the beginning of `rest`, whose first line is `line`; also returns its
/// length.
fn one<'t>(rest: &'t str, line: &'t str, syntax: Syntax) -> Option<(Statement<'t>, usize)> {
    let path_only = |path: &'t str, n_bytes| (Statement { names: "", path }, n_bytes);
    match syntax {
        Syntax::Rust => {
            let path = after_keyword(without_visibility(rest), "use")?;
            let path = until(path, ';')?;
            Some(path_only(path, offset(rest, path) + path.len()))
        }
        Syntax::Php => {
            let path = after_keyword(rest, "use")?;
            let path = ["function", "const"]
                .iter()
                .find_map(|word| after_keyword(path, word))
                .unwrap_or(path);
            let path = until(path, ';')?;
            Some(path_only(path, offset(rest, path) + path.len()))
        }
        Syntax::Python => python(rest, line),
        Syntax::Script => script(rest, line),
        Syntax::Dotted => {
            let path = after_keyword(line, "import")?;
            let path = after_keyword(path, "static").unwrap_or(path);
            let path = path.split(" as ").next()?.split([';', '{', '(']).next()?.trim();
            Some(path_only(path, 0))
        }
        Syntax::Using => {
            let line = after_keyword(line, "global").unwrap_or(line);
            let path = after_keyword(line, "using")?;
            let path = after_keyword(path, "static").unwrap_or(path);
            let (alias, path) = path.split_once('=').unwrap_or(("", path));
            let path = path.trim();
            // `using (file)` and `using var file = …` are not imports.
            let is_path =
                path.ends_with(';') && !path.contains([' ', '(']) && !alias.trim().contains(' ');
            is_path.then(|| path_only(path, 0))
        }
        Syntax::Include => {
            let after = line.strip_prefix('#')?.trim_start();
            let after = after.strip_prefix("include").or_else(|| after.strip_prefix("import"))?;
            // Files in angle brackets are the system's.
            quoted(after).map(|path| path_only(path, 0))
        }
        Syntax::Require => {
            let (before, after) = line.split_once("require")?;
            let is_statement = before.is_empty() || before.trim_end().ends_with('=');
            let after = after.strip_prefix("_relative").unwrap_or(after);
            if !is_statement || !after.starts_with([' ', '(', '"', '\'']) {
                return None;
            }
            quoted(after).map(|path| path_only(path, 0))
        }
        Syntax::Go => None,
    }
}

fn python<'t>(rest: &'t str, line: &'t str) -> Option<(Statement<'t>, usize)> {
    if let Some(path) = after_keyword(line, "import") {
        let path = path.split(['#', ';']).next()?;
        return Some((Statement { names: "", path }, 0));
    }
    let after = after_keyword(rest, "from")?;
    let (path, names) = after.split_once(" import")?;
    if path.contains('\n') {
        return None;
    }
    let names = names.trim_start_matches([' ', '\t']);
    let names = match names.strip_prefix('(') {
        Some(inside) => until(inside, ')')?,
        None => names.lines().next()?.split(['#', ';']).next()?,
    };
    Some((Statement { names, path: path.trim() }, offset(rest, names) + names.len()))
}

fn script<'t>(rest: &'t str, line: &'t str) -> Option<(Statement<'t>, usize)> {
    let keyword = ["import", "export"].iter().find_map(|word| after_keyword(rest, word));
    if let Some(after) = keyword {
        if after.starts_with(['"', '\'']) {
            let path = quoted(after)?;
            return Some((Statement { names: "", path }, offset(rest, path) + path.len()));
        }
        let limit = after.floor_char_boundary(MAX_STATEMENT_BYTES);
        let (names, path) = after.get(..limit)?.split_once("from")?;
        // An exported function has a body before any `from`.
        if names.contains(['(', '=', ';', ':']) || !path.trim_start().starts_with(['"', '\'']) {
            return None;
        }
        let path = quoted(path)?;
        return Some((Statement { names, path }, offset(rest, path) + path.len()));
    }
    let declared = ["const", "let", "var"].iter().find_map(|word| after_keyword(line, word))?;
    let (names, value) = declared.split_once('=')?;
    let (_, path) = value.split_once("require(")?;
    let names = names.trim();
    // `const fs = require("fs")` takes the module, `const {a: b} = …` names.
    let names = if names.starts_with('{') { names } else { "" };
    Some((Statement { names, path: quoted(path)? }, 0))
}

/// A line of Go: an import, or a line of a group of imports.
fn go<'t>(line: &'t str, in_group: &mut bool) -> Option<(Statement<'t>, usize)> {
    let path = if let Some(after) = after_keyword(line, "import") {
        *in_group = after.starts_with('(');
        quoted(after)
    } else if *in_group {
        *in_group = !line.starts_with(')');
        quoted(line)
    } else {
        None
    }?;
    // The first part is the host, which is no folder.
    let path = path
        .split_once('/')
        .map_or(path, |(first, rest)| if first.contains('.') { rest } else { path });
    Some((Statement { names: "", path }, 0))
}

/// Returns the text after a keyword and the blanks after it.
fn after_keyword<'t>(text: &'t str, keyword: &str) -> Option<&'t str> {
    let after = text.strip_prefix(keyword)?;
    let rest = after.trim_start_matches([' ', '\t']);
    let is_word = rest.len() < after.len() || rest.starts_with(['"', '\'', '{', '(', '*']);
    is_word.then_some(rest)
}

/// Removes `pub` and `pub(…)`.
fn without_visibility(text: &str) -> &str {
    let Some(after) = text.strip_prefix("pub") else { return text };
    let after = match after.strip_prefix('(').and_then(|inside| inside.split_once(')')) {
        Some((inside, after)) if !inside.contains('\n') => after,
        _ => after,
    };
    after.trim_start_matches([' ', '\t'])
}

/// Returns the text before `end`; `None` if it is too far away.
fn until(text: &str, end: char) -> Option<&str> {
    let limit = text.floor_char_boundary(MAX_STATEMENT_BYTES);
    text.get(..limit)?.split_once(end).map(|(before, _)| before)
}

/// Returns the content of the first literal.
fn quoted(text: &str) -> Option<&str> {
    let start = text.find(['"', '\''])?;
    let quote = text.get(start..)?.chars().next()?;
    let inside = text.get(start + 1..)?;
    let end = inside.find([quote, '\n'])?;
    inside.get(..end).filter(|content| !content.is_empty())
}

/// Returns where `part` begins in `whole`, of which it is a part.
fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}
