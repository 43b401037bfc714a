//! Collectors: functions that choose the text from other files for a hole.

use lowkey_context::Snippet;

use super::given::GivenHole;

/// The words of `--context`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Collector {
    /// No text
    None,
    /// The signatures of the names that the line uses, which no real collector knows
    Oracle,
}

impl Collector {
    /// Returns the snippets for a hole, the most helpful last.
    pub(super) fn collect(self, hole: &GivenHole) -> Vec<Snippet> {
        match self {
            Collector::None => Vec::new(),
            Collector::Oracle => oracle(hole),
        }
    }
}

/// Returns the signatures of the hole's names, one snippet for each file.
fn oracle(hole: &GivenHole) -> Vec<Snippet> {
    let mut snippets: Vec<Snippet> = Vec::new();
    for name in &hole.names {
        let signature = name.signature.join("\n");
        if signature.is_empty() {
            continue;
        }
        let file = snippets.iter_mut().find(|snippet| snippet.label == name.defined_in);
        match file {
            Some(file) => {
                let is_there = format!("\n{}", file.text).contains(&format!("\n{signature}\n"));
                if !is_there {
                    file.text += &signature;
                    file.text.push('\n');
                }
            }
            None => snippets
                .push(Snippet { label: name.defined_in.clone(), text: format!("{signature}\n") }),
        }
    }
    snippets
}

#[cfg(test)]
mod tests {
    use super::super::given::tests::hole;
    use super::*;

    #[test]
    fn oracle_has_one_snippet_for_each_file() {
        let mut hole = hole();
        let snippet = |label: &str, text: &str| Snippet { label: label.into(), text: text.into() };
        assert_eq!(
            Collector::Oracle.collect(&hole),
            [
                snippet("src/b.rs", "pub fn area(w: u32,\nh: u32) -> u32\n"),
                snippet("src/c.rs", "pub const UNIT: u32 = 1;\n")
            ]
        );
        assert_eq!(Collector::None.collect(&hole), []);
        let again = hole.names.clone();
        hole.names.extend(again);
        assert_eq!(Collector::Oracle.collect(&hole).len(), 2);
        hole.names[2].signature = vec!["pub fn other()".into()];
        assert_eq!(Collector::Oracle.collect(&hole)[0].text.lines().count(), 3);
    }
}
