//! Sessions over repositories that git made, with git as the second opinion.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "the modules of a test binary"
)]

mod access;
mod bitmaps;
mod commit_graph;
mod elsewhere;
mod hooks;
#[cfg(feature = "http")]
mod http;
mod multi_pack;
mod packs;
mod promisors;
mod receive;
mod rules;
mod sparse;
mod visibility;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_protocol::{Machine as _, Next, Serving, Version};
use gitwire_server::{Conversation as _, Policy, ServeError, Session, stdio};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::Never;

/// A repository with `count` branches, most of them packed, and some tags.
fn make(git: &Git, folder: &Folder, count: usize) -> PathBuf {
    git.ok(folder.path(), ["init", "-q", "--bare", "r.git"]);
    let path = folder.path().join("r.git");
    git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/b00001"]);
    let tree = String::from_utf8(git.feed(&path, ["mktree"], b"").stdout).unwrap();
    let commit = |message: &str| {
        let id = git.ok(&path, ["commit-tree", "-m", message, tree.trim()]);
        String::from_utf8(id).unwrap().trim().to_owned()
    };
    let (one, two) = (commit("one"), commit("two"));
    let mut lines = String::new();
    for number in 0..count {
        writeln!(lines, "create refs/heads/b{number:05} {}", if number % 2 == 0 { &one } else { &two })
            .unwrap();
    }
    assert!(git.feed(&path, ["update-ref", "--stdin"], lines.as_bytes()).status.success());
    git.ok(&path, ["tag", "-a", "-m", "x", "annotated", &one]);
    git.ok(&path, ["tag", "-a", "-m", "x", "nested", "annotated"]);
    git.ok(&path, ["pack-refs", "--all"]);
    git.ok(&path, ["update-ref", "refs/heads/b00002", &two]);
    git.ok(&path, ["tag", "-a", "-m", "x", "loose", &two]);
    git.ok(&path, ["update-ref", "refs/hidden/one", &one]);
    git.ok(&path, ["update-ref", "refs/pull/1/head", &one]);
    path
}

fn open(path: &Path) -> (Arc<GitDir>, Arc<Policy>) {
    let repository = GitDir::open(path, &OpenOptions::default()).unwrap();
    let policy = Policy::git().with_config(&repository.config()).unwrap();
    (Arc::new(repository), Arc::new(policy))
}

/// What a server says with the agent's name and the lengths that depend on it taken out.
fn lines(wire: &[u8]) -> Vec<String> {
    let text = wire.escape_ascii().to_string();
    let words = |line: &str| {
        let line = line.split(' ').filter(|word| !word.starts_with("agent=")).collect::<Vec<_>>().join(" ");
        if line.contains("agent=") || line.contains("object-format") { line[4..].to_owned() } else { line }
    };
    text.split("\\n").filter(|line| !line.contains("agent=") || line.contains(' ')).map(words).collect()
}

fn advertised(path: &Path, version: Version) -> Vec<String> {
    let (repository, policy) = open(path);
    let mut wire = Vec::new();
    stdio::advertise(Session::new(repository, policy, version, Serving::Advertisement), |bytes| {
        wire.extend_from_slice(bytes);
        Ok(())
    })
    .unwrap();
    lines(&wire)
}

#[test]
fn advertisements_are_gits_however_many_refs_there_are() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("advertise");
    // More than two pieces of refs.
    let path = make(&git, &folder, 9000);
    for hide in [&[][..], &["refs/hidden"], &["refs", "!refs/heads/b00001", "!refs/tags"]] {
        git.run(&path, ["config", "--unset-all", "transfer.hideRefs"]);
        for value in hide {
            git.ok(&path, ["config", "--add", "transfer.hideRefs", value]);
        }
        let theirs = git.ok(&path, ["upload-pack", "--http-backend-info-refs", "."]);
        assert_eq!(advertised(&path, Version::V0), lines(&theirs), "{hide:?}");
    }
}

/// Answers a whole request.
fn serve(path: &Path, version: Version, request: &[u8]) -> Result<BytesMut, ServeError> {
    serve_as(Serving::Stateless, path, version, request)
}

fn serve_as(serving: Serving, path: &Path, version: Version, request: &[u8]) -> Result<BytesMut, ServeError> {
    let (repository, policy) = open(path);
    serve_under(repository, policy, version, serving, request)
}

fn serve_under(
    repository: Arc<GitDir>,
    policy: Arc<Policy>,
    version: Version,
    serving: Serving,
    request: &[u8],
) -> Result<BytesMut, ServeError> {
    let (mut session, mut machine) = Session::new(repository, policy, version, serving);
    let (mut input, mut output) = (BytesMut::from(request), BytesMut::new());
    machine.end_of_input();
    loop {
        match machine.step(&mut input, &mut output)? {
            Next::Event(event) => {
                let _ = session.on(event);
                if session.must_work() {
                    session.work(&Never)?;
                }
            }
            Next::Answer => {
                session.work(&Never)?;
                session.answer(&mut machine, &mut output)?;
            }
            Next::Turn => {}
            Next::Read | Next::Done => return Ok(output),
        }
    }
}

fn line(text: &str) -> String {
    format!("{:04x}{text}\n", text.len() + 5)
}

#[test]
fn ls_refs_is_gits() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("ls-refs");
    let path = make(&git, &folder, 5000);
    git.ok(&path, ["config", "transfer.hideRefs", "refs/hidden"]);
    for arguments in [
        &[][..],
        &["peel", "symrefs"],
        &["peel", "ref-prefix refs/tags/"],
        &[
            "symrefs",
            "unborn",
            "ref-prefix HEAD",
            "ref-prefix refs/heads/b000",
            "ref-prefix refs/heads/b0001",
        ],
        &["ref-prefix refs/hidden/"],
        &["ref-prefix nothing"],
    ] {
        let mut request = line("command=ls-refs") + "0001";
        for argument in arguments {
            request += &line(argument);
        }
        request += "0000";
        let ours = serve(&path, Version::V2, request.as_bytes()).unwrap();
        let mut command = git.command(&path, ["upload-pack", "--stateless-rpc", "."]);
        command.env("GIT_PROTOCOL", "version=2").stdin(std::process::Stdio::piped());
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), request.as_bytes()).unwrap();
        let theirs = child.wait_with_output().unwrap().stdout;
        assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string(), "{arguments:?}");
    }
}

#[test]
fn hidden_refs_are_not_wanted_either() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("hidden");
    let path = make(&git, &folder, 3);
    let lone = String::from_utf8(git.ok(&path, ["commit-tree", "-m", "hidden", "HEAD^{tree}"])).unwrap();
    git.ok(&path, ["update-ref", "refs/hidden/two", lone.trim()]);
    git.ok(&path, ["config", "transfer.hideRefs", "refs/hidden"]);
    let request = line(&format!("want {}", lone.trim())) + "0000" + &line("done");
    let ask = || serve(&path, Version::V0, request.as_bytes()).map(|answer| answer.len() > 8);
    assert_eq!(ask().unwrap_err().reply(), format!("upload-pack: not our ref {}", lone.trim()));
    git.ok(&path, ["config", "uploadpack.allowTipSHA1InWant", "true"]);
    assert!(ask().unwrap());
    git.ok(&path, ["config", "uploadpack.allowTipSHA1InWant", "false"]);
    git.ok(&path, ["config", "uploadpack.allowAnySHA1InWant", "true"]);
    assert!(ask().unwrap());
}

#[test]
fn what_a_shown_ref_reaches_may_be_wanted_in_a_request_of_its_own() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("moved");
    let path = make(&git, &folder, 3);
    let commit = |message: &str| {
        let id = git.ok(&path, ["commit-tree", "-m", message, "HEAD^{tree}"]);
        String::from_utf8(id).unwrap().trim().to_owned()
    };
    let (tagged, lone) = (commit("tagged"), commit("lone"));
    git.ok(&path, ["tag", "-a", "-m", "x", "only", &tagged]);
    let request = |id: &str| (line(&format!("want {id}")) + "0000" + &line("done")).into_bytes();
    let ask = |serving, id: &str| {
        let answer = serve_as(serving, &path, Version::V0, &request(id));
        answer.map(drop).map_err(|error| error.reply().into_owned())
    };
    let refused = |id: &str| Err(format!("upload-pack: not our ref {id}"));
    for (id, stateless) in [(&tagged, Ok(())), (&lone, refused(&lone))] {
        assert_eq!(ask(Serving::Stateless, id), stateless);
        assert_eq!(ask(Serving::Duplex, id), refused(id));
        let theirs = git.feed(&path, ["upload-pack", "--stateless-rpc", "."], &request(id));
        assert_eq!(theirs.status.success(), stateless.is_ok(), "git's view of {id}");
    }
}

#[test]
fn filters_are_served_where_they_are_allowed() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("filter");
    let path = make(&git, &folder, 3);
    let tip = String::from_utf8(git.ok(&path, ["rev-parse", "HEAD"])).unwrap();
    let ask = |filter: &str| {
        let wants = line(&format!("want {}", tip.trim())) + &line("done");
        let request = line("command=fetch") + "0001" + &wants + &line(&format!("filter {filter}")) + "0000";
        serve(&path, Version::V2, request.as_bytes()).map(drop).map_err(|error| error.reply().into_owned())
    };
    assert!(ask("blob:none").is_err(), "git allows none without configuration");
    git.ok(&path, ["config", "uploadpack.allowFilter", "true"]);
    assert_eq!(ask("blob:none"), Ok(()));
    git.ok(&path, ["config", "uploadpackfilter.tree.maxDepth", "2"]);
    assert_eq!(ask("tree:2"), Ok(()));
    assert_eq!(ask("tree:3"), Err("tree filter allows max depth 2, but got 3".into()));
    assert_eq!(ask("combine:blob:none+tree:3"), Err("tree filter allows max depth 2, but got 3".into()));
    assert!(ask("bogus").unwrap_err().starts_with("invalid filter-spec"));
}

#[test]
fn objects_and_bundles_are_told_of_where_that_is_switched_on() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("queries");
    let path = make(&git, &folder, 3);
    let ask = |request: String| {
        let answer = serve(&path, Version::V2, request.as_bytes());
        answer
            .map(|answer| String::from_utf8(answer.to_vec()).unwrap())
            .map_err(|error| error.reply().into_owned())
    };
    let tip = String::from_utf8(git.ok(&path, ["rev-parse", "b00001"])).unwrap();
    let size = String::from_utf8(git.ok(&path, ["cat-file", "-s", "b00001"])).unwrap();
    let (tip, size, none) = (tip.trim(), size.trim(), "12".repeat(20));
    let sizes = line("command=object-info") + "0001" + &line("size") + &line(&format!("oid {tip}"));
    let sizes = sizes + &line(&format!("oid {none}")) + "0000";
    let bundles = line("command=bundle-uri") + "0000";
    assert_eq!(ask(sizes.clone()).unwrap_err(), "invalid command 'object-info'");
    assert_eq!(ask(bundles.clone()).unwrap_err(), "invalid command 'bundle-uri'");

    git.ok(&path, ["config", "transfer.advertiseObjectInfo", "true"]);
    git.ok(&path, ["config", "uploadpack.advertiseBundleURIs", "true"]);
    git.ok(&path, ["config", "bundle.version", "1"]);
    git.ok(&path, ["config", "bundle.Daily one.uri", "https://example.com/a=b.bundle"]);
    let packet = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let expected = packet("size") + &packet(&format!("{tip} {size}")) + &packet(&format!("{none} ")) + "0000";
    assert_eq!(ask(sizes).unwrap(), expected);
    let expected =
        packet("bundle.version=1") + &packet("bundle.Daily one.uri=https://example.com/a=b.bundle");
    assert_eq!(ask(bundles).unwrap(), expected + "0000");
    let bad = line("command=bundle-uri") + "0001" + &line("what") + "0000";
    assert_eq!(ask(bad).unwrap_err(), "bundle-uri: unexpected argument: 'what'");
}
