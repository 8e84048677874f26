//! Pushes by stock git over git://, into repositories that git then looks at.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_protocol::PushCommand;
use gitwire_server::{
    DirectoryRoot, Export, Hooks, Jobs, OpenError, Policy, Proposal, ReceivePolicy, Receiving, Refusal,
    Repositories, RepositoryRequest, daemon,
};
use gitwire_storage::Repository;
use gitwire_testkit::git::{Folder, Git};

/// A server of one empty repository, and a work tree with two commits to push.
pub(crate) struct Fixture {
    pub(crate) git: Git,
    pub(crate) folder: Folder,
    pub(crate) url: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Fixture {
    pub(crate) fn new(policy: Option<ReceivePolicy>) -> Option<Self> {
        Self::with(|root| match policy {
            Some(policy) => Arc::new(root.receiving(policy)),
            None => Arc::new(root),
        })
    }

    /// The same with what `wrap` makes of the repositories.
    pub(crate) fn with(wrap: impl FnOnce(DirectoryRoot) -> Arc<dyn Repositories>) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new("receive");
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        git.ok(&root, ["init", "-q", "--bare", "--initial-branch=main", "r.git"]);
        git.ok(folder.path(), ["init", "-q", "--initial-branch=main", "work"]);
        let repositories = wrap(DirectoryRoot::new(&root, Export::All).unwrap());
        let (address, stop) = serve(repositories);
        let fixture = Self { git, folder, url: format!("git://{address}/r.git"), _stop: stop };
        fixture.commit("one");
        fixture.commit("two");
        fixture.git.ok(&fixture.work(), ["remote", "add", "origin", &fixture.url]);
        Some(fixture)
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn served(&self) -> PathBuf {
        self.folder.path().join("root/r.git")
    }

    pub(crate) fn commit(&self, name: &str) {
        fs::write(self.work().join(name), format!("{name}\n").repeat(100)).unwrap();
        self.git.ok(&self.work(), ["add", "."]);
        self.git.ok(&self.work(), ["commit", "-q", "-m", name]);
    }

    /// Pushes; whether git was content, and what it said.
    pub(crate) fn push(&self, arguments: &[&str]) -> (bool, String) {
        let words = [&["push", "--porcelain", "origin"], arguments].concat();
        let output = self.git.run(&self.work(), words);
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    #[track_caller]
    pub(crate) fn pushes(&self, arguments: &[&str]) -> String {
        let (content, text) = self.push(arguments);
        assert!(content, "{arguments:?}: {text}");
        self.git.ok(&self.served(), ["fsck", "--strict"]);
        text
    }

    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str], expected: &str) {
        let before = self.refs(&self.served());
        let (content, text) = self.push(arguments);
        assert!(!content && text.contains(expected), "{arguments:?}: {text}");
        assert_eq!(self.refs(&self.served()), before);
        assert!(!self.leftovers(), "{arguments:?} has left something behind");
    }

    pub(crate) fn refs(&self, path: &Path) -> String {
        String::from_utf8(self.git.ok(path, ["for-each-ref"])).unwrap()
    }

    /// Whether something lies among the objects that is neither a pack nor an object.
    pub(crate) fn leftovers(&self) -> bool {
        let names = |path: PathBuf| {
            let entries = fs::read_dir(path).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        let objects = names(self.served().join("objects"));
        let packs = names(self.served().join("objects/pack"));
        objects.iter().any(|name| name.len() != 2 && name != "info" && name != "pack")
            || packs.iter().any(|name| !name.starts_with("pack-") || name.ends_with(".keep"))
    }

    pub(crate) fn hook(&self, name: &str, text: &str) {
        let path = self.served().join("hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What a branch of the work tree holds.
    pub(crate) fn tip(&self, name: &str) -> String {
        String::from_utf8(self.git.ok(&self.work(), ["rev-parse", name])).unwrap().trim().to_owned()
    }
}

fn serve(repositories: Arc<dyn Repositories>) -> (std::net::SocketAddr, tokio::sync::oneshot::Sender<()>) {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let (policy, options) = (Arc::new(Policy::default()), daemon::DaemonOptions::default());
            let until = async { drop(stopped.await) };
            daemon::serve(listener, repositories, policy, Jobs::new(4), options, until).await.unwrap();
        });
    });
    (told.recv().unwrap(), stop)
}

#[test]
fn refs_are_made_changed_and_deleted() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::default())) else { return };
    fixture.pushes(&["main", "main~1:refs/heads/side", "main:refs/tags/v1"]);
    assert_eq!(fixture.refs(&fixture.served()).lines().count(), 3);
    fixture.commit("three");
    // The second push is thin.
    let text = fixture.pushes(&["main"]);
    assert!(text.contains("refs/heads/main:refs/heads/main"), "{text}");
    fixture.pushes(&["+main~2:main", ":side"]);
    let head = |path: &Path| fixture.git.ok(path, ["rev-parse", "main~0"]);
    assert_eq!(head(&fixture.served()), fixture.git.ok(&fixture.work(), ["rev-parse", "main~2"]));
    assert_eq!(fixture.refs(&fixture.served()).lines().count(), 2);
    fixture.pushes(&["--atomic", "main", "main:a", "main:b"]);
    assert!(!fixture.leftovers());
    // What is not there any more is no error.
    fixture.pushes(&[":refs/tags/v1"]);
}

#[test]
fn what_may_not_be_is_refused_in_gits_words() {
    let mut policy = ReceivePolicy::default();
    policy.hidden = gitwire_server::HiddenRefs::new(["refs/hidden"]);
    policy.deny_non_fast_forwards = true;
    let Some(fixture) = Fixture::new(Some(policy)) else { return };
    fixture.pushes(&["main", "main:side"]);
    fixture.refused(&[":main"], "deletion of the current branch prohibited");
    fixture.refused(&["+main~1:side"], "non-fast-forward");
    fixture.refused(&["main:refs/hidden/a"], "deny updating a hidden ref");
    fixture.refused(&["--atomic", "main:new", "+main~1:side"], "atomic");
    let Some(closed) = Fixture::new(None) else { return };
    closed.refused(&["main"], "service not enabled");
}

#[test]
fn unsound_objects_and_bombs_are_refused() {
    let mut policy = ReceivePolicy::default();
    policy.stage.object_bytes_max = 1 << 20;
    let Some(fixture) = Fixture::new(Some(policy)) else { return };
    let bad = fixture.git.feed(
        &fixture.work(),
        ["hash-object", "-w", "--stdin", "-t", "commit", "--literally"],
        b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor x\ncommitter x\n\nbad\n",
    );
    let bad = String::from_utf8(bad.stdout).unwrap();
    fixture.git.feed(&fixture.work(), ["hash-object", "-w", "--stdin", "-t", "tree"], b"");
    fixture.refused(&[&format!("{}:refs/heads/bad", bad.trim())], "unpack");
    fs::write(fixture.work().join("large"), vec![0; (1 << 20) + 1]).unwrap();
    fixture.commit("large-one");
    fixture.refused(&["main"], "unpack");
}

#[test]
fn hooks_see_the_push_before_it_is_made_and_speak_to_the_pusher() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::default())) else { return };
    fixture.git.ok(&fixture.served(), ["config", "receive.advertisePushOptions", "true"]);
    fixture.hook(
        "pre-receive",
        "while read old new ref; do echo \"pre $ref\"; git cat-file -t $new || exit 1; done\n\
         test -n \"$GIT_QUARANTINE_PATH\" && echo \"option $GIT_PUSH_OPTION_0\"\n\
         case \"$GIT_PUSH_OPTION_0\" in no) exit 1;; esac",
    );
    fixture.hook("update", "echo \"update $1\" >&2; case $1 in *forbidden) exit 1;; esac");
    fixture.hook("post-receive", "while read old new ref; do echo \"post $ref\"; done");
    fixture.hook("post-update", "echo \"names $*\"");
    let text = fixture.pushes(&["-o", "yes", "main", "main:side"]);
    for expected in [
        "pre refs/heads/main",
        "commit",
        "option yes",
        "update refs/heads/side",
        "post refs/heads/main",
        "names refs/heads/main refs/heads/side",
    ] {
        assert!(text.contains(&format!("remote: {expected}")), "{expected}: {text}");
    }
    fixture.commit("three");
    fixture.refused(&["-o", "no", "main"], "pre-receive hook declined");
    let (content, text) = fixture.push(&["main", "main:forbidden"]);
    assert!(!content && text.contains("hook declined"), "{text}");
    let refs = fixture.refs(&fixture.served());
    assert!(!refs.contains("forbidden") && refs.lines().count() == 2, "{refs}");
    assert_eq!(
        fixture.git.ok(&fixture.served(), ["rev-parse", "main"]),
        fixture.git.ok(&fixture.work(), ["rev-parse", "main"])
    );
}

/// Says more than ever waits at once, and takes only pushes of whole trees.
struct Noisy;

impl Hooks for Noisy {
    fn pre_receive(
        &self,
        proposal: Proposal<'_>,
        commands: &[PushCommand],
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        say(b"first\n");
        (0..10_000).for_each(|_| say(&[b'x'; 1023]));
        let mut brought = 0;
        proposal
            .staged
            .unwrap()
            .new_objects(&mut |_, _| {
                brought += 1;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        let forbidden = commands.iter().any(|command| command.name.ends_with(b"forbidden"));
        if forbidden || brought == 0 { Err(Refusal::new()) } else { Ok(()) }
    }
}

/// A directory of repositories with hooks that are values.
struct Hooked(DirectoryRoot);

impl Repositories for Hooked {
    fn open(&self, request: &RepositoryRequest<'_>) -> Result<Arc<dyn Repository>, OpenError> {
        self.0.open(request)
    }

    fn open_to_receive(&self, request: &RepositoryRequest<'_>) -> Result<Receiving, OpenError> {
        let mut receiving = self.0.open_to_receive(request)?;
        receiving.hooks = Arc::new(Noisy);
        Ok(receiving)
    }
}

#[test]
fn hooks_are_values_too_and_a_flood_of_their_words_arrives() {
    let wrap = |root: DirectoryRoot| Arc::new(Hooked(root.receiving(ReceivePolicy::default()))) as _;
    let Some(fixture) = Fixture::with(wrap) else { return };
    fixture.refused(&["main:forbidden"], "pre-receive hook declined");
    let text = fixture.pushes(&["main"]);
    assert!(text.contains("remote: first"), "its first words are lost");
    let said = text.bytes().filter(|byte| *byte == b'x').count();
    assert_eq!(said, 10_000 * 1023, "words are lost");
}
