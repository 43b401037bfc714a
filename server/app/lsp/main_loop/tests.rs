//! The order of the written messages, and the end of the loop.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{sink, stream};
use serde_json::{Value, json};

use super::super::dispatch::tests::Log;
use super::super::transport::frame::{Frame, FrameReader};
use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn request(method: &'static str, id: i64) -> Message {
    Message::Request(Request::build(method).id(id).finish())
}

/// Serves `messages` and sends `ours` to the client; returns the written messages, by id or method.
async fn served(messages: Vec<Message>, ours: Vec<Request>, closes: bool) -> Vec<Value> {
    let (sender, receiver) = mpsc::channel(messages.len());
    for message in messages {
        sender.send(message).await.unwrap();
    }
    let held = (!closes).then_some(sender);
    let written = Written::default();
    let outbox = Outbox::start(written.clone()).unwrap();
    let to_client = ToClient { requests: stream::iter(ours), responses: sink::drain() };
    run(Log::default(), Log::default(), to_client, receiver, outbox.clone()).await;
    drop(held);
    outbox.finish(Duration::from_secs(10));
    let bytes = written.0.lock().unwrap().clone();
    let mut reader = FrameReader::new(&bytes[..]);
    let mut names = Vec::new();
    while let Some(Frame::Body(body)) = reader.next_frame().unwrap() {
        let message: Value = serde_json::from_slice(&body).unwrap();
        names.push(message.get("method").unwrap_or(&message["id"]).clone());
    }
    names
}

#[tokio::test]
async fn flood_delays_no_answer() {
    let methods = ["waits"].into_iter().chain(std::iter::repeat_n("answers", 99));
    let messages = methods.zip(1..).map(|(method, id)| request(method, id)).collect();
    let ids: Vec<Value> = (1..=100).map(Value::from).collect();
    assert_eq!(served(messages, Vec::new(), true).await, ids);
}

#[tokio::test]
async fn exit_ends_the_loop_with_open_stdin() {
    let exit = Message::Request(Request::build("exit").finish());
    let messages = vec![request("answers", 1), exit, request("answers", 2)];
    assert_eq!(served(messages, Vec::new(), false).await, [1]);
}

#[tokio::test]
async fn end_of_stdin_waits_for_handlers() {
    assert_eq!(served(vec![request("waits", 1)], Vec::new(), true).await, [1]);
}

#[tokio::test]
async fn server_requests_are_written() {
    let ours = vec![Request::build("window/showMessage").finish()];
    let written = served(vec![request("answers", 1)], ours, true).await;
    assert_eq!(written, [json!("window/showMessage"), json!(1)]);
}
