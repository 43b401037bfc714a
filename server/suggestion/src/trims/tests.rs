//! One check: given the fixture's cursor and model text, what the editor would show.

use expect_test::{Expect, expect};

use super::trim;
use crate::fixtures::Fixture;
use crate::request::Completion;
use crate::suggestion::TrimOutcome;

/// Trims a fixture's model text and prints the resulting line at the cursor and the rules that made
/// cuts. The line's indentation is left out, because expectations are not indented.
fn check(language: &str, fixture: &str, expect: &Expect) {
    expect.assert_eq(&outcome(&Fixture::new(language, fixture)));
}

/// Like `check`, for a multi-line request.
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
        TrimOutcome::Show(shown) => {
            format!("{}├{}┤{}{rules}", fixture.before.trim_start(), shown.text, fixture.after)
        }
        TrimOutcome::Silent { rule, .. } => format!("silent: {rule}{rules}"),
    }
}

mod balance;
mod blocks;
mod brackets;
mod commas;
mod form;
mod languages;
mod literals;
mod more_languages;
mod pains;
mod repeats;
mod scopes;

/// Trims text that a limit or a deadline cut, and prints the whole explanation.
fn check_unfinished(language: &str, fixture: &str, expect: &Expect) {
    let fixture = Fixture::new(language, fixture).multiline();
    let completion = Completion { text: &fixture.model_text, is_complete: false };
    let verdict = trim(&fixture.request(), completion);
    let shown = verdict.shown().map_or("nothing", |shown| &shown.text);
    expect.assert_eq(&format!("├{shown}┤\n{}", verdict.why().join("\n")));
}

#[test]
fn half_line_of_code_is_not_shown() {
    check_unfinished(
        "rust",
        "fn main() {\n    let a = ├foo(b, ba┤\n}\n",
        &expect![[r#"
        ├nothing┤
        half line: the line was not finished in time (9 bytes removed)
        silent: half line"#]],
    );
}

/// Returns the suggestion for a text that a limit has cut.
fn unfinished(language: &str, fixture: &str) -> String {
    let fixture = Fixture::new(language, fixture).multiline();
    let completion = Completion { text: &fixture.model_text, is_complete: false };
    trim(&fixture.request(), completion).shown().map_or(String::new(), |shown| shown.text.clone())
}

#[test]
fn whole_parts_of_half_line_are_shown() {
    for (language, fixture, shown) in [
        ("markdown", "When it is away, ├the clock goes on. It sho┤\n", "the clock goes on."),
        (
            "markdown",
            "When it is away, ├the clock goes on counting, and sho┤\n",
            "the clock goes on counting, and",
        ),
        ("git-commit", "Show it\n\nThe display had ├room for two more dig┤\n", "room for two more"),
        ("html", "<p>The clock ├reads the time from the netw┤</p>\n", "reads the time from the"),
        (
            "plaintext",
            "时钟├每小时从网络读取一次时间。当网络不可用┤\n",
            "每小时从网络读取一次时间。",
        ),
        ("plaintext", "時計は├毎時ネットワークから時刻を読み┤\n", "毎時ネットワークから時刻を読"),
        (
            "rust",
            "/// Reads the ├time from the network once an ho┤\nfn a() {}\n",
            "time from the network once an",
        ),
        ("python", "a = \"Reads ├the time from the netw┤\"\n", "the time from the\""),
        ("json", "[1, ├2, 3, 4┤]\n", "2, 3]"),
        ("csv", "mon,3\ntue,├4,5,6┤\n", "4,5"),
        ("c", "int a[] = {├1, 2, 3, 4┤};\n", "1, 2, 3};"),
        ("sql", "INSERT INTO a VALUES ├(1, 'b'), (2, 'c'), (3, 'd┤\n", "(1, 'b'), (2, 'c')"),
        ("python", "a = ├[1, 2, 3, 4┤\n", "[1, 2, 3"),
        ("rust", "type A = (├f32, f32, f32, f32, f┤\n", "f32, f32, f32, f32"),
        ("rust", "    let a = ├foo(b, ba┤\n", ""),
        ("markdown", "The ├clo┤\n", ""),
    ] {
        assert_eq!(unfinished(language, fixture), shown, "{language}: {fixture}");
    }
}

#[test]
fn complete_lines_are_shown() {
    check_unfinished(
        "rust",
        "fn main() {├\n    let a = 1;\n    let b = fo┤\n}\n",
        &expect![[r#"
        ├
            let a = 1;┤
        half line: the last line was not finished in time (14 bytes removed)
        trailing space: blanks at the end (1 byte removed)"#]],
    );
}

#[test]
fn explanation_lists_rules_without_text() {
    check_unfinished(
        "python",
        "f(├a, b, c)  \n┤d)\n",
        &expect![[r#"
        ├a, b, c┤
        stop rules: one line was asked for (1 byte removed)
        doubled closer: `)` is closed already by what follows (3 bytes removed)"#]],
    );
}
