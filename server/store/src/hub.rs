//! The hub from this user's configuration: its address, the token, offline mode, and the shared
//! cache folder.
//!
//! The environment variables are those of `huggingface_hub`, so that one set-up serves every tool:
//! `HF_ENDPOINT`, `HF_TOKEN` (or the file that its login command writes), `HF_HUB_OFFLINE`,
//! `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME`.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use etcetera::base_strategy::{BaseStrategy, Xdg};

use crate::cache::Cache;
use crate::folder::small_text;

/// The address of the hub unless `HF_ENDPOINT` names a mirror. It is written nowhere else.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// The source of models, and the cache that stores them.
#[derive(Debug, Clone)]
pub struct Hub {
    /// The address without a slash at its end.
    pub endpoint: String,
    /// For repositories that require a login.
    pub token: Option<Token>,
    /// Whether network access is forbidden.
    pub offline: bool,
    /// The cache folder, shared with other tools.
    pub cache: Cache,
}

/// A secret: the value of an `Authorization` header. It is sent only to its own server and never
/// appears in a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Parses a token; `None` if it is empty or not valid in a header.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(format!("Bearer {text}")))
    }

    /// Creates the value of HTTP's basic authentication from a name and a password.
    pub(crate) fn basic(name: &str, password: &str) -> Self {
        let both = format!("{name}:{password}");
        Self(format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(both)))
    }

    pub(crate) fn header(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Hub {
    /// Reads this process's environment. The default cache is in the XDG cache folder on every
    /// platform, as in `huggingface_hub`.
    pub fn from_env() -> Self {
        let cache = Xdg::new().map(|folders| folders.cache_dir());
        let cache = cache.unwrap_or_else(|_| std::env::temp_dir().join(".cache"));
        Self::read(|name| std::env::var_os(name), &cache)
    }

    /// Reads from any source of variables; `cache` is the user's cache folder.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>, cache: &Path) -> Self {
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let text = |name| variable(name).and_then(|value| value.into_string().ok());
        let home_folder = path("HF_HOME").unwrap_or_else(|| cache.join("huggingface"));
        let root = path("HF_HUB_CACHE")
            .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
            .unwrap_or_else(|| home_folder.join("hub"));
        let endpoint = text("HF_ENDPOINT").map(|e| e.trim().trim_end_matches('/').to_owned());
        let token_file = path("HF_TOKEN_PATH").unwrap_or_else(|| home_folder.join("token"));
        let token = text("HF_TOKEN")
            .as_deref()
            .and_then(Token::new)
            .or_else(|| small_text(&token_file, 1 << 12).ok().as_deref().and_then(Token::new));
        let offline = text("HF_HUB_OFFLINE").is_some_and(|value| {
            matches!(&*value.to_ascii_uppercase(), "1" | "ON" | "YES" | "TRUE")
        });
        Self {
            endpoint: endpoint
                .filter(|endpoint| !endpoint.is_empty())
                .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
            token,
            offline,
            cache: Cache::new(root),
        }
    }

    /// Returns the address of a file in a repository.
    pub(crate) fn url(&self, repository: &str, revision: &str, file: &str) -> String {
        format!("{}/{repository}/resolve/{revision}/{file}", self.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(variables: &[(&str, &str)]) -> Hub {
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        Hub::read(find, Path::new("/home/user/.cache"))
    }

    #[test]
    fn defaults_are_public_hub_and_home_folder() {
        let hub = hub(&[]);
        assert_eq!(hub.endpoint, DEFAULT_ENDPOINT);
        assert_eq!(hub.cache.root(), Path::new("/home/user/.cache/huggingface/hub"));
        assert!(!hub.offline && hub.token.is_none());
    }

    #[test]
    fn nearer_variable_wins() {
        assert_eq!(hub(&[("HF_ENDPOINT", "")]).endpoint, DEFAULT_ENDPOINT);
        assert_eq!(hub(&[("HF_HOME", "/h")]).cache.root(), Path::new("/h/hub"));
        let nearest =
            [("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/c")];
        assert_eq!(hub(&nearest).cache.root(), Path::new("/c"));
        assert_eq!(hub(&nearest[..2]).cache.root(), Path::new("/old"));
    }

    #[test]
    fn mirror_token_and_offline_are_read() {
        let hub = hub(&[
            ("HF_ENDPOINT", "http://mirror:80/"),
            ("HF_TOKEN", " hf_x\n"),
            ("HF_HUB_OFFLINE", "on"),
        ]);
        assert_eq!(hub.url("a/b", "main", "c.gguf"), "http://mirror:80/a/b/resolve/main/c.gguf");
        assert_eq!(hub.token.as_ref().map(Token::header), Some("Bearer hf_x"));
        assert_eq!(Token::basic("me", "a:b").header(), "Basic bWU6YTpi");
        assert!(hub.offline);
        assert!(!format!("{hub:?}").contains("hf_x"), "a token is printed");
        assert!(Token::new("a\r\nb").is_none(), "a token must not end its header");
    }

    #[test]
    fn login_file_provides_the_token() {
        let folder = std::env::temp_dir().join(format!("lowkey-token-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{e}"));
        std::fs::write(folder.join("token"), "hf_file\n").unwrap_or_else(|e| panic!("{e}"));
        let home = folder.display().to_string();
        let token = |variables: &[(&str, &str)]| {
            hub(variables).token.map(|token| token.header().to_owned())
        };
        assert_eq!(token(&[("HF_HOME", &home)]).as_deref(), Some("Bearer hf_file"));
        let both = token(&[("HF_HOME", &home), ("HF_TOKEN", "hf_variable")]);
        assert_eq!(both.as_deref(), Some("Bearer hf_variable"));
        let _ = std::fs::remove_dir_all(folder);
    }
}
