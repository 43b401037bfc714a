//! Why the prompt has text of other files, in words: which of its names the document knows.

use std::collections::HashSet;

use lowkey_context::imports;
use lowkey_context::index::{Indexed, Table};
use lowkey_context::related::{FileSnippet, Place};

/// Names of one reason; the others are counted.
const MAX_NAMES: usize = 6;

/// Returns the reasons for each snippet, such as `imported: area_of; used: Shape`.
pub(crate) fn reasons(place: &Place<'_>, table: &Table, snippets: &[FileSnippet]) -> Vec<String> {
    if snippets.is_empty() {
        return Vec::new();
    }
    let imports = imports(place.text, place.language);
    let known = Known {
        imported: imports.iter().flat_map(|import| &import.names).map(String::as_str).collect(),
        used: words(place.text).collect(),
        folder: place.path.rsplit_once('/').map_or("", |(folder, _)| folder),
    };
    snippets.iter().map(|snippet| known.reason(table, snippet)).collect()
}

/// What the document knows.
struct Known<'d> {
    imported: HashSet<&'d str>,
    used: HashSet<&'d str>,
    folder: &'d str,
}

impl Known<'_> {
    fn reason(&self, table: &Table, FileSnippet { path, snippet }: &FileSnippet) -> String {
        let Some(file) = table.file(path) else { return "indexed earlier".to_owned() };
        let lines: HashSet<&str> = snippet.text.lines().map(str::trim_start).collect();
        let is_near = file.folder() == self.folder;
        // The groups in the order of the text.
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for definition in file.definitions().filter(|one| lines.contains(one.signature)) {
            let group = self.group(&definition, is_near);
            let known = groups.iter().position(|(of, _)| *of == group);
            let at = known.unwrap_or_else(|| {
                groups.push((group, Vec::new()));
                groups.len() - 1
            });
            if let Some((_, names)) = groups.get_mut(at)
                && !names.contains(&definition.name)
            {
                names.push(definition.name);
            }
        }
        if groups.is_empty() {
            // The file has changed since.
            return "chosen for an earlier place".to_owned();
        }
        let groups: Vec<String> = groups.iter().map(|(of, names)| listed(of, names)).collect();
        groups.join("; ")
    }

    fn group(&self, definition: &Indexed<'_>, is_near: bool) -> String {
        let is_known = |name: &str| self.imported.contains(name) || self.used.contains(name);
        match definition.container {
            _ if self.imported.contains(definition.name) => "imported".to_owned(),
            _ if self.used.contains(definition.name) => "used".to_owned(),
            Some(container) if is_known(container) => format!("members of {container}"),
            _ if is_near => "in the same folder".to_owned(),
            _ => "in an imported file".to_owned(),
        }
    }
}

fn listed(group: &str, names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(MAX_NAMES).copied().collect();
    let more = names.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{group}: {}{more}", shown.join(", "))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lowkey_context::index::{DefinitionIndex, TextOrigin};
    use lowkey_context::related::window;
    use lowkey_context::{Context, Snippet};
    use lowkey_document::{Language, fixture};

    use super::*;

    fn snippet(path: &str, text: &str) -> FileSnippet {
        let snippet = Snippet { label: path.to_owned(), text: text.to_owned() };
        FileSnippet { path: path.to_owned(), snippet }
    }

    #[test]
    fn reasons_name_what_the_document_knows() {
        let rust = Language::by_id("rust");
        let index = DefinitionIndex::default();
        let shapes = "pub struct Shape {\n    width: u32,\n}\nimpl Shape {\n    pub fn grow(&mut self) {}\n}\n\
                      pub fn area_of(shape: &Shape) -> u32 {}\npub fn other() {}\n";
        let many: Vec<String> = (0..9).map(|n| format!("pub fn f{n}() {{}}\n")).collect();
        let many = many.concat();
        for (path, text) in [("/p/src/shapes.rs", shapes), ("/p/far/many.rs", &many)] {
            index.update(Path::new(path), rust, text, TextOrigin::Disk);
        }
        let (snapshot, cursor) = fixture::open(
            "rust",
            "use crate::shapes::area_of;\n\nfn main() { Shape::new(); $0 }\n",
        );
        let text = snapshot.text();
        let context: Context = window(&snapshot, &cursor, "src/main.rs");
        let path = "/p/src/main.rs";
        let place = Place { context: &context, text: &text, language: rust, path };
        let all = [
            snippet(
                "/p/src/shapes.rs",
                "pub struct Shape\n    pub fn grow(&mut self)\npub fn area_of(shape: &Shape) -> u32\npub fn other()\n",
            ),
            snippet("/p/far/many.rs", &many.replace(" {}", "")),
            snippet("/p/src/shapes.rs", "pub fn gone()\n"),
            snippet("/p/src/gone.rs", "pub fn gone()\n"),
        ];
        assert_eq!(
            reasons(&place, &index.snapshot(), &all),
            [
                "used: Shape; members of Shape: grow; imported: area_of; in the same folder: other",
                "in an imported file: f0, f1, f2, f3, f4, f5 and 3 more",
                "chosen for an earlier place",
                "indexed earlier",
            ]
        );
        assert!(reasons(&place, &index.snapshot(), &[]).is_empty());
    }
}
