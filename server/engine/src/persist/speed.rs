//! The speed of a model on this machine, kept from start to start.
//!
//! Measured once, under whatever load there is, it would be a matter of luck. So serving looks on: a faster pace than
//! the kept one is believed at once, since no load makes a machine faster; a slower one only after many jobs. What is
//! kept changes when the two are far apart and not before, because the size of prompts follows from it, and a prompt of
//! another size finds nothing of what was computed for the old one. A running engine never changes its own.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use super::Keep;
use super::folder::Folder;
use crate::job::Generated;
use crate::worker::Speed;

/// The folder below the one that [`Keep`] names, and how the names in it end.
const FOLDER: &str = "speed";
const EXTENSION: &str = "json";

/// Shorter prefills and decodings say more about their beginning than about the machine.
const MIN_PREFILLED: usize = 128;
const MIN_DECODED: usize = 8;

/// A slower pace counts for so much of what is believed.
const SLOWER_WEIGHT: f64 = 1.0 / 16.0;

/// The kept speed is replaced when what was seen differs by this factor.
const FAR_APART: f64 = 1.25;

/// A file of one model on one machine is far shorter.
const MAX_BYTES: u64 = 4096;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// The version of this format.
    lowkey_speed: u32,
    /// The model's digest.
    model: String,
    /// Processor, threads and version, as [`Keep::machine`] has it.
    machine: String,
    /// Prompt tokens per second.
    prefill: f64,
    /// Decoded tokens per second.
    decode: f64,
}

const VERSION: u32 = 1;

/// The speed in force, and what serving has seen of it since.
#[derive(Debug)]
pub(crate) struct KeptSpeed {
    keep: Option<Keep>,
    model: String,
    /// What the file says; `None` while there is none.
    kept: Option<Speed>,
    seen: Speed,
}

impl KeptSpeed {
    /// Reads what is kept for a model; without it, `speed` tells that it must be measured.
    pub(crate) fn read(keep: Option<&Keep>, digest: &str) -> Self {
        let keep = keep.filter(|keep| keep.enabled.is_on()).cloned();
        let kept = keep.as_ref().and_then(|keep| read(keep, digest));
        Self { keep, model: digest.to_owned(), kept, seen: kept.unwrap_or_default() }
    }

    /// The kept speed.
    pub(crate) fn kept(&self) -> Option<Speed> {
        self.kept
    }

    /// What is believed now: it follows a machine that gets busy, slowly.
    pub(crate) fn seen(&self) -> Speed {
        self.seen
    }

    /// Takes what was measured, and keeps it.
    pub(crate) fn measured(&mut self, speed: Speed) {
        self.seen = speed;
        self.save();
    }

    /// Looks at a job that has ended.
    pub(crate) fn observe<R>(&mut self, made: &Generated<R>) {
        let tokens = &made.tokens;
        // An interrupted prefill has spent time on tokens that do not count.
        if tokens.prefilled >= MIN_PREFILLED && tokens.reused + tokens.prefilled == tokens.prompt {
            drift(&mut self.seen.prefill, rate(tokens.prefilled, made.ms.prefill));
        }
        // What was drafted says how predictable the text was, not how fast the machine is.
        if tokens.decoded >= MIN_DECODED && tokens.drafted == 0 {
            // The first token's logits came with the prefill.
            drift(&mut self.seen.decode, rate(tokens.decoded - 1, made.ms.decode));
        }
    }

    /// Keeps what was seen, if that is news. Meant for pauses.
    pub(crate) fn save(&mut self) {
        let is_news = self.kept.is_none_or(|kept| {
            far_apart(kept.prefill, self.seen.prefill) || far_apart(kept.decode, self.seen.decode)
        });
        let Some(keep) = self.keep.as_ref().filter(|keep| keep.writes && keep.enabled.is_on())
        else {
            return;
        };
        if !is_news || !is_plausible(self.seen) {
            return;
        }
        match write(keep, &self.model, self.seen) {
            Ok(()) => self.kept = Some(self.seen),
            Err(error) => {
                tracing::warn!(%error, "the measured speed cannot be kept");
                self.keep = None;
            }
        }
    }
}

fn rate(n: usize, ms: f64) -> f64 {
    n as f64 * 1e3 / ms.max(1e-3)
}

fn drift(believed: &mut f64, seen: f64) {
    if seen > *believed {
        *believed = seen;
    } else {
        *believed += (seen - *believed) * SLOWER_WEIGHT;
    }
}

fn far_apart(a: f64, b: f64) -> bool {
    a > b * FAR_APART || b > a * FAR_APART
}

fn is_plausible(speed: Speed) -> bool {
    [speed.prefill, speed.decode].iter().all(|rate| (1e-3..1e9).contains(rate))
}

/// One file for each model on each machine: a home folder may be shared by several.
fn name(model: &str, machine: &str) -> String {
    // FNV-1a: a name, not a secret; the file itself says what it is for.
    let hash = model
        .bytes()
        .chain([0])
        .chain(machine.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}.{EXTENSION}")
}

/// What is kept, or `None`: no file, another model or machine, or not as it was written.
fn read(keep: &Keep, model: &str) -> Option<Speed> {
    let folder = Folder::open(&keep.folder, FOLDER, false).ok()??;
    let file = folder.read(&name(model, &keep.machine)).ok()?;
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    let Ok(record) = serde_json::from_slice::<Record>(&text) else {
        tracing::warn!("the kept speed is damaged and is measured anew");
        return None;
    };
    let speed = Speed { prefill: record.prefill, decode: record.decode };
    let is_ours = record.lowkey_speed == VERSION
        && record.model == model
        && record.machine == keep.machine
        && is_plausible(speed);
    is_ours.then_some(speed)
}

fn write(keep: &Keep, model: &str, speed: Speed) -> std::io::Result<()> {
    let Some(folder) = Folder::open(&keep.folder, FOLDER, true)? else { return Ok(()) };
    let record = Record {
        lowkey_speed: VERSION,
        model: model.to_owned(),
        machine: keep.machine.clone(),
        prefill: speed.prefill,
        decode: speed.decode,
    };
    folder.sweep();
    let mut file = folder.create()?;
    file.write_all(&serde_json::to_vec(&record)?)?;
    file.finish(&name(model, &keep.machine))
}

#[cfg(test)]
mod tests;
