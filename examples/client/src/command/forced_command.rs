//! `gitwire forced-command`: what sshd runs for a key that may reach repositories and nothing else.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use gitwire_gitdir::{Config, Lookup, OpenOptions};
use gitwire_protocol::message::{Service, SshRequest};
use gitwire_protocol::{Serving, Version};
use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict, is_hidden};
use gitwire_server::{
    Conversation, DirectoryRoot, Export, OpenError, Policy, ReceivePolicy, Repositories as _,
    RepositoryRequest, ServeError, stdio,
};
use gitwire_transport::Deadlines;
use gitwire_transport::blocking::Streams;

use crate::failure::Failure;

/// Serve one ssh client, as sshd's forced command.
///
/// A line of ~/.ssh/authorized_keys lets the holder of a key reach the repositories
/// below a directory, and nothing else:
///
///     restrict,command="gitwire forced-command --root /srv/git --user ann --allow-push" ssh-ed25519 AAAA…
///
/// sshd says in SSH_ORIGINAL_COMMAND what the client wanted to run. For versions 1 and 2
/// of the protocol sshd must let a variable through: AcceptEnv GIT_PROTOCOL in sshd_config.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ForcedCommand {
    /// The directory below which repositories are served; paths are relative to it.
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Whose key it is: who pushes, for reflogs and hooks.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Take pushes.
    #[arg(long)]
    allow_push: bool,
}

impl ForcedCommand {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        let asked = std::env::var_os("SSH_ORIGINAL_COMMAND").filter(|command| !command.is_empty());
        let command = asked.ok_or_else(|| {
            Failure::fatal(format!(
                "hello {}: this account serves Git repositories and has no shell",
                self.user
            ))
        })?;
        let request = read(&command)?;
        let version = Version::asked(std::env::var_os("GIT_PROTOCOL").unwrap_or_default().as_bytes());
        let mut options = OpenOptions::default();
        (options.lookup, options.config) = (Lookup::Guess, config);
        let key = Arc::new(Key { allow_push: self.allow_push });
        let root = DirectoryRoot::with_options(&self.root, Export::All, options)?;
        let root = root.receiving(ReceivePolicy::default()).with_access(key);
        let principal = Principal::User(self.user.as_str().into());
        let mut wanted = RepositoryRequest::new(request.service, &request.path);
        wanted.principal = principal.clone();
        let refused = |error: OpenError| {
            Failure::fatal(format!("{}: '{}'", error.reply(), request.path.escape_ascii()))
        };
        match request.service {
            Service::UploadPack => {
                let policy = Arc::new(Policy::default());
                let uploading = root.open_to_upload(&wanted, &policy).map_err(refused)?;
                let deadlines = uploading.policy.deadlines.clone();
                serve(uploading.session(version, Serving::Duplex), deadlines)
            }
            Service::ReceivePack => {
                let receiving = root.open_to_receive(&wanted).map_err(refused)?;
                let (deadlines, pusher) = (receiving.policy.deadlines.clone(), principal.pusher());
                serve(receiving.session(pusher, version, Serving::Duplex), deadlines)
            }
            Service::UploadArchive => Err(Failure::fatal("git-upload-archive is not served")),
        }
    }
}

fn read(command: &OsString) -> Result<SshRequest, Failure> {
    SshRequest::parse(command.as_bytes()).map_err(|violation| {
        let commands = "git-upload-pack 'PATH' and git-receive-pack 'PATH'";
        Failure::fatal(format!("only {commands} may be run here: {violation}"))
    })
}

fn serve<C: Conversation>(conversation: (C, C::Machine), deadlines: Deadlines) -> Result<ExitCode, Failure> {
    match stdio::serve(conversation, deadlines, Streams::stdio()?) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // The client has been told; whoever looks at standard error hears it as well.
        Err(error @ (ServeError::Protocol(_) | ServeError::Refused(_))) => {
            Err(Failure::fatal(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the holder of the key may do: sshd has found out who that is.
struct Key {
    allow_push: bool,
}

impl Access for Key {
    fn decide(&self, _: &Principal, repository: &[u8], right: Right) -> Verdict {
        if is_hidden(repository) {
            return Verdict::Hidden;
        }
        if right == Right::Read || self.allow_push { Verdict::Allowed } else { Verdict::Denied }
    }

    fn authenticate(&self, _: &Credentials) -> Result<Principal, SignInError> {
        Err(SignInError::Wrong)
    }
}
