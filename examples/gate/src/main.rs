//! A gate between git and git: `gitwire-gate SERVICE UPSTREAM PATH` in the place of `git-upload-pack` and `git-receive-pack`.
//!
//! What comes on standard input is passed on to the repository at UPSTREAM followed by PATH, fetches and pushes alike, but no push that
//! brings a private key. As an ssh forced command, or tried out on this machine:
//!
//! ```sh
//! git clone -u 'gitwire-gate git-upload-pack git://upstream.example.org' ssh://gate.example.org/project.git
//! git push --receive-pack='gitwire-gate git-receive-pack ""' /srv/git/project.git main
//! ```

use std::error::Error;

use gitwire_gitdir::FileSpool;
use gitwire_pack::{Content, Indexer, IndexerOptions, Inspect, PackError, Resolve};
use gitwire_protocol::message::Service;
use gitwire_protocol::{PushRequest, Version};
use gitwire_server::{PushGate, Relay};
use gitwire_transport::blocking::{Streams, connect};
use gitwire_transport::{ConnectOptions, Url};
use gitwire_types::{Never, ObjectId, ObjectKind};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [service, upstream, path] = &words[..] else {
        return Err("usage: gitwire-gate git-upload-pack|git-receive-pack UPSTREAM PATH".into());
    };
    let service = Service::from_name(service.as_bytes()).ok_or("no service of git")?;
    let asked = std::env::var("GIT_PROTOCOL").unwrap_or_default();
    let mut options = ConnectOptions::user();
    options.parameters = Version::asked(asked.as_bytes()).parameter().map(str::to_owned);
    let url = Url::parse(format!("{upstream}{path}").as_bytes())?;
    let relay = Relay::new(Streams::stdio()?, connect(&url, service, &options)?);
    match service {
        Service::ReceivePack => Ok(relay.push(&mut KeyGate::default())?),
        _ => Ok(relay.fetch()?),
    }
}

/// Keeps the pack in a file without a name while it passes, so that objects can be made of its deltas.
#[derive(Default)]
struct KeyGate {
    indexer: Option<Indexer<FileSpool>>,
}

type Judged<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl PushGate for KeyGate {
    fn request(&mut self, request: &PushRequest) -> Judged<()> {
        let spool = FileSpool::temporary(&std::env::temp_dir())?;
        let options = IndexerOptions::new(request.agreement.object_format).memory(MEMORY);
        self.indexer = Some(Indexer::new(spool, options));
        Ok(())
    }

    fn pack(&mut self, piece: &[u8]) -> Judged<bool> {
        let indexer = self.indexer.as_mut().ok_or("a pack without a request")?;
        indexer.write(piece, &Never)?;
        Ok(indexer.is_complete())
    }

    fn verdict(&mut self) -> Judged<()> {
        let indexer = self.indexer.take().ok_or("a pack without a request")?;
        match indexer.finish(&Resolve::default().inspect(&NoPrivateKeys), &Never) {
            Err(PackError::Refused { source, .. }) => Err(source),
            indexed => Ok(indexed.map(drop)?),
        }
    }
}

/// The rule: put another in its place.
struct NoPrivateKeys;

impl Inspect for NoPrivateKeys {
    fn inspect(&self, id: &ObjectId, kind: ObjectKind, content: Content<'_>) -> Judged<()> {
        match content {
            _ if kind != ObjectKind::Blob => Ok(()),
            Content::Whole(text) if memchr::memmem::find(text, KEY).is_none() => Ok(()),
            Content::Whole(_) => Err(format!("{id} holds a private key").into()),
            _ => Err(format!("{id} is too large to be looked at").into()),
        }
    }
}

/// How each of them begins that OpenSSL and OpenSSH write.
const KEY: &[u8] = concat!("PRIVATE KEY", "-----").as_bytes();

/// What looking at a pack may hold. A blob of more than some megabytes is not looked at, and not let through.
const MEMORY: usize = 32 << 20;
