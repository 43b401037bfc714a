//! The types that a setting may have and how they are read from JSON.
//!
//! Reading is strict: a number in quotes or an unknown word is a problem to report,
//! not something to guess at.

use serde_json::Value;

/// A type that a setting may have.
pub(super) trait FromValue: Sized {
    /// What is accepted, in words: completes "takes …".
    const ACCEPTS: &'static str;

    /// The value, if it is acceptable.
    fn from_value(value: &Value) -> Option<Self>;
}

/// When a suggestion may span lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiline {
    /// Where a block begins, and where the user asks.
    #[default]
    Auto,
    /// Only where the user asks.
    Never,
    /// Everywhere.
    Always,
}

/// When suggestions are offered in the completion popup too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Popup {
    /// In editors that have no inline completion.
    #[default]
    Auto,
    /// In every editor.
    Always,
    /// Nowhere.
    Never,
}

impl FromValue for String {
    const ACCEPTS: &'static str = "text";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromValue for bool {
    const ACCEPTS: &'static str = "true or false";

    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromValue for u64 {
    const ACCEPTS: &'static str = "a whole number, 0 or more";

    fn from_value(value: &Value) -> Option<Self> {
        // Lua has one number type, so Neovim may send 200.0 for 200.
        let whole = || value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n));
        value.as_u64().or_else(|| whole().map(|n| n as u64))
    }
}

impl FromValue for usize {
    const ACCEPTS: &'static str = u64::ACCEPTS;

    fn from_value(value: &Value) -> Option<Self> {
        u64::from_value(value)?.try_into().ok()
    }
}

impl FromValue for Vec<String> {
    const ACCEPTS: &'static str = "a list of texts";

    fn from_value(value: &Value) -> Option<Self> {
        // Lua cannot tell an empty list from an empty table.
        if value.as_object().is_some_and(serde_json::Map::is_empty) {
            return Some(Vec::new());
        }
        value.as_array()?.iter().map(String::from_value).collect()
    }
}

macro_rules! words {
    ($type:ident { $($word:literal => $variant:ident),+ } $accepts:literal) => {
        impl FromValue for $type {
            const ACCEPTS: &'static str = $accepts;

            fn from_value(value: &Value) -> Option<Self> {
                match value.as_str()? {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

words!(Multiline { "auto" => Auto, "never" => Never, "always" => Always }
    "\"auto\", \"never\" or \"always\"");
words!(Popup { "auto" => Auto, "always" => Always, "never" => Never }
    "\"auto\", \"always\" or \"never\"");
