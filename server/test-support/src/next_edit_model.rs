//! A next-edit model whose answer is known: a `qwen2` file in which each token decides the next.
//!
//! Attention and feed-forward layers add nothing, so the logits depend on the last token only. The
//! document below has no token twice in the answer, so the model writes [`ANSWER`] after the edit
//! of the first line, however the prompt is written.

use std::collections::HashMap;

/// A document. [`EDIT`] is the user's edit of it.
pub const TEXT: &str = "alpha;\nbeta)\ngamma}\ndelta,\n";

/// The word that the user replaces, and the new one.
pub const EDIT: [&str; 2] = ["alpha", "omega"];

/// The model's new text after [`EDIT`], two lines of which differ.
pub const ANSWER: &str = "omega;\nkappa)\ngamma}\nsigma,\n";

/// The tokens of the answer in order, without the last line end.
const TOKENS: [&str; 8] = ["omega", ";Ċ", "kappa", ")Ċ", "gamma", "}Ċ", "sigma", ","];
const END: &str = "<|endoftext|>";
const SPECIAL: [&str; 5] =
    [END, "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"];
/// Width of the stream, and of the feed-forward layer.
const HIDDEN: usize = 64;
const HEADS: usize = 4;
/// Logit of the next token; the others have 0.
const LOGIT: f32 = 40.0;
const ALIGNMENT: usize = 32;

/// Returns the character that byte-level vocabularies write for a byte.
fn char_of_byte(byte: u8) -> char {
    let is_written = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if is_written(byte) {
        return char::from(byte);
    }
    let n_before = (0..byte).filter(|byte| !is_written(*byte)).count();
    char::from_u32(256 + n_before as u32).unwrap()
}

/// The vocabulary and its merges.
fn vocabulary() -> (Vec<String>, Vec<String>) {
    let mut tokens: Vec<String> = SPECIAL.map(str::to_owned).to_vec();
    tokens.extend((0..=255).map(|byte| char_of_byte(byte).to_string()));
    let mut merges = Vec::new();
    for token in TOKENS {
        let chars: Vec<char> = token.chars().collect();
        for end in 2..=chars.len() {
            let [left, right]: [String; 2] =
                [&chars[..end - 1], &chars[end - 1..end]].map(|part| part.iter().collect());
            let merged = format!("{left}{right}");
            if !tokens.contains(&merged) {
                tokens.push(merged);
                merges.push(format!("{left} {right}"));
            }
        }
    }
    (tokens, merges)
}

#[derive(Default)]
struct File {
    keys: Vec<Vec<u8>>,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

impl File {
    fn key(&mut self, name: &str, kind: u32, value: &[u8]) {
        self.keys.push([&text(name)[..], &kind.to_le_bytes(), value].concat());
    }

    fn number(&mut self, name: &str, value: usize) {
        self.key(name, 4, &(value as u32).to_le_bytes());
    }

    fn float(&mut self, name: &str, value: f32) {
        self.key(name, 6, &value.to_le_bytes());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name, 8, &text(value));
    }

    fn array(&mut self, name: &str, kind: u32, elements: &[Vec<u8>]) {
        let head = [&kind.to_le_bytes()[..], &(elements.len() as u64).to_le_bytes()].concat();
        self.key(name, 9, &[head, elements.concat()].concat());
    }

    fn tensor(&mut self, name: &str, shape: &[usize], values: Vec<f32>) {
        self.tensors.push((name.to_owned(), shape.to_vec(), values));
    }

    fn zeros(&mut self, name: &str, shape: &[usize]) {
        self.tensor(name, shape, vec![0.0; shape.iter().product()]);
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3_u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        out.extend(self.keys.concat());
        let mut data = Vec::new();
        for (name, shape, values) in &self.tensors {
            out.extend(text(name));
            out.extend((shape.len() as u32).to_le_bytes());
            out.extend(shape.iter().flat_map(|n| (*n as u64).to_le_bytes()));
            out.extend(0_u32.to_le_bytes());
            out.extend((data.len() as u64).to_le_bytes());
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            data.resize(usize::next_multiple_of(data.len(), ALIGNMENT), 0);
        }
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        [out, data].concat()
    }
}

/// Returns the model as a GGUF file.
pub fn next_edit_model() -> Vec<u8> {
    let (tokens, merges) = vocabulary();
    let mut file = File::default();
    file.text("general.architecture", "qwen2");
    file.text("general.name", "scripted next edits");
    for (name, value) in [
        ("context_length", 4096),
        ("embedding_length", HIDDEN),
        ("block_count", 1),
        ("feed_forward_length", HIDDEN),
        ("attention.head_count", HEADS),
        ("attention.head_count_kv", HEADS),
    ] {
        file.number(&format!("qwen2.{name}"), value);
    }
    file.float("qwen2.rope.freq_base", 10_000.0);
    file.float("qwen2.attention.layer_norm_rms_epsilon", 1e-6);
    file.text("tokenizer.ggml.model", "gpt2");
    file.text("tokenizer.ggml.pre", "qwen2");
    let texts = |texts: &[String]| texts.iter().map(|each| text(each)).collect::<Vec<_>>();
    file.array("tokenizer.ggml.tokens", 8, &texts(&tokens));
    let kind = |id: usize| if id < SPECIAL.len() { 3_i32 } else { 1 };
    let kinds: Vec<Vec<u8>> = (0..tokens.len()).map(|id| kind(id).to_le_bytes().to_vec()).collect();
    file.array("tokenizer.ggml.token_type", 5, &kinds);
    file.array("tokenizer.ggml.merges", 8, &texts(&merges));
    file.number("tokenizer.ggml.eos_token_id", 0);
    // The metadata may name the format; a file that says nothing is taken for one, too.
    file.text("lowkey.next_edit", "sweep");

    let ids: HashMap<&str, usize> =
        tokens.iter().enumerate().map(|(id, token)| (token.as_str(), id)).collect();
    let id = |token: &str| ids[token];
    let n_tokens = tokens.len();
    let (mut embedding, mut output) = (vec![0.0; n_tokens * HIDDEN], vec![0.0; n_tokens * HIDDEN]);
    // Dimension i is the i-th token of the answer, the last dimension any other token.
    for row in embedding.chunks_mut(HIDDEN) {
        row[HIDDEN - 1] = 1.0;
    }
    for (at, token) in TOKENS.into_iter().enumerate() {
        let row = id(token) * HIDDEN;
        embedding[row + HIDDEN - 1] = 0.0;
        embedding[row + at] = 1.0;
        let next = TOKENS.get(at + 1).copied().unwrap_or(END);
        // The norm scales one value of 1 among zeros to the root of the width.
        output[id(next) * HIDDEN + at] = LOGIT / (HIDDEN as f32).sqrt();
    }
    file.tensor("token_embd.weight", &[HIDDEN, n_tokens], embedding);
    file.tensor("output.weight", &[HIDDEN, n_tokens], output);
    file.tensor("output_norm.weight", &[HIDDEN], vec![1.0; HIDDEN]);
    for part in ["attn_norm", "ffn_norm"] {
        file.tensor(&format!("blk.0.{part}.weight"), &[HIDDEN], vec![1.0; HIDDEN]);
    }
    for part in ["attn_q", "attn_k", "attn_v"] {
        file.zeros(&format!("blk.0.{part}.weight"), &[HIDDEN, HIDDEN]);
        file.zeros(&format!("blk.0.{part}.bias"), &[HIDDEN]);
    }
    for part in ["attn_output", "ffn_gate", "ffn_up", "ffn_down"] {
        file.zeros(&format!("blk.0.{part}.weight"), &[HIDDEN, HIDDEN]);
    }
    file.bytes()
}
