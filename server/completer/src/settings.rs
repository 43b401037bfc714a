//! Settings: one table for the struct, the check and the reference (`editors/settings.md`).
//!
//! Layers, later ones win: defaults, `lowkey.toml` in the platform's config folder, the editor's
//! settings under `lowkey.*`, the command line. A wrong value is reported as one problem, and the
//! layer below applies; it never stops the server.

use std::path::PathBuf;
use std::sync::OnceLock;

use lowkey_engine::Sampling;
use lowkey_model::{DeviceChoice, KvType};
use serde_json::Value;

use crate::{dirs, regular_file};

mod value;

use value::FromValue;
pub use value::{
    AnchorSetting, CrossFileSetting, Infill, Multiline, NextEditSetting, Number, OrderSetting,
    Popup, Quantize, RemoteProtocol, SettingKind, SharedWeights, SuggestionThreshold,
};

/// One row of the table, for the reference, the editors' schema and the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Name below `lowkey.`.
    pub key: &'static str,
    /// The accepted values, in words.
    pub accepts: &'static str,
    /// The accepted values, for a schema.
    pub kind: SettingKind,
    /// The description.
    pub doc: &'static str,
    /// Whether a change takes effect only at the next start.
    pub restart: bool,
}

macro_rules! settings {
    (@restart) => { false };
    (@restart restart) => { true };
    ($($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr $(, $restart:ident)?;)+) => {
        /// All settings, resolved.
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
            restart: settings!(@restart $($restart)?),
        },)+];

        impl Settings {
            /// Returns the value of a setting in the editors' form; `None` for an unknown one.
            pub fn value_of(&self, key: &str) -> Option<Value> {
                match key {
                    $(stringify!($key) => Some(FromValue::to_value(&self.$key)),)+
                    _ => None,
                }
            }

            /// Sets one value; `Err` has the problem in words.
            pub fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
                match key {
                    $(stringify!($key) => {
                        self.$key = <$type as FromValue>::from_value(value).ok_or_else(|| {
                            format!("is {value}, but takes {}", <$type as FromValue>::ACCEPTS)
                        })?;
                    })+
                    _ => return Err(format!(
                        "is not a setting; the settings are: {}",
                        TABLE.iter().map(|row| row.key).collect::<Vec<_>>().join(", "),
                    )),
                }
                Ok(())
            }
        }
    };
}

settings! {
    /// The model: empty for the built-in one, a name from `lowkey models list`, the path of a `.gguf` file, or the path of a folder with safetensors.
    model: String = String::new(), restart;
    /// Number of threads that compute; 0 means one for each physical core.
    threads: usize = 0, restart;
    /// Milliseconds after which an automatic request is answered with the complete lines decoded until then; 0 means the time of one line on this machine, 150 to 400.
    time_budget_ms: u64 = 0;
    /// Whether a suggestion that appears while you type may have several lines: `auto` at the beginning of a block and after an accepted suggestion, `never`, or `always`. A suggestion that you request by a key always may.
    multiline: Multiline = Multiline::Auto;
    /// Maximum number of lines of a suggestion. A suggestion that appears while you type has at most 5, unless `multiline` is `always`.
    max_lines: usize = 10;
    /// How probable a suggestion must be before it is shown while you type: `quiet`, `normal`, `eager`, or `always` for all. A suggestion that you request by a key is always shown. `server/suggestion/README.md` has the figures.
    suggestion_threshold: SuggestionThreshold = SuggestionThreshold::Normal;
    /// Whether the next line is computed in advance when the current one is complete or you pause. Costs some battery.
    look_ahead: bool = true;
    /// Whether the prompt is computed where the cursor rests, before the first key, so that the first suggestion appears sooner. Costs some battery. Needs a client that sends `$/lowkey/cursor`; lowkey's plugins for VS Code and Neovim do.
    prefill_at_cursor: bool = true;
    /// Whether all suggestions are off.
    paused: bool = false;
    /// Language identifiers, as the editor names them, in which there are no suggestions.
    languages_off: Vec<String> = Vec::new();
    /// Glob patterns, as in `.gitignore`, of files that the model must not see, in addition to the built-in patterns for secrets.
    exclude: Vec<String> = Vec::new();
    /// Whether suggestions are also entries of the completion popup: `auto` in editors without inline completion, `always`, or `never`.
    popup: Popup = Popup::Auto;
    /// Megabytes of memory for keys and values (the KV cache) that are kept between requests.
    cache_mb: usize = 256, restart;
    /// Type of the keys and values in the KV cache: half floats (`f16`), or bytes (`int8`), which take half the memory and are a little less exact.
    kv_cache: KvType = KvType::F16, restart;
    /// Whether sessions are saved to disk, readable by you alone, so that the first completion after a restart appears at once. They contain the text around your cursor as token ids. With `false` nothing is read or written.
    persistent_cache: bool = true;
    /// Maximum megabytes of saved sessions on disk. The least recently used are removed first.
    persistent_cache_mb: usize = 256, restart;
    /// Maximum megabytes of packed weights on disk: models' weights in the layout that the kernels read, which make later starts faster. The least recently used are removed first; 0 keeps none. With `persistent_cache` off nothing is read or written.
    packed_weights_mb: usize = 4096, restart;
    /// Whether lowkey's processes share packed weights in memory: `auto` where the system maps the file in huge pages, which costs no speed, `always`, or `never`. `server/kernels/README.md` has the figures.
    shared_weights: SharedWeights = SharedWeights::Auto, restart;
    /// Whether likely tokens are drafted from the text and verified several at a time. Suggestions are the same, only sooner.
    speculation: bool = true, restart;
    /// Whether prompts have signatures of definitions in other files of the workspace: `auto` with models that were measured to profit, `always`, or `never`. The definitions are indexed in memory, never those of files that the model must not see. `server/context/README.md` has the figures.
    cross_file: CrossFileSetting = CrossFileSetting::Auto;
    /// Whether a change that you made is offered at other places that seem to need it: `off`, `careful` for very probable places only, or `normal`. Edits of the session are remembered in memory, never those of files that the model must not see. Needs a client that asks for next edits. `server/edits/README.md` has the figures.
    next_edit: NextEditSetting = NextEditSetting::Normal;
    /// A model that predicts the next edit, asked where no repetition of your change is sure: a name from `lowkey models list`, or the path of a file in the format of Sweep's models; empty for none. It is loaded at the first such place and computes while the model for completions is at rest. `server/edits/README.md` describes it.
    next_edit_model: String = String::new();
    /// Whether lowkey counts shown and accepted suggestions for `lowkey stats`: counts by day and language, no text, on this machine only.
    statistics: bool = true;
    /// Maximum number of prompt tokens; 0 means as many as the model was trained for and this machine computes in two seconds.
    prompt_tokens: usize = 0;
    /// Maximum number of tokens of the small prompt, which answers until the whole prompt of a place is computed; 0 means as many as this machine computes in a quarter of a second.
    first_prompt_tokens: usize = 0;
    /// Where the prompt is cut: at the `cursor`, at the start of its `line`, or at the start of its group of 4 or 8 lines. `server/prompt/README.md` has the figures.
    anchor: AnchorSetting = AnchorSetting::Lines8;
    /// Which text is first in the prompt: the text before the cursor (`psm`), the text after the cursor (`spm`), or the order that suits the model (`auto`).
    order: OrderSetting = OrderSetting::Auto, restart;
    /// How the model is asked: with the sentinels that it was trained on (`fim`), by instruction through its chat template (`instruct`), or by instruction only if it has no sentinels (`auto`).
    infill: Infill = Infill::Auto, restart;
    /// Sampling temperature: 0 always takes the most probable token; higher values draw less probable tokens more often. `repetition_penalty`, `top_k`, `top_p` and `min_p` are applied before it, in this order.
    temperature: Number<0, 2000> = Number::new(0);
    /// With a temperature: samples from the k most probable tokens; 0 means from all.
    top_k: usize = 40;
    /// With a temperature: samples from the smallest set of most probable tokens whose probabilities add up to this; 1 means from all.
    top_p: Number<0, 1000> = Number::new(950);
    /// With a temperature: samples from tokens that are at least this fraction as probable as the most probable one; 0 means from all.
    min_p: Number<0, 1000> = Number::new(50);
    /// How much less probable the last 64 tokens, including those of the prompt, become; 1 means no change. Correct code often repeats itself.
    repetition_penalty: Number<1000, 2000> = Number::new(1000);
    /// With a temperature: the seed of the random draws. The same seed gives the same suggestion for the same text.
    seed: u64 = 0;
    /// Whether float weights (safetensors, F16) are quantized when they are loaded: `q8_0` is faster and takes half the memory, `none` is exact.
    quantize: Quantize = Quantize::None, restart;
    /// A second model on this machine, named as in `model`, which is asked where the first one is unsure or several lines are wanted, while the processor is idle; empty for none. Its texts appear at the next key, or at once in editors that can ask again. It needs its own memory. With `remote_url` set it is not used.
    refine_model: String = String::new();
    /// The address of a server with a larger model, such as `https://gpu.example:8000`, which is asked where the local model is unsure; empty for none. It gets the text around the cursor: `README.md` lists the contents, `server/remote/README.md` the kinds of servers.
    remote_url: String = String::new();
    /// The model's name at the remote server; empty for its first one.
    remote_model: String = String::new();
    /// How the remote server is asked: `openai` for vLLM and others with `/v1/completions`, `llama-server`, `ollama`, or `auto` to find out.
    remote_protocol: RemoteProtocol = RemoteProtocol::Auto;
    /// The name of the environment variable with the key for the remote server.
    remote_key_env: String = String::new();
    /// The path of a file with the key for the remote server. Only you may be able to read it (`chmod 600`).
    remote_key_file: String = String::new();
    /// The path of a file with the certificate authorities of the remote server, in PEM format; empty for the system's.
    remote_ca_file: String = String::new();
    /// Whether a remote server on another machine may be asked without encryption (`http://`). Everyone on the network in between can then read your text.
    remote_allow_plain_http: bool = false;
    /// Maximum number of prompt tokens for the remote server, without text of other files; 0 means 2,048, or as many as for the local model if those are more, and never more than its context has room for. `server/remote/README.md` has the figures.
    remote_prompt_tokens: usize = 0;
    /// Where the model runs: on the `cpu`, or on a graphics processor if this build supports one; `auto` uses one if there is one. `server/model/README.md` describes the builds.
    device: DeviceChoice = DeviceChoice::Auto, restart;
}

impl Settings {
    /// Returns the sampling parameters; without a temperature only the penalty applies.
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

/// The values of the command line; they apply for the whole life of the process.
static COMMAND_LINE: OnceLock<Value> = OnceLock::new();

/// Sets the command line's values, which override all other layers of every later
/// [`Settings::load`].
///
/// Only the first call has an effect: a process has one command line.
pub fn set_command_line(values: Value) {
    let _ = COMMAND_LINE.set(values);
}

impl Settings {
    /// Reads all layers; also returns the problems in words, one per wrong value.
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

    /// Reads the text of a settings file over the defaults; also returns the problems in words.
    pub fn from_toml(text: &str) -> (Self, Vec<String>) {
        let (mut settings, mut problems) = (Self::default(), Vec::new());
        match parse_toml(text, "lowkey.toml") {
            Ok(values) => settings.layer(&values, "lowkey.toml", &mut problems),
            Err(problem) => problems.push(problem),
        }
        (settings, problems)
    }

    /// Applies one source of values over those of the sources before.
    fn layer(&mut self, values: &Value, source: &str, problems: &mut Vec<String>) {
        let Some(map) = values.as_object() else {
            if !values.is_null() {
                problems.push(format!("{source}: the settings are {values}, not a table"));
            }
            return;
        };
        for (key, value) in map {
            // Editors send null for settings that the user has not set, and clients put their own
            // keys (Copilot's editorPluginInfo) next to lowkey's.
            if value.is_null() || is_foreign(key) {
                continue;
            }
            let mut key = key.as_str();
            if let Some((_, now)) = RENAMED.iter().find(|(before, _)| *before == key) {
                problems.push(format!("{source}: {key} is named {now} now; please rename it"));
                if map.get(*now).is_some_and(|value| !value.is_null()) {
                    continue;
                }
                key = now;
            }
            if let Err(problem) = self.set(key, value) {
                problems.push(format!("{source}: {key} {problem}"));
            }
        }
    }
}

/// Earlier names of settings, which are still read, and the present ones.
const RENAMED: &[(&str, &str)] = &[("talkative", "suggestion_threshold")];

/// Whether clients of other servers send this key in `initializationOptions`.
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

/// Returns `lowkey/lowkey.toml` in the platform's config folder; `LOWKEY_CONFIG` names another
/// file.
pub fn config_file() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("LOWKEY_CONFIG") {
        return Some(file.into());
    }
    Some(dirs::config()?.join("lowkey.toml"))
}

/// Maximum size of a settings file; the longest list of globs has a few kilobytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

fn read_toml(path: &std::path::Path) -> Result<Option<Value>, String> {
    // This path means to read no settings.
    if path == std::path::Path::new("/dev/null") {
        return Ok(None);
    }
    let text = match regular_file::read_text(path, MAX_FILE_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    parse_toml(&text, &path.display().to_string()).map(Some)
}

fn parse_toml(text: &str, source: &str) -> Result<Value, String> {
    // The parser's rendering of an error quotes the line; its message alone does not.
    let table: toml::Table =
        text.parse().map_err(|e: toml::de::Error| format!("{source}: {}", e.message()))?;
    serde_json::to_value(table).map_err(|e| format!("{source}: {e}"))
}

#[cfg(test)]
mod tests;
