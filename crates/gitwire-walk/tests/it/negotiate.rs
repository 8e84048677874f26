//! Both sides of a negotiation, against each other and against what `git fetch` needs.

use std::collections::BTreeSet;
use std::fs;

use gitwire_testkit::git::Git;
use gitwire_types::{Never, ObjectId};
use gitwire_walk::{Have, HaveBudget, HaveSet, NegotiationAlgorithm, Negotiator, WalkError};

use crate::history::{Clock, Dice, History};
use crate::store::Store;

/// Two repositories that share a part of a history.
struct Pair {
    history: History,
    server: Store,
    client: Store,
    server_tips: Vec<ObjectId>,
    client_tips: Vec<ObjectId>,
}

impl Pair {
    fn make(seed: u64, length: usize) -> Option<Self> {
        let history = History::make(seed, length, Clock::Steady)?;
        let mut dice = Dice::new(seed);
        let middle = length / 2;
        let tips = |dice: &mut Dice| {
            let mut tips = dice.some(&history.commits[middle..], 2);
            tips.extend(dice.some(&history.commits[..middle], 2));
            tips.sort_unstable();
            tips.dedup();
            tips
        };
        let (server_tips, client_tips) = (tips(&mut dice), tips(&mut dice));
        let server = part(&history, "server.git", &server_tips);
        let client = part(&history, "client.git", &client_tips);
        Some(Self { history, server, client, server_tips, client_tips })
    }

    /// The haves that git names.
    fn theirs(&self, algorithm: &str) -> usize {
        let folder = self.history.path();
        let trace = folder.join("trace");
        let option = format!("fetch.negotiationAlgorithm={algorithm}");
        let args = [
            "-c",
            &option,
            "-c",
            "protocol.version=2",
            "fetch",
            "-q",
            "../server.git",
            "refs/heads/*:refs/o/*",
        ];
        let mut command = self.history.git.command(&folder.join("client.git"), args);
        let status = command.env("GIT_TRACE_PACKET", &trace).status().unwrap();
        assert!(status.success());
        let text = fs::read_to_string(&trace).unwrap_or_default();
        text.lines().filter(|line| line.contains("fetch> have ")).count()
    }

    /// The haves that we name; what is common; whether the server was ready.
    fn ours(&self, algorithm: NegotiationAlgorithm) -> (usize, Vec<ObjectId>, bool) {
        let mut negotiator = Negotiator::new(self.client.graph(), algorithm, HaveBudget::default());
        for tip in &self.server_tips {
            negotiator.known(tip).unwrap();
        }
        for tip in &self.client_tips {
            negotiator.tip(tip).unwrap();
        }
        let wants: Vec<_> =
            self.server_tips.iter().copied().filter(|id| !self.client.objects.contains_key(id)).collect();
        if wants.is_empty() {
            return (0, Vec::new(), true);
        }
        let mut server = HaveSet::new(self.server.graph(), &wants).unwrap();
        let mut window = 16;
        loop {
            let mut common = Vec::new();
            for nth in 0..window {
                let Some(have) = negotiator.next().unwrap() else {
                    if nth == 0 {
                        return (negotiator.haves() as usize, server.common().to_vec(), false);
                    }
                    break;
                };
                if server.have(&have).unwrap() != Have::Unknown {
                    common.push(have);
                }
            }
            if server.is_ready(&Never).unwrap() {
                return (negotiator.haves() as usize, server.common().to_vec(), true);
            }
            for id in common {
                negotiator.common(&id).unwrap();
            }
            window *= 2;
        }
    }
}

/// A repository with what `tips` reach.
fn part(history: &History, name: &str, tips: &[ObjectId]) -> Store {
    let git: &Git = &history.git;
    git.ok(&history.path(), ["init", "-q", "--bare", name]);
    let folder = history.path().join(name);
    let mut args = vec!["fetch".to_owned(), "-q".to_owned(), "--no-tags".to_owned(), "..".to_owned()];
    args.extend(tips.iter().enumerate().map(|(nth, id)| format!("{id}:refs/heads/h{nth}")));
    git.ok(&folder, args);
    Store::load(git, &folder)
}

#[test]
fn we_name_no_more_than_git() {
    for seed in 0..8 {
        let Some(pair) = Pair::make(seed, 120) else { return };
        let (ours, common, ready) = pair.ours(NegotiationAlgorithm::Consecutive);
        let (skipping, _, _) = pair.ours(NegotiationAlgorithm::Skipping);
        assert_eq!(pair.ours(NegotiationAlgorithm::Noop).0, 0);
        assert!(common.iter().all(|id| pair.client.objects.contains_key(id)));
        assert!(ready || !common.is_empty() || ours > 0 || pair.ours(NegotiationAlgorithm::Noop).2);
        let theirs = pair.theirs("consecutive");
        assert!(ours <= theirs, "seed {seed}: ours {ours}, git's {theirs}");
        assert!(
            skipping <= theirs.max(1) * 2,
            "seed {seed}: skipping {skipping}, git's consecutive {theirs}"
        );
    }
}

#[test]
fn skipping_names_no_more_than_git() {
    for seed in 20..26 {
        let Some(pair) = Pair::make(seed, 150) else { return };
        let (ours, _, _) = pair.ours(NegotiationAlgorithm::Skipping);
        let theirs = pair.theirs("skipping");
        assert!(ours <= theirs, "seed {seed}: ours {ours}, git's {theirs}");
    }
}

/// Readiness by its definition: every want reaches a commit that the client named, or a parent of one.
fn is_ready(history: &History, wants: &[ObjectId], haves: &[ObjectId]) -> bool {
    wants.iter().all(|want| {
        let reached: BTreeSet<_> =
            history.ids(&["rev-list", "--stdin"], &format!("{want}\n")).into_iter().collect();
        let named =
            haves.iter().flat_map(|id| history.ids(&["rev-list", "--parents", "-1", &id.to_string()], ""));
        named.into_iter().any(|id| reached.contains(&id))
    })
}

#[test]
fn a_server_is_ready_when_all_wants_are_covered() {
    for seed in 0..10 {
        let Some(history) = History::make(seed, 40, Clock::Steady) else { return };
        let mut dice = Dice::new(seed);
        for _ in 0..4 {
            let wants = dice.some(&history.commits[10..], 1 + seed as usize % 3);
            let mut set = HaveSet::new(history.store.graph(), &wants).unwrap();
            let mut haves = Vec::new();
            assert!(!set.is_ready(&Never).unwrap());
            for _ in 0..5 {
                let have = dice.some(&history.commits, 1)[0];
                haves.push(have);
                assert_ne!(set.have(&have).unwrap(), Have::Unknown);
                let (ours, theirs) = (set.is_ready(&Never).unwrap(), is_ready(&history, &wants, &haves));
                // A parent of a have covers too; whether it is met first depends on times.
                assert!(ours || !theirs, "seed {seed} {wants:?} {haves:?}");
            }
            assert_eq!(set.last(), haves.last().copied());
        }
    }
}

#[test]
fn haves_are_unknown_common_or_repeated() {
    let Some(history) = History::make(3, 20, Clock::Steady) else { return };
    let (tip, tree) = (history.commits[19], history.trees[0]);
    let mut set = HaveSet::new(history.store.graph(), &[tip]).unwrap();
    let unknown = crate::store::id(&"5".repeat(40));
    assert_eq!(set.have(&unknown).unwrap(), Have::Unknown);
    assert_eq!(set.have(&tree).unwrap(), Have::Common);
    assert_eq!(set.have(&tip).unwrap(), Have::Common);
    assert_eq!(set.have(&tip).unwrap(), Have::Repeated);
    assert!(set.is_ready(&Never).unwrap());
    assert_eq!(set.common(), [tree, tip]);
    let missing = HaveSet::new(history.store.graph(), &[unknown]);
    assert!(matches!(missing, Err(WalkError::Missing { id, .. }) if id == unknown));
}

#[test]
fn budgets_end_a_negotiation() {
    let Some(history) = History::make(8, 100, Clock::Steady) else { return };
    let named = |budget: HaveBudget, acknowledge: bool| {
        let mut negotiator =
            Negotiator::new(history.store.graph(), NegotiationAlgorithm::Consecutive, budget);
        for tip in &history.commits {
            negotiator.tip(tip).unwrap();
        }
        let mut haves = Vec::new();
        while let Some(have) = negotiator.next().unwrap() {
            if haves.is_empty() && acknowledge {
                // An id that was never named counts as an answer, and changes nothing else.
                negotiator.common(&crate::store::id(&"7".repeat(40))).unwrap();
            }
            haves.push(have);
        }
        haves
    };
    let all = named(HaveBudget::default(), false);
    assert_eq!(all.len(), 100);
    let mut budget = HaveBudget::default();
    budget.haves_max = 100;
    assert_eq!(named(budget.clone(), false).len(), 100);
    budget.haves_max = 99;
    assert_eq!(named(budget, false).len(), 99);
    let mut budget = HaveBudget::default();
    budget.in_vain_max = 10;
    assert_eq!(named(budget.clone(), false).len(), 100);
    assert_eq!(named(budget, true).len(), 11);
    let mut budget = HaveBudget::default();
    budget.tips_max = 1;
    let below_one = named(budget, false);
    assert!(below_one.len() < 100 && below_one[0] == all[0]);
}
