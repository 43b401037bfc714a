//! One check: where the cursor stands, what the model wrote, what the editor would show.

use expect_test::Expect;

use super::trim;
use crate::fixtures::Fixture;
use crate::suggestion::Verdict;

/// Trims a fixture's model text and prints the cursor's line as it would read, and the rules that spoke.
/// Its indentation is left out: expectations are unindented.
fn check(language: &str, fixture: &str, expect: &Expect) {
    expect.assert_eq(&outcome(&Fixture::new(language, fixture)));
}

/// As `check`, with several lines wanted.
fn check_lines(language: &str, fixture: &str, expect: &Expect) {
    expect.assert_eq(&outcome(&Fixture::new(language, fixture).multiline()));
}

fn outcome(fixture: &Fixture) -> String {
    let request = fixture.request();
    let verdict = trim(&request, &fixture.model_text);
    let mut rules: Vec<&str> = Vec::new();
    for trim in verdict.trims() {
        if !rules.contains(&trim.rule) {
            rules.push(trim.rule);
        }
    }
    let rules = if rules.is_empty() { String::new() } else { format!("\n[{}]", rules.join(", ")) };
    match &verdict {
        Verdict::Show(shown) => {
            format!("{}├{}┤{}{rules}", fixture.before.trim_start(), shown.text, fixture.after)
        }
        Verdict::Silent { rule, .. } => format!("silent: {rule}{rules}"),
    }
}

mod brackets;
mod form;
mod repeats;
mod scopes;
