//! The folders of settings, cache and statistics on Linux, by the variables that move them.

use std::path::PathBuf;

use serde_json::Value;

use crate::{Folder, assert_fails, stdout};

/// What two commands say about a user's folders.
#[derive(Debug, PartialEq)]
struct Folders {
    settings: PathBuf,
    cache: PathBuf,
    statistics: PathBuf,
}

impl Folders {
    /// Runs the commands with these variables, and with the test's folder as the home folder.
    fn of(home: &Folder, variables: &[(&str, &str)]) -> Self {
        let json = |args: &[&str]| -> Value {
            let output = with(home, args, variables).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            serde_json::from_str(&stdout(&output)).unwrap()
        };
        let doctor = json(&["doctor", "--json", "--no-self-test"]);
        let stats = json(&["stats", "--json"]);
        let path = |value: &Value| PathBuf::from(value.as_str().unwrap());
        Self {
            settings: path(&doctor["settings_file"]),
            cache: path(&doctor["kept"]["folder"]),
            statistics: path(&stats["file"]),
        }
    }
}

fn with(home: &Folder, args: &[&str], variables: &[(&str, &str)]) -> std::process::Command {
    let mut command = home.command(args);
    for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
        command.env_remove(variable);
    }
    command.env_remove("LOWKEY_CONFIG").env_remove("LOWKEY_CACHE_DIR");
    command.env("HOME", home.0.join("home")).envs(variables.iter().copied());
    command
}

#[test]
fn folders_follow_the_variables() {
    let folder = Folder::new("folders");
    let home = folder.0.join("home");
    let defaults = Folders {
        settings: home.join(".config/lowkey/lowkey.toml"),
        cache: home.join(".cache/lowkey"),
        statistics: home.join(".local/state/lowkey/statistics.jsonl"),
    };
    assert_eq!(Folders::of(&folder, &[]), defaults);
    // The XDG base directory specification ignores a relative path.
    for ignored in ["", "relative", "./x"] {
        let variables =
            ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"].map(|name| (name, ignored));
        assert_eq!(Folders::of(&folder, &variables), defaults, "{ignored:?}");
    }
    let xdg = [
        ("XDG_CONFIG_HOME", "/nowhere/a"),
        ("XDG_CACHE_HOME", "/nowhere/b"),
        ("XDG_STATE_HOME", "/nowhere/c"),
    ];
    let moved = Folders {
        settings: "/nowhere/a/lowkey/lowkey.toml".into(),
        cache: "/nowhere/b/lowkey".into(),
        statistics: "/nowhere/c/lowkey/statistics.jsonl".into(),
    };
    assert_eq!(Folders::of(&folder, &xdg), moved);
    let ours = [("LOWKEY_CACHE_DIR", "/nowhere/d"), ("LOWKEY_CONFIG", "/nowhere/e.toml")];
    let moved = Folders {
        settings: "/nowhere/e.toml".into(),
        cache: "/nowhere/d".into(),
        statistics: "/nowhere/d/statistics.jsonl".into(),
    };
    assert_eq!(Folders::of(&folder, &[&xdg[..], &ours[..]].concat()), moved);
}

#[test]
fn empty_cache_folder_keeps_nothing() {
    let folder = Folder::new("no-folders");
    let off = [("LOWKEY_CACHE_DIR", "")];
    let output = with(&folder, &["stats"], &off).output().unwrap();
    assert_fails(&output, 1, &["LOWKEY_CACHE_DIR is set and empty"]);
    let output = with(&folder, &["doctor", "--json", "--no-self-test"], &off).output().unwrap();
    let doctor: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(doctor["kept"]["folder"].is_null(), "{doctor}");
}
