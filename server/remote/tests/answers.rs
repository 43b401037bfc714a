//! Texts of servers of each protocol, and how a call ends them early.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use lowkey_remote::{
    Address, ApiKey, Ask, Dialect, Flow, PromptParts, Remote, RemoteConfig, RemoteEnd, RemoteError,
    RemotePrompt, RemoteProtocol, RemoteState, RemoteText, VocabularySample,
};
use lowkey_test_support::team_server::{Play, PlayEnd, TeamRequest, TeamServer, completion_events};
use serde_json::json;

fn remote(server: &TeamServer) -> Remote {
    let address = Address::parse(&server.url(), false).unwrap();
    Remote::new(RemoteConfig::new(address, "", RemoteProtocol::Auto), |_| {})
}

fn ask() -> Ask {
    Ask {
        prompt: RemotePrompt {
            tokens: vec![7, 8, 9],
            text: "<pre>a<suf>c<mid>b".into(),
            parts: PromptParts {
                prefix: "a".into(),
                middle: "b".into(),
                suffix: "c".into(),
                extras: Vec::new(),
            },
        },
        max_tokens: 64,
        vocabulary: Some(Arc::new(VocabularySample { text: "<pre>x".into(), tokens: vec![7, 5] })),
        ..Ask::default()
    }
}

fn vllm(request: &TeamRequest, tokens: &[u32]) -> Option<Play> {
    match request.target.as_str() {
        "GET /v1/models" => Some(Play::models("coder", "vllm")),
        "POST /tokenize" => Some(Play::json(200, &json!({"count": 2, "tokens": tokens}))),
        _ => None,
    }
}

type Answered = Result<RemoteText, RemoteError>;

/// Asks on a thread of its own; returns the ticket and the result's channel.
fn start(
    remote: &Remote,
    ask: Ask,
    on_text: impl FnMut(&str, &[f32]) -> Flow + Send + 'static,
) -> (lowkey_remote::RemoteTicket, Receiver<Answered>) {
    let (to_done, done) = channel();
    let ticket = remote.ask(
        move || Some(ask),
        on_text,
        move |result| {
            let _ = to_done.send(result);
        },
    );
    (ticket.unwrap(), done)
}

#[test]
fn vllm_gets_ids_if_it_has_the_vocabulary() {
    let server = TeamServer::start(|request| {
        vllm(request, &[7, 5]).unwrap_or_else(|| Play::completion(&["x", " = 1"]))
    });
    let remote = remote(&server);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let (_ticket, done) = start(&remote, ask(), move |text, log_probs| {
        log.lock().unwrap().push((text.to_owned(), log_probs.len()));
        Flow::Continue
    });
    let text = done.recv().unwrap().unwrap();
    assert_eq!((text.text.as_str(), text.log_probs.as_slice()), ("x = 1", &[-0.1, -0.1][..]));
    assert_eq!((text.end, text.form, text.model.as_str()), (RemoteEnd::Stop, "token ids", "coder"));
    assert_eq!((text.counts.prompt, text.counts.cached), (Some(40), Some(32)));
    assert_eq!(*seen.lock().unwrap(), [("x".to_owned(), 1), ("x = 1".to_owned(), 2)]);
    let asked = server.asked();
    assert_eq!(asked[0].json["prompt"], json!([7, 8, 9]));
    assert_eq!(
        (&asked[0].json["model"], &asked[0].json["stream"]),
        (&json!("coder"), &json!(true))
    );
    assert_eq!(remote.state(), RemoteState::Working { model: "coder".into() });
    assert!(remote.usual_time().is_some());
}

#[test]
fn other_vocabularies_get_text() {
    let server = TeamServer::start(|request| {
        vllm(request, &[7, 6]).unwrap_or_else(|| Play::completion(&["x"]))
    });
    let text = remote(&server).ask_now(&ask(), &mut |_, _| Flow::Continue).unwrap();
    assert_eq!(text.form, "text with sentinels");
    assert_eq!(server.asked()[0].json["prompt"], "<pre>a<suf>c<mid>b");
}

#[test]
fn llama_server_and_ollama_are_recognized() {
    let llama = TeamServer::start(|request| match request.target.as_str() {
        "GET /v1/models" => Play::models("any.gguf", "llamacpp"),
        "POST /infill" => {
            let last = json!({"content": "", "stop": true, "stop_type": "eos"});
            let first = json!({"content": "x", "stop": false});
            let events = [first, last].map(|event| format!("data: {event}\n\n").into_bytes());
            Play::Stream(events.to_vec(), PlayEnd::Whole)
        }
        _ => Play::json(404, &json!({"error": {"code": 404, "message": "File Not Found"}})),
    });
    let text = remote(&llama).ask_now(&ask(), &mut |_, _| Flow::Continue).unwrap();
    assert_eq!((text.text.as_str(), text.form), ("x", "prefix and suffix"));
    assert_eq!(llama.asked()[0].json["input_prefix"], "a");
    let ollama = TeamServer::start(|request| match request.target.as_str() {
        "GET /v1/models" => Play::models("coder:latest", "library"),
        "GET /api/version" => Play::json(200, &json!({"version": "0.40.0"})),
        "POST /api/generate" => {
            let lines = b"{\"response\":\"x\",\"done\":false}\n{\"response\":\"\",\"done\":true}\n";
            Play::Stream(vec![lines.to_vec()], PlayEnd::Whole)
        }
        other => panic!("{other} was asked"),
    });
    assert_eq!(remote(&ollama).check(None).unwrap().dialect, Dialect::Ollama);
    let text = remote(&ollama).ask_now(&ask(), &mut |_, _| Flow::Continue).unwrap();
    assert_eq!((text.text.as_str(), text.log_probs.len()), ("x", 0));
    assert_eq!(ollama.asked()[0].json["model"], "coder:latest");
}

#[test]
fn context_length_is_what_the_server_reports() {
    let model = json!({"id": "coder", "owned_by": "vllm", "max_model_len": 4096});
    let vllm = TeamServer::start(move |request| match request.target.as_str() {
        "GET /v1/models" => Play::json(200, &json!({"data": [model]})),
        _ => Play::json(404, &json!({"detail": "Not Found"})),
    });
    let remote_vllm = remote(&vllm);
    assert_eq!(remote_vllm.context_length(), None, "nothing was asked yet");
    assert_eq!(remote_vllm.check(None).unwrap().context_length, Some(4096));
    assert_eq!(remote_vllm.context_length(), Some(4096));
    let llama = TeamServer::start(|request| match request.target.as_str() {
        "GET /v1/models" => Play::models("any.gguf", "llamacpp"),
        "GET /props" => Play::json(200, &json!({"default_generation_settings": {"n_ctx": 2048}})),
        other => panic!("{other} was asked"),
    });
    assert_eq!(remote(&llama).check(None).unwrap().context_length, Some(2048));
}

#[test]
fn key_is_sent_and_connection_is_reused() {
    let server = TeamServer::start(|request| {
        vllm(request, &[7, 5]).unwrap_or_else(|| Play::completion(&["x"]))
    });
    let address = Address::parse(&server.url(), false).unwrap();
    let config = RemoteConfig {
        key: Some(ApiKey::new("sk-1").unwrap()),
        ..RemoteConfig::new(address, "coder", RemoteProtocol::OpenAi)
    };
    let remote = Remote::new(config, |_| {});
    for _ in 0..3 {
        remote.ask_now(&ask(), &mut |_, _| Flow::Continue).unwrap();
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 5, "the server is described once: {requests:?}");
    for request in requests {
        assert_eq!(request.authorization.as_deref(), Some("Bearer sk-1"));
        assert_eq!(request.connection, 0, "{}", request.target);
    }
}

#[test]
fn idle_connection_that_the_server_closed_is_replaced() {
    let n_asked = Arc::new(Mutex::new(0));
    let server = TeamServer::start(move |request| {
        vllm(request, &[7, 5]).unwrap_or_else(|| {
            let mut n_asked = n_asked.lock().unwrap();
            *n_asked += 1;
            // The second request finds the connection closed.
            if *n_asked == 2 { Play::Raw(Vec::new()) } else { Play::completion(&["x"]) }
        })
    });
    let remote = remote(&server);
    for _ in 0..2 {
        assert_eq!(remote.ask_now(&ask(), &mut |_, _| Flow::Continue).unwrap().text, "x");
    }
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn required_start_is_removed() {
    let answer = |tokens: &'static [&'static str]| {
        let server = TeamServer::start(move |request| {
            vllm(request, &[7, 5]).unwrap_or_else(|| Play::completion(tokens))
        });
        let ask = Ask { required_start: "  ".into(), ..ask() };
        remote(&server).ask_now(&ask, &mut |_, _| Flow::Continue).unwrap().text
    };
    assert_eq!(answer(&[" ", " x", "y"]), "xy");
    assert_eq!(answer(&["  xy"]), "xy");
    assert_eq!(answer(&[" ", "xy", "z"]), "", "the model writes something else");
}

#[test]
fn other_start_is_asked_again_with_the_typed_text() {
    let server = TeamServer::start(|request| {
        vllm(request, &[7, 6]).unwrap_or_else(|| match request.json["prompt"].as_str() {
            Some("whole") => Play::completion(&["ngth", "()"]),
            _ => Play::completion(&["size", "()"]),
        })
    });
    let whole = RemotePrompt { text: "whole".into(), ..RemotePrompt::default() };
    let ask = Ask { required_start: "le".into(), unhealed: Some(whole), ..ask() };
    let mut seen = Vec::new();
    let text = remote(&server).ask_now(&ask, &mut |text, _| {
        seen.push(text.to_owned());
        Flow::Continue
    });
    assert_eq!(text.unwrap().text, "ngth()");
    assert_eq!(seen, ["ngth", "ngth()"], "text of the first answer is not passed on");
    assert_eq!(server.asked().len(), 2);
}

/// Answers the text "x", and holds the connection.
fn held() -> TeamServer {
    TeamServer::start(|request| {
        vllm(request, &[7, 5]).unwrap_or_else(|| {
            let mut events = completion_events(&["x"]);
            events.truncate(1);
            Play::Stream(events, PlayEnd::Hold)
        })
    })
}

#[test]
fn stop_rule_closes_the_connection() {
    let server = held();
    let text = remote(&server).ask_now(&ask(), &mut |_, _| Flow::Stop).unwrap();
    assert_eq!((text.text.as_str(), text.end), ("x", RemoteEnd::Caller));
    server.wait_for_close();
}

#[test]
fn cancelled_call_closes_the_connection() {
    let server = held();
    let remote = remote(&server);
    let (to_seen, seen) = channel();
    let (ticket, done) = start(&remote, ask(), move |_, _| {
        to_seen.send(()).unwrap();
        Flow::Continue
    });
    seen.recv().unwrap();
    // The call's thread waits for the next bytes now.
    ticket.cancel();
    server.wait_for_close();
    assert_eq!(done.recv().unwrap(), Err(RemoteError::Cancelled));
    assert_eq!(remote.state(), RemoteState::Unused, "the server is not to blame");
    // A dropped ticket does the same, and the next call gets a new connection.
    let (to_seen, seen) = channel();
    let (ticket, done) = start(&remote, ask(), move |_, _| {
        to_seen.send(()).unwrap();
        Flow::Continue
    });
    seen.recv().unwrap();
    drop(ticket);
    server.wait_for_close();
    assert_eq!(done.recv().unwrap(), Err(RemoteError::Cancelled));
}

#[test]
fn call_that_waits_for_the_first_byte_is_cancelled() {
    let server = TeamServer::start(|request| {
        vllm(request, &[7, 5]).unwrap_or_else(|| Play::Stream(Vec::new(), PlayEnd::Hold))
    });
    let remote = remote(&server);
    let (ticket, done) = start(&remote, ask(), |_, _| Flow::Continue);
    let began = std::time::Instant::now();
    while server.asked().is_empty() {
        assert!(began.elapsed().as_secs() < 60, "the server was not asked");
        std::thread::yield_now();
    }
    drop(ticket);
    server.wait_for_close();
    assert_eq!(done.recv().unwrap(), Err(RemoteError::Cancelled));
}

#[test]
fn cancelled_call_is_not_sent_again_on_a_new_connection() {
    let n_asked = Arc::new(Mutex::new(0));
    let server = TeamServer::start(move |request| {
        vllm(request, &[7, 5]).unwrap_or_else(|| {
            let mut n_asked = n_asked.lock().unwrap();
            *n_asked += 1;
            // The second request waits for its answer on the first one's connection.
            if *n_asked == 1 { Play::completion(&["x"]) } else { Play::Silence }
        })
    });
    let remote = remote(&server);
    remote.ask_now(&ask(), &mut |_, _| Flow::Continue).unwrap();
    let (ticket, done) = start(&remote, ask(), |_, _| Flow::Continue);
    while server.asked().len() < 2 {
        std::thread::yield_now();
    }
    drop(ticket);
    assert_eq!(done.recv().unwrap(), Err(RemoteError::Cancelled));
    assert_eq!(server.asked().len(), 2);
}
