//! The definitions of one file: a text with all signatures, and records of offsets into it.

use std::collections::{BTreeSet, HashMap};

use super::super::definitions::{Definition, DefinitionKind};
use super::MAX_NAME_BYTES;

/// A definition of an indexed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Indexed<'s> {
    pub name: &'s str,
    pub kind: DefinitionKind,
    /// The line of the name, from 0.
    pub line: u32,
    pub signature: &'s str,
    /// The type that it belongs to.
    pub container: Option<&'s str>,
}

/// A record of offsets into a file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    start: u32,
    line: u32,
    container: u32,
    signature_len: u16,
    name_at: u16,
    name_len: u16,
    container_len: u16,
    kind: DefinitionKind,
}

/// The definitions of one file.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Packed {
    text: Box<str>,
    records: Box<[Record]>,
}

impl Packed {
    pub(in super::super) fn of(definitions: &[Definition]) -> Self {
        let mut text = String::new();
        let mut records = Vec::with_capacity(definitions.len());
        let mut containers: HashMap<&str, u32> = HashMap::new();
        for definition in definitions {
            let Definition { name, kind, line, signature, container } = definition;
            if name.len() > MAX_NAME_BYTES
                || container.as_ref().is_some_and(|c| c.len() > MAX_NAME_BYTES)
            {
                continue;
            }
            let container = container.as_deref().map(|container| {
                let at = *containers.entry(container).or_insert_with(|| {
                    let at = text.len() as u32;
                    text.push_str(container);
                    at
                });
                (at, container.len() as u16)
            });
            let start = text.len();
            text.push_str(signature);
            let name_at = signature.find(name.as_str()).unwrap_or_else(|| {
                text.push_str(name);
                signature.len()
            });
            let (container, container_len) = container.unwrap_or_default();
            records.push(Record {
                start: start as u32,
                line: *line,
                container,
                signature_len: signature.len() as u16,
                name_at: name_at as u16,
                name_len: name.len() as u16,
                container_len,
                kind: *kind,
            });
        }
        Self { text: text.into_boxed_str(), records: records.into_boxed_slice() }
    }

    fn get(&self, record: &Record) -> Indexed<'_> {
        let part = |start: usize, len: u16| {
            self.text.get(start..start + usize::from(len)).unwrap_or_default()
        };
        let start = record.start as usize;
        let container = part(record.container as usize, record.container_len);
        Indexed {
            name: part(start + usize::from(record.name_at), record.name_len),
            kind: record.kind,
            line: record.line,
            signature: part(start, record.signature_len),
            container: Some(container).filter(|container| !container.is_empty()),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Indexed<'_>> {
        self.records.iter().map(|record| self.get(record))
    }

    /// Returns the distinct names.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.all().map(|definition| definition.name).collect()
    }

    /// Returns the number of definitions.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn n_bytes(&self) -> usize {
        // A record, and at most one posting with its share of the vector's spare capacity.
        let record = size_of::<Record>() + 16;
        self.text.len() + self.records.len() * record
    }
}
