//! Results over all files: medians, 95th percentiles, and the table.

use std::collections::BTreeMap;

use serde::Serialize;

use super::scene::{SceneResult, SuggestionTiming};
use super::{FileResult, SCENES};
use crate::figures::percentile;

/// Results over all files.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    files: usize,
    model: String,
    typing_ms: u64,
    suggestion_threshold: String,
    /// Time from the process start to a ready model in an empty folder; it includes the measurement
    /// of the machine's speed.
    first_start_ms: f64,
    /// The same at each file's first start, with the data that the first start has saved.
    ready_ms: Percentiles,
    /// The same at the restart.
    restart_ready_ms: Percentiles,
    scenes: BTreeMap<&'static str, Scene>,
}

/// One scene over all files.
#[derive(Debug, Serialize)]
struct Scene {
    /// Files without a suggestion at any key.
    none: usize,
    ms_from_event: Percentiles,
    ms_from_first_key: Percentiles,
    /// The key with the first suggestion.
    first_key: Percentiles,
    /// First suggestions from the completion memory.
    first_from_memory: usize,
    /// The first computed suggestion, from its own request to its arrival; files without one are
    /// left out.
    first_computed_ms: Percentiles,
    keys: usize,
    shown: usize,
    empty: usize,
    deadline: usize,
    superseded: usize,
    /// Requests without a suggestion, by rule.
    silent: BTreeMap<String, usize>,
    prompt_sizes: BTreeMap<String, usize>,
    /// Mean per file.
    prefilled: f64,
    decoded: f64,
}

/// A median and a 95th percentile; `null` without a value. Files without a value count as the
/// slowest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Percentiles {
    p50: Option<f64>,
    p95: Option<f64>,
}

impl Percentiles {
    fn of(values: impl Iterator<Item = Option<f64>>) -> Self {
        let values: Vec<f64> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
        if values.is_empty() {
            return Self { p50: None, p95: None };
        }
        let at = |share| Some(percentile(&values, share)).filter(|value| value.is_finite());
        Self { p50: at(0.5), p95: at(0.95) }
    }
}

/// Summarizes the files.
pub(super) fn summarise(
    measured: &[FileResult],
    first_start_ms: f64,
    typing_ms: u64,
    suggestion_threshold: &str,
) -> Summary {
    let model = measured.first().map(|file| file.model.clone()).unwrap_or_default();
    let scene = |name: &'static str| {
        let results =
            || measured.iter().flat_map(|file| &file.scenes).filter(move |v| v.scene == name);
        let of_first = |value: fn(&SuggestionTiming) -> f64| {
            Percentiles::of(results().map(move |v| v.first.as_ref().map(value)))
        };
        let sum = |value: fn(&SceneResult) -> usize| results().map(value).sum();
        let mean = |value: fn(&SceneResult) -> u64| {
            results().map(value).sum::<u64>() as f64 / results().count().max(1) as f64
        };
        let total = |counts: fn(&SceneResult) -> &BTreeMap<String, usize>| {
            let mut total = BTreeMap::new();
            for (name, n) in results().flat_map(counts) {
                *total.entry(name.clone()).or_default() += n;
            }
            total
        };
        let from_memory = |first: &SuggestionTiming| first.source.as_deref() == Some("memory");
        Scene {
            none: results().filter(|result| result.first.is_none()).count(),
            ms_from_event: of_first(|first| first.ms_from_event),
            ms_from_first_key: of_first(|first| first.ms_from_first_key),
            first_key: of_first(|first| first.key as f64),
            first_from_memory: results()
                .filter(|v| v.first.as_ref().is_some_and(from_memory))
                .count(),
            first_computed_ms: Percentiles::of(
                results().filter_map(|v| v.first_computed.as_ref()).map(|c| Some(c.ms_of_request)),
            ),
            keys: sum(|result| result.keys),
            shown: sum(|result| result.shown),
            empty: sum(|result| result.empty),
            deadline: sum(|result| result.deadline),
            superseded: sum(|result| result.superseded),
            silent: total(|result| &result.silent),
            prompt_sizes: total(|result| &result.prompt_sizes),
            prefilled: mean(|result| result.tokens.prefilled),
            decoded: mean(|result| result.tokens.decoded),
        }
    };
    Summary {
        files: measured.len(),
        model,
        typing_ms,
        suggestion_threshold: suggestion_threshold.to_owned(),
        first_start_ms,
        ready_ms: Percentiles::of(measured.iter().map(|file| Some(file.ready_ms))),
        restart_ready_ms: Percentiles::of(measured.iter().map(|file| Some(file.restart_ready_ms))),
        scenes: SCENES.into_iter().map(|name| (name, scene(name))).collect(),
    }
}

impl Summary {
    /// Returns the table: one line per situation.
    pub(super) fn screen(&self) -> String {
        let Self { files, model, typing_ms, suggestion_threshold, .. } = self;
        let plural = if *files == 1 { "" } else { "s" };
        let unit = if *files == 1 { "milliseconds" } else { "milliseconds p50/p95" };
        let start = |name: &str, ms: &str| format!("{name:<12} {ms:>15}");
        let mut lines = vec![
            format!(
                "{files} file{plural}, model {model}, a key every {typing_ms} ms, suggestion_threshold {suggestion_threshold}; {unit}"
            ),
            format!(
                "{:<12} {:>15} {:>15} {:>9}  keys",
                "", "from the event", "from first key", "at key"
            ),
            start("first start", &format!("{:.0}", self.first_start_ms)),
            start("ready", &cell(self.ready_ms, *files)),
        ];
        for name in SCENES {
            if name == "reopen" {
                lines.push(start("restart", &cell(self.restart_ready_ms, *files)));
            }
            let Some(scene) = self.scenes.get(name) else { continue };
            lines.push(format!(
                "{name:<12} {:>15} {:>15} {:>9}  {}",
                cell(scene.ms_from_event, *files),
                cell(scene.ms_from_first_key, *files),
                cell(scene.first_key, *files),
                scene.describe_outcomes(*files),
            ));
        }
        lines.join("\n") + "\n"
    }
}

/// Returns the value of one file, or the median and the 95th percentile of several.
fn cell(spread: Percentiles, files: usize) -> String {
    let value = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.0}"));
    if files == 1 {
        value(spread.p50)
    } else {
        format!("{}/{}", value(spread.p50), value(spread.p95))
    }
}

impl Scene {
    /// Describes the outcomes of the keys' requests.
    fn describe_outcomes(&self, files: usize) -> String {
        let Self { keys, shown, empty, deadline, superseded, prefilled, decoded, .. } = self;
        let mut outcomes = vec![
            format!(
                "{keys}: {shown} shown, {empty} empty ({deadline} at the time limit), {superseded} superseded"
            ),
            format!("answers: {prefilled:.0} tokens prefilled, {decoded:.0} decoded"),
        ];
        let sizes = counted(&self.prompt_sizes, "unknown");
        if !sizes.is_empty() {
            outcomes.push(format!("prompts: {sizes}"));
        }
        match (self.none, files) {
            (0, _) => {}
            (_, 1) if !self.silent.is_empty() => {
                outcomes.insert(
                    0,
                    format!("none in {keys} keys (rules: {})", counted(&self.silent, "")),
                );
            }
            (_, 1) => outcomes.insert(0, format!("none in {keys} keys")),
            (none, _) => outcomes.push(format!("no suggestion at all in {none} files")),
        }
        if self.first_from_memory > 0 {
            let took = cell(self.first_computed_ms, files);
            let n = self.first_from_memory;
            outcomes.push(format!("{n} first from memory, the first computed one took {took} ms"));
        }
        outcomes.join("; ")
    }
}

/// Lists counts in words, except that of one name.
fn counted(counts: &BTreeMap<String, usize>, without: &str) -> String {
    let named = counts.iter().filter(|(name, _)| *name != without);
    named.map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(ms: &[Option<f64>; 4]) -> FileResult {
        let scenes = SCENES.iter().zip(ms).map(|(&scene, ms)| SceneResult {
            scene,
            keys: 10,
            first: ms.map(|ms| SuggestionTiming {
                key: 2,
                ms_from_event: ms,
                ..SuggestionTiming::default()
            }),
            deadline: 3,
            prompt_sizes: [("small".to_owned(), 4)].into(),
            ..SceneResult::default()
        });
        FileResult {
            file: "a.rs".into(),
            lines: 100,
            language: "rust".into(),
            model: "toy".into(),
            ready_ms: 5.0,
            restart_ready_ms: 6.0,
            scenes: scenes.collect(),
        }
    }

    #[test]
    fn file_without_suggestion_is_slowest() {
        let spread = |values: &[Option<f64>]| {
            let Percentiles { p50, p95 } = Percentiles::of(values.iter().copied());
            (p50, p95)
        };
        assert_eq!(spread(&[Some(3.0), Some(1.0), Some(2.0)]), (Some(2.0), Some(3.0)));
        assert_eq!(spread(&[Some(3.0), None, Some(2.0)]), (Some(3.0), None));
        assert_eq!(spread(&[None, None, Some(2.0)]), (None, None));
    }

    #[test]
    fn table_has_a_line_per_situation() {
        let one = [file(&[Some(400.4), None, Some(80.0), Some(90.0)])];
        let screen = summarise(&one, 7.0, 150, "always").screen();
        let line = |name: &str| screen.lines().find(|line| line.starts_with(name)).unwrap();
        assert_eq!(screen.lines().count(), 9, "{screen}");
        assert!(line("open").contains(" 400 ") && !line("open").contains("none"), "{screen}");
        assert!(line("jump").contains("none in 10 keys"), "{screen}");
        assert!(line("back").contains("(3 at the time limit)"), "{screen}");
        assert!(line("restart").trim_end().ends_with('6'), "{screen}");
        let other = file(&[Some(500.0), Some(300.0), Some(70.0), Some(90.0)]);
        let two = [one.into_iter().next().unwrap(), other];
        let summary = summarise(&two, 7.0, 150, "always");
        let screen = summary.screen();
        let line = |name: &str| screen.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("open").contains("400/500"), "{screen}");
        assert!(line("jump").contains("300/none"), "{screen}");
        assert!(line("jump").contains("no suggestion at all in 1 files"), "{screen}");
        assert!(line("reopen").contains("prompts: 8 small"), "{screen}");
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["scenes"]["jump"]["ms_from_event"]["p95"], serde_json::Value::Null);
        assert_eq!(json["scenes"]["open"]["keys"], 20);
    }
}
