//! The model inside the program.
//!
//! This crate contains no weights: the program's `main` passes them in. Otherwise each test and
//! example that links this crate would contain a copy.

use std::path::Path;

/// The name of the model inside the program: in the catalog's list, in settings and for `--model`.
pub const DEFAULT_NAME: &str = "lowkey-default";

/// The name before the default was a real model; settings may still contain it.
pub const FORMER_NAME: &str = "lowkey-embedded";

/// The location of the weights of the model inside the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// A GGUF file compiled into the program.
    Inside(&'static [u8]),
    /// A GGUF file in the target folder; only unoptimised builds use this.
    Beside(&'static str),
}

/// The model inside the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedModel {
    pub weights: Weights,
    /// Length in bytes.
    pub n_bytes: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: &'static str,
    /// The model card, in Markdown. Its first table has a row for each [`fact`](EmbeddedModel::fact).
    pub card: &'static str,
    /// Whether it is the test fixture, in a program built without the default model's weights.
    pub is_fixture: bool,
}

impl EmbeddedModel {
    /// Returns a fact from the model card: the second cell of the table row `| NAME | … |`.
    ///
    /// The list of models shows `family`, `quantization`, `fim`, `languages`, `licence` and
    /// `measured`.
    pub fn fact(&self, name: &str) -> Option<&'static str> {
        self.card.lines().find_map(|line| {
            let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
            (cells.next() == Some(name)).then(|| cells.next()).flatten()
        })
    }

    /// Returns the file of the weights, if they are not compiled in.
    pub fn path(&self) -> Option<&'static Path> {
        match self.weights {
            Weights::Inside(_) => None,
            Weights::Beside(path) => Some(Path::new(path)),
        }
    }
}

/// Whether `name` is the current or former name of the model inside the program.
pub fn is_default(name: &str) -> bool {
    [DEFAULT_NAME, FORMER_NAME].iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "# A card\n\n| | |\n|---|---|\n| licence | Apache-2.0 |\n| measured |  3 of 4, right | more |\n\n| licence | later |\n";

    #[test]
    fn facts_come_from_the_card() {
        let weights = Weights::Inside(b"GGUF");
        let model = EmbeddedModel { weights, n_bytes: 4, sha256: "", card: CARD, is_fixture: true };
        assert_eq!(model.fact("licence"), Some("Apache-2.0"));
        assert_eq!(model.fact("measured"), Some("3 of 4, right"));
        assert_eq!(model.fact("languages"), None);
    }
}
