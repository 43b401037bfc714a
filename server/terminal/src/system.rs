//! Memory and load, on systems that report them in files.

/// Returns a field in kB of one of Linux's status files; `None` elsewhere.
pub fn kilobytes(file: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the average number of programs that wanted a processor in the last minute; `None` if the
/// system does not report it.
pub fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
