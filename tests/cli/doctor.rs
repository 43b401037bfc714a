//! The self-test of `lowkey doctor`: the model fills holes from the program, and the right answers
//! are counted.

use std::process::Command;

use serde_json::Value;

use crate::gguf::{Changes, changed};
use crate::{Folder, stdout};

#[test]
fn doctor_self_test_counts_right_answers() {
    let folder = Folder::new("self-test");
    let output = folder.lowkey(&["doctor", "--json"]);
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let test = &found["self_test"];
    assert_eq!((&test["asked"], &test["holes"]), (&"fim".into(), &20.into()), "{test}");
    let answers = test["answers"].as_array().unwrap();
    let is_right = |answer: &&Value| answer["right"] == true;
    assert_eq!(test["right"], answers.iter().filter(is_right).count(), "{test}");
    let n_shown = answers.iter().filter(|answer| answer["text"].is_string()).count();
    assert!(answers.len() == 20 && n_shown > 0, "the model got no requests: {test}");
    let screen = stdout(&folder.lowkey(&["doctor"]));
    let count = format!("self-test   {} of 20 holes filled right, in ", test["right"]);
    assert!(screen.contains(&count), "{screen}");

    let output = folder.lowkey(&["doctor", "--json", "--no-self-test"]);
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(found["self_test"].is_null() && found["model"]["context_tokens"] == 1024, "{found}");
    let screen = stdout(&folder.lowkey(&["doctor", "--no-self-test"]));
    assert!(screen.contains("self-test   not run\n"), "{screen}");
}

#[test]
fn doctor_self_test_of_instructed_model() {
    let folder = Folder::new("self-test-instructed");
    let template = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}assistant: ";
    let changes =
        Changes { without: &[], renamed: &[], texts: &[("tokenizer.chat_template", template)] };
    let model = folder.file("chat.gguf", changed(lowkey_test_support::TOY_BYTES, &changes));
    let config = folder.file("lowkey.toml", "infill = \"instruct\"\n");
    let doctor = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
            .args([&["doctor", "--model", &model], args].concat())
            .env("LOWKEY_CONFIG", &config)
            .env("LOWKEY_CACHE_DIR", "")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        stdout(&output)
    };
    let found: Value = serde_json::from_str(&doctor(&["--json"])).unwrap();
    assert_eq!(found["self_test"]["asked"], "instruct", "{found}");
    let screen = doctor(&[]);
    assert!(screen.contains(" of 20 holes filled right by instruction, in "), "{screen}");
}
