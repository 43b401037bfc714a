//! Chooses the holes: equally many of each kind in each language, spread over the files.
//!
//! Otherwise, a repository of one large and nine small languages would measure the large one. The
//! seed determines the order, and a longer list begins with the shorter one, so a run can be
//! extended later.

use std::collections::BTreeMap;

use super::hole::{Hole, Kind, candidates};
use super::repository::Source;
use super::rng::{SeededRng, digest};

/// More holes of one kind in one file add little information.
const MAX_PER_FILE: usize = 64;

/// A hole and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned {
    /// Index of the file.
    pub(super) source_idx: usize,
    pub(super) hole: Hole,
}

/// The index of the hole in its file, and the file's position among the files.
type PickOrder = (usize, u64);

/// Chooses at most `n_holes` holes: one of each kind and language in turn, until there are enough
/// or no more.
pub(super) fn plan(sources: &[Source], kinds: &[Kind], n_holes: usize, seed: u64) -> Vec<Planned> {
    // The holes of each kind and language, in the order of choice.
    let mut strata: BTreeMap<(&str, Kind), Vec<(PickOrder, Planned)>> = BTreeMap::new();
    for (source_idx, source) in sources.iter().enumerate() {
        for &kind in kinds {
            let name = format!("{} {}", kind.name(), source.label);
            let mut holes = candidates(source, kind, seed);
            SeededRng::new(seed, &name).shuffle(&mut holes);
            holes.truncate(MAX_PER_FILE);
            // The first hole of every file comes before the second of any, with files in random
            // order.
            let file = digest(&[&seed.to_string(), &name]);
            let planned = holes.into_iter().enumerate().map(|(turn, hole)| {
                let order = (turn, SeededRng::new(file, "").next());
                (order, Planned { source_idx, hole })
            });
            strata.entry((source.language.id, kind)).or_default().extend(planned);
        }
    }
    let mut strata: Vec<_> = strata
        .into_values()
        .map(|mut stratum| {
            stratum.sort_by_key(|(order, planned)| (*order, planned.source_idx));
            stratum.into_iter().map(|(_, planned)| planned)
        })
        .collect();
    let mut chosen = Vec::new();
    while chosen.len() < n_holes {
        let n_before = chosen.len();
        let turn = strata.iter_mut().filter_map(Iterator::next);
        chosen.extend(turn.take(n_holes - n_before));
        if chosen.len() == n_before {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use lowkey_document::Language;

    use super::*;

    fn sources() -> Vec<Source> {
        let source = |label: &str, language: &str, text: &str| Source {
            label: label.into(),
            path: PathBuf::from(label),
            language: Language::by_id(language),
            text: text.into(),
        };
        let python = "def a(x):\n    return f(x, 1)\n\n".repeat(30);
        vec![
            source("a.py", "python", &python),
            source("b.py", "python", &python),
            source("c.go", "go", "func a(x int) {\n\treturn f(x, 1)\n}\n"),
        ]
    }

    fn count(planned: &[Planned], what: impl Fn(&Planned) -> bool) -> usize {
        planned.iter().filter(|planned| what(planned)).count()
    }

    #[test]
    fn plan_alternates_kinds_and_languages() {
        let planned = plan(&sources(), &Kind::ALL, 40, 7);
        assert_eq!(planned.len(), 40);
        for kind in Kind::ALL {
            assert!(count(&planned, |p| p.hole.kind == kind && p.source_idx == 2) >= 1, "{kind:?}");
            let of_python = count(&planned, |p| p.hole.kind == kind && p.source_idx != 2);
            assert!((7..=10).contains(&of_python), "{kind:?}: {of_python}");
        }
        // Files of one language take turns.
        let (a, b) =
            (count(&planned, |p| p.source_idx == 0), count(&planned, |p| p.source_idx == 1));
        assert!(a.abs_diff(b) <= Kind::ALL.len(), "{a} and {b}");
    }

    #[test]
    fn longer_plan_extends_the_shorter() {
        let sources = sources();
        let planned = plan(&sources, &Kind::ALL, 40, 7);
        assert_eq!(planned, plan(&sources, &Kind::ALL, 40, 7));
        assert_ne!(planned, plan(&sources, &Kind::ALL, 40, 8));
        assert_eq!(planned[..13], plan(&sources, &Kind::ALL, 13, 7));
    }

    #[test]
    fn plan_ends_with_the_holes() {
        let planned = plan(&sources()[2..], &[Kind::Line], 100, 7);
        assert_eq!(planned.len(), 2);
        assert!(plan(&[], &Kind::ALL, 10, 7).is_empty());
    }
}
