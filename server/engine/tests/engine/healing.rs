//! Token healing: a cursor inside a word completes the word.
//!
//! Scripted logits prove the rule at every cursor of real lines, over the toy's vocabulary; `examples/healing.rs`
//! does the same over any other (`.ci/run`: qwen2's 151,936 tokens). The toy then shows that it can be
//! switched to healing and back.

use std::sync::Arc;

use lowkey_engine::{Engine, Loaded};
use lowkey_model::ModelFile;
use lowkey_prompt::{Assembler, Format};
use lowkey_test_support::{TOY_BYTES, TOY_NAME, healing};

/// The toy as it is loaded, or with its format switched to healing.
fn toy(healed: Option<bool>) -> Loaded {
    let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).unwrap();
    let mut loaded = Loaded::from_file(&file, 1, &mut |_| {}).unwrap();
    if let Some(healed) = healed {
        let format = format_of(&loaded.assembler).with_healing(healed);
        let tokenizer = Arc::clone(loaded.assembler.tokenizer());
        loaded.assembler = Arc::new(Assembler::new(tokenizer, format));
    }
    loaded
}

fn format_of(assembler: &Assembler) -> Format {
    assembler.format().clone()
}

#[test]
fn healed_every_cursor_brings_the_rest_of_the_line_and_unhealed_only_those_between_tokens() {
    let loaded = toy(None);
    let (tokenizer, format) = (loaded.assembler.tokenizer(), format_of(&loaded.assembler));
    let mut n_inside = 0;
    for line in healing::LINES {
        for result in healing::complete_at_every_cursor(tokenizer, &format, line, true).unwrap() {
            assert_eq!(result.completed, result.expected, "{line:?} at {}", result.cursor);
        }
        for result in healing::complete_at_every_cursor(tokenizer, &format, line, false).unwrap() {
            let right = result.completed == result.expected;
            assert_eq!(right, result.at_token_boundary, "{line:?} at {}", result.cursor);
            n_inside += usize::from(!result.at_token_boundary);
        }
    }
    assert!(n_inside > 100, "only {n_inside} cursors stood inside a token: nothing was proved");
}

#[test]
fn the_toy_heals_when_told_to_and_answers_as_before_when_switched_back() {
    let answers = |healed: Option<bool>| {
        let loaded = toy(healed);
        let engine = Engine::start(64 << 20, move |_| Ok(loaded)).unwrap();
        ["    retur", "for i in ran", "    self.conn", "import js", "const resu"]
            .map(|before| healing::complete(&engine, before))
    };
    let (as_loaded, healed, back) = (answers(None), answers(Some(true)), answers(Some(false)));
    assert_eq!(as_loaded, back);
    assert_ne!(as_loaded, healed, "the switch changed nothing");
    // `retur` has one sensible end.
    assert!(healed[0].starts_with('n'), "{healed:?}");
    assert!(as_loaded[0].starts_with('n'), "{as_loaded:?}");
}
