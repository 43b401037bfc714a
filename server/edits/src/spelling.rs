//! The spelling of identifiers: their words, and the styles that join words.

/// A way to join words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `max_size`
    Snake,
    /// `MAX_SIZE`
    Screaming,
    /// `maxSize`
    Camel,
    /// `MaxSize`
    Pascal,
    /// `max-size`; an identifier only in literals and markup.
    Kebab,
}

impl Style {
    pub(crate) const ALL: [Self; 5] =
        [Self::Snake, Self::Screaming, Self::Camel, Self::Pascal, Self::Kebab];

    /// Spells words, which are lower case.
    pub(crate) fn spell(self, words: &[String]) -> String {
        let parts = words.iter().enumerate().map(|(idx, word)| match self {
            Self::Snake | Self::Kebab => word.clone(),
            Self::Screaming => word.to_uppercase(),
            Self::Camel if idx == 0 => word.clone(),
            Self::Camel | Self::Pascal => capitalised(word),
        });
        let separator = match self {
            Self::Snake | Self::Screaming => "_",
            Self::Kebab => "-",
            Self::Camel | Self::Pascal => "",
        };
        parts.collect::<Vec<_>>().join(separator)
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Returns the words of an identifier in lower case: `getURLPath` has `get`, `url` and `path`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = name.chars().collect();
    let mut starts = true;
    for (idx, &c) in chars.iter().enumerate() {
        if c == '_' || c == '-' {
            starts = true;
            continue;
        }
        let before = idx.checked_sub(1).and_then(|idx| chars.get(idx)).copied().unwrap_or('_');
        let next = chars.get(idx + 1).copied().unwrap_or('_');
        let begins = c.is_uppercase()
            && (before.is_lowercase() || before.is_numeric() || next.is_lowercase());
        if starts || begins {
            words.push(String::new());
        }
        starts = false;
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

/// Returns the pairs of spellings of a renamed identifier in other styles: `max_size` to `min_size`
/// gives `maxSize` to `minSize` and so on. Empty if the identifier's style joins no words.
pub(crate) fn other_styles(old: &str, new: &str) -> Vec<(String, String)> {
    let (old_words, new_words) = (words(old), words(new));
    if old_words.is_empty() || new_words.is_empty() || old_words == new_words {
        return Vec::new();
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    for style in Style::ALL {
        let pair = (style.spell(&old_words), style.spell(&new_words));
        if pair.0 != old && !pairs.iter().any(|(spelled, _)| *spelled == pair.0) {
            pairs.push(pair);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_split_into_words() {
        assert_eq!(words("getURLPath2x"), ["get", "url", "path2x"]);
        assert_eq!(words("_MAX_SIZE"), ["max", "size"]);
        assert_eq!(words("XMLHttp"), ["xml", "http"]);
        assert_eq!(words("größeÄndern"), ["größe", "ändern"]);
        assert_eq!(words("__"), [""; 0]);
    }

    #[test]
    fn words_are_spelled_in_each_style() {
        let words = words("user_name");
        let spelled = Style::ALL.map(|style| style.spell(&words));
        assert_eq!(spelled, ["user_name", "USER_NAME", "userName", "UserName", "user-name"]);
    }

    #[test]
    fn renamed_identifier_has_other_styles() {
        let pairs = other_styles("userName", "accountId");
        assert!(pairs.contains(&("USER_NAME".to_owned(), "ACCOUNT_ID".to_owned())));
        assert!(!pairs.iter().any(|(old, _)| old == "userName"));
        let pairs = other_styles("foo", "bar");
        assert_eq!(pairs.len(), 2, "{pairs:?}");
        assert!(other_styles("_", "a").is_empty());
    }
}
