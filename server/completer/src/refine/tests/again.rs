//! The editor asks again where a text has arrived and nothing is shown.

use super::*;

/// The places of which the editor was told.
struct Told(tokio::sync::watch::Receiver<Option<crate::AskAgain>>);

impl Told {
    fn is_new(&self) -> bool {
        self.0.has_changed().unwrap()
    }

    fn take(&mut self) -> (i32, usize) {
        let place = self.0.borrow_and_update().clone().unwrap();
        (place.snapshot.version(), place.cursor.0)
    }
}

#[test]
fn editor_asks_again_where_nothing_is_shown() {
    let (server, go) = waiting_server(&[" zebra", "();"]);
    let user = User::new(&server);
    let mut told = Told(user.completer.subscribe_ask_again());
    let first = user.ask(1, LINES, TimeLimit::Budget);
    user.withhold(&first);
    assert!(!told.is_new());
    go.send(()).unwrap();
    user.work_until(|| told.is_new());
    assert_eq!(told.take(), (1, LINES.len()));
    let again = user.ask(1, LINES, TimeLimit::Budget);
    assert_eq!(text(&again), "zebra();");
    // The editor cannot draw this one either, so it is not told in vain.
    user.withhold(&again);
    assert!(!told.is_new());
}

/// Has a text arrive after `meanwhile`; returns whether the editor was told.
fn told_after(meanwhile: impl Fn(&User, &Answer)) -> bool {
    let (server, go) = waiting_server(&[" zebra", "();"]);
    let user = User::new(&server);
    let told = Told(user.completer.subscribe_ask_again());
    let first = user.ask(1, LINES, TimeLimit::Budget);
    meanwhile(&user, &first);
    go.send(()).unwrap();
    user.wait_for_text();
    // The task that waits for the end of the call has run by then.
    for _ in 0..100 {
        user.runtime.block_on(tokio::task::yield_now());
    }
    user.completer.offer_again(&lowkey_document::Uri::new("untitled:a.rs"));
    told.is_new()
}

#[test]
fn editor_is_not_told_in_vain() {
    assert!(told_after(User::withhold));
    assert!(!told_after(|_, _| {}), "a text is shown");
    let changed = |user: &User, first: &Answer| {
        user.withhold(first);
        let changed = Document::open("untitled:a.rs", "rust", 2, &format!("{LINES}q"));
        user.completer.changed(&changed.snapshot());
    };
    assert!(!told_after(changed), "the document has changed");
    let closed = |user: &User, first: &Answer| {
        user.withhold(first);
        user.completer.closed(&lowkey_document::Uri::new("untitled:a.rs"));
    };
    // The call ends with its document, so its text is not waited for.
    let (server, _go) = waiting_server(&[" zebra"]);
    let user = User::new(&server);
    let told = Told(user.completer.subscribe_ask_again());
    let first = user.ask(1, LINES, TimeLimit::Budget);
    closed(&user, &first);
    user.completer.offer_again(&lowkey_document::Uri::new("untitled:a.rs"));
    assert!(!told.is_new(), "the document is closed");
}
