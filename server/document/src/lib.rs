//! Open documents: ropes with versions, positions in three encodings, snapshots, the language table.
