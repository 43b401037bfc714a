//! `--parses`: a language's own tool says whether a filled file is still a program.
//!
//! The tool reads the file on stdin and succeeds or fails, as `rustfmt`, `gofmt` or `python3 -c …` do. A parser of
//! every language inside would be C code to build, which this project has none of.
//! Invariant: a file that the tool refuses without a hole is judged in no hole.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lowkey_document::Language;

use super::repository::Source;
use super::repository_copy::{end, shell};

/// Longer than this no parser takes.
const PARSE_TIMEOUT: Duration = Duration::from_secs(20);

/// The tools, by language id, and which files they accept without a hole.
#[derive(Debug, Default)]
pub(super) struct Parsers {
    commands: BTreeMap<&'static str, String>,
    accepted: BTreeMap<String, bool>,
}

impl Parsers {
    /// Reads words `LANGUAGE=COMMAND`.
    pub(super) fn new(words: &[String]) -> anyhow::Result<Self> {
        let mut commands = BTreeMap::new();
        for word in words {
            let (id, command) = word.split_once('=').unwrap_or_default();
            let language = Language::find(id).filter(|_| !command.trim().is_empty());
            let Some(language) = language else {
                bail!(
                    "{word:?} names no parser; write --parses LANGUAGE=COMMAND, as in python='python3 -c …'"
                );
            };
            commands.insert(language.id, command.to_owned());
        }
        Ok(Self { commands, accepted: BTreeMap::new() })
    }

    /// Whether `filled`, the source's text with a hole filled, still parses; `None` where nothing can tell.
    pub(super) async fn parses(
        &mut self,
        source: &Source,
        filled: &str,
    ) -> anyhow::Result<Option<bool>> {
        let Some(command) = self.commands.get(source.language.id) else { return Ok(None) };
        let is_accepted = match self.accepted.get(&source.label) {
            Some(known) => *known,
            None => accepts(command, &source.text).await?,
        };
        self.accepted.insert(source.label.clone(), is_accepted);
        if !is_accepted {
            return Ok(None);
        }
        accepts(command, filled).await.map(Some)
    }
}

/// Runs the tool on a text; taking too long is refusing.
async fn accepts(command: &str, text: &str) -> anyhow::Result<bool> {
    let starting = || format!("cannot run `{command}`");
    let mut tool = shell(command);
    tool.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut tool, 0);
    let mut child = tool.spawn().with_context(starting)?;
    let (id, stdin, text) = (child.id(), child.stdin.take(), text.to_owned());
    let mut ended = tokio::task::spawn_blocking(move || {
        // A tool that has seen enough closes its end: that is no error of ours.
        let _ = stdin.map(|mut stdin| stdin.write_all(text.as_bytes()));
        child.wait()
    });
    if let Ok(status) = tokio::time::timeout(PARSE_TIMEOUT, &mut ended).await {
        return Ok(status?.with_context(starting)?.success());
    }
    end(id);
    ended.await?.with_context(starting)?;
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn source(label: &str, text: &str) -> Source {
        let (path, language) = (PathBuf::from(label), Language::by_id("go"));
        Source { label: label.into(), path, language, text: text.into() }
    }

    #[tokio::test]
    async fn the_tool_judges_what_it_accepts_as_it_stands() {
        let mut parsers = Parsers::new(&["go=grep -q fine".to_owned()]).unwrap();
        let (good, bad) = (source("a.go", "fine"), source("b.go", "broken"));
        assert_eq!(parsers.parses(&good, "still fine").await.unwrap(), Some(true));
        assert_eq!(parsers.parses(&good, "no more").await.unwrap(), Some(false));
        assert_eq!(parsers.parses(&bad, "fine now").await.unwrap(), None);
        let other = Source { language: Language::by_id("rust"), ..good };
        assert_eq!(parsers.parses(&other, "fine").await.unwrap(), None);
    }

    #[test]
    fn words_that_name_no_parser_are_refused() {
        for word in ["go", "go=", "klingon=x", "=x"] {
            let message = Parsers::new(&[word.to_owned()]).unwrap_err().to_string();
            assert!(message.contains("LANGUAGE=COMMAND"), "{message}");
        }
    }
}
