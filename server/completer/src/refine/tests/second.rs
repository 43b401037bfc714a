//! The second model on this machine.

use super::*;

/// Returns a copy of the toy with another name in its metadata.
fn renamed_toy(folder: &TestFolder) -> String {
    let (name, other) = (b"lowkey-embedded", b"lowkey-refining");
    let mut bytes = TOY_BYTES.to_vec();
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at..at + name.len()].copy_from_slice(other);
    let path = folder.join("second.gguf");
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[test]
fn second_model_refines_and_answers_the_next_key() {
    let folder = TestFolder::new("second-model");
    let user = User::with(Settings { refine_model: renamed_toy(&folder), ..Settings::default() });
    assert_eq!(*user.completer.subscribe_refine_model().borrow(), SecondModelState::Unused);
    // No key waits for it.
    let first = user.ask(1, LINES, TimeLimit::Budget);
    assert!(!first.report.is_refined);
    assert!(first.report.why.iter().any(|why| why.starts_with("second model: asked")));
    user.wait_for_text();
    let SecondModelState::Ready { model } =
        user.completer.subscribe_refine_model().borrow().clone()
    else {
        panic!("it is not loaded");
    };
    user.withhold(&first);
    let again = user.ask(1, LINES, TimeLimit::Budget);
    assert!(again.report.is_refined);
    assert_eq!((again.report.source, &again.report.model), (TextSource::Memory, &model));
    assert_ne!(model, user.completer.model());
}

#[test]
fn command_waits_for_the_second_model() {
    let folder = TestFolder::new("second-model-waits");
    let user = User::with(Settings { refine_model: renamed_toy(&folder), ..Settings::default() });
    let answer = user.ask(1, LINES, TimeLimit::Unlimited);
    assert!(answer.report.is_refined, "{:?}", answer.report);
    assert!(answer.report.tokens.decoded > 0);
    let why = answer.report.why.join("\n");
    assert!(why.contains("was asked while the processor was idle"), "{why}");
}

#[test]
fn remote_server_wins_over_the_second_model() {
    let server = TeamServer::start(|request| {
        described(request).unwrap_or_else(|| Play::completion(&[" zebra", "();"]))
    });
    let user = User::with(Settings {
        remote_url: server.url(),
        refine_model: "no-such-model".into(),
        ..Settings::default()
    });
    assert_eq!(*user.completer.subscribe_refine_model().borrow(), SecondModelState::Off);
    assert_eq!(text(&user.ask(1, LINES, TimeLimit::Unlimited)), "zebra();");
    let local = Settings { remote_url: String::new(), ..(*user.completer.settings()).clone() };
    user.completer.configure(local);
    assert_eq!(*user.completer.subscribe_refine_model().borrow(), SecondModelState::Unused);
}

#[test]
fn failing_second_model_leaves_the_local_answer() {
    let user = User::with(Settings { refine_model: "no-such-model".into(), ..Settings::default() });
    let answer = user.ask(1, LINES, TimeLimit::Unlimited);
    assert_eq!(answer.report.source, TextSource::Model);
    assert!(!text(&answer).is_empty());
    let again = user.ask(2, &format!("{LINES}q"), TimeLimit::Unlimited);
    let why = again.report.why.join("\n");
    assert!(why.contains("the model of the setting refine_model is not used"), "{why}");
}
