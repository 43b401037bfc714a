//! Prompts of next-edit models: their likely answer as a draft, their end tokens, and how little is
//! computed again from one edit to the next.

use std::sync::Arc;
use std::sync::mpsc::channel;

use lowkey_engine::{Engine, Generated, Job, Loaded, Priority, Stop};
use lowkey_model::ModelFile;
use lowkey_prompt::{Assembler, EditHunk, NextEditInput, NextEditPrompt, Prefill, Prompt, TokenId};
use lowkey_test_support::hooked_model::{Forward, ModelWithHook};
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

/// Most tokens of an answer in these tests.
const MAX_TOKENS: usize = 200;

/// A network that answers each prompt with `answer`, whatever is computed together.
fn answering(answer: Vec<TokenId>, n_prompt: usize, speculates: bool) -> Engine {
    Engine::start(64 << 20, move |progress| {
        let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).map_err(|e| e.to_string())?;
        let loaded = Loaded::from_file(&file, 1, progress)?;
        let hook = move |network: &mut dyn lowkey_model::CausalLm, forward: Forward<'_>| {
            let Forward { tokens, cache, mode, logits, cancelled } = forward;
            let first = cache.len();
            let done = network.forward(tokens, cache, mode, logits, cancelled)?;
            let vocab = network.config().vocab;
            let n_rows = logits.len() / vocab;
            for (row, logits) in logits.chunks_mut(vocab).enumerate() {
                let position = first + tokens.len() - n_rows + row + 1;
                let next = position.checked_sub(n_prompt).and_then(|idx| answer.get(idx));
                if let Some(logit) = next.and_then(|next| logits.get_mut(*next as usize)) {
                    *logit = 1e4;
                }
            }
            Ok(done)
        };
        let model = Box::new(ModelWithHook { network: loaded.model, hook });
        Ok(Loaded { speculates, model, ..loaded })
    })
    .unwrap()
}

fn toy() -> Arc<Assembler> {
    let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).unwrap();
    Loaded::from_file(&file, 1, &mut |_| {}).unwrap().assembler
}

fn run(
    engine: &Engine,
    prompt: impl FnOnce(&Assembler) -> Option<Prompt> + Send + 'static,
) -> Generated {
    let (to_test, result) = channel();
    let job = Job {
        priority: Priority::Background,
        max_tokens: MAX_TOKENS,
        cuts_session: true,
        persists: false,
        ..Job::prefill(prompt, move |made| to_test.send(made).unwrap())
    };
    let ticket = engine.submit(job);
    let made = result.recv().unwrap();
    drop(ticket);
    made
}

const TEXT: &str = "fn area(width: u32, height: u32) -> u32 {\n    let size = width * height;\n    \
    log(size, width);\n    size\n}\n\nfn main() {\n    let side = area(2, 3);\n    show(side);\n}\n";

fn prompt_of(at_open: &str, text: &str, cursor: usize, hunks: &[EditHunk<'_>]) -> NextEditPrompt {
    NextEditPrompt::new(&NextEditInput {
        path: "src/area.rs",
        at_open,
        text,
        cursor,
        hunks,
        snippets: &[],
        prefill: Prefill::FirstLine,
        max_file_bytes: usize::MAX,
    })
    .unwrap()
}

/// The tokens of an answer, an end token, and text after it.
fn scripted(assembler: &Assembler, answer: &str) -> Vec<TokenId> {
    let mut tokens = assembler.tokenizer().encode(answer);
    tokens.push(assembler.next_edit().unwrap().end_tokens()[0]);
    tokens.extend(assembler.tokenizer().encode("never"));
    tokens
}

#[test]
fn block_is_copied_in_few_forward_passes() {
    let assembler = toy();
    let format = assembler.next_edit().unwrap().clone();
    let cursor = TEXT.find("log(").unwrap();
    let prompt = prompt_of(TEXT, TEXT, cursor, &[]);
    let prepared = prompt.prompt(&format, assembler.tokenizer());
    let answer = prompt.draft().trim_end_matches('\n').replacen("log(size", "log(area, size", 1);
    let script = scripted(&assembler, &answer);
    let results = [false, true].map(|speculates| {
        let engine = answering(script.clone(), prepared.tokens.len(), speculates);
        let prepared = prepared.clone();
        run(&engine, move |_| Some(prepared))
    });
    let [plain, drafted] = &results;
    assert_eq!(plain.text, answer);
    assert_eq!((&drafted.text, drafted.stop), (&plain.text, Stop::EndToken));
    assert_eq!(drafted.log_probs, plain.log_probs);
    let tokens = drafted.tokens;
    // A network as small as the toy pays for short drafts only.
    assert!(2 * tokens.draft_accepted >= tokens.decoded, "{tokens:?}");
    assert!(tokens.drafted <= tokens.draft_accepted + 7, "{tokens:?}");
    let edits = prompt.edits(&drafted.text, false).unwrap();
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0].text, "area, ");
}

#[test]
fn next_edit_computes_only_the_tail() {
    let engine: Engine = Engine::start(64 << 20, |progress| {
        let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).map_err(|e| e.to_string())?;
        Loaded::from_file(&file, 1, progress)
    })
    .unwrap();
    let assembler = toy();
    let n_tokens = |text: &str| assembler.tokenizer().encode(text).len();
    let n_file = n_tokens(TEXT);
    let mut text = TEXT.to_owned();
    let mut edits: Vec<(usize, String, String)> = Vec::new();
    let mut costs = Vec::new();
    for (old, new) in [
        ("width *", "w *"),
        ("log(size, width)", "log(size, w)"),
        ("side)", "s)"),
        ("2, 3", "4, 5"),
    ] {
        let at = text.find(old).unwrap();
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = at + text[at..].find('\n').unwrap() + 1;
        let before = text[start..end].to_owned();
        text.replace_range(at..at + old.len(), new);
        let end = at + text[at..].find('\n').unwrap() + 1;
        let first_line = text[..start].matches('\n').count() + 1;
        edits.push((first_line, before, text[start..end].to_owned()));
        let (now, cursor, edits) = (text.clone(), at + new.len(), edits.clone());
        let made = run(&engine, move |assembler| {
            let hunks: Vec<EditHunk<'_>> = edits
                .iter()
                .map(|(first_line, old, new)| EditHunk {
                    path: "src/area.rs",
                    first_line: *first_line,
                    old,
                    new,
                    above: Some("above"),
                    below: Some("below"),
                })
                .collect();
            let prompt = prompt_of(TEXT, &now, cursor, &hunks);
            Some(prompt.prompt(assembler.next_edit()?, assembler.tokenizer()))
        });
        assert!(made.tokens.decoded > 0, "{:?}", made.stop);
        costs.push(made.tokens);
    }
    // The first request computes all; each later one computes its newest change and the blocks.
    assert_eq!((costs[0].reused, costs[0].prefilled), (0, costs[0].prompt));
    for (earlier, later) in costs.iter().zip(&costs[1..]) {
        assert!(later.reused > n_file, "the file at open is not computed again: {later:?}");
        // The changes of the earlier request, too; its newest change ends where the next begins.
        let tail = later.prompt - later.reused;
        assert_eq!(later.prefilled, tail);
        assert!(tail < earlier.prompt - n_file + 60, "{tail} of {} tokens", later.prompt);
    }
    let [.., third, fourth] = &costs[..] else { panic!("four requests") };
    assert!(fourth.reused > third.reused, "changes are appended: {third:?} {fourth:?}");
}
