//! `lowkey bench team`: a log of requests is written, and played against a server by several typists.

use std::sync::atomic::{AtomicU64, Ordering};

use lowkey_test_support::team_server::{Play, TeamServer};
use serde_json::{Value, json};

use super::{CODE, Folder, assert_fails, json_lines, repository, stdout};

/// Plays a server of the kind of vLLM that answers with `text`, and counts 40 prompt tokens for each
/// answer, 32 of them cached.
fn server(text: String) -> TeamServer {
    let answered = AtomicU64::new(0);
    TeamServer::start(move |request| match request.target.as_str() {
        "GET /v1/models" => Play::models("coder", "vllm"),
        "GET /metrics" => {
            let n = answered.load(Ordering::SeqCst);
            let text = format!(
                "vllm:prompt_tokens_total {}\nvllm:prefix_cache_hits_total {}\nvllm:generation_tokens_total {n}\n",
                40 * n,
                32 * n,
            );
            Play::Page(200, Vec::new(), text.into_bytes())
        }
        "POST /tokenize" => Play::json(404, &json!({})),
        _ => {
            answered.fetch_add(1, Ordering::SeqCst);
            Play::completion(&[&text])
        }
    })
}

/// Types two letters, 20 ms apart.
fn trace(folder: &Folder) -> String {
    let open = json!({"lowkey_trace": 1, "path": "a.py", "language": "python", "text": CODE});
    let key = |column: u32, text: &str| {
        let place = [5, column];
        json!({"dt_ms": 20, "edit": {"start": place, "end": place, "text": text}})
    };
    folder.file("a.jsonl", format!("{open}\n{}\n{}\n", key(19, "a"), key(20, "d")))
}

#[test]
fn log_is_played_by_several_typists() {
    let folder = Folder::new("team");
    let trace = trace(&folder);
    let logged = folder.lowkey(&["bench", "replay", "--requests", "a.log", &trace]);
    assert!(logged.status.success(), "{}", String::from_utf8_lossy(&logged.stderr));
    let log = std::fs::read_to_string(folder.0.join("a.log")).unwrap();
    assert!(log.starts_with("{\"lowkey_requests\":1,\"policy\":\"lowkey\",\"keys\":2,"), "{log}");
    assert!(log.lines().count() > 1, "{log}");

    // An answer to each request: it begins with the typed text that was left out of the prompt.
    let requests = log.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let starts = requests.map(|request| request["required_start"].as_str().unwrap().to_owned());
    let longest = starts.max_by_key(String::len).unwrap();
    let server = server(longest + "(");
    let url = server.url();
    let played = folder.lowkey(&[
        "bench",
        "team",
        "a.log",
        "--url",
        &url,
        "--typists",
        "1,2",
        "--seconds",
        "1",
        "--json",
    ]);
    let runs = json_lines(&played);
    assert_eq!(runs.len(), 2);
    for (run, n) in runs.iter().zip([1, 2]) {
        let requests = run["requests"].as_u64().unwrap();
        assert!(run["typists"] == n && requests > 0 && run["failed"] == 0, "{run}");
        assert!((run["hit_rate"].as_f64().unwrap() - 0.8).abs() < 1e-9, "{run}");
        let computed = run["computed_per_key"].as_f64().unwrap() * run["keys"].as_f64().unwrap();
        // The server counts requests that the typists cancelled, too.
        assert!(computed >= 8.0 && computed <= 8.0 * requests as f64 + 0.5, "{run}");
    }
    let asked = server.asked();
    assert!(asked.iter().all(|request| request.json["prompt"].as_str().is_some()));

    let table = folder.lowkey(&["bench", "team", "a.log", "--url", &url, "--seconds", "1"]);
    assert!(stdout(&table).contains("80.0 %"), "{}", stdout(&table));
}

#[test]
fn faults_have_a_next_step() {
    let folder = Folder::new("team-errors");
    folder.file("a.log", "no log\n");
    let fails = |args: &[&str], words: &[&str]| {
        assert_fails(&folder.lowkey(&[&["bench", "team", "a.log"], args].concat()), 1, words);
    };
    fails(&[], &["no server", "--url"]);
    fails(&["--url", "http://127.0.0.1:1", "--typists", "0"], &["from 1 to"]);
    fails(&["--url", "http://127.0.0.1:1"], &["a.log", "not that of a log"]);
}

#[test]
fn quality_bench_compares_answers_with_and_without_the_server() {
    let folder = repository("quality-refined");
    let bench = |more: &[&str]| {
        let args = ["bench", "quality", ".", "--refined", "--holes", "8"];
        folder.lowkey(&[&args, more].concat())
    };
    assert_fails(&bench(&[]), 1, &["no remote server", "remote_url"]);

    let team = server("zebra".to_owned());
    folder.file("none.toml", format!("remote_url = \"{}\"\n", team.url()));
    let mut rows = json_lines(&bench(&["--json", "--suggestion-threshold", "always"]));
    let summary = rows.pop().unwrap()["summary"]["refined"].clone();
    let count = |is: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| is(row)).count() as f64;
    let share = |name: &str| summary[name].as_f64().unwrap();
    assert_eq!((rows.len(), &summary["holes"]), (8, &json!(8)));
    let used = count(&|row| row["refined"]["used"] == true);
    assert!(used > 0.0 && !team.asked().is_empty(), "{summary}");
    assert!((share("used") - used / 8.0).abs() < 1e-9 && share("asked") >= share("used"));
    // No hole has this text, so the server only makes answers wrong.
    assert_eq!(share("right_instead_of_wrong"), 0.0);
    let lost = count(&|row| row["exact_match"] == true && row["refined"]["used"] == true);
    assert!((share("wrong_instead_of_right") - lost / 8.0).abs() < 1e-9, "{summary}");
    let left = share("local_exact") - share("wrong_instead_of_right");
    assert!((share("refined_exact") - left).abs() < 1e-9, "{summary}");

    let failing = TeamServer::start(|_| Play::json(500, &json!({"error": "no"})));
    folder.file("none.toml", format!("remote_url = \"{}\"\n", failing.url()));
    assert_fails(&bench(&["--suggestion-threshold", "always"]), 1, &["500", "--out"]);
}
