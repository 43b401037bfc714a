//! Every place where git finds ignore rules, and every name that links give a folder.

use super::*;

/// A repository's worktree at `work/`, its shared folder at `main.git/`, and a user's home at
/// `home/`.
fn repository(files: &[(&str, &str)]) -> (Workspace, GlobalConfig) {
    let workspace = Workspace::new(files);
    let home = workspace.root.join("home");
    let global_config = GlobalConfig {
        home: Some(home.clone()),
        configs: vec![home.join(".gitconfig")],
        ignore: Some(home.join(".config/git/ignore")),
    };
    (workspace, global_config)
}

fn denied<'p>(
    workspace: &Workspace,
    global_config: &GlobalConfig,
    folder: &str,
    paths: &[&'p str],
) -> Vec<&'p str> {
    let root = workspace.root.join(folder);
    let (rules, _) = Rules::with_git(&[root], &[], global_config.clone());
    workspace.denied(&rules, paths)
}

#[test]
fn excludes_are_found_through_git_file() {
    // A worktree: its own folder names the one that all worktrees share.
    let (workspace, global_config) = repository(&[
        ("main/.git/info/exclude", "scratch.txt\n"),
        ("main/.git/config", "[core]\n\texcludesFile = ~/of-repository\n"),
        ("main/.git/worktrees/w/commondir", "../..\n"),
        ("home/of-repository", "notes.local\n"),
        ("w/a.rs", ""),
        // A submodule and a separate git folder keep everything in the named folder.
        ("main/.git/modules/s/info/exclude", "private.txt\n"),
        ("main/s/.git", "gitdir: ../.git/modules/s\n"),
        ("elsewhere.git/info/exclude", "own.txt\n"),
    ]);
    let at = |path: &str| workspace.root.join(path).display().to_string();
    workspace.write("w/.git", &format!("gitdir: {}\n", at("main/.git/worktrees/w")));
    workspace.write("sep/.git", &format!("gitdir: {}\n", at("elsewhere.git")));
    let paths = ["w/scratch.txt", "w/notes.local", "w/a.rs"];
    assert_eq!(denied(&workspace, &global_config, "w", &paths), &paths[..2]);
    let paths = ["main/s/private.txt", "main/s/a.rs"];
    assert_eq!(denied(&workspace, &global_config, "main/s", &paths), &paths[..1]);
    let paths = ["sep/own.txt", "sep/a.rs"];
    assert_eq!(denied(&workspace, &global_config, "sep", &paths), &paths[..1]);
}

#[test]
fn user_ignore_files_apply_in_repositories() {
    let (workspace, global_config) = repository(&[
        ("home/.config/git/ignore", "private.txt\n"),
        ("home/.gitconfig", "[include]\n\tpath = more.conf\n"),
        ("home/more.conf", "[core] excludesfile = \"~/my ignores\" ; mine\n"),
        ("home/my ignores", "/drafts/\n"),
        ("work/.git/", ""),
        ("plain/", ""),
    ]);
    let paths =
        ["work/private.txt", "work/sub/private.txt", "work/drafts/a.rs", "work/x/drafts/a.rs"];
    assert_eq!(denied(&workspace, &global_config, "work", &paths), &paths[..3]);
    assert_eq!(denied(&workspace, &global_config, "plain", &["plain/private.txt"]), [""; 0]);
}

#[test]
fn undecided_source_denies_its_repository() {
    let (workspace, global_config) = repository(&[
        ("home/.gitconfig", "[core]\nexcludesFile = ~somebody/ignores\n"),
        ("work/.git/", ""),
        ("plain/", ""),
    ]);
    assert_eq!(denied(&workspace, &global_config, "work", &["work/a.rs"]), ["work/a.rs"]);
    assert_eq!(denied(&workspace, &global_config, "plain", &["plain/a.rs"]), [""; 0]);
}

#[cfg(unix)]
#[test]
fn rules_apply_through_either_side_of_link() {
    let workspace = Workspace::new(&[
        ("plain/.gitignore", "hidden.txt\n/anchored.txt\n"),
        ("plain/vendor/", ""),
    ]);
    std::os::unix::fs::symlink(workspace.root.join("plain"), workspace.root.join("link")).unwrap();
    for root in ["plain", "link"] {
        let root = workspace.root.join(root);
        let (rules, _) = Rules::of_folders(&[root], &["/vendor/".to_owned()]);
        for side in ["plain", "link"] {
            for name in ["hidden.txt", "anchored.txt", "vendor/x.txt"] {
                let path = workspace.root.join(side).join(name);
                assert!(!rules.verdict(&path).is_allowed(), "{rules:?} {}", path.display());
            }
            assert!(rules.verdict(&workspace.root.join(side).join("a.txt")).is_allowed());
        }
    }
}

#[test]
fn workspace_folders_may_nest() {
    let workspace =
        Workspace::new(&[(".gitignore", "outer.txt\n"), ("inner/.gitignore", "inner.txt\n")]);
    let folders = [workspace.root.clone(), workspace.root.join("inner")];
    let (rules, _) = Rules::of_folders(&folders, &["/top.txt".to_owned()]);
    let paths = ["inner/outer.txt", "inner/inner.txt", "inner/top.txt", "top.txt", "inner/a.txt"];
    assert_eq!(workspace.denied(&rules, &paths), &paths[..4]);
}
