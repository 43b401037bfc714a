//! Escapes control characters in messages and bounds their length.
//!
//! Messages quote names from files and users (a tensor's, a setting's, a path's). With control
//! characters escaped and the length bounded, a name cannot control a terminal or fill a log.

use std::fmt::{self, Write as _};

/// The longest message: enough for whole paths and nested reasons.
const MAX_BYTES: usize = 8 << 10;

/// Formats a message with its control characters escaped, cut after 8 KiB.
pub fn plain(message: impl fmt::Display) -> String {
    let mut plain = Plain::default();
    // The writer stops formatting at the limit, which is the only error.
    let _ = write!(plain, "{message}");
    plain.text
}

#[derive(Default)]
struct Plain {
    text: String,
}

impl fmt::Write for Plain {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            if self.text.len() >= MAX_BYTES {
                self.text.push('…');
                return Err(fmt::Error);
            }
            // Marks that reorder text can make one name look like another.
            if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                self.text.extend(c.escape_default());
            } else {
                self.text.push(c);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_escaped_and_bounded() {
        assert_eq!(plain("über 😀 {x}"), "über 😀 {x}");
        assert_eq!(plain("\u{1b}[31mred\nlowkey: done"), "\\u{1b}[31mred\\nlowkey: done");
        assert_eq!(plain("a\u{202e}b"), "a\\u{202e}b");
        let long = plain("é".repeat(MAX_BYTES));
        assert!(long.ends_with('…') && long.len() < MAX_BYTES + 8, "{}", long.len());
    }
}
