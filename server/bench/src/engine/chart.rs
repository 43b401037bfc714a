//! The figures of a run as bars, which `screen.rs` draws.

use super::result::{ByTokens, Outcome};

/// A chart: what ran where, bars in sections, and what has no bar.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    /// The model.
    pub(super) title: String,
    /// How it was measured.
    pub(super) subtitle: String,
    /// Bars of one scale each.
    pub(super) sections: Vec<Section>,
    /// One line each.
    pub(super) notes: Vec<String>,
}

/// Bars that are compared with one another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Section {
    /// The measured quantity, and which way is better.
    pub(super) name: String,
    /// In order.
    pub(super) bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    /// What it stands for.
    pub(super) label: String,
    /// Its length.
    pub(super) value: f64,
    /// The value in words, with its unit.
    pub(super) text: String,
    /// What else there is to say.
    pub(super) note: String,
}

impl Chart {
    /// Puts a run into bars.
    pub(super) fn of(run: &Outcome) -> Self {
        let rates = |medians: &ByTokens<f64>,
                     ranges: &ByTokens<[f64; 2]>,
                     share: &ByTokens<f64>,
                     of: &str,
                     label: &dyn Fn(usize) -> String| {
            let bar = |(at, (tokens, value)): (usize, &(usize, f64))| {
                let [low, high] = ranges.0.get(at).map_or([0.0; 2], |(_, range)| *range);
                let share =
                    share.0.get(at).map(|(_, share)| format!(", {:.0} % of {of}", share * 100.0));
                Bar {
                    label: label(*tokens),
                    value: *value,
                    text: format!("{} tok/s", number(*value)),
                    note: format!("{}–{}{}", number(low), number(high), share.unwrap_or_default()),
                }
            };
            medians.0.iter().enumerate().map(bar).collect::<Vec<_>>()
        };
        let times = |medians: &ByTokens<f64>,
                     ranges: &ByTokens<[f64; 2]>,
                     label: &dyn Fn(usize) -> String| {
            let bar = |(at, (tokens, value)): (usize, &(usize, f64))| {
                let [low, high] = ranges.0.get(at).map_or([0.0; 2], |(_, range)| *range);
                Bar {
                    label: label(*tokens),
                    value: *value,
                    text: format!("{} ms", number(*value)),
                    note: format!("{}–{}", number(low), number(high)),
                }
            };
            medians.0.iter().enumerate().map(bar).collect::<Vec<_>>()
        };
        let drafts = run.draft_verify.0.iter().zip(&run.draft_verify_ms.0);
        let cached = run.append_cached;
        let sections = vec![
            Section {
                name: "prefill, longer is better".to_owned(),
                bars: rates(
                    &run.prefill,
                    &run.prefill_range,
                    &run.share.prefill,
                    "the int8 limit",
                    &n_tokens,
                ),
            },
            Section {
                name: "decode, longer is better".to_owned(),
                bars: rates(
                    &run.decode,
                    &run.decode_range,
                    &run.share.decode,
                    "the memory limit",
                    &|n| format!("at {n}"),
                ),
            },
            Section {
                name: format!("append to {cached} cached until the first token, shorter is better"),
                bars: times(&run.append, &run.append_range, &n_tokens),
            },
            Section {
                name: format!("append to {cached} cached and decode 8, shorter is better"),
                bars: times(&run.append_and_8, &run.append_and_8_range, &n_tokens),
            },
            Section {
                name: "called off in the middle, until it stops".to_owned(),
                bars: times(&run.cancel_ms, &run.cancel_ms_range, &n_tokens),
            },
            Section {
                name: "verify a draft, in decode steps".to_owned(),
                bars: drafts
                    .map(|((tokens, steps), (_, ms))| Bar {
                        label: n_tokens(*tokens),
                        value: *steps,
                        text: format!("{steps:.2} ×"),
                        note: format!("{} ms", number(*ms)),
                    })
                    .collect(),
            },
        ];
        Self {
            title: run.model.clone(),
            subtitle: format!("{}, {} rounds: medians and ranges", place(run), run.rounds),
            sections: sections.into_iter().filter(|section| !section.bars.is_empty()).collect(),
            notes: notes(run),
        }
    }
}

/// What it ran on.
fn place(run: &Outcome) -> String {
    match run.device.as_str() {
        "cpu" => format!("{} threads, {} kernels", run.threads, run.kernels),
        device => format!("on {device}"),
    }
}

fn notes(run: &Outcome) -> Vec<String> {
    let mb = |mb: Option<f64>| {
        mb.map_or_else(|| "unknown".to_owned(), |mb| format!("{} MB", number(mb)))
    };
    let int8 = run.roofline.int8_gop_s;
    let mut notes = vec![
        format!("loaded in {} ms", number(run.load_ms)),
        format!(
            "memory: {} held, {} at most; weights {} MB, KV cache {} MB",
            mb(run.memory_mb),
            mb(run.memory_peak_mb),
            number(run.weights_mb),
            number(run.kv_mb)
        ),
        format!(
            "the machine: reads {} GB/s, multiplies {}{}",
            number(run.roofline.read_gb_s),
            int8.map_or_else(
                || "bytes without an instruction for it".to_owned(),
                |rate| format!("{} int8 GOP/s", number(rate))
            ),
            run.roofline.round_trip_ns.map_or_else(String::new, |ns| {
                format!(", passes a cache line to the other core and back in {} ns", number(ns))
            })
        ),
    ];
    notes.extend(run.skipped.iter().map(|row| format!("skipped {row}")));
    notes
}

fn n_tokens(n: usize) -> String {
    if n == 1 { "1 token".to_owned() } else { format!("{n} tokens") }
}

/// Three digits or the whole part, thousands apart.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    let plain = format!("{value:.digits$}");
    match plain.len().checked_sub(3) {
        Some(at) if digits == 0 && at > 0 => match (plain.get(..at), plain.get(at..)) {
            (Some(thousands), Some(rest)) => format!("{thousands},{rest}"),
            _ => plain,
        },
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let given = [0.0, 1.234, 12.34, 99.97, 123.4, 1234.0, 23_456.0];
        let expected = ["0.00", "1.23", "12.3", "100", "123", "1,234", "23,456"];
        assert_eq!(given.map(number), expected);
    }
}
