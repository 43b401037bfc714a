//! Prints the definitions of a folder's files as JSON lines, to compare them with a parser's.
//!
//! ```sh
//! cargo run --release -p lowkey-context --example definitions FOLDER...
//! ```

use std::io::Write;
use std::path::PathBuf;

use ignore::WalkBuilder;
use lowkey_context::index::definitions;
use lowkey_document::Language;

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for root in std::env::args_os().skip(1).map(PathBuf::from) {
        let walk =
            WalkBuilder::new(&root).standard_filters(false).sort_by_file_name(Ord::cmp).build();
        for path in walk.flatten().map(ignore::DirEntry::into_path).filter(|path| path.is_file()) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for found in definitions(&text, Language::by_path(&path)) {
                let row = serde_json::json!({
                    "root": root,
                    "path": path.strip_prefix(&root).unwrap_or(&path),
                    "name": found.name,
                    "kind": format!("{:?}", found.kind).to_lowercase(),
                    "line": found.line + 1,
                    "container": found.container,
                    "signature": found.signature,
                });
                writeln!(out, "{row}")?;
            }
        }
    }
    Ok(())
}
