//! The README's table of settings is the program's own.
//!
//! `UPDATE_EXPECT=1 cargo test --test tidy` writes it anew.

use std::fmt::Write as _;

use lowkey::settings::TABLE;

const BEGIN: &str = "<!-- settings -->\n";
const END: &str = "<!-- /settings -->\n";

#[test]
fn the_readme_lists_every_setting() {
    let readme = std::fs::read_to_string(super::root().join("README.md")).unwrap();
    let (above, rest) = readme.split_once(BEGIN).unwrap();
    let (_, below) = rest.split_once(END).unwrap();
    let mut table = String::from("| setting | takes | meaning |\n|---|---|---|\n");
    for row in TABLE {
        let doc = row.doc.trim().replace('|', "\\|");
        writeln!(table, "| `{}` | {} | {doc} |", row.key, row.accepts).unwrap();
    }
    expect_test::expect_file!["../../README.md"]
        .assert_eq(&format!("{above}{BEGIN}\n{table}\n{END}{below}"));
}
