//! Progress events of a pull, for a caller that displays them.

use std::time::Duration;

/// The source of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Hub,
    /// Wheels of a Python package index.
    Index,
}

impl Origin {
    /// Returns the name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hub => "the hub",
            Self::Index => "the package index",
        }
    }

    /// Returns the setting that selects another address.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Hub => "HF_ENDPOINT",
            Self::Index => "PIP_INDEX_URL",
        }
    }
}

/// A step of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Reads a file in the cache to compute its checksum.
    Checking { bytes: u64 },
    /// Requests the file from a source.
    Asking {
        origin: Origin,
        /// The address, without name and password.
        address: String,
        /// The packages, if the source is an index.
        packages: Option<String>,
    },
    /// A source cannot provide the file; the next source is tried.
    Failed { origin: Origin, reason: String },
    /// Another process is pulling the same file.
    Waiting {
        /// The process id, if the process left it in the lock.
        holder: Option<u32>,
    },
    /// The transfer begins.
    Begun {
        /// Bytes that an earlier attempt left.
        have: u64,
        /// Length of the file, if the server announced it.
        total: Option<u64>,
    },
    /// More bytes have arrived.
    Arrived {
        /// Bytes in the file so far.
        have: u64,
        /// Length of the file, if the server announced it.
        total: Option<u64>,
    },
    /// An attempt failed; another one follows.
    Again {
        reason: String,
        /// Delay before the next attempt.
        after: Duration,
    },
    /// The bytes received so far are unusable; the file restarts empty.
    Restarted { reason: String },
}
