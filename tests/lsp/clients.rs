//! Differences between clients: one test for each behaviour in the table of
//! `server/app/lsp/clients.rs`.

use serde_json::{Value, json};

use crate::ghost_text::open;
use crate::server::{INLINE, Options, Server, capabilities, place};

/// Starts a server for a client of this name and version.
fn start(client: (&str, &str), capabilities: &Value, initialization: &Value) -> (Server, Value) {
    let mut server = Server::spawn(Options::default());
    let (name, version) = client;
    server.client_info = json!({"name": name, "version": version});
    let advertised = server.initialize(capabilities, initialization, None);
    server.ready();
    (server, advertised)
}

/// Blank lines that are indented more than the model's answer; `|` is the cursor.
const TOO_DEEP: &[(&str, &str)] = &[
    (
        "rust",
        "fn add(a: u32, b: u32) -> u32 {\n    a + b\n    |\n\nfn sub(a: u32, b: u32) -> u32 {\n    a - b\n}\n",
    ),
    (
        "javascript",
        "function add(a, b) {\n    return a + b;\n    |\n\nfunction sub(a, b) {\n    return a - b;\n}\n",
    ),
    (
        "go",
        "func add(a, b int) int {\n\treturn a + b\n\t|\n\nfunc sub(a, b int) int {\n\treturn a - b\n}\n",
    ),
    ("python", "def add(a, b):\n    return a + b\n\n\n        |\n"),
];

#[test]
fn dedent_goes_to_editors_that_draw_it() {
    let settings = json!({"time_budget_ms": 60_000});
    let mut dedents = Vec::new();
    let (mut drawing, _) = start(("Visual Studio Code", "1.139.1"), &capabilities(), &settings);
    for (idx, (language, marked)) in TOO_DEEP.iter().enumerate() {
        let uri = format!("file:///work/{idx}");
        let (text, cursor) = open(&mut drawing, &uri, language, marked);
        let (line, character) = text.position(cursor);
        for item in drawing.items(&uri, line, character) {
            text.assert_fits(cursor, &item);
            let new = item["insertText"].as_str().unwrap();
            if !new.starts_with(&text.text[cursor - character as usize..cursor]) {
                assert_eq!(item["range"]["start"]["character"], 0, "{item}");
                assert_eq!(drawing.explain(&uri)["silent"], Value::Null);
                dedents.push((idx, new.to_owned()));
            }
        }
    }
    drawing.finish();
    assert!(!dedents.is_empty(), "no dedent was suggested, so the test checked nothing");

    let (mut other, _) = start(("Neovim", "0.12.4"), &capabilities(), &settings);
    for (idx, new) in dedents {
        let uri = format!("file:///work/{idx}");
        let (language, marked) = TOO_DEEP[idx];
        let (text, cursor) = open(&mut other, &uri, language, marked);
        let (line, character) = text.position(cursor);
        assert_eq!(other.items(&uri, line, character), [] as [Value; 0]);
        let report = other.explain(&uri);
        assert_eq!(report["silent"], "unseen dedent", "{report}");
        assert_eq!(report["insert"], Value::Null, "{report}");
        assert!(new.contains(report["text"].as_str().unwrap().trim_end()), "{report} {new:?}");
        let why = report["why"].as_array().unwrap().last().unwrap().as_str().unwrap();
        assert!(why.contains("indentation"), "{why}");
        // The popup shows the dedent, and it is accepted with its range.
        let params = place(&uri, line, character);
        assert!(other.ask(INLINE, &params).unwrap()["items"].as_array().unwrap().is_empty());
    }
    other.finish();
}

/// Positions before a multi-line block, in files with `\r\n`; `|` is the cursor.
const BLOCKS: &[(&str, &str)] = &[
    (
        "javascript",
        "if (a) {\r\n    b1 = foo(1);\r\n    b2 = foo(2);\r\n}\r\nif (c) {\r\n    d1 = foo(1);\r\n    d2 = foo(2);\r\n}\r\nif (e) {\r\n    f1 = |\r\n",
    ),
    (
        "python",
        "class A:\r\n    def add(self, a, b):\r\n        total = a + b\r\n        return total\r\n\r\n    def mul(self, a, b):\r\n        total = |\r\n",
    ),
    (
        "rust",
        "fn main() {\r\n    let mut total = 0;\r\n    for i in 0..10 {\r\n        |\r\n    }\r\n}\r\n",
    ),
];

/// Returns the texts that the client inserts at each of [`BLOCKS`], ghost text and popup.
fn inserted(client: (&str, &str)) -> Vec<String> {
    let mut capabilities = capabilities();
    capabilities["textDocument"]["completion"] = json!({});
    let settings = json!({"time_budget_ms": 60_000, "popup": "always", "multiline": "always"});
    let (mut server, _) = start(client, &capabilities, &settings);
    let mut texts = Vec::new();
    for (idx, (language, marked)) in BLOCKS.iter().enumerate() {
        let uri = format!("file:///work/{idx}");
        let (text, cursor) = open(&mut server, &uri, language, marked);
        let (line, character) = text.position(cursor);
        for item in server.items(&uri, line, character) {
            texts.push(item["insertText"].as_str().unwrap().to_owned());
        }
        let popup = server.ask("textDocument/completion", &place(&uri, line, character)).unwrap();
        for item in popup["items"].as_array().unwrap() {
            texts.push(item["textEdit"]["newText"].as_str().unwrap().to_owned());
        }
    }
    server.finish();
    assert!(texts.iter().any(|text| text.contains('\n')), "no text has several lines: {texts:?}");
    texts
}

#[test]
fn dos_file_gets_line_ends_of_editor() {
    // Neovim inserts a list of lines, so any character except a line feed stays in the line.
    let neovim = inserted(("Neovim", "0.12.4"));
    assert!(neovim.iter().all(|text| !text.contains('\r')), "{neovim:?}");
    // Helix inserts the text as it is.
    let helix = inserted(("helix", "25.07.1"));
    let lines: Vec<String> = helix.iter().map(|text| text.replace("\r\n", "")).collect();
    assert!(lines.iter().all(|text| !text.contains(['\r', '\n'])), "{helix:?}");
    let same: Vec<String> = helix.iter().map(|text| text.replace("\r\n", "\n")).collect();
    assert_eq!(same, neovim);
}

#[test]
fn waiting_popup_is_empty_unless_requested() {
    let mut popup_only = capabilities();
    popup_only["textDocument"] = json!({"completion": {}});
    for (client, popup, advertises) in [
        (("Sublime Text LSP", "2.3.0"), "auto", false),
        (("Sublime Text LSP", "2.3.0"), "always", true),
        (("Kate", "24.12"), "auto", true),
    ] {
        let (mut server, advertised) = start(client, &popup_only, &json!({"popup": popup}));
        assert_eq!(advertised["completionProvider"].is_object(), advertises, "{client:?} {popup}");
        server.finish();
    }
}
