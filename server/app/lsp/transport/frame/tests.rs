//! Broken streams, and the messages that are recovered from them.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::unnecessary_wraps, reason = "`body` is in lists with faults")]

use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// Returns all frames of a stream; bodies as text.
fn frames(stream: &[u8]) -> Vec<Result<String, Fault>> {
    let mut reader = FrameReader::new(Cursor::new(stream));
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push(match frame {
            Frame::Body(body) => Ok(String::from_utf8_lossy(&body).into_owned()),
            Frame::Bad(fault) => Err(fault),
        });
    }
    frames
}

fn body(text: &str) -> Result<String, Fault> {
    Ok(text.to_owned())
}

#[test]
fn whole_frames_come_out_in_order() {
    let stream =
        b"Content-Length: 2\r\n\r\n{}content-length:3\r\nContent-Type: x; charset=utf-8\r\n\r\n[1]";
    assert_eq!(frames(stream), [body("{}"), body("[1]")]);
}

#[test]
fn line_feeds_between_frames_are_accepted() {
    assert_eq!(
        frames(b"Content-Length: 2\n\n{}\r\n\r\nContent-Length: 2\n\n[]"),
        [body("{}"), body("[]")]
    );
}

#[test]
fn garbage_gives_one_error() {
    let stream = b"garbage\nmore of it\r\n\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(frames(stream), [Err(Fault::NoHeader), body("{}")]);
}

#[test]
fn garbage_before_a_header_is_cut_off() {
    assert_eq!(frames(b"xyz!Content-Length: 2\r\n\r\n{}"), [Err(Fault::NoHeader), body("{}")]);
}

#[test]
fn header_after_a_long_line_is_found() {
    for n in 4070..4110 {
        let mut stream = vec![b'x'; n];
        stream.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
        assert_eq!(frames(&stream), [Err(Fault::NoHeader), body("{}")], "{n} bytes of garbage");
    }
}

#[test]
fn header_without_length_is_refused() {
    let stream = b"Content-Type: json\r\n\r\n{}Content-Length: 2\r\n\r\n[]";
    assert_eq!(frames(stream), [Err(Fault::NoLength), body("[]")]);
}

#[test]
fn invalid_lengths_are_refused() {
    for length in ["-1", "12x", "", "1.5", "0x10"] {
        let stream = format!("Content-Length: {length}\r\n\r\n{{}}Content-Length: 2\r\n\r\n[]");
        assert_eq!(frames(stream.as_bytes()), [Err(Fault::BadLength), body("[]")], "{length}");
    }
}

#[test]
fn oversized_body_is_skipped() {
    let stream = b"Content-Length: 99999999999\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n[]";
    assert_eq!(frames(stream), [Err(Fault::TooLong { bytes: 99_999_999_999 }), body("[]")]);
    let stream = b"Content-Length: 99999999999999999999999\r\n\r\n{}";
    assert_eq!(frames(stream), [Err(Fault::TooLong { bytes: u64::MAX })]);
}

#[test]
fn short_body_keeps_the_next_frame() {
    let stream = b"Content-Length: 50\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n[]";
    assert_eq!(frames(stream), [Err(Fault::Truncated { announced: 50 }), body("[]")]);
}

#[test]
fn long_body_keeps_the_next_frame() {
    let stream = b"Content-Length: 3\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n[]";
    assert_eq!(frames(stream), [body("{\"a"), Err(Fault::NoHeader), body("[]")]);
}

#[test]
fn end_inside_a_frame_is_an_end() {
    for stream in ["", "Content-Le", "Content-Length: 5", "Content-Length: 5\r\n\r\n{", "\r\n"] {
        assert!(frames(stream.as_bytes()).iter().all(Result::is_err), "{stream:?}");
    }
}

proptest! {
    #[test]
    fn valid_frame_after_garbage_is_found(
        garbage in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let text = String::from_utf8_lossy(&garbage).to_lowercase();
        prop_assume!(!text.contains("content-length:"));
        let mut stream = garbage;
        stream.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
        let frames = frames(&stream);
        prop_assert_eq!(frames.last(), Some(&body("{}")));
        prop_assert!(frames.len() <= 2, "one error at most: {:?}", frames);
    }

    #[test]
    fn any_bytes_give_frames_and_faults(
        stream in prop::collection::vec(prop_oneof![
            Just(b"Content-Length: ".to_vec()), Just(b"3".to_vec()), Just(b"\r\n".to_vec()),
            Just(b"\r\n\r\n".to_vec()), Just(b"{}".to_vec()), any::<[u8; 2]>().prop_map(Vec::from),
        ], 0..60),
    ) {
        // The reader ends, and never panics.
        let _ = frames(&stream.concat());
    }
}
