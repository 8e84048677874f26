//! gitwired: a Git server put together from gitwire's libraries.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to who runs it")]

mod arguments;
mod config;
mod control;
mod create;
mod hosts;
mod limits;
mod listen;
mod metrics;
mod names;
mod rules;
mod sample;
mod site;
mod tls;
mod users;
mod web;

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::filter::LevelFilter;

use crate::arguments::{AllowPush, Arguments, Command, Log};
use crate::config::Options;
use crate::listen::{OpenDoor, Server};
use crate::sample::Sample;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; what is one gets git's exit code for wrong usage.
            let code = if error.use_stderr() { 129 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let ran = match &arguments.command {
        Some(Command::User(command)) => {
            start_log(Log::Text);
            command.run(|| Ok(sample::folder()?.join("users")))
        }
        None => run(arguments),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fatal: {error}");
            ExitCode::from(128)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut options = match &arguments.config {
        Some(path) => arguments.options.or(Options::read(path)?),
        None => arguments.options,
    };
    start_log(options.log.unwrap_or_default());
    let sample = options.is_sample().then(Sample::make).transpose()?;
    let root = match &sample {
        Some(sample) => {
            if options.users.is_none() && sample.users().is_file() {
                options.users = Some(sample.users());
                options.allow_push.get_or_insert(AllowPush::Auth);
            }
            sample.root()
        }
        None => options.root.clone().unwrap_or_else(|| PathBuf::from(".")),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let doors = listen::open(&options).await?;
        let listening: Vec<String> = doors.iter().map(OpenDoor::url).collect();
        let mut text: String = listening.iter().map(|url| format!("listening {url}\n")).collect();
        if let Some(sample) = &sample {
            text += &sample.hints(&doors)?;
        }
        let server = Server::new(doors, &root, &options)?;
        // In one piece; a server whose output nobody reads serves all the same.
        let _ = std::io::stdout().write_all(text.as_bytes());
        if let Some(path) = &options.ready_file {
            write_ready(path, &listening)?;
        }
        server.serve().await
    })?;
    // Work in the blocking pool that ignores its interrupt must not hold the program up.
    runtime.shutdown_background();
    Ok(())
}

/// Whoever waits for the file finds it whole.
fn write_ready(path: &Path, listening: &[String]) -> std::io::Result<()> {
    let urls: String = listening.iter().map(|url| format!("{url}\n")).collect();
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    std::fs::write(&new, urls)?;
    std::fs::rename(&new, path)
}

fn start_log(log: Log) {
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(LevelFilter::INFO);
    match log {
        Log::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        Log::Json => builder.json().init(),
    }
}
