//! Boosted trees of the features. `server/training/edits_fit.py` writes `trees.bin`.
//!
//! The file has the log-odds before the first tree (4 bytes) and the number of trees (2 bytes). A
//! tree has the number of its nodes (1 byte) and 7 bytes for each: the feature, or 255 for a leaf;
//! the largest value that goes to the left, or the leaf's log-odds (4 bytes); and the nodes to the
//! left and to the right, which come later. All numbers are little-endian.

use std::sync::LazyLock;

use super::EditFeatures;

static TREES: LazyLock<Trees> = LazyLock::new(|| {
    // The file is in the program and a test reads it, so this is never empty.
    Trees::read(include_bytes!("trees.bin")).unwrap_or_default()
});

/// The feature of a leaf.
const LEAF: u8 = u8::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    feature: u8,
    value: f32,
    children: [u8; 2],
}

#[derive(Debug, Default)]
struct Trees {
    start: f32,
    trees: Vec<Vec<Node>>,
}

/// Returns the log-odds that the place needs the change.
pub(super) fn log_odds(features: &EditFeatures) -> f32 {
    TREES.start + TREES.trees.iter().map(|tree| leaf(tree, features)).sum::<f32>()
}

fn leaf(tree: &[Node], features: &EditFeatures) -> f32 {
    let mut at = 0;
    while let Some(node) = tree.get(at) {
        if node.feature == LEAF {
            return node.value;
        }
        let value = features.get(usize::from(node.feature)).copied().unwrap_or(0.0);
        let [left, right] = node.children;
        at = usize::from(if value <= node.value { left } else { right });
    }
    0.0
}

impl Trees {
    /// Reads a file; `None` if it is no such file.
    fn read(mut bytes: &[u8]) -> Option<Self> {
        fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
            let (taken, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Some(*taken)
        }
        let start = f32::from_le_bytes(take(&mut bytes)?);
        let n_trees = u16::from_le_bytes(take(&mut bytes)?);
        let mut trees = Vec::with_capacity(n_trees.into());
        for _ in 0..n_trees {
            let [n_nodes] = take(&mut bytes)?;
            let mut tree = Vec::with_capacity(n_nodes.into());
            for idx in 0..n_nodes {
                let [feature] = take(&mut bytes)?;
                let value = f32::from_le_bytes(take(&mut bytes)?);
                let children: [u8; 2] = take(&mut bytes)?;
                // Every step goes forward and to a node, so that each way ends at a leaf.
                if feature != LEAF
                    && !children.iter().all(|child| (idx + 1..n_nodes).contains(child))
                {
                    return None;
                }
                tree.push(Node { feature, value, children });
            }
            trees.push(tree);
        }
        bytes.is_empty().then_some(Self { start, trees })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_has_whole_trees() {
        let bytes = include_bytes!("trees.bin");
        let Trees { trees, .. } = Trees::read(bytes).unwrap();
        assert!(trees.len() > 100, "{}", trees.len());
        let n_features = size_of::<EditFeatures>() / size_of::<f32>();
        for node in trees.iter().flatten() {
            assert!(node.feature == LEAF || usize::from(node.feature) < n_features);
            assert!(node.value.is_finite());
        }
        assert!(Trees::read(bytes.get(..bytes.len() - 1).unwrap()).is_none());
    }

    #[test]
    fn node_before_itself_is_refused() {
        let mut bytes = Vec::from(0.0_f32.to_le_bytes());
        bytes.extend([1, 0, 1, 3]);
        bytes.extend(0.5_f32.to_le_bytes());
        bytes.extend([0, 0]);
        assert!(Trees::read(&bytes).is_none());
    }

    /// What the fit's own program computes for some of its places.
    #[test]
    fn log_odds_are_those_of_the_fit() {
        let rows = include_str!("golden.txt").lines();
        let mut n_rows = 0;
        for row in rows {
            let mut numbers = row.split(' ').map(|number| number.parse::<f32>().unwrap());
            let expected = numbers.next().unwrap();
            let mut features: EditFeatures = [0.0; _];
            for feature in &mut features {
                *feature = numbers.next().unwrap();
            }
            assert!(numbers.next().is_none());
            assert!((log_odds(&features) - expected).abs() < 1e-3, "{}", log_odds(&features));
            n_rows += 1;
        }
        assert!(n_rows >= 8, "{n_rows}");
    }
}
