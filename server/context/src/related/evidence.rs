//! What speaks for a definition, and how much.
//!
//! The score is the utility of a conditional logit model (McFadden 1974): among the candidates of a
//! place, a definition is the needed one with a probability in proportion to the exponential of its
//! score. The weights were fitted to the development half of the cross-file hold-out and rounded
//! (`server/training/README.md`).

use std::collections::HashSet;

use super::near::names;
use super::words::words;
use crate::index::{DefinitionKind, Indexed};

mod weight {
    /// The document imports the name.
    pub(super) const IMPORTED: f32 = 3.4;
    /// The document imports the name and does not use it yet.
    pub(super) const UNUSED: f32 = 4.1;
    /// The document uses the name, and imports it from no file.
    pub(super) const USED: f32 = 1.2;
    /// The window shows the imported name: the model knows it.
    pub(super) const IMPORTED_VISIBLE: f32 = -0.4;
    /// The window shows the used name.
    pub(super) const USED_VISIBLE: f32 = -2.8;
    /// The definition belongs to a type that the document imports.
    pub(super) const MEMBER_OF_IMPORTED: f32 = 1.4;
    /// The definition belongs to a type that the document uses.
    pub(super) const MEMBER_OF_USED: f32 = 0.6;
    /// That type is named near the cursor.
    pub(super) const MEMBER_NEAR: f32 = 0.6;
    /// The definition is in a file that the document imports.
    pub(super) const MODULE: f32 = 1.2;
    /// Share of the name's words that are in names near the cursor.
    pub(super) const WORDS: f32 = 1.9;
    /// Share of the signature's names that are near the cursor.
    pub(super) const SIGNATURE: f32 = 0.6;
    /// Logarithm of how many names of its file are near the cursor.
    pub(super) const FILE_NEAR: f32 = 0.6;
    /// The definition belongs to a type.
    pub(super) const CONTAINED: f32 = -0.75;
    pub(super) const TYPE: f32 = 1.1;
    pub(super) const CONSTANT: f32 = 0.65;
    pub(super) const FUNCTION: f32 = 0.45;
}

/// How a definition was found; found in several ways, all of them hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The document imports the name.
    pub(super) is_imported: bool,
    /// The import statement is the only place that has the name.
    pub(super) is_unused: bool,
    /// The document uses the name, and imports it from no file.
    pub(super) is_used: bool,
    /// The window shows the imported or used name.
    pub(super) is_visible: bool,
    /// It belongs to a type that the document imports.
    pub(super) is_member_of_imported: bool,
    /// It belongs to a type that the document uses.
    pub(super) is_member_of_used: bool,
    /// The type is named near the cursor.
    pub(super) is_member_near: bool,
    /// It is in a file that the document imports.
    pub(super) is_in_module: bool,
}

impl Found {
    /// Adds another way in which the definition was found.
    pub(super) fn add(&mut self, other: Found) {
        let Found {
            is_imported,
            is_unused,
            is_used,
            is_visible,
            is_member_of_imported,
            is_member_of_used,
            is_member_near,
            is_in_module,
        } = other;
        self.is_imported |= is_imported;
        self.is_unused |= is_unused;
        self.is_used |= is_used;
        self.is_visible |= is_visible;
        self.is_member_of_imported |= is_member_of_imported;
        self.is_member_of_used |= is_member_of_used;
        self.is_member_near |= is_member_near;
        self.is_in_module |= is_in_module;
    }

    fn score(self) -> f32 {
        let parts = [
            (self.is_imported, weight::IMPORTED),
            (self.is_unused, weight::UNUSED),
            (self.is_used, weight::USED),
            (self.is_imported && self.is_visible, weight::IMPORTED_VISIBLE),
            (self.is_used && self.is_visible, weight::USED_VISIBLE),
            (self.is_member_of_imported, weight::MEMBER_OF_IMPORTED),
            (self.is_member_of_used, weight::MEMBER_OF_USED),
            (self.is_member_near, weight::MEMBER_NEAR),
            (self.is_in_module, weight::MODULE),
        ];
        parts.iter().filter(|(holds, _)| *holds).map(|(_, weight)| weight).sum()
    }
}

/// The names near the cursor, and their words.
pub(super) struct Near<'p> {
    names: HashSet<&'p str>,
    words: HashSet<String>,
}

impl<'p> Near<'p> {
    pub(super) fn new(names: HashSet<&'p str>) -> Self {
        let words = names.iter().copied().flat_map(words).collect();
        Self { names, words }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns the score of a definition; `n_of_file` names of its file are near the cursor.
    pub(super) fn score(&self, definition: &Indexed<'_>, found: Found, n_of_file: usize) -> f32 {
        let words = words(definition.name);
        let n_words = words.iter().filter(|word| self.words.contains(*word)).count();
        let in_signature: HashSet<&str> =
            names(definition.signature).filter(|name| *name != definition.name).collect();
        let n_names = in_signature.iter().filter(|name| self.has(name)).count();
        let kind = match definition.kind {
            DefinitionKind::Type => weight::TYPE,
            DefinitionKind::Constant => weight::CONSTANT,
            DefinitionKind::Function | DefinitionKind::Method => weight::FUNCTION,
            DefinitionKind::Field | DefinitionKind::Variable => 0.0,
        };
        found.score()
            + kind
            + if definition.container.is_some() { weight::CONTAINED } else { 0.0 }
            + weight::WORDS * n_words as f32 / words.len().max(1) as f32
            // A single name says little.
            + weight::SIGNATURE * n_names as f32 / in_signature.len().max(2) as f32
            + weight::FILE_NEAR * (n_of_file as f32).ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(signature: &str) -> Indexed<'_> {
        let kind = DefinitionKind::Function;
        Indexed { name: "read_row", kind, line: 0, signature, container: None }
    }

    #[test]
    fn each_way_adds_its_weight() {
        let near = Near::new(HashSet::new());
        let score = |found| near.score(&definition("def read_row()"), found, 0);
        let mut found = Found { is_imported: true, ..Found::default() };
        let imported = score(found);
        found.add(Found { is_unused: true, ..Found::default() });
        assert_eq!(score(found), imported + weight::UNUSED);
        let visible = Found { is_used: true, is_visible: true, ..Found::default() };
        assert!(score(visible) < score(Found::default()), "the model knows a visible name");
    }

    #[test]
    fn words_and_names_near_the_cursor_count() {
        let near = Near::new(HashSet::from(["rowCount", "limit", "path"]));
        let score =
            |signature, n_of_file| near.score(&definition(signature), Found::default(), n_of_file);
        let half = weight::FUNCTION + weight::WORDS / 2.0;
        for (signature, n_of_file, expected) in [
            ("read_row()", 0, half),
            ("read_row(limit)", 0, half + weight::SIGNATURE / 2.0),
            ("read_row(limit, path)", 0, half + weight::SIGNATURE),
            ("read_row(limit, path, other, names)", 0, half + weight::SIGNATURE / 2.0),
            ("read_row()", 1, half + weight::FILE_NEAR * 2.0_f32.ln()),
        ] {
            let difference = score(signature, n_of_file) - expected;
            assert!(difference.abs() < 1e-5, "{signature}: {difference}");
        }
    }
}
