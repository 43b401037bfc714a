//! The part about the remote server: whether it can be reached, what it is, and how fast.
//!
//! The prompts are the holes of the self-test and have no text of the user, so a server's own error
//! message is shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lowkey_completer::plain::plain;
use lowkey_completer::settings::Settings;
use lowkey_completer::{
    Completer, CompletionRequest, RemoteCheck, RemoteError, RemoteSpeed, TimeLimit, Trigger,
    remote_config,
};
use lowkey_document::{Document, fixture};
use serde::Serialize;

use super::holes::HOLES;
use super::self_test::{self, Answered};

/// Holes that the server fills: one in each quarter of the list.
const N_HOLES: usize = 4;
/// Fewer right answers mean that the prompt does not fit the model.
const FLOOR: usize = 2;

/// Functions in the text for the speed and the prefix cache: about 500 tokens, because vLLM caches
/// blocks of up to 128 tokens.
const N_FUNCTIONS: usize = 20;

/// What was found out about the server.
#[derive(Debug, Default, Serialize)]
pub(super) struct RemoteFindings {
    /// Host and port.
    server: String,
    /// Why the server cannot be used; `null` if it can.
    problem: Option<String>,
    protocol: Option<&'static str>,
    model: Option<String>,
    /// Whether it takes the local model's token ids.
    shares_vocabulary: Option<bool>,
    round_trip_ms: Option<f64>,
    /// Holes of the self-test, and how many of them the server filled right.
    holes: usize,
    right: usize,
    answers: Vec<Answered>,
    seconds: f64,
    tokens_per_s: Option<f64>,
    /// Prompt tokens of a text that was sent twice, and how many were cached the second time.
    prompt_tokens: Option<usize>,
    cached_tokens: Option<usize>,
    /// Milliseconds to the first text, at the first and the second time.
    first_text_ms: Option<[f64; 2]>,
}

/// Examines the server of the settings; `None` if there is none.
pub(super) fn examine(completer: &Arc<Completer>, settings: &Settings) -> Option<RemoteFindings> {
    let mut found = RemoteFindings::default();
    let config = match remote_config(settings) {
        Ok(None) => return None,
        Ok(Some(config)) => config,
        Err(error) => {
            found.server = plain(&settings.remote_url);
            found.problem = Some(plain(error));
            return Some(found);
        }
    };
    found.server = plain(config.address.host());
    let check = RemoteCheck::new(completer, config);
    if let Err(error) = found.fill(&check) {
        found.problem = Some(match error.detail() {
            Some(detail) => plain(format_args!("{error}: {detail}")),
            None => plain(error),
        });
    }
    Some(found)
}

/// Returns a text that a model continues for many tokens.
fn long_text() -> String {
    let function =
        |n| format!("def area_{n}(width, height):\n    return width * height + {n}\n\n\n");
    let above: String = (0..N_FUNCTIONS).map(function).collect();
    format!("{above}def days_in_month(year, month):\n    $0\n")
}

fn to_ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

impl RemoteFindings {
    fn fill(&mut self, check: &RemoteCheck) -> Result<(), RemoteError> {
        let server = check.find()?;
        self.protocol = Some(server.dialect.name());
        self.model = Some(plain(&server.model));
        self.shares_vocabulary = Some(server.shares_vocabulary);
        self.round_trip_ms = Some(to_ms(check.round_trip()?));
        let began = Instant::now();
        for hole in HOLES.iter().step_by(HOLES.len() / N_HOLES) {
            let (request, snapshot) = self_test::request(hole);
            let answer = check.ask(request)?;
            self.holes += 1;
            let answered = self_test::judge(hole, &snapshot, &answer);
            self.right += usize::from(answered.right);
            self.answers.push(answered);
        }
        self.seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let (text, cursor) = fixture::parse(&long_text());
        let snapshot = Document::open("untitled:months.py", "python", 0, &text).snapshot();
        let long = CompletionRequest {
            trigger: Trigger::Invoked,
            multiline: Some(true),
            time_limit: TimeLimit::Unlimited,
            ..CompletionRequest::new(snapshot, cursor)
        };
        let RemoteSpeed { prompt_tokens, cached_tokens, first_text, tokens_per_s } =
            check.speed(long)?;
        self.tokens_per_s = tokens_per_s.map(f64::round);
        self.prompt_tokens = prompt_tokens;
        self.cached_tokens = cached_tokens;
        self.first_text_ms = Some(first_text.map(to_ms));
        Ok(())
    }

    /// Returns the rows of the screen: names and values.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        let model = self.model.as_deref().filter(|model| !model.is_empty());
        rows.push((
            "remote",
            match (&self.problem, self.protocol) {
                (Some(problem), None) => format!("{}: {problem}", self.server),
                (_, protocol) => format!(
                    "{} at {}, by the protocol {}",
                    model.unwrap_or("a model without a name"),
                    self.server,
                    protocol.unwrap_or("unknown")
                ),
            },
        ));
        let Some(shares) = self.shares_vocabulary else { return rows };
        let form = if shares {
            "token ids: it has the local model's vocabulary"
        } else {
            "text: its vocabulary is another one, or it does not tell"
        };
        rows.push(("is sent", form.to_owned()));
        if let Some(ms) = self.round_trip_ms {
            rows.push(("round trip", format!("{ms} ms")));
        }
        if self.holes > 0 {
            let Self { right, holes, seconds, .. } = self;
            let fits = if *right < FLOOR && *holes == N_HOLES {
                ": the prompt does not fit its model; try another remote_protocol"
            } else {
                ""
            };
            let count = format!("{right} of {holes} holes filled right, in {seconds} s{fits}");
            rows.push(("self-test", count));
        }
        if let Some([first, second]) = self.first_text_ms {
            let speed =
                self.tokens_per_s.map_or_else(String::new, |n| format!(", then {n} tokens/s"));
            rows.push(("speed", format!("first text after {second} ms{speed}")));
            let cache = match (self.cached_tokens, self.prompt_tokens) {
                (Some(0), _) => "it does not work: the same prompt was computed again".to_owned(),
                (Some(cached), Some(prompt)) => {
                    format!("it works: {cached} of {prompt} tokens of the same prompt were cached")
                }
                _ => format!(
                    "the server does not report it; first text after {first} ms, and after {second} ms for the same prompt"
                ),
            };
            rows.push(("its cache", cache));
        }
        if let Some(problem) = &self.problem {
            rows.push(("problem", problem.clone()));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(found: &RemoteFindings, name: &str) -> String {
        let rows = found.rows();
        let row = rows.iter().find(|(of, _)| *of == name);
        row.unwrap_or_else(|| panic!("{name} is not in {rows:?}")).1.clone()
    }

    #[test]
    fn unreachable_server_is_one_row() {
        let found = RemoteFindings {
            server: "gpu:8000".into(),
            problem: Some("cannot reach it".into()),
            ..RemoteFindings::default()
        };
        assert_eq!(found.rows(), [("remote", "gpu:8000: cannot reach it".to_owned())]);
    }

    #[test]
    fn prefix_cache_is_reported() {
        let found = RemoteFindings {
            protocol: Some("openai"),
            model: Some("coder".into()),
            shares_vocabulary: Some(true),
            holes: 4,
            right: 1,
            first_text_ms: Some([30.0, 10.0]),
            prompt_tokens: Some(40),
            ..RemoteFindings::default()
        };
        assert!(row(&found, "its cache").contains("does not report"));
        assert!(row(&found, "self-test").contains("does not fit"));
        let works = RemoteFindings { cached_tokens: Some(32), ..found };
        assert!(row(&works, "its cache").contains("it works: 32 of 40"));
        let broken = RemoteFindings { cached_tokens: Some(0), ..works };
        assert!(row(&broken, "its cache").contains("does not work"));
    }
}
