//! Definitions of other files that the text at the cursor may use, each with a score.
//!
//! The weights were chosen on the development half of the cross-file hold-out: how often the
//! definition that a hole needs is among those that fit (`server/training/README.md`).

use std::collections::{HashMap, HashSet};

use lowkey_document::Language;

use super::near::{names, names_near};
use super::words::words;
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

/// The weights of the score's parts.
mod weight {
    /// The file imports the name.
    pub(super) const IMPORTED: f32 = 7.0;
    /// The file imports the name and does not use it yet.
    pub(super) const UNUSED: f32 = 3.0;
    /// The file uses the name.
    pub(super) const USED: f32 = 2.0;
    /// The window shows the name, so that the model knows it: this part of the source's weight.
    pub(super) const VISIBLE: f32 = 0.7;
    /// The definition belongs to a type that is a candidate: this part of the type's score.
    pub(super) const MEMBER: f32 = 0.6;
    /// The definition is in a file that the file imports.
    pub(super) const MODULE: f32 = 2.0;
    /// The definition is in the same folder.
    pub(super) const FOLDER: f32 = 1.0;
    /// All words of the name are in names near the cursor.
    pub(super) const WORDS: f32 = 3.0;
    /// All names in the signature are near the cursor.
    pub(super) const SIGNATURE: f32 = 2.0;
}

/// A definition that may help, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'t> {
    pub(super) file: &'t File,
    pub(super) definition: Indexed<'t>,
    pub(super) score: f32,
}

impl<'t> Candidate<'t> {
    /// Returns what identifies the definition: path, line and name.
    fn key(&self) -> (&'t str, u32, &'t str) {
        (self.file.path(), self.definition.line, self.definition.name)
    }
}

/// Returns the candidates of all sources, best first.
pub(super) fn candidates<'t>(place: &Place<'_>, table: &'t Table) -> Vec<Candidate<'t>> {
    let text = place.text.get(..place.text.floor_char_boundary(MAX_SEARCHED_BYTES));
    let text = text.unwrap_or_default();
    let own = table.file(place.path);
    let near = names_near(place.context);
    let mut search = Search {
        place,
        table,
        near_words: near.iter().copied().flat_map(words).collect(),
        near,
        own: own.iter().flat_map(|file| file.definitions()).map(|own| own.name).collect(),
        n_considered: 0,
        found: HashMap::new(),
    };
    let imports = imports(text, place.language);
    search.named(text, &imports);
    search.modules(&imports);
    search.folder();
    let mut all: Vec<Candidate<'t>> = search.found.into_values().collect();
    all.sort_by(|a, b| {
        // One line may define several names.
        b.score.total_cmp(&a.score).then_with(|| a.key().cmp(&b.key()))
    });
    all
}

struct Search<'p, 't> {
    place: &'p Place<'p>,
    table: &'t Table,
    near: HashSet<&'p str>,
    near_words: HashSet<String>,
    /// The names that the document defines.
    own: HashSet<&'t str>,
    /// Definitions of modules and folders considered so far.
    n_considered: usize,
    /// The candidates by [`Candidate::key`].
    found: HashMap<(&'t str, u32, &'t str), Candidate<'t>>,
}

impl<'t> Search<'_, 't> {
    /// Adds a candidate, or raises its score.
    fn add(&mut self, file: &'t File, definition: Indexed<'t>, score: f32) {
        // The document's own definition hides others of its name.
        if definition.container.is_none() && self.own.contains(definition.name) {
            return;
        }
        let score = score + self.likeness(&definition);
        let candidate = Candidate { file, definition, score };
        let known = self.found.entry(candidate.key()).or_insert(candidate);
        known.score = known.score.max(score);
    }

    /// Returns how much the definition resembles the text near the cursor.
    fn likeness(&self, definition: &Indexed<'_>) -> f32 {
        let words = words(definition.name);
        let n_near = words.iter().filter(|word| self.near_words.contains(*word)).count();
        let of_words = n_near as f32 / words.len().max(1) as f32;
        let in_signature: HashSet<&str> =
            names(definition.signature).filter(|name| *name != definition.name).collect();
        let n_near = in_signature.iter().filter(|name| self.near.contains(*name)).count();
        let of_signature = n_near as f32 / in_signature.len().max(2) as f32;
        weight::WORDS * of_words + weight::SIGNATURE * of_signature
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
            // The import statement itself and the entry above are two.
            let source = match import {
                Some(_) if count <= 2 => weight::IMPORTED + weight::UNUSED,
                Some(_) => weight::IMPORTED,
                None => weight::USED,
            };
            let source = if visible.contains(name) { weight::VISIBLE * source } else { source };
            for (file, definition) in self.meant(name, import) {
                self.add(file, definition, source);
                if definition.kind == DefinitionKind::Type {
                    self.members(file, name, weight::MEMBER * source);
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

    fn members(&mut self, file: &'t File, name: &str, score: f32) {
        let members = file.definitions().filter(|member| member.container == Some(name));
        for member in members.take(MAX_MEMBERS) {
            self.add(file, member, score);
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
                self.top_level(file, weight::MODULE);
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
            self.top_level(file, weight::FOLDER);
        }
    }

    fn top_level(&mut self, file: &'t File, score: f32) {
        for definition in file.definitions() {
            if self.n_considered >= MAX_CONSIDERED {
                return;
            }
            self.n_considered += 1;
            let score = if definition.container.is_some() { score * weight::MEMBER } else { score };
            self.add(file, definition, score);
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
