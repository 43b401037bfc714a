//! How each language writes its definitions: the words that introduce them, and the ends of
//! statements.

mod braces;
mod lines;

/// The part that a keyword plays in a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Function,
    /// A type with members.
    Type,
    /// A type whose members are listed before its methods.
    Enum,
    /// Another name of a type.
    Alias,
    Constant,
    Variable,
    /// A value of an enum, written with a keyword.
    Case,
    /// A block around definitions, itself none: a namespace, or an extension of a type.
    Around,
    /// A statement that defines nothing which another file can use.
    Ignored,
}

/// The family of recognisers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Braces, and a keyword before each definition.
    Keywords,
    /// Braces, keywords, and methods without a keyword: JavaScript and TypeScript.
    Script,
    /// Braces, and the type before the name.
    Typed,
    /// Blocks by indentation, or definitions that begin at a line's start.
    Lines,
}

/// How a type's fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields {
    None,
    /// `name: type`
    Colon,
    /// `name type`
    Plain,
}

/// The grammar of one language's definitions.
#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) family: Family,
    pub(super) roles: &'static [(&'static str, Role)],
    /// Words before a keyword or a type that do not change the definition.
    pub(super) modifiers: &'static [&'static str],
    /// Whether a line's end may end a statement.
    pub(super) newline_ends: bool,
    /// Whether a comma ends a member of a type.
    pub(super) comma_ends: bool,
    pub(super) fields: Fields,
    /// Whether lines with `#` are for the preprocessor.
    pub(super) has_directives: bool,
    /// Marks that belong to words.
    pub(super) in_words: &'static str,
}

const COMMON: Grammar = Grammar {
    family: Family::Keywords,
    roles: &[],
    modifiers: &[],
    newline_ends: false,
    comma_ends: false,
    fields: Fields::None,
    has_directives: false,
    in_words: "",
};

/// Returns how a language writes definitions; `None` for a language without functions and types.
pub(super) fn grammar(language: &str) -> Option<&'static Grammar> {
    Some(match language {
        "rust" => &braces::RUST,
        "go" => &braces::GO,
        "typescript" | "typescriptreact" | "javascript" | "javascriptreact" => &braces::SCRIPT,
        "kotlin" => &braces::KOTLIN,
        "swift" => &braces::SWIFT,
        "php" => &braces::PHP,
        "zig" => &braces::ZIG,
        "perl" => &braces::PERL,
        "powershell" => &braces::POWERSHELL,
        "graphql" => &braces::GRAPHQL,
        "c" | "cpp" | "objective-c" => &braces::C,
        "java" | "groovy" => &braces::JAVA,
        "csharp" => &braces::CSHARP,
        "dart" => &braces::DART,
        "proto3" => &braces::PROTO,
        "python" => &lines::PYTHON,
        "ruby" | "crystal" => &lines::RUBY,
        "lua" => &lines::LUA,
        "elixir" => &lines::ELIXIR,
        "julia" => &lines::JULIA,
        "scala" => &lines::SCALA,
        "fsharp" | "ocaml" => &lines::ML,
        "haskell" => &lines::HASKELL,
        "erlang" => &lines::ERLANG,
        "clojure" => &lines::CLOJURE,
        "shellscript" => &lines::SHELL,
        "r" => &lines::R,
        "sql" => &lines::SQL,
        _ => return None,
    })
}

impl Grammar {
    pub(super) fn role(&self, word: &str) -> Option<Role> {
        self.roles.iter().find(|(keyword, _)| *keyword == word).map(|(_, role)| *role)
    }
}
