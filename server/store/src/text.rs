//! Text that others wrote, as a message may show it.
//!
//! A server, a configuration file or a planted file can hold control characters, which move the cursor of a terminal
//! or colour it, and megabytes.

/// Characters of foreign text that a message shows at most.
const LIMIT: usize = 200;

/// Returns the text on one line: control characters and marks of direction escaped, cut at 200 characters.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == LIMIT {
            shown.push('…');
            break;
        }
        if c.is_control() || is_mark(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a character shows nothing and changes how its neighbours are shown.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[test]
fn foreign_text_is_one_short_line() {
    assert_eq!(printable("a b/ü?"), "a b/ü?");
    assert_eq!(printable("a\x1b[2J\r\nb\u{202e}c"), "a\\u{1b}[2J\\u{d}\\u{a}b\\u{202e}c");
    let long = printable(&"x".repeat(1 << 20));
    assert_eq!((long.chars().count(), long.ends_with('…')), (LIMIT + 1, true));
}
