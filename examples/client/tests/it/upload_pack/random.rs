//! Requests that dice make, on histories that dice make: filters of every kind, depths of every form, with haves and without.
//!
//! The oracle is git's own upload-pack, fed with the same bytes. Its lines are ours but for progress: sections, acknowledgments, the new
//! ends of the history. Its pack holds the same objects as ours, bases of a thin pack aside, or the two differ only in objects that the
//! client has by its own words: neither side promises to leave out all of those, each leaves out what it comes across. What the
//! client has is `git rev-list --objects` of its haves, cut where its `shallow` lines say. git's pack is complete, so ours is. Where a filter
//! has several parts, the measure is what git sends under each of them ([`passed_by_all`] says why).

use std::collections::{BTreeSet, HashMap};
use std::env;
use std::fs;
use std::path::Path;

use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Dice, History, Manner};
use gitwire_types::ObjectFormat;

use super::answer::Answer;
use super::form::{Form, Request};
use super::run::{Served, Start};

/// What of a repository requests are made of.
pub(super) struct Objects {
    /// Commits and their times, each before its parents.
    pub(super) commits: Vec<(String, u64)>,
    /// Refs and the times of what they hold.
    pub(super) refs: Vec<(String, u64)>,
    /// Tags that are objects.
    pub(super) tags: Vec<String>,
    /// Blobs that hold patterns of paths.
    pub(super) patterns: Vec<String>,
}

impl Objects {
    fn of(git: &Git, path: &Path) -> Self {
        // Names that are no text stay out of requests that are.
        let text = |words: &[&str]| {
            let text = String::from_utf8_lossy(&git.ok(path, words)).into_owned();
            text.lines()
                .filter(|line| !line.contains('\u{fffd}'))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        let timed = |text: String| -> Vec<(String, u64)> {
            let pairs = text.lines().filter_map(|line| line.split_once(' '));
            pairs.map(|(name, time)| (name.to_owned(), time.parse().unwrap_or(0))).collect()
        };
        let refs = "--format=%(refname) %(if)%(*committerdate)%(then)%(*committerdate:unix)%(else)%(committerdate:unix)%(end)";
        let tags = text(&["for-each-ref", "--format=%(objecttype) %(objectname)"]);
        let files = text(&["ls-tree", "-r", "HEAD"]);
        let ignored = files.lines().filter(|line| line.ends_with(".gitignore"));
        Self {
            patterns: ignored.filter_map(|line| line.split([' ', '\t']).nth(2)).map(str::to_owned).collect(),
            commits: timed(text(&["log", "--all", "--date-order", "--format=%H %ct"])),
            refs: timed(text(&["for-each-ref", refs])),
            tags: tags.lines().filter_map(|line| line.strip_prefix("tag ")).map(str::to_owned).collect(),
        }
    }
}

/// How the answers to some requests compare.
#[derive(Debug, Default)]
struct Tally {
    requests: usize,
    /// Refused by both, in the same words.
    refused: usize,
    /// The same objects.
    equal: usize,
    /// Under a filter of several parts: what all of them let through, and more than git sends.
    parts: usize,
    /// We leave out what git sends and the client has; we send what git leaves out and the client has.
    fewer: usize,
    more: usize,
    /// Objects that came, ours and git's.
    objects: (usize, usize),
}

fn compare(served: &Served<'_>, request: &Request, tally: &mut Tally) -> Result<(), String> {
    let start = Start { protocol: request.protocol, config: CONFIG, ..Start::V2 };
    let input = served.bytes(&request.lines);
    // An older git counts a relative depth otherwise: it is asked for the same in absolute terms.
    let theirs = request.in_other_words.as_ref().map_or_else(|| input.clone(), |lines| served.bytes(lines));
    let (ours, theirs) = (served.ours(start, &input), served.theirs(start, &theirs));
    tally.requests += 1;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if ours.status.code() != theirs.status.code() {
        return Err(format!(
            "{}: {} for {}: {}",
            ours.status,
            text(&ours.stderr),
            theirs.status,
            text(&theirs.stderr)
        ));
    }
    if !theirs.status.success() {
        tally.refused += 1;
        let same = ours.stderr == theirs.stderr;
        return if same { Ok(()) } else { Err(text(&ours.stderr) + &text(&theirs.stderr)) };
    }
    let (our, their) = (Answer::parse(&ours.stdout), Answer::parse(&theirs.stdout));
    if our.lines != their.lines {
        return Err(format!(
            "{} for {}",
            our.lines.concat().escape_ascii(),
            their.lines.concat().escape_ascii()
        ));
    }
    let set = |pack: &[u8]| served.objects(pack, request.thin).into_iter().collect::<BTreeSet<_>>();
    let (our, their) = (set(&our.pack), set(&their.pack));
    tally.objects.0 += our.len();
    tally.objects.1 += their.len();
    if our == their {
        tally.equal += 1;
        return Ok(());
    }
    let had = had(served, request);
    let expected = if request.parts.is_empty() { their.clone() } else { passed_by_all(served, request) };
    let strange: Vec<_> = our.symmetric_difference(&expected).filter(|id| !had.contains(*id)).collect();
    if !strange.is_empty() {
        let whose = |id: &&&String| if our.contains(**id) { "too many" } else { "missing" };
        let first: Vec<_> = strange.iter().take(5).map(|id| format!("{} {id}", whose(&id))).collect();
        return Err(format!(
            "{} objects for {}, {} strange: {first:?}",
            our.len(),
            their.len(),
            strange.len()
        ));
    }
    if expected != their {
        tally.parts += 1;
        return Ok(());
    }
    tally.fewer += usize::from(their.difference(&our).next().is_some());
    tally.more += usize::from(our.difference(&their).next().is_some());
    Ok(())
}

/// What git sends under every single part of the filter.
///
/// `combine:` lets through what all of its parts do. git's server takes each object to each part once: one that it meets first at
/// a depth which `tree:` leaves out, and that another part lets through, it leaves out for good, also where it stands higher up as well. Which
/// objects it meets where first is chance, so the parts alone are the measure.
fn passed_by_all(served: &Served<'_>, request: &Request) -> BTreeSet<String> {
    let start = Start { config: CONFIG, ..Start::V2 };
    let packs = request.parts.iter().map(|part| {
        let answer = Answer::parse(&served.theirs(start, &served.bytes(part)).stdout);
        served.objects(&answer.pack, request.thin).into_iter().collect::<BTreeSet<_>>()
    });
    packs.reduce(|one, other| one.intersection(&other).cloned().collect()).unwrap_or_default()
}

/// Every object that the client has by its own words.
fn had(served: &Served<'_>, request: &Request) -> BTreeSet<String> {
    if request.haves.is_empty() {
        return BTreeSet::new();
    }
    let folder = Folder::new("had");
    let ends = folder.path().join("shallow");
    fs::write(&ends, request.shallow.iter().map(|id| format!("{id}\n")).collect::<String>()).unwrap();
    let mut words = vec!["--shallow-file".to_owned(), ends.display().to_string()];
    words.extend(["rev-list", "--objects", "--no-object-names"].map(str::to_owned));
    words.extend(request.haves.iter().cloned());
    let listed = served.git.ok(served.path, &words);
    String::from_utf8(listed).unwrap().lines().map(str::to_owned).collect()
}

/// So many requests of a form.
fn run(served: &Served<'_>, objects: &Objects, form: Form, seed: u64, rounds: usize) -> Tally {
    let mut tally = Tally::default();
    let mut failed = Vec::new();
    for round in 0..rounds {
        let mut dice = Dice::new(seed ^ ((round as u64) << 8) ^ form as u64);
        let Some(request) = form.request(&mut dice, served, objects) else { continue };
        if let Err(wrong) = compare(served, &request, &mut tally) {
            failed.push(format!("{form:?}, seed {seed}, round {round}: {wrong}\n{}\n", request.lines));
        }
    }
    assert!(failed.is_empty(), "{} of {tally:?}\n{}", failed.len(), failed.join("\n"));
    tally
}

fn history(git: &Git, folder: &Path, format: ObjectFormat, seed: u64) -> std::path::PathBuf {
    let mut history = History::new(format, Manner::Plain);
    let mut dice = Dice::new(seed);
    history.grow(&mut dice, 60);
    history.tag(&mut dice, 12);
    history.in_git(git, folder)
}

/// Merges, criss-cross, several roots, tags of tags.
fn generated(format: ObjectFormat, seed: u64) {
    let Some(git) = Git::at_least(super::twin::SINCE) else { return };
    let folder = Folder::new("random");
    let path = history(&git, folder.path(), format, seed);
    let served = Served { git: &git, path: &path, format: format.name(), names: HashMap::new() };
    let mut objects = Objects::of(&git, &path);
    for patterns in ["/*\n!/*/\n", "*1*\n", "/*/\n!*2*\n", "*\n!*0\n!*/a*\n"] {
        let id = git.feed(&path, ["hash-object", "-w", "--stdin"], patterns.as_bytes()).stdout;
        objects.patterns.push(String::from_utf8(id).unwrap().trim().to_owned());
    }
    for form in Form::ALL {
        run(&served, &objects, form, seed, 5);
    }
}

#[test]
fn generated_histories_of_sha1() {
    generated(ObjectFormat::Sha1, 1);
}

#[test]
fn generated_histories_of_sha256() {
    generated(ObjectFormat::Sha256, 2);
}

/// As many requests as are asked for, on any repository (docs/PROTOCOL.md, *Random requests*).
#[test]
#[ignore = "takes as long as it is told to"]
fn repository_of_the_environment() {
    let Some(git) = Git::find() else { return };
    let variable = |name: &str| env::var(format!("GITWIRE_RANDOM_{name}")).ok();
    let path = variable("REPOSITORY").expect("GITWIRE_RANDOM_REPOSITORY names a repository");
    let number =
        |name: &str, default: u64| variable(name).map_or(default, |text| text.parse().expect("a number"));
    let (seed, rounds) = (number("SEED", 1), number("ROUNDS", 200) as usize);
    let only = variable("FORM");
    let path = Path::new(&path);
    let format = String::from_utf8(git.ok(path, ["rev-parse", "--show-object-format"])).unwrap();
    let served = Served { git: &git, path, format: format.trim(), names: HashMap::new() };
    let objects = Objects::of(&git, path);
    for form in
        Form::ALL.into_iter().filter(|form| only.as_ref().is_none_or(|only| *only == format!("{form:?}")))
    {
        let tally = run(&served, &objects, form, seed, rounds);
        println!("{form:?}: {tally:?}");
    }
}

const CONFIG: &[&str] = &["uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true"];
