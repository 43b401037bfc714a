//! The choice of places, and that typing both holes brings the file back.

use super::*;

fn open(language: &str, text: &str) -> Snapshot {
    Document::open("file:///a", language, 0, text).snapshot()
}

/// A file of `n` functions with three lines each.
fn functions(n: usize, line_end: &str) -> String {
    let function = |n| {
        let body = "    total = value + n\n    return total * value\n";
        format!("def function_{n}(value):\n{body}").replace('\n', line_end)
    };
    (0..n).map(function).collect()
}

#[test]
fn the_first_place_is_in_the_middle_and_the_other_a_third_away() {
    for n in [20, 21, 100] {
        let text = open("python", &functions(n, "\n"));
        let Places { first, far } = choose(&text, 30, 10).unwrap();
        assert!(first.line.abs_diff(text.n_lines() / 2) <= 2, "{first:?}");
        assert!(first.line.abs_diff(far.line) >= n_lines(&text).div_ceil(3), "{far:?}");
        for (hole, n_keys) in [(&first, 30), (&far, 10)] {
            assert!(hole.keys.len() >= n_keys, "{hole:?}");
            let left_out = text.slice(ByteOffset(hole.range.start)..ByteOffset(hole.range.end));
            assert_eq!(hole.keys.concat(), left_out);
            // Something of the line is left before the cursor, and nothing after it.
            let before = text.slice(text.line_start(hole.line)..ByteOffset(hole.range.start));
            assert!(!before.trim().is_empty(), "{before:?}");
            let end = ByteOffset(hole.range.end);
            assert_eq!(end, text.line_end(text.line_of(end)));
        }
    }
}

#[test]
fn comments_strings_and_lines_without_indentation_are_no_places() {
    let mut lines = vec!["top = level + code".to_owned(); 30];
    lines.push("    # a comment is no code at all".to_owned());
    lines.push("    \"\"\"nor is a documentation string".to_owned());
    lines.push("    that goes on over this line".to_owned());
    lines.push("    and ends here\"\"\"".to_owned());
    lines.push("    x = 1".to_owned());
    lines.extend(vec!["    ".to_owned() + &"x + ".repeat(100); 30]);
    let text = open("python", &lines.join("\n"));
    let message = choose(&text, 9, 9).unwrap_err().to_string();
    assert!(message.contains("no indented line of code of 12 to 200"), "{message}");
    lines.push("    value = compute(1)".to_owned());
    let text = open("python", &lines.join("\n"));
    let message = choose(&text, 9, 9).unwrap_err().to_string();
    assert!(message.contains("a third of the file"), "{message}");
    // A far place above: the middle is not what counts then, only that there are two.
    lines.insert(2, "    value = compute(2)".to_owned());
    let text = open("python", &lines.join("\n"));
    let Places { first, far } = choose(&text, 9, 9).unwrap();
    assert_eq!((first.line, far.line), (2, text.n_lines() - 1));
}

#[test]
fn a_short_file_is_refused() {
    let text = open("python", &functions(10, "\n"));
    let message = choose(&text, 9, 9).unwrap_err().to_string();
    assert!(message.contains("30 lines") && message.contains("60"), "{message}");
}

#[test]
fn a_line_end_is_one_key_with_the_indentation_after_it() {
    let text = open("python", &functions(30, "\r\n"));
    let Places { first, .. } = choose(&text, 60, 9).unwrap();
    let ends: Vec<&String> = first.keys.iter().filter(|key| key.contains('\n')).collect();
    assert!(!ends.is_empty());
    assert!(ends.iter().all(|key| ["\r\n", "\r\n    "].contains(&key.as_str())), "{ends:?}");
    assert!(first.keys.iter().all(|key| key.contains('\n') || key.chars().count() == 1));
}

#[test]
fn a_hole_ends_before_the_other_place() {
    // With this many keys a hole would take the rest of the file.
    let comments = "# a comment\n".repeat(40);
    let text = open("python", &(functions(20, "\n") + &comments));
    let Places { first, far } = choose(&text, 30, 10_000).unwrap();
    assert!(far.line < first.line, "{far:?}");
    assert!(far.range.end <= text.line_start(first.line).0, "{far:?}");
    assert_eq!(far.range.end, text.line_end(first.line - 1).0);
}

#[test]
fn both_holes_typed_give_the_file_back_in_any_order() {
    for (line_end, name) in [("\n", "grüße_𝄞"), ("\r\n", "value")] {
        let whole = open("python", &functions(30, line_end).replace("value", name));
        let places = choose(&whole, 50, 20).unwrap();
        let mut typist = Typist::new(&whole, places);
        let mut editor = typist.snapshot().text();
        let mut pressed = 0;
        for at in [Location::First, Location::Far].into_iter().cycle() {
            if typist.n_left(Location::First) + typist.n_left(Location::Far) == 0 {
                break;
            }
            for _ in 0..7 {
                let Some(key) = typist.press(at) else { break };
                pressed += 1;
                // The key as the server gets it, applied to the text that the server has.
                let mut served = Document::open("file:///a", "python", pressed - 1, &editor);
                let span = Span { start: key.at, end: key.at };
                let change = Change::Edit { range: span, text: key.text };
                served.change(key.version, &[change], ENCODING).unwrap();
                assert_eq!(typist.version(), key.version);
                editor = served.text();
                assert_eq!(editor, typist.snapshot().text());
            }
        }
        assert_eq!(editor, whole.text());
    }
}
