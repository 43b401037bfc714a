//! Converts a prompt with the fill-in-the-middle markers of a model family to prefix and suffix.
//!
//! Clients format prompts for the model that they expect. This module removes their markers, and
//! the completer's stages add those of the loaded model. A marker in the document looks like the
//! client's marker. The first of each kind counts, and the last of the marker before the middle.

/// The markers of a family: before the prefix, before the suffix, before the middle.
struct Markers {
    prefix: &'static str,
    suffix: &'static str,
    middle: Option<&'static str>,
    /// Whether a space separates the markers from the text.
    is_spaced: bool,
}

const fn markers(prefix: &'static str, suffix: &'static str, middle: &'static str) -> Markers {
    Markers { prefix, suffix, middle: Some(middle), is_spaced: false }
}

const MARKERS: &[Markers] = &[
    // Qwen2.5-Coder, CodeGemma, Granite 3 and lowkey's default model.
    markers("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    // StarCoder and models with its markers.
    markers("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    markers("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
    markers("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
    Markers { is_spaced: true, ..markers("<PRE>", "<SUF>", "<MID>") },
    markers("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"),
    markers("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"),
    // Codestral: the prefix is last, and the middle follows it.
    Markers { prefix: "[PREFIX]", suffix: "[SUFFIX]", middle: None, is_spaced: false },
];

/// Markers before a file's path.
const SEPARATORS: &[&str] = &["<|file_sep|>", "<file_sep>", "<|file_separator|>"];

/// Markers of prompts that request a rewritten region, which is not a completion.
const REGIONS: &[&str] = &["<|editable_region_start|>", "<|user_cursor_is_here|>"];

/// The parts of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Middle<'p> {
    /// The text before the cursor.
    pub(super) prefix: String,
    /// The text after the cursor.
    pub(super) suffix: &'p str,
    /// The file's path, if the prompt has one.
    pub(super) path: Option<&'p str>,
}

/// Parses a prompt; one without markers is the text before the cursor. `None` if it requests
/// something else.
pub(super) fn read(prompt: &str) -> Option<Middle<'_>> {
    let marked = MARKERS.iter().filter_map(|markers| {
        let prefix = prompt.find(markers.prefix)?;
        let suffix = prompt.find(markers.suffix)?;
        Some((prefix.min(suffix), markers))
    });
    // A document may contain another family's markers; the client's come first.
    match marked.min_by_key(|(at, _)| *at) {
        Some((at, markers)) => markers.split(prompt, at),
        None if REGIONS.iter().any(|region| prompt.contains(region)) => None,
        None => Some(Middle { prefix: prompt.to_owned(), suffix: "", path: None }),
    }
}

impl Markers {
    fn split<'p>(&self, prompt: &'p str, at: usize) -> Option<Middle<'p>> {
        let (preamble, marked) = prompt.split_at_checked(at)?;
        let (prefix, suffix, forced) = if marked.starts_with(self.prefix) {
            let (prefix, rest) = marked.strip_prefix(self.prefix)?.split_once(self.suffix)?;
            let (suffix, forced) = self.split_middle(rest);
            (prefix, suffix, forced)
        } else {
            let (suffix, rest) = marked.strip_prefix(self.suffix)?.split_once(self.prefix)?;
            let (prefix, forced) = self.split_middle(rest);
            (prefix, suffix, forced)
        };
        let [prefix, suffix, forced] = [prefix, suffix, forced].map(|text| self.unspaced(text));
        // Families put the path before the markers, or first into the prefix.
        let named = [preamble, prefix].into_iter().find_map(path_in);
        let path = named.map(|(path, _)| path);
        let prefix = match path_in(prefix) {
            Some((_, after)) => after,
            None => prefix,
        };
        Some(Middle { prefix: format!("{prefix}{forced}"), suffix, path })
    }

    /// Splits at the start of the middle: the text after it is already given.
    fn split_middle<'p>(&self, text: &'p str) -> (&'p str, &'p str) {
        self.middle.and_then(|middle| text.rsplit_once(middle)).unwrap_or((text, ""))
    }

    fn unspaced<'p>(&self, text: &'p str) -> &'p str {
        if !self.is_spaced {
            return text;
        }
        let text = text.strip_prefix(' ').unwrap_or(text);
        text.strip_suffix(' ').unwrap_or(text)
    }
}

/// Returns the path after the last separator, and the text after its line.
fn path_in(text: &str) -> Option<(&str, &str)> {
    let found = SEPARATORS.iter().filter_map(|s| Some((text.rfind(s)?, *s)));
    let (at, separator) = found.max_by_key(|(at, _)| *at)?;
    let rest = text.get(at + separator.len()..)?;
    let (path, after) = rest.split_once('\n').unwrap_or((rest, ""));
    (!path.trim().is_empty()).then(|| (path.trim(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "fn add(a: u32) {\n    a";
    const SUFFIX: &str = "\n}\n";

    fn check(prompt: &str, path: Option<&str>) {
        let expected = Middle { prefix: PREFIX.into(), suffix: SUFFIX, path };
        assert_eq!(read(prompt), Some(expected), "{prompt}");
    }

    #[test]
    fn every_family_parses_the_same() {
        for prompt in [
            format!("<|fim_prefix|>{PREFIX}<|fim_suffix|>{SUFFIX}<|fim_middle|>"),
            format!("<fim_prefix>{PREFIX}<fim_suffix>{SUFFIX}<fim_middle>"),
            format!("<fim-prefix>{PREFIX}<fim-suffix>{SUFFIX}<fim-middle>"),
            format!(
                "<｜begin▁of▁sentence｜><｜fim▁begin｜>{PREFIX}<｜fim▁hole｜>{SUFFIX}<｜fim▁end｜>"
            ),
            format!("<PRE> {PREFIX} <SUF>{SUFFIX} <MID>"),
            format!("<|code_prefix|>{PREFIX}<|code_suffix|>{SUFFIX}<|code_middle|>"),
            format!("[SUFFIX]{SUFFIX}[PREFIX]{PREFIX}"),
            format!("<s>[SUFFIX]{SUFFIX}[PREFIX]{PREFIX}"),
            // Suffix first, as in some families.
            format!("<|fim_prefix|><|fim_suffix|>{SUFFIX}<|fim_middle|>{PREFIX}"),
            format!("<PRE> <SUF>{SUFFIX} <MID> {PREFIX}"),
            format!("<[fim-suffix]>{SUFFIX}<[fim-prefix]>{PREFIX}<[fim-middle]>"),
            // The answer's beginning is given already.
            format!("<|fim_prefix|>fn add(a: u32) {{\n<|fim_suffix|>{SUFFIX}<|fim_middle|>    a"),
        ] {
            check(&prompt, None);
        }
    }

    #[test]
    fn path_is_found_in_each_family() {
        for prompt in [
            format!(
                "<|repo_name|>r<|file_sep|>x.py\nx = 1\n<|file_sep|>src/a.rs\n<|fim_prefix|>{PREFIX}<|fim_suffix|>{SUFFIX}<|fim_middle|>"
            ),
            format!("<file_sep><fim_prefix>{PREFIX}<fim_suffix>{SUFFIX}<fim_middle>")
                .replace("<file_sep>", "<file_sep>src/a.rs\n"),
        ] {
            check(&prompt, Some("src/a.rs"));
        }
    }

    #[test]
    fn prompt_without_markers_is_prefix() {
        for prompt in ["", "let x = ", "a < b [SUFFIX] c", "<fim_prefix>alone"] {
            let expected = Middle { prefix: prompt.into(), suffix: "", path: None };
            assert_eq!(read(prompt), Some(expected));
        }
    }

    #[test]
    fn first_markers_are_the_clients() {
        let prefix = "const A: &str = \"<fim_prefix><fim_suffix>\";\n";
        let prompt =
            format!("<|fim_prefix|>{prefix}<|fim_suffix|>\n// <|fim_middle|>\n<|fim_middle|>");
        let expected =
            Middle { prefix: prefix.into(), suffix: "\n// <|fim_middle|>\n", path: None };
        assert_eq!(read(&prompt), Some(expected));
    }

    #[test]
    fn region_rewrites_are_refused() {
        assert_eq!(read("a\n<|editable_region_start|>\nb<|user_cursor_is_here|>"), None);
    }
}
