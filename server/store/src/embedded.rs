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
    sha256: "7d668410ed1250ba98d007658de3099827198ea835af560c98698f214d155df8",
    card: include_str!("../models/lowkey-embedded.md"),
};

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::EMBEDDED;

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
