//! zebrawood: a word that must not turn up in any log.

/// Counts what it sees.
pub struct Counter {
    count: usize,
    total: usize,
}

impl Counter {
    pub fn new() -> Self {
        Self { count: 0, total: 0 }
    }

    pub fn add(&mut self, amount: usize) {
        self.count += 1;
    }

    pub fn count(&self) -> usize {
        self.count
    }
}
