//! Languages that are read by lines.

use super::Role::{Alias, Around, Case, Constant, Function, Type, Variable};
use super::{COMMON, Family, Grammar};

const LINES: Grammar = Grammar { family: Family::Lines, ..COMMON };

pub(super) static PYTHON: Grammar =
    Grammar { roles: &[("def", Function), ("class", Type)], modifiers: &["async"], ..LINES };

pub(super) static RUBY: Grammar = Grammar {
    roles: &[
        ("def", Function),
        ("macro", Function),
        ("class", Type),
        ("module", Type),
        ("struct", Type),
        ("enum", Type),
    ],
    modifiers: &[
        "private",
        "protected",
        "public",
        "private_class_method",
        "abstract",
        "module_function",
    ],
    in_words: "@",
    ..LINES
};

pub(super) static LUA: Grammar =
    Grammar { roles: &[("function", Function)], modifiers: &["local"], ..LINES };

pub(super) static ELIXIR: Grammar = Grammar {
    roles: &[
        ("def", Function),
        ("defp", Function),
        ("defmacro", Function),
        ("defmacrop", Function),
        ("defguard", Function),
        ("defguardp", Function),
        ("defdelegate", Function),
        ("defmodule", Type),
        ("defprotocol", Type),
    ],
    in_words: "@",
    ..LINES
};

pub(super) static JULIA: Grammar = Grammar {
    roles: &[
        ("function", Function),
        ("macro", Function),
        ("struct", Type),
        ("type", Type),
        ("module", Around),
        ("const", Constant),
    ],
    modifiers: &["mutable", "abstract", "primitive"],
    in_words: "!",
    ..LINES
};

pub(super) static SCALA: Grammar = Grammar {
    roles: &[
        ("def", Function),
        ("class", Type),
        ("trait", Type),
        ("object", Type),
        ("enum", Type),
        ("type", Alias),
        ("val", Variable),
        ("var", Variable),
        ("given", Variable),
        ("case", Case),
    ],
    modifiers: &[
        "private",
        "protected",
        "override",
        "final",
        "sealed",
        "abstract",
        "implicit",
        "lazy",
        "inline",
        "open",
        "transparent",
        "infix",
        "opaque",
    ],
    ..LINES
};

pub(super) static ML: Grammar = Grammar {
    roles: &[
        ("let", Function),
        ("and", Function),
        ("val", Function),
        ("external", Function),
        ("member", Function),
        ("abstract", Function),
        ("override", Function),
        ("default", Function),
        ("type", Type),
        ("exception", Type),
        ("module", Around),
    ],
    modifiers: &["static"],
    in_words: "'",
    ..LINES
};

pub(super) static HASKELL: Grammar = Grammar {
    roles: &[("data", Type), ("newtype", Type), ("class", Type), ("type", Alias)],
    in_words: "'",
    ..LINES
};

pub(super) static ERLANG: Grammar = Grammar { ..LINES };

pub(super) static CLOJURE: Grammar = Grammar {
    roles: &[
        ("defn", Function),
        ("defn-", Function),
        ("defmacro", Function),
        ("defmulti", Function),
        ("def", Constant),
        ("defonce", Constant),
        ("defprotocol", Type),
        ("defrecord", Type),
        ("deftype", Type),
        ("definterface", Type),
    ],
    in_words: "-?!*><=+/.'&%",
    ..LINES
};

pub(super) static SHELL: Grammar =
    Grammar { roles: &[("function", Function)], in_words: "-:.$", ..LINES };

pub(super) static R: Grammar = Grammar { in_words: ".", ..LINES };

pub(super) static SQL: Grammar = Grammar {
    roles: &[
        ("function", Function),
        ("procedure", Function),
        ("table", Type),
        ("view", Type),
        ("type", Type),
        ("domain", Type),
    ],
    in_words: ".\"`",
    ..LINES
};
