//! Memory of the program's own file that is not needed any more.

/// Gives back the pages of bytes that are compiled into the program; what is read again comes from its file again.
///
/// A model inside the program is read once. Its pages would count as this process's memory until the system wants them.
/// Where the bytes are not of a file, or not on Linux, nothing happens.
pub fn give_back(bytes: &'static [u8]) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        let page = rustix::param::page_size();
        let range = bytes.as_ptr_range();
        // Whole pages: the ends may be of something else.
        let start = range.start.addr().next_multiple_of(page);
        let end = range.end.addr() / page * page;
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        if start < end && is_of_a_file(&maps, start, end) {
            let start = range.start.wrapping_add(start - range.start.addr());
            // SAFETY: the pages are those of `bytes` alone and were mapped from a file, never to be written: dropped, they come back with the same content. Best effort.
            let _ = unsafe {
                rustix::mm::madvise(
                    start.cast_mut().cast(),
                    end - start.addr(),
                    rustix::mm::Advice::LinuxDontNeed,
                )
            };
        }
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = bytes;
}

/// Reads in `/proc/self/maps` whether a range is in one mapping of a file that cannot be written. Dropped pages of other memory would be lost.
#[cfg(target_os = "linux")]
fn is_of_a_file(maps: &str, start: usize, end: usize) -> bool {
    let has_it = |line: &str| -> Option<bool> {
        let mut words = line.split_ascii_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let number = |hex| usize::from_str_radix(hex, 16).ok();
        let rights = words.next()?;
        let inode = words.nth(2)?;
        let covers = number(from)? <= start && end <= number(to)?;
        Some(covers && rights.starts_with("r-") && rights.ends_with('p') && inode != "0")
    };
    maps.lines().any(|line| has_it(line) == Some(true))
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    /// More than a few pages, as `include_bytes!` places a model.
    static INSIDE: [u8; 1 << 16] = {
        let mut bytes = [0; 1 << 16];
        let mut at = 0;
        while at < bytes.len() {
            bytes[at] = (at % 251) as u8;
            at += 1;
        }
        bytes
    };

    #[test]
    fn bytes_of_the_program_and_of_the_heap_are_the_same_afterwards() {
        let leaked: &'static [u8] = INSIDE.to_vec().leak();
        for bytes in [&INSIDE[..], leaked, &INSIDE[5..100], &[]] {
            let before = bytes.to_vec();
            give_back(bytes);
            assert_eq!(bytes, before);
        }
    }

    #[test]
    fn only_a_files_mapping_that_nobody_writes_is_given_back() {
        let maps = "1000-5000 r--p 00000000 fe:00 77 /lowkey\n6000-9000 rw-p 00000000 fe:00 77 /lowkey\n\
                    a000-c000 r--p 00000000 00:00 0 \nd000-f000 r--s 00000000 fe:00 78 /other\n";
        assert!(is_of_a_file(maps, 0x2000, 0x5000));
        assert!(!is_of_a_file(maps, 0x2000, 0x6000), "beyond its end");
        for start in [0x6000, 0xa000, 0xd000, 0x1_0000] {
            assert!(!is_of_a_file(maps, start, start + 0x1000), "{start:x}");
        }
    }
}
