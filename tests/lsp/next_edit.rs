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

    /// Applies an edit as a client does, and runs its command.
    fn accept(&mut self, server: &mut Server, edit: &Value) {
        self.apply(server, edit);
        assert_eq!(server.ask("workspace/executeCommand", &edit["command"]), Ok(Value::Null));
    }

    fn apply(&mut self, server: &mut Server, edit: &Value) {
        assert_eq!(edit["textDocument"], json!({"uri": self.uri, "version": self.text.version}));
        let offset = |end: &str| {
            let position = &edit["range"][end];
            self.text
                .offset(position["line"].as_u64().unwrap(), position["character"].as_u64().unwrap())
        };
        let range = offset("start")..offset("end");
        self.change(server, range, edit["text"].as_str().unwrap());
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

/// What sidekick.nvim and Neovim 0.12 send, recorded from a session in which the plugin showed, jumped to and
/// applied both edits. Neovim counts versions from 0, joins the keys of one command in one
/// notification, and sends the smallest change of an accepted edit instead of the edit itself.
#[test]
fn session_of_sidekick_is_replayed() {
    let uri = "file:///work/greet.py";
    let document = |version: i64| json!({"uri": uri, "version": version});
    let change = |line: u64, from: u64, to: u64, text: &str| {
        json!({
            "range": {"start": {"line": line, "character": from}, "end": {"line": line, "character": to}},
            "rangeLength": to - from,
            "text": text,
        })
    };
    let mut server = Server::spawn(Options::default());
    let neovim = json!({
        "editorInfo": {"name": "Neovim", "version": "0.12.4"},
        "editorPluginInfo": {"name": "Neovim", "version": "0.12.4"},
    });
    server.initialize(&capabilities(), &neovim, None);
    status(&mut server, "Normal");
    let text = "def greet(user_name):\n    \"user_name\"\n    text = format(user_name)\n    send(user_name, text)\n";
    server.notify(
        "textDocument/didOpen",
        &json!({"textDocument": {"uri": uri, "languageId": "python", "version": 0, "text": text}}),
    );
    server.notify("textDocument/didFocus", &json!({"textDocument": {"uri": uri}}));
    let mut keys = vec![change(0, 10, 19, ""), change(0, 10, 10, "")];
    keys.extend(
        "account_name".chars().zip(10..).map(|(key, at)| change(0, at, at, &key.to_string())),
    );
    server.notify(
        "textDocument/didChange",
        &json!({"textDocument": document(17), "contentChanges": keys}),
    );
    // Older versions of the plugin send no context.
    for (asked, context, place, accepted) in [
        ((0, 21), Value::Null, (2, 18), change(2, 18, 22, "account")),
        ((2, 30), json!({"triggerKind": 2}), (3, 9), change(3, 9, 13, "account")),
    ] {
        let version = if place.0 == 2 { 17 } else { 18 };
        let mut params = json!({
            "textDocument": document(version),
            "position": {"line": asked.0, "character": asked.1},
        });
        if !context.is_null() {
            params["context"] = context;
        }
        let answer = server.ask(INLINE_EDIT, &params).unwrap();
        let edit = &answer["edits"][0];
        assert_eq!(answer["edits"].as_array().unwrap().len(), 1, "{answer}");
        // The plugin drops an edit without the version that it has sent.
        assert_eq!(edit["textDocument"], document(version));
        assert_eq!(edit["text"], "account_name");
        let (line, character) = place;
        let range = json!({
            "start": {"line": line, "character": character},
            "end": {"line": line, "character": character + 9},
        });
        assert_eq!(edit["range"], range);
        server.notify(
            "textDocument/didChange",
            &json!({"textDocument": document(version + 1), "contentChanges": [accepted]}),
        );
        // Without the command's title.
        let command = json!({
            "command": "github.copilot.didAcceptCompletionItem",
            "arguments": edit["command"]["arguments"],
        });
        assert!(command["arguments"][0].is_string(), "{command}");
        assert_eq!(server.ask("workspace/executeCommand", &command), Ok(Value::Null));
    }
    let params = json!({"textDocument": document(19), "position": {"line": 3, "character": 27}, "context": {"triggerKind": 2}});
    assert_eq!(server.ask(INLINE_EDIT, &params), Ok(json!({"edits": []})), "all are done");
    server.finish();
}

/// copilot-lsp reports that an edit is shown, applies it, and does not run its command.
#[test]
fn edit_accepted_without_its_command_leads_to_the_following_one() {
    let mut server = Server::spawn(Options::default());
    let plugin = json!({
        "editorInfo": {"name": "neovim", "version": "0.12.4"},
        "editorPluginInfo": {"name": "Github Copilot LSP for Neovim", "version": "0.0.1"},
    });
    server.initialize(&capabilities(), &plugin, None);
    status(&mut server, "Normal");
    let mut editing = Editing::open(&mut server, "file:///work/a.rs");
    editing.rename(&mut server);
    for n_left in [1, 0] {
        let edit = editing.ask(&mut server, INLINE_EDIT)["edits"][0].clone();
        server.notify(
            "textDocument/didShowInlineEdit",
            &json!({"item": {"command": edit["command"]}}),
        );
        editing.apply(&mut server, &edit);
        assert_eq!(editing.text.text.matches("user_name").count(), n_left + 1, "{edit}");
    }
    assert_eq!(editing.ask(&mut server, INLINE_EDIT), json!({"edits": []}), "all are done");
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
    assert_eq!(second_state(&mut server), "ready");
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
    assert_eq!(second_state(&mut server), "failed");
    server.finish();
}

/// The state of the next-edit model that the server reports.
fn second_state(server: &mut Server) -> Value {
    server.ask("$/lowkey/status", &Value::Null).unwrap()["next_edit_model"]["state"].clone()
}
