//! A document's text with `\n` line ends, and the way back to its own.
//!
//! Models are trained on `\n`. An edit is applied to the document as the client has it, so offsets
//! and new lines are converted back.

use std::borrow::Cow;

/// How the line ends of a document differ from `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineEnds {
    /// Positions, in the converted text, of the `\n` that have two bytes in the document. Sorted.
    doubled: Vec<usize>,
    /// The document's first line end, which new lines get.
    of_document: &'static str,
}

/// Returns `text` with `\n` line ends, and how the original line ends differ.
pub(super) fn converted(text: &str) -> (Cow<'_, str>, LineEnds) {
    let of_document = match text.find(['\r', '\n']).and_then(|at| text.get(at..)) {
        Some(end) if end.starts_with("\r\n") => "\r\n",
        Some(end) if end.starts_with('\r') => "\r",
        _ => "\n",
    };
    let mut doubled = Vec::new();
    if !text.contains('\r') {
        return (Cow::Borrowed(text), LineEnds { doubled, of_document });
    }
    let mut converted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\r') {
        converted.push_str(line);
        rest = after.strip_prefix('\n').unwrap_or(after);
        if rest.len() < after.len() {
            doubled.push(converted.len());
        }
        converted.push('\n');
    }
    converted.push_str(rest);
    (Cow::Owned(converted), LineEnds { doubled, of_document })
}

impl LineEnds {
    /// Returns the offset in the document of an offset in the converted text.
    pub(super) fn in_document(&self, offset: usize) -> usize {
        offset + self.doubled.partition_point(|&end| end < offset)
    }

    /// Returns the offset in the converted text of an offset in the document. Inside a line end, it
    /// is the start of the line end.
    pub(super) fn in_converted(&self, offset: usize) -> usize {
        // The n-th of them starts n bytes later in the document.
        let before = self.doubled.iter().enumerate().take_while(|&(n, &end)| end + n < offset);
        offset - before.count()
    }

    /// Returns `text` with the document's line ends.
    pub(super) fn written(&self, text: &str) -> String {
        text.replace('\n', self.of_document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::hard_text;
    use proptest::prelude::*;

    #[test]
    fn offsets_inside_line_ends_are_their_start() {
        let (text, ends) = converted("a\r\n\r\nb\rc\n");
        assert_eq!(text, "a\n\nb\nc\n");
        let back = [0, 1, 2, 3, 4, 5, 6, 7].map(|offset| ends.in_converted(offset));
        assert_eq!(back, [0, 1, 1, 2, 2, 3, 4, 5]);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|offset| ends.in_document(offset)), [0, 1, 3, 5, 6, 7]);
        assert_eq!(ends.written("x\ny\n"), "x\r\ny\r\n");
    }

    proptest! {
        #[test]
        fn offsets_return(text in hard_text()) {
            let (converted, ends) = converted(&text);
            prop_assert!(!converted.contains('\r'));
            for offset in 0..=converted.len() {
                let there = ends.in_document(offset);
                prop_assert!(there <= text.len());
                prop_assert_eq!(ends.in_converted(there), offset);
                let head = text.get(..there).map(|head| super::converted(head).0);
                prop_assert_eq!(head.as_deref(), converted.get(..offset));
            }
        }
    }
}
