//! Which files hold secrets, by their names alone.
//!
//! Nothing of such a file enters a prompt, no setting lifts that, and case does not matter.
//! The list is broad on purpose: silence in a harmless file costs a suggestion, the other mistake costs a key.
//! Patterns have `.gitignore` syntax and match at any depth, below a workspace and above it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Files that hold secrets wherever they lie.
const SECRET_FILES: &[&str] = &[
    // Environments.
    ".env*",
    "*.env",
    "*.env.*",
    ".flaskenv",
    ".dev.vars*",
    // Private keys and key stores.
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.p8",
    "*.pkcs12",
    "*.jks",
    "*.jceks",
    "*.keystore",
    "*.bks",
    "*.ppk",
    "*.asc",
    "*.gpg",
    "*.pgp",
    "*.age",
    "*.agekey",
    "*.keytab",
    "*.kdb",
    "*.kdbx",
    "*.keychain",
    "*.keychain-db",
    "*.ovpn",
    "*.mobileprovision",
    "*.provisionprofile",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*_rsa",
    "*_dsa",
    "*_ecdsa",
    "*_ed25519",
    "ssh_host_*_key",
    "wallet.dat",
    // Whatever is called by what it is.
    "secret",
    "secrets",
    "secret.*",
    "secrets.*",
    ".secret*",
    "*.secret",
    "*.secrets",
    "*[-_.]secret.*",
    "*[-_.]secrets.*",
    "client_secret*",
    "client-secret*",
    "credential",
    "credentials",
    "credential.*",
    "credentials.*",
    ".credential*",
    "*.credentials",
    "*credentials*.json",
    "password",
    "passwords",
    "password.*",
    "passwords.*",
    ".password*",
    "*.passwd",
    "passwd",
    "shadow",
    "htpasswd",
    ".htpasswd",
    "token",
    "token.json",
    "token.txt",
    "tokens.json",
    ".token*",
    "*.token",
    "*[-_.]token",
    "apikey*",
    "api_key*",
    "api-key*",
    ".api_key*",
    ".apikey*",
    "**/secret/**/*.{yml,yaml,json,toml,ini,cfg,conf,txt,properties,xml}",
    "**/secrets/**/*.{yml,yaml,json,toml,ini,cfg,conf,txt,properties,xml}",
    // Logins of command-line tools.
    ".netrc",
    "_netrc",
    ".authinfo*",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pypirc",
    "pip.conf",
    ".pgpass",
    "pgpass.conf",
    ".pg_service.conf",
    ".my.cnf",
    ".mylogin.cnf",
    ".git-credentials",
    ".gitcredentials",
    "**/.git/config",
    ".dockercfg",
    ".dockerconfigjson",
    "**/.cargo/credentials*",
    "**/.gem/credentials",
    "**/.m2/settings*.xml",
    "**/.gradle/gradle.properties",
    "**/.composer/auth.json",
    "auth.json",
    "**/gh/hosts.yml",
    "**/hub",
    "**/huggingface/token",
    ".sentryclirc",
    ".clasprc.json",
    "ngrok.yml",
    ".s3cfg",
    ".boto",
    "rclone.conf",
    ".rclone.conf",
    ".msmtprc",
    ".fetchmailrc",
    ".mutt_secrets*",
    ".ftpconfig",
    "sftp-config.json",
    "**/.vscode/sftp.json",
    "filezilla.xml",
    "sitemanager.xml",
    ".remote-sync.json",
    "*.rdp",
    // Infrastructure.
    "*.tfvars",
    "*.tfvars.json",
    "*.tfstate",
    "*.tfstate.*",
    ".terraformrc",
    "terraform.rc",
    ".vault-token",
    ".vault_pass*",
    "vault_pass*",
    "vault-password*",
    "kubeconfig",
    "*.kubeconfig",
    "*.publishsettings",
    "*.pubxml.user",
    "service-account*.json",
    "service_account*.json",
    "*serviceaccount*.json",
    "*firebase-adminsdk*.json",
    "google-services.json",
    "googleservice-info.plist",
    "application_default_credentials.json",
    "key.properties",
    "keystore.properties",
    "local.settings.json",
    "wp-config.php",
    "**/run/secrets/**",
    // What was typed at a prompt, passwords and tokens among it.
    ".*_history",
    "*history.txt",
];

/// Folders in which every file is a secret.
const SECRET_FOLDERS: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".gcloud",
    "**/.config/gcloud",
    ".kube",
    ".docker",
    ".oci",
    ".secrets",
    ".password-store",
    ".1password",
    ".age",
    ".sops",
    ".kaggle",
    ".ngrok2",
    ".vault",
    "*.keychain",
    "*.agilekeychain",
    "*.opvault",
];

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

/// Returns the pattern that makes a file a secret; `relative` has neither root nor `..`.
pub(crate) fn rule_for(relative: &Path) -> Option<String> {
    let Some(names) = &*SECRET_NAMES else {
        // Cannot happen with the lists above (tested); if it did, nothing may be seen.
        return Some("*".to_owned());
    };
    // The path is lowered, not the matcher told to ignore case: that would make each pattern a regular expression.
    let relative = PathBuf::from(relative.to_string_lossy().to_lowercase());
    if let Match::Ignore(glob) = names.files.matched(&relative, false) {
        return Some(glob.original().to_owned());
    }
    relative.ancestors().skip(1).find_map(|folder| match names.folders.matched(folder, true) {
        Match::Ignore(glob) => Some(format!("{}/", glob.original())),
        _ => None,
    })
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
    fn the_lists_compile_and_are_in_lower_case() {
        assert!(SECRET_NAMES.is_some());
        assert!(
            SECRET_FILES
                .iter()
                .chain(SECRET_FOLDERS)
                .all(|pattern| *pattern == pattern.to_lowercase())
        );
    }

    #[test]
    fn secrets_are_known_by_name_at_any_depth_and_in_any_case() {
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
            "",
        ] {
            assert_eq!(rule_for(path), None, "{path} is no secret");
        }
    }

    #[test]
    fn every_pattern_is_needed_once() {
        let mut all: Vec<&str> = SECRET_FILES.iter().chain(SECRET_FOLDERS).copied().collect();
        let n_patterns = all.len();
        all.sort_unstable();
        all.dedup();
        // `*.keychain` is a file on old systems and a folder on new ones.
        assert_eq!(all.len(), n_patterns - 1);
    }
}
