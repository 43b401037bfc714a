//! The model inside the program.
//!
//! This crate holds no weights: the program's `main` has them and passes them on. Otherwise each test and example that
//! links this crate would contain a copy of them.

use std::path::Path;

/// The name of the model inside the program: in the catalog's list, in settings and for `--model`.
pub const DEFAULT_NAME: &str = "lowkey-default";

/// The name before the default was a real model; settings may still have it.
pub const FORMER_NAME: &str = "lowkey-embedded";

/// Where the weights of the model inside the program are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// Compiled into the program: a GGUF file.
    Inside(&'static [u8]),
    /// A GGUF file that the build has left in the target folder; only unoptimised builds do that.
    Beside(&'static str),
}

/// The model inside the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedded {
    pub weights: Weights,
    /// Its length in bytes.
    pub n_bytes: u64,
    /// Its SHA-256, lower-case hexadecimal.
    pub sha256: &'static str,
    /// The model card, Markdown. Its first table has a row for each [`fact`](Embedded::fact).
    pub card: &'static str,
    /// Whether it is the fixture of the tests, in a program that was built without the default model's weights.
    pub is_fixture: bool,
}

impl Embedded {
    /// Returns a fact from the model card: the second cell of the table row `| NAME | … |`.
    ///
    /// The list of models shows `family`, `quantization`, `fim`, `languages`, `licence` and `measured`.
    pub fn fact(&self, name: &str) -> Option<&'static str> {
        self.card.lines().find_map(|line| {
            let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
            (cells.next() == Some(name)).then(|| cells.next()).flatten()
        })
    }

    /// Returns the file of the weights where they are not compiled in.
    pub fn path(&self) -> Option<&'static Path> {
        match self.weights {
            Weights::Inside(_) => None,
            Weights::Beside(path) => Some(Path::new(path)),
        }
    }
}

/// Whether `name` means the model inside the program, by its name or its former one.
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
        let model = Embedded { weights, n_bytes: 4, sha256: "", card: CARD, is_fixture: true };
        assert_eq!(model.fact("licence"), Some("Apache-2.0"));
        assert_eq!(model.fact("measured"), Some("3 of 4, right"));
        assert_eq!(model.fact("languages"), None);
    }
}
