//! What the operating system says of memory and load, where it says it in files.

/// A field in kB of one of Linux's status files; `None` elsewhere.
pub fn kilobytes(file: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// How many programs wanted a processor in the last minute, on average; `None` where Linux does not say.
pub fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
