//! Facts about a change that do not depend on the place.

use crate::rewrite::Rewrite;
use crate::tokens::is_word_char;

/// The names of the facts, in the order of [`change_facts`].
pub(super) const CHANGE_FACTS: [&str; 36] = [
    "line_tokens",
    "changed_share",
    "after_open",
    "after_comma",
    "after_equals",
    "after_colon",
    "after_quote",
    "after_line_start",
    "after_word",
    "before_close",
    "before_comma",
    "before_equals",
    "before_colon",
    "before_quote",
    "before_line_end",
    "before_word",
    "before_dot",
    "adds_keyword",
    "removes_keyword",
    "old_type",
    "new_type",
    "old_constant",
    "new_constant",
    "adds_call",
    "removes_call",
    "in_definition",
    "whole_change",
    "spelling_similarity",
    "contains_new",
    "adds_negation",
    "adds_nothing_value",
    "adds_or_removes_quotes",
    "in_call",
    "line_calls",
    "old_path",
    "new_path",
];

/// Keywords of the languages.
const KEYWORDS: &[&str] = &[
    "as",
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "crate",
    "def",
    "default",
    "del",
    "do",
    "dyn",
    "elif",
    "else",
    "enum",
    "except",
    "export",
    "extends",
    "extern",
    "final",
    "fn",
    "for",
    "from",
    "function",
    "global",
    "if",
    "impl",
    "import",
    "in",
    "interface",
    "is",
    "lambda",
    "let",
    "match",
    "mod",
    "move",
    "mut",
    "new",
    "of",
    "override",
    "private",
    "protected",
    "pub",
    "public",
    "raise",
    "readonly",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "switch",
    "this",
    "throw",
    "trait",
    "try",
    "type",
    "typeof",
    "unsafe",
    "use",
    "var",
    "void",
    "where",
    "while",
    "with",
    "yield",
];
/// Names of absent values and of optional types.
const NOTHING: &[&str] = &["None", "null", "undefined", "Option", "Optional", "nil"];
/// Longer names are not compared by letters.
const MAX_SPELLED: usize = 48;

/// Returns facts about a change.
pub(super) fn change_facts(rewrite: &Rewrite) -> [f32; CHANGE_FACTS.len()] {
    let flag = |yes: bool| f32::from(u8::from(yes));
    let log = |n: usize| (n as f32).ln_1p();
    let (old, new) = (rewrite.key.0.as_str(), rewrite.key.1.as_str());
    let [left, right] =
        [&rewrite.left, &rewrite.right].map(|side| side.first().map_or("", String::as_str));
    let is_word = |text: &str| text.starts_with(is_word_char);
    let is_quote = |text: &str| matches!(text, "\"" | "'" | "`");
    let [old_words, new_words] = [old, new].map(|text| {
        text.split(|c| !is_word_char(c)).filter(|word| !word.is_empty()).collect::<Vec<_>>()
    });
    let only = |these: &[&str], others: &[&str], list: &[&str]| {
        these.iter().any(|word| list.contains(word) && !others.contains(word))
    };
    let is_type = |words: &[&str]| {
        let upper = |word: &str| word.starts_with(char::is_uppercase);
        words.first().is_some_and(|word| upper(word) && word.chars().any(char::is_lowercase))
    };
    let is_constant = |words: &[&str]| {
        words.first().is_some_and(|word| {
            word.chars().count() > 1
                && word.starts_with(char::is_alphabetic)
                && !word.chars().any(char::is_lowercase)
        })
    };
    let n_changed = rewrite.pattern.len() + rewrite.new_tokens.len();
    let n_line = rewrite.source.n_tokens;
    // A `!` after a word is a macro's, one before `=` a comparison's.
    let negates = |text: &str, words: &[&str]| {
        let is_word_before = |at: usize| text.get(..at).is_some_and(|b| b.ends_with(is_word_char));
        let is_comparison = |at: usize| text.get(at + 1..).is_some_and(|a| a.starts_with('='));
        words.contains(&"not")
            || text.match_indices('!').any(|(at, _)| !is_word_before(at) && !is_comparison(at))
    };
    let has_path = |text: &str| text.contains("::") || text.contains('.') || text.contains('/');
    let spelled_alike = if rewrite.renames() && old.len().max(new.len()) <= MAX_SPELLED {
        strsim::normalized_levenshtein(old, new) as f32
    } else {
        0.0
    };
    [
        log(n_line),
        (n_changed as f32 / (2 * n_line).max(1) as f32).min(2.0),
        flag(matches!(left, "(" | "[" | "{" | "<")),
        flag(left == ","),
        flag(left == "="),
        flag(left == ":"),
        flag(is_quote(left)),
        flag(left == "\n"),
        flag(is_word(left)),
        flag(matches!(right, ")" | "]" | "}" | ">")),
        flag(right == ","),
        flag(right == "="),
        flag(right == ":"),
        flag(is_quote(right)),
        flag(right == "\n" || right == ";"),
        flag(is_word(right)),
        flag(right == "."),
        flag(only(&new_words, &old_words, KEYWORDS)),
        flag(only(&old_words, &new_words, KEYWORDS)),
        flag(is_type(&old_words)),
        flag(is_type(&new_words)),
        flag(is_constant(&old_words)),
        flag(is_constant(&new_words)),
        flag(new.contains('(') && !old.contains('(')),
        flag(old.contains('(') && !new.contains('(')),
        flag(rewrite.source.is_definition),
        flag(rewrite.n_joined >= rewrite.n_parts),
        spelled_alike,
        flag(!new.is_empty() && old.contains(new)),
        flag(negates(new, &new_words) && !negates(old, &old_words)),
        flag(only(&new_words, &old_words, NOTHING)),
        flag(old.contains(['"', '\'', '`']) != new.contains(['"', '\'', '`'])),
        flag(rewrite.source.callee.is_some()),
        flag(rewrite.source.tokens.iter().any(|text| text == "(")),
        flag(has_path(old)),
        flag(has_path(new)),
    ]
}
