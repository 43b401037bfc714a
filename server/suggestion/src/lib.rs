//! From model text to what the editor shows: stop rules, trims, gate, completion memory.
