//! Fields and variables of languages that write the type before the name.

use super::super::definitions::DefinitionKind;
use super::super::head::{
    End, Found, Scope, after_attributes, after_group, found, is, is_arrow, is_before, position,
    value_at, without_value, word,
};
use super::super::keywords::Site;
use super::super::tokens::{Kind, Token};
use super::is_c;

/// Words that are no field's name.
const NO_FIELDS: &[&str] = &[
    "const", "override", "final", "default", "delete", "noexcept", "static", "void", "int", "char",
];

/// Returns the fields or variables of `Type a = 1, b`.
pub(super) fn fields(site: Site<'_, '_>, start: usize) -> Vec<Found> {
    let Site { head, end, scope, .. } = site;
    let is_fixed = head.iter().any(|token| matches!(token.text, "const" | "constexpr" | "final"))
        && head.iter().any(|token| matches!(token.text, "static" | "const" | "constexpr"));
    let kind = match scope {
        Scope::Type if !is_fixed => DefinitionKind::Field,
        Scope::Type => DefinitionKind::Constant,
        _ if is_fixed => DefinitionKind::Constant,
        _ => DefinitionKind::Variable,
    };
    let declared = without_value(head, start);
    // C's bit fields.
    let colon = position(declared, 0, |idx, token| {
        token.is(":") && !is(declared, idx + 1, ":") && !is_before(declared, idx, 1, ":")
    });
    let declared = declared.get(..colon.unwrap_or(declared.len())).unwrap_or_default();
    if end == End::Body && is_c(site.grammar) && value_at(head, 0).is_none() {
        // `Type name{…}` of C++.
        if !declared.last().is_some_and(Token::is_word) {
            return Vec::new();
        }
    }
    if declared.first().is_some_and(|first| !first.is_word() && first.kind != Kind::Body) {
        return Vec::new();
    }
    let mut names = Vec::new();
    // `void (*name)(int)`
    let pointer = declared
        .iter()
        .position(|token| token.is("("))
        .filter(|&open| declared.get(open + 1).is_some_and(|token| token.is_any("*^")));
    if let Some(open) = pointer {
        names.extend((open + 1..declared.len()).find(|&idx| word(declared, idx).is_some()));
    } else {
        names.extend(name_of(declared));
    }
    let has_type = |name: usize| {
        declared.get(..name).is_some_and(|before| {
            before.iter().all(|token| token.kind != Kind::Mark || token.is_any("*&<>,:[]?.()@^"))
                && before.iter().any(|token| token.is_word() || token.kind == Kind::Body)
        })
    };
    names.retain(|&name| {
        has_type(name) && word(declared, name).is_some_and(|word| !NO_FIELDS.contains(&word))
    });
    // The names after a type's body: `struct { int a; } name`.
    let body = declared.iter().rposition(|token| token.kind == Kind::Body);
    names.retain(|&name| body.is_none_or(|body| name > body));
    // A forward declaration.
    if declared.len() == 2
        && word(declared, 0).is_some_and(|word| site.grammar.role(word).is_some())
    {
        return Vec::new();
    }
    let signature = if kind == DefinitionKind::Constant {
        head.get(start..).unwrap_or_default()
    } else {
        declared
    };
    let mut all: Vec<Found> =
        names.iter().filter_map(|&name| found(declared, name, kind, signature)).collect();
    if !all.is_empty() {
        let others = other_names(head, start).into_iter();
        all.extend(others.filter_map(|name| found(head, name, kind, signature)));
    }
    all
}

/// Returns the index of the first name of `Type a, b`.
fn name_of(declared: &[Token<'_>]) -> Option<usize> {
    let mut angle = 0i32;
    declared.iter().enumerate().find_map(|(idx, token)| {
        match token.text {
            "<" => angle += 1,
            ">" => angle -= 1,
            _ => {}
        }
        let next = declared.get(idx + 1);
        let is_array = next.is_some_and(|next| next.is("["));
        // `int[] name` has its name later.
        let is_type = is_array
            && is(declared, idx + 2, "]")
            && declared.get(idx + 3).is_some_and(|next| next.is_word() || next.is("["));
        let ends = next.is_none_or(|next| next.is(",")) || (is_array && !is_type);
        (ends && token.is_word() && angle == 0 && idx > 0).then_some(idx)
    })
}

/// Returns the indices of the names after the first in `Type a = 1, *b, c[2]`.
fn other_names(head: &[Token<'_>], start: usize) -> Vec<usize> {
    let (mut angle, mut depth) = (0i32, 0i32);
    let mut names = Vec::new();
    for (idx, token) in head.iter().enumerate().skip(start) {
        match token.text {
            "<" => angle += 1,
            ">" if !is_arrow(head, idx) => angle -= 1,
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            _ => {}
        }
        if token.is(",") && depth == 0 && angle == 0 {
            let skipped = |token: &&Token<'_>| token.is_any("*&");
            let n_marks = head.iter().skip(idx + 1).take_while(skipped).count();
            let name = idx + 1 + n_marks;
            let next = head.get(name + 1);
            let ends = next.is_none_or(|next| next.is_any("=,[:") || next.kind == Kind::Body);
            names.extend(word(head, name).filter(|_| ends).map(|_| name));
        }
    }
    names
}

/// Returns the fields in `record Name(int field)`.
pub(super) fn record_fields(head: &[Token<'_>], at: usize) -> Vec<Found> {
    let open = if is(head, at + 1, "<") { after_group(head, at + 1) } else { at + 1 };
    if !is(head, open, "(") {
        return Vec::new();
    }
    let owner = word(head, at).map(str::to_owned);
    let parameters =
        head.get(open + 1..after_group(head, open).saturating_sub(1)).unwrap_or_default();
    let mut fields = Vec::new();
    let mut start = 0;
    let mut angle = 0i32;
    for idx in 0..=parameters.len() {
        match parameters.get(idx) {
            Some(token) if token.is("<") => angle += 1,
            Some(token) if token.is(">") => angle -= 1,
            Some(token) if !(token.is(",") && angle == 0) => {}
            _ => {
                let parameter = parameters.get(start..idx).unwrap_or_default();
                let first = after_attributes(parameter);
                let declared = without_value(parameter, first);
                let name = declared.iter().rposition(Token::is_word);
                let field =
                    name.and_then(|name| found(declared, name, DefinitionKind::Field, declared));
                fields.extend(field.map(|field| Found { container: owner.clone(), ..field }));
                start = idx + 1;
            }
        }
    }
    fields
}
