//! One row per hole and variant.
//!
//! A row has no text of the package unless it is requested.

use lowkey_completer::report::{Ms, Tokens};
use serde::{Deserialize, Serialize};

use super::super::hole::Kind;
use super::super::row::Texts;

/// One hole, asked with the text of one variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) hole: String,
    /// Identifies the file's text and the hole.
    pub(super) digest: String,
    pub(super) package: String,
    pub(super) language: String,
    pub(super) kind: Kind,
    pub(super) visible: String,
    /// The collector and the place of its text.
    pub(super) variant: String,
    /// Whether the line is that of the file, except for blanks at its end.
    pub(super) exact: bool,
    /// Whether the suggestion has the names that other files define.
    pub(super) identifier: bool,
    pub(super) similarity: f64,
    /// The rule that silenced the suggestion; `null` if it is shown.
    pub(super) silent: Option<String>,
    /// Why decoding ended.
    pub(super) stop: Option<String>,
    /// How many snippets were offered; `tokens.prompt` shows how many fit.
    pub(super) snippets: usize,
    pub(super) tokens: Tokens,
    pub(super) ms: Ms,
    /// Only with `--texts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) texts: Option<Texts>,
}
