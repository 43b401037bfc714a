//! What the model may see of a document, judged by every name that its URI carries.

use std::path::{Component, Path, PathBuf};

use lowkey_context::{Rules, Verdict};
use lowkey_document::{Carried, Uri};

/// The rules of the workspace.
pub(crate) struct Visibility {
    folders: Vec<PathBuf>,
    rules: Rules,
}

/// A document that the model may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visible {
    /// What it is called in prompts.
    pub(crate) label: String,
    /// Whether what is computed of it may be saved on disk: it is a file here, so every rule could be asked.
    pub(crate) persists: bool,
}

impl Visibility {
    /// Rules for these workspace folders, with the patterns of the setting `exclude`; logs what is wrong with them.
    pub(crate) fn new(folders: Vec<PathBuf>, exclude: &[String]) -> Self {
        let (rules, problems) = Rules::of_folders(&folders, exclude);
        for problem in problems {
            tracing::warn!(%problem, "an ignore rule was not understood");
        }
        Self { folders, rules }
    }

    /// Applies a new value of the setting `exclude`.
    pub(crate) fn exclude(&mut self, exclude: &[String]) {
        *self = Self::new(std::mem::take(&mut self.folders), exclude);
    }

    /// Judges a document; `Err` names the rule that hides it.
    ///
    /// Invariant: a URI whose names cannot be judged is hidden.
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

/// Whether a name is a single part, as that of an unsaved buffer: it is in no folder that could have an ignore file.
fn is_bare(name: &Path) -> bool {
    let mut parts = name.components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_uri_is_judged_by_the_names_that_it_carries() {
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
