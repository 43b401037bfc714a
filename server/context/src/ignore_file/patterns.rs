//! Converts a line of an ignore file to patterns that the matcher interprets as git does, or more
//! broadly.
//!
//! Invariant: a line without an exact equivalent becomes broader, never narrower. If such a line
//! re-includes files (`!`), it is ignored.

/// Maximum length of a line. A longer one is not a path and matches none.
const MAX_LINE_BYTES: usize = 4096;

/// Maximum number of wildcards in a line: each may be tried at each place of a path.
const MAX_LINE_WILDCARDS: usize = 32;

/// Maximum number of patterns.
const MAX_PATTERNS: usize = 50_000;

/// Maximum number of patterns with wildcards inside: each becomes a regular expression.
const MAX_WILD_PATTERNS: usize = 4_000;

/// Counts the patterns of one file and checks the limits.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    n_patterns: usize,
    n_wild: usize,
}

impl Patterns {
    /// Returns the patterns equivalent to one line, or the limit that it exceeds.
    pub(super) fn of_line(&mut self, line: &str) -> Result<Vec<String>, String> {
        if line.starts_with('#') || line.trim().is_empty() {
            return Ok(Vec::new());
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(format!("it has {} bytes, the limit is {MAX_LINE_BYTES}", line.len()));
        }
        let n_wildcards = line.matches(['*', '?', '[']).count();
        if n_wildcards > MAX_LINE_WILDCARDS {
            return Err(format!(
                "it has {n_wildcards} wildcards, the limit is {MAX_LINE_WILDCARDS}"
            ));
        }
        let patterns = patterns(line);
        self.n_patterns += patterns.len();
        self.n_wild += patterns.iter().filter(|pattern| needs_expression(pattern)).count();
        if self.n_patterns > MAX_PATTERNS {
            return Err(format!("there are more than {MAX_PATTERNS} patterns"));
        }
        if self.n_wild > MAX_WILD_PATTERNS {
            return Err(format!("more than {MAX_WILD_PATTERNS} patterns have wildcards inside"));
        }
        Ok(patterns)
    }
}

/// Whether the matcher needs a regular expression; it looks up `*.o` and names without wildcards in
/// a table.
fn needs_expression(pattern: &str) -> bool {
    let name = pattern.trim_end_matches('/');
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.contains(['*', '?', '['])
}

fn patterns(line: &str) -> Vec<String> {
    let lets_in = line.starts_with('!');
    if line.contains('\u{fffd}') {
        // Bytes that are not UTF-8: a star covers every possible meaning.
        return if lets_in { Vec::new() } else { vec![stars_for_unknown(line)] };
    }
    let (literal, is_broader) = with_simple_classes(line);
    if is_broader && lets_in {
        return Vec::new();
    }
    let mut patterns = vec![literal.replace('{', "[{]").replace('}', "[}]")];
    if !lets_in {
        // Git reads braces as characters, the matcher (and many authors) as alternatives: deny
        // both.
        if line.contains(['{', '}']) {
            patterns.push(literal);
        }
        // Git strips blanks at a line's end and keeps tabs; the matcher strips both.
        if let Some(kept) = with_trailing_tabs(&patterns[0]) {
            patterns.push(kept);
        }
    }
    patterns
}

/// Replaces each class that the matcher and git interpret differently by `?`. Returns whether it
/// replaced one.
///
/// Git supports `[[:upper:]]`, escapes in classes, a `]` that comes first and consecutive ranges.
fn with_simple_classes(line: &str) -> (String, bool) {
    let mut simple = String::with_capacity(line.len());
    let mut is_broader = false;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\\' => {
                let escaped = after.chars().next();
                simple.push('\\');
                simple.extend(escaped);
                rest = after.get(escaped.map_or(0, char::len_utf8)..).unwrap_or_default();
            }
            '[' => {
                if let Some(len) = class_len(after) {
                    let (class, after) = after.split_at_checked(len).unwrap_or((after, ""));
                    if is_simple(class) {
                        simple.push('[');
                        simple.push_str(class);
                    } else {
                        is_broader = true;
                        simple.push('?');
                    }
                    rest = after;
                } else {
                    // Git finds no end, and the line matches nothing; the matcher takes it
                    // literally.
                    simple.push('[');
                    rest = after;
                }
            }
            _ => {
                simple.push(c);
                rest = after;
            }
        }
    }
    (simple, is_broader)
}

/// Returns the length of a class, with its `]`, whose `[` precedes `text`.
fn class_len(text: &str) -> Option<usize> {
    let mut at = usize::from(text.starts_with(['!', '^']));
    let mut is_first = true;
    loop {
        let rest = text.get(at..)?;
        let c = rest.chars().next()?;
        match c {
            ']' if !is_first => return Some(at + 1),
            '\\' => at += 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '[' if rest.starts_with("[:") => at += rest.find(":]").map_or(1, |end| end + 2),
            _ => at += c.len_utf8(),
        }
        is_first = false;
    }
}

/// Whether the matcher interprets a class as git does: letters and separate ranges of ASCII.
fn is_simple(class: &str) -> bool {
    let body = class.strip_suffix(']').unwrap_or(class);
    let body = body.strip_prefix(['!', '^']).unwrap_or(body);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ' | '@');
    let mut chars = body.chars().peekable();
    if body.is_empty() {
        return false;
    }
    while let Some(from) = chars.next() {
        if !is_plain(from) {
            return false;
        }
        if chars.next_if_eq(&'-').is_some() {
            match chars.next() {
                Some(to) if is_plain(to) && from <= to && chars.peek() != Some(&'-') => {}
                _ => return false,
            }
        }
    }
    true
}

/// Returns the pattern with the tabs at its end kept, if it has any.
fn with_trailing_tabs(pattern: &str) -> Option<String> {
    let kept = pattern.trim_end_matches(' ');
    let name = kept.trim_end_matches(['\t', ' ']);
    let blanks = kept.get(name.len()..).filter(|blanks| !blanks.is_empty())?;
    // An escaped tab is a tab, and a class needs no escape.
    let n_escapes = name.len() - name.trim_end_matches('\\').len();
    let name = if n_escapes % 2 == 1 { name.strip_suffix('\\').unwrap_or(name) } else { name };
    let mut kept = name.to_owned();
    for blank in blanks.chars() {
        kept.extend(['[', blank, ']']);
    }
    Some(kept)
}

fn stars_for_unknown(line: &str) -> String {
    let mut pattern = String::with_capacity(line.len());
    for c in line.chars() {
        if c != '\u{fffd}' {
            pattern.push(c);
        } else if !pattern.ends_with('*') {
            pattern.push('*');
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<String> {
        Patterns::default().of_line(line).unwrap_or_default()
    }

    #[test]
    fn unsupported_classes_match_any_letter() {
        for (line, pattern) in [
            ("[a-c]x", "[a-c]x"),
            ("[!abc].rs", "[!abc].rs"),
            ("[[:upper:]]x", "?x"),
            ("[[:upper:]a]x", "?x"),
            (r"[\]a]x", "?x"),
            ("[]a]x", "?x"),
            ("[a-c-e]x", "?x"),
            ("[c-a]x", "?x"),
            (r"\[ab]x", r"\[ab]x"),
            ("[ab", "[ab"),
        ] {
            assert_eq!(of(line), [pattern], "{line}");
        }
        assert_eq!(of("![[:upper:]]x"), [""; 0], "what lets files in is not made broader");
    }

    #[test]
    fn trailing_tabs_and_braces_match_both_ways() {
        assert_eq!(of("x\t"), ["x\t", "x[\t]"]);
        assert_eq!(of("x \t "), ["x \t ", "x[ ][\t]"]);
        assert_eq!(of("x\\\t"), ["x\\\t", "x[\t]"]);
        assert_eq!(of("x  "), ["x  "]);
        assert_eq!(of("{a}"), ["[{]a[}]", "{a}"]);
        assert_eq!(of("!{a}"), ["![{]a[}]"]);
    }

    #[test]
    fn each_exceeded_limit_is_reported() {
        let mut patterns = Patterns::default();
        let check = |result: Result<Vec<String>, String>, word: &str| {
            assert!(result.clone().is_err_and(|reason| reason.contains(word)), "{result:?}");
        };
        check(patterns.of_line(&"a".repeat(MAX_LINE_BYTES + 1)), "4096");
        check(patterns.of_line(&"*a".repeat(MAX_LINE_WILDCARDS + 1)), "wildcards");
        let wild = (0..=MAX_WILD_PATTERNS).map(|n| patterns.of_line(&format!("a*{n}"))).last();
        check(wild.unwrap_or(Ok(Vec::new())), "inside");
        let mut patterns = Patterns::default();
        let many = (0..=MAX_PATTERNS).map(|n| patterns.of_line(&format!("*.{n}"))).last();
        check(many.unwrap_or(Ok(Vec::new())), "patterns");
    }
}
