//! Our library as the client.

use std::path::Path;
use std::sync::Arc;

use gitwire_client::{Clone, CloneKind, Fetch, Prune, Push, PushStatus, Remote, TagFollowing};
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_protocol::Version;
use gitwire_protocol::message::DepthRequest;
use gitwire_transport::{Program, SshProgram, SshVariant};
use gitwire_types::{FetchRefspec, PushRefspec};

use super::{Door, Operation, Talk};

/// Does it, and gives the version that the server was found to speak.
pub(super) fn run(talk: &Talk<'_>, place: &Path) -> Version {
    match talk.operation {
        Operation::Clone => {
            let clone = Clone::new(remote(talk, &talk.world.source), CloneKind::Mirror);
            clone.run(place, &mut |_| ()).unwrap().fetched.refs.version()
        }
        Operation::ShallowClone => {
            let mut clone = Clone::new(remote(talk, &talk.world.source), CloneKind::Bare);
            clone.fetch.depth = DepthRequest::commits(2);
            clone.run(place, &mut |_| ()).unwrap().fetched.refs.version()
        }
        Operation::Fetch => fetch(talk, place),
        Operation::Push => push(talk, place, "refs/*:refs/*"),
        Operation::Delete => push(talk, place, ":refs/heads/side"),
    }
}

fn fetch(talk: &Talk<'_>, place: &Path) -> Version {
    let mut fetch = Fetch::new(remote(talk, &talk.world.source));
    fetch.refspecs = vec![FetchRefspec::parse("+refs/*:refs/*").unwrap()];
    (fetch.prune, fetch.tags) = (Prune::Yes, TagFollowing::None);
    let repository = GitDir::open(place, &OpenOptions::default()).unwrap();
    let fetched = fetch.run(Arc::new(repository), &mut |_| ()).unwrap();
    // Three commits with two trees and two files each, a tag, and what completes the pack; files come as they lie there.
    let is_dumb = talk.case.door == Door::Dumb;
    assert!(is_dumb || fetched.pack.unwrap().objects <= 3 * 5 + 1 + 10, "{talk}: too much came");
    fetched.refs.version()
}

fn push(talk: &Talk<'_>, place: &Path, refspec: &'static str) -> Version {
    let mut push = Push::new(remote(talk, place));
    push.refspecs = vec![PushRefspec::parse(refspec).unwrap()];
    let repository = GitDir::open(&talk.world.source, &OpenOptions::default()).unwrap();
    let pushed = push.run(Arc::new(repository), &mut |_| ()).unwrap();
    for update in &pushed.updates {
        assert_eq!(update.status, PushStatus::Done, "{talk}: {}", update.destination);
    }
    pushed.refs.version()
}

fn remote(talk: &Talk<'_>, path: &Path) -> Remote {
    let servers = &talk.world.servers;
    let mut remote = Remote::parse(servers.url(talk, path).as_bytes()).unwrap();
    remote.version = talk.case.version;
    remote.connect.program = servers.program(talk).map(Program::new);
    remote.connect.ssh.program = SshProgram::Shell(servers.ssh().into());
    remote.connect.ssh.variant = Some(SshVariant::Ssh);
    remote
}
