//! Which files the model may see, by the workspace folder that holds them.

use std::path::{Path, PathBuf};

use lowkey_context::{Rules, Verdict};

/// The rules of every workspace folder, and those for files outside of all.
pub(super) struct Visibility {
    roots: Vec<(PathBuf, Rules)>,
    elsewhere: Rules,
}

/// Builds rules and logs what was wrong with them.
fn rules(root: Option<&Path>, exclude: &[String]) -> Rules {
    let (rules, problems) = Rules::new(root, exclude);
    for problem in problems {
        tracing::warn!(%problem, "an ignore rule was not understood");
    }
    rules
}

impl Visibility {
    /// Rules for these workspace folders, with the patterns of the setting `exclude`.
    pub(super) fn new(roots: Vec<PathBuf>, exclude: &[String]) -> Self {
        let with_rules = |root: PathBuf| {
            let rules = rules(Some(&root), exclude);
            (root, rules)
        };
        let mut roots: Vec<_> = roots.into_iter().map(with_rules).collect();
        // The innermost folder that holds a file decides.
        roots.sort_by_key(|(root, _)| std::cmp::Reverse(root.components().count()));
        Self { roots, elsewhere: rules(None, exclude) }
    }

    /// Applies a new value of the setting `exclude`.
    pub(super) fn exclude(&mut self, exclude: &[String]) {
        let roots = std::mem::take(&mut self.roots).into_iter().map(|(root, _)| root).collect();
        *self = Self::new(roots, exclude);
    }

    /// The label of a file in prompts, or the rule that hides it.
    ///
    /// The label is the path below its workspace folder with `/` between the parts, or
    /// the bare file name.
    pub(super) fn label(&mut self, path: &Path) -> Result<String, String> {
        let holding = self.roots.iter_mut().find(|(root, _)| path.starts_with(root));
        let (rules, relative) = match holding {
            Some((root, rules)) => (rules, path.strip_prefix(root).unwrap_or(path)),
            None => (&mut self.elsewhere, path.file_name().map_or(path, Path::new)),
        };
        match rules.verdict(path) {
            Verdict::Denied { rule } => Err(rule),
            Verdict::Allowed => {
                let parts: Vec<_> =
                    relative.components().map(|c| c.as_os_str().to_string_lossy()).collect();
                Ok(parts.join("/"))
            }
        }
    }
}
