//! A server that is a partial clone itself: what it lacks is left out, brought, or missed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_protocol::{Machine as _, Next, Serving, Version};
use gitwire_server::{Conversation as _, Policy, ServeError, Session};
use gitwire_storage::{Promisor, Repository as _, StorageError};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{Never, ObjectId};

use crate::line;

/// A repository that lacks its blobs, and one that has them.
struct World {
    git: Git,
    folder: Folder,
    partial: PathBuf,
    tip: String,
    blobs: Vec<String>,
}

impl World {
    fn new(git: Git, name: &str) -> Self {
        let folder = Folder::new(name);
        git.ok(folder.path(), ["init", "-q", "--bare", "-b", "main", "whole.git"]);
        let whole = folder.path().join("whole.git");
        let say = |arguments: &[&str], input: &str| {
            let said = git.feed(&whole, arguments, input.as_bytes());
            assert!(said.status.success(), "{}", said.stderr.escape_ascii());
            String::from_utf8(said.stdout).unwrap().trim().to_owned()
        };
        let blobs: Vec<String> =
            (1..=3).map(|n| say(&["hash-object", "-w", "--stdin"], &"x".repeat(n * 1000))).collect();
        let entries: String =
            blobs.iter().enumerate().map(|(n, id)| format!("100644 blob {id}\tf{n}\n")).collect();
        let tree = say(&["mktree"], &entries);
        let tip = say(&["commit-tree", "-m", "x", &tree], "");
        git.ok(&whole, ["update-ref", "refs/heads/main", &tip]);
        git.ok(&whole, ["config", "uploadpack.allowFilter", "true"]);
        let url = format!("file://{}", whole.display());
        git.ok(folder.path(), ["clone", "-q", "--bare", "--filter=blob:none", &url, "partial.git"]);
        let partial = folder.path().join("partial.git");
        for (key, value) in [
            ("promisor.advertise", "true"),
            ("promisor.sendFields", "partialCloneFilter, TOKEN"),
            ("remote.origin.token", "a;b"),
            ("uploadpack.allowFilter", "true"),
        ] {
            git.ok(&partial, ["config", key, value]);
        }
        Self { git, folder, partial, tip, blobs }
    }

    /// What a client gets that asks for everything, and what the server brings for it.
    fn fetch(
        &self,
        words: &[&str],
        accept: Option<&str>,
        lazy: bool,
    ) -> (Result<Vec<String>, ServeError>, usize) {
        let repository = GitDir::open(&self.partial, &OpenOptions::default()).unwrap();
        let policy = Policy::git().with_config(&repository.config()).unwrap();
        let bringing = Arc::new(Bringing {
            git: Git::find().unwrap(),
            into: self.partial.clone(),
            from: self.folder.path().join("whole.git"),
            brought: Mutex::default(),
        });
        let (mut session, mut machine) =
            Session::new(Arc::new(repository), Arc::new(policy), Version::V2, Serving::Stateless);
        if lazy {
            session = session.with_promisor(bringing.clone());
        }
        let accepted = accept.map(|names| line(&format!("promisor-remote={names}"))).unwrap_or_default();
        let words: String = words.iter().map(|word| line(word)).collect();
        let request = line("command=fetch") + &accepted + "0001" + &words + &line("done") + "0000";
        let (mut input, mut output) = (BytesMut::from(request.as_bytes()), BytesMut::new());
        machine.end_of_input();
        let ended = loop {
            match machine.step(&mut input, &mut output).unwrap() {
                Next::Event(event) => {
                    let _ = session.on(event);
                }
                Next::Answer => {
                    if let Err(error) = session.work(&Never) {
                        break Err(error);
                    }
                    session.answer(&mut machine, &mut output).unwrap();
                }
                Next::Turn => {}
                Next::Read | Next::Done => break Ok(()),
            }
        };
        let brought = bringing.brought.lock().unwrap().len();
        (ended.map(|()| self.listed(&output)), brought)
    }

    /// The ids of the blobs in a pack.
    fn listed(&self, wire: &[u8]) -> Vec<String> {
        let mut pack = Vec::new();
        let mut rest = wire;
        while let Some((digits, more)) = rest.split_at_checked(4) {
            let len = usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
            let (data, more) = more.split_at(len.saturating_sub(4));
            pack.extend_from_slice(data.strip_prefix(&[1]).unwrap_or_default());
            rest = more;
        }
        let scratch = Folder::new("promisors-listed");
        self.git.ok(scratch.path(), ["init", "-q", "--bare", "."]);
        let indexed = self.git.feed(scratch.path(), ["unpack-objects", "-q"], &pack);
        assert!(indexed.status.success(), "{}", indexed.stderr.escape_ascii());
        let is_here = |id: &&String| self.git.run(scratch.path(), ["cat-file", "-e", id]).status.success();
        self.blobs.iter().filter(is_here).cloned().collect()
    }
}

/// Copies objects from one repository to another.
struct Bringing {
    git: Git,
    into: PathBuf,
    from: PathBuf,
    brought: Mutex<Vec<usize>>,
}

impl Promisor for Bringing {
    fn bring(&self, ids: &[ObjectId]) -> Result<(), StorageError> {
        self.brought.lock().unwrap().push(ids.len());
        let names: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let pack = self.git.feed(&self.from, ["pack-objects", "-q", "--stdout"], names.as_bytes()).stdout;
        assert!(self.git.feed(&self.into, ["unpack-objects", "-q"], &pack).status.success());
        Ok(())
    }
}

fn greeting(path: &Path) -> String {
    let wire = crate::advertised(path, Version::V2);
    wire.into_iter().find(|line| line.contains("promisor-remote")).unwrap_or_default()
}

#[test]
fn what_is_promised_is_left_out_or_brought_or_missed() {
    let Some(git) = Git::find() else { return };
    let world = World::new(git, "promisors");
    let want = format!("want {}", world.tip);
    let advertised = greeting(&world.partial);
    let url = format!("file://{}", world.folder.path().join("whole.git").display());
    let expected = format!("promisor-remote=name=origin,url={url},partialCloneFilter=blob:none,token=a%3bb");
    assert!(advertised.ends_with(&expected), "{advertised}");

    // Who takes the promisor gets what is here.
    let (got, brought) = world.fetch(&[&want], Some("origin"), true);
    assert_eq!((got.unwrap(), brought), (Vec::new(), 0));
    let (got, brought) = world.fetch(&[&want, "filter blob:limit=1500"], Some("other;origin"), true);
    assert_eq!((got.unwrap(), brought), (Vec::new(), 0));

    // Nobody brings anything: what is missing is named.
    let (got, _) = world.fetch(&[&want], None, false);
    let missing = got.unwrap_err().missing().unwrap();
    let objects = GitDir::open(&world.partial, &OpenOptions::default()).unwrap().objects().unwrap();
    assert_eq!(objects.promised(&[missing]).unwrap(), [true]);
    let (got, brought) = world.fetch(&[&want], Some("unknown"), false);
    assert!(got.unwrap_err().missing().is_some() && brought == 0);

    // What comes is as large as it is, and comes at once.
    let (got, brought) = world.fetch(&[&want, "filter blob:limit=1500"], Some("unknown"), true);
    assert_eq!((got.unwrap(), brought), (world.blobs[..1].to_vec(), 1));
    let (got, brought) = world.fetch(&[&want], None, true);
    assert_eq!((got.unwrap(), brought), (world.blobs.clone(), 0), "it has stayed");
}

#[test]
fn what_is_wanted_by_name_is_brought_too() {
    let Some(git) = Git::find() else { return };
    let world = World::new(git, "promisors-wants");
    let want = format!("want {}", world.blobs[1]);
    let (got, brought) = world.fetch(&[&want], None, false);
    assert!(got.unwrap_err().to_string().contains("not our ref") && brought == 0);
    let (got, brought) = world.fetch(&[&want], None, true);
    assert_eq!((got.unwrap(), brought), (vec![world.blobs[1].clone()], 1));
    // Nobody promised this one.
    let (got, brought) = world.fetch(&[&format!("want {}", "7".repeat(40))], None, true);
    assert!(got.unwrap_err().to_string().contains("not our ref") && brought == 0);
}

#[test]
fn who_does_not_advertise_takes_no_answer() {
    let Some(git) = Git::find() else { return };
    let world = World::new(git, "promisors-none");
    world.git.ok(&world.partial, ["config", "promisor.advertise", "false"]);
    assert_eq!(greeting(&world.partial), "");
    world.git.ok(&world.partial, ["config", "promisor.advertise", "true"]);
    world.git.ok(&world.partial, ["config", "remote.origin.url", ""]);
    assert_eq!(greeting(&world.partial), "", "a promisor without a place");
}
