//! When another model is asked, and when its text may replace the shown one.

use crate::report::{Report, TextSource};

/// Another model is asked if the local text is less probable than this. Fitted: the highest share
/// of holes that the 1.5B corrects after the 0.5B, without many more questions
/// (`server/remote/SCALE.md`).
const UNSURE_BELOW: f32 = 0.5;

/// Whether the local answer is worth a question: its text is improbable, or a rule removed it, or
/// there was no time for one. A line that the model ended by itself is not.
pub(crate) fn is_unsure(report: &Report) -> bool {
    match (&report.gate, report.silent.as_deref()) {
        (Some(gate), _) => gate.probability < UNSURE_BELOW,
        (None, Some("deadline")) => true,
        (None, Some(_)) => report.source != TextSource::None && !report.text.is_empty(),
        (None, None) => false,
    }
}

/// Whether a text may follow the text on the screen: nothing is shown, or one begins with the other.
///
/// Blanks at the start do not count, because indentation is part of one text and not of the other.
pub(crate) fn continues(shown: Option<&str>, text: &str) -> bool {
    let Some(shown) = shown else { return true };
    let plain = |text: &str| text.trim_start().replace("\r\n", "\n").replace('\r', "\n");
    let (shown, text) = (plain(shown), plain(text));
    text.starts_with(&shown) || shown.starts_with(&text)
}

/// Returns the part of a text that may be shown without a probability: its first line that is not
/// blank.
///
/// Some servers report no probabilities, so the gate cannot judge their texts. The first line is
/// the one that is right most often, and a wrong one is read at a glance. The local model is no
/// judge: it was unsure here, and it finds improbable what it would not have written.
pub(crate) fn without_judgement(text: &str) -> &str {
    let start = text.len() - text.trim_start().len();
    let end = text.get(start..).and_then(|rest| rest.find('\n'));
    end.and_then(|end| text.get(..start + end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::GateReport;

    #[test]
    fn texts_continue_each_other_or_do_not() {
        for (shown, text, expected) in [
            (None, "b", true),
            (Some("a(b)"), "a(b)", true),
            (Some("a(b)"), "a(b);\nc", true),
            (Some("a(b);\r\nc"), "a(b);\nc\nd", true),
            (Some("a(b);\nc"), "a(b);", true),
            (Some("x"), "    x + y", true),
            (Some("a(b)"), "a(c)", false),
            (Some("a"), "b", false),
        ] {
            assert_eq!(continues(shown, text), expected, "{shown:?} and {text:?}");
        }
    }

    #[test]
    fn improbable_and_removed_texts_are_unsure() {
        let gate = |probability| Some(GateReport { probability, threshold: 0.3 });
        let report = |gate, silent: Option<&str>, text: &str| Report {
            gate,
            silent: silent.map(str::to_owned),
            text: text.into(),
            source: TextSource::Model,
            ..Report::default()
        };
        assert!(is_unsure(&report(gate(0.49), None, "x")));
        assert!(!is_unsure(&report(gate(0.51), None, "x")));
        assert!(is_unsure(&report(None, Some("repetition"), "x")));
        assert!(is_unsure(&report(None, Some("deadline"), "")));
        assert!(!is_unsure(&report(None, Some("too-little"), "")), "the line is complete");
        let paused = Report { source: TextSource::None, ..report(None, Some("paused"), "") };
        assert!(!is_unsure(&paused));
    }

    #[test]
    fn text_without_judgement_is_one_line() {
        for (text, kept) in [
            ("a();\nb();", "a();"),
            ("\n    a();\n    b();", "\n    a();"),
            ("a();", "a();"),
            ("\n", "\n"),
            ("", ""),
        ] {
            assert_eq!(without_judgement(text), kept, "{text:?}");
        }
    }
}
