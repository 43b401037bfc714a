//! Heads of JavaScript and TypeScript.

use super::definitions::DefinitionKind;
use super::grammar::Role;
use super::head::{
    End, Outcome, Scope, after_attributes, after_group, found, is, is_arrow, is_expression,
    is_import, position, value_at, without_value, word,
};
use super::keywords::Site;
use super::tokens::{Kind, Token};

/// Modifiers of members.
const MODIFIERS: &[&str] = &[
    "public",
    "private",
    "protected",
    "static",
    "readonly",
    "abstract",
    "override",
    "declare",
    "async",
    "get",
    "set",
    "accessor",
];

/// Returns what a head defines.
pub(super) fn classify(site: Site<'_, '_>) -> Outcome {
    let Site { head, end, scope, .. } = site;
    let start = after_attributes(head);
    if end == End::Body && is_type_literal(head) {
        // `name: {`: the members of an anonymous type, or of an object.
        let inside = match scope {
            Scope::Open | Scope::Type => Scope::Type,
            other => other,
        };
        return Outcome { continues: true, ..Outcome::nothing(inside) };
    }
    match scope {
        Scope::Type => member(site, start),
        Scope::Object => object_member(site, start),
        Scope::Enum => {
            let named = found(head, start, DefinitionKind::Constant, head);
            let is_value = head.get(start).is_some_and(|token| token.kind != Kind::Mark);
            Outcome {
                found: named.filter(|_| is_value).into_iter().collect(),
                ..Outcome::expression()
            }
        }
        Scope::Open | Scope::Group(_) => statement(site, start),
        Scope::Local | Scope::Hidden if is_expression(head) => {
            Outcome { continues: true, ..Outcome::nothing(scope) }
        }
        Scope::Local | Scope::Hidden => Outcome::nothing(scope),
    }
}

/// Whether a block after this head is the body of a type that is written in place.
fn is_type_literal(head: &[Token<'_>]) -> bool {
    head.last().is_some_and(|last| last.is_any(":|&<")) && word(head, 0) != Some("case")
}

fn statement(site: Site<'_, '_>, start: usize) -> Outcome {
    let Site { grammar, head, end, .. } = site;
    let mut at = start;
    while let Some(modifier) = word(head, at) {
        let is_modifier = grammar.modifiers.contains(&modifier)
            || (modifier == "const" && word(head, at + 1) == Some("enum"));
        if !is_modifier || word(head, at + 1).is_none() {
            break;
        }
        at += 1;
    }
    let signature = head.get(start..).unwrap_or_default();
    let role = word(head, at).and_then(|word| grammar.role(word));
    let name = if is(head, at + 1, "*") { at + 2 } else { at + 1 };
    let is_named = word(head, name).is_some_and(|name| !matches!(name, "extends" | "implements"));
    match role {
        Some(Role::Function) if is_named => {
            let named = found(head, name, DefinitionKind::Function, signature);
            named.map_or_else(Outcome::expression, |named| Outcome::one(named, Scope::Local))
        }
        Some(Role::Function) => Outcome::nothing(Scope::Local),
        Some(role @ (Role::Type | Role::Enum)) if is_named => {
            let scope = if role == Role::Enum { Scope::Enum } else { Scope::Type };
            let named = found(head, name, DefinitionKind::Type, signature);
            named.map_or_else(Outcome::expression, |named| Outcome::with_members(named, scope))
        }
        Some(Role::Type) => Outcome::nothing(Scope::Type),
        Some(Role::Alias) if is_named => alias(head, start, name, end),
        Some(Role::Constant | Role::Variable) if is_named => {
            // The signature of a function that is a value includes its parameters.
            let value = value_at(head, name);
            if value.is_some_and(|value| is_import(head, value)) {
                return Outcome::expression();
            }
            let is_function = value.is_some_and(|value| is_function_at(head, value + 1));
            let kind = match role {
                _ if is_function => DefinitionKind::Function,
                Some(Role::Constant) => DefinitionKind::Constant,
                _ => DefinitionKind::Variable,
            };
            let is_class = value.is_some_and(|value| word(head, value + 1) == Some("class"));
            if is_class
                && end == End::Body
                && let Some(named) = found(head, name, DefinitionKind::Type, signature)
            {
                return Outcome::with_members(named, Scope::Type);
            }
            let named = found(head, name, kind, up_to_arrow(signature));
            let scope = match head.last() {
                _ if is_function => Scope::Local,
                Some(last) if last.is("=") => Scope::Object,
                _ => Scope::Hidden,
            };
            Outcome { found: named.into_iter().collect(), scope, container: None, continues: true }
        }
        Some(Role::Around) if end == End::Body && !is(head, at + 1, ".") => {
            Outcome::nothing(Scope::Open)
        }
        Some(Role::Ignored) => Outcome::expression(),
        _ => assignment(site, start),
    }
}

fn alias(head: &[Token<'_>], start: usize, name: usize, end: End) -> Outcome {
    let signature = head.get(start..).unwrap_or_default();
    let Some(named) = found(head, name, DefinitionKind::Type, signature) else {
        return Outcome::expression();
    };
    let is_object = end == End::Body && head.last().is_some_and(|last| last.is("="));
    let scope = if is_object { Scope::Type } else { Scope::Hidden };
    Outcome { continues: true, ..Outcome::with_members(named, scope) }
}

/// Reads `exports.name = function (`, `Type.prototype.name = (a) => {` and blocks.
fn assignment(site: Site<'_, '_>, start: usize) -> Outcome {
    let Site { head, end, .. } = site;
    if let Some(value) = value_at(head, start) {
        let path = head.get(start..value).unwrap_or_default();
        let is_path = path.iter().all(|token| token.is_word() || token.is("."));
        let is_function = is_function_at(head, value + 1);
        let named = value.checked_sub(1).filter(|_| is_path && path.len() > 1 && is_function);
        let signature = up_to_arrow(head.get(start..).unwrap_or_default());
        let named = named.and_then(|name| found(head, name, DefinitionKind::Function, signature));
        let inside = match head.last() {
            _ if is_function => Scope::Local,
            // `module.exports = {`
            Some(last) if last.is("=") => Scope::Object,
            _ => Scope::Hidden,
        };
        return Outcome {
            found: named.into_iter().collect(),
            scope: inside,
            container: None,
            continues: true,
        };
    }
    if end != End::Body {
        return Outcome::nothing(Scope::Hidden);
    }
    match word(head, start) {
        Some("export" | "return") => Outcome { continues: true, ..Outcome::nothing(Scope::Object) },
        // What a block declares is local to it.
        None if start == head.len() => Outcome::nothing(Scope::Local),
        Some("if" | "else" | "for" | "while" | "try" | "catch" | "finally" | "switch" | "do") => {
            Outcome::nothing(Scope::Local)
        }
        _ if head.iter().any(|token| token.is(">")) => {
            Outcome { continues: true, ..Outcome::nothing(Scope::Local) }
        }
        _ => Outcome::expression(),
    }
}

fn member(site: Site<'_, '_>, start: usize) -> Outcome {
    let Site { head, end, .. } = site;
    let (name, after) = member_name(head, start);
    let signature = head.get(start..).unwrap_or_default();
    let inside = if end == End::Body { Scope::Local } else { Scope::Hidden };
    let Some(name) = name else { return Outcome { continues: true, ..Outcome::nothing(inside) } };
    let next = head.get(after);
    let one = |kind, signature, scope| {
        let named = found(head, name, kind, signature);
        named.map_or_else(|| Outcome::nothing(scope), |named| Outcome::one(named, scope))
    };
    match next {
        Some(next) if next.is_any("(<") => {
            let mut outcome = one(DefinitionKind::Method, signature, inside);
            if head.get(name).is_some_and(|token| token.text == "constructor") {
                outcome.found.extend(parameter_fields(head, after));
            }
            outcome
        }
        Some(next) if next.is_any(":=") => {
            let value = value_at(head, after);
            let is_method = value.is_some_and(|value| is_function_at(head, value + 1));
            if is_method {
                let method = one(DefinitionKind::Method, up_to_arrow(signature), Scope::Local);
                Outcome { continues: true, ..method }
            } else {
                let field = one(DefinitionKind::Field, without_value(head, start), Scope::Hidden);
                Outcome { continues: true, ..field }
            }
        }
        None if end != End::Body => one(DefinitionKind::Field, signature, Scope::Hidden),
        _ => Outcome { continues: true, ..Outcome::nothing(inside) },
    }
}

/// Returns the index of a member's name and the index after it and its `?` or `!`.
fn member_name(head: &[Token<'_>], start: usize) -> (Option<usize>, usize) {
    let mut at = start;
    while let Some(modifier) = word(head, at) {
        let next = head.get(at + 1);
        let is_followed = next.is_some_and(|next| next.kind != Kind::Mark || next.is_any("*#["));
        if !MODIFIERS.contains(&modifier) || !is_followed {
            break;
        }
        at += 1;
    }
    if is(head, at, "*") || is(head, at, "#") {
        at += 1;
    }
    let is_name =
        head.get(at).is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Literal));
    let after =
        if head.get(at + 1).is_some_and(|token| token.is_any("?!")) { at + 2 } else { at + 1 };
    (is_name.then_some(at), after)
}

/// Returns the fields in `constructor(private readonly field: Type)`.
fn parameter_fields(head: &[Token<'_>], open: usize) -> Vec<super::head::Found> {
    let after = after_group(head, open);
    let parameters = head.get(open + 1..after.saturating_sub(1)).unwrap_or_default();
    let mut fields = Vec::new();
    let mut start = 0;
    while start < parameters.len() {
        let end = position(parameters, start, |_, token| token.is(",")).unwrap_or(parameters.len());
        let parameter = parameters.get(start..end).unwrap_or_default();
        let first = after_attributes(parameter);
        let has_access = word(parameter, first)
            .is_some_and(|word| matches!(word, "public" | "private" | "protected" | "readonly"));
        if has_access && let (Some(name), _) = member_name(parameter, first) {
            fields.extend(found(
                parameter,
                name,
                DefinitionKind::Field,
                without_value(parameter, first),
            ));
        }
        start = end + 1;
    }
    fields
}

fn object_member(site: Site<'_, '_>, start: usize) -> Outcome {
    let Site { head, end, .. } = site;
    let (name, after) = member_name(head, start);
    let is_method = is(head, after, "(") && end == End::Body && !is(head, 0, "...");
    let named = name.filter(|_| is_method).and_then(|name| {
        found(head, name, DefinitionKind::Method, head.get(start..).unwrap_or_default())
    });
    match named {
        Some(named) => Outcome::one(named, Scope::Local),
        None if is(head, head.len().saturating_sub(1), ":") => {
            Outcome { continues: true, ..Outcome::nothing(Scope::Object) }
        }
        None => Outcome { continues: true, ..Outcome::nothing(Scope::Local) },
    }
}

/// Whether a function begins at `at`: `function`, `async (…) =>`, `name =>`.
fn is_function_at(head: &[Token<'_>], at: usize) -> bool {
    let at = if word(head, at) == Some("async") { at + 1 } else { at };
    if word(head, at) == Some("function") {
        return true;
    }
    let at = if is(head, at, "<") { after_group(head, at) } else { at };
    let after = if is(head, at, "(") { after_group(head, at) } else { at + 1 };
    if is(head, after, "=") && is_arrow(head, after + 1) {
        return true;
    }
    // A type between parameters and arrow.
    is(head, at, "(")
        && is(head, after, ":")
        && position(head, after, |idx, _| is_arrow(head, idx)).is_some()
}

/// Returns the tokens before `=>` outside brackets, or all.
fn up_to_arrow<'h, 't>(head: &'h [Token<'t>]) -> &'h [Token<'t>] {
    let value = value_at(head, 0).map_or(0, |value| value + 1);
    let arrow = position(head, value, |idx, _| is_arrow(head, idx + 1));
    head.get(..arrow.unwrap_or(head.len())).unwrap_or_default()
}
