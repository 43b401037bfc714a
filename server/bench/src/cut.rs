//! `--anchor`, `--order` and `--talkative`: the settings of these names, for one run of a benchmark.

use lowkey_completer::settings::Settings;

/// The cut of the prompt, its order, and the gate's level.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Cut {
    /// Cut of the prompt: cursor, line, lines4 or lines8; default: the setting
    #[arg(long, value_name = "ANCHOR", value_parser = |word: &str| check("anchor", word))]
    anchor: Option<String>,
    /// Order of the prompt: auto, psm or spm; default: the setting
    #[arg(long, value_name = "ORDER", value_parser = |word: &str| check("order", word))]
    order: Option<String>,
    /// Level of the gate: quiet, normal, eager, or always; default: the setting
    #[arg(long, value_name = "HOW", value_parser = |word: &str| check("talkative", word))]
    talkative: Option<String>,
}

/// Checks with the table of settings whether a word is a value of `key`.
pub(super) fn check(key: &str, word: &str) -> Result<String, String> {
    Settings::default().set(key, &word.into()).map(|()| word.to_owned())
}

impl Cut {
    /// Returns the settings with these values.
    pub(super) fn apply(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        let given =
            [("anchor", &self.anchor), ("order", &self.order), ("talkative", &self.talkative)];
        for (key, word) in given {
            if let Some(word) = word {
                // The value was checked with the command line.
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
    use lowkey_completer::settings::{Anchor, Order};

    #[test]
    fn options_override_settings() {
        let cut = Cut { anchor: Some("lines8".into()), order: None, talkative: None };
        let settings = cut.apply(&Settings { order: Order::Spm, ..Settings::default() });
        assert_eq!((settings.anchor, settings.order), (Anchor::Lines8, Order::Spm));
        assert!(check("anchor", "middle").unwrap_err().contains("\"lines4\""));
        assert!(check("order", "spm").is_ok());
    }
}
