//! What a run under load came to.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use lowkey_completer::RemoteConfig;
use lowkey_remote::ServerTotals;
use serde::Serialize;

use super::log::RequestLog;
use super::typist::Typed;
use crate::figures::percentile;

/// All typists of a run together.
#[derive(Debug, Clone, Default)]
pub(super) struct Load {
    typists: usize,
    time: Duration,
    all: Typed,
    /// What the server counted; `None` if it has no metrics.
    pub(super) server: Option<ServerTotals>,
    pub(super) model: String,
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Summary {
    typists: usize,
    keys: usize,
    keys_per_s: f64,
    requests: usize,
    /// Requests that the next one cancelled.
    cancelled: usize,
    failed: usize,
    /// Prompt tokens that the server computed, per key; null without metrics.
    computed_per_key: Option<f64>,
    decoded_per_key: Option<f64>,
    /// Share of the answered requests' prompt tokens that were in the server's cache.
    hit_rate: f64,
    ms_p50: f64,
    ms_p95: f64,
}

impl Load {
    pub(super) fn new(typists: usize, time: Duration) -> Self {
        Self { typists, time, ..Self::default() }
    }

    pub(super) fn add(&mut self, typed: Typed) {
        let Typed { keys, requests, ms, cancelled, failed, prompt, cached } = typed;
        self.all.keys += keys;
        self.all.requests += requests;
        self.all.ms.extend(ms);
        self.all.cancelled += cancelled;
        self.all.failed += failed;
        self.all.prompt += prompt;
        self.all.cached += cached;
    }

    pub(super) fn summary(&self) -> Summary {
        let Typed { keys, requests, ms, cancelled, failed, prompt, cached } = &self.all;
        let per_key = |tokens: u64| tokens as f64 / (*keys).max(1) as f64;
        Summary {
            typists: self.typists,
            keys: *keys,
            keys_per_s: *keys as f64 / self.time.as_secs_f64(),
            requests: *requests,
            cancelled: *cancelled,
            failed: *failed,
            computed_per_key: self.server.map(|server| per_key(server.prompt)),
            decoded_per_key: self.server.map(|server| per_key(server.decoded)),
            hit_rate: *cached as f64 / (*prompt).max(1) as f64,
            ms_p50: percentile(ms, 0.5),
            ms_p95: percentile(ms, 0.95),
        }
    }

    /// Returns the run's line of the table.
    pub(super) fn line(&self) -> String {
        let s = self.summary();
        let tokens = |value: Option<f64>| value.map_or("unknown".to_owned(), |n| format!("{n:.1}"));
        format!(
            "{:>7} {:>7} {:>7.1} {:>9} {:>9} {:>7} {:>10} {:>9} {:>8.1} % {:>8.0} {:>8.0}",
            s.typists,
            s.keys,
            s.keys_per_s,
            s.requests,
            s.cancelled,
            s.failed,
            tokens(s.computed_per_key),
            tokens(s.decoded_per_key),
            s.hit_rate * 100.0,
            s.ms_p50,
            s.ms_p95,
        )
    }
}

/// Returns the table of all runs.
pub(super) fn table(lines: &[String], logs: &[Arc<RequestLog>], config: &RemoteConfig) -> String {
    let policies: Vec<&str> = logs.iter().map(|log| log.head.policy.as_str()).collect();
    let (keys, ms) =
        logs.iter().fold((0, 0), |(keys, ms), log| (keys + log.head.keys, ms + log.head.ms));
    let mut table = format!(
        "{} logs of {}: {keys} keys in {} s, at {}\n\n{:>7} {:>7} {:>7} {:>9} {:>9} {:>7} {:>10} {:>9} {:>10} {:>8} {:>8}\n",
        logs.len(),
        policies.first().unwrap_or(&""),
        ms / 1000,
        config.address.host(),
        "typists",
        "keys",
        "keys/s",
        "requests",
        "cancelled",
        "failed",
        "computed",
        "decoded",
        "in cache",
        "ms p50",
        "ms p95",
    );
    for line in lines {
        let _ = writeln!(table, "{line}");
    }
    table.push_str(
        "\ncomputed, decoded: tokens per key, as the server counts them; in cache: share of the prompt tokens of \
         answered requests; ms: to whole answers.\n",
    );
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_per_key() {
        let mut load = Load::new(2, Duration::from_secs(10));
        let typed = Typed {
            keys: 50,
            requests: 10,
            ms: vec![10.0, 20.0],
            cancelled: 8,
            failed: 0,
            prompt: 200,
            cached: 150,
        };
        load.add(typed.clone());
        load.add(typed);
        load.server = Some(ServerTotals { prompt: 500, decoded: 40 });
        let summary = load.summary();
        assert_eq!((summary.keys, summary.keys_per_s, summary.requests), (100, 10.0, 20));
        assert_eq!((summary.computed_per_key, summary.decoded_per_key), (Some(5.0), Some(0.4)));
        assert_eq!((summary.hit_rate, summary.ms_p50, summary.ms_p95), (0.75, 10.0, 20.0));
        assert!(load.line().contains("75.0 %"), "{}", load.line());
    }
}
