//! The line ending of a file, so that inserted lines end like the lines around them.

use ropey::Rope;

/// Bytes that [`LineEnding::dominant`] examines. A file keeps its line ending after that, and
/// counting through a 20 MB file for each request would be too slow.
const SAMPLE_BYTES: usize = 64 * 1024;

/// The three line endings of LSP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LineEnding {
    #[default]
    Lf,
    CrLf,
    /// `\r` alone
    Cr,
}

impl LineEnding {
    /// Returns the characters that end a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }

    /// Returns the most frequent line ending in the first 64 KiB; LF if there is none or a tie.
    pub(crate) fn dominant(rope: &Rope) -> Self {
        let (mut n_lf, mut n_crlf, mut n_cr) = (0_usize, 0_usize, 0_usize);
        let mut after_cr = false;
        let mut seen_bytes = 0;
        for chunk in rope.chunks() {
            for byte in chunk.bytes() {
                match byte {
                    b'\n' if after_cr => {
                        n_cr = n_cr.saturating_sub(1);
                        n_crlf += 1;
                    }
                    b'\n' => n_lf += 1,
                    b'\r' => n_cr += 1,
                    _ => {}
                }
                after_cr = byte == b'\r';
            }
            seen_bytes += chunk.len();
            if seen_bytes >= SAMPLE_BYTES {
                break;
            }
        }
        if n_lf >= n_crlf && n_lf >= n_cr {
            Self::Lf
        } else if n_crlf >= n_cr {
            Self::CrLf
        } else {
            Self::Cr
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: LineEnding) {
        assert_eq!(LineEnding::dominant(&Rope::from_str(text)), expected, "{text:?}");
    }

    #[test]
    fn most_frequent_line_end_wins() {
        check("", LineEnding::Lf);
        check("one line", LineEnding::Lf);
        check("a\nb\nc\r\n", LineEnding::Lf);
        check("a\r\nb\r\nc\n", LineEnding::CrLf);
        check("a\rb\rc\n", LineEnding::Cr);
        check("a\r\nb\n", LineEnding::Lf);
        check("a\r\r\nb\r\n", LineEnding::CrLf);
    }
}
