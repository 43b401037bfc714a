//! Releases memory of the program's own file that is no longer needed.

/// Releases the pages of bytes that are compiled into the program. A later read loads them from the
/// program's file again.
///
/// The embedded model is read once. Without this call its pages count as memory of the process
/// until the system reclaims them. Does nothing when the bytes are not mapped from a file, or on
/// systems other than Linux.
pub fn release_static_pages(bytes: &'static [u8]) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        let page = rustix::param::page_size();
        let range = bytes.as_ptr_range();
        // Only whole pages: the first and last partial page may hold other data.
        let start = range.start.addr().next_multiple_of(page);
        let end = range.end.addr() / page * page;
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        if start < end && is_private_file_map(&maps, start, end) {
            let start = range.start.wrapping_add(start - range.start.addr());
            // SAFETY: the pages hold only `bytes` and are a private, read-only mapping of a file,
            // so a dropped page is read back with the same content. Best effort.
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

/// Reads in `/proc/self/maps` whether a range is within one private, read-only mapping of a file.
/// Dropping pages of any other memory would lose their content.
#[cfg(target_os = "linux")]
fn is_private_file_map(maps: &str, start: usize, end: usize) -> bool {
    let covers_range = |line: &str| -> Option<bool> {
        let mut words = line.split_ascii_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let number = |hex| usize::from_str_radix(hex, 16).ok();
        let rights = words.next()?;
        let inode = words.nth(2)?;
        let covers = number(from)? <= start && end <= number(to)?;
        Some(covers && rights.starts_with("r-") && rights.ends_with('p') && inode != "0")
    };
    maps.lines().any(|line| covers_range(line) == Some(true))
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    /// Several pages, placed as `include_bytes!` places a model.
    static STATIC_BYTES: [u8; 1 << 16] = {
        let mut bytes = [0; 1 << 16];
        let mut at = 0;
        while at < bytes.len() {
            bytes[at] = (at % 251) as u8;
            at += 1;
        }
        bytes
    };

    #[test]
    fn given_back_bytes_keep_their_content() {
        let leaked: &'static [u8] = STATIC_BYTES.to_vec().leak();
        for bytes in [&STATIC_BYTES[..], leaked, &STATIC_BYTES[5..100], &[]] {
            let before = bytes.to_vec();
            release_static_pages(bytes);
            assert_eq!(bytes, before);
        }
    }

    #[test]
    fn only_read_only_file_maps_qualify() {
        let maps = "1000-5000 r--p 00000000 fe:00 77 /lowkey\n6000-9000 rw-p 00000000 fe:00 77 /lowkey\n\
                    a000-c000 r--p 00000000 00:00 0 \nd000-f000 r--s 00000000 fe:00 78 /other\n";
        assert!(is_private_file_map(maps, 0x2000, 0x5000));
        assert!(!is_private_file_map(maps, 0x2000, 0x6000), "beyond its end");
        for start in [0x6000, 0xa000, 0xd000, 0x1_0000] {
            assert!(!is_private_file_map(maps, start, start + 0x1000), "{start:x}");
        }
    }
}
