//! Heads without a keyword: members of types, variants of enums, fields in Go.

use super::super::definitions::DefinitionKind;
use super::super::grammar::Fields;
use super::super::head::{
    End, Found, Outcome, Scope, found, is, position, value_at, without_value, word,
};
use super::super::tokens::{Kind, Token};
use super::Site;

/// Reads a head without a keyword: a member of a type, or no definition.
pub(super) fn member(site: Site<'_, '_>, start: usize, at: usize) -> Outcome {
    let Site { grammar, head, end, scope, .. } = site;
    let next = head.get(at + 1);
    let signature = head.get(start..).unwrap_or_default();
    match scope {
        Scope::Enum if word(head, at).is_some() => {
            let is_variant = next.is_none_or(|next| next.is_any("(=:{") || next.kind == Kind::Body);
            let variant =
                found(head, at, DefinitionKind::Constant, signature).filter(|_| is_variant);
            if let Some(variant) = variant {
                let is_record =
                    end == End::Body && grammar.fields == Fields::Colon && next.is_none();
                return if is_record {
                    Outcome::with_members(variant, Scope::Type)
                } else {
                    Outcome::one(variant, Scope::Local)
                };
            }
        }
        Scope::Type if grammar.fields == Fields::Colon => {
            let is_field = word(head, at).is_some() && next.is_some_and(|next| next.is_any(":("));
            let field = found(head, at, DefinitionKind::Field, without_value(head, start));
            let Some(field) = field.filter(|_| is_field) else { return block(site) };
            // `field: struct {` and `field: T = .{` of Zig.
            let is_type = end == End::Body && value_at(head, start).is_none();
            return if is_type {
                Outcome::with_members(field, Scope::Type)
            } else {
                Outcome::one(field, Scope::Hidden)
            };
        }
        Scope::Type if grammar.fields == Fields::Plain && grammar.in_words == "$" => {
            let name =
                position(head, at, |_, token| token.is_word() && token.text.starts_with('$'));
            let field = name.and_then(|name| {
                found(head, name, DefinitionKind::Field, without_value(head, start))
            });
            if let Some(mut field) = field {
                let without_mark = field.name.trim_start_matches('$').to_owned();
                field.name = without_mark;
                return Outcome::one(field, Scope::Local);
            }
        }
        Scope::Type if grammar.fields == Fields::Plain => return go_member(site, at),
        _ => {}
    }
    block(site)
}

/// Returns how the body of a statement that defines nothing is read.
fn block(site: Site<'_, '_>) -> Outcome {
    // PHP's conditional functions, and foreign functions of Rust.
    let is_transparent = |token: &Token<'_>| matches!(token.text, "if" | "else" | "extern");
    site.body(!site.head.is_empty() && !site.head.iter().any(is_transparent))
}

/// Reads a field of a struct or a method of an interface in Go.
fn go_member(site: Site<'_, '_>, at: usize) -> Outcome {
    let Site { head, end, .. } = site;
    let untagged = head
        .split_last()
        .filter(|(tag, _)| tag.kind == Kind::Literal)
        .map_or(head, |(_, rest)| rest);
    if is(untagged, at + 1, "(") && word(untagged, at).is_some() {
        let method = found(untagged, at, DefinitionKind::Method, untagged);
        return method
            .map_or_else(Outcome::expression, |method| Outcome::one(method, Scope::Hidden));
    }
    let mut names = Vec::new();
    let mut idx = at;
    while word(untagged, idx).is_some() {
        names.push(idx);
        idx += 1;
        if !is(untagged, idx, ",") {
            break;
        }
        idx += 1;
    }
    // An embedded type has no name of its own.
    if names.is_empty() || untagged.get(idx).is_none_or(|token| token.is(".")) {
        return Outcome::expression();
    }
    let fields: Vec<Found> = names
        .iter()
        .filter_map(|&name| found(untagged, name, DefinitionKind::Field, untagged))
        .collect();
    let is_struct = end == End::Body && head.last().is_some_and(|token| token.text == "struct");
    let scope = if is_struct { Scope::Type } else { Scope::Hidden };
    let container = fields.first().filter(|_| is_struct).map(|field| field.name.clone());
    Outcome { found: fields, scope, container, continues: !is_struct }
}
