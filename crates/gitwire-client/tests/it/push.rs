//! Pushes from memory and from a Git directory to git's receive-pack and to our own, over every door that there is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_client::{
    ClientError, Event, Expect, Lease, Matching, Push, PushStatus, PushUpdate, Pushed, Rejection, Remote,
};
use gitwire_gitdir::{GitDir, InitOptions, OpenOptions};
use gitwire_protocol::Version;
use gitwire_server::Policy;
use gitwire_storage::{MemoryRepository, Repository};
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::http_backend::{self, Talk};
use gitwire_testkit::{Dice, History, Manner, git_daemon, ours};
use gitwire_transport::Program;
use gitwire_types::{
    FetchRefspec, Interrupted, ObjectFormat, ObjectId, ObjectKind, PushRefspec, RefName, RefTarget,
};

/// A folder with bare repositories, and every way to push to one of them.
struct World {
    git: Git,
    folder: Folder,
    /// What stands before `/NAME.git`.
    doors: Vec<String>,
}

impl World {
    fn new() -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new("push");
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        let mut doors = vec![root.to_str().unwrap().to_owned(), git_daemon::serve(&git, &root, &[])];
        let ours = ours::serve(&root, Policy::default(), None);
        doors.push(ours.git);
        if cfg!(feature = "http") {
            doors.push(ours.http);
            doors.push(http_backend::serve(&git, &root, Talk::Smart, &[]));
        }
        Some(Self { git, folder, doors })
    }

    fn bare(&self, name: &str, format: ObjectFormat) -> PathBuf {
        let path = self.folder.path().join("root").join(name);
        let format = format!("--object-format={}", format.name());
        self.git.ok(self.folder.path(), ["init", "-q", "--bare", &format, path.to_str().unwrap()]);
        path
    }

    fn refs(&self, path: &Path) -> String {
        let refs = self.git.ok(path, ["for-each-ref", "--format=%(objectname) %(refname)"]);
        String::from_utf8_lossy(&refs).into_owned()
    }
}

fn refs_of(history: &History) -> String {
    let name = |name: &RefName| String::from_utf8_lossy(name.as_bytes()).into_owned();
    history.refs().iter().map(|(ref_name, id)| format!("{id} {}\n", name(ref_name))).collect()
}

fn in_directory(history: &History, folder: &Path) -> Arc<dyn Repository> {
    let mut options = InitOptions::default();
    options.format = history.format();
    let repository = GitDir::init_bare(folder, &options).unwrap();
    history.put_into(&repository);
    Arc::new(GitDir::open(folder, &OpenOptions::default()).unwrap())
}

fn push_to(url: &str, refspecs: &[&str]) -> Push {
    let mut push = Push::new(Remote::parse(url.as_bytes()).unwrap());
    push.refspecs = refspecs.iter().map(|text| PushRefspec::parse(text.to_string()).unwrap()).collect();
    push
}

#[track_caller]
fn run(push: &Push, repository: &Arc<dyn Repository>) -> Pushed {
    push.run(Arc::clone(repository), &mut |_| ()).unwrap()
}

#[track_caller]
fn status<'a>(pushed: &'a Pushed, name: &str) -> &'a PushUpdate {
    let found = pushed.updates.iter().find(|update| update.destination.as_bytes() == name.as_bytes());
    found.unwrap_or_else(|| panic!("nothing of {name}: {pushed:?}"))
}

#[test]
fn histories_arrive_whole_by_every_door_from_any_storage() {
    let Some(world) = World::new() else { return };
    for (nth, format) in [ObjectFormat::Sha1, ObjectFormat::Sha256].into_iter().enumerate() {
        for (door, base) in world.doors.iter().enumerate() {
            for version in [Version::V0, Version::V1] {
                let name = format!("{nth}-{door}-{version}.git");
                let served = world.bare(&name, format);
                let mut dice = Dice::new(7 + nth as u64);
                let mut history = History::new(format, Manner::Plain);
                history.grow(&mut dice, 30);
                history.tag(&mut dice, 4);
                let mut push = push_to(&format!("{base}/{name}"), &[]);
                push.remote.version = version;
                push.matching = Matching::Mirror;
                push.force = true;
                let first = run(&push, &(Arc::new(history.memory()) as _));
                assert!(first.is_complete(), "{name}: {first:?}");
                assert_eq!(first.refs.version(), version, "{name}");
                assert_eq!(world.refs(&served), refs_of(&history), "{name}");
                // More of it, and some of it undone: what goes now stands on what is there.
                history.grow(&mut dice, 20);
                history.rewrite(&mut dice);
                let directory = world.folder.path().join(format!("own-{name}"));
                let second = run(&push, &in_directory(&history, &directory));
                assert!(second.is_complete(), "{name}: {second:?}");
                assert_eq!(world.refs(&served), refs_of(&history), "{name}");
                world.git.ok(&served, ["fsck", "--strict"]);
                let (all, sent) = (history.objects().len() as u64, second.pack.unwrap().total);
                assert!(sent < all / 2, "{name}: {sent} of {all} objects were sent again");
                // Nothing is left to do.
                let third = run(&push, &(Arc::new(history.memory()) as _));
                assert!(third.pack.is_none() && third.is_complete(), "{name}: {third:?}");
                assert!(third.updates.iter().all(|update| update.status == PushStatus::UpToDate));
            }
        }
    }
}

/// A history of one line, and a repository that has all of it but the last commits.
fn line(world: &World, name: &str) -> (Arc<dyn Repository>, PathBuf) {
    let served = world.bare(name, ObjectFormat::Sha1);
    let work = world.folder.path().join(format!("work-{name}"));
    let git = &world.git;
    git.ok(world.folder.path(), ["init", "-q", "--initial-branch=main", work.to_str().unwrap()]);
    for nth in 0..5 {
        git.ok(&work, ["commit", "-q", "--allow-empty", "-m", &format!("commit {nth}")]);
    }
    git.ok(
        &work,
        [
            "push",
            "-q",
            served.to_str().unwrap(),
            "main~1:refs/heads/main",
            "main~2:refs/heads/side",
            "main~3:refs/tags/t",
        ],
    );
    (Arc::new(GitDir::open(&work, &OpenOptions::default()).unwrap()), served)
}

#[test]
fn updates_are_judged_as_git_judges_them() {
    let Some(world) = World::new() else { return };
    for (door, base) in world.doors.iter().enumerate() {
        let name = format!("judge-{door}.git");
        let (repository, served) = line(&world, &name);
        let url = format!("{base}/{name}");
        let pushed =
            run(&push_to(&url, &["main", "main~3:side", "main:t", "main~1:refs/heads/new"]), &repository);
        assert!(!pushed.is_complete());
        assert_eq!(status(&pushed, "refs/heads/main").status, PushStatus::Done);
        assert_eq!(status(&pushed, "refs/heads/new").status, PushStatus::Done);
        let rejected = |name, why| assert_eq!(status(&pushed, name).status, PushStatus::Rejected(why));
        rejected("refs/heads/side", Rejection::NonFastForward);
        rejected("refs/tags/t", Rejection::AlreadyExists);
        let before = world.refs(&served);
        let mut push = push_to(&url, &["main~1:refs/heads/other", "main~4:side"]);
        push.atomic = true;
        let pushed = run(&push, &repository);
        let other = status(&pushed, "refs/heads/other");
        assert_eq!(other.status, PushStatus::Rejected(Rejection::AtomicPushFailed));
        push.refspecs =
            vec![PushRefspec::parse("+main~4:side").unwrap(), PushRefspec::parse(":new").unwrap()];
        push.dry_run = true;
        assert!(run(&push, &repository).is_complete());
        assert_eq!(world.refs(&served), before);
        push.dry_run = false;
        let pushed = run(&push, &repository);
        assert!(pushed.is_complete() && status(&pushed, "refs/heads/side").forced, "{pushed:?}");
        assert_eq!(world.refs(&served).lines().count(), 3);
    }
}

#[test]
fn a_lease_may_ask_that_what_was_seen_is_part_of_what_is_here() {
    let Some(world) = World::new() else { return };
    let (repository, served) = line(&world, "included.git");
    let work = world.folder.path().join("work-included.git");
    let (git, url) = (&world.git, served.to_str().unwrap());
    let text = |words: &[&str]| String::from_utf8(git.ok(&work, words)).unwrap().trim().to_owned();
    let mut push = push_to(url, &["main~4:main"]);
    push.tracking = vec![FetchRefspec::parse("+refs/heads/*:refs/remotes/origin/*").unwrap()];
    (push.lease_rest, push.lease_if_included, push.dry_run) = (true, true, true);
    let check = |push: &Push, expected: PushStatus| {
        let pushed = run(push, &repository);
        assert_eq!(status(&pushed, "refs/heads/main").status, expected);
    };
    let follow = |id: &str| git.ok(&work, ["update-ref", "refs/remotes/origin/main", id]);
    follow("main~1");
    check(&push, PushStatus::Done);
    // Somebody else's, fetched and never looked at.
    let theirs = text(&["commit-tree", "-p", "main~1", "-m", "theirs", "main^{tree}"]);
    git.ok(&work, ["push", "-q", "-f", url, &format!("{theirs}:refs/heads/main")]);
    follow(&theirs);
    check(&push, PushStatus::Rejected(Rejection::NotIncluded));
    push.force = true;
    check(&push, PushStatus::Done);
    (push.force, push.lease_if_included) = (false, false);
    check(&push, PushStatus::Done);
    push.lease_if_included = true;
    let id = ObjectId::from_hex(ObjectFormat::Sha1, theirs.as_bytes()).unwrap();
    push.leases = vec![Lease { name: RefName::new("main").unwrap(), expect: Expect::Id(id) }];
    check(&push, PushStatus::Done);
    push.leases.clear();
    // It was here for a while, and something that stands on it is here too.
    let onto = text(&["commit-tree", "-p", &theirs, "-m", "mine", "main^{tree}"]);
    for held in [&theirs, &onto] {
        let before = text(&["rev-parse", "main"]);
        git.ok(&work, ["update-ref", "refs/heads/main", held]);
        git.ok(&work, ["update-ref", "refs/heads/main", &before]);
        check(&push, PushStatus::Done);
        fs::write(work.join(".git/logs/refs/heads/main"), "").unwrap();
        check(&push, PushStatus::Rejected(Rejection::NotIncluded));
    }
}

#[test]
fn leases_hold_what_was_last_seen() {
    let Some(world) = World::new() else { return };
    let (repository, served) = line(&world, "lease.git");
    let url = served.to_str().unwrap();
    let mut push = push_to(url, &["main~4:main"]);
    push.tracking = vec![FetchRefspec::parse("+refs/heads/*:refs/remotes/origin/*").unwrap()];
    push.lease_rest = true;
    let stale = PushStatus::Rejected(Rejection::StaleInfo);
    // Nothing was ever seen of it.
    assert_eq!(status(&run(&push, &repository), "refs/heads/main").status, stale);
    let name = RefName::new("main").unwrap();
    let mut look = push_to(url, &[]);
    look.dry_run = true;
    let seen = run(&look, &repository).refs.id(b"refs/heads/main").unwrap();
    for (expect, expected) in [(Expect::Absent, stale), (Expect::Id(seen), PushStatus::Done)] {
        push.leases = vec![Lease { name: name.clone(), expect }];
        assert_eq!(status(&run(&push, &repository), "refs/heads/main").status, expected);
    }
    // Now it is followed here, and the lease on what was seen holds.
    push.leases.clear();
    let followed = RefName::new("refs/remotes/origin/main").unwrap();
    let now = world.git.ok(&served, ["rev-parse", "main"]);
    let target = repository.refs().unwrap().get(&followed).unwrap().unwrap();
    assert_eq!(format!("{}\n", target.id().unwrap()).into_bytes(), now);
    push.refspecs = vec![PushRefspec::parse("main~3:main").unwrap()];
    assert_eq!(status(&run(&push, &repository), "refs/heads/main").status, PushStatus::Done);
    push.refspecs = vec![PushRefspec::parse("main~4:main").unwrap()];
    let pushed = run(&push, &repository);
    assert!(pushed.tracked.is_ok() && status(&pushed, "refs/heads/main").forced);
    // What is deleted there is followed no more.
    push.refspecs = vec![PushRefspec::parse(":main").unwrap()];
    world.git.ok(&served, ["config", "receive.denyDeleteCurrent", "ignore"]);
    assert!(run(&push, &repository).is_complete());
    assert_eq!(repository.refs().unwrap().get(&followed).unwrap(), None);
}

#[test]
fn what_the_server_refuses_is_told_for_each_ref() {
    let Some(world) = World::new() else { return };
    for (door, base) in world.doors.iter().enumerate() {
        let name = format!("hooks-{door}.git");
        let (repository, served) = line(&world, &name);
        let hook = served.join("hooks/update");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, "#!/bin/sh\necho hello $1\ncase $1 in *no) exit 1;; esac\n").unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        let push = push_to(&format!("{base}/{name}"), &["main", "main:refs/heads/no"]);
        let mut said = Vec::new();
        let mut listen = |event: Event<'_>| {
            if let Event::Remote(text) = event {
                said.extend_from_slice(text);
            }
        };
        let pushed = push.run(Arc::clone(&repository), &mut listen).unwrap();
        let refused = PushStatus::RemoteRejected("hook declined".into());
        assert_eq!(status(&pushed, "refs/heads/no").status, refused);
        assert_eq!(status(&pushed, "refs/heads/main").status, PushStatus::Done);
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("hello refs/heads/no"), "{said}");
    }
}

#[test]
fn options_and_what_is_not_offered() {
    let Some(world) = World::new() else { return };
    let (repository, served) = line(&world, "options.git");
    let url = served.to_str().unwrap();
    let mut push = push_to(url, &["main"]);
    push.push_options = vec!["one".into(), "two words".into()];
    let error = push.run(Arc::clone(&repository), &mut |_| ()).unwrap_err();
    assert!(matches!(error, ClientError::NotOffered("push options")), "{error}");
    world.git.ok(&served, ["config", "receive.advertisePushOptions", "true"]);
    let hook = served.join("hooks/post-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho \"$GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_1\" >told\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(run(&push, &repository).is_complete());
    assert_eq!(fs::read(served.join("told")).unwrap(), b"2 two words\n");
    world.git.ok(&served, ["config", "receive.advertiseAtomic", "false"]);
    push.atomic = true;
    push.push_options.clear();
    let error = push.run(Arc::clone(&repository), &mut |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the receiving end does not support --atomic push");
    let other = world.bare("other.git", ObjectFormat::Sha256);
    let error = push_to(other.to_str().unwrap(), &["main"]).run(repository, &mut |_| ()).unwrap_err();
    assert!(matches!(error, ClientError::ObjectFormat { .. }), "{error}");
}

/// A ref whose object is not here, and a pack that therefore cannot be made: the server hears of nothing.
#[test]
fn what_is_missing_here_is_found_before_the_server_hears_of_it() {
    let Some(world) = World::new() else { return };
    let mut history = History::new(ObjectFormat::Sha1, Manner::Plain);
    history.grow(&mut Dice::new(3), 5);
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let tree = repository.add(ObjectKind::Tree, b"").unwrap();
    let gone = history.commits().next().unwrap();
    let who = "A <a@example.org> 1 +0000";
    let text = format!("tree {tree}\nparent {gone}\nauthor {who}\ncommitter {who}\n\nno parent\n");
    let commit = repository.add(ObjectKind::Commit, text.as_bytes()).unwrap();
    repository.set_ref(RefName::new("refs/heads/main").unwrap(), RefTarget::Direct(commit));
    let served = world.bare("gone.git", ObjectFormat::Sha1);
    fs::write(served.join("hooks/pre-receive"), "#!/bin/sh\ntouch called\n").unwrap();
    let error =
        push_to(served.to_str().unwrap(), &["main"]).run(Arc::new(repository), &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains(&gone.to_string()), "{error}");
    assert_eq!(world.refs(&served), "");
}

#[test]
fn shallow_histories_can_be_pushed_on() {
    let Some(world) = World::new() else { return };
    let (_, served) = line(&world, "deep.git");
    for (door, base) in world.doors.iter().enumerate() {
        let clone = world.folder.path().join(format!("shallow-{door}"));
        let url = format!("file://{}", served.display());
        world.git.ok(
            world.folder.path(),
            ["clone", "-q", "--depth=1", "-b", "main", &url, clone.to_str().unwrap()],
        );
        world.git.ok(&clone, ["commit", "-q", "--allow-empty", "-m", &format!("on top {door}")]);
        let repository: Arc<dyn Repository> =
            Arc::new(GitDir::open(&clone, &OpenOptions::default()).unwrap());
        let to = format!("HEAD:refs/heads/from-{door}");
        let pushed = run(&push_to(&format!("{base}/deep.git"), &[&to]), &repository);
        assert!(pushed.is_complete(), "{pushed:?}");
        assert_eq!(pushed.pack.unwrap().total, 1);
    }
    world.git.ok(&served, ["fsck", "--strict"]);
}

/// More than fits into any buffer on the way, and over HTTP more than goes in one piece.
#[test]
fn large_packs_go_through_every_door_and_are_counted() {
    const LEN: usize = 5 << 20;
    let Some(world) = World::new() else { return };
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let blob = repository.add(ObjectKind::Blob, &Dice::new(9).bytes(LEN)).unwrap();
    let tag = format!("object {blob}\ntype blob\ntag t\ntagger A <a@example.org> 1 +0000\n\nlarge\n");
    let tag = repository.add(ObjectKind::Tag, tag.as_bytes()).unwrap();
    repository.set_ref(RefName::new("refs/tags/large").unwrap(), RefTarget::Direct(tag));
    for (door, base) in world.doors.iter().enumerate() {
        let name = format!("large-{door}.git");
        let served = world.bare(&name, ObjectFormat::Sha1);
        let (mut prepared, mut sendings) = (0, Vec::new());
        let mut listen = |event: Event<'_>| match event {
            Event::Packing(_) => prepared += usize::from(sendings.is_empty()),
            Event::Sending { written, bytes, done } => sendings.push((written, bytes, done)),
            _ => {}
        };
        let push = push_to(&format!("{base}/{name}"), &["refs/tags/*"]);
        let pushed = push.run(Arc::new(repository.clone()), &mut listen).unwrap();
        assert!(pushed.is_complete(), "{name}: {pushed:?}");
        assert!(prepared > 0 && sendings.len() > LEN / (1 << 20), "{name}");
        let (written, bytes, done) = *sendings.last().unwrap();
        assert!((written.objects, written.total, done) == (2, 2, true) && bytes > LEN as u64, "{name}");
        assert!(sendings.iter().rev().skip(1).all(|(_, _, done)| !done), "{name}");
        assert_eq!(pushed.pack, Some(written));
        world.git.ok(&served, ["fsck", "--strict"]);
    }
}

#[test]
fn a_shallow_server_gets_what_lies_behind_its_boundary() {
    let Some(world) = World::new() else { return };
    let (repository, served) = line(&world, "whole.git");
    for (door, base) in world.doors.iter().enumerate() {
        let name = format!("cut-{door}.git");
        let path = world.folder.path().join("root").join(&name);
        let url = format!("file://{}", served.display());
        let words = ["clone", "-q", "--bare", "--depth=1", "-b", "main", &url, path.to_str().unwrap()];
        world.git.ok(world.folder.path(), words);
        let pushed = run(&push_to(&format!("{base}/{name}"), &["main~3:refs/heads/old"]), &repository);
        assert!(pushed.is_complete(), "{name}: {pushed:?}");
        assert_eq!(pushed.pack.unwrap().total, 2, "{name}");
        world.git.ok(&path, ["fsck", "--strict"]);
    }
}

/// A server that shows its refs and goes: the push fails, at once, and says why.
#[test]
fn a_server_that_goes_away_is_an_error_and_no_hang() {
    let Some(world) = World::new() else { return };
    let served = world.bare("gone-away.git", ObjectFormat::Sha1);
    let repository = MemoryRepository::new(ObjectFormat::Sha1);
    let blob = repository.add(ObjectKind::Blob, &Dice::new(5).bytes(3 << 20)).unwrap();
    repository.set_ref(RefName::new("refs/tags/large").unwrap(), RefTarget::Direct(blob));
    for program in ["true", "git receive-pack --http-backend-info-refs"] {
        let mut push = push_to(served.to_str().unwrap(), &["refs/tags/*"]);
        push.remote.connect.program = Some(Program::new(program));
        let error = push.run(Arc::new(repository.clone()), &mut |_| ()).unwrap_err();
        assert!(matches!(error, ClientError::Protocol(_) | ClientError::Transport(_)), "{program}: {error}");
        assert_eq!(world.refs(&served), "");
    }
    let stop = || Err(Interrupted);
    let stopped = push_to(served.to_str().unwrap(), &["refs/tags/*"]).run_until(
        Arc::new(repository),
        &mut |_| (),
        &stop,
    );
    assert!(matches!(stopped, Err(ClientError::Interrupted(_))), "{stopped:?}");
}

/// The server hides the ref that leads to what both have; upload-pack still tells of it.
#[test]
fn negotiation_finds_what_receive_pack_does_not_show() {
    let Some(world) = World::new() else { return };
    for (door, base) in world.doors.iter().enumerate() {
        let name = format!("hides-{door}.git");
        let (repository, served) = line(&world, &name);
        let shown = ["update-ref", "refs/hidden/known", "refs/heads/main"];
        world.git.ok(&served, shown);
        for name in ["refs/heads/main", "refs/heads/side", "refs/tags/t"] {
            world.git.ok(&served, ["update-ref", "-d", name]);
        }
        world.git.ok(&served, ["config", "receive.hideRefs", "refs/hidden"]);
        let mut push = push_to(&format!("{base}/{name}"), &["main:refs/heads/one"]);
        (push.dry_run, push.negotiate) = (true, true);
        assert!(run(&push, &repository).negotiated.is_ok());
        push.dry_run = false;
        let pushed = run(&push, &repository);
        assert!(pushed.is_complete() && pushed.negotiated.is_ok(), "{name}: {pushed:?}");
        assert_eq!(pushed.pack.unwrap().total, 1, "{name}");
        // Older versions cannot be asked so; the push goes on without.
        world.git.ok(&served, ["update-ref", "-d", "refs/heads/one"]);
        push.remote.version = Version::V0;
        let pushed = run(&push, &repository);
        assert!(pushed.is_complete() && pushed.pack.unwrap().total > 1, "{name}: {pushed:?}");
        let error = pushed.negotiated.unwrap_err();
        assert!(matches!(error, ClientError::NotOffered("push negotiation")), "{name}: {error}");
    }
}
