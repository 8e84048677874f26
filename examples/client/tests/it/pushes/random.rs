//! Pushes thrown together by dice.

use gitwire_testkit::Dice;

use super::Case;

/// A push in which git and we are to do the same.
pub(super) fn case(dice: &mut Dice) -> Case {
    loop {
        let case = any(dice);
        let has = |text: &str| case.setup.contains(text) || case.words.iter().any(|word| word == text);
        let mirror = has("--mirror") || has("origin.mirror");
        // To git `remote.NAME.push` and `--tags` say what a mirror holds: all else goes. We push all refs, as its page says, or nothing.
        if !(mirror && (has("origin.push ") || has("--tags"))) {
            return case;
        }
    }
}

fn any(dice: &mut Dice) -> Case {
    let mut words: Vec<String> = Vec::new();
    let mut setup = String::new();
    for _ in 0..dice.below(3) {
        // What an earlier one made impossible is not done.
        setup.push_str(&format!("{{ {}; }} 2>.git/out || true; ", dice.pick(SETUPS)));
    }
    for _ in 0..dice.below(2) {
        words.extend(["-c".to_owned(), (*dice.pick(CONFIGS)).to_owned()]);
    }
    words.push("push".to_owned());
    for _ in 0..dice.below(4) {
        words.push((*dice.pick(FLAGS)).to_owned());
    }
    if dice.one_in(3) {
        words.push("--force-with-lease".to_owned());
    }
    if !dice.one_in(8) {
        words.push((*dice.pick(REMOTES)).to_owned());
        for _ in 0..dice.below(4) {
            words.push(refspec(dice));
        }
    }
    Case { setup, words }
}

fn refspec(dice: &mut Dice) -> String {
    let sign = if dice.one_in(5) { "+" } else { "" };
    let source = *dice.pick(SOURCES);
    match dice.below(8) {
        0 => (*dice.pick(PATTERNS)).to_owned(),
        1 => format!(":{}", dice.pick(DESTINATIONS)),
        2 | 3 => format!("{sign}{source}"),
        _ => format!("{sign}{source}:{}", dice.pick(DESTINATIONS)),
    }
}

const REMOTES: &[&str] = &["origin", "origin", "origin", "second", "../there.git"];
const SOURCES: &[&str] = &[
    "main",
    "main~1",
    "main~3",
    "side",
    "apart",
    "apart~1",
    "HEAD",
    "@",
    "light",
    "v1",
    "v2",
    "tree",
    "refs/heads/side",
    "refs/notes/commits",
    "heads/apart",
    "origin/old",
    "nothing",
];
const DESTINATIONS: &[&str] = &[
    "main",
    "side",
    "apart",
    "old",
    "theirs",
    "new",
    "light",
    "v1",
    "refs/heads/main",
    "refs/heads/new",
    "refs/heads/a/b",
    "refs/tags/new",
    "refs/tags/light",
    "refs/notes/commits",
    "refs/odd/x",
    "heads/side",
    "tags/v2",
];
const PATTERNS: &[&str] = &[
    ":",
    "+:",
    "refs/heads/*",
    "+refs/heads/*:refs/heads/*",
    "refs/heads/*:refs/copy/*",
    "refs/tags/*",
    "^refs/heads/apart",
    "^refs/tags/v*",
    "refs/heads/s*:refs/heads/t*",
];
const FLAGS: &[&str] = &[
    "--porcelain",
    "--porcelain",
    "-n",
    "-v",
    "-q",
    "-f",
    "--atomic",
    "--tags",
    "--follow-tags",
    "--prune",
    "--all",
    "--mirror",
    "--force-if-includes",
    "--force-with-lease=main",
    "--force-with-lease=apart:apart~1",
    "--force-with-lease=new:",
    "-u",
    "--no-thin",
    "--no-force-with-lease",
    "--delete",
    "--no-verify",
    "-4",
    "--no-porcelain",
];
const CONFIGS: &[&str] = &[
    "push.default=current",
    "push.default=matching",
    "push.default=upstream",
    "push.default=simple",
    "push.default=nothing",
    "push.followTags=true",
    "push.useForceIfIncludes=true",
    "push.autoSetupRemote=true",
    "advice.pushFetchFirst=false",
    "remote.pushDefault=second",
    "push.negotiate=true",
];
const SETUPS: &[&str] = &[
    "git fetch -q origin",
    "git checkout -q side",
    "git checkout -q --detach",
    "git checkout -q apart",
    "git reset -q --hard main~2",
    "git branch -f old main~2",
    "git branch -q -f theirs apart",
    "git branch -D -q side",
    "git tag -f light main >.git/out",
    "git tag -a -m new new apart",
    "git tag -d v1 >.git/out",
    "git config remote.origin.push refs/heads/*:refs/heads/*",
    "git config remote.origin.push HEAD",
    "git config remote.origin.mirror true",
    "git config --add remote.origin.pushurl ../second.git",
    "git config branch.main.merge refs/heads/old",
    "git config branch.side.merge refs/heads/side && git config branch.side.remote origin",
    "git -C ../there.git config receive.denyNonFastForwards true",
    "git -C ../there.git config receive.denyDeletes true",
    "git -C ../there.git update-ref refs/heads/main apart",
    "git -C ../there.git update-ref -d refs/heads/apart",
    "git -C ../there.git pack-refs --all",
    "git pack-refs --all",
];
