//! Lines and characters of texts with `\n` line ends.

/// Texts of the prompt have no longer lines than this many characters with the line end; longer
/// ones are cut.
const MAX_PROMPT_LINE_CHARS: usize = 600;

/// Returns the start of the line that contains `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |end| end + 1)
}

/// Returns the end of the line that contains `at`, after its line end.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |end| at + end + 1)
}

/// Returns the number of lines; a line end at the end begins no line.
pub(super) fn line_count(text: &str) -> usize {
    text.matches('\n').count() + usize::from(!text.is_empty() && !text.ends_with('\n'))
}

pub(super) fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Returns the first `n` characters.
pub(super) fn take_chars(text: &str, n: usize) -> &str {
    let end = text.char_indices().nth(n).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default()
}

/// Appends `text` with its long lines cut. The caller appends a line end after it.
pub(super) fn push_cut(to: &mut String, text: &str) {
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        // Most lines have fewer bytes.
        if content.len() >= MAX_PROMPT_LINE_CHARS && chars(content) >= MAX_PROMPT_LINE_CHARS {
            to.push_str(take_chars(content, MAX_PROMPT_LINE_CHARS));
            to.push_str("...");
        } else {
            to.push_str(content);
        }
        to.push_str(end);
    }
}
