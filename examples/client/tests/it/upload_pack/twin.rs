//! Every command and argument, and every request that is wrong, by hand: our answer is git's.
//!
//! Equal are the bytes of the answer (but for progress), the objects in the pack, the exit code, and what stands on standard error where
//! git refuses. Where git goes without a word on the wire, we may say the same words there, in an `ERR` line.

use std::collections::HashMap;
use std::path::Path;
use std::process::Output;

use gitwire_testkit::git::{Folder, Git};

use super::answer::Answer;
use super::run::{Served, Start};
use super::{version_0, version_2};

/// The oldest git whose answers are the ones of today: before it `bundle-uri` and errors in rounds that follow were other.
pub(super) const SINCE: &[u32] = &[2, 40];

/// A request: what it shows, how the programs are started beyond the table's own way, and its lines.
pub(super) struct Case(pub(super) &'static str, pub(super) &'static [&'static str], pub(super) &'static str);

/// A request to which we say something else than git does.
pub(super) struct Own {
    pub(super) name: &'static str,
    /// What git does, and why that is not to be repeated.
    pub(super) why: &'static str,
    pub(super) config: &'static [&'static str],
    pub(super) request: &'static str,
    /// Our words, on the wire and on standard error.
    pub(super) says: &'static str,
}

/// A history with what the protocol can name: branches, tags of each kind, a merge, a symbolic ref, a hidden ref.
fn repository(git: &Git, folder: &Path, format: &str) -> std::path::PathBuf {
    let path = folder.join(format!("{format}.git"));
    git.ok(folder, ["init", "-q", "--bare", &format!("--object-format={format}"), path.to_str().unwrap()]);
    git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/main"]);
    crate::history::add(git, &path, "main", 0..12);
    git.ok(&path, ["branch", "side", "main~4"]);
    crate::history::add(git, &path, "side", 100..103);
    let tree = id(git, &path, "main^{tree}");
    let (main, side) = (id(git, &path, "main"), id(git, &path, "side"));
    let merge = git.ok(&path, ["commit-tree", "-m", "merge", "-p", &main, "-p", &side, &tree]);
    git.ok(&path, ["update-ref", "refs/heads/dev/merge", String::from_utf8(merge).unwrap().trim()]);
    git.ok(&path, ["tag", "-a", "-m", "one", "v1", "main~3"]);
    git.ok(&path, ["tag", "-a", "-m", "two", "v2", "v1"]);
    git.ok(&path, ["tag", "-a", "-m", "a tree", "tree", "main^{tree}"]);
    git.ok(&path, ["tag", "light", "main~6"]);
    git.ok(&path, ["update-ref", "refs/hidden/one", "side"]);
    git.ok(&path, ["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    git.ok(&path, ["update-ref", "refs/namespaces/ns/refs/heads/inner", "main~2"]);
    git.ok(&path, ["symbolic-ref", "refs/namespaces/ns/HEAD", "refs/namespaces/ns/refs/heads/inner"]);
    path
}

fn id(git: &Git, path: &Path, name: &str) -> String {
    String::from_utf8(git.ok(path, ["rev-parse", "--verify", name])).unwrap().trim().to_owned()
}

fn names(git: &Git, path: &Path, format: &str) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for (name, revision) in [
        ("main", "main"),
        ("main~1", "main~1"),
        ("main~3", "main~3"),
        ("main~6", "main~6"),
        ("root", "main~11"),
        ("side", "side"),
        ("side~1", "side~1"),
        ("merge", "dev/merge"),
        ("v1", "v1"),
        ("v2", "v2"),
        ("treetag", "tree"),
        ("tree", "main^{tree}"),
        ("dir", "main:dir"),
        ("blob", "main:text"),
        ("inner", "main~2"),
    ] {
        names.insert(name.to_owned(), id(git, path, revision));
    }
    let digits = if format == "sha1" { 40 } else { 64 };
    names.insert("nobody".to_owned(), "5".repeat(digits));
    names.insert("zero".to_owned(), "0".repeat(digits));
    names.insert("short".to_owned(), "5".repeat(digits - 1));
    names.insert("MAIN".to_owned(), names["main"].to_uppercase());
    names.insert("format".to_owned(), format.to_owned());
    names.insert("other".to_owned(), if format == "sha1" { "sha256" } else { "sha1" }.to_owned());
    names
}

/// What differs between our answer and git's.
fn difference(served: &Served<'_>, ours: &Output, theirs: &Output) -> Option<String> {
    let (our, their) = (Answer::parse(&ours.stdout), Answer::parse(&theirs.stdout));
    let error = |output: &Output| newest_words(&String::from_utf8_lossy(&output.stderr));
    let mut wrong = String::new();
    if ours.status.code() != theirs.status.code() {
        wrong += &format!("  exit: {} for {}\n", ours.status, theirs.status);
    }
    let refused = !theirs.status.success();
    // git begins some sections before it finds that it has nothing to say in them.
    let aloud = said_aloud(&error(theirs));
    let alike = [their.lines.clone(), [their.lines.clone(), vec![aloud.clone()]].concat(), vec![aloud]];
    if our.lines != their.lines && !(refused && alike.contains(&our.lines)) {
        let (our, their) = (our.lines.concat(), their.lines.concat());
        wrong += &format!("  answer: {}\n     git: {}\n", our.escape_ascii(), their.escape_ascii());
    }
    if refused && error(ours) != error(theirs) {
        wrong += &format!("  says: {}   git: {}", error(ours), error(theirs));
    }
    if !refused && our.pack != their.pack {
        let (our, their) = (served.objects(&our.pack, true), served.objects(&their.pack, true));
        if our != their {
            let more: Vec<_> = our.iter().filter(|id| !their.contains(id)).collect();
            let less: Vec<_> = their.iter().filter(|id| !our.contains(id)).collect();
            let counts = format!("{} for {}", our.len(), their.len());
            wrong += &format!("  objects: {counts}, too many: {more:?}, missing: {less:?}\n");
        }
    }
    (!wrong.is_empty()).then_some(wrong)
}

/// What git says on standard error, as an `ERR` line.
fn said_aloud(error: &str) -> Vec<u8> {
    let text =
        error.trim_end_matches('\n').trim_start_matches("fatal: ").trim_start_matches("git upload-pack: not");
    let text = if error.contains("git upload-pack: not our ref") {
        format!("upload-pack: not{text}")
    } else {
        text.to_owned()
    };
    format!("{:04x}ERR {text}", text.len() + 8).into_bytes()
}

/// What an older git says, in the words that newer ones have for it, and other accidents of wording.
fn newest_words(error: &str) -> String {
    let error = error.replace("ambiguous deepen-not: ", "deepen-not is not a ref: ");
    // git has two words for the same thing, by version of the protocol; we have one.
    let error = error.replace("expected to get object ID", "expected to get oid");
    // A want that a ref might have reached is an error first, and fatal then: the two prefixes lead to the same exit code.
    error.replace("error: git upload-pack: not our ref", "fatal: git upload-pack: not our ref")
}

/// What is said of the object format where it matters: a client that says nothing means SHA-1.
fn in_format(request: &str, format: &str) -> String {
    if format == "sha1" || request.contains("object-format") {
        return request.to_owned();
    }
    let with_format = |line: &str| {
        if line.starts_with("command=") && !line.ends_with('=') {
            format!("{line}\nobject-format={format}\n")
        } else {
            format!("{line}\n")
        }
    };
    request.lines().map(with_format).collect()
}

#[track_caller]
fn check(start: Start<'_>, cases: &[Case]) {
    let Some(git) = Git::at_least(SINCE) else { return };
    let folder = Folder::new("twin");
    let mut wrong = String::new();
    for format in ["sha1", "sha256"] {
        let path = repository(&git, folder.path(), format);
        let served = Served { git: &git, path: &path, format, names: names(&git, &path, format) };
        for Case(name, config, request) in cases {
            let start = Start { config: &[start.config, config].concat(), ..start };
            let input = served.bytes(&in_format(request, format));
            let (ours, theirs) = served.ask(start, &input);
            if let Some(difference) = difference(&served, &ours, &theirs) {
                wrong += &format!("{format}, {name}:\n{difference}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[track_caller]
fn check_own(start: Start<'_>, cases: &[Own]) {
    let Some(git) = Git::at_least(SINCE) else { return };
    let folder = Folder::new("twin-own");
    let path = repository(&git, folder.path(), "sha1");
    let served = Served { git: &git, path: &path, format: "sha1", names: names(&git, &path, "sha1") };
    for Own { name, why, config, request, says } in cases {
        let start = Start { config, ..start };
        let ours = served.ours(start, &served.bytes(request));
        let says = format!("fatal: {}\n", served.fill(says));
        assert_eq!(String::from_utf8_lossy(&ours.stderr), says, "{name}: {why}");
        assert_eq!(Answer::parse(&ours.stdout).lines, [said_aloud(&says)], "{name}: {why}");
        assert_eq!(ours.status.code(), Some(128), "{name}: {why}");
    }
}

#[test]
fn fronts_of_version_2() {
    check(Start::V2, version_2::FRONTS);
}

#[test]
fn refs_of_version_2() {
    check(Start::V2, version_2::LS_REFS);
}

#[test]
fn fetches_of_version_2() {
    check(Start::V2, version_2::FETCHES);
}

#[test]
fn depths_of_version_2() {
    check(Start::V2, version_2::DEPTHS);
}

#[test]
fn filters_of_version_2() {
    check(Start { config: &["uploadpack.allowFilter=true"], ..Start::V2 }, version_2::FILTERS);
}

#[test]
fn questions_of_version_2() {
    check(Start::V2, version_2::QUESTIONS);
}

#[test]
fn conversations_of_version_2() {
    check(Start { mode: "", ..Start::V2 }, version_2::CONVERSATIONS);
}

#[test]
fn where_git_is_more_forgiving_or_stumbles() {
    check_own(Start::V2, version_2::OWN);
    check_own(Start { protocol: "", ..Start::V2 }, version_0::OWN);
}

#[test]
fn requests_of_versions_0_and_1() {
    check(Start { protocol: "", ..Start::V2 }, version_0::STATELESS);
    check(Start { protocol: "version=1", ..Start::V2 }, version_0::STATELESS);
}

#[test]
fn conversations_of_versions_0_and_1() {
    for protocol in ["", "version=1"] {
        check(Start { protocol, mode: "", ..Start::V2 }, version_0::DUPLEX);
    }
}

#[test]
fn advertisements_of_all_versions() {
    for protocol in ["", "version=1", "version=2"] {
        check(Start { protocol, mode: "--http-backend-info-refs", ..Start::V2 }, version_0::ADVERTISED);
        let cases = &version_0::ADVERTISED[..1];
        for (mode, namespace) in [("--advertise-refs", "ns"), ("", "ns"), ("", "ns/sub"), ("", "none")] {
            check(Start { protocol, mode, config: &[], namespace }, cases);
        }
    }
    for protocol in ["version=0:version=2:version=1", "version=3", "nonsense", "version=1:x=y"] {
        check(Start { protocol, mode: "", ..Start::V2 }, &version_0::ADVERTISED[..1]);
    }
}

/// As t5701 has it: beyond 65,535 prefixes none counts.
#[test]
fn a_very_large_set_of_prefixes() {
    let Some(git) = Git::at_least(SINCE) else { return };
    let folder = Folder::new("twin-prefixes");
    let path = repository(&git, folder.path(), "sha1");
    let served = Served { git: &git, path: &path, format: "sha1", names: HashMap::new() };
    for count in [65_535, 65_536] {
        let prefixes: String = (1..count).map(|n| format!("ref-prefix refs/heads/x{n}\n")).collect();
        let request = format!("command=ls-refs\n0001\nref-prefix refs/tags/v\n{prefixes}0000");
        let (ours, theirs) = served.ask(Start::V2, &served.bytes(&request));
        assert_eq!(
            ours.stdout.escape_ascii().to_string(),
            theirs.stdout.escape_ascii().to_string(),
            "{count}"
        );
        assert!(ours.status.success());
    }
}
