//! Rewrites the toy's metadata, for tests that need another model.
//!
//! Copies the keys, values and tensor entries of a GGUF file (version 3). Only the strings of
//! tokens are inspected. The tensors' bytes are unchanged.

/// Changes to a file.
pub(crate) struct Changes<'c> {
    /// Keys to omit.
    pub(crate) without: &'c [&'c str],
    /// Tokens to rename: old and new text.
    pub(crate) renamed: &'c [(&'c str, &'c str)],
    /// Keys to add, with their text.
    pub(crate) texts: &'c [(&'c str, &'c str)],
}

/// A reader over the bytes of a file.
struct Walk<'f> {
    file: &'f [u8],
    at: usize,
}

impl<'f> Walk<'f> {
    fn take(&mut self, n_bytes: usize) -> &'f [u8] {
        self.at += n_bytes;
        &self.file[self.at - n_bytes..self.at]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> usize {
        u64::from_le_bytes(self.take(8).try_into().unwrap()) as usize
    }

    fn text(&mut self) -> &'f [u8] {
        let n_bytes = self.u64();
        self.take(n_bytes)
    }

    /// Copies a value of this type; its strings pass through `rewritten`.
    fn value(&mut self, kind: u32, rewritten: &mut dyn FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
        match kind {
            0 | 1 | 7 => self.take(1).to_vec(),
            2 | 3 => self.take(2).to_vec(),
            4..=6 => self.take(4).to_vec(),
            10..=12 => self.take(8).to_vec(),
            8 => text(&rewritten(self.text())),
            9 => {
                let (kind, n) = (self.u32(), self.u64());
                let mut copied = kind.to_le_bytes().to_vec();
                copied.extend((n as u64).to_le_bytes());
                (0..n).for_each(|_| copied.extend(self.value(kind, rewritten)));
                copied
            }
            other => panic!("type {other} at byte {}", self.at),
        }
    }
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat()
}

/// Returns `file` with these changes.
pub(crate) fn changed(file: &[u8], changes: &Changes<'_>) -> Vec<u8> {
    const ALIGNMENT: usize = 32;
    let mut walk = Walk { file, at: 0 };
    let mut out = walk.take(8).to_vec();
    let (n_tensors, n_keys) = (walk.u64(), walk.u64());
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for _ in 0..n_keys {
        let name = walk.text();
        let kind = walk.u32();
        let is_tokens = name == b"tokenizer.ggml.tokens";
        let value = walk.value(kind, &mut |old| {
            let new = changes.renamed.iter().find(|(text, _)| is_tokens && text.as_bytes() == old);
            new.map_or(old, |(_, new)| new.as_bytes()).to_vec()
        });
        if !changes.without.iter().any(|key| key.as_bytes() == name) {
            keys.push([text(name), kind.to_le_bytes().to_vec(), value].concat());
        }
    }
    for (name, value) in changes.texts {
        keys.push(
            [text(name.as_bytes()), 8_u32.to_le_bytes().to_vec(), text(value.as_bytes())].concat(),
        );
    }
    out.extend((n_tensors as u64).to_le_bytes());
    out.extend((keys.len() as u64).to_le_bytes());
    out.extend(keys.concat());
    let tensors_from = walk.at;
    for _ in 0..n_tensors {
        walk.text();
        let n_dimensions = walk.u32() as usize;
        walk.take(8 * n_dimensions + 4 + 8);
    }
    out.extend(&file[tensors_from..walk.at]);
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
    out.extend(&file[walk.at.next_multiple_of(ALIGNMENT)..]);
    out
}
