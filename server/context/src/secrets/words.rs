//! Files named after their content: `aws-credentials.txt`, `users_passwords.csv`,
//! `slack_token.txt`.
//!
//! A word counts in data and text files. It does not count in source files, whose names describe
//! what the code does (`token.rs`, `password_input.tsx`). In documents the last word of the name is
//! the content (`github-token.md`), and another word is the subject (`credentials-guide.md`).

use std::path::Path;

/// Words that each mark a secret, also in the plural.
const WORDS: &[&str] = &[
    "secret",
    "credential",
    "cred",
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "pwd",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "authkey",
    "sshkey",
    "masterkey",
    "signingkey",
];

/// Pairs of words that mark a secret together.
const PAIRS: &[(&str, &str)] = &[
    ("api", "key"),
    ("access", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("auth", "key"),
    ("ssh", "key"),
    ("master", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("service", "account"),
    ("recovery", "code"),
    ("backup", "code"),
];

/// Extensions of data files: any word of the name describes the content. A name without an
/// extension counts as data.
const DATA: &[&str] = &[
    "",
    "txt",
    "text",
    "csv",
    "tsv",
    "psv",
    "json",
    "jsonc",
    "json5",
    "jsonl",
    "ndjson",
    "yml",
    "yaml",
    "toml",
    "ini",
    "cfg",
    "cnf",
    "conf",
    "config",
    "properties",
    "props",
    "xml",
    "plist",
    "env",
    "sql",
    "log",
    "dat",
    "data",
    "db",
    "xls",
    "xlsx",
    "ods",
    "rtf",
    "doc",
    "docx",
    "odt",
    "pdf",
    "list",
    "lst",
    "enc",
    "b64",
    "base64",
    "reg",
    "kv",
    "hcl",
];

/// Extensions of documents: only the last word describes the content.
const DOCUMENTS: &[&str] =
    &["md", "mdx", "markdown", "rst", "adoc", "org", "tex", "html", "htm", "wiki", "note"];

/// Folders for secrets, in which every data file is one.
const FOLDERS: &[&str] = &[
    "secret",
    "secrets",
    "credential",
    "credentials",
    "creds",
    "password",
    "passwords",
    "private-keys",
    "private_keys",
    "api-keys",
    "api_keys",
    "apikeys",
];

/// Returns the word that makes a file a secret; `relative` is in lower case.
pub(super) fn rule_for(relative: &Path) -> Option<String> {
    let name = relative.file_name()?.to_str()?;
    let name = name.trim_start_matches('.');
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_data = DATA.contains(&extension);
    if is_data {
        let mut folders = relative.parent().into_iter().flat_map(Path::components);
        let folder =
            folders.find_map(|part| FOLDERS.iter().find(|folder| part.as_os_str() == **folder));
        if let Some(folder) = folder {
            return Some(format!("{folder}/"));
        }
    }
    let words: Vec<&str> =
        stem.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let searched = match words.len() {
        _ if is_data => &words[..],
        n if DOCUMENTS.contains(&extension) => words.get(n.saturating_sub(2)..)?,
        _ => return None,
    };
    let is_last = |idx: usize| is_data || idx + 1 == searched.len();
    let singular =
        |word: &str| WORDS.iter().find(|w| word == **w || word.strip_suffix('s') == Some(w));
    let single =
        searched.iter().enumerate().find(|(idx, word)| is_last(*idx) && singular(word).is_some());
    if let Some((_, word)) = single {
        return Some(format!("*{word}*"));
    }
    searched.windows(2).enumerate().find_map(|(idx, pair)| {
        let [first, second] = pair else { return None };
        let second = second.strip_suffix('s').unwrap_or(second);
        let is_pair = PAIRS.contains(&(*first, second)) && is_last(idx + 1);
        is_pair.then(|| format!("*{first}*{second}*"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_matches_any_word_documents_the_last() {
        for (path, is_secret) in [
            ("aws-credentials.txt", true),
            ("users_passwords.csv", true),
            ("credentials_backup.csv", true),
            ("slack_token.txt", true),
            ("github-token.md", true),
            ("prod.api-keys.json", true),
            ("notes/ssh_keys.txt", true),
            ("my passwords.txt", true),
            ("token", true),
            (".token", true),
            ("secrets/db_root", true),
            ("secrets/readme.md", false),
            ("credentials-guide.md", false),
            ("token-bucket.md", false),
            ("token.rs", false),
            ("src/password_input.tsx", false),
            ("secrets/mod.rs", false),
            ("tokenizer.json", false),
            ("keys.txt", false),
            ("key_map.toml", false),
            ("compass.yml", false),
            ("cargo.toml", false),
            ("makefile", false),
        ] {
            assert_eq!(rule_for(Path::new(path)).is_some(), is_secret, "{path}");
        }
    }
}
