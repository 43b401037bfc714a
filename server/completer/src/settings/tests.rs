//! Layers, types and problems of settings.

use serde_json::json;

use super::*;

fn layered(value: &Value) -> (Settings, Vec<String>) {
    let (mut settings, mut problems) = (Settings::default(), Vec::new());
    settings.layer(value, "here", &mut problems);
    (settings, problems)
}

#[test]
fn values_of_the_right_type_are_set() {
    let (settings, problems) = layered(&json!({
        "model": "x.gguf", "threads": 2, "time_budget_ms": 300.0, "paused": true,
        "languages_off": ["markdown"], "exclude": {}, "popup": "never", "multiline": "always",
        "device": "cuda:1",
    }));
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(settings.model, "x.gguf");
    assert_eq!(settings.threads, 2);
    assert_eq!(settings.time_budget_ms, 300);
    assert!(settings.paused);
    assert_eq!(settings.languages_off, ["markdown"]);
    assert_eq!(settings.popup, Popup::Never);
    assert_eq!(settings.multiline, Multiline::Always);
    assert_eq!(settings.device, DeviceChoice::Cuda(1));
}

#[test]
fn wrong_value_is_reported_and_ignored() {
    let (settings, problems) =
        layered(&json!({"threads": "two", "popup": "maybe", "max_lines": 3, "colour": 1}));
    assert_eq!(settings.threads, 0);
    assert_eq!(settings.popup, Popup::Auto);
    assert_eq!(settings.max_lines, 3);
    assert_eq!(problems.len(), 3, "{problems:?}");
    for (problem, words) in problems.iter().zip([
        ["colour", "the settings are: model, threads"],
        ["popup", "\"auto\", \"always\" or \"never\""],
        ["threads", "a whole number"],
    ]) {
        for word in words {
            assert!(problem.contains(word), "{problem:?} lacks {word:?}");
        }
    }
}

#[test]
fn null_and_foreign_keys_are_ignored() {
    let (settings, problems) = layered(&json!({"model": null, "editorPluginInfo": {"name": "x"}}));
    assert_eq!(settings, Settings::default());
    assert!(problems.is_empty());
    assert_eq!(layered(&Value::Null).1, Vec::<String>::new());
    assert_eq!(layered(&json!([1])).1.len(), 1);
}

#[test]
fn renamed_setting_is_read_with_a_notice() {
    let (settings, problems) = layered(&json!({"talkative": "eager"}));
    assert_eq!(settings.suggestion_threshold, SuggestionThreshold::Eager);
    assert_eq!(problems, ["here: talkative is named suggestion_threshold now; please rename it"]);
    // The present name wins, whichever comes first.
    let both = json!({"suggestion_threshold": "quiet", "talkative": "eager"});
    let (settings, problems) = layered(&both);
    assert_eq!((settings.suggestion_threshold, problems.len()), (SuggestionThreshold::Quiet, 1));
}

#[test]
fn every_setting_has_a_description() {
    for row in TABLE {
        assert!(row.doc.trim().len() > 20, "{} is not explained", row.key);
        assert!(!row.accepts.is_empty());
    }
}

#[test]
fn defaults_round_trip() {
    let defaults = Settings::default();
    let values = TABLE.iter().map(|row| (row.key, defaults.value_of(row.key).unwrap()));
    let (read, problems) = layered(&values.collect());
    assert_eq!((read, problems), (defaults.clone(), Vec::new()));
    assert_eq!(defaults.value_of("colour"), None);
}
