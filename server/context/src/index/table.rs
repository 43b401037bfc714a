//! The definitions of all files in a compact form that readers share.
//!
//! A file's signatures are one text, and a definition is a record of offsets into it. Names and
//! paths are found by their hashes: a posting of eight bytes for each name of a file, in sorted
//! shards. Nothing is interned: a name is a part of its signature.
//!
//! A reader's snapshot is a pointer. A writer copies only the shards and the page that it changes,
//! and only while a reader has the old ones.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use lowkey_document::Language;

mod packed;

pub use packed::Indexed;
pub(super) use packed::Packed;

/// Shards of postings.
const N_SHARDS: usize = 1024;
/// Files on one page.
const PAGE_FILES: usize = 256;
/// Longer names are not indexed.
const MAX_NAME_BYTES: usize = 128;
/// Bytes for each file beyond its texts: the file, its page and the postings of its path.
const FILE_BYTES: usize = 400;

/// File names that give their folder's name to a module.
const FOLDER_FILES: &[&str] = &["index", "mod", "lib", "__init__", "init", "main"];

/// An indexed file.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    path: Box<str>,
    language: &'static Language,
    packed: Packed,
    /// Whether the text is that of an open document.
    pub(super) is_open: bool,
}

impl File {
    pub(super) fn new(
        path: &str,
        language: &'static Language,
        packed: Packed,
        is_open: bool,
    ) -> Self {
        Self { path: path.into(), language, packed, is_open }
    }

    /// Returns the absolute path with `/` between its parts.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn language(&self) -> &'static Language {
        self.language
    }

    /// Returns the path of its folder, without the last `/`.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the definitions in the order of the text.
    pub fn definitions(&self) -> impl Iterator<Item = Indexed<'_>> {
        self.packed.all()
    }

    fn n_bytes(&self) -> usize {
        self.packed.n_bytes() + FILE_BYTES + self.path.len()
    }

    /// Returns the keys under which the file is found.
    fn keys(&self) -> BTreeSet<u64> {
        let names = self.packed.names();
        let names = names.into_iter().map(|name| hash(Key::Name(name)));
        let modules = modules(&self.path).into_iter().map(|module| hash(Key::Module(module)));
        let folder = hash(Key::Folder(last_part(self.folder())));
        names.chain(modules).chain([hash(Key::Path(&self.path)), folder]).collect()
    }
}

/// What a posting is for.
#[derive(Clone, Copy, Hash)]
enum Key<'k> {
    Name(&'k str),
    Path(&'k str),
    Module(&'k str),
    Folder(&'k str),
}

fn hash(key: Key<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Returns the last part of the names that other files may give to a file.
fn modules(path: &str) -> Vec<&str> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = stem(name);
    let folder = folder.rsplit('/').next().filter(|folder| !folder.is_empty());
    let folder = folder.filter(|_| FOLDER_FILES.contains(&stem));
    std::iter::once(stem).chain(folder).collect()
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns a file's name without extensions: `date` for `date.d.ts`.
fn stem(name: &str) -> &str {
    name.split('.').find(|part| !part.is_empty()).unwrap_or(name)
}

/// A key's hash without the bits that choose the shard, and a file that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting {
    hash: u32,
    file: u32,
}

fn place(hash: u64) -> (usize, u32) {
    ((hash >> 32) as usize % N_SHARDS, hash as u32)
}

/// An unchanging state of the index.
#[derive(Debug, Clone)]
pub struct Table {
    shards: Vec<Arc<Vec<Posting>>>,
    pages: Vec<Arc<Vec<Option<Arc<File>>>>>,
    n_files: usize,
    n_definitions: usize,
    n_bytes: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            shards: (0..N_SHARDS).map(|_| Arc::default()).collect(),
            pages: Vec::new(),
            n_files: 0,
            n_definitions: 0,
            n_bytes: 0,
        }
    }
}

impl Table {
    /// Returns the definitions with a name, each with its file, ordered by path and line.
    pub fn named(&self, name: &str) -> Vec<(&File, Indexed<'_>)> {
        let mut all: Vec<(&File, Indexed<'_>)> = self
            .with_key(Key::Name(name))
            .flat_map(|file| file.definitions().map(move |definition| (file, definition)))
            .filter(|(_, definition)| definition.name == name)
            .collect();
        all.sort_by_key(|(file, definition)| (file.path(), definition.line));
        all
    }

    /// Returns the number of files that define a name, or a little more: hashes may collide.
    pub fn n_files_of(&self, name: &str) -> usize {
        self.with_key(Key::Name(name)).count()
    }

    /// Returns a file by its absolute path with `/` between its parts.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.with_key(Key::Path(path)).find(|file| file.path() == path)
    }

    /// Returns the files that a module's name may mean, ordered by path: those whose path ends with
    /// `module`, with or without an extension, and those that represent a folder (`index.ts`,
    /// `mod.rs`, `__init__.py`) whose path ends with it.
    ///
    /// `module` has `/` between its parts: `utils/date`.
    pub fn modules(&self, module: &str) -> Vec<&File> {
        let module = module.trim_matches('/');
        let (parents, last) = match module.rsplit_once('/') {
            Some((parents, last)) => (Some(parents), last),
            None => (None, module),
        };
        let is_it = |file: &&File| {
            let (folder, name) = file.path().rsplit_once('/').unwrap_or(("", file.path()));
            let is_name = name == last || stem(name) == last;
            let is_file = is_name && parents.is_none_or(|parents| ends_with(folder, parents));
            is_file || (FOLDER_FILES.contains(&stem(name)) && ends_with(folder, module))
        };
        let mut files: Vec<&File> = self.with_key(Key::Module(stem(last))).filter(is_it).collect();
        files.sort_by_key(|file| file.path());
        files
    }

    /// Returns the files directly in the folders whose path ends with `folder`, ordered by path.
    ///
    /// `folder` is an absolute path or its last parts, with `/` between them.
    pub fn in_folder(&self, folder: &str) -> Vec<&File> {
        let folder = folder.trim_end_matches('/');
        let is_in = |file: &&File| ends_with(file.folder(), folder);
        let mut files: Vec<&File> =
            self.with_key(Key::Folder(last_part(folder))).filter(is_in).collect();
        files.sort_by_key(|file| file.path());
        files
    }

    /// Returns every file, in no useful order.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.pages.iter().flat_map(|page| page.iter()).flatten().map(Arc::as_ref)
    }

    pub fn n_files(&self) -> usize {
        self.n_files
    }

    pub fn n_definitions(&self) -> usize {
        self.n_definitions
    }

    /// Returns an estimate of the bytes of memory that the files and their postings take.
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    fn with_key(&self, key: Key<'_>) -> impl Iterator<Item = &File> {
        let (shard, hash) = place(hash(key));
        let postings = self.shards.get(shard).map(|shard| shard.as_slice()).unwrap_or_default();
        let start = postings.partition_point(|posting| posting.hash < hash);
        let same = postings.iter().skip(start).take_while(move |posting| posting.hash == hash);
        same.filter_map(|posting| self.get(posting.file))
    }

    fn get(&self, id: u32) -> Option<&File> {
        let page = self.pages.get(id as usize / PAGE_FILES)?;
        page.get(id as usize % PAGE_FILES)?.as_deref()
    }

    /// Returns the number of a file.
    pub(super) fn id(&self, path: &str) -> Option<u32> {
        let (shard, hash) = place(hash(Key::Path(path)));
        let postings = self.shards.get(shard)?;
        let start = postings.partition_point(|posting| posting.hash < hash);
        let mut same = postings.iter().skip(start).take_while(|posting| posting.hash == hash);
        let is_it =
            |posting: &&Posting| self.get(posting.file).is_some_and(|file| file.path() == path);
        same.find(is_it).map(|posting| posting.file)
    }

    /// Returns the number of places for files, used or free.
    pub(super) fn n_places(&self) -> u32 {
        (self.pages.len() * PAGE_FILES) as u32
    }

    /// Returns the bytes of the table with `file` instead of the one with the same path.
    pub(super) fn bytes_with(&self, file: &File) -> usize {
        let old = self.file(file.path()).map_or(0, File::n_bytes);
        self.n_bytes.saturating_sub(old).saturating_add(file.n_bytes())
    }

    /// Stores a file under a free number, adding a page if needed.
    pub(super) fn insert(&mut self, id: u32, file: File) {
        while self.n_places() <= id {
            self.pages.push(Arc::new(vec![None; PAGE_FILES]));
        }
        for key in file.keys() {
            let (shard, hash) = place(key);
            let posting = Posting { hash, file: id };
            if let Some(shard) = self.shards.get_mut(shard).map(Arc::make_mut) {
                let at = shard.partition_point(|other| *other < posting);
                shard.insert(at, posting);
            }
        }
        self.n_files += 1;
        self.n_definitions += file.packed.len();
        self.n_bytes += file.n_bytes();
        if let Some(place) = self.place_mut(id) {
            *place = Some(Arc::new(file));
        }
    }

    pub(super) fn remove(&mut self, id: u32) {
        let Some(file) = self.place_mut(id).and_then(Option::take) else { return };
        for key in file.keys() {
            let (shard, hash) = place(key);
            let posting = Posting { hash, file: id };
            if let Some(shard) = self.shards.get_mut(shard).map(Arc::make_mut)
                && let Ok(at) = shard.binary_search(&posting)
            {
                shard.remove(at);
            }
        }
        self.n_files -= 1;
        self.n_definitions -= file.packed.len();
        self.n_bytes = self.n_bytes.saturating_sub(file.n_bytes());
    }

    fn place_mut(&mut self, id: u32) -> Option<&mut Option<Arc<File>>> {
        let page = self.pages.get_mut(id as usize / PAGE_FILES).map(Arc::make_mut)?;
        page.get_mut(id as usize % PAGE_FILES)
    }
}

/// Whether the last parts of a path are these.
fn ends_with(path: &str, parts: &str) -> bool {
    path.strip_suffix(parts).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}
