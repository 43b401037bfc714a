//! The README's table of settings and the schema for VS Code match the program.
//!
//! `UPDATE_EXPECT=1 cargo test --test tidy` rewrites both.

use std::fmt::Write as _;

use lowkey::settings::{Kind, Row, Settings, TABLE};
use serde_json::{Value, json};

const BEGIN: &str = "<!-- settings -->\n";
const END: &str = "<!-- /settings -->\n";

#[test]
fn readme_lists_every_setting() {
    let readme = std::fs::read_to_string(super::root().join("README.md")).unwrap();
    let (above, rest) = readme.split_once(BEGIN).unwrap();
    let (_, below) = rest.split_once(END).unwrap();
    let mut table = String::from("| setting | takes | meaning |\n|---|---|---|\n");
    for row in TABLE {
        let doc = row.doc.trim().replace('|', "\\|");
        writeln!(table, "| `{}` | {} | {doc} |", row.key, row.accepts).unwrap();
    }
    expect_test::expect_file!["../../README.md"]
        .assert_eq(&format!("{above}{BEGIN}\n{table}\n{END}{below}"));
}

/// Settings that are specific to one machine and are not synchronized to the user's other machines.
const OF_THE_MACHINE: &[&str] =
    &["model", "threads", "cache_mb", "shared_weights", "quantize", "device"];

/// Settings that control which text is stored or reaches the model. A workspace may be untrusted,
/// so its settings cannot weaken them.
const OF_THE_USER: &[&str] =
    &["exclude", "persistent_cache", "persistent_cache_mb", "packed_weights_mb", "statistics"];

/// The server's settings are between these lines of the extension's manifest.
const SCHEMA_BEGIN: &str = "        \"title\": \"Suggestions\",\n        \"properties\": {\n";
const SCHEMA_END: &str = "\n        }\n      }";

#[test]
fn vs_code_extension_knows_every_setting() {
    let manifest = std::fs::read_to_string(super::root().join("editors/vscode/package.json"));
    let manifest = manifest.unwrap();
    let (above, rest) = manifest.split_once(SCHEMA_BEGIN).unwrap();
    let (_, below) = rest.split_once(SCHEMA_END).unwrap();
    let defaults = Settings::default();
    let rows: Vec<String> = TABLE
        .iter()
        .enumerate()
        .map(|(idx, row)| {
            let schema = schema(row, idx, defaults.value_of(row.key).unwrap());
            let schema = serde_json::to_string_pretty(&schema).unwrap();
            format!("\"lowkey.{}\": {schema}", row.key).replace('\n', "\n          ")
        })
        .collect();
    let rows = format!("          {}", rows.join(",\n          "));
    expect_test::expect_file!["../../editors/vscode/package.json"]
        .assert_eq(&format!("{above}{SCHEMA_BEGIN}{rows}{SCHEMA_END}{below}"));
}

/// Returns the VS Code schema of one setting.
fn schema(row: &Row, idx: usize, default: Value) -> Value {
    let mut schema = match row.kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Count => json!({"type": "integer", "minimum": 0}),
        Kind::Number(low, high) => {
            let limit = |thousandths: u16| f64::from(thousandths) / 1e3;
            json!({"type": "number", "minimum": limit(low), "maximum": limit(high)})
        }
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}),
        Kind::Word(words) => json!({"type": "string", "enum": words}),
    };
    schema["default"] = default;
    schema["order"] = idx.into();
    schema["scope"] = match row.key {
        key if OF_THE_USER.contains(&key) => "application",
        key if OF_THE_MACHINE.contains(&key) => "machine-overridable",
        _ => "window",
    }
    .into();
    schema["markdownDescription"] = row.doc.trim().into();
    schema
}
