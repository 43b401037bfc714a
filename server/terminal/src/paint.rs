//! Terminal colours: escape codes on a terminal, none elsewhere.

use std::io::IsTerminal;

/// The style of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Ghost text.
    Ghost,
    /// Accepted text.
    Accepted,
    /// Headings and names.
    Bold,
    /// Secondary figures.
    Quiet,
}

/// Whether to write escape codes to stdout.
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Returns `text` in `style`, or unchanged without colours.
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
