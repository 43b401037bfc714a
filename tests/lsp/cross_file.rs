//! Signatures of other files in the prompt: which files are read, and which never.

use std::cell::Cell;
use std::time::{Duration, Instant};

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{Options, Server, TIMEOUT, capabilities, uri};
use serde_json::{Value, json};

/// A workspace in which `src/main.rs` uses names of other files.
pub(crate) struct Workspace {
    pub(crate) folder: TestFolder,
    pub(crate) main: String,
    version: Cell<u32>,
}

pub(crate) const MAIN: &str = "use crate::hidden::reveal_all;\nuse crate::late::later_one;\nuse crate::shapes::area_of;\n\n\
                    fn main() {\n    let a1 = foo(1);\n    let a2 = foo(2);\n    let a3 = \n}\n";

/// Leaves room for signatures in the toy's short context.
pub(crate) fn room() -> Value {
    json!({"prompt_tokens": 256})
}

/// The text of denied files, and nothing else.
const MARKER: &str = "zebra_marker";

impl Workspace {
    pub(crate) fn new(name: &str) -> Self {
        let folder = TestFolder::new(name);
        std::fs::create_dir(folder.join("src")).unwrap();
        let main = uri(&folder.join("src/main.rs"));
        let workspace = Self { folder, main, version: Cell::new(1) };
        workspace.write("src/main.rs", MAIN);
        workspace.write("src/shapes.rs", "pub fn area_of(width: u32) -> u32 {\n    width\n}\n");
        workspace
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn serve(
        &self,
        options: Options,
        initialization: &Value,
        capabilities: &Value,
    ) -> Server {
        let mut server = Server::spawn(options);
        server.initialize(capabilities, initialization, Some(&self.folder));
        server.ready();
        server.open(&self.main, "rust", MAIN);
        server
    }

    /// Requests suggestions until the prompt has a file's signatures; returns the reasons in words.
    pub(crate) fn wait_for(&self, server: &mut Server, file: &str) -> String {
        self.wait_until(server, &format!("signatures of {file}"), |why| {
            why.contains(&format!("context: signatures of {file} "))
        })
    }

    /// Requests suggestions until the reasons in words are as expected, and returns them. Every
    /// request has another place of the anchor, because a place keeps its choice.
    pub(crate) fn wait_until(
        &self,
        server: &mut Server,
        what: &str,
        is_it: impl Fn(&str) -> bool,
    ) -> String {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let version = self.version.get() + 1;
            self.version.set(version);
            let above = "/".repeat(2 + (version % 50) as usize);
            server.notify(
                "textDocument/didChange",
                &json!({
                    "textDocument": {"uri": self.main, "version": version},
                    "contentChanges": [{"text": format!("{above}\n{MAIN}")}],
                }),
            );
            server.items(&self.main, 8, 13);
            let why = server.explain(&self.main)["why"].to_string();
            if is_it(&why) {
                return why;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}: {why}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn prompt_has_signatures_of_used_names() {
    let workspace = Workspace::new("cross-file");
    let mut server = workspace.serve(Options::default(), &room(), &capabilities());
    let why = workspace.wait_for(&mut server, "src/shapes.rs");
    let shown = "\"context: signatures of src/shapes.rs (1 line); imported: area_of\"";
    assert!(why.contains(shown), "{why}");
    server.finish();
}

#[test]
fn setting_disables_the_index() {
    let workspace = Workspace::new("cross-file-off");
    let off = json!({"cross_file": "never"});
    let mut server = workspace.serve(Options::default(), &off, &capabilities());
    for _ in 0..3 {
        server.items(&workspace.main, 7, 13);
        let why = server.explain(&workspace.main)["why"].to_string();
        assert!(!why.contains("signatures"), "{why}");
    }
    server.finish();
}

#[test]
fn denied_files_are_not_indexed() {
    let workspace = Workspace::new("cross-file-denied");
    workspace.write(".lowkeyignore", "hidden.rs\n");
    workspace.write(".gitignore", "late.rs\n");
    let denied =
        format!("pub fn reveal_all({MARKER}: u32) {{}}\npub fn later_one({MARKER}: u32) {{}}\n");
    for name in ["src/hidden.rs", "src/late.rs", "src/secrets.rs"] {
        workspace.write(name, &denied);
    }
    std::fs::write(workspace.folder.join(".env"), format!("{MARKER}=1\n")).unwrap();
    let cache = TestFolder::new("cross-file-cache");
    let env =
        vec![("LOWKEY_LOG", "trace".to_owned()), ("LOWKEY_CACHE_DIR", cache.display().to_string())];
    let options = Options { env, ..Options::default() };
    let mut server = workspace.serve(options, &room(), &capabilities());
    // The walk reads a folder's files in order, so those before `shapes.rs` had their turn.
    workspace.write("src/zoo.rs", "pub fn zoo_of(width: u32) -> u32 {\n    width\n}\n");
    let why = workspace.wait_for(&mut server, "src/shapes.rs");
    for name in ["hidden.rs", "late.rs", "secrets.rs", MARKER] {
        assert!(!why.contains(name), "{name}: {why}");
    }
    let log = server.finish();
    assert!(!log.contains(MARKER), "{log}");
    for file in std::fs::read_dir(&*cache).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let has_marker = bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
            assert!(!has_marker, "{}", path.display());
        }
    }
}

/// The capabilities of a client that accepts a registration of watched files.
fn watching() -> Value {
    let mut capabilities = capabilities();
    capabilities["workspace"]["didChangeWatchedFiles"] = json!({"dynamicRegistration": true});
    capabilities
}

/// Returns the parameters of the registration of watched files.
fn registration(server: &Server) -> Option<&Value> {
    let registered = server.server_requests.iter().find(|(method, params)| {
        method == "client/registerCapability"
            && params["registrations"][0]["method"] == "workspace/didChangeWatchedFiles"
    });
    registered.map(|(_, params)| params)
}

#[test]
fn file_that_is_denied_later_leaves_the_prompt() {
    let workspace = Workspace::new("cross-file-denied-later");
    let mut server = workspace.serve(Options::default(), &room(), &watching());
    workspace.wait_for(&mut server, "src/shapes.rs");
    workspace.write(".lowkeyignore", "shapes.rs\n");
    let deadline = Instant::now() + TIMEOUT;
    // The text does not change, so the place keeps its choice; verdicts are kept for a second.
    loop {
        server.items(&workspace.main, 8, 13);
        let why = server.explain(&workspace.main)["why"].to_string();
        if !why.contains("src/shapes.rs") {
            break;
        }
        assert!(Instant::now() < deadline, "{why}");
        std::thread::sleep(Duration::from_millis(100));
    }
    server.finish();
}

#[test]
fn lsp_mode_watches_no_files() {
    let workspace = Workspace::new("cross-file-lsp-mode");
    let mut server = Server::spawn(Options::default());
    server.client_info = json!({"name": "emacs", "version": "GNU Emacs 30.2"});
    server.initialize(&watching(), &room(), Some(&workspace.folder));
    server.ready();
    server.open(&workspace.main, "rust", MAIN);
    workspace.wait_for(&mut server, "src/shapes.rs");
    assert_eq!(registration(&server), None);
    server.finish();
}

#[test]
fn changed_files_are_read_again() {
    let workspace = Workspace::new("cross-file-changed");
    let mut server = workspace.serve(Options::default(), &room(), &watching());
    workspace.wait_for(&mut server, "src/shapes.rs");
    let params = registration(&server).expect("the server registers for changes");
    let pattern = params["registrations"][0]["registerOptions"]["watchers"][0]["globPattern"]
        .as_str()
        .unwrap();
    assert!(pattern.starts_with("**/*.{") && pattern.contains("rs"), "{pattern}");
    workspace.write("src/late.rs", "pub fn later_one(width: u32) -> u32 {\n    width\n}\n");
    let late = uri(&workspace.folder.join("src/late.rs"));
    server
        .notify("workspace/didChangeWatchedFiles", &json!({"changes": [{"uri": late, "type": 1}]}));
    workspace.wait_for(&mut server, "src/late.rs");
    server.finish();
}
