//! A model's chat template: the Jinja program that formats messages as in the model's training.
//!
//! `minijinja` renders it like Python's `transformers`: blocks trim their line, and Python's
//! methods, `raise_exception`, `strftime_now` and `tojson` are available. The template is an
//! untrusted program, so steps, memory and depth are limited, and it has no access to files or a
//! clock.
//! Invariant: only lowkey's own instructions with placeholders are rendered, never a user's text,
//! so no error message can contain user text.

pub mod process;

use crate::error::{ChatTemplateError, quoted};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value, context};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Maximum template size. The longest known template has 24,000 bytes.
const MAX_TEMPLATE_BYTES: usize = 256 << 10;
/// Limit of instructions, or of 64 bytes of output each. Known templates need fewer than 5,000.
const FUEL: u64 = 100_000;
/// Maximum nesting of macros and loops.
const MAX_DEPTH: usize = 64;
/// Timeout of a rendering; a rendering takes a thousandth of it.
const RENDER_TIMEOUT: Duration = Duration::from_secs(10);
/// Stack for recursion over values: a template can nest lists until its fuel runs out.
const STACK_BYTES: usize = 256 << 20;
/// Maximum number of items of a list that is written.
const MAX_LIST_ITEMS: usize = 10_000;
/// The fixed date for templates, which is the fallback of Llama's own template. With the real date,
/// the start of every prompt would change at midnight, and the same text would no longer give the
/// same tokens.
const FIXED_DATE: &[(&str, &str)] = &[
    ("%d", "26"),
    ("%b", "Jul"),
    ("%Y", "2024"),
    ("%B", "July"),
    ("%m", "07"),
    ("%y", "24"),
    ("%a", "Fri"),
    ("%A", "Friday"),
    ("%j", "208"),
    ("%H", "00"),
    ("%I", "12"),
    ("%p", "AM"),
    ("%M", "00"),
    ("%S", "00"),
];

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
}

/// The texts of the tokens that a template may refer to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BosEos<'t> {
    pub(crate) bos: &'t str,
    pub(crate) eos: &'t str,
}

/// Renders `messages` and the beginning of the assistant's turn.
pub(crate) fn render(
    template: &str,
    messages: &[(Role, &str)],
    bos_eos: BosEos<'_>,
) -> Result<String, ChatTemplateError> {
    match process::program() {
        Some(program) => process::render(program, template, messages, bos_eos),
        None => render_within(RENDER_TIMEOUT, template, messages, bos_eos),
    }
}

/// Renders on a separate thread whose stack holds the deepest value that the fuel allows; a panic
/// there becomes an error.
///
/// Some work costs no fuel, such as adding a list to itself repeatedly. A rendering that exceeds
/// the timeout is abandoned and ends with the process (`process.rs`).
fn render_within(
    timeout: Duration,
    template: &str,
    messages: &[(Role, &str)],
    bos_eos: BosEos<'_>,
) -> Result<String, ChatTemplateError> {
    let broken = |reason: &str| ChatTemplateError::Broken { line: 0, reason: reason.to_owned() };
    let (template, bos, eos) =
        (template.to_owned(), bos_eos.bos.to_owned(), bos_eos.eos.to_owned());
    let messages: Vec<(Role, String)> =
        messages.iter().map(|&(role, content)| (role, content.to_owned())).collect();
    let (sender, result) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name("chat-template".into()).stack_size(STACK_BYTES);
    let rendering = thread.spawn(move || {
        // The receiver is gone after the timeout.
        let _ = sender.send(render_here(&template, messages, BosEos { bos: &bos, eos: &eos }));
    });
    rendering.map_err(|_| broken("the system cannot start a thread"))?;
    match result.recv_timeout(timeout) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(ChatTemplateError::Endless { limit: FUEL }),
        Err(RecvTimeoutError::Disconnected) => Err(broken("the template engine failed")),
    }
}

fn render_here(
    template: &str,
    messages: Vec<(Role, String)>,
    bos_eos: BosEos<'_>,
) -> Result<String, ChatTemplateError> {
    if template.len() > MAX_TEMPLATE_BYTES {
        let (found, limit) = (template.len(), MAX_TEMPLATE_BYTES);
        return Err(ChatTemplateError::TooLong { found, limit });
    }
    let source = without_generation_tags(template);
    let environment = environment().map_err(|e| template_error(&e))?;
    let program = environment.template_from_str(&source).map_err(|e| template_error(&e))?;
    let messages: Vec<Value> = messages
        .into_iter()
        .map(|(role, content)| {
            let role = match role {
                Role::System => "system",
                Role::User => "user",
            };
            context! { role, content }
        })
        .collect();
    let none = Value::from(());
    let values = context! {
        messages,
        add_generation_prompt => true,
        bos_token => bos_eos.bos,
        eos_token => bos_eos.eos,
        // The defaults of `transformers`.
        tools => none.clone(),
        documents => none,
        // Disables thinking before the answer, because a suggestion must be fast.
        enable_thinking => false,
        thinking => false,
    };
    program.render(values).map_err(|e| template_error(&e))
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_DEPTH);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "True" } else { "False" })?),
        ValueKind::None => Ok(out.write_str("None")?),
        _ => {
            check_size(value, &mut { MAX_LIST_ITEMS })?;
            minijinja::escape_formatter(out, state, value)
        }
    });
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, quoted(&message)))
    });
    environment.add_function("strftime_now", strftime);
    environment.add_filter("tojson", to_json);
    Ok(environment)
}

/// Fails for a value with more than `left` items, including nested ones. Lists that were added to
/// themselves are lazy, so they cost no fuel until they are iterated.
fn check_size(value: &Value, left: &mut usize) -> Result<(), Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) {
        return Ok(());
    }
    for item in value.try_iter()? {
        *left = left.checked_sub(1).ok_or_else(|| Error::from(ErrorKind::OutOfFuel))?;
        check_size(&item, left)?;
        if value.kind() == ValueKind::Map {
            check_size(&value.get_item(&item)?, left)?;
        }
    }
    Ok(())
}

/// Formats the fixed date.
fn strftime(form: String) -> String {
    FIXED_DATE.iter().fold(form, |text, (code, value)| text.replace(code, value))
}

/// JSON in Python's format: `", "` and `": "` as separators, no HTML escapes.
#[expect(clippy::needless_pass_by_value, reason = "filters take their arguments by value")]
fn to_json(value: Value, options: Kwargs) -> Result<Value, Error> {
    check_size(&value, &mut { MAX_LIST_ITEMS })?;
    let indent: Option<usize> = options.get("indent")?;
    // Python's other options do not change the output here, so they are ignored.
    for name in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = options.get(name)?;
    }
    options.assert_all_used()?;
    let failed =
        |e: serde_json::Error| Error::new(ErrorKind::BadSerialization, quoted(&e.to_string()));
    let text = match indent {
        None => serialize(&value, PythonFormatter),
        Some(width) => {
            let blanks = vec![b' '; width.min(16)];
            serialize(&value, serde_json::ser::PrettyFormatter::with_indent(&blanks))
        }
    };
    Ok(Value::from_safe_string(text.map_err(failed)?))
}

fn serialize(
    value: &Value,
    form: impl serde_json::ser::Formatter,
) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, form);
    serde::Serialize::serialize(value, &mut writer)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `json.dumps` without indentation.
struct PythonFormatter;

impl serde_json::ser::Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Replaces `{% generation %}` and its end, with which `transformers` marks training text, by
/// blocks that always apply.
fn without_generation_tags(template: &str) -> String {
    if !template.contains("generation %}") && !template.contains("generation -%}") {
        return template.to_owned();
    }
    let mut source = template.to_owned();
    for open in ["{%", "{%-"] {
        for close in ["%}", "-%}"] {
            let tag = |name: &str| format!("{open} {name} {close}");
            source = source.replace(&tag("generation"), &tag("if true"));
            source = source.replace(&tag("endgeneration"), &tag("endif"));
        }
    }
    source
}

/// Converts an error, without the engine's quotes of the template.
fn template_error(error: &Error) -> ChatTemplateError {
    let line = error.line().unwrap_or(0);
    match error.kind() {
        ErrorKind::OutOfFuel => ChatTemplateError::Endless { limit: FUEL },
        kind => {
            let reason = match error.detail() {
                Some(detail) => format!("{kind}: {}", quoted(detail)),
                None => kind.to_string(),
            };
            ChatTemplateError::Broken { line, reason }
        }
    }
}

#[cfg(test)]
mod tests;
