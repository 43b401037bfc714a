//! `--anchor`, `--order` and `--suggestion-threshold`: the settings of these names, for one run of a benchmark.

use lowkey_completer::settings::Settings;

/// Where the prompt is cut, which part comes first in it, and how sure the gate must be.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PromptArgs {
    /// Where the prompt is cut: cursor, line, lines4 or lines8; without it the settings decide
    #[arg(long, value_name = "ANCHOR", value_parser = |word: &str| check_value("anchor", word))]
    anchor: Option<String>,
    /// Which part of the prompt comes first: auto, psm or spm; without it the settings decide
    #[arg(long, value_name = "ORDER", value_parser = |word: &str| check_value("order", word))]
    order: Option<String>,
    /// How sure the gate must be: quiet, normal, eager, or always; without it the settings decide
    #[arg(long, value_name = "HOW", value_parser = |word: &str| check_value("suggestion_threshold", word))]
    suggestion_threshold: Option<String>,
}

/// Asks the table of settings whether a word is a value of `key`.
pub(super) fn check_value(key: &str, word: &str) -> Result<String, String> {
    Settings::default().set(key, &word.into()).map(|()| word.to_owned())
}

impl PromptArgs {
    /// Returns the settings with these arguments applied.
    pub(super) fn apply(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        let arguments = [
            ("anchor", &self.anchor),
            ("order", &self.order),
            ("suggestion_threshold", &self.suggestion_threshold),
        ];
        for (key, word) in arguments {
            if let Some(word) = word {
                // Checked when the command line was read.
                let outcome = settings.set(key, &word.as_str().into());
                debug_assert_eq!(outcome, Ok(()));
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lowkey_completer::settings::{Anchor, Order};

    #[test]
    fn words_become_settings_and_what_is_not_said_stays() {
        let args =
            PromptArgs { anchor: Some("lines8".into()), order: None, suggestion_threshold: None };
        let settings = args.apply(&Settings { order: Order::Spm, ..Settings::default() });
        assert_eq!((settings.anchor, settings.order), (Anchor::Lines8, Order::Spm));
        assert!(check_value("anchor", "middle").unwrap_err().contains("\"lines4\""));
        assert!(check_value("order", "spm").is_ok());
    }
}
