//! `lowkey demo`: types a short session with the real server and draws each keystroke.
//!
//! The command starts a child server and talks to it as an editor does. The typist knows the final
//! text. It accepts the matching part of a suggestion, whole, by line or by word, and types
//! otherwise. Each key gives one line: the text with the ghost text, the latency and the number of
//! prompt tokens computed.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use lowkey_bench::client::Client;
use lowkey_bench::figures::{mean, percentile};
use lowkey_bench::simulated_user::{Action, decide};
use lowkey_terminal::stdout::{has_styles, print_styled};
use lowkey_terminal::style::{ACCEPTED, BOLD, GHOST, QUIET};
use serde_json::{Value, json};

/// Arguments of `lowkey demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Milliseconds between keys [default: 70 on a terminal, 0 elsewhere]
    #[arg(long, value_name = "MS")]
    pace: Option<u64>,
}

/// The typed text: the file around the cursor, and the text to insert.
struct Session {
    path: &'static str,
    language: &'static str,
    above: &'static str,
    typed: &'static str,
    below: &'static str,
}

const SESSIONS: &[Session] = &[
    Session {
        path: "src/stack.rs",
        language: "rust",
        above: include_str!("demo/stack_above.txt"),
        typed: include_str!("demo/stack_typed.txt"),
        below: include_str!("demo/stack_below.txt"),
    },
    Session {
        path: "inventory.py",
        language: "python",
        above: include_str!("demo/inventory_above.txt"),
        typed: include_str!("demo/inventory_typed.txt"),
        below: include_str!("demo/inventory_below.txt"),
    },
];

/// Drawn lines are cut to this many characters.
const DRAWN_CHARS: usize = 64;

/// The cost and the result of one key.
struct Key {
    ms: f64,
    prefilled: u64,
    from_memory: bool,
    accepted_chars: usize,
    /// The number of keys that accept them.
    accepting: usize,
    /// Whether the next key differs from the suggestion.
    typed_over: bool,
}

pub(super) fn run(
    args: &Args,
    model: Option<&str>,
    threads: Option<usize>,
    settings: &Value,
) -> anyhow::Result<()> {
    let pace = args.pace.unwrap_or(if std::io::stdout().is_terminal() { 70 } else { 0 });
    let pace = Duration::from_millis(pace);
    let started = Instant::now();
    let mut client = Client::start(&super::executable()?, model, threads)?;
    client.request(
        "initialize",
        &json!({
            "processId": null, "rootUri": null,
            "capabilities": {
                "textDocument": {"inlineCompletion": {}},
                "general": {"positionEncodings": ["utf-16"]},
            },
            // Each run starts without saved data and leaves none.
            //
            // Every suggestion is shown, and none is counted in the user's statistics.
            "initializationOptions": {
                "persistent_cache": false,
                "quantize": settings.get("quantize"), "device": settings.get("device"),
                "statistics": false, "suggestion_threshold": "always",
            },
        }),
    )?;
    let initialized_ms = started.elapsed().as_secs_f64() * 1e3;
    client.notify("initialized", &json!({}))?;
    let mut keys = Vec::new();
    let mut first_ms = None;
    for session in SESSIONS {
        let mut typist = Typist::open(&mut client, session)?;
        typist.wait_for_model()?;
        first_ms.get_or_insert_with(|| started.elapsed().as_secs_f64() * 1e3);
        let model = typist.explain()?;
        let model = model.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        print_styled(&format!(
            "\n{BOLD}{}{BOLD:#}  {QUIET}model {model}, no network{QUIET:#}\n",
            session.path
        ))?;
        keys.extend(typist.play(pace)?);
    }
    summary(&keys, initialized_ms, first_ms.unwrap_or_default())
}

struct Typist<'a> {
    client: &'a mut Client,
    session: &'a Session,
    uri: String,
    version: i32,
    /// Bytes of `session.typed` that are in the document.
    n_typed: usize,
}

impl<'a> Typist<'a> {
    fn open(client: &'a mut Client, session: &'a Session) -> anyhow::Result<Self> {
        let uri = format!("untitled:{}", session.path);
        let text = format!("{}{}", session.above, session.below);
        client.notify(
            "textDocument/didOpen",
            &json!({"textDocument": {
                "uri": uri, "languageId": session.language, "version": 0, "text": text,
            }}),
        )?;
        Ok(Self { client, session, uri, version: 0, n_typed: 0 })
    }

    fn wait_for_model(&mut self) -> anyhow::Result<()> {
        loop {
            self.ask()?;
            let report = self.explain()?;
            match report.get("silent").and_then(Value::as_str) {
                Some("loading") => {}
                Some("no-model") => {
                    let why = report.pointer("/why/0").and_then(Value::as_str);
                    anyhow::bail!("{}", why.unwrap_or("there is no model"));
                }
                _ => return Ok(()),
            }
        }
    }

    fn play(&mut self, pace: Duration) -> anyhow::Result<Vec<Key>> {
        let mut keys = Vec::new();
        while let Some(next) = self.rest().chars().next() {
            std::thread::sleep(pace);
            self.insert(&next.to_string())?;
            let asked = Instant::now();
            let ghost = self.ask()?;
            let ms = asked.elapsed().as_secs_f64() * 1e3;
            let report = self.explain()?;
            let count = |path| report.pointer(path).and_then(Value::as_u64).unwrap_or(0);
            let rest = self.rest();
            let ends: Vec<_> = rest.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
            let action =
                if ghost.is_empty() { Action::Continue } else { decide(&ghost, rest, &ends) };
            let (taken, accepted_chars, accepting) = match action {
                Action::Accept { bytes, steps, keys } => (bytes, steps, keys),
                Action::Continue | Action::Reject => (0, 0, 0),
            };
            let key = Key {
                ms,
                prefilled: count("/tokens/prefilled"),
                from_memory: report.get("source").and_then(Value::as_str) == Some("memory"),
                accepted_chars,
                accepting,
                typed_over: action == Action::Reject,
            };
            self.draw(&ghost, &key, next)?;
            keys.push(key);
            if let Some(taken) = ghost.get(..taken).filter(|taken| !taken.is_empty()) {
                self.insert(taken)?;
            }
        }
        Ok(keys)
    }

    fn rest(&self) -> &'a str {
        self.session.typed.get(self.n_typed..).unwrap_or_default()
    }

    fn done(&self) -> &'a str {
        self.session.typed.get(..self.n_typed).unwrap_or_default()
    }

    /// Returns the cursor as an LSP position.
    fn cursor(&self) -> Value {
        let before = format!("{}{}", self.session.above, self.done());
        let line = before.matches('\n').count();
        let last = before.rsplit('\n').next().unwrap_or_default();
        json!({"line": line, "character": last.encode_utf16().count()})
    }

    fn insert(&mut self, text: &str) -> anyhow::Result<()> {
        let at = self.cursor();
        self.version += 1;
        self.n_typed += text.len();
        self.client.notify(
            "textDocument/didChange",
            &json!({
                "textDocument": {"uri": self.uri, "version": self.version},
                "contentChanges": [{"range": {"start": at, "end": at}, "text": text}],
            }),
        )
    }

    /// Requests a completion; returns the text that it inserts after the cursor.
    fn ask(&mut self) -> anyhow::Result<String> {
        let position = self.cursor();
        let result = self.client.request(
            "textDocument/inlineCompletion",
            &json!({
                "textDocument": {"uri": self.uri}, "position": position,
                "context": {"triggerKind": 2},
            }),
        )?;
        let item = result.pointer("/items/0");
        let text = item.and_then(|i| i.get("insertText")).and_then(Value::as_str);
        let start = item.and_then(|i| i.pointer("/range/start/character")).and_then(Value::as_u64);
        let column = position.get("character").and_then(Value::as_u64).unwrap_or(0);
        // The item repeats the text from its range's start to the cursor.
        let n_repeated = column.saturating_sub(start.unwrap_or(column)) as usize;
        let ghost: Vec<u16> = text.unwrap_or_default().encode_utf16().skip(n_repeated).collect();
        Ok(String::from_utf16_lossy(&ghost))
    }

    fn explain(&mut self) -> anyhow::Result<Value> {
        self.client.request("$/lowkey/explain", &json!({"textDocument": {"uri": self.uri}}))
    }

    fn draw(&self, ghost: &str, key: &Key, typed: char) -> anyhow::Result<()> {
        let line = self.done().rsplit('\n').next().unwrap_or_default();
        let n_line = line.chars().count();
        let line: String = line.chars().skip(n_line.saturating_sub(DRAWN_CHARS)).collect();
        let mut shown = ghost.lines().next().unwrap_or_default().to_owned();
        if ghost.contains('\n') {
            shown.push_str(" …");
        }
        let style = if key.accepted_chars > 0 { ACCEPTED } else { GHOST };
        let shown = match (shown.is_empty(), has_styles()) {
            (true, _) => String::new(),
            (false, true) => format!("{style}{shown}{style:#}"),
            (false, false) => format!("⟨{shown}⟩"),
        };
        let cost =
            if key.from_memory { "memory".to_owned() } else { format!("{} tok", key.prefilled) };
        let name = match typed {
            '\n' => "⏎".to_owned(),
            ' ' => "␣".to_owned(),
            other => other.to_string(),
        };
        let tab = if key.accepted_chars > 0 { "  ⇥" } else { "" };
        let figures = format!("{name}  {:>7.1} ms  {cost:>8}", key.ms);
        print_styled(&format!("  {QUIET}{figures}{QUIET:#}  │ {line}{shown}{tab}\n"))
    }
}

fn summary(keys: &[Key], initialized_ms: f64, first_ms: f64) -> anyhow::Result<()> {
    let of = |value: &dyn Fn(&Key) -> f64| keys.iter().map(value).collect::<Vec<_>>();
    let ms = of(&|key| key.ms);
    let prefilled = of(&|key| key.prefilled as f64);
    let n = keys.len().max(1) as f64;
    let accepted: usize = keys.iter().map(|key| key.accepted_chars).sum();
    let typed = keys.len();
    let accepting: usize = keys.iter().map(|key| key.accepting).sum();
    let typed_over = keys.iter().filter(|key| key.typed_over).count();
    let saved = accepted as i64 - accepting as i64 - typed_over as i64;
    let from_memory = keys.iter().filter(|key| key.from_memory).count();
    print_styled(&format!(
        "\n{BOLD}{typed} keys{BOLD:#}\n  keystrokes saved     {:.0} %: {accepted} of {} characters accepted with {accepting} keys, \
         {typed_over} suggestions typed over\n  latency per key      p50 {:.1} ms, p95 {:.1} ms\n  \
         tokens prefilled     median {:.0}, mean {:.1} per key\n  \
         answered from memory {:.0} % of keys\n  \
         gate                 off: every suggestion is drawn, at any probability (`suggestion_threshold` = \"always\")\n  \
         start                initialize answered after {initialized_ms:.0} ms, model ready after {first_ms:.0} ms\n",
        saved as f64 / (typed + accepted).max(1) as f64 * 100.0,
        typed + accepted,
        percentile(&ms, 0.5),
        percentile(&ms, 0.95),
        percentile(&prefilled, 0.5),
        mean(&prefilled),
        from_memory as f64 / n * 100.0,
    ))
}
