//! The precedence of pip's settings, with a separate home folder for each test.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;

/// Creates a home folder with these files.
struct Home(PathBuf);

impl Home {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("lowkey-pip-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        for (file, text) in files {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Self(path)
    }

    /// Reads the index; values that begin with `~` are paths in this home.
    fn index(&self, variables: &[(&str, &str)]) -> Index {
        // The machine's own files must not affect a test.
        let nowhere = ("XDG_CONFIG_DIRS", "~/nowhere");
        let find = |name: &str| {
            let found = variables.iter().chain([&nowhere]).find(|(known, _)| *known == name);
            found.map(|(_, value)| match value.strip_prefix("~/") {
                Some(rest) => self.0.join(rest).into_os_string(),
                None => value.into(),
            })
        };
        Index::read(find, Some(&self.0))
    }

    fn url(&self, variables: &[(&str, &str)]) -> String {
        self.index(variables).url
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn default_is_the_public_index() {
    let home = Home::new("none", &[]);
    // A pip.conf of this machine may name certificates or another index; the user's own file takes
    // precedence here.
    let index = home.index(&[("PIP_CONFIG_FILE", NO_FILE)]);
    assert_eq!((&*index.url, index.token), (PUBLIC_INDEX, None));
    assert_eq!((index.forbidden_by, index.route), (None, Route::default()));
}

#[cfg(unix)]
#[test]
fn nearer_setting_wins() {
    let section = |name: &str| format!("[{name}]\nindex-url = https://{name}/simple\n");
    let home = Home::new(
        "nearer",
        &[
            (".pip/pip.conf", &section("old")),
            (".config/pip/pip.conf", "[global]\nindex-url = https://user/simple\n"),
            ("xdg/pip/pip.conf", "[install]\nindex-url = https://install/simple\n"),
            ("venv/pip.conf", "[global]\nindex-url = https://venv/simple\n"),
            ("named", "[global]\nindex_url: https://named/simple\n[download]\ntimeout = 5\n"),
            ("download", "[download]\nindex-url = https://download/simple\n"),
        ],
    );
    assert_eq!(home.url(&[]), "https://user/simple/");
    let venv = ("VIRTUAL_ENV", "~/venv");
    assert_eq!(home.url(&[venv]), "https://venv/simple/");
    let named = ("PIP_CONFIG_FILE", "~/named");
    assert_eq!(home.url(&[venv, named]), "https://named/simple/");
    // A section for the command takes precedence over every [global], in any file.
    let xdg = ("XDG_CONFIG_HOME", "~/xdg");
    assert_eq!(home.url(&[venv, xdg]), "https://install/simple/");
    assert_eq!(home.url(&[("PIP_CONFIG_FILE", "~/download")]), "https://download/simple/");
    // With a named file the user's own is not read; a missing one changes nothing.
    let no_user = home.url(&[xdg, named]);
    assert_eq!(no_user, "https://named/simple/");
    assert_eq!(home.url(&[("PIP_CONFIG_FILE", "~/missing")]), "https://user/simple/");
    let variable = ("PIP_INDEX_URL", "http://variable:8/simple/");
    assert_eq!(home.url(&[venv, xdg, variable]), "http://variable:8/simple/");
    assert_eq!(home.index(&[variable]).found_in, "PIP_INDEX_URL");
    assert_eq!(home.url(&[("PIP_INDEX_URL", " ")]), "https://user/simple/");
}

#[test]
fn credentials_are_split_from_the_address() {
    let home = Home::new("secret", &[]);
    let index = home.index(&[("PIP_INDEX_URL", "https://me:p%40ss@h:8/simple")]);
    assert_eq!(index.url, "https://h:8/simple/");
    assert_eq!(index.token.as_ref().unwrap(), &AuthToken::basic("me", "p@ss"));
    assert!(!format!("{index:?}").contains("ss@"), "{index:?}");
}

#[test]
fn no_index_certificates_and_proxy_are_read() {
    let text = "[global]\nno-index = yes\ncert = /etc/company.pem\nproxy = http://p:3128\n";
    let home = Home::new("route", &[("named", text)]);
    let named = ("PIP_CONFIG_FILE", "~/named");
    let index = home.index(&[named]);
    assert!(index.forbidden_by.is_some_and(|file| file.ends_with("named")));
    assert_eq!(index.route.authorities, Some("/etc/company.pem".into()));
    assert_eq!(index.route.proxy.as_deref(), Some("http://p:3128"));
    let index = home.index(&[named, ("PIP_NO_INDEX", "0"), ("PIP_CERT", "/other.pem")]);
    assert_eq!(index.forbidden_by, None);
    assert_eq!(index.route.authorities, Some("/other.pem".into()));
}

#[test]
fn non_text_configuration_is_ignored() {
    let home = Home::new("odd", &[("named", "[global\0\nindex-url")]);
    std::fs::write(home.0.join("bytes"), [0xff, 0xfe, 0, b'[']).unwrap();
    for named in ["~/named", "~/bytes", "~/"] {
        let index = home.index(&[("PIP_CONFIG_FILE", named)]);
        assert!(index.url.ends_with("/simple/"), "{index:?}");
    }
}
