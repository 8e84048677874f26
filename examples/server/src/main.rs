//! gitwired: a Git server put together from gitwire's libraries.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to who runs it")]

mod arguments;
mod create;
mod listen;
mod rules;
mod sample;
mod site;
mod users;
mod web;

use std::io::{IsTerminal, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::filter::LevelFilter;

use crate::arguments::{Arguments, Command, Log};

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
    start_log(arguments.log);
    let ran = match &arguments.command {
        Some(Command::User(command)) => command.run(|| Ok(sample::folder()?.join("users"))),
        None => run(&arguments),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fatal: {error}");
            ExitCode::from(128)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let (root, doors) = match (&arguments.root, arguments.listen.as_slice()) {
        (None, []) => {
            let root = sample::folder()?;
            sample::make(&root)?;
            (root, Vec::new())
        }
        (root, doors) => (root.clone().unwrap_or_else(|| ".".into()), doors.to_vec()),
    };
    let is_sample = arguments.root.is_none() && arguments.listen.is_empty();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let doors = listen::open(&doors).await?;
        let urls: String = doors.iter().map(|door| format!("listening {}\n", door.url())).collect();
        let hint = |door: &listen::OpenDoor| format!("\ntry: git clone {}/{}\n", door.url(), sample::NAME);
        let hints: String = doors.iter().filter(|_| is_sample).map(hint).collect();
        // In one piece; a server whose output nobody reads serves all the same.
        let _ = std::io::stdout().write_all((urls + &hints).as_bytes());
        if let Some(path) = &arguments.ready_file {
            let urls: String = doors.iter().map(|door| format!("{}\n", door.url())).collect();
            std::fs::write(path, urls)?;
        }
        listen::serve(doors, &root, arguments).await
    })?;
    // Work in the blocking pool that ignores its interrupt must not hold the program up.
    runtime.shutdown_background();
    Ok(())
}

fn start_log(log: Log) {
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(LevelFilter::INFO);
    match log {
        Log::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        Log::Json => builder.json().init(),
    }
}
