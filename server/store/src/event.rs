//! What happens during a pull, for a caller that shows it.

use std::time::Duration;

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Hub,
    /// A Python package index, from wheels.
    Index,
}

impl Origin {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hub => "the hub",
            Self::Index => "the package index",
        }
    }

    /// The setting that names another address.
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
    /// A file that is here is read to compute its checksum.
    Checking {
        /// Its length.
        bytes: u64,
    },
    /// A source is asked for the file.
    Asking {
        origin: Origin,
        /// Its address, without name and password.
        address: String,
        /// The packages, where it is an index.
        packages: Option<String>,
    },
    /// A source cannot give the file; the next one is asked.
    Failed { origin: Origin, reason: String },
    /// Another process is pulling the same file.
    Waiting {
        /// Its process id, if it left one.
        holder: Option<u32>,
    },
    /// Bytes begin to arrive.
    Begun {
        /// Those that an earlier attempt left.
        have: u64,
        /// All of them, if the server said so.
        total: Option<u64>,
    },
    /// Bytes have arrived.
    Arrived {
        /// How many there are now.
        have: u64,
        /// All of them, if the server said so.
        total: Option<u64>,
    },
    /// An attempt failed; another follows.
    Again {
        reason: String,
        /// After this time.
        after: Duration,
    },
    /// What has arrived is of no use; the file begins from nothing.
    Restarted { reason: String },
}
