//! The editor's side of a document: a plain string with UTF-16 edits.

use serde_json::{Value, json};

/// A document in the editor.
#[derive(Clone)]
pub struct Text {
    pub text: String,
    pub version: i32,
}

impl Text {
    /// Creates a document that was just opened.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), version: 1 }
    }

    /// The lines with their ends: LF, CRLF or a lone CR.
    fn lines(&self) -> Vec<&str> {
        let mut lines = Vec::new();
        for line in self.text.split_inclusive('\n') {
            let mut rest = line;
            // A search for one character is fast even without optimisation; some tests use big
            // texts.
            while let Some(at) = rest.find('\r').filter(|&at| &rest[at..] != "\r\n") {
                let (line, after) = rest.split_at(at + 1);
                lines.push(line);
                rest = after;
            }
            if !rest.is_empty() {
                lines.push(rest);
            }
        }
        if lines.last().is_none_or(|line| line.ends_with(['\n', '\r'])) {
            lines.push("");
        }
        lines
    }

    /// Returns the line and UTF-16 column of a byte offset at a character boundary.
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let mut start = 0;
        let lines = self.lines();
        for (idx, line) in lines.iter().enumerate() {
            // The position between the bytes of a CRLF maps to the line's end; no editor places a
            // cursor there.
            if offset < start + line.len() || idx + 1 == lines.len() {
                let before = &self.text[start..offset];
                let is_ascii = before.is_ascii();
                let column = if is_ascii { before.len() } else { before.encode_utf16().count() };
                return (idx as u32, column as u32);
            }
            start += line.len();
        }
        unreachable!("the last line holds what no other does")
    }

    /// Returns the byte offset of a line and UTF-16 column; panics if they do not exist.
    pub fn offset(&self, line: u64, column: u64) -> usize {
        let lines = self.lines();
        let start: usize = lines[..line as usize].iter().map(|l| l.len()).sum();
        let mut units = 0;
        for (at, c) in lines[line as usize].char_indices() {
            if units == column {
                return start + at;
            }
            units += c.len_utf16() as u64;
        }
        assert_eq!(units, column, "a column inside a character or past the line end");
        start + lines[line as usize].len()
    }

    /// Replaces a byte range and returns its entry of `contentChanges`.
    pub fn edit(&mut self, range: std::ops::Range<usize>, new: &str) -> Value {
        let [start, end] = [range.start, range.end].map(|offset| {
            let (line, character) = self.position(offset);
            json!({"line": line, "character": character})
        });
        self.text.replace_range(range, new);
        json!({"range": {"start": start, "end": end}, "text": new})
    }

    /// Returns the parameters of a `didChange` with these changes and increments the version.
    pub fn did_change(&mut self, uri: &str, changes: &[Value]) -> Value {
        self.version += 1;
        json!({"textDocument": {"uri": uri, "version": self.version}, "contentChanges": changes})
    }

    /// The answer of `$/lowkey/document` for this text.
    pub fn fingerprint(&self) -> Value {
        let hash = self.text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
            (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        json!({
            "version": self.version,
            "bytes": self.text.len(),
            "lines": self.lines().len(),
            "fnv1a": format!("{hash:016x}"),
            "desynced": false,
        })
    }

    /// Panics unless `item` fits this text with the cursor at a byte offset, by the checks that
    /// editors make.
    pub fn assert_fits(&self, cursor: usize, item: &Value) {
        let place = |end: &str| {
            let position = &item["range"][end];
            (position["line"].as_u64().unwrap(), position["character"].as_u64().unwrap())
        };
        let (start, end) = (place("start"), place("end"));
        assert_eq!(start.0, end.0, "the range spans lines: {item}");
        let (start, end) = (self.offset(start.0, start.1), self.offset(end.0, end.1));
        assert!(start <= cursor && cursor <= end, "the cursor {cursor} is not in: {item}");
        let new = item["insertText"].as_str().unwrap();
        let before = &self.text[start..cursor];
        assert!(
            new.starts_with(before) || before.trim().is_empty(),
            "the text must repeat the text before the cursor ({before:?}): {item}"
        );
        let mut rest = new.get(before.len()..).unwrap_or(new).chars();
        let covered = &self.text[cursor..end];
        assert!(
            covered.trim_end().chars().all(|c| rest.any(|n| n == c)),
            "the text must repeat the covered text after the cursor ({covered:?}): {item}"
        );
        assert!(item["command"]["arguments"][0].is_u64(), "{item}");
    }
}

/// A small generator of reproducible pseudo-random numbers (`SplitMix64`).
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    /// Returns a number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// Returns a random element of `from`.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}
