//! lowkey.
