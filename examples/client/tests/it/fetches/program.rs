//! `gitwire fetch` beside `git fetch`: what they say, what `FETCH_HEAD`, refs and reflogs hold afterwards, and how they end.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use gitwire_testkit::git::{Folder, Git};

use super::source::Sources;
use super::state::copy;

/// Options and refspecs, in a work tree's repository whose remote `origin` has changed.
const ROWS: &[&[&str]] = &[
    &["fetch"],
    &["fetch", "origin"],
    &["fetch", "-v", "origin"],
    &["fetch", "--porcelain", "origin"],
    &["fetch", "--porcelain", "-v", "--prune", "origin"],
    &["fetch", "--prune", "origin"],
    &["fetch", "-p", "-P", "origin"],
    &["fetch", "--prune", "--no-tags", "origin"],
    &["fetch", "--tags", "origin"],
    &["fetch", "-n", "--dry-run", "--prune", "origin"],
    &["fetch", "origin", "main"],
    &["fetch", "origin", "main", "topic:here"],
    &["fetch", "origin", "refs/heads/forced:refs/heads/forced"],
    &["fetch", "origin", "+refs/heads/forced:refs/heads/forced"],
    &["fetch", "origin", "tag", "v3"],
    &["fetch", "origin", "HEAD"],
    &["fetch", "--refmap=", "origin", "topic"],
    &["fetch", "--refmap=+refs/heads/*:refs/other/*", "origin", "topic", "main"],
    &["fetch", "--prefetch", "-n", "origin"],
    &["fetch", "--no-write-fetch-head", "-n", "origin", "topic"],
    &["fetch", "-n", "origin", "refs/heads/*:refs/got/*", "^refs/heads/t*"],
    &["fetch", "--atomic", "-n", "origin", "topic:refs/heads/topic", "forced:refs/heads/forced"],
    &["fetch", "--unshallow", "origin"],
    &["fetch", "--depth=0", "origin"],
    &["fetch", "origin", "nothing"],
    &["fetch", "origin", "main:refs/one", "topic:refs/one"],
    &["fetch", "origin", "main:main"],
    &["-c", "fetch.prune=true", "fetch", "-n"],
    &["-c", "remote.origin.tagOpt=--no-tags", "fetch"],
    &["-c", "branch.work.merge=refs/heads/topic", "-c", "branch.work.remote=origin", "fetch", "-n"],
    &["-c", "remote.pair.url=../cut.git", "fetch", "-n", "pair", "main", "topic"],
    &["-c", "remotes.both=origin", "fetch", "-n", "--dry-run", "--multiple", "both"],
    &["fetch", "-n", "--negotiation-tip=refs/heads/m*", "origin", "topic"],
    &["fetch", "--negotiate-only", "--negotiation-tip=main", "origin"],
    &["fetch", "--negotiate-only", "origin"],
    &["-c", "fetch.negotiationAlgorithm=nonsense", "fetch", "origin"],
    &["fetch", "-n", "--shallow-since=@1700345600", "origin"],
    &["fetch", "-n", "--shallow-exclude=v1", "origin"],
    &["fetch", "-n", "--update-shallow", "../cut.git", "whole:refs/heads/whole"],
];

#[test]
fn the_program_says_and_leaves_what_gits_does() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::in_memory("fetch-program");
    Sources::make(&git, folder.path(), "sha1", "http://nowhere.invalid");
    let before = folder.path().join("before");
    // What the source was, in a clone that has some of it as branches of its own.
    git.ok(folder.path(), ["clone", "-q", "old.git", "before"]);
    git.ok(&before, ["config", "remote.origin.url", "../source.git"]);
    git.ok(&before, ["branch", "-q", "forced", "origin/forced"]);
    git.ok(&before, ["remote", "set-head", "origin", "-d"]);
    let mut worse = Vec::new();
    for row in ROWS {
        let [theirs, ours] = ["theirs", "ours"].map(|whose| folder.path().join(whose));
        copy(&before, &theirs);
        copy(&before, &ours);
        let mut differ = |what: &str, theirs: &str, ours: &str| {
            if theirs != ours {
                worse.push(format!("{row:?}: {what}\n--- git\n{theirs}\n--- ours\n{ours}"));
            }
        };
        let (said, answer) = (run(git.command(&theirs, *row)), run(gitwire(&git, &ours, row)));
        differ(
            "code",
            &said.0.to_string(),
            &format!("{}{}", answer.0, if answer.0 == said.0 { "" } else { &answer.2 }),
        );
        if said.0 == 0 || said.0 == 1 {
            differ("standard output", &said.1, &answer.1);
            differ("standard error", &said.2, &answer.2);
        }
        differ("what is left", &left(&git, &theirs).join("\n"), &left(&git, &ours).join("\n"));
        for place in [theirs, ours] {
            fs::remove_dir_all(place).unwrap();
        }
    }
    assert!(worse.is_empty(), "{}", worse.join("\n"));
}

fn gitwire(git: &Git, folder: &Path, row: &[&str]) -> Command {
    let mut ours = Command::new(env!("CARGO_BIN_EXE_gitwire"));
    ours.current_dir(folder).args(row).env_clear();
    // The same environment as git has.
    let theirs = git.command(folder, [""; 0]);
    ours.envs(theirs.get_envs().filter_map(|(name, value)| Some((name, value?))));
    ours
}

/// The exit code, and what was said, without what depends on where programs are.
fn run(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        // Advice is git's own.
        let lines =
            text.lines().filter(|line| !line.starts_with("hint:") && !line.starts_with("error: some local"));
        let lines = lines.filter(|line| !line.starts_with(" 'git remote prune"));
        let (errors, others): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("error:"));
        // What fails is told as it happens, or at once.
        errors.into_iter().chain(others).map(|line| format!("{}\n", line.trim_end())).collect::<String>()
    };
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn left(git: &Git, place: &Path) -> Vec<String> {
    let text = |words: &[&str]| String::from_utf8(git.ok(place, words)).unwrap();
    let logs = text(&["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes"]);
    let logs = logs.lines().map(|name| {
        let log = fs::read_to_string(place.join(".git/logs").join(name)).unwrap_or_default();
        format!("{name}: {}", log.lines().last().unwrap_or_default())
    });
    // git 2.48 and later make this one.
    let logs = logs.filter(|line| !line.starts_with("refs/remotes/origin/HEAD"));
    let refs = text(&["for-each-ref"]);
    let refs = refs.lines().filter(|line| !line.ends_with("refs/remotes/origin/HEAD")).map(str::to_owned);
    let head = fs::read_to_string(place.join(".git/FETCH_HEAD")).unwrap_or_default();
    refs.chain(logs).chain(head.lines().map(str::to_owned)).collect()
}
