//! The editors on this machine, and whether their settings name lowkey.
//!
//! The check reads the files of each editor's settings and runs no program. A mention does not
//! prove that the set-up works, and the set-up may be in another file, so the messages are careful.

use std::path::{Path, PathBuf};

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Editor {
    pub(super) name: &'static str,
    /// Whether its settings name lowkey.
    configured: bool,
    /// The page with the instructions.
    page: &'static str,
}

/// The location of an editor's settings.
struct Known {
    name: &'static str,
    program: &'static str,
    /// Files or folders in the home folder. Their text, or the names of their entries, may contain
    /// `lowkey`.
    places: &'static [&'static str],
    page: &'static str,
}

const KNOWN: [Known; 4] = [
    Known {
        name: "VS Code",
        program: "code",
        places: &[".vscode/extensions"],
        page: "editors/vscode",
    },
    Known {
        name: "Neovim",
        program: "nvim",
        places: &[
            ".config/nvim/init.lua",
            ".config/nvim/init.vim",
            ".config/nvim/lsp",
            ".config/nvim/lua",
            ".config/nvim/plugin",
            ".config/nvim/lua/plugins",
            ".local/share/nvim/site/pack/lowkey",
        ],
        page: "editors/neovim",
    },
    Known {
        name: "Helix",
        program: "hx",
        places: &[".config/helix/languages.toml"],
        page: "editors/helix",
    },
    Known {
        name: "Emacs",
        program: "emacs",
        places: &[".emacs", ".emacs.d/init.el", ".config/emacs/init.el"],
        page: "editors/emacs",
    },
];

/// Bytes read of a file, at most.
const MOST_BYTES: u64 = 1 << 20;

/// Finds the editors on `PATH`.
pub(super) fn editors() -> Vec<Editor> {
    let home = std::env::home_dir().unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    find(&home, &std::env::split_paths(&path).collect::<Vec<_>>())
}

fn find(home: &Path, folders: &[PathBuf]) -> Vec<Editor> {
    let is_here = |known: &&Known| {
        folders.iter().any(|folder| {
            let program =
                folder.join(known.program).with_extension(std::env::consts::EXE_EXTENSION);
            program.is_file()
        })
    };
    let editor = |known: &Known| Editor {
        name: known.name,
        configured: known.places.iter().any(|place| names_lowkey(&home.join(place))),
        page: known.page,
    };
    KNOWN.iter().filter(is_here).map(editor).collect()
}

/// Whether the file's text, the names in a folder, or the text of a folder's files contain
/// `lowkey`.
fn names_lowkey(place: &Path) -> bool {
    if place.is_dir() {
        let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
        return entries.map(|entry| entry.path()).any(|path| {
            path.file_name().is_some_and(|name| mentions(&name.to_string_lossy()))
                || (path.is_file() && text_names_lowkey(&path))
        }) || place.ends_with("pack/lowkey");
    }
    place.is_file() && text_names_lowkey(place)
}

fn text_names_lowkey(path: &Path) -> bool {
    let is_short = path.metadata().is_ok_and(|metadata| metadata.len() <= MOST_BYTES);
    is_short && std::fs::read(path).is_ok_and(|bytes| mentions(&String::from_utf8_lossy(&bytes)))
}

fn mentions(text: &str) -> bool {
    text.to_lowercase().contains("lowkey")
}

impl Editor {
    pub(super) fn says(&self) -> String {
        if self.configured {
            "its settings name lowkey".to_owned()
        } else {
            format!("is here; its settings do not name lowkey; see {}", self.page)
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use lowkey_test_support::TestFolder;

    #[test]
    fn editors_are_found_without_settings() {
        let home = TestFolder::new("editors");
        let programs = home.join("bin");
        std::fs::create_dir_all(&programs).unwrap();
        std::fs::create_dir_all(home.join(".config/helix")).unwrap();
        let hx = programs.join("hx").with_extension(std::env::consts::EXE_EXTENSION);
        std::fs::write(hx, "").unwrap();
        let folders = [home.join("nowhere"), programs];
        let found = find(&home, &folders);
        assert!(matches!(found.as_slice(), [Editor { name: "Helix", configured: false, .. }]));
        assert!(found[0].says().contains("editors/helix"));
        let languages = home.join(".config/helix/languages.toml");
        std::fs::write(&languages, "[language-server.lowkey]").unwrap();
        assert!(find(&home, &folders)[0].configured);
    }
}
