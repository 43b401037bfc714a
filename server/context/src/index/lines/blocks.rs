//! Languages with nested blocks: Python, Ruby, Lua, Elixir, Julia and Scala.

use super::super::definitions::DefinitionKind;
use super::super::grammar::Role;
use super::super::head::{
    Found, after_attributes, after_group, found, is, is_before, is_import, position, value_at,
    without_value, word, word_before,
};
use super::super::tokens::{Kind, Token};
use super::{Level, Lines, end_of_path, found_until};

pub(super) fn python(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if let Some(level) = lines.levels.last()
        && level.is_constructor
    {
        constructor_field(lines, line);
        return;
    }
    if lines.levels.iter().any(|level| level.is_constructor) {
        // An assignment in a block of the constructor.
        constructor_field(lines, line);
        return;
    }
    if lines.is_local() {
        return;
    }
    match lines.role(line) {
        Some((role, at)) => {
            let is_function = role == Role::Function;
            let kind = if is_function { lines.function_kind() } else { DefinitionKind::Type };
            let named = found_until(line, at, kind, |_, token| token.is(":"));
            lines.add(named);
            let name = word(line, at);
            let is_constructor = is_function && lines.is_member() && name == Some("__init__");
            lines.enter(line, name.filter(|_| !is_function), is_function);
            if let Some(level) = lines.levels.last_mut() {
                level.is_constructor = is_constructor;
            }
        }
        None => python_values(lines, line),
    }
}

/// Reads `NAME = value`, `name: type` and `a, b = value`.
fn python_values(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    let is_statement = |word: &str| {
        matches!(
            word,
            "else"
                | "try"
                | "finally"
                | "if"
                | "for"
                | "while"
                | "with"
                | "return"
                | "del"
                | "assert"
                | "lambda"
                | "except"
                | "elif"
                | "match"
                | "case"
                | "import"
                | "from"
                | "global"
        )
    };
    if word(line, 0).is_none_or(is_statement) {
        return;
    }
    let value = value_at(line, 0);
    let is_annotated = is(line, 1, ":") && line.len() > 2;
    if !is_annotated && value.is_none() {
        return;
    }
    let mut at = 0;
    let mut names = Vec::new();
    while word(line, at).is_some() {
        names.push(at);
        if !is(line, at + 1, ",") {
            break;
        }
        at += 2;
    }
    let ends = is(line, at + 1, ":") || value == Some(at + 1);
    if !ends {
        return;
    }
    for at in names {
        let kind = lines.value_kind(line.get(at).map_or("", |token| token.text));
        lines.add(found(line, at, kind, line));
    }
}

fn constructor_field(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    let is_assigned = is(line, 3, ":") || value_at(line, 0) == Some(3);
    if word(line, 0) != Some("self") || !is(line, 1, ".") || !is_assigned {
        return;
    }
    let container = lines.levels.iter().rev().find_map(|level| level.name.clone());
    if let Some(field) = found(line, 2, DefinitionKind::Field, line)
        && !lines.out.has(&field.name, container.as_deref())
    {
        lines.add(Some(Found { container, ..field }));
    }
}

pub(super) fn ruby(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if lines.is_local() {
        return;
    }
    match lines.role(line) {
        Some((Role::Function, at)) => {
            let is_single = is(line, at + 1, ".");
            let at = if is_single { at + 2 } else { at };
            let end = if is(line, at + 1, "(") { after_group(line, at + 1) } else { line.len() };
            let end = value_at(line, at)
                .filter(|&value| value > at + 1)
                .map_or(end, |value| value.min(end));
            let kind = DefinitionKind::Method;
            let named = word(line, at)
                .and_then(|_| found(line, at, kind, line.get(..end).unwrap_or_default()));
            let suffix = line.get(at + 1).zip(line.get(at)).filter(|(suffix, name)| {
                let is_setter = suffix.is("=") && is(line, at + 2, "(");
                (suffix.is_any("?!") || is_setter) && name.end() == suffix.start
            });
            lines.add(named.map(|mut named| {
                named.name.extend(suffix.map(|(suffix, _)| suffix.text));
                named
            }));
            lines.enter(line, None, true);
        }
        Some((Role::Type, at)) if is(line, at, "<") => {
            let container = lines.container();
            lines.enter(line, container.as_deref(), false);
        }
        Some((Role::Type, at)) => {
            let at = end_of_path(line, at);
            lines.add(word(line, at).and_then(|_| found(line, at, DefinitionKind::Type, line)));
            lines.enter(line, word(line, at), false);
        }
        _ => ruby_values(lines, line),
    }
}

fn ruby_values(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    let Some(name) = word(line, 0) else { return };
    if name.starts_with("attr_") {
        let symbols = line.windows(2).enumerate().filter(|(_, pair)| {
            matches!(pair, [colon, name] if colon.is(":") && name.is_word() && colon.end() == name.start)
        });
        let names: Vec<usize> = symbols.map(|(idx, _)| idx + 1).collect();
        for at in names {
            lines.add(found(line, at, DefinitionKind::Field, line));
        }
        return;
    }
    if name.starts_with(|c: char| c.is_uppercase()) && value_at(line, 0) == Some(1) {
        let makes_type = word(line, 2)
            .is_some_and(|word| matches!(word, "Struct" | "Class" | "Data" | "Module"))
            && is(line, 3, ".");
        let kind = if makes_type { DefinitionKind::Type } else { DefinitionKind::Constant };
        lines.add(found(line, 0, kind, line));
    }
}

pub(super) fn lua(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    let function = line.iter().position(|token| token.is_word() && token.text == "function");
    if lines.is_local() {
        return;
    }
    match lines.role(line) {
        Some((_, at)) => {
            let name = end_of_path(line, at);
            let is_method = is_before(line, name, 1, ":");
            let kind = if is_method { DefinitionKind::Method } else { DefinitionKind::Function };
            let end = after_group(line, name + 1);
            let named = word(line, name)
                .and_then(|_| found(line, name, kind, line.get(..end).unwrap_or_default()));
            let owner = name
                .checked_sub(2)
                .filter(|&owner| owner >= at)
                .and_then(|owner| word(line, owner));
            lines.add(named.map(|named| Found { container: owner.map(str::to_owned), ..named }));
        }
        None => lua_values(lines, line, function),
    }
    let ends = line.last().is_some_and(|last| last.text == "end");
    if function.is_some() && !ends {
        lines.levels.push(Level {
            column: line.first().map_or(0, |first| first.column),
            name: None,
            is_function: true,
            is_constructor: false,
        });
    }
}

fn lua_values(lines: &mut Lines<'_>, line: &[Token<'_>], function: Option<usize>) {
    let start = usize::from(word(line, 0) == Some("local"));
    let Some(value) = value_at(line, start) else { return };
    if is_import(line, value)
        || word(line, 0).is_some_and(|word| matches!(word, "if" | "for" | "while" | "return"))
    {
        return;
    }
    let targets = line.get(start..value).unwrap_or_default();
    if targets.iter().any(|token| token.is_any("[(")) {
        return;
    }
    for (idx, token) in targets.iter().enumerate() {
        let is_last = targets.get(idx + 1).is_none_or(|next| next.is_any(",<"));
        let is_attribute = idx.checked_sub(1).is_some_and(|before| is(targets, before, "<"));
        if !token.is_word() || !is_last || is_attribute {
            continue;
        }
        let is_function = function == Some(value + 1);
        let end = if is_function { after_group(line, value + 2) } else { line.len() };
        let kind =
            if is_function { DefinitionKind::Function } else { lines.value_kind(token.text) };
        let owner = idx
            .checked_sub(2)
            .filter(|_| is_before(targets, idx, 1, "."))
            .and_then(|owner| word(targets, owner));
        let named = found(line, start + idx, kind, line.get(..end).unwrap_or_default());
        lines.add(named.map(|named| Found { container: owner.map(str::to_owned), ..named }));
    }
}

pub(super) fn elixir(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if lines.is_local() {
        return;
    }
    let is_body = |idx: usize, token: &Token<'_>| {
        token.text == "do" || (token.is(",") && word(line, idx + 1) == Some("do"))
    };
    match lines.role(line) {
        Some((Role::Function, at)) => {
            let named = found_until(line, at, lines.function_kind(), is_body);
            let container = lines.container();
            lines.add(named.filter(|named| !lines.out.has(&named.name, container.as_deref())));
            let is_open = line.last().is_some_and(|last| last.text == "do");
            if is_open {
                lines.enter(line, None, true);
            }
        }
        Some((_, at)) => {
            let at = end_of_path(line, at);
            lines.add(found_until(line, at, DefinitionKind::Type, is_body));
            lines.enter(line, word(line, at), false);
        }
        None => {
            let Some(attribute) = word(line, 0).and_then(|word| word.strip_prefix('@')) else {
                return;
            };
            let (at, kind) = match attribute {
                "type" | "typep" | "opaque" => (1, DefinitionKind::Type),
                "callback" | "macrocallback" => (1, DefinitionKind::Method),
                "doc" | "moduledoc" | "spec" | "impl" | "behaviour" | "typedoc" | "" | "derive"
                | "enforce_keys" | "moduletag" | "tag" | "deprecated" | "since"
                | "external_resource" => return,
                _ if line.len() > 1 => (0, DefinitionKind::Constant),
                _ => return,
            };
            let named = word(line, at).and_then(|_| found(line, at, kind, line));
            lines.add(named.map(|mut named| {
                named.name = named.name.trim_start_matches('@').to_owned();
                named
            }));
        }
    }
}

pub(super) fn julia(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if lines.is_local() {
        return;
    }
    let ends = line.last().is_some_and(|last| last.text == "end");
    match lines.role(line) {
        Some((role @ (Role::Function | Role::Type), at)) => {
            // `abstract type Name end`
            let at = if word_before(line, at, 1) == Some("type") && word(line, at).is_none() {
                at + 1
            } else {
                at
            };
            let at = if role == Role::Function { end_of_path(line, at) } else { at };
            let kind = if role == Role::Function {
                DefinitionKind::Function
            } else {
                DefinitionKind::Type
            };
            let signature = if ends {
                line.get(..line.len().saturating_sub(1)).unwrap_or_default()
            } else {
                line
            };
            lines.add(word(line, at).and_then(|_| found(line, at, kind, signature)));
            if !ends {
                lines.enter(
                    line,
                    word(line, at).filter(|_| role == Role::Type),
                    role == Role::Function,
                );
            }
        }
        Some((Role::Constant, at)) => {
            lines.add(word(line, at).and_then(|_| found(line, at, DefinitionKind::Constant, line)));
        }
        None if lines.is_member() => {
            let is_field = is(line, 1, ":") && is(line, 2, ":");
            let field = word(line, 0).and_then(|_| found(line, 0, DefinitionKind::Field, line));
            lines.add(field.filter(|_| is_field));
        }
        None if is(line, 1, "(") && word(line, 0).is_some() => {
            let after = after_group(line, 1);
            if value_at(line, 1).is_some_and(|value| value >= after) {
                lines.add(found(line, 0, DefinitionKind::Function, without_value(line, 0)));
            }
        }
        _ => {}
    }
}

pub(super) fn scala(lines: &mut Lines<'_>, line: &[Token<'_>]) {
    if lines.is_local() {
        return;
    }
    let line = line.get(after_attributes(line)..).unwrap_or_default();
    let Some((mut role, mut at)) = lines.role(line) else { return };
    let is_case = role == Role::Case;
    if is_case && let Some((inner, after)) = lines.role(line.get(at..).unwrap_or_default()) {
        (role, at) = (inner, at + after);
    }
    let until_body = |_: usize, token: &Token<'_>| token.is("{") || token.is("=");
    match role {
        Role::Function => {
            lines.add(found_until(line, at, lines.function_kind(), until_body));
            lines.enter(line, None, true);
        }
        Role::Type => {
            lines.add(found_until(line, at, DefinitionKind::Type, |_, token| token.is("{")));
            let name = word(line, at);
            if is_case {
                case_fields(lines, line, at);
            }
            lines.enter(line, name, false);
        }
        Role::Variable => {
            let kind = lines.value_kind(word(line, at).unwrap_or_default());
            lines.add(word(line, at).and_then(|_| found(line, at, kind, line)));
            lines.enter(line, None, true);
        }
        Role::Alias => {
            lines.add(word(line, at).and_then(|_| found(line, at, DefinitionKind::Type, line)));
        }
        Role::Case if lines.is_member() => {
            let mut at = at;
            while word(line, at).is_some() {
                lines.add(found(line, at, DefinitionKind::Constant, line));
                let after = after_group(line, at + 1);
                if !is(line, after, ",") {
                    break;
                }
                at = after + 1;
            }
        }
        _ => {}
    }
}

/// Reads the fields of `case class Name(field: Type)`.
fn case_fields(lines: &mut Lines<'_>, line: &[Token<'_>], at: usize) {
    let owner = word(line, at).map(str::to_owned);
    let Some(open) = position(line, at, |_, token| token.is("(")) else { return };
    let parameters =
        line.get(open + 1..after_group(line, open).saturating_sub(1)).unwrap_or_default();
    let mut start = 0;
    while start < parameters.len() {
        let end = position(parameters, start, |_, token| token.is(",")).unwrap_or(parameters.len());
        let parameter = parameters.get(start..end).unwrap_or_default();
        let colon = parameter.iter().position(|token| token.is(":") && token.kind == Kind::Mark);
        let name = colon
            .and_then(|colon| colon.checked_sub(1))
            .filter(|&name| word(parameter, name).is_some());
        let field = name.and_then(|name| {
            found(parameter, name, DefinitionKind::Field, without_value(parameter, 0))
        });
        lines.add(field.map(|field| Found { container: owner.clone(), ..field }));
        start = end + 1;
    }
}
