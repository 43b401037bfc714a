//! The holes are valid, and a simulated model's answers are counted and judged.

use std::collections::BTreeSet;
use std::path::Path;

use lowkey_document::Language;
use lowkey_prompt::{GgufVocab, Infill, Tokenizer};

use super::*;

const REAL: usize = 500_000_000;

/// Returns the hole filled with `text`, which replaces `replaced` bytes after the cursor.
fn with(hole: &Hole, text: &str, replaced: usize) -> Answered {
    let (before, after) = hole.text.split_once("$0").unwrap_or_default();
    let filled = [before, text, after.get(replaced..).unwrap_or_default()].concat();
    answered(hole, Some((text, &filled)))
}

fn first(hole: &Hole) -> &'static str {
    hole.accepts.first().copied().unwrap_or_default()
}

/// Returns the self-test of a model that fills only the first `n` holes right.
fn model(n: usize, asked: Asked, n_parameters: usize) -> SelfTest {
    let answer = |(number, hole)| {
        if number < n { with(hole, first(hole), 0) } else { answered(hole, None) }
    };
    let answers = HOLES.iter().enumerate().map(answer).collect();
    judged(answers, asked, n_parameters, 4.56)
}

#[test]
fn holes_have_one_cursor_and_a_short_answer() {
    let mut files = BTreeSet::new();
    for Hole { language, file, text, accepts } in &HOLES {
        assert_eq!(text.matches("$0").count(), 1, "{file}");
        assert!(!accepts.is_empty(), "{file}");
        for answer in *accepts {
            assert!(!answer.is_empty() && answer.len() <= 24 && !answer.contains('\n'), "{file}");
        }
        assert!(text.len() < 300, "{file} has {} bytes", text.len());
        assert_eq!(Language::by_path(Path::new(file)).id, *language, "{file}");
        files.insert(*file);
    }
    assert_eq!(files.len(), HOLES.len());
    let languages: BTreeSet<&str> = HOLES.iter().map(|hole| hole.language).collect();
    assert!(languages.len() >= 12, "{languages:?}");
}

#[test]
fn answer_may_replace_closers() {
    for hole in &HOLES {
        assert!(with(hole, first(hole), 0).right, "{}", hole.file);
        let blanks = format!("{}  \n", hole.text.replace("$0", first(hole)).trim_end());
        assert!(answered(hole, Some(("", &blanks))).right, "{}", hole.file);
    }
    let rectangle = HOLES.iter().find(|hole| hole.file == "rectangle.py");
    assert!(rectangle.is_some_and(|hole| with(hole, "width, height):", 2).right));
}

#[test]
fn wrong_answers_are_counted_as_wrong() {
    for hole in &HOLES {
        let rest = hole.text.split_once("$0").and_then(|(_, after)| after.lines().next());
        let doubled = format!("{}{}", first(hole), rest.unwrap_or_default());
        let is_whole_line = rest.is_none_or(|rest| rest.trim().is_empty());
        assert!(is_whole_line || !with(hole, &doubled, 0).right, "{}", hole.file);
        assert!(!with(hole, "something", 0).right, "{}", hole.file);
        assert!(!with(hole, "", 0).right, "{}", hole.file);
        assert!(!answered(hole, None).right, "{}", hole.file);
    }
}

#[test]
fn count_below_floor_fails_with_advice() {
    let of = |asked| model(FLOOR - 1, asked, REAL);
    let wrong = "5 of 20 holes filled right, in 4.6 s: the sentinels or the file is wrong";
    assert!(of(Asked::Fim).says().starts_with(wrong), "{}", of(Asked::Fim).says());
    assert!(
        of(Asked::Instruct).says().contains("right by instruction, in 4.6 s: the chat template")
    );
    for (asked, word) in
        [(Asked::Fim, "fim_mid_token_id"), (Asked::Instruct, "file's chat template")]
    {
        let advice = of(asked).advice("by fill-in-the-middle, as starcoder").unwrap_or_default();
        for word in
            ["asked by fill-in-the-middle, as starcoder", word, "models verify", "models list"]
        {
            assert!(advice.contains(word), "{advice}");
        }
    }
}

#[test]
fn count_at_floor_passes_and_lists_faults() {
    let passed = model(FLOOR, Asked::Fim, REAL);
    assert_eq!((passed.verdict, passed.advice("")), (Verdict::Passed, None));
    let says = passed.says();
    assert!(
        says.contains("; not empty.ts, greet.js, ") && says.ends_with(", report.sql"),
        "{says}"
    );
    let all = model(HOLES.len(), Asked::Fim, REAL);
    assert_eq!(all.says(), "20 of 20 holes filled right, in 4.6 s");
}

#[test]
fn small_model_gets_no_verdict() {
    let test = model(0, Asked::Fim, 4_000_000);
    assert_eq!((test.right, test.verdict, test.floor), (0, Verdict::NotJudged, None));
    assert!(test.says().contains("too small") && test.advice("").is_none(), "{}", test.says());
}

#[test]
fn self_test_ignores_some_settings() {
    let json = include_bytes!("../../../../prompt/fixtures/small.json");
    let format = |infill| {
        let tokenizer = Tokenizer::from_json(json).ok()?;
        let ids = GgufVocab {
            chat_template: Some("{{ messages[-1].content }}".into()),
            ..GgufVocab::default()
        };
        Format::detect(&tokenizer, &ids, infill).ok()
    };
    let user = Settings {
        paused: true,
        languages_off: vec!["rust".into()],
        temperature: Number::new(1500),
        prompt_tokens: 16,
        order: OrderSetting::Spm,
        cache_mb: 7,
        ..Settings::default()
    };
    let asked = format(Infill::Auto).map(|format| settings(&user, &format));
    let expected = Settings {
        order: OrderSetting::Psm,
        anchor: AnchorSetting::Cursor,
        look_ahead: false,
        cache_mb: 7,
        ..Settings::default()
    };
    assert_eq!(asked, Some(expected));
    let instructed = format(Infill::Instruct).map(|format| settings(&user, &format).order);
    assert_eq!(instructed, Some(OrderSetting::Spm), "no other order is taken");
}
