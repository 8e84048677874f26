//! Stock git as the client.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use gitwire_protocol::Version;

use super::{Door, Operation, Talk, World};

/// Does it, and gives the version that git's trace shows.
pub(super) fn run(talk: &Talk<'_>, place: &Path) -> Version {
    let Talk { world, case, operation } = talk;
    let url = world.servers.url(talk, &world.source);
    let place_text = place.to_str().unwrap();
    let top = world.folder.path();
    let clone = ["clone", "-q", "--no-local"];
    match operation {
        Operation::Clone => git(talk, top, &[&clone[..], &["--mirror"]].concat(), &[&url, place_text]),
        Operation::ShallowClone => {
            let words = [&clone[..], &["--bare", "--no-single-branch", "--depth=2"]].concat();
            git(talk, top, &words, &[&url, place_text])
        }
        Operation::Fetch => git(talk, place, &["fetch", "-q", "--prune"], &[&url, "+refs/*:refs/*"]),
        Operation::Push | Operation::Delete => {
            let url = world.servers.url(talk, &world.at(case, "target.git"));
            let refspec = if *operation == Operation::Push { "refs/*:refs/*" } else { ":refs/heads/side" };
            git(talk, &world.source, &["push", "-q"], &[&url, refspec])
        }
    }
}

fn git(talk: &Talk<'_>, folder: &Path, words: &[&str], last: &[&str]) -> Version {
    let Talk { world, case, operation } = talk;
    let World { git, servers, .. } = world;
    let trace = world.at(case, &format!("{operation:?}-trace"));
    let mut command = git.command(folder, ["-c".to_owned(), format!("protocol.version={}", case.version)]);
    command.args(words);
    if let Some(program) = servers.program(talk) {
        let option = if words[0] == "push" { "receive-pack" } else { "upload-pack" };
        command.arg(format!("--{option}={program}"));
    }
    if case.door == Door::Dumb {
        // It walks over files then, whatever the server could do.
        command.env("GIT_SMART_HTTP", "0");
    }
    command.args(last).env("GIT_TRACE_PACKET", &trace).env("PATH", servers.programs());
    command.env("GIT_SSH_COMMAND", servers.ssh()).env("GIT_SSH_VARIANT", "ssh");
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{talk}: {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let trace = String::from_utf8_lossy(&fs::read(&trace).unwrap_or_default()).into_owned();
    assert_eq!(trace.is_empty(), case.door == Door::Dumb, "{talk}: only files have no packets");
    let said = |line: &str| trace.lines().any(|traced| traced.ends_with(line));
    match (said("< version 1"), said("< version 2")) {
        (true, false) => Version::V1,
        (false, true) => Version::V2,
        (false, false) => Version::V0,
        (true, true) => panic!("{talk}: two versions"),
    }
}
