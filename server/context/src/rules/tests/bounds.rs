//! Bounds on what a repository made to be slow can cost: limits on sizes, and long files compiled
//! on another thread.

use super::*;
use crate::ignore_file::MAX_BYTES;

/// Returns the verdict after all pending ignore files are compiled.
fn settled(rules: &Rules, path: &Path) -> Verdict {
    loop {
        match rules.verdict(path) {
            Verdict::Denied { rule } if rule.contains("is being read") => {
                rules.refresh_verdicts();
                std::thread::yield_now();
            }
            verdict => return verdict,
        }
    }
}

#[test]
fn long_ignore_file_denies_until_compiled() {
    let mut text = "name-of-a-file\n".repeat(20_000);
    text.push_str("*.log\n");
    assert!(text.len() as u64 > SYNC_BYTES && (text.len() as u64) < MAX_BYTES);
    let workspace = Workspace::new(&[(".gitignore", &text)]);
    let rules = workspace.rules();
    let file = workspace.root.join("a.rs");
    let first = rule_of(rules.verdict_at(&file, Instant::now()));
    // The thread may already have finished.
    assert!(first.is_empty() || first.contains("is being read"), "{first}");
    assert_eq!(settled(&rules, &file), Verdict::Allowed);
    assert!(rule_of(settled(&rules, &workspace.root.join("a.log"))).contains("*.log"));
    assert!(rules.is_ignored(&workspace.root.join("a.log")));
}

#[test]
fn oversized_ignore_files_deny_their_folder() {
    for (text, word) in [
        ("abcdef\n".repeat(MAX_BYTES as usize / 7 + 1), "bytes, the limit is"),
        ("*a".repeat(2000), "wildcards"),
        ((0..5000).map(|n| format!("a*{n}\n")).collect::<Vec<_>>().concat(), "wildcards inside"),
    ] {
        let workspace = Workspace::new(&[(".gitignore", &text)]);
        let rules = workspace.rules();
        let rule = rule_of(settled(&rules, &workspace.root.join("a.rs")));
        assert!(rule.contains("cannot be read"), "{rule}");
        let problems = rules.take_problems();
        let probed = Rules::new(Some(&workspace.root), &[]).1;
        let said = problems.iter().chain(&probed).any(|problem| problem.reason.contains(word));
        assert!(said, "{word}: {problems:?} {probed:?}");
    }
}

#[test]
fn nested_ignore_files_share_one_bound() {
    let workspace = Workspace::new(&[]);
    let (mut folder, mut depth) = (String::new(), 0);
    let text = "abcdefghijklm\n".repeat(70_000);
    while (depth * text.len()) as u64 <= 4 << 20 {
        workspace.write(&format!("{folder}.gitignore"), &text);
        folder.push_str("d/");
        depth += 1;
    }
    let rule = rule_of(settled(&workspace.rules(), &workspace.root.join(folder).join("a.rs")));
    assert!(rule.contains("cannot be read"), "{rule}");
}

#[test]
fn overlong_path_is_denied_early() {
    let rules = Rules::new(None, &[]).0;
    for n in [MAX_PATH_BYTES, 20 << 20] {
        let path = PathBuf::from(format!("/{}x.rs", "a/".repeat(n / 2)));
        assert!(rule_of(rules.verdict(&path)).contains("the limit is"));
        assert!(rule_of(rules.verdict_of_name(&path)).contains("the limit is"));
    }
    // The longest possible path, which has the most folders.
    let path = PathBuf::from(format!("/{}x.rs", "a/".repeat(MAX_PATH_BYTES / 2 - 3)));
    assert_eq!(rules.verdict(&path), Verdict::Allowed);
}
