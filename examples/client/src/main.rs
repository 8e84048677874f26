//! gitwire: a Git client and drop-in plumbing put together from gitwire's libraries.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to who runs it")]

mod bundle;
mod command;
mod date;
mod failure;
mod files;
mod incoming;
mod input;
mod links;
mod local;
mod parent;
mod promisors;
mod protocols;
mod show;
mod signing;
mod strict;
mod trace;
mod tunnel;
mod web;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gitwire_gitdir::Config;

use crate::failure::Failure;

/// A Git client and drop-in plumbing.
#[derive(Debug, Parser)]
#[command(name = "gitwire", version)]
struct Arguments {
    /// A variable of the configuration that wins over the repository's: section.name=value.
    #[arg(short = 'c', value_name = "KEY=VALUE")]
    config: Vec<OsString>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the refs of a remote repository.
    LsRemote(command::ls_remote::LsRemote),
    /// Make a repository of a remote one, without a work tree.
    Clone(command::clone::CloneCommand),
    /// Bring objects and refs from a remote repository.
    Fetch(command::fetch::FetchCommand),
    /// Send objects and refs to a remote repository.
    Push(command::push::PushCommand),
    /// Make an empty repository.
    Init(command::init::Init),
    /// Serve one client on standard input and output.
    UploadPack(command::upload_pack::UploadPack),
    /// Receive one push on standard input and output.
    ReceivePack(command::receive_pack::ReceivePack),
    /// Bring objects from a remote repository, as git's plumbing does.
    FetchPack(command::fetch_pack::FetchPack),
    /// Send one push, as git's plumbing does.
    SendPack(command::send_pack::SendPack),
    /// Tell the control channel of gitwired what to do.
    Rpc(command::rpc::Rpc),
    /// Serve git:// to many clients.
    Daemon(command::daemon::Daemon),
    ForcedCommand(command::forced_command::ForcedCommand),
    /// Serve one HTTP request as a CGI program.
    HttpBackend(command::http_backend::HttpBackend),
    #[command(alias = "remote-https")]
    RemoteHttp(command::remote_http::RemoteHttp),
    #[command(alias = "remote-wss")]
    RemoteWs(command::remote_ws::RemoteWs),
    SshOverWs(command::ssh_over_ws::SshOverWs),
    /// Make the index of a pack.
    IndexPack(command::index_pack::IndexPack),
    /// Put the objects of a pack into files of their own.
    UnpackObjects(command::unpack_objects::UnpackObjects),
    /// Check packs against their indexes.
    VerifyPack(command::verify_pack::VerifyPack),
    /// Show what an index holds.
    ShowIndex(command::show_index::ShowIndex),
    /// Make a pack of what revisions reach.
    PackObjects(command::pack_objects::PackObjects),
}

fn main() -> ExitCode {
    // Some parents leave the first thread little room.
    let ran = std::thread::Builder::new().stack_size(STACK).spawn(start).map(std::thread::JoinHandle::join);
    match ran {
        Ok(Ok(code)) => code,
        // What went wrong was said where it went wrong.
        Ok(Err(_)) => ExitCode::from(101),
        Err(error) => Failure::from(error).report(),
    }
}

/// As much as programs have by default.
const STACK: usize = 8 << 20;

fn start() -> ExitCode {
    let arguments = match Arguments::try_parse_from(words(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; what is one gets git's exit code for wrong usage, and so does the short `-h`.
            let is_short = || std::env::args_os().nth_back(0).is_some_and(|last| last == "-h");
            let code = if error.use_stderr() || is_short() { 129 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match run(&arguments) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// The words of the command line; called by the name of a command of git, its name is the first of them.
fn words(all: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = all.collect();
    let name = words.first().map(Path::new).and_then(Path::file_name).and_then(OsStr::to_str);
    if let Some(command) = name.and_then(|name| name.strip_prefix("git-")).map(OsString::from) {
        words.insert(1, command);
    }
    words
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = local::overlay(&arguments.config)?;
    execute(&arguments.command, config)
}

fn execute(command: &Command, config: Config) -> Result<ExitCode, Failure> {
    match command {
        Command::LsRemote(command) => command.run(config),
        Command::Clone(command) => command.run(&local::outside(config)?),
        Command::Fetch(command) => command.run(config),
        Command::Push(command) => command.run(config),
        Command::Init(command) => command.run(&local::outside(config)?),
        Command::UploadPack(command) => command.run(config),
        Command::ReceivePack(command) => command.run(config),
        Command::FetchPack(command) => command.run(config),
        Command::SendPack(command) => command.run(config),
        Command::Rpc(command) => command.run(),
        Command::Daemon(command) => command.run(config),
        Command::ForcedCommand(command) => command.run(config),
        Command::HttpBackend(command) => command.run(config),
        Command::RemoteHttp(command) => command.run(config),
        Command::RemoteWs(command) => command.run(config),
        Command::SshOverWs(command) => command.run(config),
        Command::IndexPack(command) => command.run(config),
        Command::UnpackObjects(command) => command.run(config),
        Command::VerifyPack(command) => command.run(),
        Command::ShowIndex(command) => command.run(),
        Command::PackObjects(command) => command.run(config),
    }
}
