//! The model inside the binary.
//!
//! Replacing it is one command, `server/training/embed.py`, and one commit.

/// A model file compiled into the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedded {
    /// Name in the catalog, accepted by `--model`.
    pub name: &'static str,
    /// The GGUF file.
    pub bytes: &'static [u8],
    /// SHA-256 of `bytes`, lower-case hexadecimal, as the model card states it.
    pub sha256: &'static str,
    /// The model card, Markdown.
    pub card: &'static str,
}

/// The embedded model.
pub const EMBEDDED: Embedded = Embedded {
    name: "lowkey-embedded",
    bytes: include_bytes!("../models/lowkey-embedded-q8_0.gguf"),
    sha256: "41a716eb84efe7f5d46e1304fa358daf30372ed9134ad7f2d68c8960aa88b0ab",
    card: include_str!("../models/lowkey-embedded.md"),
};

impl Embedded {
    /// Returns what the model card measured of this model, in words; empty if it has no such table.
    ///
    /// Read from the card, so that it changes with the model.
    pub fn measured(&self) -> String {
        let cells = |line: &str| -> Vec<String> {
            line.split('|').map(|cell| cell.replace("**", "").trim().to_owned()).collect()
        };
        let is_head = |line: &&str| line.starts_with("| |") && line.contains("this, seed");
        let Some(head) = self.card.lines().find(is_head).map(cells) else {
            return String::new();
        };
        let names_it = |(column, cell): (usize, &String)| {
            cell.strip_prefix("this, ").map(|seed| (column, seed.to_owned()))
        };
        let Some((column, seed)) = head.iter().enumerate().find_map(names_it) else {
            return String::new();
        };
        let row = |name: &str| {
            let begins = format!("| {name} |");
            let line = self.card.lines().find(|line| line.starts_with(&begins))?;
            cells(line).get(column).map(|figure| format!("{name} {figure}"))
        };
        let rows = ["exact match", "edit similarity", "empty answers"].into_iter().filter_map(row);
        let figures = rows.collect::<Vec<_>>().join(", ");
        format!("held-out holes, {seed}: {figures} (the model card)")
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::{EMBEDDED, Embedded};

    #[test]
    fn the_figures_of_the_card_come_with_the_model() {
        let measured = EMBEDDED.measured();
        for name in ["seed", "exact match ", "edit similarity 0.", "empty answers "] {
            assert!(measured.contains(name), "{measured}");
        }
        assert!(!measured.contains('|') && !measured.contains('*'), "{measured}");
        assert_eq!(Embedded { card: "no table", ..EMBEDDED }.measured(), "");
    }

    #[test]
    fn the_embedded_file_is_the_one_that_the_card_describes() {
        let digest = Sha256::digest(EMBEDDED.bytes);
        let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex.concat(), EMBEDDED.sha256);
        assert!(EMBEDDED.card.contains(EMBEDDED.sha256), "the card names another file");
        let size = EMBEDDED.bytes.len().to_string();
        let digits: String = EMBEDDED.card.chars().filter(|c| *c != ',').collect();
        assert!(digits.contains(&size), "the card names another size than {size}");
    }
}
