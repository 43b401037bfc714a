//! The words that names consist of: `readLine2` and `READ_LINE` both are `read` and `line`.

/// Shorter words say nothing about a name's meaning.
const MIN_WORD_BYTES: usize = 3;

/// Returns the words of a name in lower case, in order.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word = String::new();
    let mut previous = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && !previous.is_uppercase();
        if !c.is_alphabetic() || begins {
            finish(&mut word, &mut all);
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
        previous = c;
    }
    finish(&mut word, &mut all);
    all
}

fn finish(word: &mut String, all: &mut Vec<String>) {
    if word.len() >= MIN_WORD_BYTES {
        all.push(std::mem::take(word));
    } else {
        word.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_are_split() {
        for (name, expected) in [
            ("readLine2", vec!["read", "line"]),
            ("READ_LINE", vec!["read", "line"]),
            ("HTTPServer", vec!["httpserver"]),
            ("_a_Größe", vec!["größe"]),
            ("", vec![]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }
}
