//! The types of settings and their conversion from JSON.
//!
//! Conversion is strict: a number in quotes or an unknown word is reported, not guessed.

use lowkey_model::{DeviceChoice, KvType};
pub use lowkey_prompt::Infill;
pub use lowkey_remote::RemoteProtocol;
pub use lowkey_suggestion::SuggestionThreshold;
use serde_json::Value;

/// The kind of a setting, for the schemas of editors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Any text.
    Text,
    /// True or false.
    Flag,
    /// A whole number from 0.
    Count,
    /// A number between these thousandths, both included.
    Number(u16, u16),
    /// A list of texts.
    Texts,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A type of a setting.
pub(super) trait FromValue: Sized {
    /// The accepted values in words; completes "takes …".
    const ACCEPTS: &'static str;
    /// The accepted values, for a schema.
    const KIND: SettingKind;

    /// Returns the value; `None` if it is not accepted.
    fn from_value(value: &Value) -> Option<Self>;

    /// Returns the value in the form that [`FromValue::from_value`] reads.
    fn to_value(&self) -> Value;
}

/// When an automatic suggestion may have several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiline {
    /// At the beginning of a block, after an accepted suggestion, and on request.
    #[default]
    Auto,
    /// Only on request.
    Never,
    Always,
}

/// When prompts have signatures of other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CrossFileSetting {
    /// With models that were measured to profit.
    #[default]
    Auto,
    Always,
    Never,
}

/// How probable a change at another place must be before it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NextEditSetting {
    /// None is offered, and edits are not remembered.
    Off,
    /// Only very probable ones.
    Careful,
    #[default]
    Normal,
}

/// When suggestions are offered in the completion popup too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Popup {
    /// In editors without inline completion.
    #[default]
    Auto,
    /// In every editor.
    Always,
    Never,
}

/// Whether processes share packed weights in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SharedWeights {
    /// If it is as fast as private memory.
    #[default]
    Auto,
    /// If the system supports it.
    Always,
    /// Each process has its own copy.
    Never,
}

/// The boundary between the prompt's prefix and its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnchorSetting {
    /// At the cursor.
    Cursor,
    /// At the start of the cursor's line.
    Line,
    /// At the start of the cursor's group of four lines.
    Lines4,
    /// At the start of the cursor's group of eight lines.
    #[default]
    Lines8,
}

/// The order of prefix and suffix in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderSetting {
    /// The order that the model's family was trained with.
    #[default]
    Auto,
    /// Prefix, suffix, middle.
    Psm,
    /// Suffix, prefix, middle.
    Spm,
}

/// The type of float weights after loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quantize {
    /// Unchanged.
    #[default]
    None,
    /// 8 bits, one scale per 32 values.
    Q8_0,
}

impl FromValue for String {
    const ACCEPTS: &'static str = "text";
    const KIND: SettingKind = SettingKind::Text;

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }

    fn to_value(&self) -> Value {
        self.as_str().into()
    }
}

impl FromValue for DeviceChoice {
    const ACCEPTS: &'static str =
        "\"auto\", \"cpu\", \"cuda\", \"cuda:1\" (the second, and so on) or \"metal\"";
    const KIND: SettingKind = SettingKind::Text;

    fn from_value(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }

    fn to_value(&self) -> Value {
        self.to_string().into()
    }
}

impl FromValue for bool {
    const ACCEPTS: &'static str = "true or false";
    const KIND: SettingKind = SettingKind::Flag;

    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn to_value(&self) -> Value {
        (*self).into()
    }
}

impl FromValue for u64 {
    const ACCEPTS: &'static str = "a whole number, 0 or more";
    const KIND: SettingKind = SettingKind::Count;

    fn from_value(value: &Value) -> Option<Self> {
        // Lua has one number type, so Neovim may send 200.0 for 200.
        let whole = || value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n));
        value.as_u64().or_else(|| whole().map(|n| n as u64))
    }

    fn to_value(&self) -> Value {
        (*self).into()
    }
}

impl FromValue for usize {
    const ACCEPTS: &'static str = u64::ACCEPTS;
    const KIND: SettingKind = SettingKind::Count;

    fn from_value(value: &Value) -> Option<Self> {
        u64::from_value(value)?.try_into().ok()
    }

    fn to_value(&self) -> Value {
        (*self).into()
    }
}

impl FromValue for Vec<String> {
    const ACCEPTS: &'static str = "a list of texts";
    const KIND: SettingKind = SettingKind::Texts;

    fn from_value(value: &Value) -> Option<Self> {
        // Lua cannot distinguish an empty list from an empty table.
        if value.as_object().is_some_and(serde_json::Map::is_empty) {
            return Some(Vec::new());
        }
        value.as_array()?.iter().map(String::from_value).collect()
    }

    fn to_value(&self) -> Value {
        self.as_slice().into()
    }
}

macro_rules! words {
    ($type:ident { $($word:literal => $variant:ident),+ } $accepts:literal) => {
        impl FromValue for $type {
            const ACCEPTS: &'static str = $accepts;
            const KIND: SettingKind = SettingKind::Word(&[$($word),+]);

            fn from_value(value: &Value) -> Option<Self> {
                match value.as_str()? {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn to_value(&self) -> Value {
                match self {
                    $(Self::$variant => $word.into(),)+
                }
            }
        }
    };
}

/// A number from `LOW` to `HIGH` thousandths, both included, in single precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number<const LOW: u16, const HIGH: u16>(f32);

/// No value is NaN, because all values are within the limits.
impl<const LOW: u16, const HIGH: u16> Eq for Number<LOW, HIGH> {}

impl<const LOW: u16, const HIGH: u16> Number<LOW, HIGH> {
    /// Builds a number from thousandths, clamped to the limits.
    pub fn new(thousandths: u16) -> Self {
        Self(f32::from(thousandths.clamp(LOW, HIGH)) / 1e3)
    }

    pub fn get(self) -> f32 {
        self.0
    }
}

impl<const LOW: u16, const HIGH: u16> FromValue for Number<LOW, HIGH> {
    const ACCEPTS: &'static str = match (LOW, HIGH) {
        (0, 1000) => "a number from 0 to 1",
        (0, 2000) => "a number from 0 to 2",
        (1000, 2000) => "a number from 1 to 2",
        _ => "a number",
    };
    const KIND: SettingKind = SettingKind::Number(LOW, HIGH);

    fn from_value(value: &Value) -> Option<Self> {
        let limits = f64::from(LOW) / 1e3..=f64::from(HIGH) / 1e3;
        value.as_f64().filter(|number| limits.contains(number)).map(|number| Self(number as f32))
    }

    fn to_value(&self) -> Value {
        // Uses its decimal digits, because 0.95 in single precision is another number in double.
        self.0.to_string().parse::<f64>().map_or(Value::Null, Value::from)
    }
}

words!(Multiline { "auto" => Auto, "never" => Never, "always" => Always }
    "\"auto\", \"never\" or \"always\"");
words!(SuggestionThreshold { "quiet" => Quiet, "normal" => Normal, "eager" => Eager, "always" => Always }
    "\"quiet\", \"normal\", \"eager\" or \"always\"");
words!(CrossFileSetting { "auto" => Auto, "always" => Always, "never" => Never }
    "\"auto\", \"always\" or \"never\"");
words!(NextEditSetting { "off" => Off, "careful" => Careful, "normal" => Normal }
    "\"off\", \"careful\" or \"normal\"");
words!(Popup { "auto" => Auto, "always" => Always, "never" => Never }
    "\"auto\", \"always\" or \"never\"");
words!(SharedWeights { "auto" => Auto, "always" => Always, "never" => Never }
    "\"auto\", \"always\" or \"never\"");
words!(AnchorSetting { "cursor" => Cursor, "line" => Line, "lines4" => Lines4, "lines8" => Lines8 }
    "\"cursor\", \"line\", \"lines4\" or \"lines8\"");
words!(KvType { "f16" => F16, "int8" => Int8 }
    "\"f16\" or \"int8\"");
words!(OrderSetting { "auto" => Auto, "psm" => Psm, "spm" => Spm }
    "\"auto\", \"psm\" or \"spm\"");
words!(Infill { "auto" => Auto, "fim" => Fim, "instruct" => Instruct }
    "\"auto\", \"fim\" or \"instruct\"");
words!(RemoteProtocol { "auto" => Auto, "openai" => OpenAi, "llama-server" => LlamaServer, "ollama" => Ollama }
    "\"auto\", \"openai\", \"llama-server\" or \"ollama\"");
words!(Quantize { "none" => None, "q8_0" => Q8_0 }
    "\"none\" or \"q8_0\"");
