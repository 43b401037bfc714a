//! Differences between clients: a table of what the server does differently for each, and its test.
//!
//! `session` reads the client's declared capabilities. This table only has quirks that no
//! capability declares. An unknown client gets the behaviour that is safe everywhere.

use tower_lsp::ls_types::ClientInfo;

/// The quirks of one client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent quirks")]
pub(super) struct Quirks {
    /// The client draws ghost text that removes indentation before the cursor. For other clients
    /// such a text is withheld, because the user would accept an invisible change.
    pub(super) draws_dedent: bool,
    /// The client gets popup entries only if the setting `popup` is `always`. Either its popup
    /// waits for every server, so that lowkey would delay all others, or it has ghost text of its
    /// own.
    pub(super) popup_on_request_only: bool,
    /// Items have the accept command of Copilot's server.
    pub(super) copilot_command: bool,
    /// The client's buffer is a list of lines, and it splits inserted text at line feeds only. A
    /// carriage return would stay in the buffer and be saved as `\r\r\n`, so this client always
    /// gets line feeds. Other clients get the line ends of the document that they sent, because
    /// some of them insert the text unchanged (Helix, and Emacs, which sends line feeds). VS Code
    /// converts line ends to those of the file. `editors/README.md` has the table and the tests.
    pub(super) line_feeds_only: bool,
    /// After a registration the client configures every buffer again, with its warnings, and asks
    /// whether to watch a large folder. No files are watched then: a changed file is read into the
    /// index when it is opened.
    pub(super) watches_no_files: bool,
}

/// One row of the table.
struct Row {
    /// The client's name, or its beginning.
    client: &'static str,
    /// The first version with the quirk.
    from: [u64; 2],
    /// Sets the quirk.
    quirk: fn(&mut Quirks),
    /// The evidence for the quirk.
    #[cfg_attr(not(test), expect(dead_code, reason = "documentation of the row"))]
    seen: &'static str,
    /// The test in `tests/lsp` that covers it.
    #[cfg_attr(not(test), expect(dead_code, reason = "only a test reads it"))]
    test: &'static str,
}

fn draws_dedent(quirks: &mut Quirks) {
    quirks.draws_dedent = true;
}

fn line_feeds_only(quirks: &mut Quirks) {
    quirks.line_feeds_only = true;
}

fn popup_on_request_only(quirks: &mut Quirks) {
    quirks.popup_on_request_only = true;
}

fn watches_no_files(quirks: &mut Quirks) {
    quirks.watches_no_files = true;
}

const DEDENT_TEST: &str = "dedent_goes_to_editors_that_draw_it";
const LINES_TEST: &str = "dos_file_gets_line_ends_of_editor";
const POPUP_TEST: &str = "waiting_popup_is_empty_unless_requested";

/// Returns the row of an editor or of a fork of it, which draws in the same way.
const fn vs_code(client: &'static str) -> Row {
    let seen = "driven in code-server 4.139.1 (VS Code 1.139.1): drawn and accepted";
    Row { client, from: [1, 91], quirk: draws_dedent, seen, test: DEDENT_TEST }
}

const TABLE: &[Row] = &[
    vs_code("Visual Studio Code"),
    vs_code("VSCodium"),
    vs_code("Code - OSS"),
    Row { from: [4, 0], ..vs_code("code-server") },
    Row {
        client: "copilot.el",
        from: [0, 0],
        quirk: draws_dedent,
        seen: "read in its source (copilot-display-overlay-completion); not driven here",
        test: "copilot_el_is_served_as_it_expects",
    },
    Row {
        client: "Neovim",
        from: [0, 0],
        quirk: line_feeds_only,
        seen: "driven in 0.12.4 and 0.10.4 with a dos file: `vim.lsp.inline_completion` and the plugin",
        test: LINES_TEST,
    },
    Row {
        client: "copilot.lua",
        from: [0, 0],
        quirk: line_feeds_only,
        seen: "read in its source (it splits the shown text at line feeds); not driven here",
        test: LINES_TEST,
    },
    Row {
        client: "Sublime Text",
        from: [0, 0],
        quirk: popup_on_request_only,
        seen: "read in the documentation of its LSP package; not driven here",
        test: POPUP_TEST,
    },
    Row {
        // lsp-mode; Eglot has its own name.
        client: "emacs",
        from: [0, 0],
        quirk: watches_no_files,
        seen: "driven in lsp-mode on a screen: the warning replaces the message that lowkey runs",
        test: "lsp_mode_watches_no_files",
    },
];

impl Quirks {
    /// Returns a text with line ends that the client can insert.
    pub(super) fn with_line_ends(self, text: String) -> String {
        if self.line_feeds_only && text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text
        }
    }
}

/// Returns a client's quirks; a Copilot client is identified by its plugin.
pub(super) fn quirks(client: Option<&ClientInfo>, is_copilot_door: bool) -> Quirks {
    let mut quirks = Quirks {
        popup_on_request_only: is_copilot_door,
        copilot_command: is_copilot_door,
        ..Quirks::default()
    };
    if let Some(client) = client {
        let version = version(client.version.as_deref().unwrap_or_default());
        let is_meant = |row: &&Row| {
            client.name.starts_with(row.client) && version.is_none_or(|v| v >= row.from)
        };
        for row in TABLE.iter().filter(is_meant) {
            (row.quirk)(&mut quirks);
        }
    }
    quirks
}

/// Parses the first two numbers of a version; `None` if it does not begin with a number.
fn version(text: &str) -> Option<[u64; 2]> {
    let mut numbers = text.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    Some([major, numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, version: Option<&str>) -> Quirks {
        quirks(Some(&ClientInfo { name: name.into(), version: version.map(str::to_owned) }), false)
    }

    #[test]
    fn client_is_matched_by_name_and_version() {
        let draws = Quirks { draws_dedent: true, ..Quirks::default() };
        assert_eq!(of("Visual Studio Code", Some("1.139.1")), draws);
        assert_eq!(of("Visual Studio Code - Insiders", Some("1.140.0-insider")), draws);
        assert_eq!(of("code-server", None), draws, "without a version, the newest is assumed");
        assert_eq!(of("Visual Studio Code", Some("1.60.0")), Quirks::default());
        assert_eq!(
            of("Neovim", Some("0.12.4")),
            Quirks { line_feeds_only: true, ..Quirks::default() }
        );
        assert_eq!(of("helix", Some("25.07.1")), Quirks::default());
        assert_eq!(of("", Some("")), Quirks::default());
        assert_eq!(quirks(None, false), Quirks::default());
        let copilot = Quirks { popup_on_request_only: true, copilot_command: true, ..draws };
        let plugin = ClientInfo { name: "copilot.el".into(), version: Some("unknown".into()) };
        assert_eq!(quirks(Some(&plugin), true), copilot);
        assert!(of("Sublime Text LSP", Some("2.3.0")).popup_on_request_only);
    }

    #[test]
    fn versions_are_read_leniently() {
        for (text, numbers) in [
            ("1.139.1", Some([1, 139])),
            ("v0.12.4-dev", Some([0, 12])),
            ("25.07.1 (20260723)", Some([25, 7])),
            ("2", Some([2, 0])),
            ("GNU Emacs 30.1", None),
            ("", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(version(text), numbers, "{text}");
        }
    }

    #[test]
    fn each_row_has_evidence_and_a_test() {
        let tests = concat!(
            include_str!("../../../tests/lsp/clients.rs"),
            include_str!("../../../tests/lsp/copilot.rs"),
            include_str!("../../../tests/lsp/cross_file.rs"),
        );
        for row in TABLE {
            assert!(!row.seen.is_empty(), "{}", row.client);
            assert!(tests.contains(&format!("fn {}(", row.test)), "{}: {}", row.client, row.test);
        }
    }
}
