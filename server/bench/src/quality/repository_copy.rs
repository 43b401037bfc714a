//! `--run`: a copy of the repository in which each hole is filled and a command says whether all is well.
//!
//! The repository itself is never written to. Copied is what no ignore file keeps out, so that what the project
//! builds is built anew, in the copy. The command runs in a process group of its own, which ends with its time.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use lowkey_context::Rules;

use super::repository::files;

/// A copy that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct RepositoryCopy {
    folder: PathBuf,
    command: String,
    limit: Duration,
}

impl RepositoryCopy {
    /// Copies the repository and runs the command once, with nothing changed: it must succeed.
    pub(super) async fn new(root: &Path, command: &str, limit: Duration) -> anyhow::Result<Self> {
        let name = format!("lowkey-quality-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let copying = || format!("cannot copy {} to {}", root.display(), folder.display());
        let mut builder = std::fs::DirBuilder::new();
        // Only the user may read it. A folder that exists already may belong to another user.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).with_context(copying)?;
        let repository_copy = Self { folder: folder.clone(), command: command.to_owned(), limit };
        let rules = Rules::new(Some(root), &[]).0;
        for path in files(root, &rules)? {
            let inside = path.strip_prefix(root).with_context(copying)?;
            if rules.is_ignored(&path) {
                continue;
            }
            let target = repository_copy.folder.join(inside);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent).with_context(copying)?;
            }
            std::fs::copy(&path, target).with_context(copying)?;
        }
        match repository_copy.run().await? {
            Some(status) if status.success() => Ok(repository_copy),
            Some(status) => bail!(
                "`{command}` fails in an unchanged copy of {} ({status}); it must succeed there before holes are \
                 filled: try it in a fresh checkout",
                root.display()
            ),
            None => bail!(
                "`{command}` takes more than {} s in an unchanged copy of {}; give it longer with --run-seconds",
                limit.as_secs(),
                root.display()
            ),
        }
    }

    /// Whether the command succeeds, in time, with `text` in the file `label`; the file is put back afterwards.
    pub(super) async fn passes(
        &self,
        label: &str,
        text: &str,
        original: &str,
    ) -> anyhow::Result<bool> {
        let path = self.folder.join(label);
        let writing = || format!("cannot write {}", path.display());
        std::fs::write(&path, text).with_context(writing)?;
        let outcome = self.run().await;
        std::fs::write(&path, original).with_context(writing)?;
        Ok(outcome?.is_some_and(|status| status.success()))
    }

    /// Runs the command; `None` when its time is over.
    async fn run(&self) -> anyhow::Result<Option<ExitStatus>> {
        let mut command = shell(&self.command);
        command.current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child =
            command.spawn().with_context(|| format!("cannot run `{}`", self.command))?;
        let id = child.id();
        let mut ended = tokio::task::spawn_blocking(move || child.wait());
        if let Ok(ended) = tokio::time::timeout(self.limit, &mut ended).await {
            return Ok(Some(ended??));
        }
        end(id);
        ended.await??;
        Ok(None)
    }
}

impl Drop for RepositoryCopy {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a copy was not removed");
        }
    }
}

#[cfg(unix)]
pub(super) fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

#[cfg(not(unix))]
pub(super) fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    shell
}

/// Ends a process with all that it started.
pub(super) fn end(id: u32) {
    let (program, arguments) = if cfg!(unix) {
        ("kill", ["-KILL".to_owned(), "--".to_owned(), format!("-{id}")].to_vec())
    } else {
        ("taskkill", ["/T", "/F", "/PID", &id.to_string()].map(str::to_owned).to_vec())
    };
    let ended = Command::new(program).args(arguments).stderr(Stdio::null()).status();
    if let Err(error) = ended {
        tracing::error!(id, %error, "a command that takes too long could not be ended");
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use lowkey_test_support::TestFolder;

    fn folder(name: &str, files: &[(&str, &str)]) -> TestFolder {
        let folder = TestFolder::new(name);
        for (name, text) in files {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        folder
    }

    #[tokio::test]
    async fn a_command_judges_the_copy_and_the_repository_stays_as_it_is() {
        let files = [(".gitignore", "out/\n"), ("src/a.txt", "right"), ("out/big", "x")];
        let repository = folder("judges", &files);
        let limit = Duration::from_mins(1);
        // The ignored folder must not be there, the file must say what it said.
        let command = "test ! -e out && grep -q right src/a.txt";
        let repository_copy = RepositoryCopy::new(&repository, command, limit).await.unwrap();
        let folder = repository_copy.folder.clone();
        assert!(repository_copy.passes("src/a.txt", "all right", "right").await.unwrap());
        assert!(!repository_copy.passes("src/a.txt", "wrong", "right").await.unwrap());
        assert_eq!(std::fs::read_to_string(folder.join("src/a.txt")).unwrap(), "right");
        assert_eq!(std::fs::read_to_string(repository.join("src/a.txt")).unwrap(), "right");
        // Too long is as bad as wrong, and what it started ends too.
        let mut slow = repository_copy;
        slow.limit = Duration::from_millis(50);
        slow.command = "sleep 600".into();
        assert!(!slow.passes("src/a.txt", "right", "right").await.unwrap());
        drop(slow);
        assert!(!folder.exists());

        let message =
            RepositoryCopy::new(&repository, "false", limit).await.unwrap_err().to_string();
        assert!(message.contains("`false` fails in an unchanged copy"), "{message}");
    }
}
