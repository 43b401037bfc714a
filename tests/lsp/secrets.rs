//! Files that the model must not see: no completion there, with a reason, and none of their text
//! elsewhere.

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{Options, Server, capabilities, uri};
use serde_json::{Value, json};

/// A temporary folder for one test.
struct Folder(TestFolder);

impl Folder {
    fn new(name: &str) -> Self {
        Self(TestFolder::new(name))
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        uri(&path)
    }
}

const TEXT: &str = "const a1 = foo(1);\nconst a2 = foo(2);\nconst a3 = foo(3);\nconst a4 = \n";

#[test]
fn denied_files_are_silent_with_reason() {
    let folder = Folder::new("denied");
    folder.write(".gitignore", "generated/\n*.tmp.js\n");
    folder.write(".lowkeyignore", "private/\n");
    let denied = [
        ".env",
        ".env.local",
        "config/secrets.yaml",
        "id_rsa",
        "server.pem",
        "generated/a.js",
        "b.tmp.js",
        "private/c.js",
    ]
    .map(|name| folder.write(name, TEXT));
    let allowed = folder.write("src/main.js", TEXT);
    let mut server = Server::spawn(Options::default());
    server.initialize(&capabilities(), &Value::Null, Some(&folder.0));
    server.ready();
    for uri in &denied {
        server.open(uri, "javascript", TEXT);
        assert_eq!(server.items(uri, 3, 11), [] as [Value; 0], "{uri}");
        let report = server.explain(uri);
        assert!(report["silent"].is_string(), "{uri}: {report}");
        assert_eq!(report["tokens"]["prompt"], 0, "nothing of it was in a prompt: {uri}");
    }
    server.open(&allowed, "javascript", TEXT);
    server.items(&allowed, 3, 11);
    let report = server.explain(&allowed);
    assert_ne!(report["tokens"]["prompt"], 0, "an allowed file is asked about: {report}");
    server.finish();
}

#[test]
fn names_in_uris_of_any_scheme_are_checked() {
    let folder = Folder::new("schemes");
    folder.write(".lowkeyignore", "/private/\n");
    let root = folder.0.display().to_string();
    let denied = [
        "untitled:/home/u/.env".to_owned(),
        "untitled:.env".to_owned(),
        "suda:///etc/shadow".to_owned(),
        "fugitive:///home/u/p/.git//0/.env".to_owned(),
        "scp://host//home/u/id_rsa".to_owned(),
        "git:/home/u/.env?%7B%7D".to_owned(),
        "vscode-notebook-cell:/ws/secrets.ipynb#W0sZmlsZQ%3D%3D".to_owned(),
        "vscode-remote://ssh-remote%2Bbox/home/u/.env".to_owned(),
        "never-heard-of://x?file=server.pem".to_owned(),
        "/home/u/.env".to_owned(),
        "file:///home/u/server.pem#L1".to_owned(),
        "file:///home/u/.env%00.txt".to_owned(),
        format!("untitled:{root}/private/a.js"),
        format!("fugitive://{root}/.git//0/private/a.js"),
        format!("vscode-notebook-cell:{root}/private/a.ipynb#W0s"),
        format!("file:///{}a.js", "a/".repeat(60_000)),
    ];
    let allowed = [
        "untitled:Untitled-1".to_owned(),
        format!("untitled:{root}/a.js"),
        format!("vscode-notebook-cell:{root}/a.ipynb#W0s"),
    ];
    let mut server = Server::spawn(Options::default());
    server.initialize(&capabilities(), &Value::Null, Some(&folder.0));
    server.ready();
    for (uri, is_denied) in
        denied.iter().map(|uri| (uri, true)).chain(allowed.iter().map(|uri| (uri, false)))
    {
        server.open(uri, "javascript", TEXT);
        server.items(uri, 3, 11);
        let report = server.explain(uri);
        assert_eq!(report["silent"] == "denied", is_denied, "{uri:.80}: {report}");
        assert_eq!(report["tokens"]["prompt"] == 0, is_denied, "{uri:.80}: {report}");
    }
    server.finish();
}

#[test]
fn folder_added_later_brings_rules() {
    let folder = Folder::new("added");
    // Some editors send blanks and percent signs unescaped.
    let names = ["plain", "with blank", "100%"];
    let mut server = Server::start(&Value::Null);
    server.ready();
    let added = names.map(|name| json!({"uri": uri(&folder.0.join(name)), "name": name}));
    for name in names {
        folder.write(&format!("{name}/.gitignore"), "generated/\n");
    }
    let event = json!({"event": {"added": added, "removed": []}});
    server.notify("workspace/didChangeWorkspaceFolders", &event);
    for name in names {
        let generated = folder.write(&format!("{name}/generated/a.js"), TEXT);
        server.open(&generated, "javascript", TEXT);
        assert_eq!(server.items(&generated, 3, 11), [] as [Value; 0], "{name}");
        assert_eq!(server.explain(&generated)["tokens"]["prompt"], 0, "{name}");
    }
    server.finish();
}
