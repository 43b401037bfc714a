//! Definitions of other files that the text at the cursor may use, each with a score.

use std::collections::{HashMap, HashSet};

use lowkey_document::Language;

use super::evidence::{Found, Near, Parts, score};
use super::near::{names, names_near};
use super::{MAX_SEARCHED_BYTES, Place};
use crate::imports::{Import, imports};
use crate::index::{DefinitionKind, File, Indexed, Table};

/// A name with definitions in more files is too common to mean one of them.
const MAX_FILES_OF_NAME: usize = 3;
/// The same for a name that the document imports, which says where it is defined.
const MAX_FILES_OF_IMPORT: usize = 64;
/// Files of a module or folder whose definitions are considered.
const MAX_FILES_OF_MODULE: usize = 24;
/// Definitions of modules and folders that are considered: a few milliseconds.
const MAX_CONSIDERED: usize = 3000;
/// Members of a type that are considered.
const MAX_MEMBERS: usize = 24;

/// A definition that may help, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'t> {
    pub(super) file: &'t File,
    pub(super) definition: Indexed<'t>,
    pub(super) parts: Parts,
    pub(super) score: f32,
    pub(super) reason: &'static str,
}

/// What identifies a definition: path, line and name.
type Key<'t> = (&'t str, u32, &'t str);

fn key<'t>(file: &'t File, definition: &Indexed<'t>) -> Key<'t> {
    (file.path(), definition.line, definition.name)
}

/// Returns the candidates of all sources, best first.
pub(super) fn candidates<'t>(place: &Place<'_>, table: &'t Table) -> Vec<Candidate<'t>> {
    let text = place.text.get(..place.text.floor_char_boundary(MAX_SEARCHED_BYTES));
    let text = text.unwrap_or_default();
    let own = table.file(place.path);
    let mut search = Search {
        place,
        table,
        near: Near::new(names_near(place.context)),
        own: own.iter().flat_map(|file| file.definitions()).map(|own| own.name).collect(),
        n_considered: 0,
        near_of_file: HashMap::new(),
        found: HashMap::new(),
    };
    let imports = imports(text, place.language);
    search.named(text, &imports);
    search.modules(&imports);
    search.folder();
    search.edited();
    search.candidates()
}

struct Search<'p, 't> {
    place: &'p Place<'p>,
    table: &'t Table,
    near: Near<'p>,
    /// The names that the document defines.
    own: HashSet<&'t str>,
    /// Definitions of modules and folders considered so far.
    n_considered: usize,
    /// The names near the cursor that each file defines.
    near_of_file: HashMap<&'t str, HashSet<&'t str>>,
    found: HashMap<Key<'t>, (&'t File, Indexed<'t>, Found)>,
}

impl<'t> Search<'_, 't> {
    /// Adds a definition, or another way in which it was found.
    fn add(&mut self, file: &'t File, definition: Indexed<'t>, found: Found) {
        // The document's own definition hides others of its name.
        if definition.container.is_none() && self.own.contains(definition.name) {
            return;
        }
        let entry = self.found.entry(key(file, &definition));
        entry.or_insert((file, definition, Found::default())).2.add(found);
    }

    /// Returns the found definitions, best first.
    fn candidates(&self) -> Vec<Candidate<'t>> {
        let scored = self.found.values().map(|&(file, definition, found)| {
            let n_of_file = self.near_of_file.get(file.path()).map_or(0, HashSet::len);
            let parts = self.near.parts(&definition, found, n_of_file);
            Candidate { file, definition, parts, score: score(&parts), reason: found.reason() }
        });
        let mut all: Vec<Candidate<'t>> = scored.collect();
        all.sort_by(|a, b| {
            let keys = || key(a.file, &a.definition).cmp(&key(b.file, &b.definition));
            b.score.total_cmp(&a.score).then_with(keys)
        });
        all
    }

    /// The definitions of names that the document uses or imports.
    fn named(&mut self, text: &str, imports: &[Import]) {
        let imported: HashMap<&str, &Import> = imports
            .iter()
            .flat_map(|import| import.names.iter().map(move |name| (name.as_str(), import)))
            .collect();
        let window = [&self.place.context.prefix, &self.place.context.suffix];
        let visible: HashSet<&str> = window.into_iter().flat_map(|text| names(text)).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for name in names(text).chain(imported.keys().copied()) {
            *counts.entry(name).or_default() += 1;
        }
        for (name, count) in counts {
            if self.own.contains(name) {
                continue;
            }
            let import = imported.get(name).copied();
            let (is_imported, is_near) = (import.is_some(), self.near.has(name));
            let found = Found {
                is_imported,
                // The import statement itself and the entry above are two.
                is_unused: is_imported && count <= 2,
                is_used: !is_imported,
                is_visible: visible.contains(name),
                ..Found::default()
            };
            let of_member = Found {
                is_member_of_imported: is_imported,
                is_member_of_used: !is_imported,
                is_member_near: is_near,
                ..Found::default()
            };
            for (file, definition) in self.meant(name, import) {
                if is_near {
                    self.near_of_file.entry(file.path()).or_default().insert(definition.name);
                }
                self.add(file, definition, found);
                if definition.kind == DefinitionKind::Type {
                    self.members(file, name, of_member);
                }
            }
        }
    }

    /// Returns the definitions that a name means: those that its import names, else all if they are
    /// few.
    fn meant(&self, name: &str, import: Option<&Import>) -> Vec<(&'t File, Indexed<'t>)> {
        let max_files = if import.is_some() { MAX_FILES_OF_IMPORT } else { MAX_FILES_OF_NAME };
        // The look-up of a common name would read many files.
        if self.table.n_files_of(name) > max_files + 1 {
            return Vec::new();
        }
        let mut all = self.table.named(name);
        all.retain(|(file, _)| self.is_other(file));
        if let Some(import) = import {
            let rank = |file: &File| (n_common(&import.module, file.path()), self.nearness(file));
            let best = all.iter().map(|(file, _)| rank(file)).max();
            all.retain(|(file, _)| Some(rank(file)) == best);
        }
        let files: HashSet<&str> = all.iter().map(|(file, _)| file.path()).collect();
        if files.len() > MAX_FILES_OF_NAME {
            all.clear();
        }
        all
    }

    fn members(&mut self, file: &'t File, name: &str, found: Found) {
        let members = file.definitions().filter(|member| member.container == Some(name));
        for member in members.take(MAX_MEMBERS) {
            self.add(file, member, found);
        }
    }

    /// The definitions of imported modules.
    fn modules(&mut self, imports: &[Import]) {
        for import in imports {
            let mut files = self.files_of(&import.module);
            // An imported name may be a module itself.
            for name in &import.names {
                let mut path = import.module.clone();
                path.push(name.clone());
                files.extend(self.files_of(&path));
            }
            for file in files {
                self.all_of(file, Found { is_in_module: true, ..Found::default() });
            }
        }
    }

    /// Returns the files that a module's path means: by as many of its last parts as possible.
    fn files_of(&self, module: &[String]) -> Vec<&'t File> {
        for start in 0..module.len() {
            let path = module.get(start..).unwrap_or_default().join("/");
            let mut files = self.table.modules(&path);
            if start + 1 < module.len() || module.len() == 1 {
                files.extend(self.table.in_folder(&path));
            }
            files.retain(|file| self.is_other(file));
            let nearest = files.iter().map(|file| self.nearness(file)).max();
            files.retain(|file| Some(self.nearness(file)) == nearest);
            if !files.is_empty() {
                files.truncate(MAX_FILES_OF_MODULE);
                return files;
            }
        }
        Vec::new()
    }

    /// The definitions of the files in the same folder.
    fn folder(&mut self) {
        let Some((folder, _)) = self.place.path.rsplit_once('/') else { return };
        let files = self.table.in_folder(folder);
        let others = files.into_iter().filter(|file| file.folder() == folder);
        let others: Vec<&File> =
            others.filter(|file| self.is_other(file)).take(MAX_FILES_OF_MODULE).collect();
        for file in others {
            self.all_of(file, Found::default());
        }
    }

    /// The definitions of files that the session has edited.
    fn edited(&mut self) {
        for path in self.place.edited {
            if let Some(file) = self.table.file(path).filter(|file| self.is_other(file)) {
                self.all_of(file, Found { is_in_edited_file: true, ..Found::default() });
            }
        }
    }

    fn all_of(&mut self, file: &'t File, found: Found) {
        for definition in file.definitions() {
            if self.n_considered >= MAX_CONSIDERED {
                return;
            }
            self.n_considered += 1;
            self.add(file, definition, found);
        }
    }

    /// Whether a file is another one whose definitions this language can use.
    fn is_other(&self, file: &File) -> bool {
        file.path() != self.place.path && group(file.language()) == group(self.place.language)
    }

    /// Returns how many folders a file shares with the document.
    fn nearness(&self, file: &File) -> usize {
        let parts = file.path().split('/').zip(self.place.path.split('/'));
        parts.take_while(|(a, b)| a == b).count()
    }
}

/// Returns how many of a module's last parts are in a path.
fn n_common(module: &[String], path: &str) -> usize {
    let is_in = |part: &&String| {
        path.split('/').any(|name| name == *part || name.split('.').next() == Some(part.as_str()))
    };
    module.iter().rev().filter(is_in).count()
}

/// Returns the group of languages that use each other's definitions.
fn group(language: &'static Language) -> &'static str {
    match language.id {
        "javascript" | "javascriptreact" | "typescript" | "typescriptreact" | "vue" | "svelte" => {
            "script"
        }
        "c" | "cpp" | "objective-c" | "objective-cpp" | "cuda-cpp" => "c",
        "java" | "kotlin" | "scala" | "groovy" => "jvm",
        id => id,
    }
}
