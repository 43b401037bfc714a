//! Equivalent URIs are equal, and every way to wrap a path exposes its name.

use super::*;

fn file_path(uri: &str) -> Option<PathBuf> {
    Uri::new(uri).file_path()
}

fn names(uri: &str) -> Vec<String> {
    match Uri::new(uri).carried() {
        Carried::Names(names) => {
            names.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect()
        }
        Carried::Undecidable(why) => panic!("{uri}: {why}"),
    }
}

#[test]
fn equivalent_uris_are_one() {
    for (one, others) in [
        (
            "file:///c:/proj/a%20b.py",
            &[
                "file:///c%3A/proj/a%20b.py",
                "file:///C:/proj/a b.py",
                "FILE:///C%3a/%70roj/a%20b.py",
                "file:/c:/proj/a%20b.py",
                "file://localhost/c:/proj/a%20b.py",
                "file://LOCALHOST/c:/proj/a%20b.py",
            ][..],
        ),
        (
            "file:///%C3%A9/@(x)+,;=!$&'*~.rs",
            &[
                "file:///é/@(x)+,;=!$&'*~.rs",
                "file:///%c3%a9/%40%28x%29%2b%2c%3b%3d%21%24%26%27%2a%7E.rs",
            ],
        ),
        ("file:///100%25", &["file:///100%"]),
        (
            "vscode-remote://ssh-remote+box/p/a.py",
            &["vscode-remote://ssh-remote%2Bbox/p/a.py", "VSCODE-REMOTE://ssh-remote+BOX/p/%61.py"],
        ),
        ("scp://Anna@box.example/a", &["scp://Anna@BOX.example/a"]),
        ("scp://a%5E@[::1]:22/a", &["scp://a%5e@%5B::1%5D:22/a", "scp://a^@[::1]:22/%61"]),
        ("untitled:Untitled-1", &["UNTITLED:Untitled-1", "untitled:Untitled%2D1"]),
    ] {
        assert_eq!(Uri::new(one).as_str(), one);
        for other in others {
            assert_eq!(Uri::new(other).as_str(), one, "{other}");
        }
    }
}

/// Found by fuzzing: a name that begins like a drive was turned into another file's name.
#[cfg(unix)]
#[test]
fn uri_round_trips_to_its_path() {
    for (uri, path) in [
        ("file:///C:.g", "/C:.g"),
        ("file://;/C%3A.g", "/C:.g"),
        ("file://host/C:/x", "/c:/x"),
        ("file:///C:", "/c:"),
    ] {
        let found = Uri::new(uri).file_path();
        assert_eq!(found.as_deref(), Some(Path::new(path)), "{uri}");
        assert_eq!(
            found.as_deref().and_then(|path| Uri::of_path(path).file_path()),
            found,
            "{uri}"
        );
    }
}

#[test]
fn different_uris_stay_different() {
    let uris = [
        "file:///a",
        "file:///A",
        "file:///a/",
        "file:///a%2Fb",
        "file:///a/b",
        "file:///a%3Fb",
        "file:///a?b",
        "file:///a%23b",
        "file:///a#b",
        "file:///a%252Fb",
        "file://host/a",
        "untitled:a",
        "untitled:/a",
        "git:/a?x%26y",
        "git:/a?x&y",
        "/a",
        "a",
        "",
    ];
    for (idx, one) in uris.iter().enumerate() {
        for other in &uris[..idx] {
            assert_ne!(Uri::new(one), Uri::new(other));
        }
    }
}

#[cfg(unix)]
#[test]
fn only_file_uris_have_paths() {
    let check = |uri: &str, expected: Option<&str>| {
        assert_eq!(file_path(uri), expected.map(PathBuf::from), "{uri}");
    };
    check("file:///src/a.rs", Some("/src/a.rs"));
    check("FILE:///src/a.rs", Some("/src/a.rs"));
    check("file:/src/a.rs", Some("/src/a.rs"));
    check("file://localhost/src/a.rs", Some("/src/a.rs"));
    check("file:///with%20space/%C3%A9%2eenv", Some("/with space/é.env"));
    check("file:///100%/%zz%4", Some("/100%/%zz%4"));
    check("file:///src/a.rs#L1", Some("/src/a.rs"));
    check("file:///src/c#/a.cs", Some("/src/c#/a.cs"));
    check("file:///nul%00/x", None);
    check("file://host-only", None);
    check("untitled:Untitled-1", None);
    check("vscode-notebook-cell:/a.ipynb#1", None);
    check("/bare", None);
    check("", None);
}

#[cfg(unix)]
#[test]
fn non_utf8_path_survives() {
    use std::os::unix::ffi::OsStrExt;
    let path = file_path("file:///%FF%FE").unwrap_or_default();
    assert_eq!(path.as_os_str().as_bytes(), b"/\xFF\xFE");
}

#[cfg(unix)]
#[test]
fn wrapped_paths_are_found() {
    for (uri, name) in [
        ("file:///home/u/.env", "/home/u/.env"),
        ("file:///home/u/server.pem#L1", "/home/u/server.pem"),
        ("file:///home/u/server.pem?x=1", "/home/u/server.pem"),
        ("file:///home/u/server.pem:12", "/home/u/server.pem"),
        ("file:///C:%5Cp%5C.env", "/c//p/.env"),
        ("file://.env", ".env"),
        ("untitled:/home/u/.env", "/home/u/.env"),
        ("untitled:.env", ".env"),
        ("untitled:C:\\p\\.env", "C//p/.env"),
        ("suda:///etc/shadow", "/etc/shadow"),
        ("fugitive:///home/u/p/.git//0/src/.env", "/home/u/p/src/.env"),
        ("fugitive:///home/u/p/.git//2a7f/private/x.rs", "/home/u/p/private/x.rs"),
        ("gitsigns:///home/u/p/.git//:0:credentials", "/home/u/p/.git/credentials"),
        ("scp://anna@box.example//home/u/id_rsa", "//home/u/id_rsa"),
        ("git:/home/u/.env?%7B%7D", "/home/u/.env"),
        ("git:/x?%7B%22path%22%3A%22%2Fhome%2Fu%2F.env%22%7D", "/home/u/.env"),
        ("review:?file=.env", ".env"),
        ("vscode-notebook-cell:/ws/secrets.ipynb#W0sZmlsZQ%3D%3D", "/ws/secrets.ipynb"),
        ("vscode-remote://ssh-remote%2Bbox/home/u/%252Eenv", "/home/u/.env"),
        ("jar:file:///x/a.jar!/conf/id_rsa", "file////x/a.jar//conf/id_rsa"),
        ("zipfile:///x/a.zip::id_rsa", "/x/id_rsa"),
        ("/home/u/.env", "/home/u/.env"),
        ("/home/u/%2Eenv", "/home/u/.env"),
        ("C:\\p\\.env", "C//p/.env"),
    ] {
        let names = names(uri);
        assert!(names.iter().any(|found| found == name), "{uri}: {name} is not in {names:?}");
    }
}

#[test]
fn only_local_files_are_files() {
    for (uri, is_file) in [
        ("file:///a/b.rs", true),
        ("untitled:/a/b.rs", false),
        ("vscode-remote://box/a/b.rs", false),
        ("/a/b.rs", false),
        ("file://", false),
        ("file:///", false),
        ("untitled:", false),
    ] {
        let Carried::Names(names) = Uri::new(uri).carried() else { panic!("{uri}") };
        assert_eq!(names.is_file, is_file, "{uri}");
    }
    assert_eq!(names("untitled:"), [""; 0]);
    assert_eq!(names("file://"), [""; 0]);
    assert_eq!(names("file:///a/b.rs"), ["/a/b.rs"]);
}

#[test]
fn undecidable_uris_give_a_reason() {
    for uri in [
        "file:///home/u/.env%00.txt".to_owned(),
        "untitled:a%00".to_owned(),
        "git:/a?b%2500".to_owned(),
        format!("file:///{}", "a/".repeat(40_000)),
        format!("git:/a?{}", (0..100).map(|n| format!("/{n}&")).collect::<Vec<_>>().concat()),
    ] {
        assert!(matches!(Uri::new(&uri).carried(), Carried::Undecidable(_)), "{uri:.40}");
    }
}

#[test]
fn last_parts_are_unescaped() {
    for (uri, last) in [
        ("untitled:Untitled-1", "Untitled-1"),
        ("untitled:/ws/a%20b.py", "a b.py"),
        ("vscode-notebook-cell:/ws/x.ipynb#W0s", "x.ipynb"),
        ("untitled:7/", ""),
        ("", ""),
    ] {
        assert_eq!(Uri::new(uri).last_part(), last);
    }
}

#[cfg(unix)]
#[test]
fn path_round_trips_through_uri() {
    use std::os::unix::ffi::OsStrExt;
    for path in ["/a b/c#%?.rs", "/é/x", "/%2e", "/"] {
        assert_eq!(Uri::of_path(Path::new(path)).file_path(), Some(PathBuf::from(path)));
    }
    let path = Path::new(std::ffi::OsStr::from_bytes(b"/\xFF"));
    assert_eq!(Uri::of_path(path).file_path().as_deref(), Some(path));
}
