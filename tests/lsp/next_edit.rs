//! Next edits over the protocol: offered after an edit, accepted one after the other, dismissed.

use lowkey_test_support::TestFolder;
use lowkey_test_support::next_edit_model::{ANSWER, EDIT, TEXT as MODEL_TEXT, next_edit_model};
use lowkey_test_support::server::{Options, Server, TIMEOUT, capabilities, uri};
use lowkey_test_support::text::Text;
use serde_json::{Value, json};

use crate::copilot::status;

const INLINE_EDIT: &str = "textDocument/copilotInlineEdit";
const NEXT_EDIT: &str = "$/lowkey/nextEdit";
const TEXT: &str = "fn run(user_name: &str) {\n    let greeting = format(user_name);\n    \
    send(user_name, greeting);\n    log(\"user_name\");\n}\n";

/// A document in which the user works.
struct Editing {
    uri: String,
    text: Text,
    cursor: usize,
}

impl Editing {
    fn open(server: &mut Server, uri: &str) -> Self {
        server.open(uri, "rust", TEXT);
        Self { uri: uri.to_owned(), text: Text::new(TEXT), cursor: 0 }
    }

    fn change(&mut self, server: &mut Server, range: std::ops::Range<usize>, new: &str) {
        let change = self.text.edit(range.clone(), new);
        self.cursor = range.start + new.len();
        server.notify("textDocument/didChange", &self.text.did_change(&self.uri, &[change]));
    }

    /// Renames the parameter where it is defined.
    fn rename(&mut self, server: &mut Server) {
        let at = TEXT.find("user_name").unwrap();
        self.change(server, at..at + "user_name".len(), "account_name");
    }

    fn ask(&self, server: &mut Server, method: &str) -> Value {
        server.ask(method, &self.params()).unwrap()
    }

    /// Sends a request; returns its id.
    fn request(&self, server: &mut Server, method: &str) -> i64 {
        server.request(method, &self.params())
    }

    fn params(&self) -> Value {
        let (line, character) = self.text.position(self.cursor);
        json!({
            "textDocument": {"uri": self.uri, "version": self.text.version},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 2},
        })
    }

    /// Applies an edit as a client does.
    fn accept(&mut self, server: &mut Server, edit: &Value) {
        assert_eq!(edit["textDocument"], json!({"uri": self.uri, "version": self.text.version}));
        let offset = |end: &str| {
            let position = &edit["range"][end];
            self.text
                .offset(position["line"].as_u64().unwrap(), position["character"].as_u64().unwrap())
        };
        let range = offset("start")..offset("end");
        self.change(server, range, edit["text"].as_str().unwrap());
        assert_eq!(server.ask("workspace/executeCommand", &edit["command"]), Ok(Value::Null));
    }
}

#[test]
fn rename_is_offered_at_each_place() {
    let mut server = Server::spawn(Options::default());
    let neovim = json!({
        "editorInfo": {"name": "Neovim", "version": "0.12.4"},
        "editorPluginInfo": {"name": "Neovim", "version": "1.13.0"},
    });
    server.initialize(&capabilities(), &neovim, None);
    status(&mut server, "Normal");
    let mut editing = Editing::open(&mut server, "file:///work/a.rs");
    assert_eq!(editing.ask(&mut server, INLINE_EDIT), json!({"edits": []}), "nothing was edited");
    editing.rename(&mut server);
    for _ in 0..2 {
        let edits = editing.ask(&mut server, INLINE_EDIT)["edits"].clone();
        let edit = &edits[0];
        assert_eq!(edits.as_array().unwrap().len(), 1, "{edits}");
        assert_eq!(edit["command"]["command"], "github.copilot.didAcceptCompletionItem");
        server.notify(
            "textDocument/didShowInlineEdit",
            &json!({"item": {"command": edit["command"]}}),
        );
        editing.accept(&mut server, edit);
    }
    assert_eq!(editing.ask(&mut server, INLINE_EDIT), json!({"edits": []}), "all are done");
    let renamed = TEXT.replace("user_name", "account_name");
    let expected = renamed.replace("\"account_name\"", "\"user_name\"");
    assert_eq!(editing.text.text, expected, "the string stays");
    server.finish();
}

#[test]
fn dismissed_edit_stays_away_and_setting_turns_them_off() {
    let mut server = Server::start(&Value::Null);
    let mut editing = Editing::open(&mut server, "file:///work/a.rs");
    editing.rename(&mut server);
    let answer = editing.ask(&mut server, NEXT_EDIT);
    let edit = &answer["edits"][0];
    assert_eq!(answer["why"], Value::Null);
    assert_eq!(edit["command"]["command"], "lowkey.accept");
    let dismiss = json!({"command": "lowkey.dismiss", "arguments": edit["command"]["arguments"]});
    assert_eq!(server.ask("workspace/executeCommand", &dismiss), Ok(Value::Null));
    let answer = editing.ask(&mut server, NEXT_EDIT);
    assert_eq!(answer["edits"], json!([]));
    assert!(answer["why"].as_str().unwrap().contains("dismissed"), "{answer}");
    let off = json!({"settings": {"lowkey": {"next_edit": "off"}}});
    server.notify("workspace/didChangeConfiguration", &off);
    let answer = editing.ask(&mut server, NEXT_EDIT);
    assert_eq!(answer, json!({"edits": [], "why": "the setting next_edit is off"}));
    server.finish();
}

#[test]
fn denied_file_has_no_history() {
    let folder = TestFolder::new("next-edit");
    std::fs::write(folder.join(".gitignore"), "secret.rs\n").unwrap();
    let mut server = Server::spawn(Options::default());
    server.initialize(&capabilities(), &Value::Null, Some(&folder));
    let mut denied = Editing::open(&mut server, &uri(&folder.join("secret.rs")));
    denied.rename(&mut server);
    assert_eq!(denied.ask(&mut server, NEXT_EDIT)["edits"], json!([]));
    // Its edit is not proposed elsewhere.
    let allowed = Editing::open(&mut server, &uri(&folder.join("a.rs")));
    let answer = allowed.ask(&mut server, NEXT_EDIT);
    assert_eq!(answer, json!({"edits": [], "why": "nothing was edited in this session"}));
    server.finish();
}

/// A server with a next-edit model whose answer is known, and a document with the user's edit.
fn with_model(folder: &TestFolder) -> (Server, Editing) {
    let model = folder.join("scripted.gguf");
    std::fs::write(&model, next_edit_model()).unwrap();
    let mut server = Server::start(&json!({"next_edit_model": model}));
    let uri = "file:///work/a.rs".to_owned();
    server.open(&uri, "rust", MODEL_TEXT);
    let mut editing = Editing { uri, text: Text::new(MODEL_TEXT), cursor: 0 };
    editing.change(&mut server, 0..EDIT[0].len(), EDIT[1]);
    (server, editing)
}

#[test]
fn model_offers_its_edits_one_by_one() {
    let folder = TestFolder::new("next-edit-model");
    let (mut server, mut editing) = with_model(&folder);
    let deadline = std::time::Instant::now() + TIMEOUT;
    // The first request finds nothing to repeat, and makes the server load the model.
    let mut answer = editing.ask(&mut server, NEXT_EDIT);
    assert!(answer["why"].as_str().unwrap().contains("is loading"), "{answer}");
    while answer["edits"] == json!([]) {
        assert!(answer["why"].as_str().unwrap().contains("is loading"), "{answer}");
        assert!(std::time::Instant::now() < deadline, "the model is not loaded");
        answer = editing.ask(&mut server, NEXT_EDIT);
    }
    for expected in ["omega;\nkappa)\ngamma}\ndelta,\n", ANSWER] {
        assert_eq!(answer["edits"].as_array().unwrap().len(), 1, "{answer}");
        editing.accept(&mut server, &answer["edits"][0].clone());
        assert_eq!(editing.text.text, expected);
        answer = editing.ask(&mut server, NEXT_EDIT);
    }
    assert_eq!(answer["edits"], json!([]), "all is done: {answer}");
    server.finish();
}

#[test]
fn cancelled_request_is_answered_once() {
    let folder = TestFolder::new("next-edit-cancel");
    let (mut server, editing) = with_model(&folder);
    let id = editing.request(&mut server, NEXT_EDIT);
    server.notify("$/cancelRequest", &json!({"id": id}));
    assert_eq!(server.answer(id).map_err(|(code, _)| code), Err(-32800));
    server.finish();
}

#[test]
fn unusable_model_is_one_reason() {
    let mut server = Server::start(&json!({"next_edit_model": "no-such-model"}));
    let mut editing = Editing::open(&mut server, "file:///work/a.rs");
    editing.change(&mut server, 0..0, "// new\n");
    let deadline = std::time::Instant::now() + TIMEOUT;
    loop {
        let answer = editing.ask(&mut server, NEXT_EDIT);
        let why = answer["why"].as_str().unwrap();
        if why.contains("no-such-model") && why.contains("next_edit_model") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{why}");
    }
    server.finish();
}
