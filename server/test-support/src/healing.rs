//! Asks at every cursor of a line, with healing and without.

use std::sync::Arc;
use std::sync::mpsc::channel;

use crate::{TOY_BYTES, TOY_NAME};
use lowkey_context::{Anchor, Context};
use lowkey_document::{ByteOffset, Document};
use lowkey_engine::{Engine, Generated, Job, Loaded};
use lowkey_model::{CausalLm, ModelFile};
use lowkey_prompt::{Assembler, Budget, Format, Prompt, Tokenizer};

mod scripted;

use scripted::{Script, scripted};

/// Lines of several languages, with long identifiers, digits, quotes, tabs and characters beyond ASCII.
pub const LINES: &[&str] = &[
    "    let total = items.iter().map(|item| item.price).sum::<u64>();",
    "        return self._connections.setdefault(address, [])",
    "\t\tif err := json.NewDecoder(r.Body).Decode(&req); err != nil {",
    "  const { data, isLoading } = useQuery(['projects', page], fetchProjects);",
    "    assertEquals(0x1F4A9, it.codePointAt(12345678), \"it's\");",
    "# Größe in Zeichen, nicht in Bytes — 字符数",
    "static inline uint32_t rotate_left_32(uint32_t value, unsigned int count)",
];

/// The answer at one cursor and what it should have been.
pub struct CursorResult {
    pub cursor: usize,
    pub completed: String,
    pub expected: String,
    /// Whether the typed part of the line encodes into a beginning of the line's own tokens.
    pub at_token_boundary: bool,
}

/// The toy's network, to keep caches with.
pub fn network() -> Result<Box<dyn CausalLm>, String> {
    let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).map_err(|e| e.to_string())?;
    lowkey_model::load(&file, 1, &mut |_| {}).map_err(|e| e.to_string())
}

/// Asks at every cursor of `line` a model that knows it by heart.
pub fn complete_at_every_cursor(
    tokenizer: &Arc<Tokenizer>,
    format: &Format,
    line: &str,
    healed: bool,
) -> Result<Vec<CursorResult>, String> {
    let format = format.clone().with_healing(healed);
    let assembler = Arc::new(Assembler::new(Arc::clone(tokenizer), format));
    // A prompt with nothing typed ends where the middle begins.
    let middle = prompt(&assembler, "").tokens.last().copied().unwrap_or_default();
    let tokens = tokenizer.encode(line);
    let script = Script {
        middle,
        line: tokens.clone(),
        end: assembler.format().end_tokens().first().copied().unwrap_or_default(),
        nonsense: tokenizer.encode("§").first().copied().unwrap_or_default(),
        n_vocab: tokenizer.vocab_size(),
    };
    let load = |_: &mut dyn FnMut(f32)| {
        let model = scripted(network()?, script);
        let (name, digest) = ("scripted".to_owned(), String::new());
        Ok(Loaded { name, digest, model, assembler, speculates: true, unsaved: None })
    };
    let engine = Engine::start(64 << 20, load).map_err(|e| e.to_string())?;
    let cursors = line.char_indices().map(|(at, _)| at);
    Ok(cursors
        .map(|cursor| {
            let (before, expected) = line.split_at(cursor);
            // On a line of blanks the answer begins at column 0 and replaces them.
            let expected = if before.trim().is_empty() { line } else { expected };
            let forced = line.strip_suffix(expected).unwrap_or_default();
            let typed = tokenizer.encode(forced);
            CursorResult {
                cursor,
                completed: complete(&engine, before),
                expected: expected.to_owned(),
                at_token_boundary: tokens.starts_with(&typed),
            }
        })
        .collect())
}

/// Returns the answer of the engine after `before`, in an otherwise empty document.
pub fn complete(engine: &Engine, before: &str) -> String {
    let before = before.to_owned();
    let (to_asker, answer) = channel();
    let prepare = move |assembler: &Assembler| Some(prompt(assembler, &before));
    let done = move |made: Generated| {
        let _ = to_asker.send(made.text);
    };
    let job = Job { max_tokens: 64, ..Job::prefill(prepare, done) };
    let _ticket = engine.submit(job);
    answer.recv().unwrap_or_default()
}

fn prompt(assembler: &Assembler, line_before: &str) -> Prompt {
    let budget = Budget::of(900);
    let snapshot = Document::open("file:///a.rs", "rust", 1, line_before).snapshot();
    let cursor = snapshot.cursor(ByteOffset(line_before.len()));
    let context = Context::gather(&snapshot, &cursor, "a.rs", &budget.window(), Anchor::Lines(1));
    assembler.assemble(&context, &budget)
}
