//! Blobs that the client gets elsewhere (`packfile-uris`), beside what git's own server answers.

use std::collections::BTreeSet;
use std::path::Path;

use gitwire_testkit::git::{Folder, Git};

use crate::{line, serve};
use gitwire_protocol::Version;

/// What an answer consists of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The lines before the pack.
    lines: BTreeSet<String>,
    /// The ids of what the pack holds.
    pub(crate) objects: BTreeSet<String>,
}

/// Takes an answer of version 2 apart, in a side-band as a whole or not.
pub(crate) fn answer(git: &Git, path: &Path, mut wire: &[u8]) -> Answer {
    let (mut lines, mut pack) = (BTreeSet::new(), Vec::new());
    while let Some((digits, rest)) = wire.split_at_checked(4) {
        let len = usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
        let (data, rest) = rest.split_at(len.saturating_sub(4));
        match data {
            [1, b @ ..] if b.starts_with(b"PACK") || !pack.is_empty() => pack.extend_from_slice(b),
            [2, ..] | [] => {}
            [1, text @ ..] | text => {
                lines.insert(text.escape_ascii().to_string());
            }
        }
        wire = rest;
    }
    let indexed = git.feed(path, ["index-pack", "--stdin"], &pack);
    assert!(indexed.status.success(), "{}", indexed.stderr.escape_ascii());
    let listed = String::from_utf8(indexed.stdout).unwrap();
    let index = format!("objects/pack/pack-{}.idx", listed.split_whitespace().nth(1).unwrap());
    let listed = git.feed(path, ["show-index"], &std::fs::read(path.join(index)).unwrap());
    let listed = String::from_utf8(listed.stdout).unwrap();
    let objects = listed.lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    Answer { lines, objects }
}

#[test]
fn what_lies_elsewhere_is_named_and_left_out() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("elsewhere");
    git.ok(folder.path(), ["init", "-q", "--bare", "r.git"]);
    let path = folder.path().join("r.git");
    let say = |arguments: &[&str], input: &str| {
        let said = git.feed(&path, arguments.to_vec(), input.as_bytes());
        assert!(said.status.success(), "{}", said.stderr.escape_ascii());
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    let blobs: Vec<String> =
        (1..=4).map(|n| say(&["hash-object", "-w", "--stdin"], &format!("{n}").repeat(3000))).collect();
    let entries = blobs.iter().enumerate().map(|(n, id)| format!("100644 blob {id}\tf{n}\n"));
    let tree = say(&["mktree"], &entries.collect::<String>());
    let tip = say(&["commit-tree", "-m", "x", &tree], "");
    git.ok(&path, ["update-ref", "refs/heads/main", &tip]);
    let hash = "5".repeat(40);
    for (blob, uri) in
        blobs.iter().zip(["https://h/one.pack", "http://h/two.pack", "https://h/three.pack?a b"])
    {
        git.ok(&path, ["config", "--add", "uploadpack.blobPackfileUri", &format!("{blob} {hash} {uri}")]);
    }
    git.ok(&path, ["config", "--add", "uploadpack.blobPackfileUri", &format!("{tip} {hash} https://h/tip")]);
    git.ok(&path, ["config", "uploadpack.allowFilter", "true"]);
    git.ok(&path, ["config", "uploadpack.allowSidebandAll", "true"]);
    let into = |name: &str| {
        git.ok(folder.path(), ["init", "-q", "--bare", name]);
        folder.path().join(name)
    };
    let check = |arguments: &[&str], uris: usize| {
        let wants: String =
            [&format!("want {tip}"), "done"].into_iter().chain(arguments.iter().copied()).map(line).collect();
        let request = line("command=fetch") + "0001" + &wants + "0000";
        let file = folder.path().join("request");
        std::fs::write(&file, &request).unwrap();
        let mut command = git.command(&path, ["upload-pack", "--stateless-rpc", "."]);
        command.env("GIT_PROTOCOL", "version=2").stdin(std::fs::File::open(&file).unwrap());
        let asked = command.output().unwrap();
        let theirs = answer(&git, &into("theirs.git"), &asked.stdout);
        let ours = answer(&git, &into("ours.git"), &serve(&path, Version::V2, request.as_bytes()).unwrap());
        let named = ours.lines.iter().filter(|line| line.starts_with(&hash)).count();
        assert_eq!(named, uris, "{arguments:?} {:?}", ours.lines);
        assert_eq!(ours, theirs, "{arguments:?}");
    };
    check(&["sideband-all"], 0);
    check(&["packfile-uris https"], 0);
    check(&["packfile-uris https", "sideband-all"], 3);
    check(&["sideband-all", "packfile-uris http,https"], 4);
    check(&["packfile-uris ftp", "sideband-all"], 0);
    check(&["packfile-uris https", "sideband-all", "filter blob:none"], 1);
    git.ok(&path, ["config", "--add", "uploadpack.blobPackfileUri", "nonsense"]);
    let request = line("command=fetch") + "0001" + &line(&format!("want {tip}")) + &line("done");
    let refused = serve(
        &path,
        Version::V2,
        (request + &line("packfile-uris https") + &line("sideband-all") + "0000").as_bytes(),
    );
    assert!(refused.unwrap_err().to_string().contains("must be of the form"));
}
