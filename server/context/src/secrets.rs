//! Detects files that hold secrets by their names alone.
//!
//! No content of such a file enters a prompt, no setting changes that, and case does not matter.
//! The list is deliberately broad: silence in a harmless file costs a suggestion, the other mistake
//! costs a key. Patterns have `.gitignore` syntax and match at any depth, inside a workspace and
//! outside.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

mod copies;
mod names;
mod words;

use names::{SECRET_FILES, SECRET_FOLDERS};

static SECRET_NAMES: LazyLock<Option<SecretNames>> = LazyLock::new(SecretNames::compile);

/// The two lists, compiled.
struct SecretNames {
    files: Gitignore,
    folders: Gitignore,
}

impl SecretNames {
    fn compile() -> Option<Self> {
        Some(Self { files: compiled(SECRET_FILES)?, folders: compiled(SECRET_FOLDERS)? })
    }
}

/// Returns the rule that makes a file a secret; `relative` has neither root nor `..`.
///
/// A copy of a secret (`server.pem.bak`, `.id_rsa.swp`) is a secret too, and so is a file in a
/// folder for secrets.
pub(crate) fn rule_for(relative: &Path) -> Option<String> {
    let Some(names) = &*SECRET_NAMES else {
        // Cannot happen with these lists (tested). If it did, everything would be denied.
        return Some("*".to_owned());
    };
    // The path is converted to lower case. A matcher that ignores case would make each pattern a
    // regular expression.
    let relative = PathBuf::from(relative.to_string_lossy().to_lowercase());
    let folders =
        relative.ancestors().skip(1).find_map(|folder| match names.folders.matched(folder, true) {
            Match::Ignore(glob) => Some(format!("{}/", glob.original())),
            _ => None,
        });
    folders.or_else(|| {
        let name = relative.file_name()?.to_str()?;
        copies::originals(name)
            .find_map(|original| names.file_rule(&relative.with_file_name(original)))
    })
}

impl SecretNames {
    fn file_rule(&self, relative: &Path) -> Option<String> {
        match self.files.matched(relative, false) {
            Match::Ignore(glob) => Some(glob.original().to_owned()),
            _ => words::rule_for(relative),
        }
    }
}

fn compiled(patterns: &[&str]) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new(".");
    for pattern in patterns {
        builder.add_line(None, pattern).ok()?;
    }
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule_for(path: &str) -> Option<String> {
        super::rule_for(Path::new(path))
    }

    #[test]
    fn lists_compile_and_are_lower_case() {
        assert!(SECRET_NAMES.is_some());
        assert!(
            SECRET_FILES
                .iter()
                .chain(SECRET_FOLDERS)
                .all(|pattern| *pattern == pattern.to_lowercase())
        );
    }

    #[test]
    fn secrets_match_at_any_depth_and_case() {
        for path in [
            ".env",
            "a/b/.env.local",
            "a/.ENV.Production",
            "prod.env",
            ".envrc",
            "server.pem",
            "tls/Server.KEY",
            "id_rsa",
            "keys/id_ed25519.pub",
            "deploy_rsa",
            "cert.p12",
            "home/u/.ssh/config",
            "home/u/.AWS/credentials",
            "home/u/.config/gcloud/x.db",
            ".netrc",
            "_netrc",
            ".npmrc",
            "pkg/.npmrc",
            ".pypirc",
            ".git-credentials",
            "repo/.git/config",
            "secrets.yaml",
            "Secrets.toml",
            "secrets.py",
            "app-secrets.yml",
            "k8s/secrets/db.yaml",
            "client_secret_123.json",
            "credentials",
            "Credentials.json",
            "config/credentials.yml.enc",
            "gcp-credentials-prod.json",
            "terraform.tfvars",
            "x.tfstate",
            "x.tfstate.backup",
            "kubeconfig",
            "service-account-key.json",
            "vault.kdbx",
            ".pgpass",
            ".bash_history",
            "wp-config.php",
            "config/master.key",
            "passwords.txt",
            "run/secrets/db",
            ".envs/.production/.postgres",
            ".env/prod",
            ".env.d/production",
            "aws-credentials.txt",
            "credentials_backup.csv",
            "users_passwords.csv",
            "slack_token.txt",
            "github-token.md",
            ".smbcredentials",
            ".databrickscfg",
            ".Renviron",
            "NuGet.Config",
            "appsettings.Production.json",
            "kubeconfig-prod",
            "kubeconfig.yaml",
            "home/u/.config/sops/age/keys.txt",
            ".zsh_history",
            "fish_history",
            ".curlrc",
            "wg0.conf",
            "server.pem.bak",
            "key.pem~",
            ".id_rsa.swp",
            "#.env#",
            "tls/server (1).pem",
        ] {
            assert!(rule_for(path).is_some(), "{path} must be a secret");
        }
    }

    #[test]
    fn ordinary_files_are_not_secrets() {
        for path in [
            "src/main.rs",
            "src/environment.rs",
            "src/env.rs",
            "src/keys.rs",
            "src/key.rs",
            "src/token.rs",
            "src/tokens.rs",
            "src/tokenizer.rs",
            "src/secrets/mod.rs",
            "home/u/secrets/app/src/main.rs",
            "src/password_input.tsx",
            "docs/credentials-guide.md",
            "monkey.txt",
            "turkey.py",
            "Cargo.toml",
            "package.json",
            ".gitignore",
            "history.rs",
            "rsa.go",
            "parse_rsa.go",
            "docker/Dockerfile",
            "github/hub.py",
            "src/kubeconfig.go",
            "src/private_key.rs",
            "appsettings.cs",
            "history.md",
            "README.md~",
            "main.rs.bak",
            "environments/prod.yml",
            "",
        ] {
            assert_eq!(rule_for(path), None, "{path} is no secret");
        }
    }

    #[test]
    fn no_pattern_is_listed_twice() {
        let mut all: Vec<&str> = SECRET_FILES.iter().chain(SECRET_FOLDERS).copied().collect();
        let n_patterns = all.len();
        all.sort_unstable();
        all.dedup();
        // `*.keychain` is a file on old systems and a folder on new ones.
        assert_eq!(all.len(), n_patterns - 1);
    }
}
