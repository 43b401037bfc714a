//! The files around documents that are opened after a limit ended the walk.
//!
//! A monorepo has more files than the index. A document far from those that were open first gets
//! the files nearest to it, a tenth beyond the limits of the walk. Only the newest of these
//! neighbourhoods are kept.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::store::{TextOrigin, Update, key};
use super::walk::Walk;
use super::worker::Worker;

/// Neighbourhoods that are kept.
const MAX_NEIGHBOURHOODS: usize = 8;
/// Files of one: all together are a tenth of what the walk may read.
const MAX_FILES: usize = 250;
/// Files and folders that are visited for one.
const MAX_VISITED: usize = 2500;

/// The neighbourhoods of documents, by their numbers.
#[derive(Default)]
pub(super) struct Neighbours {
    /// The walks to take; the last one is next.
    walks: Vec<(usize, Walk)>,
    /// The files that were read, the oldest neighbourhood first.
    files: VecDeque<(usize, Vec<PathBuf>)>,
    n_begun: usize,
}

/// A step of the walks.
struct Step {
    /// A file that may have definitions, with the neighbourhood's number.
    file: Option<(usize, PathBuf)>,
    n_visited: usize,
}

impl Neighbours {
    /// Whether there is a walk to take.
    pub(super) fn is_walking(&self) -> bool {
        !self.walks.is_empty()
    }

    /// Visits the files around a document next, the nearest first.
    fn begin(&mut self, root: &Path, document: &Path) {
        let mut walk = Walk::new(&[], MAX_VISITED);
        walk.prefer(root, document);
        if self.walks.len() >= MAX_NEIGHBOURHOODS {
            self.walks.remove(0);
        }
        self.n_begun += 1;
        self.walks.push((self.n_begun, walk));
    }

    fn step(&mut self) -> Step {
        let Some((of, walk)) = self.walks.last_mut() else {
            return Step { file: None, n_visited: 0 };
        };
        let before = walk.n_visited();
        let next = walk.next();
        let n_visited = walk.n_visited() - before;
        let file = next.clone().flatten().map(|path| (*of, path));
        if next.is_none() {
            self.walks.pop();
        }
        Step { file, n_visited }
    }

    /// Records a file that was read. Returns the files of the oldest neighbourhood if there are too
    /// many.
    fn record(&mut self, of: usize, path: PathBuf) -> Vec<PathBuf> {
        let known = self.files.iter().position(|(number, _)| *number == of);
        let at = known.unwrap_or_else(|| {
            self.files.push_back((of, Vec::new()));
            self.files.len() - 1
        });
        if let Some((_, files)) = self.files.get_mut(at) {
            files.push(path);
            if files.len() >= MAX_FILES {
                self.end(of);
            }
        }
        let is_over = self.files.len() > MAX_NEIGHBOURHOODS;
        self.files.pop_front_if(|_| is_over).map(|(_, files)| files).unwrap_or_default()
    }

    /// Returns the files of the oldest neighbourhood, to make room for another. Without one, the
    /// walk for `of` ends.
    fn make_room(&mut self, of: usize) -> Vec<PathBuf> {
        let oldest = self.files.pop_front_if(|(number, _)| *number != of);
        if oldest.is_none() {
            self.end(of);
        }
        oldest.map(|(_, files)| files).unwrap_or_default()
    }

    fn end(&mut self, of: usize) {
        self.walks.retain(|(number, _)| *number != of);
    }
}

impl Worker {
    /// Reads the files around a document next, unless some of them are indexed.
    pub(super) fn surround(&mut self, document: &Path) {
        let Some(root) = self.root_of(document).map(Path::to_path_buf) else { return };
        if !self.has_neighbours(document) {
            self.neighbours.begin(&root, document);
        }
    }

    /// Whether a file in the folder of a document is indexed that is not open.
    fn has_neighbours(&self, document: &Path) -> bool {
        let document = key(document);
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        let table = self.index.snapshot();
        let mut files = table.in_folder(folder).into_iter();
        files.any(|file| file.folder() == folder && !file.is_open)
    }

    /// Takes one step of the walks around documents.
    pub(super) fn step_to_neighbour(&mut self) {
        self.pause.wait(&self.is_stopped);
        let Step { file, n_visited } = self.neighbours.step();
        self.progress.n_visited += n_visited;
        let Some((of, path)) = file.filter(|(_, path)| !self.index.contains(path)) else { return };
        let mut update = self.read_from(&path, TextOrigin::Nearby);
        if update == Some(Update::Full) {
            let gone = self.neighbours.make_room(of);
            self.forget(&gone);
            update = self.read_from(&path, TextOrigin::Nearby);
        }
        if update == Some(Update::Indexed) {
            let gone = self.neighbours.record(of, path);
            self.forget(&gone);
        }
    }

    fn forget(&self, files: &[PathBuf]) {
        for file in files.iter().filter(|file| !self.open.contains(*file)) {
            self.index.remove(file);
        }
    }
}
