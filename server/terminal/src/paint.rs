//! Colours for people: escape codes on a terminal, nothing elsewhere.

use std::io::IsTerminal;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Ghost text.
    Ghost,
    /// What was accepted.
    Accepted,
    /// Headings and names.
    Bold,
    /// Figures beside the matter.
    Quiet,
}

/// Whether stdout may carry escape codes.
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// `text` in `style`, or as it is without colours.
pub fn paint(colours: bool, style: Style, text: &str) -> String {
    if !colours || text.is_empty() {
        return text.to_owned();
    }
    let code = match style {
        Style::Ghost => "2;3",
        Style::Accepted => "32",
        Style::Bold => "1",
        Style::Quiet => "2",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
