//! `gitwire remote-http` and `remote-https`: what lets git reach HTTP servers (`gitremote-helpers`).

mod options;
mod packets;
mod stateless;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use gitwire_client::{ClientError, Fetch, Push, PushStatus, PushUpdate, Remote, TagFollowing, ls_remote};
use gitwire_gitdir::Config;
use gitwire_protocol::message::{HelperCommand, Service};
use gitwire_protocol::{AdvertisedRef, Mode, PushClient, PushClientOptions, PushEvent, RefBlock, Version};
use gitwire_transport::blocking::StatelessDriver;
use gitwire_transport::{DriveError, Moved, http};
use gitwire_types::{FetchRefspec, ObjectFormat, PushRefspec};

use self::options::Options;
use super::remote_ws::{configuration, read_line, say};
use crate::failure::Failure;
use crate::local;
use crate::show::Show;

/// Let git reach http:// and https://, as a remote helper.
///
/// git finds it under the names `git-remote-http` and `git-remote-https`: links to gitwire in a folder of its exec path.
#[derive(Debug, Args)]
pub(crate) struct RemoteHttp {
    /// The name of the remote, or its URL.
    remote: OsString,
    /// The URL.
    url: Option<OsString>,
}

impl RemoteHttp {
    pub(crate) fn run(&self, overlay: Config) -> Result<ExitCode, Failure> {
        let url = local::bytes(self.url.as_ref().unwrap_or(&self.remote));
        let config = configuration(overlay.clone())?;
        let remote = local::remote(&url, None, &config)?;
        let input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        let mut helper =
            Helper { remote, overlay, input, options: Options::default(), format: ObjectFormat::default() };
        while helper.step()? {}
        Ok(ExitCode::SUCCESS)
    }
}

/// A conversation with git.
struct Helper {
    remote: Remote,
    /// The configuration of the command line, for the repository that git works on.
    overlay: Config,
    input: File,
    options: Options,
    /// The hash function of the remote, once its refs were listed.
    format: ObjectFormat,
}

impl Helper {
    /// Does what git says next; whether there may be more.
    fn step(&mut self) -> Result<bool, Failure> {
        let Some(line) = read_line(&mut self.input)? else { return Ok(false) };
        match command(&line)? {
            HelperCommand::Capabilities => say(CAPABILITIES)?,
            HelperCommand::Option { name, value } => say(self.options.set(name, value))?,
            HelperCommand::List { for_push } => self.list(for_push)?,
            HelperCommand::StatelessConnect(service) => {
                return match stateless::open(&self.remote, service)? {
                    Some(exchanges) => {
                        say("\n")?;
                        stateless::carry(exchanges, &mut self.input, &mut std::io::stdout().lock())?;
                        Ok(false)
                    }
                    None => say("fallback\n").map(|()| true),
                };
            }
            HelperCommand::Fetch { id, .. } => {
                let first = id.to_vec();
                self.fetch(first)?;
            }
            HelperCommand::Push(refspec) => {
                let first = refspec.to_vec();
                self.push(first)?;
            }
            HelperCommand::End => return Ok(false),
            _ => return Err(Failure::fatal("this remote helper does not connect")),
        }
        Ok(true)
    }

    /// Says which refs there are.
    fn list(&mut self, for_push: bool) -> Result<(), Failure> {
        let mut text = String::new();
        if for_push {
            let blocks = self.receiving_refs()?;
            let refs = blocks.iter().flat_map(RefBlock::iter).filter(|shown| shown.name != b".have");
            refs.for_each(|shown| list_line(&shown, &mut text));
        } else {
            let refs = ls_remote(&self.remote, &[])?;
            self.format = refs.format();
            refs.iter().for_each(|shown| list_line(&shown, &mut text));
        }
        let format = match self.options.object_format {
            true => format!(":object-format {}\n", self.format),
            false => String::new(),
        };
        say(&format!("{format}{text}\n"))
    }

    /// The refs that the remote shows to who pushes.
    fn receiving_refs(&mut self) -> Result<Vec<RefBlock>, Failure> {
        let mut options = self.remote.connect.clone();
        // There is no push of version 2, and git's server leaves out the preface where it is asked for.
        let asked = if self.remote.version == Version::V1 { Version::V1 } else { Version::V0 };
        options.parameters = asked.parameter().map(str::to_owned);
        let exchanges = http::exchanges(&self.remote.url, Service::ReceivePack, &options);
        let exchanges = exchanges.map_err(ClientError::from)?;
        let mut machine = PushClientOptions::default();
        machine.mode = Mode::Stateless;
        let machine = PushClient::new(machine);
        let mut driver = StatelessDriver::new(machine, exchanges, self.remote.deadlines.clone());
        let mut blocks = Vec::new();
        loop {
            match driver.next().map_err(client_error)? {
                Moved::Event(PushEvent::Capabilities(offer)) => self.format = offer.formats.primary()?,
                Moved::Event(PushEvent::Refs(block)) => blocks.push(block),
                Moved::Event(_) => {}
                Moved::Answer => driver.with(|machine, output| machine.finish(output))?,
                Moved::Done => break,
            }
        }
        driver.close();
        Ok(blocks)
    }

    /// Brings objects, up to the end of the batch that begins with `first`.
    fn fetch(&mut self, first: Vec<u8>) -> Result<(), Failure> {
        let mut ids = vec![first];
        while let Some(line) = self.batch_line()? {
            match command(&line)? {
                HelperCommand::Fetch { id, .. } => ids.push(id.to_vec()),
                _ => {
                    return Err(Failure::fatal(
                        "http transport does not support what stands in a batch of fetch",
                    ));
                }
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let mut fetch = Fetch::new(self.remote.clone());
        fetch.refspecs = ids.into_iter().map(FetchRefspec::parse).collect::<Result<_, _>>()?;
        fetch.tags = TagFollowing::None;
        fetch.depth = self.options.depth.clone();
        fetch.filter.clone_from(&self.options.filter);
        let repository = local::configured_repository(self.overlay.clone())?;
        let mut show = Show::new(None, self.options.is_quiet());
        fetch.run(Arc::new(repository), &mut |event| show.event(event))?;
        drop(show);
        // What was wanted is known to be whole.
        say(if self.options.check_connectivity { "connectivity-ok\n\n" } else { "\n" })
    }

    /// Pushes, up to the end of the batch that begins with `first`.
    fn push(&mut self, first: Vec<u8>) -> Result<(), Failure> {
        let mut words = vec![first];
        while let Some(line) = self.batch_line()? {
            match command(&line)? {
                HelperCommand::Push(refspec) => words.push(refspec.to_vec()),
                _ => {
                    return Err(Failure::fatal(
                        "http transport does not support what stands in a batch of push",
                    ));
                }
            }
        }
        let repository = local::configured_repository(self.overlay.clone())?;
        let mut push = Push::new(self.remote.clone());
        push.refspecs = words.into_iter().map(PushRefspec::parse).collect::<Result<_, _>>()?;
        push.dry_run = self.options.dry_run;
        push.atomic = self.options.atomic;
        push.quiet = self.options.is_quiet();
        push.push_options.clone_from(&self.options.push_options);
        for lease in &self.options.leases {
            push.leases.push(super::push::lease_of(lease, &repository)?);
        }
        let mut show = Show::of_push(None, self.options.is_quiet());
        let pushed = push.run(Arc::new(repository), &mut |event| show.event(event))?;
        drop(show);
        super::push::status::complaints(&pushed);
        let text: String = pushed.updates.iter().map(status_lines).collect();
        say(&format!("{text}\n"))
    }

    /// The next line of a batch; `None` at its end.
    fn batch_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(read_line(&mut self.input)?.filter(|line| !line.is_empty()))
    }
}

fn command(line: &[u8]) -> Result<HelperCommand<'_>, Failure> {
    HelperCommand::parse(line).map_err(|violation| Failure::fatal(violation.to_string()))
}

fn client_error(error: DriveError<gitwire_protocol::ProtocolError>) -> Failure {
    ClientError::from(error).into()
}

/// `ID NAME`, `@TARGET NAME` for a symbolic one, and a line for what a tag leads to. Names that git would not take either are left
/// out.
fn list_line(shown: &AdvertisedRef<'_>, text: &mut String) {
    let Some(name) = std::str::from_utf8(shown.name).ok().filter(|name| is_plain(name)) else { return };
    let target = shown.symref_target.and_then(|target| std::str::from_utf8(target).ok());
    // Nothing can go wrong in memory.
    let _ = match (target.filter(|target| is_plain(target)), shown.id) {
        (Some(target), _) => writeln!(text, "@{target} {name}"),
        (None, Some(id)) => writeln!(text, "{id} {name}"),
        (None, None) => Ok(()),
    };
    if let Some(peeled) = shown.peeled {
        let _ = writeln!(text, "{peeled} {name}^{{}}");
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(|letter: char| letter == ' ' || letter.is_control())
}

/// What became of a ref, in the words that git looks for.
fn status_lines(update: &PushUpdate) -> String {
    let name = &update.destination;
    match &update.status {
        PushStatus::Done => {
            let mut text = format!("ok {name}\n");
            for change in &update.changes {
                if let Some(name) = &change.name {
                    let _ = writeln!(text, "option refname {}", name.escape_ascii());
                }
                for (option, id) in [("old-oid", change.old), ("new-oid", change.new)] {
                    if let Some(id) = id {
                        let _ = writeln!(text, "option {option} {id}");
                    }
                }
                if change.forced {
                    text.push_str("option forced-update\n");
                }
            }
            text
        }
        PushStatus::UpToDate => format!("ok {name} up to date\n"),
        PushStatus::Rejected(rejection) => {
            // git's helper spells this one without the second hyphen.
            let why = rejection.to_string().replace("non-fast-forward", "non-fast forward");
            format!("error {name} {why}\n")
        }
        PushStatus::RemoteRejected(why) => format!("error {name} {}\n", quoted(why)),
        _ => format!("error {name} expecting report\n"),
    }
}

/// As git quotes what is not plain.
fn quoted(text: &[u8]) -> String {
    match text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        true => String::from_utf8_lossy(text).into_owned(),
        false => format!("\"{}\"", text.escape_ascii()),
    }
}

const CAPABILITIES: &str = "stateless-connect\nfetch\noption\npush\ncheck-connectivity\nobject-format\n\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        for (text, expected) in
            [("hook declined", "hook declined"), ("a \"b\"", "\"a \\\"b\\\"\""), ("a\nb", "\"a\\nb\"")]
        {
            assert_eq!(quoted(text.as_bytes()), expected);
        }
    }
}
