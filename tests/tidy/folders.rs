//! Inside the model crate, folders import earlier folders only.

use super::{files, root};

/// The folders and files of `server/model/src` with the crate's own modules, each after those that it may import.
const ORDER: &[&str] = &[
    "error",
    "file",
    "config",
    "architectures",
    "model_file",
    "load",
    "kv",
    "pass",
    "causal_lm",
    "cpu",
    "device",
];

#[test]
fn model_folders_import_earlier_ones_only() {
    let place = |name: &str| ORDER.iter().position(|known| *known == name);
    let sources = root().join("server/model/src");
    let (mut faults, mut n_imports) = (Vec::new(), 0);
    for path in files(&sources, "rs") {
        let relative = path.strip_prefix(&sources).unwrap();
        let first = relative.iter().next().unwrap().to_str().unwrap();
        let module = first.strip_suffix(".rs").unwrap_or(first);
        if module == "lib" {
            continue;
        }
        let Some(own) = place(module) else {
            faults.push(format!("{module} has no place in the order"));
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        for import in text.lines().filter_map(|line| line.strip_prefix("use crate::")) {
            let name = import.split([':', ';']).next().unwrap();
            n_imports += 1;
            if place(name).is_none_or(|imported| imported > own) {
                faults.push(format!("{} imports {name}", relative.display()));
            }
        }
    }
    assert!(n_imports > 50, "{n_imports} imports: they are not where they are looked for");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
