//! Decoding with drafts gives what plain decoding gives, to the bit, with a real model, the toy.
//!
//! Two engines get the same jobs in the same order, one of them without speculation. Texts, probabilities, the reason
//! for the end and what the sessions hold afterwards must agree; only the number of forwards may differ.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use lowkey_context::Context;
use lowkey_document::ByteOffset;
use lowkey_engine::{Engine, Generated, Job, Loaded, Sampling, Stop, TokenCounts};
use lowkey_model::ModelFile;
use lowkey_prompt::{Assembler, Budget, Prompt};
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

/// Real code to complete: our own, in two languages.
const SOURCES: [&str; 3] = [
    include_str!("../../src/job.rs"),
    include_str!("../../../training/rows.py"),
    include_str!("../../../completer/src/settings.rs"),
];

/// The key by which a model says that its prompts may end inside a word.
const FRAGMENTED: &[u8] = b"lowkey.fim_fragmented_middle";

/// The requests to both engines.
struct Question {
    prompt: Box<dyn Fn(&Assembler) -> Prompt + Send + Sync>,
    max_tokens: usize,
    one_line: bool,
    sampling: Sampling,
}

fn start(bytes: &'static [u8], speculates: bool) -> Engine {
    let load = move |progress: &mut dyn FnMut(f32)| {
        let file = ModelFile::from_bytes(TOY_NAME, bytes).map_err(|e| e.to_string())?;
        Ok(Loaded { speculates, ..Loaded::from_file(&file, 1, progress)? })
    };
    Engine::start(64 << 20, load).unwrap()
}

/// Runs one job; returns what came out and each text that was told on the way.
fn run(engine: &Engine, question: &Arc<Question>) -> (Generated, Vec<String>) {
    let (to_test, result) = channel();
    let told = Arc::new(Mutex::new(Vec::new()));
    let prepare = {
        let question = Arc::clone(question);
        move |assembler: &Assembler| Some((question.prompt)(assembler))
    };
    let job = Job {
        max_tokens: question.max_tokens,
        sampling: question.sampling,
        stop: Box::new({
            let one_line = question.one_line;
            move |text| text.find('\n').filter(|_| one_line).map(|at| ("newline", at))
        }),
        on_text: Box::new({
            let told = Arc::clone(&told);
            move |partial| told.lock().unwrap().push(partial.text.to_owned())
        }),
        ..Job::prefill(prepare, move |made| to_test.send(made).unwrap())
    };
    let ticket = engine.submit(job);
    let made = result.recv().unwrap();
    drop(ticket);
    let told = told.lock().unwrap().clone();
    (made, told)
}

/// Asks both engines everything and returns what drafting came to.
fn compare(bytes: &'static [u8], questions: Vec<Question>) -> TokenCounts {
    let (plain, drafting) = (start(bytes, false), start(bytes, true));
    let mut sum = TokenCounts::default();
    for (idx, question) in questions.into_iter().map(Arc::new).enumerate() {
        let ((expected, told), (made, told_too)) =
            (run(&plain, &question), run(&drafting, &question));
        assert_eq!(made.text, expected.text, "question {idx}");
        assert_eq!(made.log_probs, expected.log_probs, "question {idx}");
        assert_eq!(made.stop, expected.stop, "question {idx}");
        assert_eq!(told_too, told, "question {idx}");
        let TokenCounts { drafted, draft_accepted, .. } = made.tokens;
        // Above all `reused`: the sessions hold the same.
        let undrafted = TokenCounts { drafted: 0, draft_accepted: 0, ..made.tokens };
        assert_eq!(undrafted, expected.tokens, "question {idx}");
        assert!(draft_accepted <= drafted && draft_accepted <= made.tokens.decoded);
        sum.decoded += made.tokens.decoded;
        sum.drafted += drafted;
        sum.draft_accepted += draft_accepted;
    }
    sum
}

/// The text of a source up to a place `share` into it, not longer than the model's context likes.
fn cut(source: &str, share: f64) -> &str {
    let end = source.floor_char_boundary((source.len() as f64 * share) as usize);
    let start = source.floor_char_boundary(end.saturating_sub(900));
    &source[start..end]
}

/// A prompt that simply ends where `text` does.
fn plain_prompt(text: &str) -> Box<dyn Fn(&Assembler) -> Prompt + Send + Sync> {
    let text = text.to_owned();
    Box::new(move |assembler| {
        let tokens = assembler.tokenizer().encode(&text);
        Prompt { n_fixed: tokens.len(), tokens, ..Prompt::default() }
    })
}

/// A prompt with text after the cursor, as a document has it.
fn infilling(before: &str, after: &str) -> Box<dyn Fn(&Assembler) -> Prompt + Send + Sync> {
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let context = Context {
        label: "a.rs".to_owned(),
        prefix: before[..line_start].to_owned(),
        line_before: before[line_start..].to_owned(),
        replaced_indent: String::new(),
        line_after: String::new(),
        replaced_tail: String::new(),
        suffix: after.to_owned(),
        snippets: Vec::new(),
        repository: String::new(),
        anchor: ByteOffset(line_start),
        cursor: ByteOffset(before.len()),
        window: ByteOffset(0)..ByteOffset(before.len()),
    };
    Box::new(move |assembler| assembler.assemble(&context, &Budget::of(400)))
}

#[test]
fn continuing_a_text_gives_the_tokens_of_plain_decoding() {
    let mut questions = Vec::new();
    for source in SOURCES {
        for step in 1..12 {
            let text = cut(source, f64::from(step) / 12.0);
            questions.push(Question {
                prompt: plain_prompt(text),
                max_tokens: 24,
                one_line: false,
                sampling: Sampling::default(),
            });
        }
    }
    let sum = compare(TOY_BYTES, questions);
    assert!(sum.draft_accepted > 0, "nothing was drafted, so nothing was tested: {sum:?}");
}

#[test]
fn typing_letter_by_letter_with_text_behind_gives_the_tokens_of_plain_decoding() {
    let mut questions = Vec::new();
    for source in SOURCES {
        let middle = source.floor_char_boundary(source.len() / 2);
        let after = &source[middle..source.floor_char_boundary(middle + 300)];
        for typed in 0..14 {
            let end = source.floor_char_boundary(middle.saturating_sub(14 - typed));
            let start = source.floor_char_boundary(end.saturating_sub(600));
            questions.push(Question {
                prompt: infilling(&source[start..end], after),
                max_tokens: 24,
                one_line: typed % 2 == 0,
                sampling: Sampling::default(),
            });
        }
    }
    let sum = compare(TOY_BYTES, questions);
    assert!(sum.draft_accepted > 0, "{sum:?}");
}

#[test]
fn limits_end_a_draft_where_they_end_plain_decoding() {
    let again = "value = table.lookup(key, default)\n".repeat(30);
    let questions = (1..12).map(|max_tokens| Question {
        prompt: plain_prompt(&again[..again.len() - 20]),
        max_tokens,
        one_line: false,
        sampling: Sampling::default(),
    });
    let sum = compare(TOY_BYTES, questions.collect());
    assert!(sum.draft_accepted > 0, "{sum:?}");
}

#[test]
fn the_end_of_the_context_ends_a_draft_where_it_ends_plain_decoding() {
    // 1,024 tokens are all that this model has; the prompt leaves a few.
    let questions = [1000, 1017, 1023].map(|n_tokens| Question {
        prompt: Box::new(move |assembler: &Assembler| {
            let line =
                assembler.tokenizer().encode("    total += values[index] * weights[index]\n");
            let tokens: Vec<_> = line.iter().copied().cycle().take(n_tokens).collect();
            Prompt { n_fixed: tokens.len(), tokens, ..Prompt::default() }
        }),
        max_tokens: 60,
        one_line: false,
        sampling: Sampling::default(),
    });
    let sum = compare(TOY_BYTES, questions.into());
    assert!(sum.draft_accepted > 0, "{sum:?}");
}

#[test]
fn drawn_tokens_are_drafted_as_well_and_come_out_the_same() {
    let sampling = Sampling {
        temperature: 0.7,
        top_k: 40,
        min_p: 0.05,
        repetition_penalty: 1.05,
        ..Sampling::default()
    };
    let again = "    total += values[index] * weights[index]\n".repeat(12);
    let mut questions = Vec::new();
    for seed in 0..12 {
        let text = cut(SOURCES[seed % 3], 0.5);
        for text in [text, &again] {
            let sampling = Sampling { seed: seed as u64, ..sampling };
            let prompt = plain_prompt(text);
            questions.push(Question { prompt, max_tokens: 24, one_line: false, sampling });
        }
    }
    let sum = compare(TOY_BYTES, questions);
    assert!(sum.draft_accepted > 0, "{sum:?}");
}

#[test]
fn healed_words_are_drafted_as_well_and_come_out_the_same() {
    // The same model without the key that says that it needs no healing.
    let mut bytes = TOY_BYTES.to_vec();
    let at = bytes.windows(FRAGMENTED.len()).position(|window| window == FRAGMENTED).unwrap();
    bytes[at + FRAGMENTED.len() - 1] = b'_';
    let mut questions = Vec::new();
    for source in SOURCES {
        for step in 1..24 {
            let end = source.floor_char_boundary(source.len() / 30 * step);
            let start = source.floor_char_boundary(end.saturating_sub(600));
            let after = &source[end..source.floor_char_boundary(end + 200)];
            let prompt = infilling(&source[start..end], after);
            let sampling = Sampling::default();
            questions.push(Question { prompt, max_tokens: 16, one_line: true, sampling });
        }
    }
    let healed = Arc::new(Mutex::new(0));
    for question in &mut questions {
        let healed = Arc::clone(&healed);
        let prompt = std::mem::replace(&mut question.prompt, Box::new(|_| Prompt::default()));
        question.prompt = Box::new(move |assembler| {
            let prompt = prompt(assembler);
            *healed.lock().unwrap() += usize::from(!prompt.unforced.is_empty());
            prompt
        });
    }
    let sum = compare(bytes.leak(), questions);
    assert!(*healed.lock().unwrap() > 10, "{healed:?} prompts were healed");
    assert!(sum.draft_accepted > 0, "{sum:?}");
}

#[test]
fn a_draft_that_is_cut_short_leaves_a_valid_session() {
    let engine = start(TOY_BYTES, true);
    let again = "value = table.lookup(key, default)\n".repeat(8);
    let question = |max_tokens| {
        let (prompt, sampling) = (plain_prompt(&again), Sampling::default());
        Arc::new(Question { prompt, max_tokens, one_line: false, sampling })
    };
    let (whole, _) = run(&engine, &question(40));
    assert!(whole.tokens.draft_accepted > 0);
    for after_texts in [1, 2, 5, 9] {
        let (to_test, result) = channel();
        let engine_of_job = Arc::new(Mutex::new(None));
        let prepare = {
            let text = again.clone();
            move |assembler: &Assembler| Some(plain_prompt(&text)(assembler))
        };
        let job = Job {
            max_tokens: 40,
            on_text: Box::new({
                let ticket = Arc::clone(&engine_of_job);
                let mut n_texts = 0;
                move |_| {
                    n_texts += 1;
                    if n_texts == after_texts {
                        // Dropping the ticket cancels the job, here in the middle of a draft.
                        while ticket.lock().unwrap().take().is_none() {
                            std::thread::yield_now();
                        }
                    }
                }
            }),
            ..Job::prefill(prepare, move |made| to_test.send(made).unwrap())
        };
        let ticket = engine.submit(job);
        *engine_of_job.lock().unwrap() = Some(ticket);
        let stopped = result.recv().unwrap();
        assert_eq!(stopped.stop, Stop::Cancelled);
        assert_eq!(stopped.log_probs.len(), stopped.tokens.decoded);
        let (next, _) = run(&engine, &question(40));
        assert_eq!((&next.text, &next.log_probs), (&whole.text, &whole.log_probs));
    }
}
