//! The originals of copies: `server.pem.bak`, `key.pem~`, `.id_rsa.swp`, `#.env#`, `.env copy`,
//! `credentials (1).csv`.
//!
//! Editors and users put a copy next to a file, and the copy holds the same content.

/// Endings that mark a copy, in lower case.
const SUFFIXES: &[&str] = &[
    "~",
    ".bak",
    ".bac",
    ".back",
    ".backup",
    ".bkp",
    ".bck",
    ".old",
    ".orig",
    ".original",
    ".rej",
    ".prev",
    ".previous",
    ".save",
    ".saved",
    ".sav",
    ".swp",
    ".swo",
    ".swn",
    ".swx",
    ".tmp",
    ".temp",
    ".copy",
    ".new",
    ".dist",
    ".local",
    ".enc",
    ".disabled",
    ".dpkg-old",
    ".dpkg-dist",
    ".dpkg-new",
    ".rpmsave",
    ".rpmnew",
    ".rpmorig",
    ".ucf-old",
    ".part",
    ".crdownload",
    ".gz",
    ".bz2",
    ".xz",
    ".zst",
    ".zip",
    ".tar",
    ".tgz",
    ".7z",
    " copy",
    "-copy",
    "_copy",
    " - copy",
    "-backup",
    "_backup",
    "-bak",
    "_bak",
    "-old",
    "_old",
    "#",
];

/// Beginnings that mark a copy.
const PREFIXES: &[&str] = &["#", ".#", "copy of ", "backup of ", "old_", "old-", "._"];

/// Levels of copies of copies that are examined. Deeper ones do not occur in practice, and the time
/// per name is bounded.
const MAX_STEPS: usize = 6;

/// Returns the name itself and every name that it may be a copy of; `name` is in lower case.
pub(super) fn originals(name: &str) -> impl Iterator<Item = String> {
    let mut found = vec![name.to_owned()];
    let mut at = 0;
    while let Some(name) = found.get(at).cloned() {
        at += 1;
        if found.len() > 1 << MAX_STEPS {
            break;
        }
        for original in stripped(&name) {
            if !original.is_empty() && !found.contains(&original) {
                found.push(original);
            }
        }
    }
    found.into_iter()
}

/// Returns every name that is `name` without one mark of a copy.
fn stripped(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for suffix in SUFFIXES {
        if let Some(rest) = name.strip_suffix(suffix) {
            found.push(rest.to_owned());
            // Vim's swap file of `id_rsa` is `.id_rsa.swp`, and that of a path has `%` for `/`.
            if suffix.starts_with(".sw") {
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                found.push(rest.to_owned());
                found.extend(rest.rsplit_once('%').map(|(_, last)| last.to_owned()));
            }
        }
    }
    found.extend(PREFIXES.iter().filter_map(|prefix| name.strip_prefix(prefix)).map(str::to_owned));
    // Windows treats `.env.` and `.env ` as `.env`.
    found.push(name.trim_matches(|c: char| c == '.' || c.is_whitespace()).to_owned());
    found.push(name.trim_end_matches(|c: char| c == '.' || c.is_whitespace()).to_owned());
    found.extend(without_number(name));
    found
}

/// Returns `key.pem` for `key.pem.2024-05-01`, `key.pem.~1~`, `key.pem (1)` and `key (1).pem`.
fn without_number(name: &str) -> Vec<String> {
    let is_number = |text: &str| {
        text.bytes().any(|b| b.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || b"-_~:t+z".contains(&b))
    };
    let mut found = Vec::new();
    if let Some((rest, number)) = name.rsplit_once('.')
        && is_number(number)
    {
        found.push(rest.to_owned());
    }
    if let Some((before, rest)) = name.split_once(" (")
        && let Some((number, after)) = rest.split_once(')')
        && is_number(number)
    {
        found.push(format!("{before}{after}"));
    }
    if let Some((stem, extension)) = name.rsplit_once('.') {
        for suffix in [
            " copy", " - copy", "-copy", "_copy", "-backup", "_backup", "-old", "_old", "-bak",
            "_bak",
        ] {
            if let Some(stem) = stem.strip_suffix(suffix) {
                found.push(format!("{stem}.{extension}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_match_their_originals() {
        for (copy, original) in [
            ("server.pem.bak", "server.pem"),
            ("key.pem~", "key.pem"),
            (".id_rsa.swp", "id_rsa"),
            (".env.swp", ".env"),
            ("%home%u%.env.swp", ".env"),
            ("#.env#", ".env"),
            (".#id_rsa", "id_rsa"),
            ("id_rsa copy", "id_rsa"),
            ("copy of id_rsa", "id_rsa"),
            ("key.pem.2024-05-01", "key.pem"),
            ("key.pem.~1~", "key.pem"),
            ("key.pem.1.gz", "key.pem"),
            ("key (1).pem", "key.pem"),
            ("key copy.pem", "key.pem"),
            ("id_rsa.", "id_rsa"),
            ("id_rsa.old.bak~", "id_rsa"),
        ] {
            assert!(originals(copy).any(|name| name == original), "{copy}");
        }
        assert_eq!(originals("main.rs").collect::<Vec<_>>(), ["main.rs"]);
    }

    #[test]
    fn name_of_copy_marks_costs_bounded_time() {
        let name = "~.bak (1)#".repeat(25);
        assert!(originals(&name).count() <= (1 << MAX_STEPS) + 64);
    }
}
