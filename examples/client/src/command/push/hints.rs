//! What to do about updates that were rejected (`git-config`, `advice.*`).

use gitwire_client::{PushStatus, PushUpdate, RefspecProblem, Rejection};
use gitwire_gitdir::Config;
use gitwire_types::RefName;

/// Says what may be done about the first kind of trouble there is, unless the configuration has enough of it.
pub(super) fn about(updates: &[PushUpdate], current: Option<&RefName>, config: &Config) {
    if !is_wanted("pushUpdateRejected", config) {
        return;
    }
    let has = |rejection: Rejection| {
        updates.iter().find(|update| update.status == PushStatus::Rejected(rejection)).is_some()
    };
    let of_current = updates.iter().any(|update| {
        update.status == PushStatus::Rejected(Rejection::NonFastForward)
            && Some(&update.destination) == current
    });
    let (name, text) = match () {
        () if of_current => ("pushNonFFCurrent", CURRENT),
        () if has(Rejection::NonFastForward) => ("pushNonFFMatching", OTHER),
        () if has(Rejection::AlreadyExists) => ("pushAlreadyExists", TAG),
        () if has(Rejection::FetchFirst) => ("pushFetchFirst", UNKNOWN),
        () if has(Rejection::NeedsForce) => ("pushNeedsForce", FORCE),
        () if has(Rejection::NotIncluded) => ("pushRefNeedsUpdate", UNSEEN),
        () => return,
    };
    if is_wanted(name, config) {
        say(text);
    }
}

/// Says how to name a ref that is not there yet.
pub(super) fn about_refspec(problem: &RefspecProblem, config: &Config) {
    if matches!(problem, RefspecProblem::UnknownDestination(_)) && is_wanted("pushUnqualifiedRefName", config)
    {
        say(QUALIFY);
    }
}

fn is_wanted(name: &str, config: &Config) -> bool {
    let by_variable =
        std::env::var("GIT_ADVICE").map_or(true, |value| !matches!(&*value, "0" | "false" | "no" | "off"));
    by_variable && config.boolean("advice", None, name).ok().flatten().unwrap_or(true)
}

fn say(text: &str) {
    for line in text.lines() {
        eprintln!("hint: {line}");
    }
}

const CURRENT: &str = "The remote's branch has commits that the branch checked out here has not.
Bring them in first ('git pull', say), then push again.";
const OTHER: &str = "A branch of the remote has commits that what was to go there has not.
Check that branch out and bring them in, then push again.";
const TAG: &str = "The remote has a tag of that name already, and it is another one.";
const UNKNOWN: &str = "The remote has objects that are not here: somebody else has pushed to that ref.
Fetch them and bring them in ('git pull', say), then push again.";
const FORCE: &str =
    "A ref of the remote is or would become something else than a commit; only '--force' changes that.";
const UNSEEN: &str = "What was fetched last of the remote's ref is not part of the branch here.
Bring it in ('git pull', say), then push again.";
const QUALIFY: &str =
    "Say whether it is to be a branch, SOURCE:refs/heads/NAME, or a tag, SOURCE:refs/tags/NAME.";
