//! Paths with alternatives in braces: `a::{b, c::{self, d as e}}` has three leaves.

/// A deeper tree is not an import.
const MAX_DEPTH: usize = 8;
const MAX_LEAVES: usize = 64;

/// Returns the parts of each leaf of a tree, in order, without the text after `as`.
pub(super) fn leaves(tree: &str, separator: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    walk(tree.trim().trim_end_matches(';'), separator, &mut Vec::new(), 0, &mut found);
    found
}

fn walk(
    tree: &str,
    separator: &str,
    above: &mut Vec<String>,
    depth: usize,
    found: &mut Vec<Vec<String>>,
) {
    let n_above = above.len();
    for branch in branches(tree) {
        if depth > MAX_DEPTH || found.len() >= MAX_LEAVES {
            return;
        }
        let (path, inner) = match branch.split_once('{') {
            Some((path, inner)) => (path, Some(inner.trim_end().trim_end_matches('}'))),
            None => (branch, None),
        };
        let path = path.split(" as ").next().unwrap_or_default();
        let parts = path.split(separator).map(str::trim).filter(|part| !part.is_empty());
        above.extend(parts.map(str::to_owned));
        match inner {
            Some(inner) => walk(inner, separator, above, depth + 1, found),
            None if above.len() > n_above => found.push(above.clone()),
            None => {}
        }
        above.truncate(n_above);
    }
}

/// Splits a text at the commas outside of braces.
fn branches(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}
