//! A repository to look at.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gitwire_gitdir::{GitDir, InitOptions, InitialHead, OpenOptions};
use gitwire_object::{Hasher, Trust, object_id};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_storage::{Expected, RefEdit, Repository as _, StageRequest, Transaction};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

use crate::arguments::Scheme;
use crate::listen::OpenDoor;

type Failure = Box<dyn std::error::Error>;

/// Where this program keeps its data where nobody says another place.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let data = data.filter(|path| path.is_absolute()).or_else(home);
    Ok(data.ok_or("neither XDG_DATA_HOME nor HOME is set")?.join("gitwired"))
}

/// A folder with a repository to look at.
pub(crate) struct Sample {
    folder: PathBuf,
}

impl Sample {
    /// Makes the repository, unless it is there.
    pub(crate) fn make() -> Result<Self, Failure> {
        let sample = Self { folder: folder()? };
        make(&sample.root().join(NAME))?;
        Ok(sample)
    }

    /// What is served.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("repositories")
    }

    /// Who may sign in, if somebody has said so.
    pub(crate) fn users(&self) -> PathBuf {
        self.folder.join("users")
    }

    /// A command for each door, that clones the sample.
    pub(crate) fn hints(&self, doors: &[OpenDoor]) -> Result<String, Failure> {
        let gitwire = std::env::current_exe()?.with_file_name("gitwire");
        let gitwire = gitwire.is_file().then_some(gitwire);
        let bin = match &gitwire {
            Some(gitwire) => Some(self.make_bin(gitwire)?),
            None => None,
        };
        let mut lines = vec![(String::new(), String::new())];
        let mut line = |what: &str, command: String| lines.push((what.to_owned(), command));
        for door in doors {
            let (url, address) = (door.url(), door.address());
            match door.scheme {
                Scheme::Git => line("git://", format!("git clone {url}/{NAME}")),
                Scheme::Http | Scheme::Https => {
                    line("web pages", format!("{url}/"));
                    line("smart HTTP", format!("git clone {url}/{NAME}"));
                    line("dumb HTTP", format!("GIT_SMART_HTTP=0 git clone {url}/{NAME}"));
                    let path = bin.as_ref().map(|bin| format!("PATH={}:$PATH ", quoted(bin)));
                    let ws = format!("git clone ws://{address}/{NAME}");
                    line("WebSocket", path.unwrap_or_default() + &ws);
                }
                Scheme::Control => {
                    let gitwire = gitwire.as_ref().map_or_else(|| "gitwire".to_owned(), |path| quoted(path));
                    line("JSON control", format!("{gitwire} rpc --connect {address} list"));
                }
            }
        }
        if let Some(bin) = &bin {
            let stand_in = quoted(&bin.join(STAND_IN));
            line("ssh", format!("GIT_SSH_COMMAND={stand_in} git clone ssh://localhost/{NAME}"));
        }
        if !self.users().is_file() {
            let program = quoted(&std::env::current_exe()?);
            line("to push", format!("{program} user add NAME admin, and start again"));
        }
        let lines =
            lines.iter().map(|(what, command)| format!("{what:14}{command}").trim_end().to_owned() + "\n");
        let note = "\nWebSocket and the control channel need gitwire: cargo build --release --bin gitwire\n";
        Ok(lines.collect::<String>() + if gitwire.is_none() { note } else { "" })
    }

    /// A folder for the PATH: the helper by which git speaks WebSocket, and what stands in for ssh and for the sshd of another machine, which
    /// would run the forced command of a key.
    fn make_bin(&self, gitwire: &Path) -> io::Result<PathBuf> {
        let bin = self.folder.join("bin");
        fs::create_dir_all(&bin)?;
        let script = format!(
            "#!/bin/sh\n# Stands in for ssh, and for sshd with a forced command.\n[ \"$1\" != -G ] || exit 1\nfor word do \
             :; done\nSSH_ORIGINAL_COMMAND=$word exec {} forced-command --user sample --root {}\n",
            quoted(gitwire),
            quoted(&self.root())
        );
        let new = bin.join("new");
        fs::write(&new, script)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
        fs::rename(&new, bin.join(STAND_IN))?;
        symlink(gitwire, &new)?;
        fs::rename(&new, bin.join("git-remote-ws"))?;
        Ok(bin)
    }
}

/// The repository's name below the root.
const NAME: &str = "sample.git";
const STAND_IN: &str = "ssh-stand-in";

/// A path as a word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+');
    if text.chars().all(plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn make(path: &Path) -> Result<(), Failure> {
    if GitDir::open(path, &OpenOptions::default()).is_ok() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let main = RefName::new("refs/heads/main")?;
    let mut options = InitOptions::default();
    options.head = InitialHead::Later;
    let repository = GitDir::init_bare(path, &options)?;
    let (pack, tip) = history()?;
    let mut staging = repository.stage(&StageRequest::default())?;
    staging.write(&pack)?;
    let staged = staging.finish(&Never)?;
    let mut transaction = Transaction::default();
    let new = Some(RefTarget::Direct(tip));
    transaction.edits.push(RefEdit { name: main.clone(), expected: Expected::Any, new });
    repository.commit(Some(staged), transaction, &mut |_| Ok(()))?;
    repository.set_head(&RefTarget::Symbolic(main))?;
    Ok(())
}

/// A pack of one commit with one file, and the commit.
fn history() -> Result<(Vec<u8>, ObjectId), Failure> {
    let id = |kind, content: &[u8]| object_id(ObjectFormat::Sha1, Trust::Own, kind, content);
    let blob = b"# Sample\n\nThis repository was served by gitwired.\n".to_vec();
    let tree = [b"100644 README.md\0", id(ObjectKind::Blob, &blob)?.as_bytes()].concat();
    let who = "gitwired <gitwired@localhost> 1700000000 +0000";
    let tree_id = id(ObjectKind::Tree, &tree)?;
    let commit = format!("tree {tree_id}\nauthor {who}\ncommitter {who}\n\nA sample\n").into_bytes();
    let tip = id(ObjectKind::Commit, &commit)?;
    let objects = [(ObjectKind::Commit, commit), (ObjectKind::Tree, tree), (ObjectKind::Blob, blob)];
    let count = u32::try_from(objects.len())?;
    let mut pack = PackHeader { version: 2, objects: count }.to_bytes().to_vec();
    for (kind, content) in objects {
        write_entry(&mut pack, kind, &content)?;
    }
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.finish()?.as_bytes());
    Ok((pack, tip))
}

fn write_entry(pack: &mut Vec<u8>, kind: ObjectKind, content: &[u8]) -> io::Result<()> {
    EntryHeader { kind: EntryKind::Whole(kind), size: content.len() as u64, len: 0 }.write(pack);
    let mut deflate = ZlibEncoder::new(pack, Compression::default());
    deflate.write_all(content)?;
    deflate.finish().map(drop)
}
