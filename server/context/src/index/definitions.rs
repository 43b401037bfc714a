//! The definitions of a text, found by the language's keywords and the shape of its statements.

use lowkey_document::Language;

use super::grammar::{Family, Grammar, grammar};
use super::head::Found;
use super::tokens::tokens;
use super::{braces, lines};

/// Maximum definitions of one file; a longer file is generated.
pub const MAX_DEFINITIONS: usize = 2000;

/// The kind of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DefinitionKind {
    Function,
    /// A function of a type.
    Method,
    /// A type, a trait, a module that is a type, or an alias.
    Type,
    Constant,
    Field,
    Variable,
}

/// A named thing that another file can use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Definition {
    pub name: String,
    pub kind: DefinitionKind,
    /// The line of the name, from 0.
    pub line: u32,
    /// The text before the body on one line, with one blank for each gap and without comments; at
    /// most 200 bytes.
    pub signature: String,
    /// The type that it belongs to.
    pub container: Option<String>,
}

impl From<super::table::Indexed<'_>> for Definition {
    fn from(indexed: super::table::Indexed<'_>) -> Self {
        Self {
            name: indexed.name.to_owned(),
            kind: indexed.kind,
            line: indexed.line,
            signature: indexed.signature.to_owned(),
            container: indexed.container.map(str::to_owned),
        }
    }
}

/// Returns the definitions of a text in the order of the text: of the file itself and of its types,
/// not those inside functions.
///
/// A text of a language without functions has none. At most [`MAX_DEFINITIONS`] are returned.
pub fn definitions(text: &str, language: &'static Language) -> Vec<Definition> {
    let mut collector = Collector { all: Vec::new() };
    if let Some(grammar) = grammar(language.id) {
        read(text, language, grammar, &mut collector);
    }
    collector.all
}

/// Whether files of a language can have definitions.
pub fn has_definitions(language: &Language) -> bool {
    grammar(language.id).is_some()
}

fn read(text: &str, language: &'static Language, grammar: &'static Grammar, out: &mut Collector) {
    let tokens = tokens(text, language, grammar.in_words);
    match grammar.family {
        Family::Lines => lines::read(language.id, grammar, &tokens, out),
        Family::Keywords | Family::Script | Family::Typed => {
            braces::read(grammar, text, &tokens, out);
        }
    }
}

/// The definitions found so far.
#[derive(Debug)]
pub(super) struct Collector {
    all: Vec<Definition>,
}

impl Collector {
    pub(super) fn is_full(&self) -> bool {
        self.all.len() >= MAX_DEFINITIONS
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn add(&mut self, found: Found, container: Option<String>) {
        let Found { name, kind, line, signature, .. } = found;
        // A function with several clauses is one definition.
        let is_repeated = self.all.last().is_some_and(|last| {
            last.name == name
                && last.kind == kind
                && last.line == line
                && last.container == container
        });
        if !self.is_full() && !is_repeated {
            self.all.push(Definition { name, kind, line, signature, container });
        }
    }

    /// Gives a container to the definitions after the first `n` that have none.
    pub(super) fn name_container(&mut self, n: usize, name: &str) {
        for one in self.all.iter_mut().skip(n).filter(|one| one.container.is_none()) {
            one.container = Some(name.to_owned());
        }
    }

    /// Whether a definition of this name is the last one, or any one with `container`.
    pub(super) fn has(&self, name: &str, container: Option<&str>) -> bool {
        self.all.iter().rev().any(|one| one.name == name && one.container.as_deref() == container)
    }
}
