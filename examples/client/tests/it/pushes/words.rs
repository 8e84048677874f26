//! Which words may differ, and why.

/// What was said on standard error, in the words of git.
pub(super) fn said(stderr: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr).into_owned();
    let mut said = Vec::new();
    let mut in_hint = false;
    for line in text.lines().map(str::trim_end) {
        let is_hint = line.starts_with("hint:");
        let first = !in_hint || !is_hint;
        in_hint = is_hint;
        let is_left_out = LEFT_OUT.iter().any(|(start, _)| line.starts_with(start));
        // What has none of these beginnings explains the line before it, each in its own words.
        let is_told = TOLD.iter().any(|start| line.starts_with(start));
        if !is_told || is_left_out || is_hint && !first {
            continue;
        }
        let git = OTHER_WORDS.iter().find(|(_, ours)| line.starts_with(ours)).map(|(git, _)| *git);
        let git = git.or_else(|| OTHER_WORDS.iter().map(|(git, _)| *git).find(|git| line.starts_with(git)));
        said.push(git.map_or_else(|| line.to_owned(), str::to_owned));
    }
    said
}

/// How lines begin that are compared.
const TOLD: &[&str] = &[
    "fatal: ",
    "error: ",
    "warning: ",
    "hint: ",
    "remote: ",
    "To ",
    "Pushing to ",
    "updating ",
    "Everything ",
    " ! ",
    " + ",
    " * ",
    " - ",
    " = ",
    "   ",
];

/// Lines that only one side says, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "fatal: the remote end hung up unexpectedly",
        "git's server says so when git's client leaves it without a word",
    ),
    (
        "error: atomic push failed for ref ",
        "git says by a number of its own which state of the ref stopped the push",
    ),
    ("To push ", "advice behind a fatal error, which each gives in its own words"),
    ("To have this happen ", "the same"),
    ("To choose either option ", "the same"),
    ("To avoid automatically ", "the same"),
    ("    git push ", "the same"),
    (
        "fatal: expected 'acknowledgments'",
        "git's client stumbles over a server that sees at once that there is enough",
    ),
    ("warning: push negotiation failed", "the same"),
    ("error: must be one of nothing, matching, ", "git names all values; ours is one line"),
    (
        "error: malformed value for push.default",
        "git says it in three lines, the last of which names the variable",
    ),
    ("fatal: malformed value for push.default", "the same"),
    ("fatal: unable to parse 'push.default' from ", "the same"),
];

/// How lines begin in which git's words and ours say the same: texts of several sentences are our own.
const OTHER_WORDS: &[(&str, &str)] = &[
    (
        "hint: Updates were rejected because the tip of your current branch is",
        "hint: The remote's branch has commits that",
    ),
    (
        "hint: Updates were rejected because a pushed branch tip is behind",
        "hint: A branch of the remote has commits",
    ),
    ("hint: Updates were rejected because the tag already exists", "hint: The remote has a tag of that name"),
    (
        "hint: Updates were rejected because the remote contains work",
        "hint: The remote has objects that are not here",
    ),
    (
        "hint: You cannot update a remote ref that points at a non-commit",
        "hint: A ref of the remote is or would become",
    ),
    (
        "hint: Updates were rejected because the tip of the remote-tracking",
        "hint: What was fetched last of the remote's",
    ),
    ("hint: The <src> part of the refspec is a ", "hint: Say whether it is to be a branch"),
    ("error: The destination you provided is not a full refname", "error: destination '"),
    ("fatal: invalid refspec", "fatal: invalid refspec: "),
];
