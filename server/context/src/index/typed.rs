//! Heads of languages that write the type before the name: C, C++, Java, C#, Dart and the like.

use super::definitions::DefinitionKind;
use super::grammar::{Grammar, Role};
use super::head::{
    End, Found, Outcome, Scope, after_attributes, after_group, found, is, is_before, position,
    value_at, word, word_before,
};
use super::keywords::Site;
use super::tokens::{Kind, Token};

mod fields;

use fields::{fields, record_fields};

/// First words of statements that define nothing.
const STATEMENTS: &[&str] = &[
    "return",
    "if",
    "else",
    "for",
    "while",
    "do",
    "switch",
    "case",
    "throw",
    "new",
    "delete",
    "goto",
    "try",
    "catch",
    "finally",
    "break",
    "continue",
    "lock",
    "foreach",
    "assert",
    "yield",
    "friend",
    "static_assert",
    "await",
    "synchronized",
    "when",
];

/// Words before brackets that are no function's name.
const NO_NAMES: &[&str] = &[
    "__attribute__",
    "__declspec",
    "alignas",
    "decltype",
    "noexcept",
    "requires",
    "throw",
    "explicit",
    "sizeof",
    "typeof",
    "where",
    "_Alignas",
    "__asm__",
    "asm",
];

/// Words before brackets that begin a statement.
const CONTROL: &[&str] =
    &["if", "for", "while", "switch", "catch", "return", "foreach", "new", "lock", "using"];

/// Whether a language is C or one of its extensions.
pub(super) fn is_c(grammar: &Grammar) -> bool {
    grammar.role("union").is_some()
}

/// Returns what a head defines.
pub(super) fn classify(site: Site<'_, '_>) -> Outcome {
    let Site { head, end, scope, .. } = site;
    let start = after_template(head, after_attributes(head));
    if let Some(outcome) = objective_c(site, start) {
        return outcome;
    }
    if word(head, start).is_some_and(|word| STATEMENTS.contains(&word)) || start == head.len() {
        return block(site);
    }
    if matches!(scope, Scope::Local | Scope::Hidden) {
        return block(site);
    }
    if scope == Scope::Enum {
        let is_value = word(head, start).is_some();
        let value = found(head, start, DefinitionKind::Constant, head).filter(|_| is_value);
        return Outcome { found: value.into_iter().collect(), ..Outcome::nothing(Scope::Local) };
    }
    if word(head, start) == Some("typedef") {
        return typedef(site, start);
    }
    let keyword = keyword(site, start);
    match keyword {
        Some((Role::Ignored, at)) => alias(site, start, at),
        Some((Role::Around, _)) if end == End::Body => Outcome::nothing(Scope::Open),
        Some((role @ (Role::Type | Role::Enum), at)) if end == End::Body || !is_c(site.grammar) => {
            type_of(site, role, start, at).unwrap_or_else(|| member(site, start))
        }
        _ => member(site, start),
    }
}

/// Returns the first keyword among the words before any bracket or value.
fn keyword(site: Site<'_, '_>, start: usize) -> Option<(Role, usize)> {
    let Site { grammar, head, .. } = site;
    let mut at = start;
    while let Some(word) = word(head, at) {
        let next = head.get(at + 1);
        // `record` and `extension` may be names.
        let is_keyword = next
            .is_some_and(|next| next.is_word() || next.is("[") || next.kind == Kind::Body)
            || (next.is_none() && site.end == End::Body);
        match grammar.role(word) {
            Some(Role::Ignored) => return Some((Role::Ignored, at)),
            Some(role) if is_keyword => return Some((role, at)),
            _ => at += 1,
        }
    }
    // `extern "C" {`
    let is_linkage =
        head.get(at).is_some_and(|token| token.kind == Kind::Literal) && at + 1 == head.len();
    // `public @interface Name`
    let is_annotation = is(head, at, "@") && word(head, at + 1) == Some("interface");
    match () {
        () if is_linkage && at > start => Some((Role::Around, at)),
        () if is_annotation => Some((Role::Type, at + 1)),
        () => None,
    }
}

/// Returns the index after C++'s `template <…>`.
fn after_template(head: &[Token<'_>], start: usize) -> usize {
    let mut at = start;
    while word(head, at) == Some("template") && is(head, at + 1, "<") {
        at = after_group(head, at + 1);
    }
    if word(head, at) == Some("requires") && is(head, at + 1, "(") {
        at = after_group(head, at + 1);
    }
    at + after_attributes(head.get(at..).unwrap_or_default())
}

/// Returns the type that a head defines; `None` for a function or a variable of a type.
fn type_of(site: Site<'_, '_>, role: Role, start: usize, at: usize) -> Option<Outcome> {
    let Site { grammar, head, end, .. } = site;
    let mut at = at + 1;
    // `enum class Name`, `record struct Name`, `mixin class Name`
    while word(head, at).is_some_and(|word| grammar.role(word).is_some())
        && word(head, at + 1).is_some()
    {
        at += 1;
    }
    if is_c(grammar) {
        // `class EXPORT alignas(8) Name final : Base`
        let is_base = |idx: usize, token: &Token<'_>| {
            token.is(":") && !is(head, idx + 1, ":") && !is_before(head, idx, 1, ":")
        };
        let until = position(head, at, |idx, token| {
            is_base(idx, token) || token.is("<") || token.text == "final"
        });
        let words = head.get(at..until.unwrap_or(head.len())).unwrap_or_default();
        let is_type = words.iter().all(|token| token.kind != Kind::Body && !token.is_any("*&="));
        let takes_arguments = words.last().is_some_and(|token| token.is(")"))
            && !words.iter().any(|token| NO_NAMES.contains(&token.text));
        if !is_type || takes_arguments {
            return None;
        }
        let last = words.iter().rposition(Token::is_word);
        at = last.map_or(head.len(), |last| at + last);
    }
    let scope = if role == Role::Enum { Scope::Enum } else { Scope::Type };
    let signature = head.get(start..).unwrap_or_default();
    let Some(named) = word(head, at).and_then(|_| found(head, at, DefinitionKind::Type, signature))
    else {
        // An anonymous type: a field, a typedef's name or a variable may follow.
        let anonymous = Outcome { continues: true, ..Outcome::nothing(scope) };
        return (end == End::Body).then_some(anonymous);
    };
    let mut outcome = Outcome::with_members(named, scope);
    outcome.continues = is_c(grammar);
    if word_before(head, at, 1).is_some_and(|word| word == "record" || word == "struct") {
        outcome.found.extend(record_fields(head, at));
    }
    Some(outcome)
}

/// Reads `using Name = Type;` and the like.
fn alias(site: Site<'_, '_>, start: usize, at: usize) -> Outcome {
    let Site { head, .. } = site;
    let is_alias = word(head, at) == Some("using") && is(head, at + 2, "=");
    let alias = found(head, at + 1, DefinitionKind::Type, head.get(start..).unwrap_or_default());
    let is_template = word(head, at + 1).is_some();
    Outcome {
        found: alias.filter(|_| is_alias && is_template).into_iter().collect(),
        ..Outcome::expression()
    }
}

fn typedef(site: Site<'_, '_>, start: usize) -> Outcome {
    let Site { head, end, .. } = site;
    if end == End::Body {
        let role = head.iter().find_map(|token| site.grammar.role(token.text));
        let scope = if role == Some(Role::Enum) { Scope::Enum } else { Scope::Type };
        // The name of `typedef struct tag {` is the tag until the typedef's own name is read.
        let tag =
            head.last().filter(|last| last.is_word() && site.grammar.role(last.text).is_none());
        let tagged =
            tag.and_then(|_| found(head, head.len().saturating_sub(1), DefinitionKind::Type, head));
        let container = tagged.as_ref().map(|tagged| tagged.name.clone());
        return Outcome { found: tagged.into_iter().collect(), scope, container, continues: true };
    }
    // `typedef int (*name)(int)`
    let pointer = head.iter().position(|token| token.is("*")).filter(|&star| {
        star.checked_sub(1).is_some_and(|before| is(head, before, "("))
            && word(head, star + 1).is_some()
    });
    let last = head.iter().rposition(Token::is_word);
    let name = pointer.map(|star| star + 1).or(last);
    let signature = head.get(start..).unwrap_or_default();
    let named = name.and_then(|name| found(head, name, DefinitionKind::Type, signature));
    Outcome { found: named.into_iter().collect(), ..Outcome::nothing(Scope::Hidden) }
}

/// Reads a function, a field or a variable.
fn member(site: Site<'_, '_>, start: usize) -> Outcome {
    let Site { head, end, scope, .. } = site;
    if let Some((name, after)) = function_name(site, start) {
        let owner = name.checked_sub(3).filter(|&owner| {
            is(head, owner + 1, ":") && is(head, owner + 2, ":") && word(head, owner).is_some()
        });
        let owner = owner.and_then(|owner| word(head, owner));
        let is_method = scope == Scope::Type || owner.is_some();
        let kind = if is_method { DefinitionKind::Method } else { DefinitionKind::Function };
        // C++'s initializers, C#'s other constructor.
        let is_initializer = |idx: usize| {
            is_c(site.grammar)
                || word(head, idx + 1).is_some_and(|word| matches!(word, "base" | "this"))
        };
        let body = position(head, after, |idx, token| {
            token.is("=") || (token.is(":") && end == End::Body && is_initializer(idx))
        });
        let until = body.unwrap_or(head.len());
        let signature = head.get(start..until).unwrap_or_default();
        let named = found(head, name, kind, signature);
        return Outcome {
            found: named
                .map(|named| Found { container: owner.map(str::to_owned), ..named })
                .into_iter()
                .collect(),
            ..Outcome::nothing(Scope::Local)
        };
    }
    let fields = fields(site, start);
    if !fields.is_empty() {
        let value = value_at(head, start).is_some();
        let inside = if value { Scope::Hidden } else { Scope::Local };
        return Outcome { found: fields, scope: inside, container: None, continues: value };
    }
    block(site)
}

/// Returns the index of the name of the function that a head declares, and the index after its
/// parameters.
fn function_name(site: Site<'_, '_>, start: usize) -> Option<(usize, usize)> {
    let Site { head, container, scope, .. } = site;
    let mut from = start;
    while let Some(open) = open_bracket(head, from) {
        from = after_group(head, open);
        let Some(mut name) = open.checked_sub(1).filter(|&name| name >= start) else { continue };
        if is(head, name, ">") {
            // `void name<T>(`
            name = head.get(start..name)?.iter().rposition(|token| token.is("<"))? + start;
            name = name.checked_sub(1)?;
        }
        let operator = head.get(start..open)?.iter().rposition(|token| token.text == "operator");
        if let Some(operator) = operator {
            return Some((start + operator, from));
        }
        let Some(text) = word(head, name) else { continue };
        if NO_NAMES.contains(&text) || CONTROL.contains(&text) || site.grammar.role(text).is_some()
        {
            continue;
        }
        let before = head.get(start..name).unwrap_or_default();
        let is_type =
            before.iter().all(|token| token.kind != Kind::Mark || token.is_any("*&<>,:[]?.~@()"));
        if !is_type || before.iter().any(|token| token.kind == Kind::Body) {
            return None;
        }
        let is_constructor = container == Some(text)
            || (is_before(head, name, 1, "~"))
            || (scope == Scope::Type && is_before(head, name, 1, ".") && word_before(head, name, 2) == container)
            // `Name::Name(`
            || (is_before(head, name, 1, ":") && word_before(head, name, 3) == Some(text));
        let has_type = before.iter().any(Token::is_word)
            && !before.last().is_some_and(|last| last.is_any(".~"));
        if is_constructor || has_type {
            let is_pure_type =
                !before.last().is_some_and(|last| last.is(":")) || is_qualified(head, start, name);
            if is_constructor || is_pure_type {
                return Some((name, from));
            }
        }
    }
    // A macro.
    None
}

/// Whether a type is before the qualified name that ends at `name`: `int Type::name`.
fn is_qualified(head: &[Token<'_>], start: usize, name: usize) -> bool {
    let mut at = name;
    while at >= start + 3 && is_before(head, at, 1, ":") && is_before(head, at, 2, ":") {
        at -= 3;
        if is(head, at, ">") {
            let open =
                head.get(..at).and_then(|before| before.iter().rposition(|token| token.is("<")));
            at = open.unwrap_or(at).saturating_sub(1);
        }
    }
    at > start
}

/// Returns the next `(` outside angle brackets.
fn open_bracket(head: &[Token<'_>], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(token) = head.get(at) {
        if token.is("(") {
            return Some(at);
        }
        if token.is("=")
            && !head.get(..at).is_some_and(|before| before.iter().any(|t| t.text == "operator"))
        {
            return None;
        }
        at = if token.is("<") && !is(head, at + 1, "<") || token.is("[") {
            let after = after_group(head, at);
            // Not an angle bracket: it is never closed.
            if after == head.len() && !head.last().is_some_and(|last| last.is_any(">]")) {
                at + 1
            } else {
                after
            }
        } else {
            at + 1
        };
    }
    None
}

/// Reads Objective-C's `@interface`, `@end` and methods.
fn objective_c(site: Site<'_, '_>, start: usize) -> Option<Outcome> {
    let Site { head, end, .. } = site;
    let keyword = word(head, start + 1).filter(|_| is(head, start, "@"));
    if matches!(keyword, Some("interface" | "protocol")) && is_c(site.grammar) {
        let signature = head.get(start..).unwrap_or_default();
        let named = found(head, start + 2, DefinitionKind::Type, signature);
        return Some(Outcome {
            found: named.into_iter().collect(),
            ..Outcome::nothing(Scope::Type)
        });
    }
    let is_method =
        head.get(start).is_some_and(|token| token.is_any("-+")) && is(head, start + 1, "(");
    if !is_method || !is_c(site.grammar) {
        return None;
    }
    let name = after_group(head, start + 1);
    let named = found(head, name, DefinitionKind::Method, head.get(start..).unwrap_or_default());
    let scope = if end == End::Body { Scope::Local } else { Scope::Hidden };
    Some(Outcome { found: named.into_iter().collect(), ..Outcome::nothing(scope) })
}

/// Returns how the body of a statement that defines nothing is read.
fn block(site: Site<'_, '_>) -> Outcome {
    // A macro that defines a function.
    site.body(site.scope == Scope::Open && !site.head.is_empty())
}
