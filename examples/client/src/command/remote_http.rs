//! `gitwire remote-http` and `remote-https`: what lets git reach HTTP servers (`gitremote-helpers`).

mod discovered;
mod download;
mod options;
mod packets;
mod stateless;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use gitwire_client::{ClientError, Conversation, Fetch, Listener, Push, Remote, TagFollowing, ls_remote};
use gitwire_gitdir::Config;
use gitwire_protocol::message::{HelperCommand, Service};
use gitwire_protocol::{
    AdvertisedRef, FetchClient, FetchClientOptions, FetchEvent, LsRefsRequest, Mode, PushClient,
    PushClientOptions, PushEvent,
};
use gitwire_transport::{HttpError, Limits, TransportError};
use gitwire_types::{FetchRefspec, Never, ObjectFormat, PushRefspec};

use self::discovered::{Discovered, have};
use self::options::Options;
use super::remote_ws::{configuration, read_line};
use super::send_pack::print_helper_status;
use crate::failure::Failure;
use crate::local;
use crate::show::Show;
use crate::trace::Events;

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
        let end = url.windows(3).position(|three| three == b"://");
        if end.is_none_or(|end| end == 0) {
            return Err(Failure::fatal(format!("url has no scheme: {}", url.escape_ascii())));
        }
        let config = configuration(overlay.clone())?;
        let remote = local::remote(&url, None, &config)?;
        let input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        let (options, format) = (Options::default(), ObjectFormat::default());
        let mut helper = Helper { remote, config, overlay, input, options, format, known: None };
        while helper.step()? {}
        Ok(ExitCode::SUCCESS)
    }
}

/// A conversation with git.
struct Helper {
    remote: Remote,
    config: Config,
    /// The configuration of the command line, for the repository that git works on.
    overlay: Config,
    input: File,
    options: Options,
    /// The hash function of the remote, once its refs were listed.
    format: ObjectFormat,
    /// What the server has shown, until it is used.
    known: Option<Discovered>,
}

impl Helper {
    /// Does what git says next; whether there may be more.
    fn step(&mut self) -> Result<bool, Failure> {
        let Some(line) = read_line(&mut self.input)? else { return Ok(false) };
        match command(&line)? {
            HelperCommand::Capabilities => say(CAPABILITIES)?,
            HelperCommand::Option { name, value } => say(self.options.set(name, value).as_bytes())?,
            HelperCommand::List { for_push } => self.list(for_push)?,
            HelperCommand::StatelessConnect(service) => {
                return match stateless::open(&self.remote, service)? {
                    Some(exchanges) => {
                        say(b"\n")?;
                        stateless::carry(exchanges, &mut self.input, &mut std::io::stdout().lock())?;
                        Ok(false)
                    }
                    None => say(b"fallback\n").map(|()| true),
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
            HelperCommand::Get { url, path } => {
                let path = Path::new(OsStr::from_bytes(path));
                let from = local::remote(url, None, &self.config)?;
                if download::get(&from, path).is_err() {
                    let url = url.escape_ascii();
                    return Err(Failure::fatal(format!("failed to download file at URL '{url}'")));
                }
                say(b"\n")?;
            }
            HelperCommand::End => return Ok(false),
            _ => return Err(Failure::fatal("this remote helper does not connect")),
        }
        Ok(true)
    }

    /// Says which refs there are.
    fn list(&mut self, for_push: bool) -> Result<(), Failure> {
        let mut text = Vec::new();
        let service = if for_push { Service::ReceivePack } else { Service::UploadPack };
        match Discovered::ask(&self.remote, service) {
            Ok(mut known) => {
                known.tells = self.options.is_verbose();
                let format =
                    if for_push { receiving_refs(&known, &mut text) } else { refs(&known, &mut text) };
                (self.format, self.known) = (format?, Some(known));
            }
            // A server of files alone.
            Err(ClientError::Transport(TransportError::Http(HttpError::NotSmart { .. }))) if !for_push => {
                let refs = ls_remote(&self.remote, &[])?;
                self.format = refs.format();
                refs.iter().for_each(|shown| list_line(&shown, &mut text));
            }
            Err(error) => return Err(error.into()),
        }
        let format = match self.options.object_format {
            true => format!(":object-format {}\n", self.format),
            false => String::new(),
        };
        say(&[format.as_bytes(), &text, b"\n"].concat())
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
        let mut show = Show::new(self.options.style(), self.options.is_quiet());
        let (remote, limits) = (self.remote.clone(), self.limits()?);
        let known = &mut self.known;
        if known.as_ref().is_some_and(|known| known.service == Service::UploadPack) {
            let mut carrier = |conversation: &mut dyn Conversation<Machine = FetchClient>,
                               listener: Listener<'_>| {
                let machine = fetch_client(&remote);
                have(&remote, Service::UploadPack, known, &limits, machine, conversation, listener)
            };
            fetch.run_over(Arc::new(repository), &mut carrier, &mut |event| show.event(event), &Never)?;
        } else {
            fetch.run(Arc::new(repository), &mut |event| show.event(event))?;
        }
        drop(show);
        // What was wanted is known to be whole.
        say(if self.options.check_connectivity { b"connectivity-ok\n\n" } else { b"\n" })
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
        push.negotiate = self.config.boolean("push", None, "negotiate")?.unwrap_or_default();
        push.quiet = self.options.is_quiet();
        push.push_options.clone_from(&self.options.push_options);
        for lease in &self.options.leases {
            push.leases.push(super::push::lease_of(lease, &repository)?);
        }
        push.lease_if_included = self.options.force_if_includes;
        let mut show = Show::of_push(self.options.style(), self.options.is_quiet());
        let (remote, limits) = (self.remote.clone(), self.limits()?);
        let known = &mut self.known;
        let mut carrier = |conversation: &mut dyn Conversation<Machine = PushClient>,
                           listener: Listener<'_>| {
            let machine = push_client();
            have(&remote, Service::ReceivePack, known, &limits, machine, conversation, listener)
        };
        let repository = Arc::new(repository);
        let pushed = push.run_over(repository, &mut carrier, &mut |event| show.event(event), &Never)?;
        drop(show);
        super::push::status::complaints(&pushed);
        if let Some(pack) = pushed.pack {
            Events::new("send-pack").wrote(pack.total);
        }
        print_helper_status(&pushed)?;
        say(b"\n")
    }

    /// How much of a request is gathered before it is sent (`http.postBuffer`).
    fn limits(&self) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        if let Some(bytes) = self.config.integer("http", None, "postBuffer")? {
            limits.request_buffer_max = usize::try_from(bytes).unwrap_or(limits.request_buffer_max);
        }
        Ok(limits)
    }

    /// The next line of a batch; `None` at its end.
    fn batch_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(read_line(&mut self.input)?.filter(|line| !line.is_empty()))
    }
}

fn say(text: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    Ok(out.flush()?)
}

fn command(line: &[u8]) -> Result<HelperCommand<'_>, Failure> {
    HelperCommand::parse(line).map_err(|violation| Failure::fatal(violation.to_string()))
}

/// The refs that a server shows to who fetches.
fn refs(known: &Discovered, text: &mut Vec<u8>) -> Result<ObjectFormat, Failure> {
    let (mut format, mut asked) = (ObjectFormat::default(), false);
    let machine = FetchClient::new(FetchClientOptions::default());
    known.hear(
        machine,
        &mut |event| match event {
            FetchEvent::Capabilities(capabilities) => format = capabilities.object_format(),
            FetchEvent::Refs(block) => block.iter().for_each(|shown| list_line(&shown, text)),
            _ => {}
        },
        &mut |machine, output| match std::mem::replace(&mut asked, true) {
            false => machine.list_refs(LsRefsRequest::everything(), output),
            true => machine.finish(output),
        },
    )?;
    Ok(format)
}

/// The refs that a server shows to who pushes.
fn receiving_refs(known: &Discovered, text: &mut Vec<u8>) -> Result<ObjectFormat, Failure> {
    let mut format = Ok(ObjectFormat::default());
    known.hear(
        PushClient::new(PushClientOptions::default()),
        &mut |event| match event {
            PushEvent::Capabilities(offer) => format = offer.formats.primary(),
            PushEvent::Refs(block) => {
                let refs = block.iter().filter(|shown| shown.name != b".have");
                refs.for_each(|shown| list_line(&shown, text));
            }
            _ => {}
        },
        &mut |machine, output| machine.finish(output),
    )?;
    Ok(format?)
}

fn fetch_client(remote: &Remote) -> FetchClient {
    let mut options = remote.client.clone();
    options.mode = Mode::Stateless;
    FetchClient::new(options)
}

fn push_client() -> PushClient {
    let mut options = PushClientOptions::default();
    options.mode = Mode::Stateless;
    PushClient::new(options)
}

/// `ID NAME`, `@TARGET NAME` for a symbolic one, and a line for what a tag leads to. Names that could be taken for more than one word
/// are left out.
fn list_line(shown: &AdvertisedRef<'_>, text: &mut Vec<u8>) {
    let name = shown.name;
    if !is_plain(name) {
        return;
    }
    match (shown.symref_target.filter(|target| is_plain(target)), shown.id) {
        (Some(target), _) => text.extend_from_slice(&[b"@", target, b" ", name, b"\n"].concat()),
        (None, Some(id)) => text.extend_from_slice(&[id.to_hex().as_bytes(), b" ", name, b"\n"].concat()),
        (None, None) => {}
    }
    if let Some(peeled) = shown.peeled {
        text.extend_from_slice(&[peeled.to_hex().as_bytes(), b" ", name, b"^{}\n"].concat());
    }
}

fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && !name.iter().any(|byte| *byte == b' ' || byte.is_ascii_control())
}

const CAPABILITIES: &[u8] =
    b"stateless-connect\nfetch\nget\noption\npush\ncheck-connectivity\nobject-format\n\n";
