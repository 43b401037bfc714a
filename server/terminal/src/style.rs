//! Styles of text on a terminal, for [`print_styled`](crate::stdout::print_styled).
//!
//! A style writes its escape codes, and its alternate form ends it: `{BOLD}text{BOLD:#}`. Widths
//! belong to the text between them.

use anstyle::{AnsiColor, Style};

/// Ghost text.
pub const GHOST: Style = Style::new().dimmed().italic();
/// Accepted text, and bars.
pub const ACCEPTED: Style = AnsiColor::Green.on_default();
/// Headings and names.
pub const BOLD: Style = Style::new().bold();
/// Secondary figures.
pub const QUIET: Style = Style::new().dimmed();
