//! The rules over real folders: what git excludes, what `.lowkeyignore` excludes, and what must
//! fail closed.
#![expect(clippy::unwrap_used, reason = "a test without its folder cannot go on")]

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

mod bounds;
mod places;

/// A folder of files that is removed when the test ends.
struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Writes files; a path that ends with `/` is a folder.
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "lowkey-rules-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let root = std::env::temp_dir().join(name).join("workspace");
        fs::create_dir_all(&root).unwrap();
        let workspace = Self { root };
        for (path, text) in files {
            workspace.write(path, text);
        }
        workspace
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.root.join(path);
        if path.ends_with('/') {
            fs::create_dir_all(file).unwrap();
        } else {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
    }

    fn rules(&self) -> Rules {
        Rules::new(Some(&self.root), &[]).0
    }

    fn denied<'p>(&self, rules: &Rules, paths: &[&'p str]) -> Vec<&'p str> {
        paths
            .iter()
            .copied()
            .filter(|path| !rules.verdict(&self.root.join(path)).is_allowed())
            .collect()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Some(parent) = self.root.parent() {
            let _ = fs::remove_dir_all(parent);
        }
    }
}

fn rule_of(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allowed => String::new(),
        Verdict::Denied { rule } => rule,
    }
}

#[test]
fn nested_ignore_files_apply_as_in_git() {
    let workspace = Workspace::new(&[
        (".git/", ""),
        (".gitignore", "*.log\n/build/\ndocs/*.txt\n!docs/keep.txt\n"),
        ("sub/.gitignore", "!wanted.log\n*.tmp\n"),
    ]);
    let rules = workspace.rules();
    let denied = workspace.denied(
        &rules,
        &[
            "a.log",
            "sub/b.log",
            "sub/wanted.log",
            "build/x.rs",
            "sub/build/x.rs",
            "docs/a.txt",
            "docs/keep.txt",
            "sub/c.tmp",
            "c.tmp",
            "src/main.rs",
        ],
    );
    assert_eq!(denied, ["a.log", "sub/b.log", "build/x.rs", "docs/a.txt", "sub/c.tmp"]);
}

#[test]
fn excluded_folder_allows_no_reinclusion() {
    let workspace = Workspace::new(&[
        (".gitignore", "out/\n"),
        ("out/.gitignore", "!a.rs\n"),
        ("out/a.rs", ""),
    ]);
    assert_eq!(workspace.denied(&workspace.rules(), &["out/a.rs"]), ["out/a.rs"]);
}

#[test]
fn lowkeyignore_only_adds_to_git_rules() {
    let workspace = Workspace::new(&[
        (".gitignore", "*.log\n"),
        (".lowkeyignore", "# ours\nprivate/\n!a.log\n!.env\n"),
        ("sub/.lowkeyignore", "*.gen.rs\n"),
    ]);
    let rules = workspace.rules();
    let paths = ["private/a.rs", "a.log", ".env", "sub/x.gen.rs", "x.gen.rs", "sub/x.rs"];
    assert_eq!(workspace.denied(&rules, &paths), ["private/a.rs", "a.log", ".env", "sub/x.gen.rs"]);
    let rule = rule_of(rules.verdict(&workspace.root.join("private/a.rs")));
    assert!(rule.contains("`private/`") && rule.ends_with(".lowkeyignore"), "{rule}");
}

#[test]
fn ignore_files_above_the_workspace() {
    let workspace = Workspace::new(&[]);
    let above = workspace.root.parent().unwrap();
    fs::write(above.join(".lowkeyignore"), "*.private\n").unwrap();
    fs::write(above.join(".gitignore"), "*.gen\n").unwrap();
    assert_eq!(workspace.denied(&workspace.rules(), &["a.private", "a.gen"]), ["a.private"]);
    fs::create_dir(above.join(".git")).unwrap();
    assert_eq!(
        workspace.denied(&workspace.rules(), &["a.private", "a.gen"]),
        ["a.private", "a.gen"]
    );
}

#[test]
fn private_excludes_are_denied() {
    let workspace = Workspace::new(&[(".git/info/exclude", "scratch*\n")]);
    assert_eq!(workspace.denied(&workspace.rules(), &["scratch.rs", "a.rs"]), ["scratch.rs"]);
}

#[test]
fn unreadable_ignore_file_denies_its_folder() {
    let workspace = Workspace::new(&[("sub/.gitignore/", ""), ("sub/a.rs", ""), ("b.rs", "")]);
    let rules = workspace.rules();
    assert_eq!(
        workspace.denied(&rules, &["sub/a.rs", "sub/deep/a.rs", "b.rs"]),
        ["sub/a.rs", "sub/deep/a.rs"]
    );
    let problems = rules.take_problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].to_string().contains("not a regular file"), "{}", problems[0]);
    assert!(rules.take_problems().is_empty());

    let at_the_root = Workspace::new(&[(".lowkeyignore/", "")]);
    let (rules, problems) = Rules::new(Some(&at_the_root.root), &[]);
    assert_eq!(problems.len(), 1);
    assert!(rule_of(rules.verdict(&at_the_root.root.join("a.rs"))).contains("cannot be read"));
}

#[cfg(unix)]
#[test]
fn links_are_judged_by_both_names() {
    use std::os::unix::fs::symlink;
    let workspace = Workspace::new(&[
        ("a.rs", ""),
        (".env", "KEY=1"),
        ("real/x.rs", ""),
        (".lowkeyignore", "real/\n"),
    ]);
    symlink(workspace.root.join(".env"), workspace.root.join("notes.txt")).unwrap();
    symlink(workspace.root.join("a.rs"), workspace.root.join("id_rsa")).unwrap();
    symlink(workspace.root.join("real"), workspace.root.join("linked")).unwrap();
    symlink(workspace.root.join("nowhere"), workspace.root.join("dangling.rs")).unwrap();
    let paths = [
        "a.rs",
        "notes.txt",
        "id_rsa",
        "linked/x.rs",
        "linked/new.rs",
        "linked/../.env",
        "dangling.rs",
    ];
    let denied = ["notes.txt", "id_rsa", "linked/x.rs", "linked/new.rs", "linked/../.env"];
    assert_eq!(workspace.denied(&workspace.rules(), &paths), denied);
}

#[cfg(unix)]
#[test]
fn dangling_ignore_file_denies_its_folder() {
    let workspace = Workspace::new(&[("a.rs", "")]);
    std::os::unix::fs::symlink("nowhere", workspace.root.join(".gitignore")).unwrap();
    assert_eq!(workspace.denied(&workspace.rules(), &["a.rs"]), ["a.rs"]);
}

#[test]
fn secrets_are_denied_everywhere() {
    let workspace = Workspace::new(&[]);
    for rules in [workspace.rules(), Rules::new(None, &[]).0] {
        for path in [
            "/etc/../srv/.env",
            "/home/u/.ssh/config",
            "/srv/tls/x.PEM",
            "not/there/id_rsa",
            ".env",
        ] {
            let rule = rule_of(rules.verdict(Path::new(path)));
            assert!(rule.starts_with("built-in secret rule"), "{path}: {rule:?}");
        }
        assert_eq!(rules.verdict(&workspace.root.join("new.rs")), Verdict::Allowed);
        assert_eq!(rules.verdict(Path::new("/")), Verdict::Allowed);
    }
}

#[test]
fn setting_denies_and_reports_bad_glob() {
    let workspace = Workspace::new(&[]);
    let globs = ["*.sql", "/vendor/", "a[", "!keep.sql"].map(str::to_owned);
    let (rules, problems) = Rules::new(Some(&workspace.root), &globs);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].reason.contains("`a[`"), "{}", problems[0]);
    let paths = ["db/x.sql", "keep.sql", "vendor/x.rs", "sub/vendor/x.rs", "a.rs"];
    assert_eq!(workspace.denied(&rules, &paths), ["db/x.sql", "vendor/x.rs"]);
    assert!(!rules.verdict(Path::new("/elsewhere/y.sql")).is_allowed());
}

#[test]
fn changed_ignore_file_applies_in_a_second() {
    let workspace = Workspace::new(&[("a.rs", "")]);
    let (rules, file) = (workspace.rules(), workspace.root.join("a.rs"));
    let start = Instant::now();
    assert!(rules.verdict_at(&file, start).is_allowed());
    workspace.write(".gitignore", "*.rs\n");
    assert!(rules.verdict_at(&file, start + Duration::from_millis(999)).is_allowed());
    assert!(!rules.verdict_at(&file, start + Duration::from_secs(3)).is_allowed());
    workspace.write(".gitignore", "*.py\n# longer\n");
    assert!(!rules.verdict_at(&file, start + Duration::from_secs(3)).is_allowed());
    assert!(rules.verdict_at(&file, start + Duration::from_secs(5)).is_allowed());
    workspace.write(".gitignore", "*.rs\n");
    rules.refresh();
    assert!(!rules.verdict_at(&file, start + Duration::from_secs(5)).is_allowed());
}

#[test]
fn inexact_lines_deny_more_not_less() {
    let workspace = Workspace::new(&[]);
    fs::write(
        workspace.root.join(".gitignore"),
        b"\xef\xbb\xbffirst.rs\r\n# gr\xfc\xdfe\r\ngeh\xe4im.txt\r\n{a,b}.rs\n!\xff\n",
    )
    .unwrap();
    let paths = ["first.rs", "gehäim.txt", "a.rs", "{a,b}.rs", "c.rs"];
    assert_eq!(
        workspace.denied(&workspace.rules(), &paths),
        ["first.rs", "gehäim.txt", "a.rs", "{a,b}.rs"]
    );
}

#[test]
fn folder_patterns_exclude_folders() {
    let workspace = Workspace::new(&[
        (".git/", ""),
        (".gitignore", "build/\n*.log\n"),
        ("build/a.rs", ""),
        ("src/secrets.rs", ""),
    ]);
    let rules = workspace.rules();
    let at = |path: &str| workspace.root.join(path);
    assert!(rules.is_folder_ignored(&at("build")) && !rules.is_folder_ignored(&at("src")));
    assert!(rules.is_ignored(&at("build/a.rs")) && rules.is_ignored(&at("x.log")));
    assert!(!rules.is_ignored(&at("build")), "a file of that name is not meant");
    assert!(!rules.verdict(&at("src/secrets.rs")).is_allowed());
    assert!(!rules.is_ignored(&at("src/secrets.rs")));
}
