//! `lowkey bench quality --cross-file`: holes whose line uses a name of another file.

use serde_json::Value;

use super::{assert_fails, json_lines, repository};

#[test]
fn holes_across_files_are_asked_at_each_place() {
    let folder = repository("cross-file");
    let text = "def total(shapes):\n    return sum(area(shape) for shape in shapes)\n";
    folder.file("total.py", text);
    let hole = |offset: usize| {
        serde_json::json!({
            "half": "development", "package": "shapes", "root": &*folder.0, "path": "total.py", "language": "python",
            "offset": offset, "target": &text[offset..text.len() - 1], "kind": "rest", "visible": "strict",
            "names": [{"name": "area", "kind": "function", "defined_in": "shapes.py", "line": 1,
                       "signature": ["def area(shape):"]}],
        })
    };
    folder.file("holes.jsonl", format!("{}\n{}\n", hole(23), hole(30)));
    // Leaves room for snippets in the context of the test model.
    folder.file("none.toml", "prompt_tokens = 64\n");
    let places = "before,before-repo,above-prefix,after-files,after-comments";
    let bench = |args: &[&str]| {
        let given = ["bench", "quality", "--cross-file", "holes.jsonl", "--json"];
        json_lines(&folder.lowkey(&[&given[..], args].concat()))
    };
    let with_out = ["--placement", places, "--out", "rows.jsonl"];
    let mut rows = bench(&with_out);
    let summary = rows.pop().unwrap()["summary"].clone();
    assert_eq!(rows.len(), 2 * 6);
    let all: Vec<&Value> =
        summary.as_array().unwrap().iter().filter(|row| row["group"] == "all").collect();
    let names: Vec<&str> = all.iter().map(|row| row["variant"].as_str().unwrap()).collect();
    assert_eq!(names[0], "none");
    assert_eq!(names[1..].join(",").replace("oracle ", ""), places);
    let n_tokens = |row: &Value| row["prompt_tokens"].as_f64().unwrap();
    for with_text in &all[1..] {
        // The signature and the file's name; at the end of the file comments begin a line.
        let n_more = n_tokens(with_text) - n_tokens(all[0]);
        assert!((8.0..80.0).contains(&n_more), "{with_text}");
        assert_eq!(with_text["compared"], 2);
    }
    let kept = bench(&with_out);
    assert_eq!(kept[..12], rows[..]);
    // Without tokens for it, no text is shown, and each place has the same prompt.
    let bare = bench(&["--placement", places, "--snippet-tokens", "0", "--against", "rows.jsonl"]);
    for pair in bare[..12].chunks(6).flat_map(|of_hole| of_hole.windows(2)) {
        assert_eq!(pair[0]["tokens"]["prompt"], pair[1]["tokens"]["prompt"]);
        assert_eq!(pair[0]["similarity"], pair[1]["similarity"]);
    }
    folder.file("total.py", "changed\n");
    let changed = folder.lowkey(&["bench", "quality", "--cross-file", "holes.jsonl"]);
    assert_fails(&changed, 1, &["total.py", "fetch the packages again"]);
}
