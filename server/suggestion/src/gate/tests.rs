//! The gate is total and deterministic.

use proptest::prelude::*;

use super::*;

fn confidence() -> impl Strategy<Value = Confidence> {
    let log_prob = || prop_oneof![4 => -25.0_f32..0.0, 1 => any::<f32>()];
    (log_prob(), log_prob(), log_prob(), prop_oneof![0..70_usize, any::<usize>()])
        .prop_map(|(mean, min, first, tokens)| Confidence { mean, min, first, tokens })
}

fn evidence() -> impl Strategy<Value = Evidence> {
    use PositionClass::{Blank, Opener, Punctuation, Space, Word};
    (
        confidence(),
        prop::sample::select(vec![Blank, Word, Space, Opener, Punctuation]),
        prop::sample::select(vec![SuffixClass::Nothing, SuffixClass::Closers, SuffixClass::Text]),
        0..500_usize,
        0..12_usize,
        0..500_usize,
    )
        .prop_map(|(confidence, position, suffix, chars, lines, agreed_chars)| Evidence {
            confidence,
            position,
            suffix,
            chars,
            lines,
            agreed_chars,
        })
}

fn recent() -> impl Strategy<Value = RecentAnswers> {
    prop::collection::vec((any::<f32>(), any::<bool>()), 0..20).prop_map(|answers| {
        let mut recent = RecentAnswers::default();
        for (probability, is_taken) in answers {
            recent.record(probability, is_taken);
        }
        recent
    })
}

/// A suggestion whose tokens all have the log-probability `log_prob`.
fn sure(log_prob: f32) -> Evidence {
    Evidence {
        confidence: Confidence { mean: log_prob, min: log_prob, first: log_prob, tokens: 5 },
        position: PositionClass::Word,
        suffix: SuffixClass::Nothing,
        chars: 12,
        lines: 1,
        agreed_chars: 0,
    }
}

fn gates() -> Vec<Gate> {
    ["lowkey-embedded", "some other model", ""].map(Gate::of_model).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn probability_is_valid_for_any_evidence(evidence in evidence(), recent in recent()) {
        for gate in gates() {
            let judgement = gate.judge(evidence, &recent, SuggestionThreshold::Normal);
            prop_assert!((0.0..=1.0).contains(&judgement.probability), "{judgement:?}");
            prop_assert_eq!(judgement.to_string(), gate.judge(evidence, &recent, SuggestionThreshold::Normal).to_string());
            prop_assert!(gate.judge(evidence, &recent, SuggestionThreshold::Always).shows());
        }
    }

    #[test]
    fn typing_along_never_hides_suggestion(evidence in evidence(), recent in recent()) {
        for gate in gates() {
            let probability = |agreed_chars| {
                let evidence = Evidence { agreed_chars, ..evidence };
                gate.judge(evidence, &recent, SuggestionThreshold::Normal).probability
            };
            prop_assert!(probability(evidence.agreed_chars + 1) >= probability(evidence.agreed_chars));
        }
    }

    #[test]
    fn suggestion_threshold_levels_are_ordered(evidence in evidence(), recent in recent()) {
        let ways = [SuggestionThreshold::Quiet, SuggestionThreshold::Normal, SuggestionThreshold::Eager, SuggestionThreshold::Always];
        for gate in gates() {
            let shown = ways.map(|way| gate.judge(evidence, &recent, way).shows());
            prop_assert!(shown.is_sorted(), "{shown:?}");
        }
    }
}

#[test]
fn confident_text_is_shown_guesses_are_not() {
    for gate in gates() {
        let shows = |log_prob| {
            gate.judge(sure(log_prob), &RecentAnswers::default(), SuggestionThreshold::Normal)
                .shows()
        };
        assert!(shows(-0.01), "{gate:?}");
        assert!(!shows(-2.5), "{gate:?}");
    }
}

#[test]
fn rejections_silence_borderline_text() {
    let gate = Gate::of_model("lowkey-embedded");
    let edge = (1..300).map(|step| -0.01 * step as f32).rev().find(|&log_prob| {
        gate.judge(sure(log_prob), &RecentAnswers::default(), SuggestionThreshold::Normal).shows()
    });
    let edge = sure(edge.expect("something is shown"));
    let mut recent = RecentAnswers::default();
    for _ in 0..30 {
        recent.record(0.5, false);
    }
    let judgement = gate.judge(edge, &recent, SuggestionThreshold::Normal);
    assert!(!judgement.shows(), "{judgement}");
    assert!(judgement.to_string().contains("your recent answers move the odds"), "{judgement}");
}

#[test]
fn family_follows_from_model_name() {
    assert_eq!(Gate::of_model("lowkey-embedded-2").family, "lowkey-embedded");
    for name in ["Qwen2.5 Coder 0.5B Instruct AWQ", "qwen2.5-coder-1.5b", "Qwen2.5_Coder"] {
        assert_eq!(Gate::of_model(name).family, "qwen2.5-coder", "{name}");
    }
    assert_eq!(Gate::of_model("StarCoder2").family, "default");
}

#[test]
fn verdict_lists_all_figures() {
    let evidence = Evidence { agreed_chars: 3, ..sure(-2.5) };
    let judgement = Gate::of_model("x")
        .judge(evidence, &RecentAnswers::default(), SuggestionThreshold::Quiet)
        .to_string();
    for part in [
        "% likely",
        "(quiet)",
        "mean -2.50, lowest -2.50, first -2.50, of 5 tokens",
        "3 of them typed since",
        "after a word, before the line's end",
    ] {
        assert!(judgement.contains(part), "{part:?} in {judgement}");
    }
}
