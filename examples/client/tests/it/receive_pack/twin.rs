//! Every command, and every push that is wrong, by hand: what we say and leave behind is what git does.
//!
//! Equal are the answer but for progress, the exit code, what stands on standard error, every call of every hook with its arguments, input
//! and environment, and then the repository: refs, reflogs, objects and how they are stored, `shallow`, the files in it, `git fsck`.

use gitwire_testkit::git::Git;

use super::ground::Ground;
use super::run::{Case, Outcome, Own, Which};
use super::tables;

/// The oldest git whose answers are the ones of today.
pub(super) const SINCE: &[u32] = &[2, 47];

/// What differs between ours and git's, but for what [`Outcome::compared`] leaves out.
pub(super) fn difference(ground: &Ground, ours: &Outcome, theirs: &Outcome) -> Option<String> {
    let (ours, theirs) = ours.compared(theirs, ground.is_batched());
    let mut wrong = String::new();
    for (what, our) in &ours {
        let their = &theirs[what];
        if our == their {
            continue;
        }
        wrong += &format!("  {what}:\n");
        for line in their.iter().filter(|line| !our.contains(line)) {
            wrong += &format!("    git:  {line}\n");
        }
        for line in our.iter().filter(|line| !their.contains(line)) {
            wrong += &format!("    ours: {line}\n");
        }
        if our.iter().all(|line| their.contains(line)) && their.iter().all(|line| our.contains(line)) {
            wrong += &format!("    in another order: {our:#?}\n    git's: {their:#?}\n");
        }
    }
    (!wrong.is_empty()).then_some(wrong)
}

#[track_caller]
fn check(settings: &str, formats: &[&'static str], cases: &[Case]) {
    let Some(git) = Git::at_least(SINCE) else { return };
    let mut wrong = String::new();
    let only = std::env::var("GITWIRE_CASE").ok();
    for format in formats {
        let ground = Ground::new(&git, format);
        for Case(name, own, request) in cases {
            if only.as_ref().is_some_and(|only| !name.contains(only)) {
                continue;
            }
            let settings = format!("{settings}\n{own}");
            let (ours, theirs) = ground.ask(&settings, request);
            if only.is_some() {
                println!("{name}: {ours:#?} {theirs:#?}");
            }
            let difference = difference(&ground, &ours, &theirs);
            match (own_way(name), difference) {
                (None, Some(difference)) => wrong += &format!("{format}, {name}:\n{difference}"),
                (Some(own), None) if own.which != Which::Perhaps => {
                    wrong += &format!("{format}, {name}: the same as git's, and not: {}\n", own.why);
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What the table says of a case.
fn own_way(name: &str) -> Option<&'static Own> {
    tables::OWN.iter().find(|own| name.starts_with(own.name))
}

const BOTH: &[&str] = &["sha1", "sha256"];
const SHA1: &[&str] = &["sha1"];

#[test]
fn commands() {
    check("--stateless-rpc", BOTH, tables::COMMANDS);
}

#[test]
fn commands_on_one_stream() {
    check("", SHA1, tables::COMMANDS);
}

#[test]
fn lines_in_every_place() {
    check("--stateless-rpc", BOTH, tables::LINES);
}

#[test]
fn packs_of_every_kind() {
    check("--stateless-rpc", SHA1, tables::PACKS);
}

#[test]
fn configuration_options_and_certificates() {
    check("--stateless-rpc", SHA1, tables::RULES);
}

#[test]
fn hooks_that_fail_at_each_place() {
    check("--stateless-rpc", SHA1, tables::HOOKS);
}

#[test]
fn repositories_of_every_kind() {
    check("", BOTH, tables::GROUNDS);
}

#[test]
fn advertisements() {
    check("--http-backend-info-refs", BOTH, tables::ADVERTISED);
    check("", SHA1, tables::ADVERTISED);
}
