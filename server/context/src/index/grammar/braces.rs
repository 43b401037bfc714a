//! Languages whose blocks are in braces.

use super::Role::{Alias, Around, Case, Constant, Enum, Function, Ignored, Type, Variable};
use super::{COMMON, Family, Fields, Grammar};

pub(super) static RUST: Grammar = Grammar {
    roles: &[
        ("fn", Function),
        ("macro_rules", Function),
        ("struct", Type),
        ("union", Type),
        ("enum", Enum),
        ("trait", Type),
        ("type", Alias),
        ("const", Constant),
        ("static", Constant),
        ("mod", Around),
        ("impl", Around),
        ("use", Ignored),
        ("let", Ignored),
    ],
    modifiers: &["pub", "unsafe", "async", "extern", "default", "crate", "auto", "safe"],
    comma_ends: true,
    fields: Fields::Colon,
    ..COMMON
};

pub(super) static GO: Grammar = Grammar {
    roles: &[
        ("func", Function),
        ("type", Type),
        ("const", Constant),
        ("var", Variable),
        ("import", Ignored),
        ("package", Ignored),
    ],
    newline_ends: true,
    fields: Fields::Plain,
    ..COMMON
};

pub(super) static SCRIPT: Grammar = Grammar {
    family: Family::Script,
    roles: &[
        ("function", Function),
        ("class", Type),
        ("interface", Type),
        ("enum", Enum),
        ("type", Alias),
        ("const", Constant),
        ("let", Variable),
        ("var", Variable),
        ("namespace", Around),
        ("module", Around),
        ("global", Around),
        ("import", Ignored),
    ],
    modifiers: &["export", "default", "declare", "abstract", "async"],
    newline_ends: true,
    comma_ends: true,
    fields: Fields::Colon,
    in_words: "$",
    ..COMMON
};

pub(super) static KOTLIN: Grammar = Grammar {
    roles: &[
        ("fun", Function),
        ("class", Type),
        ("interface", Type),
        ("object", Type),
        ("val", Variable),
        ("var", Variable),
        ("typealias", Alias),
        ("import", Ignored),
        ("package", Ignored),
    ],
    modifiers: &[
        "public",
        "private",
        "internal",
        "protected",
        "open",
        "abstract",
        "final",
        "sealed",
        "data",
        "inner",
        "enum",
        "annotation",
        "value",
        "inline",
        "override",
        "suspend",
        "operator",
        "infix",
        "tailrec",
        "external",
        "const",
        "lateinit",
        "companion",
        "expect",
        "actual",
        "noinline",
        "crossinline",
        "vararg",
    ],
    newline_ends: true,
    in_words: "",
    ..COMMON
};

pub(super) static SWIFT: Grammar = Grammar {
    roles: &[
        ("func", Function),
        ("init", Function),
        ("class", Type),
        ("struct", Type),
        ("enum", Type),
        ("protocol", Type),
        ("actor", Type),
        ("extension", Around),
        ("typealias", Alias),
        ("associatedtype", Alias),
        ("let", Variable),
        ("var", Variable),
        ("case", Case),
        ("import", Ignored),
    ],
    modifiers: &[
        "public",
        "private",
        "fileprivate",
        "internal",
        "open",
        "package",
        "final",
        "static",
        "override",
        "mutating",
        "nonmutating",
        "lazy",
        "weak",
        "unowned",
        "required",
        "convenience",
        "indirect",
        "dynamic",
        "optional",
        "nonisolated",
        "isolated",
        "prefix",
        "postfix",
        "infix",
        "distributed",
        "consuming",
        "borrowing",
    ],
    newline_ends: true,
    ..COMMON
};

pub(super) static PHP: Grammar = Grammar {
    roles: &[
        ("function", Function),
        ("class", Type),
        ("interface", Type),
        ("trait", Type),
        ("enum", Type),
        ("const", Constant),
        ("case", Case),
        ("namespace", Around),
        ("use", Ignored),
    ],
    modifiers: &[
        "public",
        "private",
        "protected",
        "static",
        "final",
        "abstract",
        "readonly",
        "var",
    ],
    fields: Fields::Plain,
    in_words: "$",
    ..COMMON
};

pub(super) static ZIG: Grammar = Grammar {
    roles: &[("fn", Function), ("const", Constant), ("var", Variable), ("usingnamespace", Ignored)],
    modifiers: &["pub", "export", "extern", "inline", "noinline", "comptime", "threadlocal"],
    comma_ends: true,
    fields: Fields::Colon,
    ..COMMON
};

pub(super) static PERL: Grammar = Grammar {
    roles: &[("sub", Function), ("package", Around), ("class", Around), ("method", Function)],
    in_words: "$",
    ..COMMON
};

pub(super) static POWERSHELL: Grammar = Grammar {
    roles: &[("function", Function), ("filter", Function), ("class", Type), ("enum", Enum)],
    newline_ends: true,
    in_words: "-$",
    ..COMMON
};

pub(super) static GRAPHQL: Grammar = Grammar {
    roles: &[
        ("type", Type),
        ("input", Type),
        ("interface", Type),
        ("enum", Enum),
        ("union", Alias),
        ("scalar", Alias),
    ],
    modifiers: &["extend"],
    newline_ends: true,
    fields: Fields::Colon,
    ..COMMON
};

pub(super) static C: Grammar = Grammar {
    family: Family::Typed,
    roles: &[
        ("struct", Type),
        ("union", Type),
        ("class", Type),
        ("enum", Enum),
        ("namespace", Around),
        ("using", Ignored),
    ],
    has_directives: true,
    ..COMMON
};

pub(super) static JAVA: Grammar = Grammar {
    family: Family::Typed,
    roles: &[
        ("class", Type),
        ("interface", Type),
        ("record", Type),
        ("trait", Type),
        ("enum", Enum),
        ("import", Ignored),
        ("package", Ignored),
    ],
    in_words: "$",
    ..COMMON
};

pub(super) static CSHARP: Grammar = Grammar {
    family: Family::Typed,
    roles: &[
        ("class", Type),
        ("struct", Type),
        ("interface", Type),
        ("record", Type),
        ("enum", Enum),
        ("namespace", Around),
        ("using", Ignored),
    ],
    has_directives: true,
    ..COMMON
};

pub(super) static DART: Grammar = Grammar {
    family: Family::Typed,
    roles: &[
        ("class", Type),
        ("mixin", Type),
        ("extension", Type),
        ("enum", Enum),
        ("import", Ignored),
        ("export", Ignored),
        ("part", Ignored),
        ("library", Ignored),
    ],
    in_words: "$",
    ..COMMON
};

pub(super) static PROTO: Grammar = Grammar {
    family: Family::Typed,
    roles: &[
        ("message", Type),
        ("service", Type),
        ("enum", Enum),
        ("oneof", Around),
        ("import", Ignored),
        ("package", Ignored),
        ("option", Ignored),
        ("syntax", Ignored),
        ("reserved", Ignored),
        ("extensions", Ignored),
    ],
    ..COMMON
};
