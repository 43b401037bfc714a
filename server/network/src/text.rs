//! Escapes foreign text for messages.
//!
//! A server, a configuration file or a planted file can hold megabytes, and control characters that
//! move a terminal's cursor or change its colours.

/// Maximum characters of foreign text in a message.
const MAX_CHARS: usize = 200;

/// Returns the text on one line, with control characters and direction marks escaped, cut at 200
/// characters.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == MAX_CHARS {
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

/// Whether a character is invisible and changes the display of its neighbours.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[test]
fn foreign_text_is_one_short_line() {
    assert_eq!(printable("a b/ü?"), "a b/ü?");
    assert_eq!(printable("a\x1b[2J\r\nb\u{202e}c"), "a\\u{1b}[2J\\u{d}\\u{a}b\\u{202e}c");
    let long = printable(&"x".repeat(1 << 20));
    assert_eq!((long.chars().count(), long.ends_with('…')), (MAX_CHARS + 1, true));
}
