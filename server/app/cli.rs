//! The command line: arguments, one result on stdout, exit codes.
//!
//! Exit code 0: success. 1: failure, with one message on stderr. 2: wrong usage. stdout carries
//! only the result; with `serve` it carries the protocol.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory, Parser, Subcommand};
use lowkey_completer::settings::{Settings, set_command_line};
use lowkey_completer::{DeviceChoice, EmbeddedModel, template_process};
use lowkey_terminal::log;

use crate::stderr::print_stderr;
use crate::{embedded, stderr};

mod complete;
mod demo;
mod doctor;
mod models;
mod stats;

/// Private code completion at the speed of typing: a small code model on your own machine.
#[derive(Debug, Parser)]
#[command(name = "lowkey", version, propagate_version = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Accepted from plugins that start language servers with it; means `serve`
    #[arg(long, hide = true)]
    stdio: bool,

    /// The model: a catalog name, the path of a .gguf file, or the path of a folder with
    /// safetensors; default: the setting
    #[arg(long, global = true, value_name = "MODEL")]
    model: Option<String>,

    /// Threads for the model; 0 means one per physical core
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,

    /// Convert float weights to this type when they are loaded; none keeps them
    #[arg(long, global = true, value_name = "TYPE", value_parser = ["none", "q8_0"])]
    quantize: Option<String>,

    /// The device that runs the model: auto, cpu, cuda, cuda:N or metal
    #[arg(long, global = true, value_name = "DEVICE", value_parser = device)]
    device: Option<DeviceChoice>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve an editor over the Language Server Protocol on stdin and stdout
    Serve {
        /// Accepted for editors that pass it; stdio is the default
        #[arg(long)]
        stdio: bool,

        /// Serve editors over HTTP instead, on this port of 127.0.0.1; 0 selects a free port
        #[arg(long, value_name = "PORT", conflicts_with = "stdio")]
        http: Option<u16>,
    },
    /// Complete at a position in a file
    Complete(complete::Args),
    /// Type a short session with the real server and show each keystroke
    Demo(demo::Args),
    /// Run benchmarks
    Bench(Box<lowkey_bench::Args>),
    /// Show the abilities of this machine and the model
    Doctor(doctor::Args),
    /// List, pull, check and remove the models of the catalog
    Models(models::Args),
    /// Show how many suggestions were shown on this machine and accepted
    Stats(stats::Args),
}

/// Parses the arguments and runs the command; `model` is the model in the program.
pub fn main(model: EmbeddedModel) -> ExitCode {
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
        log::start(log::COMMAND_FILTER);
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
    log::start(log::COMMAND_FILTER);
    let (settings, problems) = Settings::load(&serde_json::Value::Null);
    for problem in problems {
        print_stderr!("lowkey: settings: {problem}");
    }
    let outcome = match args.command {
        Some(Command::Complete(args)) => complete::run(&args, settings),
        Some(Command::Demo(demo)) => demo::run(&demo, args.model.as_deref(), args.threads, &given),
        Some(Command::Bench(args)) => bench(&args, &settings),
        Some(Command::Doctor(args)) => doctor::run(&args, settings),
        Some(Command::Models(args)) => models::run(&args),
        Some(Command::Stats(args)) => stats::run(&args),
        None | Some(Command::Serve { .. }) => Ok(()),
    };
    exit_code(outcome)
}

fn bench(args: &lowkey_bench::Args, settings: &Settings) -> anyhow::Result<()> {
    let program =
        lowkey_bench::Program { embedded: embedded::embedded(), executable: executable()? };
    lowkey_bench::run(args, settings, &program)
}

/// Returns the path of this program, which commands use to start a server.
fn executable() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find the path of the lowkey program")
}

/// Opens the running program, even if a newer one has replaced its file.
fn this_program() -> Option<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Some(running) } else { std::env::current_exe().ok() }
}

/// Parses a device's name.
fn device(text: &str) -> Result<DeviceChoice, &'static str> {
    DeviceChoice::parse(text).ok_or("use auto, cpu, cuda, cuda:N or metal")
}

fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    log::finish();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_stderr!("lowkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> ExitCode {
    match crate::lsp::run() {
        // Another thread may still wait for stdin, and a plain return would wait for that thread.
        Ok(code) => std::process::exit(code),
        Err(error) => {
            print_stderr!("lowkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}
