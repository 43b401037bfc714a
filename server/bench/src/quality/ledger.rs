//! The file of `--out`: its first line has the parameters of the rows, and each further line is a
//! row.
//!
//! A run continues where an earlier one ended. Paths of a repository are user text, and with
//! `--texts` rows are too, so the file is readable by its owner only.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The version of the format.
const FORMAT: u64 = 1;

/// An open file of rows.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    file: File,
}

impl Ledger {
    /// Opens the file of `--out`, if one is named; see [`Self::open`].
    pub(super) fn open_optional<Row: DeserializeOwned>(
        path: Option<&Path>,
        parameters: &Map<String, Value>,
    ) -> anyhow::Result<(Option<Self>, Vec<Row>)> {
        let Some(path) = path else { return Ok((None, Vec::new())) };
        let (ledger, rows) = Self::open(path, parameters)?;
        Ok((Some(ledger), rows))
    }

    /// Opens or creates the file; returns its rows.
    ///
    /// Fails if its rows have other parameters than `parameters`.
    pub(super) fn open<Row: DeserializeOwned>(
        path: &Path,
        parameters: &Map<String, Value>,
    ) -> anyhow::Result<(Self, Vec<Row>)> {
        let opening = || format!("cannot open {}", path.display());
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).with_context(opening)?;
        let text = std::fs::read_to_string(path).with_context(opening)?;
        // A line without its end was being written when the run ended.
        let whole = text.get(..text.rfind('\n').map_or(0, |end| end + 1)).unwrap_or_default();
        let mut ledger = Self { path: path.to_owned(), file };
        let mut lines = whole.lines().enumerate();
        let Some((_, head)) = lines.next() else {
            if text.len() > whole.len() && !text.starts_with("{\"lowkey_quality\"") {
                bail!("{} is not a file of rows; use another file", path.display());
            }
            ledger.cut(0)?;
            let mut head = Map::from_iter([("lowkey_quality".to_owned(), FORMAT.into())]);
            head.extend(parameters.clone());
            ledger.write(&Value::Object(head))?;
            return Ok((ledger, Vec::new()));
        };
        check(path, head, parameters)?;
        let row = |(idx, line): (usize, &str)| {
            serde_json::from_str(line)
                .with_context(|| format!("line {} of {} is not a row", idx + 1, path.display()))
        };
        let rows = lines.map(row).collect::<anyhow::Result<Vec<Row>>>()?;
        ledger.cut(whole.len())?;
        Ok((ledger, rows))
    }

    /// Adds a row; it is in the file when this returns.
    pub(super) fn add(&mut self, row: &impl Serialize) -> anyhow::Result<()> {
        self.write(&serde_json::to_value(row)?)
    }

    fn cut(&self, n_bytes: usize) -> anyhow::Result<()> {
        let cutting = || format!("cannot write to {}", self.path.display());
        self.file.set_len(n_bytes as u64).with_context(cutting)
    }

    fn write(&mut self, line: &Value) -> anyhow::Result<()> {
        let writing = || format!("cannot write to {}", self.path.display());
        self.file.write_all(format!("{line}\n").as_bytes()).with_context(writing)
    }
}

/// Compares the parameters in the file with those of this run.
fn check(path: &Path, head: &str, parameters: &Map<String, Value>) -> anyhow::Result<()> {
    let shown = path.display();
    let head: Map<String, Value> = match serde_json::from_str(head) {
        Ok(Value::Object(head)) => head,
        _ => bail!("{shown} is not a file of rows; use another file"),
    };
    match head.get("lowkey_quality").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(other) => bail!("{shown} has format {other}; this version writes {FORMAT}"),
        None => bail!("{shown} is not a file of rows; use another file"),
    }
    for (key, value) in parameters {
        let there = head.get(key).unwrap_or(&Value::Null);
        if there != value {
            bail!(
                "the rows in {shown} were made with {key} {there}, but now it is {value}; \
                 run with the same, or name another file"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::row::{Row, tests::row};
    use super::*;
    use lowkey_test_support::TestFolder;

    fn seed(seed: u64) -> Map<String, Value> {
        Map::from_iter([("seed".to_owned(), seed.into())])
    }

    #[test]
    fn partial_row_is_dropped_on_reopening() {
        let folder = TestFolder::new("back");
        let path = folder.join("rows.jsonl");
        let (mut ledger, rows) = Ledger::open::<Row>(&path, &seed(1)).unwrap();
        assert!(rows.is_empty());
        ledger.add(&row(0, 1.0)).unwrap();
        ledger.add(&row(1, 2.0)).unwrap();
        drop(ledger);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let (mut ledger, rows) = Ledger::open::<Row>(&path, &seed(1)).unwrap();
        assert_eq!(rows, [row(0, 1.0)]);
        ledger.add(&row(1, 2.0)).unwrap();
        drop(ledger);
        assert_eq!(Ledger::open::<Row>(&path, &seed(1)).unwrap().1, [row(0, 1.0), row(1, 2.0)]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = TestFolder::new("mode");
        let path = folder.join("rows.jsonl");
        Ledger::open::<Row>(&path, &seed(1)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn other_parameters_and_files_are_refused() {
        let folder = TestFolder::new("refused");
        let path = folder.join("rows.jsonl");
        Ledger::open::<Row>(&path, &seed(1)).unwrap();
        let message =
            |path: &Path| format!("{:#}", Ledger::open::<Row>(path, &seed(2)).unwrap_err());
        let words = message(&path);
        assert!(words.contains("seed 1") && words.contains("now it is 2"), "{words}");
        for text in ["fn main() {}\n", "precious", "{\"a\":1}\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(message(&path).contains("not a file of rows"), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
