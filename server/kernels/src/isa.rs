//! The instruction set that the kernels use, detected at run time.
//!
//! Invariant: the [`Isa`] of a [`Pool`](crate::Pool) is supported by this CPU, because a pool gets
//! it only from `usable`. The SAFETY comments of the SIMD calls rely on this.

/// An implementation of the kernels.
///
/// All implementations give the same bits; they differ only in speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust, for every CPU.
    Portable,
    /// NEON with its byte dot products: 64-bit Arm since 2017, every Apple M.
    NeonDotprod,
    /// AVX2 with FMA and F16C: x86-64 of 2013 and later.
    Avx2,
    /// AVX2 with VNNI's byte dot products in 256 bits: Intel laptops since 2021.
    Avx2Vnni,
    /// AVX-512 with VNNI's byte dot products.
    Avx512Vnni,
}

impl Isa {
    /// Returns the fastest implementation that this CPU supports.
    pub fn detect() -> Self {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("fma") && has!("f16c");
            let avx512 =
                has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512vnni");
            if avx2 && avx512 {
                return Self::Avx512Vnni;
            }
            if avx2 && has!("avxvnni") {
                return Self::Avx2Vnni;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        if std::arch::is_aarch64_feature_detected!("dotprod") {
            return Self::NeonDotprod;
        }
        Self::Portable
    }

    /// Returns this implementation if the CPU supports it, else the next slower one that it
    /// supports.
    #[must_use]
    pub fn usable(self) -> Self {
        let usable = self.min(Self::detect());
        // The variants are ordered by speed, and an instruction set does not include all smaller
        // ones: no x86 has NEON.
        if usable == Self::NeonDotprod && Self::detect() != Self::NeonDotprod {
            return Self::Portable;
        }
        // AVX-512 does not include VNNI in AVX's encoding. In tests it replaces AVX-VNNI.
        #[cfg(target_arch = "x86_64")]
        if usable == Self::Avx2Vnni
            && !cfg!(test)
            && !std::arch::is_x86_feature_detected!("avxvnni")
        {
            return Self::Avx2;
        }
        usable
    }

    /// Returns every implementation that this CPU supports, slowest first.
    pub fn all_usable() -> Vec<Self> {
        [Self::Portable, Self::NeonDotprod, Self::Avx2, Self::Avx2Vnni, Self::Avx512Vnni]
            .into_iter()
            .filter(|isa| isa.usable() == *isa)
            .collect()
    }

    /// Returns the name that `doctor` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::NeonDotprod => "neon-dotprod",
            Self::Avx2 => "avx2",
            Self::Avx2Vnni => "avx2-vnni",
            Self::Avx512Vnni => "avx512-vnni",
        }
    }
}

/// The CPU's features and the kernels in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// The processor's architecture, such as `x86_64`.
    pub architecture: &'static str,
    /// The name that the processor reports, such as `Intel(R) Core(TM) Ultra 7 155H`; empty if it
    /// reports none.
    pub processor: String,
    /// The instruction sets, of those that the kernels can use, that the CPU supports.
    pub has: Vec<&'static str>,
    /// The kernels in use.
    pub kernels: Isa,
    /// Hardware threads that this process may use.
    pub threads: usize,
    /// Physical cores, as far as the system reports them; the best number of threads for the
    /// kernels.
    pub cores: usize,
}

/// Returns the CPU's features and the kernels in use.
pub fn features() -> Features {
    let mut has = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! note {
            ($($feature:tt),*) => {
                $(if std::arch::is_x86_feature_detected!($feature) { has.push($feature); })*
            };
        }
        note!(
            "avx2",
            "fma",
            "f16c",
            "avxvnni",
            "avx512f",
            "avx512bw",
            "avx512vl",
            "avx512vnni",
            "avx512bf16"
        );
    }
    #[cfg(target_arch = "aarch64")]
    {
        has.push("neon");
        if std::arch::is_aarch64_feature_detected!("dotprod") {
            has.push("dotprod");
        }
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Features {
        architecture: std::env::consts::ARCH,
        processor: processor(),
        has,
        kernels: Isa::detect(),
        threads,
        cores: physical_cores().map_or(threads, |cores| cores.min(threads)),
    }
}

/// Returns the processor's name: from `cpuid` on x86, elsewhere from Linux's `/proc/cpuinfo`.
fn processor() -> String {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::__cpuid;
        const FIRST: u32 = 0x8000_0002;
        const LAST: u32 = 0x8000_0004;
        if __cpuid(0x8000_0000).eax >= LAST {
            let registers = (FIRST..=LAST).map(__cpuid).flat_map(|r| [r.eax, r.ebx, r.ecx, r.edx]);
            let bytes: Vec<u8> = registers.flat_map(u32::to_le_bytes).collect();
            return words(&String::from_utf8_lossy(&bytes));
        }
    }
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = |line: &&str| line.starts_with("model name") || line.starts_with("CPU part");
    let line = text.lines().find(named).and_then(|line| line.split_once(':'));
    words(line.map_or("", |(_, name)| name))
}

/// Returns the words of a name without the padding of zeros and blanks.
fn words(name: &str) -> String {
    name.replace('\0', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Counts physical cores: the CPUs that are first among their hyper-threading siblings.
fn physical_cores() -> Option<usize> {
    let mut cores = 0;
    for entry in std::fs::read_dir("/sys/devices/system/cpu").ok()?.flatten() {
        let name = entry.file_name();
        let Some(cpu) =
            name.to_str().and_then(|name| name.strip_prefix("cpu")?.parse::<usize>().ok())
        else {
            continue;
        };
        let siblings = std::fs::read_to_string(entry.path().join("topology/thread_siblings_list"));
        let first = siblings
            .ok()
            .and_then(|list| list.trim().split([',', '-']).next()?.parse::<usize>().ok());
        if first.is_none_or(|first| first == cpu) {
            cores += 1;
        }
    }
    (cores > 0).then_some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_instruction_set_falls_back() {
        for isa in [Isa::Portable, Isa::NeonDotprod, Isa::Avx2, Isa::Avx2Vnni, Isa::Avx512Vnni] {
            assert!(isa.usable() <= Isa::detect());
            assert!(isa.usable() <= isa);
        }
        assert!(Isa::all_usable().contains(&Isa::Portable));
    }

    #[test]
    fn features_report_kernels_in_use() {
        let features = features();
        assert_eq!(features.kernels, Isa::detect());
        assert!(features.cores >= 1 && features.cores <= features.threads);
        assert_eq!(features.processor, words(&features.processor), "one blank between two words");
        assert_eq!(features.processor, super::features().processor, "the same at every start");
    }
}
