//! Decides what the model may see of a document, by every name in its URI.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lowkey_context::{Rules, Verdict};
use lowkey_document::{Carried, Uri};

/// The workspace's rules.
pub(crate) struct Visibility {
    folders: Vec<PathBuf>,
    rules: Arc<Rules>,
}

/// A document that the model may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visible {
    /// The name in prompts.
    pub(crate) label: String,
    /// Whether its sessions may be saved on disk: it is a file on this machine, so that every rule
    /// could be checked.
    pub(crate) persists: bool,
}

impl Visibility {
    /// Builds the rules for workspace folders and the patterns of the setting `exclude`; logs
    /// problems in them.
    pub(crate) fn new(folders: Vec<PathBuf>, exclude: &[String]) -> Self {
        let (rules, problems) = Rules::of_folders(&folders, exclude);
        for problem in problems {
            tracing::warn!(%problem, "an ignore rule is invalid");
        }
        Self { folders, rules: Arc::new(rules) }
    }

    /// Applies a new value of the setting `exclude`.
    pub(crate) fn exclude(&mut self, exclude: &[String]) {
        *self = Self::new(std::mem::take(&mut self.folders), exclude);
    }

    /// Returns the workspace folders.
    pub(crate) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Returns the rules of the folders.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules)
    }

    /// Decides about a document; `Err` has the rule that hides it.
    ///
    /// Invariant: a URI with names that the rules cannot be applied to is hidden.
    pub(crate) fn judge(&self, uri: &Uri) -> Result<Visible, String> {
        let names = match uri.carried() {
            Carried::Names(names) => names,
            Carried::Undecidable(why) => return Err(why.to_owned()),
        };
        for name in &names.paths {
            let verdict = if names.is_file || !is_bare(name) {
                self.rules.verdict(name)
            } else {
                self.rules.verdict_of_name(name)
            };
            if let Verdict::Denied { rule } = verdict {
                return Err(rule);
            }
        }
        let label = match names.paths.first().filter(|_| names.is_file) {
            Some(path) => lowkey_context::label(self.rules.root_of(path), path),
            None => uri.last_part(),
        };
        Ok(Visible { label, persists: names.is_file })
    }
}

/// Whether a name is a single part, like that of an unsaved buffer: no folder with an ignore file
/// contains it.
fn is_bare(name: &Path) -> bool {
    let mut parts = name.components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_judged_by_their_names() {
        let visibility = Visibility::new(Vec::new(), &["*.sql".to_owned()]);
        let judge = |uri: &str| visibility.judge(&Uri::new(uri));
        for uri in [
            "file:///home/u/.env",
            "untitled:/home/u/.env",
            "untitled:.env",
            "suda:///etc/shadow",
            "fugitive:///home/u/p/.git//0/.env",
            "scp://host//home/u/id_rsa",
            "git:/home/u/.env?%7B%7D",
            "vscode-notebook-cell:/ws/secrets.ipynb#W0sZmlsZQ%3D%3D",
            "vscode-remote://ssh-remote%2Bbox/home/u/p/.env.local",
            "unknown://x/y?file=id_rsa.pem",
            "/home/u/.env",
            "file:///home/u/server.pem#L1",
            "file:///home/u/.env%00.txt",
            "untitled:dump.sql",
            "fugitive:///home/u/p/.git//0/db/dump.sql",
        ] {
            assert!(judge(uri).is_err(), "{uri}");
        }
        for (uri, label, persists) in [
            ("file:///home/u/p/a.rs", "a.rs", true),
            ("untitled:Untitled-1", "Untitled-1", false),
            ("untitled:/home/u/p/a.rs", "a.rs", false),
            ("vscode-notebook-cell:/ws/x.ipynb#W0sZmlsZQ%3D%3D", "x.ipynb", false),
            ("vscode-remote://ssh-remote%2Bbox/home/u/p/a.rs", "a.rs", false),
            ("untitled:", "", false),
        ] {
            let visible = Visible { label: label.to_owned(), persists };
            assert_eq!(judge(uri), Ok(visible), "{uri}");
        }
    }
}
