//! The command line: arguments in, one result on stdout, exit codes.
//!
//! 0: done. 1: failed, with one message on stderr. 2: wrong usage. stdout carries
//! the result and nothing else; with `serve` it carries the protocol.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use lowkey_completer::settings::{Settings, set_command_line};
use lowkey_completer::{DeviceChoice, Embedded, template_process};

use crate::stderr::tell;
use crate::{embedded, log, stderr};

mod bench;
mod client;
mod complete;
mod demo;
mod doctor;
mod markup;
mod models;
mod paint;
mod progress;
mod stats;
mod system;

/// Private code completion at the speed of typing: a small code model on your own machine.
#[derive(Debug, Parser)]
#[command(name = "lowkey", version, propagate_version = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// What plugins start a language server with; it means `serve`
    #[arg(long, hide = true)]
    stdio: bool,

    /// The model: a name of the catalog, the path of a .gguf file or of a folder with safetensors; without it the settings decide
    #[arg(long, global = true, value_name = "MODEL")]
    model: Option<String>,

    /// Threads for the model; 0 means one for each physical core
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,

    /// What float weights become when they are loaded; none leaves them as they are
    #[arg(long, global = true, value_name = "TYPE", value_parser = ["none", "q8_0"])]
    quantize: Option<String>,

    /// What the model runs on: auto, cpu, cuda, cuda:N or metal
    #[arg(long, global = true, value_name = "DEVICE", value_parser = device)]
    device: Option<DeviceChoice>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve an editor by the Language Server Protocol on stdin and stdout
    Serve {
        /// Accepted for editors that pass it; stdio is the only way
        #[arg(long)]
        stdio: bool,

        /// Serve editors that speak HTTP instead, on this port of 127.0.0.1; 0 takes a free one
        #[arg(long, value_name = "PORT", conflicts_with = "stdio")]
        http: Option<u16>,
    },
    /// Complete at a place in a file
    Complete(complete::Args),
    /// Type a short session against the real server and show each keystroke
    Demo(demo::Args),
    /// Measure
    Bench(Box<bench::Args>),
    /// Say what this machine and the model can do
    Doctor(doctor::Args),
    /// List, pull, check and remove the models that have a name
    Models(models::Args),
    /// Say what was shown on this machine and what you took of it
    Stats(stats::Args),
}

/// Parses the arguments and runs the command; `model` is the model inside the program.
pub fn main(model: Embedded) -> ExitCode {
    embedded::set(model);
    if std::env::args_os().skip(1).eq([template_process::ARGUMENT]) {
        return match template_process::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    if let Some(program) = this_program() {
        template_process::render_with(program);
    }
    let args = Args::parse();
    let mut given = serde_json::Map::new();
    if let Some(model) = &args.model {
        given.insert("model".into(), model.as_str().into());
    }
    if let Some(threads) = args.threads {
        given.insert("threads".into(), threads.into());
    }
    if let Some(quantize) = &args.quantize {
        given.insert("quantize".into(), quantize.as_str().into());
    }
    if let Some(device) = args.device {
        given.insert("device".into(), device.to_string().into());
    }
    let given = serde_json::Value::from(given);
    set_command_line(given.clone());
    if let Some(Command::Serve { http: Some(port), .. }) = args.command {
        log::start(log::OF_A_COMMAND);
        return exit_code(crate::http::run(port));
    }
    let serves = match args.command {
        None if std::io::stdin().is_terminal() && !args.stdio => {
            stderr::line(&Args::command().render_help().to_string());
            return ExitCode::from(2);
        }
        None | Some(Command::Serve { .. }) => true,
        Some(_) => false,
    };
    if serves {
        return serve();
    }
    log::start(log::OF_A_COMMAND);
    let (settings, problems) = Settings::load(&serde_json::Value::Null);
    for problem in problems {
        tell!("lowkey: settings: {problem}");
    }
    let outcome = match args.command {
        Some(Command::Complete(args)) => complete::run(&args, settings),
        Some(Command::Demo(demo)) => demo::run(&demo, args.model.as_deref(), args.threads, &given),
        Some(Command::Bench(args)) => bench::run(&args, &settings),
        Some(Command::Doctor(args)) => doctor::run(&args, settings),
        Some(Command::Models(args)) => models::run(&args),
        Some(Command::Stats(args)) => stats::run(&args),
        None | Some(Command::Serve { .. }) => Ok(()),
    };
    exit_code(outcome)
}

/// The program that runs, also when its file was replaced by a newer one meanwhile.
fn this_program() -> Option<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Some(running) } else { std::env::current_exe().ok() }
}

/// Reads a device's name.
fn device(text: &str) -> Result<DeviceChoice, &'static str> {
    DeviceChoice::parse(text).ok_or("there are auto, cpu, cuda, cuda:N and metal")
}

fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    log::finish();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell!("lowkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> ExitCode {
    match crate::lsp::run() {
        // A thread may still wait for stdin, which would keep a mere return waiting too.
        Ok(code) => std::process::exit(code),
        Err(error) => {
            tell!("lowkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the result to stdout; a reader that has gone away is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
