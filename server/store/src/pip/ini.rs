//! Parses the part of Python's `configparser` format that pip's configuration uses.

/// Returns the options of a file: section, option (lower case, with `-` for `_`) and value.
pub(super) fn read(text: &str) -> Vec<(String, String, String)> {
    let mut options: Vec<(String, String, String)> = Vec::new();
    let mut section = String::new();
    // Whether an indented line continues the last option.
    let mut continues = false;
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t'])
            && continues
            && let Some((_, _, value)) = options.last_mut()
        {
            value.push('\n');
            value.push_str(bare);
        } else if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.0.clone_into(&mut section);
            continues = false;
        } else if let Some((option, value)) = bare.split_once(['=', ':']) {
            let option = option.trim().to_lowercase().replace('_', "-");
            let option = option.trim_start_matches("--").to_owned();
            options.push((section.clone(), option, value.trim().to_owned()));
            continues = true;
        }
    }
    for (_, _, value) in &mut options {
        let shortened = value.trim().to_owned();
        *value = shortened;
    }
    options
}

#[test]
fn sections_options_and_comments_are_parsed() {
    let text = "\
# a comment
stray = 0
[global]
Index_URL = https://h/simple/
; another
timeout: 5
no-index
[install]
index-url =
    https://other/simple/
    # inside
  [download]
cert=a=b
";
    let row = |s: &str, o: &str, v: &str| (s.to_owned(), o.to_owned(), v.to_owned());
    assert_eq!(
        read(text),
        [
            row("", "stray", "0"),
            row("global", "index-url", "https://h/simple/"),
            row("global", "timeout", "5"),
            row("install", "index-url", "https://other/simple/\n[download]"),
            row("install", "cert", "a=b"),
        ]
    );
    assert_eq!(read("\u{feff}\0[[[\n=\n]"), [row("", "", "")]);
}
