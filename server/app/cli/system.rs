//! What the operating system says of memory, where it says it in files.

/// A field in kB of one of Linux's status files; `None` elsewhere.
pub(super) fn kilobytes(file: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
