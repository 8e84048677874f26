//! `gitwire remote-ws` and `remote-wss`: what lets git reach ws:// and wss:// (`gitremote-helpers`).

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use clap::Args;
use gitwire_gitdir::Config;
use gitwire_protocol::message::{HelperCommand, Service};

use crate::failure::Failure;
use crate::local;
use crate::tunnel::Tunnel;

/// Let git reach ws:// and wss://, as a remote helper.
///
/// git finds it under the names `git-remote-ws` and `git-remote-wss`: links to gitwire in a folder of PATH.
#[derive(Debug, Args)]
pub(crate) struct RemoteWs {
    /// The name of the remote, or its URL.
    remote: OsString,
    /// The URL.
    url: Option<OsString>,
}

impl RemoteWs {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        let url = local::bytes(self.url.as_ref().unwrap_or(&self.remote));
        let config = configuration(config)?;
        let mut input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        while let Some(line) = read_line(&mut input)? {
            let command =
                HelperCommand::parse(&line).map_err(|violation| Failure::fatal(violation.to_string()))?;
            match command {
                HelperCommand::Capabilities => say("connect\n\n")?,
                HelperCommand::Connect(Some(service @ (Service::UploadPack | Service::ReceivePack))) => {
                    // git does not say which version it wants; it finds out which one it got.
                    let remote = local::remote(&url, None, &config)?;
                    let parameters = remote.version.parameter().map(str::to_owned);
                    let tunnel = Tunnel::open(&remote, service, parameters)?;
                    say("\n")?;
                    return tunnel.carry();
                }
                HelperCommand::Connect(_) => say("fallback\n")?,
                HelperCommand::End => break,
                _ => return Err(Failure::fatal("this remote helper only connects")),
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The configuration of the repository that git works on, if there is one yet.
pub(super) fn configuration(overlay: Config) -> Result<Config, Failure> {
    if std::env::var_os("GIT_DIR").is_some()
        && let Ok(repository) = local::configured_repository(overlay.clone())
    {
        return Ok((*repository.config()).clone());
    }
    local::outside(overlay)
}

/// A line without its LF; nothing that follows it is read, because that may be for the server.
pub(super) fn read_line(input: &mut File) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    let mut byte = [0];
    while input.read(&mut byte)? > 0 {
        match byte {
            [b'\n'] => return Ok(Some(line)),
            [byte] if line.len() < LINE_MAX => line.push(byte),
            _ => return Err(Failure::fatal("a line of more than 64 KiB")),
        }
    }
    if line.is_empty() { Ok(None) } else { Err(Failure::fatal("a line without its end")) }
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// The longest line that is read. 64 KiB: a ref's name is not longer.
const LINE_MAX: usize = 64 << 10;
