//! Renamed words inside longer identifiers.

use lowkey_document::lexical::TextKind;

use super::{MAX_PLACES, Place, Target};
use crate::rewrite::{Part, Piece};
use crate::searched::Searched;
use crate::spelling::words;
use crate::tokens::is_word_char;

impl Searched {
    /// Identifiers that contain the renamed words.
    pub(super) fn inside(&self, target: &Target<'_>) -> Vec<Place> {
        let rewrite = target.rewrite;
        let from: Vec<String> = joined(&rewrite.pattern).split(' ').map(str::to_owned).collect();
        let [Part::Text(to)] = rewrite.replacement.as_slice() else { return Vec::new() };
        let to: Vec<String> = to.split(' ').map(str::to_owned).collect();
        let needle = from.concat();
        let kind = rewrite.kinds.first().copied().unwrap_or(TextKind::Code);
        let mut places = Vec::new();
        for (name, &id) in &self.by_text {
            let plain = name.to_lowercase().replace('_', "");
            if plain.len() <= needle.len() || !plain.contains(&needle) || *name == rewrite.key.0 {
                continue;
            }
            let Some(renamed) = renamed(name, &from, &to) else { continue };
            for idx in self.positions(id).iter().map(|idx| *idx as usize) {
                if self.tokens.kind(idx) == kind && places.len() < MAX_PLACES {
                    let range = self.tokens.start(idx)..self.tokens.end(idx);
                    places.push(self.place(target, &(idx..idx + 1), range, renamed.clone()));
                }
            }
        }
        places.sort_by_key(|place| place.range.start);
        places
    }
}

fn joined(pattern: &[Piece]) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Token(text) => text.clone(),
        Piece::Variable(_) => String::new(),
    };
    pattern.iter().map(text).collect()
}

/// Renames words inside an identifier, and keeps its style.
fn renamed(name: &str, from: &[String], to: &[String]) -> Option<String> {
    let old = words(name);
    let at = old.windows(from.len()).position(|window| window == from)?;
    let separator = if name.contains('_') { "_" } else { "" };
    // The characters of the words before, to find the words in the spelled name.
    let skipped: usize = old.iter().take(at).map(|word| word.chars().count()).sum();
    let length: usize = from.iter().map(|word| word.chars().count()).sum();
    let mut letters = name.char_indices().filter(|(_, c)| *c != '_');
    let start = letters.clone().nth(skipped)?.0;
    let last = letters.nth(skipped + length - 1)?;
    let end = last.0 + last.1.len_utf8();
    let spelled = name.get(start..end)?;
    if words(spelled) != from {
        return None;
    }
    let is_upper = spelled.chars().all(|c| !c.is_lowercase());
    let starts_upper = spelled.chars().next().is_some_and(char::is_uppercase);
    let parts = to.iter().enumerate().map(|(idx, word)| {
        let capital = if separator.is_empty() { idx > 0 || starts_upper } else { starts_upper };
        match (is_upper, capital) {
            (true, _) if !separator.is_empty() || spelled.chars().count() > 1 => {
                word.to_uppercase()
            }
            (_, true) => {
                let mut chars = word.chars();
                chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
            }
            _ => word.clone(),
        }
    });
    let new = parts.collect::<Vec<_>>().join(separator);
    let is_whole = new.chars().all(is_word_char);
    is_whole.then(|| {
        format!(
            "{}{new}{}",
            name.get(..start).unwrap_or_default(),
            name.get(end..).unwrap_or_default()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_inside_identifiers_are_renamed_in_their_style() {
        let renamed = |name: &str| {
            renamed(name, &["user".to_owned()], &["account".to_owned(), "owner".to_owned()])
                .unwrap()
        };
        assert_eq!(renamed("user_id"), "account_owner_id");
        assert_eq!(renamed("getUserId"), "getAccountOwnerId");
        assert_eq!(renamed("MAX_USER"), "MAX_ACCOUNT_OWNER");
        assert_eq!(renamed("userId"), "accountOwnerId");
        assert_eq!(super::renamed("users", &["user".to_owned()], &["a".to_owned()]), None);
    }
}
