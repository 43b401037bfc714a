//! The speed of a model on this machine, kept on disk between starts.
//!
//! A single measurement depends on the load at that moment. Serving therefore keeps measuring. A
//! speed above the kept one is accepted at once, because no load makes a machine faster. A lower
//! speed is accepted only after many jobs. The file is replaced only when the two differ a lot. The
//! prompt size follows from the kept speed, and a prompt of another size cannot reuse the sessions
//! of the old size. A running engine never changes its own prompt size.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use super::PersistOptions;
use super::folder::Folder;
use crate::job::Generated;
use crate::worker::Speed;

/// The subfolder of the folder in [`PersistOptions`], and the extension of its files.
const FOLDER: &str = "speed";
const EXTENSION: &str = "json";

/// Shorter prefills and decodings measure their overhead more than the machine.
const MIN_PREFILLED: usize = 128;
const MIN_DECODED: usize = 8;

/// The weight of a lower speed in the moving average.
const SLOWER_WEIGHT: f64 = 1.0 / 16.0;

/// The kept speed is replaced when the measured one differs by this factor.
const MIN_CHANGE: f64 = 1.25;

/// The file of one model on one machine is far shorter.
const MAX_BYTES: u64 = 4096;

/// The contents of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// The version of this format.
    lowkey_speed: u32,
    /// The model's digest.
    model: String,
    /// Processor, threads and version, as in [`PersistOptions::machine`].
    machine: String,
    /// Prompt tokens per second.
    prefill: f64,
    /// Decoded tokens per second.
    decode: f64,
}

const VERSION: u32 = 1;

/// The speed in force, and the speed measured since.
#[derive(Debug)]
pub(crate) struct StoredSpeed {
    persist: Option<PersistOptions>,
    model: String,
    /// The speed in the file; `None` if there is none.
    stored: Option<Speed>,
    estimate: Speed,
}

impl StoredSpeed {
    /// Reads the kept speed of a model. Without it, `stored` returns `None` and the speed must be
    /// measured.
    pub(crate) fn read(persist: Option<&PersistOptions>, digest: &str) -> Self {
        let persist = persist.filter(|persist| persist.enabled.is_on()).cloned();
        let stored = persist.as_ref().and_then(|persist| read(persist, digest));
        Self { persist, model: digest.to_owned(), stored, estimate: stored.unwrap_or_default() }
    }

    pub(crate) fn stored(&self) -> Option<Speed> {
        self.stored
    }

    /// Returns the current estimate, which slowly follows a machine under load.
    pub(crate) fn estimate(&self) -> Speed {
        self.estimate
    }

    /// Stores a measurement and saves it.
    pub(crate) fn measured(&mut self, speed: Speed) {
        self.estimate = speed;
        self.save();
    }

    /// Updates the estimate from a finished job.
    pub(crate) fn observe<R>(&mut self, result: &Generated<R>) {
        let tokens = &result.tokens;
        // An interrupted prefill has spent time on tokens that do not count.
        if tokens.prefilled >= MIN_PREFILLED && tokens.reused + tokens.prefilled == tokens.prompt {
            update_estimate(&mut self.estimate.prefill, rate(tokens.prefilled, result.ms.prefill));
        }
        // The speed of drafted tokens depends on how predictable the text was, not only on the
        // machine.
        if tokens.decoded >= MIN_DECODED && tokens.drafted == 0 {
            // The first token's logits came with the prefill.
            update_estimate(&mut self.estimate.decode, rate(tokens.decoded - 1, result.ms.decode));
        }
    }

    /// Saves the estimate if it differs enough. Call it in pauses.
    pub(crate) fn save(&mut self) {
        let has_changed = self.stored.is_none_or(|stored| {
            differ_much(stored.prefill, self.estimate.prefill)
                || differ_much(stored.decode, self.estimate.decode)
        });
        let Some(persist) =
            self.persist.as_ref().filter(|persist| persist.writes && persist.enabled.is_on())
        else {
            return;
        };
        if !has_changed || !is_plausible(self.estimate) {
            return;
        }
        match write(persist, &self.model, self.estimate) {
            Ok(()) => self.stored = Some(self.estimate),
            Err(error) => {
                tracing::warn!(%error, "the measured speed cannot be kept");
                self.persist = None;
            }
        }
    }
}

fn rate(n: usize, ms: f64) -> f64 {
    n as f64 * 1e3 / ms.max(1e-3)
}

fn update_estimate(estimate: &mut f64, measured: f64) {
    if measured > *estimate {
        *estimate = measured;
    } else {
        *estimate += (measured - *estimate) * SLOWER_WEIGHT;
    }
}

fn differ_much(a: f64, b: f64) -> bool {
    a > b * MIN_CHANGE || b > a * MIN_CHANGE
}

fn is_plausible(speed: Speed) -> bool {
    [speed.prefill, speed.decode].iter().all(|rate| (1e-3..1e9).contains(rate))
}

/// Returns the file name of a model on a machine: several machines may share a home folder.
fn name(model: &str, machine: &str) -> String {
    // FNV-1a is enough: the name is not a secret, and the file contains what it is for.
    let hash = model
        .bytes()
        .chain([0])
        .chain(machine.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}.{EXTENSION}")
}

/// Reads the kept speed; `None` without a file, for another model or machine, or if the file is
/// damaged.
fn read(persist: &PersistOptions, model: &str) -> Option<Speed> {
    let folder = Folder::open(&persist.folder, FOLDER, false).ok()??;
    let file = folder.read(&name(model, &persist.machine)).ok()?;
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    let Ok(record) = serde_json::from_slice::<Record>(&text) else {
        tracing::warn!("the kept speed is damaged; the speed is measured again");
        return None;
    };
    let speed = Speed { prefill: record.prefill, decode: record.decode };
    let is_ours = record.lowkey_speed == VERSION
        && record.model == model
        && record.machine == persist.machine
        && is_plausible(speed);
    is_ours.then_some(speed)
}

fn write(persist: &PersistOptions, model: &str, speed: Speed) -> std::io::Result<()> {
    let Some(folder) = Folder::open(&persist.folder, FOLDER, true)? else { return Ok(()) };
    let record = Record {
        lowkey_speed: VERSION,
        model: model.to_owned(),
        machine: persist.machine.clone(),
        prefill: speed.prefill,
        decode: speed.decode,
    };
    folder.remove_stale_partial_files();
    let mut file = folder.create()?;
    file.write_all(&serde_json::to_vec(&record)?)?;
    file.finish(&name(model, &persist.machine))
}

#[cfg(test)]
mod tests;
