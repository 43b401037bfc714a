//! Tests of a whole engine on a device: candle's CPU device, which runs the operations of a GPU.

use std::path::Path;
use std::sync::mpsc::channel;

use lowkey_prompt::Prompt;

use super::*;
use crate::{Engine, Generated, Job, Stop};

const TEXT: &str = "def total(items):\n    count = 0\n    for item in items:\n        count";

fn loaded(accelerator: Option<&Accelerator>) -> Result<Loaded, LoadError> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/fixtures/qwen2-tokenizer");
    let file = ModelFile::open(Path::new(folder)).map_err(|error| error.to_string())?;
    Loaded::with_options(
        LoadOptions { accelerator, ..LoadOptions::default() },
        &file,
        1,
        &mut |_| {},
    )
}

/// Returns the completion after the first `n` characters of the text.
fn completed(engine: &Engine, n: usize) -> Generated {
    let (to_test, result) = channel();
    let prepare = move |assembler: &Assembler| {
        let tokens = assembler.tokenizer().encode(&TEXT[..n]);
        Some(Prompt { n_fixed: tokens.len(), tokens, ..Prompt::default() })
    };
    let done = move |made| to_test.send(made).unwrap();
    let _ticket = engine.submit(Job { max_tokens: 12, ..Job::prefill(prepare, done) });
    result.recv().unwrap()
}

#[test]
fn device_engine_matches_cpu_engine() {
    let own = Engine::start(1 << 20, |_| loaded(None)).unwrap();
    let load = |_: &mut dyn FnMut(f32)| loaded(Some(&Accelerator::candle_cpu()));
    let device = Engine::start(1 << 20, load).unwrap();
    // Types the last letters one by one, then deletes some.
    for n in [TEXT.len() - 3, TEXT.len() - 2, TEXT.len() - 1, TEXT.len(), TEXT.len() - 8] {
        let (found, expected) = (completed(&device, n), completed(&own, n));
        assert_eq!((&found.text, found.stop), (&expected.text, expected.stop));
        assert_eq!(found.stop, Stop::Limit);
        assert_eq!(found.tokens.reused, expected.tokens.reused);
        assert!(n == TEXT.len() - 3 || found.tokens.reused > 10, "{:?}", found.tokens);
        for (found, expected) in found.log_probs.iter().zip(&expected.log_probs) {
            assert!((found - expected).abs() < 0.01, "{found}, not {expected}");
        }
    }
}

#[test]
fn device_and_cpu_sessions_are_separate() {
    let own = loaded(None).unwrap().digest;
    let device = loaded(Some(&Accelerator::candle_cpu())).unwrap().digest;
    assert_ne!(own, device);
    assert_eq!((own.len(), device.len()), (64, 64));
}

#[test]
fn chat_template_file_takes_precedence() {
    const TEMPLATE: &str = "{% for m in messages %}{{ m.content }}{% endfor %}";
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/fixtures/qwen2-tokenizer");
    let folder = std::env::temp_dir().join(format!("lowkey-template-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(fixture.join(file), folder.join(file)).unwrap();
    }
    let name = || {
        let file = ModelFile::open(&folder).unwrap();
        let options = LoadOptions { infill: Infill::Instruct, ..LoadOptions::default() };
        Loaded::with_options(options, &file, 1, &mut |_| {})
            .map(|loaded| loaded.assembler.format().name())
    };
    assert!(name().unwrap_err().contains("has no chat template"));
    let config = |template: serde_json::Value| {
        let json = serde_json::json!({"chat_template": template}).to_string();
        std::fs::write(folder.join("tokenizer_config.json"), json).unwrap();
    };
    config(TEMPLATE.into());
    assert!(name().unwrap().starts_with("by instruction"));
    config(serde_json::json!([
        {"name": "tool_use", "template": "{% broken"},
        {"name": "default", "template": TEMPLATE},
    ]));
    assert!(name().unwrap().starts_with("by instruction"));
    std::fs::write(folder.join("chat_template.jinja"), "{{ raise_exception('mine') }}").unwrap();
    assert!(name().unwrap_err().contains("mine"));
    std::fs::remove_dir_all(&folder).unwrap();
}
