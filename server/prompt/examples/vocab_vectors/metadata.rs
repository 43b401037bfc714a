//! A strict reader of GGUF metadata, for files with a vocabulary and nothing else.
//!
//! The product reads model files elsewhere; this check needs only texts and integers, single or in arrays. Nothing is
//! allocated by a length that the file claims: every value is taken from the bytes that are there, or reading ends.

use lowkey_prompt::GgufVocab;
use std::collections::HashMap;
use std::path::Path;

/// The metadata of one file: texts and integers by key, a single value as a list of one. Other values are left out.
#[derive(Default)]
struct Metadata {
    texts: HashMap<String, Vec<String>>,
    numbers: HashMap<String, Vec<i64>>,
}

impl Metadata {
    fn texts(&self, key: &str) -> &[String] {
        self.texts.get(key).map_or(&[], Vec::as_slice)
    }

    fn numbers(&self, key: &str) -> &[i64] {
        self.numbers.get(key).map_or(&[], Vec::as_slice)
    }

    /// The vocabulary that the metadata describe.
    fn vocab(&self) -> GgufVocab<'static> {
        let key = |name: &str| format!("tokenizer.ggml.{name}");
        let text = |name: &str| self.texts(&key(name)).first().cloned().unwrap_or_default();
        let texts = |name: &str| self.texts(&key(name)).iter().cloned().map(Into::into).collect();
        let id = |name: &str| {
            let ids = self.numbers(&key(&format!("{name}_token_id")));
            ids.first().and_then(|&id| u32::try_from(id).ok())
        };
        GgufVocab {
            model: text("model"),
            pre: text("pre"),
            tokens: texts("tokens"),
            token_types: self.numbers(&key("token_type")).iter().map(|&kind| kind as i32).collect(),
            // Floats were read as the integer of their bits.
            scores: self
                .numbers(&key("scores"))
                .iter()
                .map(|&bits| f32::from_bits(bits as u32))
                .collect(),
            merges: texts("merges"),
            bos: id("bos"),
            eos: id("eos"),
            eot: id("eot"),
            fim_pre: id("fim_pre"),
            fim_suf: id("fim_suf"),
            fim_mid: id("fim_mid"),
            ..GgufVocab::default()
        }
    }
}

/// Reads the vocabulary out of a GGUF file.
pub(crate) fn read_vocab(file: &Path) -> Result<GgufVocab<'static>, String> {
    let bytes = std::fs::read(file).map_err(|e| format!("reading {}: {e}", file.display()))?;
    Ok(read(&bytes)?.vocab())
}

/// Reads the metadata at the beginning of a GGUF file.
fn read(bytes: &[u8]) -> Result<Metadata, String> {
    let mut input = Input { rest: bytes };
    if input.take(4)? != b"GGUF" {
        return Err("not a GGUF file".to_owned());
    }
    let version = input.integer(4)?;
    if !(2..=3).contains(&version) {
        return Err(format!("GGUF version {version}; 2 and 3 are read"));
    }
    let _n_tensors = input.integer(8)?;
    let n_values = input.integer(8)?;
    let mut metadata = Metadata::default();
    for _ in 0..n_values {
        let key = input.text()?;
        let kind = input.integer(4)?;
        let (kind, n) =
            if kind == ARRAY { (input.integer(4)?, input.integer(8)?) } else { (kind, 1) };
        for _ in 0..n {
            if kind == TEXT {
                metadata.texts.entry(key.clone()).or_default().push(input.text()?);
            } else {
                let number = input.integer(width_of(kind)?)?;
                metadata.numbers.entry(key.clone()).or_default().push(number);
            }
        }
    }
    Ok(metadata)
}

const TEXT: i64 = 8;
const ARRAY: i64 = 9;

/// Returns the bytes of a value of this type; floats are read as the integer of their bits.
fn width_of(kind: i64) -> Result<usize, String> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        _ => Err(format!("value of unknown type {kind}")),
    }
}

struct Input<'b> {
    rest: &'b [u8],
}

impl<'b> Input<'b> {
    fn take(&mut self, n: usize) -> Result<&'b [u8], String> {
        let (taken, rest) =
            self.rest.split_at_checked(n).ok_or("the file ends inside its metadata")?;
        self.rest = rest;
        Ok(taken)
    }

    /// A little-endian integer of `n` bytes.
    fn integer(&mut self, n: usize) -> Result<i64, String> {
        let mut padded = [0; 8];
        for (to, &from) in padded.iter_mut().zip(self.take(n)?) {
            *to = from;
        }
        Ok(i64::from_le_bytes(padded))
    }

    fn text(&mut self) -> Result<String, String> {
        let n = usize::try_from(self.integer(8)?).map_err(|e| e.to_string())?;
        String::from_utf8(self.take(n)?.to_vec()).map_err(|e| e.to_string())
    }
}
