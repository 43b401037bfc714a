//! Settings: one table from which the struct, the check and the reference come.
//!
//! Layers, later ones win: defaults, `lowkey.toml` in the platform's config folder,
//! the editor's settings under `lowkey.*`, the command line. A wrong value is one clear problem and
//! leaves the layer below in force; it never stops the server.

use std::path::PathBuf;
use std::sync::OnceLock;

use lowkey_engine::Sampling;
use lowkey_model::{DeviceChoice, KvType};
use serde_json::Value;

use crate::ordinary;

mod value;

use value::FromValue;
pub use value::{
    Anchor, Infill, Kind, Multiline, Number, Order, Popup, Quantize, SharedWeights, Talkative,
};

/// One row of the table: what the reference, the editors' schema and the check know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Name below `lowkey.`.
    pub key: &'static str,
    /// What it accepts, in words.
    pub accepts: &'static str,
    /// The same for a schema.
    pub kind: Kind,
    /// What it does.
    pub doc: &'static str,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr;)+) => {
        /// Every setting, resolved.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $key: $type,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        /// The table, in the order of the reference.
        pub const TABLE: &[Row] = &[$(Row {
            key: stringify!($key),
            accepts: <$type as FromValue>::ACCEPTS,
            kind: <$type as FromValue>::KIND,
            doc: concat!($($doc,)+),
        },)+];

        impl Settings {
            /// The value of a setting as the editors would send it; `None` for an unknown one.
            pub fn value_of(&self, key: &str) -> Option<Value> {
                match key {
                    $(stringify!($key) => Some(FromValue::to_value(&self.$key)),)+
                    _ => None,
                }
            }

            /// Sets one value; `Err` says what was wrong with it.
            pub fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
                match key {
                    $(stringify!($key) => {
                        self.$key = <$type as FromValue>::from_value(value).ok_or_else(|| {
                            format!("is {value}, but takes {}", <$type as FromValue>::ACCEPTS)
                        })?;
                    })+
                    _ => return Err(format!(
                        "is not a setting; there are: {}",
                        TABLE.iter().map(|row| row.key).collect::<Vec<_>>().join(", "),
                    )),
                }
                Ok(())
            }
        }
    };
}

settings! {
    /// The model: empty for the embedded one, a name of the catalog, or the path of a `.gguf` file or of a folder with safetensors. Takes effect at the next start.
    model: String = String::new();
    /// Threads for the model; 0 means one for each physical core. Takes effect at the next start.
    threads: usize = 0;
    /// Milliseconds until an automatic request is answered with what there is; 0 means what one line takes on this machine, 150 to 400.
    time_budget_ms: u64 = 0;
    /// Whether suggestions may span lines: `auto` where a block begins and behind an accepted suggestion, `never`, `always`.
    multiline: Multiline = Multiline::Auto;
    /// Lines of a suggestion at most; of one that comes by typing, 5 at most unless `multiline` is `always`.
    max_lines: usize = 10;
    /// How sure lowkey must be before it shows something by itself: `quiet`, `normal`, `eager`, or `always` for no gate. What you ask for by a key is always shown. `server/suggestion/README.md` shows what each is worth.
    talkative: Talkative = Talkative::Normal;
    /// Whether the next line is computed ahead when a line needs nothing more or you pause; costs some battery.
    look_ahead: bool = true;
    /// Whether the prompt is computed where the cursor rests, before the first key, so that the first suggestion there comes sooner; costs some battery. Needs a client that tells where the cursor rests, as lowkey's own plugins do.
    prefill_at_cursor: bool = true;
    /// Silence everywhere until switched off again.
    paused: bool = false;
    /// Language ids in which lowkey stays silent, as the editor names them.
    languages_off: Vec<String> = Vec::new();
    /// Glob patterns (as in .gitignore) of files that the model must not see, beside the built-in ones for secrets.
    exclude: Vec<String> = Vec::new();
    /// Suggestions as entries of the completion popup: `auto` for editors without inline completion, `always`, `never`.
    popup: Popup = Popup::Auto;
    /// Megabytes of KV cache kept between requests.
    cache_mb: usize = 256;
    /// How keys and values are kept in it: as half floats (`f16`), or as bytes (`int8`), half as large and a little less exact. Takes effect at the next start.
    kv_cache: KvType = KvType::F16;
    /// Whether what was computed is kept on disk, private to you, so that the first completion after a restart comes at once. It holds the text around your cursor as token ids; off, nothing is read or written.
    persistent_cache: bool = true;
    /// Megabytes on disk for it, at most; what was not used for longest goes first. Takes effect at the next start.
    persistent_cache_mb: usize = 256;
    /// Megabytes on disk, beside these, for models' weights in the form that the kernels read, so that a start takes them from there at once; what was not used for longest goes first, and 0 keeps none. With `persistent_cache` off nothing is read or written. Takes effect at the next start.
    packed_weights_mb: usize = 4096;
    /// Whether lowkey's processes share these weights in memory: `auto` where the system maps them in huge pages, which is as fast as memory of their own, `always`, `never`. Without huge pages sharing makes each token slower; `server/kernels/README.md` has the figures. Takes effect at the next start.
    shared_weights: SharedWeights = SharedWeights::Auto;
    /// Whether likely tokens are guessed from the text and checked several at a time; suggestions are the same, only sooner. Takes effect at the next start.
    speculation: bool = true;
    /// Whether lowkey counts what it shows and what you take of it, for `lowkey stats`: counts by day and language, no text, on this machine alone.
    statistics: bool = true;
    /// Prompt tokens at most; 0 means as many as the model was trained for and this machine computes in two seconds.
    prompt_tokens: usize = 0;
    /// Prompt tokens of the small prompt that answers while the whole one of a place is not computed; 0 means as many as this machine computes in a quarter of a second.
    first_prompt_tokens: usize = 0;
    /// Where the prompt is cut: at the `cursor`, at the start of its `line`, or of its group of 4 or 8 lines. `server/prompt/README.md` shows what each costs and is worth.
    anchor: Anchor = Anchor::Lines8;
    /// Which text comes first in the prompt: the text before the cursor (`psm`), the text after it (`spm`), or what suits the model (`auto`). Takes effect at the next start.
    order: Order = Order::Auto;
    /// How a model is asked: with the sentinels that it was trained on (`fim`), by instruction through its chat template (`instruct`), or with sentinels where it has them and by instruction where not (`auto`). Takes effect at the next start.
    infill: Infill = Infill::Auto;
    /// How freely tokens are chosen: 0 always takes the most probable one; above, they are drawn, the less probable ones the more often the higher it is. `repetition_penalty`, `top_k`, `top_p` and `min_p` are applied in this order before.
    temperature: Number<0, 2000> = Number::new(0);
    /// With a temperature: draws from so many of the most probable tokens; 0 means from all.
    top_k: usize = 40;
    /// With a temperature: draws from the most probable tokens that have this share of the probability together; 1 means from all.
    top_p: Number<0, 1000> = Number::new(950);
    /// With a temperature: draws from tokens at least this share as probable as the most probable one; 0 means from all.
    min_p: Number<0, 1000> = Number::new(50);
    /// How much less probable the last 64 tokens, the prompt's too, are made; 1 means not at all. Code repeats itself for good reasons.
    repetition_penalty: Number<1000, 2000> = Number::new(1000);
    /// With a temperature: the same seed draws the same suggestion for the same text.
    seed: u64 = 0;
    /// What float weights (safetensors, F16) become when they are loaded: `q8_0` is faster and takes half the memory, `none` is exact. Takes effect at the next start.
    quantize: Quantize = Quantize::None;
    /// What the model runs on: the `cpu`, or a graphics processor if this lowkey was built for one; `auto` takes one if there is one. `server/model/README.md` tells how to build it. Takes effect at the next start.
    device: DeviceChoice = DeviceChoice::Auto;
}

impl Settings {
    /// How tokens are chosen; without a temperature only the penalty counts.
    pub(crate) fn sampling(&self) -> Sampling {
        let greedy =
            Sampling { repetition_penalty: self.repetition_penalty.get(), ..Sampling::default() };
        let temperature = self.temperature.get();
        if temperature == 0.0 {
            return greedy;
        }
        Sampling {
            temperature,
            top_k: self.top_k,
            top_p: self.top_p.get(),
            min_p: self.min_p.get(),
            seed: self.seed,
            ..greedy
        }
    }
}

/// What the command line said; it holds for the whole life of the process.
static COMMAND_LINE: OnceLock<Value> = OnceLock::new();

/// Lays the command line's values over all other layers of every later [`Settings::load`].
///
/// Only the first call counts: a process has one command line.
pub fn set_command_line(values: Value) {
    let _ = COMMAND_LINE.set(values);
}

impl Settings {
    /// Reads all layers; problems come back in words, one for each wrong value.
    ///
    /// `editor` is the `lowkey` section of the editor's settings, or
    /// `initializationOptions`, with or without the outer `lowkey` key.
    pub fn load(editor: &Value) -> (Self, Vec<String>) {
        let mut settings = Self::default();
        let mut problems = Vec::new();
        if let Some(path) = config_file() {
            match read_toml(&path) {
                Ok(Some(value)) => {
                    settings.layer(&value, &path.display().to_string(), &mut problems);
                }
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        let section = editor.get("lowkey").unwrap_or(editor);
        settings.layer(section, "the editor's settings", &mut problems);
        if let Some(values) = COMMAND_LINE.get() {
            settings.layer(values, "the command line", &mut problems);
        }
        (settings, problems)
    }

    /// Reads the text of a settings file over the defaults; problems come back in words.
    pub fn from_toml(text: &str) -> (Self, Vec<String>) {
        let (mut settings, mut problems) = (Self::default(), Vec::new());
        match parse_toml(text, "lowkey.toml") {
            Ok(values) => settings.layer(&values, "lowkey.toml", &mut problems),
            Err(problem) => problems.push(problem),
        }
        (settings, problems)
    }

    /// Lays one source of values over those of the sources before.
    fn layer(&mut self, values: &Value, source: &str, problems: &mut Vec<String>) {
        let Some(map) = values.as_object() else {
            if !values.is_null() {
                problems.push(format!("{source}: the settings are {values}, not a table"));
            }
            return;
        };
        for (key, value) in map {
            // Editors send null for what the user has not set, and clients put keys of
            // their own (Copilot's editorPluginInfo) beside ours.
            if value.is_null() || is_foreign(key) {
                continue;
            }
            if let Err(problem) = self.set(key, value) {
                problems.push(format!("{source}: {key} {problem}"));
            }
        }
    }
}

/// Keys that other servers' clients send in `initializationOptions`.
fn is_foreign(key: &str) -> bool {
    matches!(
        key,
        "editorInfo"
            | "editorPluginInfo"
            | "editorConfiguration"
            | "networkProxy"
            | "authProvider"
            | "copilotCapabilities"
            | "copilotIntegrationId"
            | "trace"
            | "server"
    )
}

/// `lowkey/lowkey.toml` in the platform's config folder; `LOWKEY_CONFIG` names another file.
pub fn config_file() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("LOWKEY_CONFIG") {
        return Some(file.into());
    }
    let below_home = |folder: &str| std::env::home_dir().map(|home| home.join(folder));
    let folder = if cfg!(windows) {
        std::env::var_os("APPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        below_home("Library/Application Support")
    } else {
        std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| below_home(".config"))
    };
    Some(folder?.join("lowkey").join("lowkey.toml"))
}

/// The longest settings file; the longest list of globs has a few kilobytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

fn read_toml(path: &std::path::Path) -> Result<Option<Value>, String> {
    // How programs are told to read no settings.
    if path == std::path::Path::new("/dev/null") {
        return Ok(None);
    }
    let text = match ordinary::read_text(path, MAX_FILE_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    parse_toml(&text, &path.display().to_string()).map(Some)
}

fn parse_toml(text: &str, source: &str) -> Result<Value, String> {
    // The parser's own rendering of an error quotes the line; its message alone does not.
    let table: toml::Table =
        text.parse().map_err(|e: toml::de::Error| format!("{source}: {}", e.message()))?;
    serde_json::to_value(table).map_err(|e| format!("{source}: {e}"))
}

#[cfg(test)]
mod tests;
