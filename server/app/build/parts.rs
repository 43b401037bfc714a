//! A model in parts: their list, their checks, and the joined file.
//!
//! Hosted repositories do not accept a file of 100 MB, so `server/training/parts.py` cuts the
//! default model and writes `NAME.gguf.parts`: a line `SHA256 SIZE NAME` for the whole file, then
//! one for each part. The list is committed first. Until the last part is committed, the first line
//! is `incomplete`, and a missing part is not an error.
//!
//! The build script and `tests/parts.rs` share this file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The first line of a list with missing parts.
const INCOMPLETE: &str = "incomplete";
const ENDING: &str = ".gguf.parts";
const AGAIN: &str = "run `git checkout -- server/store/models`, or clone the repository again";
/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The path of the joined file.
    pub(crate) path: PathBuf,
    /// Its length in bytes.
    pub(crate) n_bytes: u64,
    /// Its SHA-256, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// The model card next to the parts.
    pub(crate) card: PathBuf,
}

/// The result of joining parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All parts exist and are correct.
    Joined(Joined),
    /// Some parts are not committed yet, for this reason.
    Incomplete(String),
}

/// A line of the list.
struct Line<'l> {
    sha256: &'l str,
    n_bytes: u64,
    name: &'l str,
}

/// Checks the parts named in the only list in `folder` and joins them in `out`.
///
/// The joined file is written only if it does not exist yet. An error is one message that names the
/// file.
pub(crate) fn join(folder: &Path, out: &Path) -> Result<Outcome, String> {
    let Some(list) = list_in(folder)? else {
        let reason = format!("{} has no list of the default model's parts", folder.display());
        return Ok(Outcome::Incomplete(reason));
    };
    let text = fs::read_to_string(&list).map_err(|e| unreadable(&list, &e))?;
    let (is_incomplete, lines) = read_list(&list, &text)?;
    let (whole, parts) = (&lines[0], &lines[1..]);
    let mut missing = None;
    for part in parts {
        let path = folder.join(part.name);
        match File::open(&path) {
            Ok(file) => check(&path, file, part)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => missing = missing.or(Some(path)),
            Err(e) => return Err(unreadable(&path, &e)),
        }
    }
    let card = list.with_file_name(format!("{}.md", whole.name.trim_end_matches(".gguf")));
    match missing.or_else(|| Some(card.clone()).filter(|card| !card.is_file())) {
        Some(path) if is_incomplete => {
            let reason = format!("{} is missing: the default model is incomplete", path.display());
            return Ok(Outcome::Incomplete(reason));
        }
        Some(path) => {
            let what = "the default model cannot be built in without it";
            return Err(format!("{} is missing; {what}: {AGAIN}", path.display()));
        }
        None => {}
    }
    let path = out.join(whole.name);
    if File::open(&path).is_err() || check(&path, open(&path)?, whole).is_err() {
        write(&path, &parts.iter().map(|part| folder.join(part.name)).collect::<Vec<_>>())?;
        check(&path, open(&path)?, whole).map_err(|e| {
            format!("{e}. Its parts are as {} says: the list is wrong", list.display())
        })?;
    }
    let (n_bytes, sha256) = (whole.n_bytes, whole.sha256.to_owned());
    Ok(Outcome::Joined(Joined { path, n_bytes, sha256, card }))
}

/// Returns the only list in a folder.
fn list_in(folder: &Path) -> Result<Option<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| unreadable(folder, &e))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_list = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with(ENDING));
    let mut lists: Vec<PathBuf> = paths.filter(is_list).collect();
    lists.sort();
    match &*lists {
        [_, _, ..] => Err(format!(
            "{} and {} list the parts of two models; there is one default: delete the other's",
            lists[0].display(),
            lists[1].display()
        )),
        _ => Ok(lists.pop()),
    }
}

/// Returns whether the list begins with `incomplete`, and its lines: the whole file and at least
/// one part.
fn read_list<'l>(list: &Path, text: &'l str) -> Result<(bool, Vec<Line<'l>>), String> {
    let wrong = |what: String| format!("{}: {what}; {AGAIN}", list.display());
    let (is_incomplete, text) = match text.strip_prefix(INCOMPLETE) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let lines = text.lines().map(|line| {
        read_line(line).ok_or_else(|| wrong(format!("{line:?} is not `SHA256 SIZE NAME`")))
    });
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    if lines.len() < 2 {
        return Err(wrong("it names no parts".to_owned()));
    }
    let in_parts: u64 = lines[1..].iter().map(|part| part.n_bytes).sum();
    if in_parts != lines[0].n_bytes {
        let whole = lines[0].n_bytes;
        return Err(wrong(format!("its parts have {in_parts} bytes, the whole {whole}")));
    }
    Ok((is_incomplete, lines))
}

fn read_line(line: &str) -> Option<Line<'_>> {
    let mut words = line.split(' ');
    let (sha256, n_bytes, name) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let is_digest = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
    let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    (is_digest && is_name && words.next().is_none() && n_bytes < 1 << 40).then_some(Line {
        sha256,
        n_bytes,
        name,
    })
}

/// Fails unless the file has the size and digest of its line.
fn check(path: &Path, file: File, line: &Line<'_>) -> Result<(), String> {
    let found = file.metadata().map_err(|e| unreadable(path, &e))?.len();
    let wanted = line.n_bytes;
    if found != wanted {
        let path = path.display();
        return Err(format!("{path} has {found} bytes, expected {wanted}; {AGAIN}"));
    }
    let mut digest = Sha256::new();
    each_chunk(path, file, |chunk| {
        digest.update(chunk);
        Ok(())
    })?;
    let hex: Vec<String> = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let found = hex.concat();
    let (path, wanted) = (path.display(), line.sha256);
    if found == wanted {
        return Ok(());
    }
    Err(format!("{path} was altered: its SHA-256 is {found}, expected {wanted}; {AGAIN}"))
}

/// Writes the parts in order, under a temporary name until the file is complete.
fn write(path: &Path, parts: &[PathBuf]) -> Result<(), String> {
    let partial = path.with_extension("partial");
    let failed =
        |e: &io::Error| format!("cannot write {}: {e}; free some space", partial.display());
    let mut file = File::create(&partial).map_err(|e| failed(&e))?;
    for part in parts {
        each_chunk(part, open(part)?, |chunk| file.write_all(chunk).map_err(|e| failed(&e)))?;
    }
    drop(file);
    fs::rename(&partial, path).map_err(|e| failed(&e))
}

fn each_chunk(
    path: &Path,
    file: File,
    mut take: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = file;
    let mut chunk = vec![0; CHUNK];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => take(&chunk[..n])?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(unreadable(path, &e)),
        }
    }
}

fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
