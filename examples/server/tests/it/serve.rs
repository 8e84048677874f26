use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::thread;

use gitwire_testkit::git::{Folder, Git};

use crate::server::{Server, add, make, refs};

const VERSIONS: [&str; 3] = ["protocol.version=0", "protocol.version=1", "protocol.version=2"];

fn same(git: &Git, clone: &Path, source: &Path) {
    assert_eq!(refs(git, clone), refs(git, source));
    git.ok(clone, ["fsck", "--strict"]);
}

fn packed(git: &Git, path: &Path) -> usize {
    let text = String::from_utf8(git.ok(path, ["count-objects", "-v"])).unwrap();
    let counts = text.lines().filter_map(|line| {
        line.strip_prefix("in-pack: ").or_else(|| line.strip_prefix("count: "))?.parse::<usize>().ok()
    });
    counts.sum()
}

#[track_caller]
fn clone_and_fetch(format: &str) {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("serve");
    let source = make(&git, folder.path(), "source.git", format);
    let server = Server::start(folder.path(), &[]);
    let url = format!("{}/source.git", server.url);
    for version in VERSIONS {
        let listed = git.ok(folder.path(), ["-c", version, "ls-remote", &url]);
        assert_eq!(listed, git.ok(folder.path(), ["ls-remote", source.to_str().unwrap()]));
        git.ok(folder.path(), ["-c", version, "clone", "-q", "--mirror", &url, version]);
        same(&git, &folder.path().join(version), &source);
    }
    add(&git, &source, 200..205);
    git.ok(&source, ["tag", "-a", "-m", "three", "v3", "main"]);
    for version in VERSIONS {
        let clone = folder.path().join(version);
        let before = packed(&git, &clone);
        git.ok(&clone, ["-c", version, "fetch", "-q"]);
        same(&git, &clone, &source);
        let brought = packed(&git, &clone) - before;
        // Each commit brings itself, two trees and a file.
        assert_eq!(brought, 5 * 4 + 1);
        let shallow = format!("{version}-shallow");
        git.ok(folder.path(), ["-c", version, "clone", "-q", "--bare", "--depth=4", &url, &shallow]);
        let shallow = folder.path().join(shallow);
        assert_eq!(git.ok(&shallow, ["rev-list", "--count", "HEAD"]), b"4\n");
        git.ok(&shallow, ["-c", version, "fetch", "-q", "--unshallow"]);
        git.ok(&shallow, ["fsck", "--strict"]);
        let partial = format!("{version}-partial");
        git.ok(folder.path(), ["-c", version, "clone", "-q", "--bare", "--filter=blob:none", &url, &partial]);
        assert!(packed(&git, &folder.path().join(partial)) < packed(&git, &source));
    }
}

#[test]
fn stock_git_clones_and_fetches() {
    clone_and_fetch("sha1");
}

#[test]
fn stock_git_clones_and_fetches_sha256() {
    clone_and_fetch("sha256");
}

#[test]
fn only_what_lies_below_the_root_is_served() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("root");
    let outside = make(&git, folder.path(), "outside.git", "sha1");
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    make(&git, &root, "inside.git", "sha1");
    std::os::unix::fs::symlink(&outside, root.join("link.git")).unwrap();
    std::os::unix::fs::symlink(root.join("inside.git"), root.join("good.git")).unwrap();
    std::fs::create_dir(root.join("file")).unwrap();
    std::fs::write(root.join("file/.git"), format!("gitdir: {}\n", outside.display())).unwrap();
    let server = Server::start(&root, &[]);
    let listed = |path: &str| {
        let url = format!("{}{path}", server.url);
        let output = git.run(folder.path(), ["ls-remote", &url]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.success() || text.contains("access denied or repository not exported"),
            "{text}"
        );
        output.status.success()
    };
    assert!(listed("/inside.git") && listed("/inside") && listed("//inside.git/") && listed("/good.git"));
    assert!(
        !listed("/../outside.git") && !listed("/inside.git/../../outside.git") && !listed("/./inside.git")
    );
    assert!(!listed("/link.git") && !listed("/link") && !listed("/file") && !listed("/nothing.git"));
    assert!(!listed(outside.to_str().unwrap()));
}

#[test]
fn many_clones_at_once_stay_within_their_memory() {
    const CLIENTS: u64 = 16;
    /// Of one client, beside what is shared: the buffers of its connection, its walk, and the memory for deltas.
    const CAP: u64 = 24 << 10;
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("many");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let server = Server::start(folder.path(), &["--limit", "pack-memory=4194304"]);
    let idle = server.peak();
    let url = &format!("{}/source.git", server.url);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (git, folder) = (&git, &folder);
            scope.spawn(move || git.ok(folder.path(), ["clone", "-q", "--mirror", url, &client.to_string()]));
        }
    });
    for client in 0..CLIENTS {
        assert_eq!(refs(&git, &folder.path().join(client.to_string())), refs(&git, &source));
    }
    let peak = server.peak();
    assert!(peak <= idle + CLIENTS * CAP, "{idle} KiB idle, {peak} KiB at most");
}

#[test]
fn a_connection_too_many_is_told_so() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("busy");
    make(&git, folder.path(), "source.git", "sha1");
    let server = Server::start(folder.path(), &["--limit", "connections=1"]);
    let url = format!("{}/source.git", server.url);
    let mut held = std::net::TcpStream::connect(server.address()).unwrap();
    // Served, and kept so: the rest of the conversation never comes.
    held.write_all(b"0020git-upload-pack /source.git\0").unwrap();
    let mut line = [0; 8];
    held.read_exact(&mut line).unwrap();
    assert_ne!(&line[4..], b"ERR ");
    let output = git.run(folder.path(), ["ls-remote", &url]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("server busy"));
    drop(held);
}

#[test]
fn sigterm_ends_it_well() {
    let folder = Folder::new("sigterm");
    let mut server = Server::start(folder.path(), &["--grace", "1"]);
    let id = server.child.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn without_arguments_there_is_a_sample() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("sample");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.env("XDG_DATA_HOME", folder.path());
    let server = Server::spawn(&mut command);
    let url = format!("{}/sample.git", server.url);
    git.ok(folder.path(), ["clone", "-q", &url, "clone"]);
    let clone = folder.path().join("clone");
    git.ok(&clone, ["fsck", "--strict"]);
    assert!(clone.join("README.md").exists());
}

#[test]
fn usage() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_gitwired")).args(arguments).output().unwrap();
        output.status.code()
    };
    assert_eq!(run(&["--version"]), Some(0));
    assert_eq!(run(&["--help"]), Some(0));
    assert_eq!(run(&["--bogus"]), Some(129));
    assert_eq!(run(&["--listen", "ftp://x:1"]), Some(129));
    assert_eq!(run(&["--limit", "speed=1"]), Some(129));
    assert_eq!(run(&["--listen", "git://127.0.0.1:0", "--root", "/nothing/there"]), Some(128));
}
