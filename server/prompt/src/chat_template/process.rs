//! Renders in a separate process, whose memory and time the operating system limits.
//!
//! A template is an untrusted program, and its engine counts instructions, not the memory that one
//! instruction uses. A list that is added to itself sixty times, or a long text that is joined with
//! another, uses up the machine's memory in a few steps, and a thread cannot be stopped. A process
//! can. The program starts itself with [`ARGUMENT`], writes the template to its stdin and reads the
//! text, or the error, from its stdout.
//! If no program was set (in tests of the libraries), rendering happens in the current process.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::channel;

use serde::{Deserialize, Serialize};

use super::{BosEos, FUEL, RENDER_TIMEOUT, Role, render_within};
use crate::error::ChatTemplateError;

/// The only argument of the rendering process.
pub const ARGUMENT: &str = "--render-chat-template";

/// Maximum bytes that a rendering may allocate, including the stack of its thread; known templates
/// need less than 10 MB.
#[cfg(unix)]
const MAX_MEMORY_BYTES: u64 = 1 << 30;

/// CPU seconds that a rendering may take; known templates take a few milliseconds.
#[cfg(unix)]
const MAX_CPU_SECONDS: u64 = 3;

/// Maximum bytes of a response: the template, its messages and room for repetition.
const MAX_RESPONSE_BYTES: u64 = 8 << 20;

/// The program that renders.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Makes all later renderings run in a process of `program`, which must call [`serve`] if its
/// argument is [`ARGUMENT`].
pub fn render_with(program: PathBuf) {
    // A process has one program; the first call counts.
    let _ = PROGRAM.set(program);
}

/// The input of a rendering.
#[derive(Debug, Serialize, Deserialize)]
struct RenderRequest {
    template: String,
    messages: Vec<(bool, String)>,
    bos: String,
    eos: String,
}

/// The result of a rendering.
#[derive(Debug, Serialize, Deserialize)]
enum RenderResponse {
    Text(String),
    TooLong { found: usize, limit: usize },
    Broken { line: usize, reason: String },
    Endless,
}

/// Returns the rendering program, if one was set.
pub(super) fn program() -> Option<&'static Path> {
    PROGRAM.get().map(PathBuf::as_path)
}

/// Renders in a process of `program`.
pub(super) fn render(
    program: &Path,
    template: &str,
    messages: &[(Role, &str)],
    bos_eos: BosEos<'_>,
) -> Result<String, ChatTemplateError> {
    let request = RenderRequest {
        template: template.to_owned(),
        messages: messages
            .iter()
            .map(|(role, text)| (*role == Role::System, (*text).to_owned()))
            .collect(),
        bos: bos_eos.bos.to_owned(),
        eos: bos_eos.eos.to_owned(),
    };
    let response = send_request(program, &request).map_err(|error| ChatTemplateError::Broken {
        line: 0,
        reason: format!("its process cannot be started: {error}"),
    })?;
    match response {
        Some(RenderResponse::Text(text)) => Ok(text),
        Some(RenderResponse::TooLong { found, limit }) => {
            Err(ChatTemplateError::TooLong { found, limit })
        }
        Some(RenderResponse::Broken { line, reason }) => {
            Err(ChatTemplateError::Broken { line, reason })
        }
        // Without a response, a limit ended the process.
        Some(RenderResponse::Endless) | None => Err(ChatTemplateError::Endless { limit: FUEL }),
    }
}

/// Starts the process and waits for its response; `None` if it ends without one or exceeds the
/// timeout.
fn send_request(program: &Path, request: &RenderRequest) -> io::Result<Option<RenderResponse>> {
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (sender, response) = channel();
    let request = serde_json::to_vec(request).map_err(io::Error::other)?;
    let exchange = std::thread::Builder::new().name("chat-template".into()).spawn(move || {
        // A killed process does not read its input, and its response is empty.
        let _ = stdin.map(|mut stdin| stdin.write_all(&request));
        let mut bytes = Vec::new();
        let _ = stdout.map(|stdout| stdout.take(MAX_RESPONSE_BYTES).read_to_end(&mut bytes));
        let _ = sender.send(bytes);
    });
    let bytes = match exchange {
        Ok(_) => response.recv_timeout(RENDER_TIMEOUT).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    // The process has ended or must end; in both cases it is reaped.
    let _ = child.kill();
    let _ = child.wait();
    Ok(serde_json::from_slice(&bytes).ok())
}

/// Runs the rendering process: sets the limits, reads a request from stdin, writes a response to
/// stdout.
pub fn serve() -> io::Result<()> {
    limit_this_process()?;
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_RESPONSE_BYTES).read_to_end(&mut bytes)?;
    let RenderRequest { template, messages, bos, eos } = serde_json::from_slice(&bytes)?;
    let messages: Vec<(Role, &str)> = messages
        .iter()
        .map(|(is_system, text)| (if *is_system { Role::System } else { Role::User }, &**text))
        .collect();
    let bos_eos = BosEos { bos: &bos, eos: &eos };
    let response = match render_within(RENDER_TIMEOUT, &template, &messages, bos_eos) {
        Ok(text) => RenderResponse::Text(text),
        Err(ChatTemplateError::TooLong { found, limit }) => {
            RenderResponse::TooLong { found, limit }
        }
        Err(ChatTemplateError::Endless { .. }) => RenderResponse::Endless,
        Err(ChatTemplateError::Broken { line, reason }) => RenderResponse::Broken { line, reason },
        Err(lost @ ChatTemplateError::Lost { .. }) => {
            RenderResponse::Broken { line: 0, reason: lost.to_string() }
        }
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(&serde_json::to_vec(&response)?)?;
    stdout.flush()
}

/// Limits memory and CPU time. `Data` counts allocations, not the program's own file.
#[cfg(unix)]
fn limit_this_process() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    for (resource, limit) in [
        (Resource::Data, MAX_MEMORY_BYTES),
        (Resource::Cpu, MAX_CPU_SECONDS),
        // Disables core dumps.
        (Resource::Core, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}

/// On this platform only the parent's timeout limits it.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere a limit may be refused")]
fn limit_this_process() -> io::Result<()> {
    Ok(())
}
