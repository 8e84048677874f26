//! Pushes that mean harm, as bytes at the HTTP door of a server with its defaults: each is answered with what is wrong, changes nothing in
//! the repository, and makes the server hold little. `docs/SECURITY.md` has the table of what each stands for.

mod large;
mod packs;
mod requests;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use gitwire_object::{Trust, object_id};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::bombs::{post, start};
use crate::server::{Server, make, refs};

/// As much as a server may hold more than before, whatever comes: KiB.
const GROWTH_MAX: u64 = 32 << 10;

/// A server of one repository that anyone may push to.
struct Door {
    git: Git,
    folder: Folder,
    path: PathBuf,
    server: Server,
    idle: u64,
}

impl Door {
    fn new(name: &str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new(name);
        let path = make(&git, folder.path(), "r.git", "sha1");
        let server = start(&folder);
        let idle = server.peak();
        Some(Self { git, folder, path, server, idle })
    }

    /// What lies above the repository.
    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All refs and all files of objects.
    fn holds(&self) -> String {
        let mut text = refs(&self.git, &self.path);
        let mut pending = vec![self.path.join("objects")];
        let mut files = Vec::new();
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => pending.push(entry.path()),
                    false => files.push(entry.path()),
                }
            }
        }
        files.sort();
        writeln!(text, "{files:#?}").unwrap();
        text
    }

    /// What the server says to a body that is posted to it.
    fn post(&self, more: &str, body: &[u8]) -> String {
        let (answer, _) = post(&self.server, "git-receive-pack", more, body);
        let grown = self.server.peak().saturating_sub(self.idle);
        assert!(grown <= GROWTH_MAX, "{grown} KiB more: {answer:.300}");
        answer
    }

    /// A push of one ref with a pack.
    fn push(&self, id: &ObjectId, pack: &[u8]) -> String {
        let command = format!("{} {id} refs/heads/hostile\0report-status", "0".repeat(40));
        self.post("", &[line(&command).as_bytes(), b"0000", pack].concat())
    }

    #[track_caller]
    fn refused(&self, pack: &[u8], expected: &str) {
        self.refused_tip(&blob(b"no matter"), pack, expected);
    }

    #[track_caller]
    fn refused_tip(&self, id: &ObjectId, pack: &[u8], expected: &str) {
        let before = self.holds();
        let answer = self.push(id, pack);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:.600}");
        assert!(answer.contains(expected), "{expected:?} is not in {answer:.600}");
        assert!(answer.contains("ng refs/heads/hostile "), "{answer:.600}");
        assert_eq!(self.holds(), before, "{answer:.600}");
    }

    /// What is not refused is there, and `git fsck` finds nothing.
    #[track_caller]
    fn taken(&self, id: &ObjectId, pack: &[u8]) {
        let answer = self.push(id, pack);
        assert!(answer.contains("ok refs/heads/hostile"), "{answer:.600}");
        self.git.ok(&self.path, ["fsck", "--strict", "--no-dangling"]);
        self.git.ok(&self.path, ["update-ref", "-d", "refs/heads/hostile"]);
    }

    /// A request without a pack that changes nothing.
    #[track_caller]
    fn says(&self, more: &str, body: &[u8], expected: &str) {
        let before = self.holds();
        let answer = self.post(more, body);
        assert!(answer.contains(expected), "{expected:?} is not in {answer:.600}");
        assert_eq!(self.holds(), before, "{answer:.600}");
    }
}

fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

fn id_of(kind: ObjectKind, content: &[u8]) -> ObjectId {
    object_id(ObjectFormat::Sha1, Trust::Own, kind, content).unwrap()
}

fn blob(content: &[u8]) -> ObjectId {
    id_of(ObjectKind::Blob, content)
}

/// The content of a commit of a tree.
fn commit(tree: &ObjectId, more: &str) -> Vec<u8> {
    let person = "A <a@example.org> 1700000000 +0000";
    format!("tree {tree}\nauthor {person}\ncommitter {person}\n{more}\nx\n").into_bytes()
}

/// The content of a tree.
fn tree(entries: &[(&str, &[u8], &ObjectId)]) -> Vec<u8> {
    let mut content = Vec::new();
    for (mode, name, id) in entries {
        content.extend_from_slice(&[mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat());
    }
    content
}
