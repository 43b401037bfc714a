//! What speaks for a definition, and how much.
//!
//! The score is the utility of a conditional logit model: among the candidates of a place, a
//! definition is the needed one with a probability in proportion to the exponential of its score.
//! Source: "Conditional logit analysis of qualitative choice behavior", 1974. The weights were
//! fitted to the development half of the cross-file hold-out and rounded
//! (`server/training/README.md`).

use std::collections::HashSet;

use super::near::names;
use super::words::words;
use crate::index::{DefinitionKind, Indexed};

/// The parts of a score: what a part says, and its weight. `server/training/crossfile_weights.py`
/// fits them.
pub const WEIGHTS: [(&str, f32); 17] = [
    ("the document imports the name", 3.4),
    ("it imports the name and does not use it yet", 4.1),
    ("it uses the name, and imports it from no file", 1.2),
    // The model knows a name that it sees.
    ("the window shows the imported name", -0.4),
    ("the window shows the used name", -2.8),
    ("a member of a type that the document imports", 1.4),
    ("a member of a type that the document uses", 0.6),
    ("that type is named near the cursor", 0.6),
    ("in a file that the document imports", 1.2),
    ("share of the name's words that are in names near the cursor", 1.9),
    ("share of the signature's names that are near the cursor", 0.6),
    ("ln(1 + names of its file that are near the cursor)", 0.6),
    ("a member of a type", -0.75),
    ("a type", 1.1),
    ("a constant", 0.65),
    ("a function or method", 0.45),
    // Fitted to the lines that commits added: packages have no history (history.py).
    ("in a file that the session has edited", 1.2),
];

/// The values of the parts of a definition's score, in the order of [`WEIGHTS`].
pub(super) type Parts = [f32; WEIGHTS.len()];

/// Returns the score that parts give.
pub(super) fn score(parts: &Parts) -> f32 {
    parts.iter().zip(WEIGHTS).map(|(value, (_, weight))| value * weight).sum()
}

/// How a definition was found; found in several ways, all of them hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
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
    /// It is in a file that the session has edited.
    pub(super) is_in_edited_file: bool,
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
            is_in_edited_file,
        } = other;
        self.is_imported |= is_imported;
        self.is_unused |= is_unused;
        self.is_used |= is_used;
        self.is_visible |= is_visible;
        self.is_member_of_imported |= is_member_of_imported;
        self.is_member_of_used |= is_member_of_used;
        self.is_member_near |= is_member_near;
        self.is_in_module |= is_in_module;
        self.is_in_edited_file |= is_in_edited_file;
    }

    /// Returns the most telling way in which the definition was found.
    pub(super) fn reason(self) -> &'static str {
        if self.is_imported {
            "imported"
        } else if self.is_member_of_imported {
            "of an imported type"
        } else if self.is_used {
            "used"
        } else if self.is_member_of_used {
            "of a used type"
        } else if self.is_in_edited_file {
            "in a file edited lately"
        } else if self.is_in_module {
            "in an imported file"
        } else {
            "in the same folder"
        }
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

    /// Returns the parts of a definition's score; `n_of_file` names of its file are near the cursor.
    pub(super) fn parts(&self, definition: &Indexed<'_>, found: Found, n_of_file: usize) -> Parts {
        let words = words(definition.name);
        let n_words = words.iter().filter(|word| self.words.contains(*word)).count();
        let in_signature: HashSet<&str> =
            names(definition.signature).filter(|name| *name != definition.name).collect();
        let n_names = in_signature.iter().filter(|name| self.has(name)).count();
        let is_kind = |kinds: &[DefinitionKind]| f32::from(kinds.contains(&definition.kind));
        [
            f32::from(found.is_imported),
            f32::from(found.is_unused),
            f32::from(found.is_used),
            f32::from(found.is_imported && found.is_visible),
            f32::from(found.is_used && found.is_visible),
            f32::from(found.is_member_of_imported),
            f32::from(found.is_member_of_used),
            f32::from(found.is_member_near),
            f32::from(found.is_in_module),
            n_words as f32 / words.len().max(1) as f32,
            // A single name says little.
            n_names as f32 / in_signature.len().max(2) as f32,
            (n_of_file as f32).ln_1p(),
            f32::from(definition.container.is_some()),
            is_kind(&[DefinitionKind::Type]),
            is_kind(&[DefinitionKind::Constant]),
            is_kind(&[DefinitionKind::Function, DefinitionKind::Method]),
            f32::from(found.is_in_edited_file),
        ]
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
        let score = |found| score(&near.parts(&definition("def read_row()"), found, 0));
        let mut found = Found { is_imported: true, ..Found::default() };
        let imported = score(found);
        found.add(Found { is_unused: true, ..Found::default() });
        assert_eq!(score(found), imported + WEIGHTS[1].1);
        let visible = Found { is_used: true, is_visible: true, ..Found::default() };
        assert!(score(visible) < score(Found::default()), "the model knows a visible name");
    }

    #[test]
    fn words_and_names_near_the_cursor_count() {
        let near = Near::new(HashSet::from(["rowCount", "limit", "path"]));
        for (signature, n_of_file, expected) in [
            ("read_row()", 0, [0.5, 0.0, 0.0]),
            ("read_row(limit)", 0, [0.5, 0.5, 0.0]),
            ("read_row(limit, path)", 0, [0.5, 1.0, 0.0]),
            ("read_row(limit, path, other, names)", 0, [0.5, 0.5, 0.0]),
            ("read_row()", 1, [0.5, 0.0, 2.0_f32.ln()]),
        ] {
            let parts = near.parts(&definition(signature), Found::default(), n_of_file);
            assert_eq!(parts[9..12], expected, "{signature}");
            assert_eq!(parts[15], 1.0, "a function");
        }
    }
}
