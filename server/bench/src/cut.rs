//! `--anchor`, `--order` and `--suggestion-threshold`: the settings of these names, for one run of a benchmark.

use lowkey_completer::settings::Settings;

/// Where the prompt is cut, which part comes first in it, and how sure the gate must be.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Cut {
    /// Where the prompt is cut: cursor, line, lines4 or lines8; without it the settings decide
    #[arg(long, value_name = "ANCHOR", value_parser = |word: &str| check("anchor", word))]
    anchor: Option<String>,
    /// Which part of the prompt comes first: auto, psm or spm; without it the settings decide
    #[arg(long, value_name = "ORDER", value_parser = |word: &str| check("order", word))]
    order: Option<String>,
    /// How sure the gate must be: quiet, normal, eager, or always; without it the settings decide
    #[arg(long, value_name = "HOW", value_parser = |word: &str| check("suggestion_threshold", word))]
    suggestion_threshold: Option<String>,
}

/// Asks the table of settings whether a word is a value of `key`.
pub(super) fn check(key: &str, word: &str) -> Result<String, String> {
    Settings::default().set(key, &word.into()).map(|()| word.to_owned())
}

impl Cut {
    /// The settings with this cut.
    pub(super) fn apply(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        let given = [
            ("anchor", &self.anchor),
            ("order", &self.order),
            ("suggestion_threshold", &self.suggestion_threshold),
        ];
        for (key, word) in given {
            if let Some(word) = word {
                // Checked when the command line was read.
                let taken = settings.set(key, &word.as_str().into());
                debug_assert_eq!(taken, Ok(()));
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lowkey_completer::settings::{AnchorSetting, OrderSetting};

    #[test]
    fn words_become_settings_and_what_is_not_said_stays() {
        let cut = Cut { anchor: Some("lines8".into()), order: None, suggestion_threshold: None };
        let settings = cut.apply(&Settings { order: OrderSetting::Spm, ..Settings::default() });
        assert_eq!((settings.anchor, settings.order), (AnchorSetting::Lines8, OrderSetting::Spm));
        assert!(check("anchor", "middle").unwrap_err().contains("\"lines4\""));
        assert!(check("order", "spm").is_ok());
    }
}
