//! Broken streams, and what is left of the messages in them.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::unnecessary_wraps, reason = "`body` stands beside faults in lists")]

use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// All frames of a stream; bodies as text.
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
fn lone_line_feeds_and_blank_lines_between_frames_are_forgiven() {
    assert_eq!(
        frames(b"Content-Length: 2\n\n{}\r\n\r\nContent-Length: 2\n\n[]"),
        [body("{}"), body("[]")]
    );
}

#[test]
fn garbage_costs_one_error_and_no_message() {
    let stream = b"garbage\nmore of it\r\n\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(frames(stream), [Err(Fault::NoHeader), body("{}")]);
}

#[test]
fn garbage_on_the_headers_own_line_is_cut_off() {
    assert_eq!(frames(b"xyz!Content-Length: 2\r\n\r\n{}"), [Err(Fault::NoHeader), body("{}")]);
}

#[test]
fn a_long_line_without_end_hides_no_header_behind_it() {
    for n in 4070..4110 {
        let mut stream = vec![b'x'; n];
        stream.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
        assert_eq!(frames(&stream), [Err(Fault::NoHeader), body("{}")], "{n} bytes of garbage");
    }
}

#[test]
fn a_header_without_length_is_refused() {
    let stream = b"Content-Type: json\r\n\r\n{}Content-Length: 2\r\n\r\n[]";
    assert_eq!(frames(stream), [Err(Fault::NoLength), body("[]")]);
}

#[test]
fn lengths_that_are_no_numbers_are_refused() {
    for length in ["-1", "12x", "", "1.5", "0x10"] {
        let stream = format!("Content-Length: {length}\r\n\r\n{{}}Content-Length: 2\r\n\r\n[]");
        assert_eq!(frames(stream.as_bytes()), [Err(Fault::BadLength), body("[]")], "{length}");
    }
}

#[test]
fn an_oversized_body_is_skipped_up_to_the_next_header() {
    let stream = b"Content-Length: 99999999999\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n[]";
    assert_eq!(frames(stream), [Err(Fault::TooLong { bytes: 99_999_999_999 }), body("[]")]);
    let stream = b"Content-Length: 99999999999999999999999\r\n\r\n{}";
    assert_eq!(frames(stream), [Err(Fault::TooLong { bytes: u64::MAX })]);
}

#[test]
fn a_body_shorter_than_announced_does_not_swallow_the_next_frame() {
    let stream = b"Content-Length: 50\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n[]";
    assert_eq!(frames(stream), [Err(Fault::Truncated { announced: 50 }), body("[]")]);
}

#[test]
fn a_body_longer_than_announced_costs_its_rest_and_no_other_frame() {
    let stream = b"Content-Length: 3\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n[]";
    assert_eq!(frames(stream), [body("{\"a"), Err(Fault::NoHeader), body("[]")]);
}

#[test]
fn an_end_inside_a_frame_is_an_end() {
    for stream in ["", "Content-Le", "Content-Length: 5", "Content-Length: 5\r\n\r\n{", "\r\n"] {
        assert!(frames(stream.as_bytes()).iter().all(Result::is_err), "{stream:?}");
    }
}

proptest! {
    #[test]
    fn a_good_frame_behind_any_garbage_is_found(
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
    fn any_bytes_end_in_frames_and_faults(
        stream in prop::collection::vec(prop_oneof![
            Just(b"Content-Length: ".to_vec()), Just(b"3".to_vec()), Just(b"\r\n".to_vec()),
            Just(b"\r\n\r\n".to_vec()), Just(b"{}".to_vec()), any::<[u8; 2]>().prop_map(Vec::from),
        ], 0..60),
    ) {
        // Ends, and never panics.
        let _ = frames(&stream.concat());
    }
}
