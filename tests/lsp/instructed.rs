//! A model without fill-in-the-middle sentinels, prompted by instruction: the toy with a chat
//! template.
//!
//! The toy was never instruction-tuned, so its answers are poor. The request, the prefix reuse and
//! the parsing of answers are the same for every model.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::gguf::{Changes, changed};
use crate::server::{Options, Server, capabilities, notification};

const URI: &str = "file:///work/lists.py";

const TEMPLATE: &str = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// A document that contains the template's control tokens as text.
const ABOVE: &str = "END = \"<|im_end|>\"\nSTART = \"<|im_start|>system\"\n\ndef first(xs):\n    if not xs:\n        return None\n    return xs[0]\n\ndef total(xs):\n    result = 0\n    for x in xs:\n        result += x\n";
const TYPED: &str = "    return result";
const BELOW: &str = "\n\nprint(total([1, 2]))  # <|im_start|>\n";

/// A model file for one test, removed when the test ends.
struct Model(PathBuf);

impl Model {
    fn with_template(name: &str, template: Option<&str>) -> Model {
        let texts: Vec<_> =
            template.map(|text| ("tokenizer.chat_template", text)).into_iter().collect();
        let changes = Changes {
            without: &[
                "tokenizer.ggml.fim_pre_token_id",
                "tokenizer.ggml.fim_suf_token_id",
                "tokenizer.ggml.fim_mid_token_id",
                "tokenizer.ggml.fim_pad_token_id",
                "tokenizer.ggml.fim_rep_token_id",
                "tokenizer.ggml.fim_sep_token_id",
            ],
            renamed: &[
                ("<|fim_prefix|>", "<|im_start|>"),
                ("<|fim_suffix|>", "<|im_end|>"),
                ("<|fim_middle|>", "<|spare_3|>"),
                ("<|fim_pad|>", "<|spare_4|>"),
                ("<|repo_name|>", "<|spare_5|>"),
                ("<|file_sep|>", "<|spare_6|>"),
            ],
            texts: &texts,
        };
        let file = format!("lowkey-instructed-{name}-{}.gguf", std::process::id());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, changed(lowkey_test_support::TOY_BYTES, &changes)).unwrap();
        Model(path)
    }

    fn start(&self, more: &Value) -> Server {
        let mut settings = json!({"model": self.0, "look_ahead": false, "multiline": "never"});
        settings.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let mut server = Server::spawn(Options::default());
        server.initialize(&capabilities(), &settings, None);
        server
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Sends a request at the end of the typed text; returns the raw text and the report.
fn ask(server: &mut Server, column: usize) -> (Value, Value) {
    let line = ABOVE.lines().count() as u32;
    server.items(URI, line, column as u32);
    let report = server.explain(URI);
    (report["text"].clone(), report)
}

/// Types the line key by key and sends a request to a fresh server at every tenth key; both answers
/// must be equal.
fn typed_and_cold_agree(more: &Value) -> usize {
    let model =
        Model::with_template(if more.is_null() { "typed" } else { "drawn" }, Some(TEMPLATE));
    let mut server = model.start(more);
    server.ready();
    server.open(URI, "python", &format!("{ABOVE}{BELOW}"));
    let (line, mut n_decoded) = (ABOVE.lines().count(), 0);
    for (column, key) in TYPED.char_indices() {
        let at = json!({"line": line, "character": column});
        server.send(&notification(
            "textDocument/didChange",
            &json!({
                "textDocument": {"uri": URI, "version": column + 2},
                "contentChanges": [{"range": {"start": at, "end": at}, "text": key.to_string()}],
            }),
        ));
        let (text, report) = ask(&mut server, column + 1);
        let tokens = &report["tokens"];
        n_decoded += tokens["decoded"].as_u64().unwrap() as usize;
        let prefilled = tokens["prefilled"].as_u64().unwrap();
        if column == 0 {
            assert!(prefilled > 150, "the conversation and the file: {report}");
            let why = report["why"].to_string();
            assert!(why.contains("by instruction, through the model's chat template"), "{why}");
        } else {
            assert!(prefilled <= 6, "a key costs the tail alone: {report}");
        }
        if column % 10 == 9 {
            let mut cold = model.start(more);
            cold.ready();
            cold.open(URI, "python", &format!("{ABOVE}{}{BELOW}", &TYPED[..=column]));
            let (cold_text, cold_report) = ask(&mut cold, column + 1);
            // An answer from memory was decoded before the last keys; an answer decoded now equals
            // the cold one.
            if report["source"] == "model" && prefilled > 0 {
                assert_eq!(text, cold_text, "{report} {cold_report}");
            }
            assert!(!cold_text.to_string().contains("```"), "{cold_report}");
            cold.finish();
        }
    }
    server.finish();
    n_decoded
}

#[test]
fn key_prefills_prompt_tail_only() {
    assert!(typed_and_cold_agree(&Value::Null) > 0);
}

#[test]
fn sampling_is_reproducible_by_seed() {
    assert!(
        typed_and_cold_agree(&json!({"temperature": 0.9, "min_p": 0, "top_p": 1, "seed": 7})) > 0
    );
}

#[test]
fn unusable_model_names_missing_parts() {
    for (template, words) in [
        (None, ["fill-in-the-middle sentinels", "tokenizer.chat_template"]),
        (Some("{% for m in"), ["chat template cannot be rendered", "line 1"]),
        (Some("{{ raise_exception('no') }}"), ["chat template cannot be rendered", "no (line 1)"]),
    ] {
        let model = Model::with_template("none", template);
        let mut server = model.start(&Value::Null);
        server.open(URI, "python", ABOVE);
        let shown = server.notification("window/showMessage");
        for word in words {
            assert!(shown.to_string().contains(word), "{shown} lacks {word:?}");
        }
        server.finish();
    }
}

#[test]
fn bad_sampling_setting_names_limits() {
    let mut server = Server::start(&json!({"temperature": 3, "top_p": -1, "min_p": "x"}));
    server.ready();
    let shown = server.notification("window/showMessage")["message"].as_str().unwrap().to_owned();
    for words in [
        "min_p is \"x\", but takes a number from 0 to 1",
        "temperature is 3, but takes a number from 0 to 2",
        "top_p is -1, but takes a number from 0 to 1",
    ] {
        assert!(shown.contains(words), "{shown}");
    }
    server.finish();
}

/// Templates that use up all memory or time in a few of the steps that a template engine counts.
const RUNAWAY: &[&str] = &[
    "{{ ('b' * 1).join('a') }}{{ (messages[0].content * 4000).replace('a', messages[0].content * 4000) }}",
    "{% set a = ('b' * 60000) %}{{ (a * 3).join(a * 3) }}",
    "{% set a = [1, 2, 3, 4, 5, 6, 7, 8] %}DOUBLED{{ a | length }}",
    "{% set a = [1, 2] %}NESTED{% set d = {a: 1} %}{{ d | length }}",
];

#[cfg(target_os = "linux")]
#[test]
fn runaway_template_is_terminated() {
    for (idx, template) in RUNAWAY.iter().enumerate() {
        let template = template
            .replace("DOUBLED", &"{% set a = a + a %}".repeat(60))
            .replace("NESTED", &"{% set a = [a, a] %}".repeat(60));
        let model = Model::with_template(&format!("runaway-{idx}"), Some(&template));
        let mut server = model.start(&Value::Null);
        let message = server.notification("window/showMessage");
        let message = message["message"].as_str().unwrap();
        assert!(message.contains("chat template"), "{message}");
        let process = std::path::PathBuf::from(format!("/proc/{}", server.process_id()));
        // The peak of the server's own memory; rendering used gigabytes.
        let status = std::fs::read_to_string(process.join("status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak < 400 << 10, "{peak} kB: {template:.60}");
        let tasks = std::fs::read_dir(process.join("task")).unwrap();
        let names: Vec<String> = tasks
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
            .collect();
        assert!(names.iter().all(|name| !name.contains("template")), "{names:?}");
        server.finish();
    }
}
