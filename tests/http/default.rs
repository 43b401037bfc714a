//! Zed's requests to the model in the program.

use super::*;

#[path = "../harness/inside.rs"]
mod inside;

#[test]
fn default_model_finishes_easy_line() {
    let is_default = inside::is_the_default();
    let folder = Folder::new("default");
    let mut command = command(&folder.0, "0");
    let server =
        Server::run(command.env("LOWKEY_HTTP_TOKEN", TOKEN).env("LOWKEY_MODEL", "lowkey-default"));
    let answer = server.complete(&zed(PREFIX, SUFFIX));
    let choice = &answer["choices"][0];
    let (text, model) = (choice["text"].as_str().unwrap(), &answer["model"]);
    assert_eq!(*model != lowkey_test_support::TOY_NAME, is_default, "{answer}");
    assert_eq!(choice["finish_reason"], "stop", "{answer}");
    if is_default {
        assert_eq!(text, "o.x, y: self.y - o.y }", "{answer}");
    } else {
        assert!(!text.contains("<|"), "{answer}");
    }
}
