//! The settings reference (`editors/settings.md`), and for VS Code the schema and the list of settings that need a
//! restart, are generated from the program's table.
//!
//! `UPDATE_EXPECT=1 cargo test --test tidy` rewrites them.

use std::fmt::Write as _;

use lowkey_completer::settings::{Row, SettingKind, Settings, TABLE};
use serde_json::{Value, json};

const BEGIN: &str = "<!-- settings -->\n";
const END: &str = "<!-- /settings -->\n";

#[test]
fn settings_page_is_generated() {
    let page = std::fs::read_to_string(super::root().join("editors/settings.md")).unwrap();
    let (above, rest) = page.split_once(BEGIN).unwrap();
    let (_, below) = rest.split_once(END).unwrap();
    let defaults = Settings::default();
    let mut table = String::from("| setting | type | default | restart | meaning |\n");
    table.push_str("|---|---|---|---|---|\n");
    for row in TABLE {
        let default = defaults.value_of(row.key).unwrap();
        let restart = if row.restart { "yes" } else { "" };
        let doc = row.doc.trim().replace('|', "\\|");
        let Row { key, accepts, .. } = row;
        writeln!(table, "| `{key}` | {accepts} | `{default}` | {restart} | {doc} |").unwrap();
    }
    expect_test::expect_file!["../../editors/settings.md"]
        .assert_eq(&format!("{above}{BEGIN}\n{table}\n{END}{below}"));
}

#[test]
fn vs_code_restart_settings_are_generated() {
    let mut list = String::from(
        "// Generated from the server's table of settings by `UPDATE_EXPECT=1 cargo test --test tidy`.\n\n\
         /** Settings that a running server does not take up: a change of one restarts it. */\n\
         export const RESTART_SETTINGS = [\n",
    );
    for row in TABLE.iter().filter(|row| row.restart) {
        writeln!(list, "  'lowkey.{}',", row.key).unwrap();
    }
    list.push_str("];\n");
    expect_test::expect_file!["../../editors/vscode/src/restart-settings.ts"].assert_eq(&list);
}

/// Settings that depend on the machine and are not synchronized to another one with the user's others.
const OF_THE_MACHINE: &[&str] =
    &["model", "threads", "cache_mb", "shared_weights", "quantize", "device"];

/// Settings that control what leaves the editor's memory or reaches the model. An untrusted workspace cannot weaken
/// them.
const OF_THE_USER: &[&str] = &[
    "exclude",
    "persistent_cache",
    "persistent_cache_mb",
    "packed_weights_mb",
    "statistics",
    "remote_url",
    "remote_model",
    "remote_protocol",
    "remote_key_env",
    "remote_key_file",
    "remote_ca_file",
    "remote_allow_plain_http",
    "remote_prompt_tokens",
];

/// The lines of the extension's manifest between which the server's settings are.
const SCHEMA_BEGIN: &str = "        \"title\": \"Suggestions\",\n        \"properties\": {\n";
const SCHEMA_END: &str = "\n        }\n      }";

#[test]
fn vs_code_schema_is_generated() {
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

/// Returns the JSON schema of one setting for VS Code.
fn schema(row: &Row, idx: usize, default: Value) -> Value {
    let mut schema = match row.kind {
        SettingKind::Text => json!({"type": "string"}),
        SettingKind::Flag => json!({"type": "boolean"}),
        SettingKind::Count => json!({"type": "integer", "minimum": 0}),
        SettingKind::Number(low, high) => {
            let limit = |thousandths: u16| f64::from(thousandths) / 1e3;
            json!({"type": "number", "minimum": limit(low), "maximum": limit(high)})
        }
        SettingKind::Texts => {
            json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true})
        }
        SettingKind::Word(words) => json!({"type": "string", "enum": words}),
    };
    schema["default"] = default;
    schema["order"] = idx.into();
    schema["scope"] = match row.key {
        key if OF_THE_USER.contains(&key) => "application",
        key if OF_THE_MACHINE.contains(&key) => "machine-overridable",
        _ => "window",
    }
    .into();
    let doc = row.doc.trim();
    let restart = if row.restart { " Takes effect at the next start." } else { "" };
    schema["markdownDescription"] = format!("{doc}{restart}").into();
    schema
}
