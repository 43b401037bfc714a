//! Heads of languages with a keyword before each definition, such as Rust, Go, Kotlin and Swift.

use super::definitions::DefinitionKind;
use super::grammar::{Fields, Grammar, Role};
use super::head::{
    End, Found, Outcome, Scope, after_attributes, after_group, found, is, is_expression, is_import,
    position, value_at, without_value, word,
};
use super::tokens::{Kind, Token};

mod members;

use members::member;

/// A head, and the block around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'h, 't> {
    pub(super) grammar: &'static Grammar,
    pub(super) head: &'h [Token<'t>],
    pub(super) end: End,
    pub(super) scope: Scope,
    /// The type whose members the block contains.
    pub(super) container: Option<&'h str>,
}

impl Site<'_, '_> {
    /// Returns how the body of a statement that defines nothing is read: as local code if `is_local`,
    /// and otherwise as the block around it.
    pub(super) fn body(self, is_local: bool) -> Outcome {
        let Self { head, end, scope, .. } = self;
        if end != End::Body {
            return Outcome::nothing(Scope::Hidden);
        }
        match scope {
            Scope::Type | Scope::Enum => Outcome::nothing(Scope::Local),
            _ if is_expression(head) => Outcome::expression(),
            _ if is_local => Outcome::nothing(Scope::Local),
            other => Outcome::nothing(other),
        }
    }
}

/// Returns what a head defines.
pub(super) fn classify(site: Site<'_, '_>) -> Outcome {
    let Site { grammar, head, scope, .. } = site;
    let start = after_attributes(head);
    if let Scope::Group(role) = scope {
        return with_role(site, role, start, start);
    }
    let (at, words) = after_modifiers(grammar, head, start);
    let role = word(head, at).and_then(|word| grammar.role(word));
    match role {
        Some(role) if !is_member_name(head, at) => {
            let mut outcome = with_role(site, role, start, at + 1);
            if words.is_enum && outcome.scope == Scope::Type {
                outcome.scope = Scope::Enum;
            }
            if words.is_companion && outcome.scope == Scope::Type {
                outcome.container = site.container.map(str::to_owned);
            }
            if words.is_constant {
                for found in &mut outcome.found {
                    if found.kind == DefinitionKind::Field || found.kind == DefinitionKind::Variable
                    {
                        found.kind = DefinitionKind::Constant;
                    }
                }
            }
            outcome
        }
        _ => member(site, start, at),
    }
}

/// Modifiers that change the kind of a definition.
#[derive(Debug, Default)]
struct Words {
    is_enum: bool,
    is_constant: bool,
    is_companion: bool,
}

/// Returns the index of the first word that is no modifier.
fn after_modifiers(grammar: &Grammar, head: &[Token<'_>], start: usize) -> (usize, Words) {
    let (mut at, mut words) = (start, Words::default());
    while let Some(modifier) = word(head, at) {
        let next = word(head, at + 1);
        let is_modifier = grammar.modifiers.contains(&modifier)
            // `const fn`, `class func` and `fun interface`.
            || match modifier {
                "const" => next.is_some_and(|next| matches!(next, "fn" | "unsafe" | "async" | "extern")),
                "class" => next.is_some_and(|next| matches!(next, "func" | "var" | "let" | "override")),
                "fun" => next == Some("interface"),
                _ => false,
            };
        if !is_modifier {
            break;
        }
        let mut after = at + 1;
        if is(head, after, "(") && next.is_none() {
            // `pub(crate)`, `private(set)`
            after = after_group(head, after);
        }
        if head.get(after).is_some_and(|token| token.kind == Kind::Literal) {
            after += 1;
        }
        if is(head, after, "@") {
            after += after_attributes(head.get(after..).unwrap_or_default());
        }
        if head.get(after).is_none_or(|token| !token.is_word()) {
            break;
        }
        words.is_enum |= modifier == "enum";
        words.is_constant |= matches!(modifier, "const" | "static");
        words.is_companion |= modifier == "companion";
        at = after;
    }
    (at, words)
}

/// Whether the keyword at `at` is the name of a member: `type: string`.
fn is_member_name(head: &[Token<'_>], at: usize) -> bool {
    head.get(at + 1).is_some_and(|next| next.is(":")) && word(head, at) != Some("object")
}

fn with_role(site: Site<'_, '_>, role: Role, start: usize, at: usize) -> Outcome {
    let Site { head, end, scope, .. } = site;
    match role {
        Role::Function => function(site, start, at),
        Role::Type | Role::Enum => type_of(site, role, start, at),
        Role::Alias => {
            let alias =
                found(head, at, DefinitionKind::Type, head.get(start..).unwrap_or_default());
            match alias.filter(|_| word(head, at).is_some()) {
                Some(alias) => Outcome::one(alias, Scope::Hidden),
                None => Outcome::expression(),
            }
        }
        Role::Constant | Role::Variable => variable(site, role, start, at),
        Role::Case => {
            Outcome { found: list(head, at, DefinitionKind::Constant), ..Outcome::expression() }
        }
        Role::Around => around(site, at),
        Role::Ignored if end == End::Body && scope != Scope::Open => Outcome::nothing(Scope::Local),
        Role::Ignored => Outcome::expression(),
    }
}

fn function(site: Site<'_, '_>, start: usize, at: usize) -> Outcome {
    let Site { head, scope, .. } = site;
    let mut at = at;
    let mut owner = None;
    if let Some(before) = at.checked_sub(1)
        && word(head, before) == Some("init")
    {
        at = before;
    } else if is(head, at, "(") {
        // Go's receiver.
        let after = after_group(head, at);
        let receiver = head.get(at + 1..after.saturating_sub(1)).unwrap_or_default();
        let until = receiver.iter().position(|token| token.is("[")).unwrap_or(receiver.len());
        let mut names = receiver.iter().take(until).filter(|token| token.is_word());
        let (first, second) = (names.next(), names.next());
        owner = second.or(first).map(|token| token.text.to_owned());
        at = after;
    } else if is(head, at, "&") || is(head, at, "!") {
        at += 1;
    }
    at = after_group(head, at);
    // Kotlin's receiver: `fun <T> List<T>.name(`.
    while word(head, at).is_some() {
        let mut next = if is(head, at + 1, "<") { after_group(head, at + 1) } else { at + 1 };
        if is(head, next, "?") {
            next += 1;
        }
        if !is(head, next, ".") || word(head, next + 1).is_none() {
            break;
        }
        owner = word(head, at).map(str::to_owned);
        at = next + 1;
    }
    let is_member = scope == Scope::Type || scope == Scope::Enum;
    let has_receiver = is(head, start + 1, "(") && word(head, start) == Some("func");
    let kind =
        if is_member || has_receiver { DefinitionKind::Method } else { DefinitionKind::Function };
    let named = word(head, at).and_then(|_| found(head, at, kind, without_value(head, start)));
    match named {
        Some(named) => Outcome::one(Found { container: owner, ..named }, Scope::Local),
        None => Outcome::nothing(Scope::Local),
    }
}

fn type_of(site: Site<'_, '_>, role: Role, start: usize, at: usize) -> Outcome {
    let Site { head, end, container, .. } = site;
    let signature = head.get(start..).unwrap_or_default();
    let named = word(head, at).and_then(|_| found(head, at, DefinitionKind::Type, signature));
    let Some(named) = named else {
        let members =
            Outcome { container: container.map(str::to_owned), ..Outcome::nothing(Scope::Type) };
        // A companion object, or an object that is a value.
        return if end == End::Body && value_at(head, 0).is_none() {
            members
        } else {
            Outcome::expression()
        };
    };
    let has_body = |word: &str| head.last().is_some_and(|token| token.text == word);
    let is_go = site.grammar.role("func").is_some() && site.grammar.role("class").is_none();
    let scope = match role {
        Role::Enum => Scope::Enum,
        _ if is_go && !has_body("struct") && !has_body("interface") => Scope::Hidden,
        _ => Scope::Type,
    };
    let mut outcome = Outcome::with_members(named, scope);
    outcome.found.extend(constructor_fields(head, at));
    outcome
}

/// Returns the fields in Kotlin's `class Name(val field: Type)`.
fn constructor_fields(head: &[Token<'_>], at: usize) -> Vec<Found> {
    let Some(open) = position(head, at, |_, token| token.is("(")) else { return Vec::new() };
    let after = after_group(head, open);
    let parameters = head.get(open + 1..after.saturating_sub(1)).unwrap_or_default();
    let owner = word(head, at).map(str::to_owned);
    let mut fields = Vec::new();
    let mut start = 0;
    while start < parameters.len() {
        let end = position(parameters, start, |_, token| token.is(",")).unwrap_or(parameters.len());
        let parameter = parameters.get(start..end).unwrap_or_default();
        let keyword = position(parameter, 0, |_, token| matches!(token.text, "val" | "var"));
        let field =
            keyword.filter(|&keyword| word(parameter, keyword + 1).is_some()).and_then(|keyword| {
                found(
                    parameter,
                    keyword + 1,
                    DefinitionKind::Field,
                    without_value(parameter, keyword),
                )
            });
        fields.extend(field.map(|field| Found { container: owner.clone(), ..field }));
        start = end + 1;
    }
    fields
}

fn variable(site: Site<'_, '_>, role: Role, start: usize, at: usize) -> Outcome {
    let Site { head, end, scope, .. } = site;
    let kind = match (role, scope) {
        (Role::Constant, _) => DefinitionKind::Constant,
        (_, Scope::Type | Scope::Enum) => DefinitionKind::Field,
        _ => DefinitionKind::Variable,
    };
    let value = value_at(head, at);
    if value.is_some_and(|value| is_import(head, value)) {
        return Outcome::expression();
    }
    let mut at = if word(head, at) == Some("mut") { at + 1 } else { at };
    if is(head, at, "<") {
        at = after_group(head, at);
    }
    // An extension property's name, and the name after a type: `const string NAME = 1`.
    while is(head, at + 1, ".") && word(head, at + 2).is_some() {
        at += 2;
    }
    let is_typed = site.grammar.fields == Fields::Plain && site.grammar.in_words == "$";
    if is_typed && let Some(before) = value.and_then(|value| value.checked_sub(1)) {
        at = before.max(at);
    }
    let signature = head.get(start..).unwrap_or_default();
    if end == End::Body
        && let Some(value) = value
    {
        // Zig's `const Name = struct {`.
        let made = head.iter().enumerate().skip(value + 1).find(|(idx, token)| {
            matches!(token.text, "struct" | "union" | "enum" | "opaque" | "error")
                && after_group(head, idx + 1) == head.len()
        });
        if let Some((_, made)) = made
            && let Some(named) = found(head, at, DefinitionKind::Type, signature)
        {
            let is_list = matches!(made.text, "enum" | "error" | "union");
            let scope = if is_list { Scope::Enum } else { Scope::Type };
            return Outcome::with_members(named, scope);
        }
    }
    let mut all = Vec::new();
    while word(head, at).is_some() {
        all.extend(found(head, at, kind, signature));
        if !is(head, at + 1, ",") {
            break;
        }
        at += 2;
    }
    let inside = if end == End::Body && value.is_none() { Scope::Local } else { Scope::Hidden };
    Outcome { found: all, scope: inside, container: None, continues: value.is_some() }
}

/// Returns the names of a list: `a(Int), b = 1, c`.
fn list(head: &[Token<'_>], at: usize, kind: DefinitionKind) -> Vec<Found> {
    let mut all = Vec::new();
    let mut at = Some(at);
    while let Some(start) = at {
        if word(head, start).is_none() {
            break;
        }
        let comma = position(head, start, |_, token| token.is(","));
        let item = head.get(start..comma.unwrap_or(head.len())).unwrap_or_default();
        all.extend(found(head, start, kind, item));
        at = comma.map(|comma| comma + 1);
    }
    all
}

/// Reads the head of a module, a namespace, an extension or an implementation.
fn around(site: Site<'_, '_>, at: usize) -> Outcome {
    let Site { head, .. } = site;
    let keyword = at.checked_sub(1).and_then(|before| word(head, before));
    if !matches!(keyword, Some("impl" | "extension")) {
        return Outcome::nothing(Scope::Open);
    }
    let mut start = after_group(head, at);
    // `impl Trait for Type`, but not the `for<'a>` of a bound.
    let target = position(head, start, |idx, token| token.text == "for" && !is(head, idx + 1, "<"));
    if let Some(target) = target {
        start = target + 1;
    }
    let mut name = None;
    for token in head.iter().skip(start) {
        match token.kind {
            Kind::Word if matches!(token.text, "where" | "for") => break,
            Kind::Word if !matches!(token.text, "dyn" | "mut" | "const" | "crate") => {
                name = Some(token.text);
            }
            Kind::Mark if token.is("<") && name.is_some() => break,
            Kind::Mark if token.is(":") && keyword == Some("extension") => break,
            _ => {}
        }
    }
    Outcome { container: name.map(str::to_owned), ..Outcome::nothing(Scope::Type) }
}
