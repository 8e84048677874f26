//! Pushes that dice make: commands, objects, configuration and hooks. git's own receive-pack gets the same, and what both say and leave
//! behind is compared as in the tables (docs/PROTOCOL.md, *Random requests*).
//!
//! What the tables list as our own way is not asked for: two changes of one ref, symbolic refs, atomic pushes of which a part is refused
//! before any hook is asked, deletions of the current branch where they are allowed, deletions of nothing, and lists for servers of files,
//! which git writes anew also where nothing has changed; nor for a repository that borrows objects.

use std::env;

use gitwire_testkit::Dice;
use gitwire_testkit::git::Git;

use super::ground::Ground;
use super::twin::{SINCE, difference};

/// A push in the notation of the tables.
#[derive(Debug)]
struct Push {
    settings: String,
    request: String,
    /// The objects that come.
    tips: Vec<&'static str>,
    without: bool,
    cut: usize,
}

impl Push {
    fn draw(dice: &mut Dice) -> Self {
        let atomic = dice.one_in(4);
        let mut settings = vec![format!("on {}", dice.pick(&REPOSITORIES))];
        if dice.one_in(2) {
            settings.push("--stateless-rpc".into());
        }
        for _ in 0..dice.below(4) {
            settings.push(format!("-c {}", dice.pick(&CONFIG)));
        }
        if !atomic && dice.one_in(5) {
            settings.push("-c receive.hideRefs=refs/tags".into());
        }
        if dice.one_in(4) {
            settings.push((*dice.pick(&HOOKS)).into());
        }
        let mut words = vec!["object-format={format}"];
        let chosen: &&[&str] = dice.pick(&WORDS);
        words.extend_from_slice(chosen);
        if atomic {
            words.push("atomic");
        }
        let mut names = NAMES.to_vec();
        let (mut lines, mut tips) = (Vec::new(), Vec::new());
        for _ in 0..=dice.below(4) {
            let (name, held) = names.remove(dice.below(names.len()));
            let old = match dice.below(8) {
                0 => "zero",
                1 => *dice.pick(&["root", "main", "nobody"]),
                _ => held,
            };
            let is_branch = name.starts_with("refs/heads/");
            let new = match dice.below(6) {
                0 if name != "refs/heads/main" && old != "zero" => "zero",
                1 if !is_branch => "newtag",
                _ => *dice.pick(&["new", "newer", "other", "main", "main~1", "lone"]),
            };
            if new != "zero" {
                tips.push(new);
            }
            let capabilities =
                if lines.is_empty() { format!("\\0 {}", words.join(" ")) } else { String::new() };
            lines.push(format!("{{{old}}} {{{new}}} {name}{capabilities}\n"));
        }
        let (without, cut) =
            (!atomic && dice.one_in(12), if dice.one_in(12) { 1 + dice.below(30) } else { 0 });
        Self { settings: settings.join("\n"), request: lines.concat() + "0000", tips, without, cut }
    }

    fn check(&self, ground: &Ground) -> Option<String> {
        let mut input = ground.bytes(&self.request);
        if !self.tips.is_empty() {
            // One tip may not be enough for all of them.
            let tips = if self.without { &self.tips[..1] } else { &self.tips[..] };
            let pack = ground.pack_of(tips);
            input.extend_from_slice(&pack[..pack.len() - self.cut.min(pack.len())]);
        }
        let (ours, theirs) = ground.give(&self.settings, &input);
        difference(ground, &ours, &theirs)
    }
}

const REPOSITORIES: [&str; 9] =
    ["bare", "bare", "bare", "worktree", "empty", "bare", "detached", "unborn", "reftable"];

const CONFIG: [&str; 15] = [
    "receive.denyDeletes=true",
    "receive.denyNonFastForwards=true",
    "receive.denyCurrentBranch=ignore",
    "receive.denyCurrentBranch=warn",
    "receive.denyCurrentBranch=updateInstead",
    "receive.unpackLimit=1",
    "receive.unpackLimit=5",
    "transfer.unpackLimit=3",
    "receive.fsckObjects=true",
    "transfer.fsckObjects=true",
    "receive.maxInputSize=400",
    "core.logAllRefUpdates=always",
    "core.logAllRefUpdates=false",
    "receive.advertiseAtomic=true",
    "receive.keepAlive=0",
];

const HOOKS: [&str; 7] = [
    "update: exit 1",
    "update: test \"$1\" != refs/heads/x",
    "update: test \"$1\" = refs/heads/x",
    "pre-receive: exit 1",
    "pre-receive: echo said; echo aside >&2",
    "post-receive: echo done; exit 1",
    "post-update: echo $*",
];

const WORDS: [&[&str]; 7] = [
    &["report-status", "side-band-64k"],
    &["report-status", "side-band-64k"],
    &["report-status-v2", "side-band-64k"],
    &["report-status", "side-band-64k", "quiet"],
    &["report-status"],
    &["side-band-64k"],
    &["report-status", "report-status-v2", "side-band-64k", "agent=dice"],
];

/// Refs, and what they hold where they are.
const NAMES: [(&str, &str); 12] = [
    ("refs/heads/main", "main"),
    ("refs/heads/dir/one", "main~1"),
    ("refs/heads/loose", "main~1"),
    ("refs/heads/x", "zero"),
    ("refs/heads/y/z", "zero"),
    ("refs/heads/main/below", "zero"),
    ("refs/tags/v1", "v1"),
    ("refs/tags/t", "zero"),
    ("refs/notes/n", "zero"),
    ("refs/other/n", "zero"),
    ("refs/hidden/one", "root"),
    ("refs/heads/a..b", "zero"),
];

fn run(format: &'static str, seed: u64, rounds: usize) {
    let Some(git) = Git::at_least(SINCE) else { return };
    let ground = Ground::new(&git, format);
    let mut failed = Vec::new();
    for round in 0..rounds {
        let push = Push::draw(&mut Dice::new(seed ^ ((round as u64) << 8)));
        if let Some(wrong) = push.check(&ground) {
            failed.push(format!("{format}, seed {seed}, round {round}: {push:#?}\n{wrong}"));
        }
    }
    assert!(failed.is_empty(), "{} of {rounds}\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn pushes_from_dice() {
    run("sha1", 1, 30);
    run("sha256", 2, 10);
}

/// As many as are asked for (docs/PROTOCOL.md, *Random requests*).
#[test]
#[ignore = "takes as long as it is told to"]
fn pushes_of_the_environment() {
    let number = |name: &str, default: u64| {
        env::var(format!("GITWIRE_PUSHES{name}")).map_or(default, |text| text.parse().expect("a number"))
    };
    let (seed, rounds) = (number("_SEED", 1), number("", 500) as usize);
    run("sha1", seed, rounds);
    run("sha256", seed, rounds / 4);
    println!("{rounds} pushes from seed {seed}");
}
