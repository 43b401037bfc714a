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

    /// The label of a file in prompts (see [`lowkey_context::label`]), or the rule that hides it.
    pub(super) fn label(&mut self, path: &Path) -> Result<String, String> {
        let holding = self.roots.iter_mut().find(|(root, _)| path.starts_with(root));
        let (root, rules) = match holding {
            Some((root, rules)) => (Some(root.as_path()), rules),
            None => (None, &mut self.elsewhere),
        };
        match rules.verdict(path) {
            Verdict::Denied { rule } => Err(rule),
            Verdict::Allowed => Ok(lowkey_context::label(root, path)),
        }
    }
}
