//! Tests of the index: languages, the store, and the thread on real folders.

mod examples;
mod languages;
mod store;
mod workspace;
