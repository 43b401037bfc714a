//! Properties for any text: the stage is total, trims only shorten, and they are idempotent.

use lowkey_document::Language;
use proptest::prelude::*;

use super::{RULES, apply_all, apply_rule, trim};
use crate::indent::IndentUnit;
use crate::request::{Completion, Request};
use crate::stop::StopRules;
use crate::suggestion::TrimOutcome;
use crate::surroundings::Surroundings;
use crate::tail;

/// The surroundings of a cursor, owned.
#[derive(Debug, Clone)]
struct Around {
    language: &'static Language,
    previous_lines: Vec<String>,
    before: String,
    replaced_indent: String,
    replaced_tail: String,
    after: String,
    next_lines: Vec<String>,
    multiline: bool,
    indent_unit: Option<IndentUnit>,
}

impl Around {
    fn request(&self) -> Request<'_> {
        Request {
            language: self.language,
            previous_lines: &self.previous_lines,
            lexical: None,
            before: &self.before,
            replaced_indent: &self.replaced_indent,
            replaced_tail: &self.replaced_tail,
            after: &self.after,
            next_lines: &self.next_lines,
            multiline: self.multiline,
            max_lines: 6,
            indent_unit: self.indent_unit,
        }
    }
}

/// Text that resembles code often enough to reach the rules, and is random often enough to test
/// their limits.
fn text(max_parts: usize) -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => prop::sample::select(vec![
            "(", ")", "[", "]", "{", "}", "<", ">", "\"", "'", "`", "\"\"\"", "\\", ";", ",", ":", " ", "    ",
            "\t", "//", "/*", "*/", "#", "--[[", "<!--", "end", "else", "foo", "x", "0", "é", "👩‍👧", "\u{301}",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{1,6}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..max_parts).prop_map(|parts| parts.concat())
}

fn line(max_parts: usize) -> impl Strategy<Value = String> {
    text(max_parts).prop_map(|text| text.replace(['\n', '\r'], ""))
}

fn completion() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(line(6), 1..12).prop_map(|lines| lines.join("\n")),
        prop::collection::vec(line(4), 1..5).prop_map(|lines| lines.join("\r\n")),
        (line(3), 1..40_usize).prop_map(|(line, n)| line.repeat(n)),
        (line(3), 1..10_usize).prop_map(|(line, n)| (line + "\n").repeat(n)),
        text(20),
    ]
}

fn around() -> impl Strategy<Value = Around> {
    (
        prop::sample::select(Language::all().to_vec()),
        prop::collection::vec(line(6), 0..25),
        line(8),
        "[])}>\"'`;,: ]{0,5}",
        prop_oneof![2 => Just(String::new()), 1 => line(5)],
        prop::collection::vec(line(6), 0..25),
        any::<bool>(),
        prop::option::of((0..9_u64, any::<bool>())),
    )
        .prop_map(
            |(
                language,
                previous_lines,
                before,
                replaced_tail,
                after,
                next_lines,
                multiline,
                unit,
            )| {
                let indent_unit = unit.and_then(|(n, spaces)| IndentUnit::of_options(n, spaces));
                let is_blank = before.trim().is_empty();
                let (replaced_indent, before) =
                    if is_blank { (before, String::new()) } else { (String::new(), before) };
                Around {
                    language,
                    previous_lines,
                    before,
                    replaced_indent,
                    replaced_tail,
                    after,
                    next_lines,
                    multiline,
                    indent_unit,
                }
            },
        )
}

/// Also takes texts from the surroundings, as a model does.
fn case() -> impl Strategy<Value = (Around, String)> {
    (around(), completion(), 0..4_u8).prop_map(|(around, completion, kind)| {
        let completion = match kind {
            0 => [completion.as_str(), &around.after].concat(),
            1 => [completion.as_str(), "\n", &around.next_lines.join("\n")].concat(),
            2 => [completion.as_str(), &around.replaced_tail].concat(),
            _ => completion,
        };
        (around, completion)
    })
}

fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    part.chars().all(|wanted| whole.any(|c| c == wanted))
}

/// Applies the trims alone, without the tail.
fn trimmed(surroundings: &Surroundings<'_>, text: &str) -> String {
    let mut text = text.to_owned();
    apply_all(surroundings, &mut text, &mut Vec::new());
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn trims_shorten_and_are_idempotent((around, completion) in case()) {
        let surroundings = Surroundings::new(&around.request());
        for rule in RULES {
            let mut once = completion.clone();
            apply_rule(rule, &surroundings, &mut once, &mut Vec::new());
            prop_assert!(completion.contains(&once), "{} wrote text", rule.name);
            let mut twice = once.clone();
            let mut said = Vec::new();
            apply_rule(rule, &surroundings, &mut twice, &mut said);
            prop_assert_eq!(&twice, &once, "{} again: {:?}", rule.name, said);
        }
    }

    #[test]
    fn all_trims_together_are_idempotent((around, completion) in case()) {
        let surroundings = Surroundings::new(&around.request());
        let once = trimmed(&surroundings, &completion);
        prop_assert_eq!(trimmed(&surroundings, &once), once);
    }

    #[test]
    fn suggestion_is_shortened_text_and_tail(
        (around, completion) in case(),
        is_complete in any::<bool>(),
    ) {
        let request = around.request();
        match trim(&request, Completion { text: &completion, is_complete }) {
            TrimOutcome::Show(shown) => {
                prop_assert!(is_subsequence(&around.replaced_tail, &shown.text));
                prop_assert_eq!(shown.replaces_tail_bytes, around.replaced_tail.len());
                prop_assert!(!shown.text.trim().is_empty());
                let n_lines = shown.text.matches('\n').count();
                // The tail may bring a line of its own.
                let max_line_ends = if request.takes_lines() { 6 } else { 0 };
                prop_assert!(n_lines <= max_line_ends);
                prop_assert!(!shown.text.contains('\r'));
            }
            TrimOutcome::Silent { rule, text, .. } => {
                prop_assert!(super::rule_names().contains(&rule));
                let text_lf = completion.replace("\r\n", "\n").replace('\r', "\n");
                // Ignores blanks and commas, because blocks are re-indented and commas before
                // closers are removed.
                let without_blanks = |text: &str| text.replace([' ', '\t', ','], "");
                prop_assert!(without_blanks(&text_lf).contains(&without_blanks(&text)));
            }
        }
    }

    #[test]
    fn tail_survives_any_text((around, completion) in case()) {
        let joined = tail::join(&Surroundings::new(&around.request()), &completion);
        prop_assert!(is_subsequence(&around.replaced_tail, &joined), "{:?}", joined);
    }

    #[test]
    fn stop_rules_do_not_depend_on_tokens(
        (around, completion) in case(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let request = around.request();
        let whole = StopRules::new(&request).push(&completion);
        if let Some((_, keep)) = whole {
            prop_assert!(completion.is_char_boundary(keep));
            prop_assert!(keep <= completion.len());
        }
        let mut ends: Vec<usize> = cuts
            .iter()
            .map(|cut| completion.floor_char_boundary(cut.index(completion.len() + 1)))
            .collect();
        ends.push(completion.len());
        ends.sort_unstable();
        let mut rules = StopRules::new(&request);
        let stopped = ends.iter().find_map(|&end| rules.push(&completion[..end]));
        prop_assert_eq!(stopped, whole);
        // The verdict does not change once given.
        prop_assert_eq!(rules.push(&completion), whole);
    }

    #[test]
    fn kept_text_is_not_stopped_again((around, completion) in case()) {
        let request = around.request();
        if let Some((_, keep)) = StopRules::new(&request).push(&completion) {
            let kept = &completion[..keep];
            let again = StopRules::new(&request).push(kept);
            prop_assert!(again.is_none_or(|(_, again)| again < keep), "{:?}", again);
        }
    }
}
