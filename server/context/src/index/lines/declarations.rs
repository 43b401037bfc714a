//! Languages whose definitions begin at a line's start: ML, Haskell, Erlang, Clojure, shells, R and
//! SQL.

use super::super::definitions::DefinitionKind;
use super::super::grammar::Role;
use super::super::head::{
    after_group, found, is, is_arrow, position, value_at, without_value, word,
};
use super::super::tokens::Token;
use super::{Lines, end_of_path, found_until};

/// F# and OCaml.
pub(super) fn ml(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if lines.is_local() {
        return;
    }
    let Some((role, mut at)) = lines.role(line) else {
        // `| Case of type`
        let is_case = is(line, 0, "|") && lines.is_member();
        let case = word(line, 1).filter(|word| word.starts_with(|c: char| c.is_uppercase()));
        if is_case && case.is_some() {
            lines.add(found(line, 1, DefinitionKind::Constant, line));
        }
        return;
    };
    let is_modifier = |word: &str| {
        matches!(word, "rec" | "inline" | "private" | "mutable" | "internal" | "nonrec" | "public")
    };
    while word(line, at).is_some_and(is_modifier) {
        at += 1;
    }
    match role {
        Role::Function => {
            let is_type = at.checked_sub(1).is_some_and(|before| word(line, before) == Some("and"))
                && lines.levels.is_empty();
            let name = if is(line, at + 1, ".") { end_of_path(line, at) } else { at };
            let is_value = is(line, name + 1, "=") || is(line, name + 1, ":");
            let kind = match () {
                () if lines.is_member() => DefinitionKind::Method,
                () if is_value && !is_type => DefinitionKind::Variable,
                () => DefinitionKind::Function,
            };
            lines.add(
                word(line, name).and_then(|_| found(line, name, kind, without_value(line, 0))),
            );
            lines.enter(line, None, true);
        }
        Role::Type => {
            let after = after_group(line, at);
            let name =
                position(line, after, |_, token| token.is_word() && !token.text.starts_with('\''));
            lines.add(name.and_then(|name| found(line, name, DefinitionKind::Type, line)));
            lines.enter(line, name.and_then(|name| word(line, name)), false);
        }
        _ => {}
    }
}

pub(super) fn haskell(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if let Some((role, at)) = lines.role(line) {
        haskell_type(lines, line, role, at);
        return;
    }
    let mut at = 0;
    while word(line, at).is_some() && is(line, at + 1, ",") {
        at += 2;
    }
    let is_signature = is(line, at + 1, ":") && is(line, at + 2, ":");
    let name = word(line, at).unwrap_or_default();
    let is_keyword = matches!(
        name,
        "module"
            | "import"
            | "instance"
            | "deriving"
            | "infixl"
            | "infixr"
            | "infix"
            | "foreign"
            | "pattern"
            | "default"
    );
    let is_equation = at == 0 && !is_keyword && value_at(line, 0).is_some();
    if is_signature {
        for name in (0..=at).step_by(2) {
            lines.add(found(line, name, DefinitionKind::Function, line));
        }
    } else if is_equation
        && name.starts_with(|c: char| c.is_lowercase())
        && !lines.out.has(name, None)
    {
        lines.add(found(line, 0, DefinitionKind::Function, without_value(line, 0)));
    }
}

fn haskell_type(lines: &mut Lines<'_>, line: &[Token<'_>], role: Role, at: usize) {
    let is_class = word(line, 0) == Some("class");
    // `class Show a => Name a where`
    let body = position(line, at, |_, token| token.text == "where" || token.is("{"));
    let context = position(line, at, |idx, token| token.is(">") && is_arrow(line, idx))
        .filter(|&arrow| is_class && body.is_none_or(|body| arrow < body));
    let at = context.map_or(at, |arrow| arrow + 1);
    let end = if is_class { body.unwrap_or(line.len()) } else { line.len() };
    let signature = line.get(..end).unwrap_or_default();
    let named = word(line, at).and_then(|_| found(line, at, DefinitionKind::Type, signature));
    let container = named.as_ref().map(|named| named.name.clone());
    lines.add(named);
    for (idx, token) in line.iter().enumerate().skip(at + 1) {
        let is_typed = is(line, idx + 1, ":") && is(line, idx + 2, ":");
        let is_case = role == Role::Type
            && !is_class
            && idx
                .checked_sub(1)
                .is_some_and(|before| is(line, before, "=") || is(line, before, "|"));
        let kind = match () {
            () if !token.is_word() => continue,
            () if is_typed && is_class => DefinitionKind::Method,
            () if is_typed => DefinitionKind::Field,
            () if is_case && token.text.starts_with(|c: char| c.is_uppercase()) => {
                DefinitionKind::Constant
            }
            () => continue,
        };
        let rest = line.get(idx..).unwrap_or_default();
        let end = rest
            .iter()
            .skip(1)
            .position(|token| token.is_first || token.is_any(",|}"))
            .map_or(rest.len(), |end| end + 1);
        let member = found(line, idx, kind, rest.get(..end).unwrap_or_default());
        if let Some(member) = member {
            lines.out.add(member, container.clone());
        }
    }
}

pub(super) fn erlang(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if line.first().is_none_or(|first| first.column > 0) {
        return;
    }
    if is(line, 0, "-") && is(line, 2, "(") {
        let kind = match word(line, 1) {
            Some("record") => DefinitionKind::Type,
            Some("define") => DefinitionKind::Constant,
            _ => return,
        };
        lines.add(word(line, 3).and_then(|_| found(line, 3, kind, line)));
    } else if let Some(name) = word(line, 0)
        && is(line, 1, "(")
        && !lines.out.has(name, None)
    {
        let arrow = position(line, 1, |idx, _| is_arrow(line, idx + 1));
        if let Some(arrow) = arrow {
            lines.add(found(
                line,
                0,
                DefinitionKind::Function,
                line.get(..arrow).unwrap_or_default(),
            ));
        }
    }
}

pub(super) fn shell(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    let start = usize::from(word(line, 0) == Some("function"));
    let has_brackets = is(line, start + 1, "(") && is(line, start + 2, ")");
    if start == 1 || has_brackets {
        lines.add(found_until(line, start, DefinitionKind::Function, |_, token| token.is("{")));
    }
}

pub(super) fn r(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if line.first().is_none_or(|first| first.column > 0) || word(line, 0).is_none() {
        return;
    }
    let value = match () {
        () if is(line, 1, "<") && is(line, 2, "-") => 3,
        () if is(line, 1, "=") && !is(line, 2, "=") => 2,
        () => return,
    };
    if word(line, value) == Some("function") {
        let end = after_group(line, value + 1);
        lines.add(found(line, 0, DefinitionKind::Function, line.get(..end).unwrap_or_default()));
    } else {
        let kind = lines.value_kind(word(line, 0).unwrap_or_default());
        lines.add(found(line, 0, kind, line));
    }
}

/// Clojure and SQL, in which a definition may begin anywhere on a line.
pub(super) fn read_all(language: &str, lines: &mut Lines<'_>, tokens: &[Token<'_>]) {
    for (idx, token) in tokens.iter().enumerate() {
        let rest = tokens.get(idx..).unwrap_or_default();
        if language == "clojure" && token.is("(") && token.column == 0 {
            clojure(lines, rest);
        } else if token.is_word() && token.text.eq_ignore_ascii_case("create") {
            sql(lines, rest);
        }
        if lines.out.is_full() {
            return;
        }
    }
}

fn clojure(lines: &mut Lines<'_>, rest: &[Token<'_>]) {
    let Some(role) = word(rest, 1).and_then(|word| lines.grammar.role(word)) else { return };
    let name = if is(rest, 2, "^") { 4 } else { 2 };
    let kind = match role {
        Role::Function => DefinitionKind::Function,
        Role::Constant => DefinitionKind::Constant,
        _ => DefinitionKind::Type,
    };
    let arguments =
        rest.iter().take(40).position(|token| token.is("[")).map(|open| after_group(rest, open));
    let end = if kind == DefinitionKind::Constant { None } else { arguments };
    let end = end.unwrap_or_else(|| after_group(rest, 0)).min(rest.len());
    lines.add(
        word(rest, name)
            .and_then(|_| found(rest, name, kind, rest.get(1..end).unwrap_or_default())),
    );
}

fn sql(lines: &mut Lines<'_>, rest: &[Token<'_>]) {
    let mut at = 1;
    let role = loop {
        let Some(keyword) = word(rest, at).map(str::to_ascii_lowercase) else { return };
        at += 1;
        match keyword.as_str() {
            "or" | "replace" | "temp" | "temporary" | "materialized" | "unlogged" | "global"
            | "local" | "recursive" => {}
            other => match lines.grammar.role(other) {
                Some(role) => break role,
                None => return,
            },
        }
    };
    while word(rest, at).is_some_and(|word| {
        ["if", "not", "exists"].iter().any(|one| word.eq_ignore_ascii_case(one))
    }) {
        at += 1;
    }
    let kind = if role == Role::Function { DefinitionKind::Function } else { DefinitionKind::Type };
    let end = rest.iter().position(|token| token.is(";")).unwrap_or(rest.len()).min(60);
    let named = word(rest, at).or_else(|| rest.get(at).map(|token| token.text));
    let named = named.and_then(|_| found(rest, at, kind, rest.get(..end).unwrap_or_default()));
    lines.add(named.map(|mut named| {
        if let Some((_, last)) = named.name.rsplit_once('.') {
            named.name = last.trim_matches(['"', '`']).to_owned();
        }
        named
    }));
}
