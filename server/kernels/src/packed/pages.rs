//! Facts about a mapped file from the operating system: the size of its pages, and whether it can
//! vanish.

use std::fs::File;

use crate::arena::{HUGE_PAGE, Memory};

/// Number of places probed. More give no more information, and on a slow disk each costs a read.
const PROBES: usize = 8;

/// Whether a map is in huge pages of `page` bytes; `true` if the system does not report it,
/// or if the map contains no whole huge page.
///
/// Linux maps huge pages if the file system's cache holds large folios: ext4 from 6.16 on, XFS from
/// 5.18 on.
#[cfg(target_os = "linux")]
pub(super) fn is_in_huge_pages(map: &[u8], page: usize) -> bool {
    let n_pages = map.len() / page;
    let n_probes = n_pages.min(PROBES);
    if n_probes == 0 {
        return true;
    }
    for probe in 0..n_probes {
        // Reading the byte maps its page.
        std::hint::black_box(map[probe * n_pages / n_probes * page]);
    }
    let Ok(smaps) = std::fs::read_to_string("/proc/self/smaps") else { return true };
    let Some(huge) = huge_bytes(&smaps, map.as_ptr().addr()) else { return true };
    // A map that begins between two huge pages has one fewer than its probes.
    huge >= n_probes.saturating_sub(2).max(1) * page
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_in_huge_pages(_: &[u8], _: usize) -> bool {
    true
}

/// Reads in `/proc/self/smaps` how many bytes of the mapping that contains `address` are in huge
/// pages.
#[cfg(target_os = "linux")]
fn huge_bytes(smaps: &str, address: usize) -> Option<usize> {
    let is_ours = |line: &str| -> Option<bool> {
        let (begin, end) = line.split(' ').next()?.split_once('-')?;
        let number = |hex| usize::from_str_radix(hex, 16).ok();
        Some((number(begin)?..number(end)?).contains(&address))
    };
    let mut lines = smaps.lines().skip_while(|line| is_ours(line) != Some(true)).skip(1);
    let line = lines.find_map(|line| line.strip_prefix("FilePmdMapped:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
}

/// Whether anonymous memory would be in huge pages, which makes copying worth it.
#[cfg(target_os = "linux")]
pub(super) fn anonymous_memory_is_huge() -> bool {
    let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    setting.is_ok_and(|setting| !setting.contains("[never]"))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn anonymous_memory_is_huge() -> bool {
    true
}

/// Frees a huge page for the file system's cache to take.
///
/// The cache takes a free huge page but moves no data to make one, so on a machine that has been
/// running for a while it gets few. An anonymous allocation does make one, and releasing it leaves
/// it free.
pub(super) fn free_huge_page() {
    if let Ok(mut memory) = Memory::new(HUGE_PAGE)
        && let Some(byte) = memory.bytes_mut().first_mut()
    {
        *std::hint::black_box(byte) = 1;
    }
}

/// Whether another machine or a program may remove the file while it is mapped.
#[cfg(target_os = "linux")]
pub(super) fn is_on_network_file_system(file: &File) -> bool {
    /// NFS, SMB (three versions), AFS, Ceph, 9P, FUSE, Lustre, GPFS.
    const NETWORK_FILE_SYSTEMS: [u32; 10] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x5346_414f,
        0x00c3_6400,
        0x0102_1997,
        0x6573_5546,
        0x0bd0_0bd0,
        0x4750_4653,
    ];
    rustix::fs::fstatfs(file)
        .is_ok_and(|system| NETWORK_FILE_SYSTEMS.contains(&(system.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_on_network_file_system(_: &File) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_are_counted_per_mapping() {
        let smaps = "1000-3000 r--p 00000000 fe:00 1 /a\nRss: 8 kB\nFilePmdMapped:      2048 kB\n\
                     5000-9000 r--s 00000000 fe:00 1 /b\nRss: 8 kB\nFilePmdMapped:     4096 kB\nVmFlags: rd\n";
        assert_eq!(huge_bytes(smaps, 0x1000), Some(2 << 20));
        assert_eq!(huge_bytes(smaps, 0x8fff), Some(4 << 20));
        assert_eq!(huge_bytes(smaps, 0x3000), None);
        assert_eq!(huge_bytes("", 1), None);
    }
}
