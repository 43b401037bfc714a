//! Lone surrogates in JSON: `\ud83d` without its other half.
//!
//! Editors written in JavaScript hold text as UTF-16 and escape a lone surrogate, for example when
//! the user types or deletes a pair in two steps. A Rust string cannot hold it, so the message
//! could not be parsed, the edit would be lost, and every later position in the document would be
//! wrong. A replacement character also counts as one UTF-16 unit, so it keeps every position right.

/// Replaces lone surrogate escapes in JSON text; `None` when there are none.
pub(super) fn mend(json: &str) -> Option<String> {
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(escape) = next_escape(json, at) {
        at = escape + 2;
        let high = match unit(json, escape) {
            Some(unit @ 0xd800..=0xdbff) => Some(unit),
            Some(0xdc00..=0xdfff) => None,
            _ => continue,
        };
        if high.is_some() && matches!(unit(json, escape + 6), Some(0xdc00..=0xdfff)) {
            at = escape + 12;
            continue;
        }
        mended.push_str(json.get(copied..escape)?);
        mended.push_str("\\ufffd");
        copied = escape + 6;
        at = copied;
    }
    if copied == 0 {
        return None;
    }
    mended.push_str(json.get(copied..)?);
    Some(mended)
}

/// Finds the next backslash of an escape at or after `at`; both bytes of `\\` belong to one.
fn next_escape(json: &str, at: usize) -> Option<usize> {
    Some(at + json.get(at..)?.find('\\')?)
}

/// Parses the UTF-16 unit of `\uXXXX` at `at`.
fn unit(json: &str, at: usize) -> Option<u32> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced() {
        for (json, mended) in [
            (r#""a\ud83d""#, r#""a\ufffd""#),
            (r#""\ude00b""#, r#""\ufffdb""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83dx\uDE00""#, r#""\ufffdx\ufffd""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
        ] {
            assert_eq!(mend(json).as_deref(), Some(mended));
        }
    }

    #[test]
    fn everything_else_stays() {
        for json in [
            r#""\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#""\u00e9 é 😀 \n""#,
            r#""\"#,
            r#""\u""#,
            r#""\ud8""#,
            r#""\u+d83""#,
            "\"\\é\"",
            "",
        ] {
            assert_eq!(mend(json), None, "{json}");
        }
    }
}
