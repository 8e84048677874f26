//! Shallow boundaries against what git's upload-pack answers.

use std::collections::BTreeSet;
use std::fmt::Write;

use gitwire_types::{Depth, Never, ObjectId, Since};
use gitwire_walk::{ObjectList, PackRequest, ShallowRequest, ShallowUpdate, WalkError, shallow_update};

use crate::enumerate::listed;
use crate::history::{Clock, Dice, History};
use crate::store::id;

/// What git says: new ends, old ends that are none any more, and what is in the pack.
struct Theirs {
    shallow: BTreeSet<ObjectId>,
    unshallow: BTreeSet<ObjectId>,
    pack: BTreeSet<ObjectId>,
}

fn theirs(history: &History, lines: &[String]) -> Option<Theirs> {
    let line = |text: &str| format!("{:04x}{text}\n", text.len() + 5);
    let mut input = line("command=fetch") + "0001" + &line("ofs-delta") + &line("no-progress");
    for text in lines {
        let _ = write!(input, "{}", line(text));
    }
    input += &(line("done") + "0000");
    let out = history.upload_pack(input.as_bytes());
    let mut theirs = Theirs { shallow: BTreeSet::new(), unshallow: BTreeSet::new(), pack: BTreeSet::new() };
    let (mut pack, mut rest) = (Vec::new(), &out[..]);
    while rest.len() >= 4 {
        let len = usize::from_str_radix(std::str::from_utf8(&rest[..4]).unwrap(), 16).unwrap();
        let data = &rest[4..len.max(4)];
        rest = &rest[len.max(4)..];
        if let Some(hex) = data.strip_prefix(b"shallow ") {
            theirs.shallow.insert(id(std::str::from_utf8(hex).unwrap()));
        } else if let Some(hex) = data.strip_prefix(b"unshallow ") {
            theirs.unshallow.insert(id(std::str::from_utf8(hex).unwrap()));
        } else if let Some(part) = data.strip_prefix(b"\x01") {
            pack.extend_from_slice(part);
        } else if data.starts_with(b"\x03") || data.starts_with(b"ERR") {
            return None;
        }
    }
    if pack.is_empty() {
        return None;
    }
    theirs.pack = listed(history, &pack);
    Some(theirs)
}

/// A client that fetches once with `first`, and knows what it has then.
#[derive(Default)]
struct Client {
    shallow: BTreeSet<ObjectId>,
    haves: Vec<ObjectId>,
}

fn request_lines(wants: &[ObjectId], client: &Client, more: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = wants.iter().map(|id| format!("want {id}")).collect();
    lines.extend(client.shallow.iter().map(|id| format!("shallow {id}")));
    lines.extend(more.iter().cloned());
    lines.extend(client.haves.iter().map(|id| format!("have {id}")));
    lines
}

/// Asks both, compares, and gives ours.
#[track_caller]
fn check(
    history: &History,
    wants: &[ObjectId],
    client: &Client,
    request: ShallowRequest<'_>,
    more: &[String],
) -> Option<ShallowUpdate> {
    let mut graph = history.store.graph();
    let known: Vec<_> = client.shallow.iter().copied().collect();
    let ours = shallow_update(&mut graph, wants, &known, &[], request, &Never);
    let theirs = theirs(history, &request_lines(wants, client, more));
    let (ours, theirs) = match (ours, theirs) {
        (Ok(ours), Some(theirs)) => (ours, theirs),
        (Err(WalkError::NothingSelected), None) => return None,
        (ours, theirs) => panic!("{ours:?}, theirs {}", theirs.is_some()),
    };
    let set = |ids: &[ObjectId]| ids.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(set(&ours.shallow), theirs.shallow, "shallow: {request:?}");
    assert_eq!(set(&ours.unshallow), theirs.unshallow, "unshallow: {request:?}");
    let mut pack = PackRequest::new(wants.to_vec(), client.haves.clone());
    pack.wants.extend(&ours.wants);
    pack.haves.extend(&ours.edges);
    let list = ObjectList::of(graph, &pack, &Never).unwrap();
    let sent: BTreeSet<_> = list.iter().map(|(id, _)| id).collect();
    assert!(sent.is_subset(&theirs.pack), "extra {:?}", sent.difference(&theirs.pack).collect::<Vec<_>>());
    // git may repeat what the client has.
    let mut graph = history.store.graph();
    graph.set_boundary(&known).unwrap();
    let list = ObjectList::of(graph, &PackRequest::new(client.haves.clone(), vec![]), &Never).unwrap();
    let owned: BTreeSet<_> = list.iter().map(|(id, _)| id).collect();
    let lacking: Vec<_> = theirs.pack.difference(&sent).filter(|id| !owned.contains(id)).collect();
    assert!(lacking.is_empty(), "lacking {lacking:?} {request:?}");
    Some(ours)
}

fn depth(depth: usize) -> Depth {
    Depth::new(depth as u32).unwrap()
}

#[test]
fn depths_are_gits() {
    for seed in 0..10 {
        let Some(history) = History::make(seed, 40, Clock::Steady) else { return };
        let mut dice = Dice::new(seed + 1);
        for round in 0..4 {
            let wants = dice.some(&history.commits[20..], 1 + round % 2);
            let first = 1 + dice.below(4);
            let mut client = Client::default();
            let line = [format!("deepen {first}")];
            let ours = check(&history, &wants, &client, ShallowRequest::Depth(depth(first)), &line).unwrap();
            client.shallow.extend(&ours.shallow);
            client.haves.extend(&wants);
            // The client goes deeper, or less deep, and perhaps wants something else as well.
            let mut wants = wants.clone();
            if dice.one_in(2) {
                wants.extend(dice.some(&history.commits, 1));
            }
            let second = 1 + dice.below(8);
            let line = [format!("deepen {second}")];
            check(&history, &wants, &client, ShallowRequest::Depth(depth(second)), &line);
            let line = ["deepen 2147483647".to_owned()];
            check(&history, &wants, &client, ShallowRequest::Depth(Depth::INFINITE), &line);
            check(&history, &wants, &client, ShallowRequest::Keep, &[]);
        }
    }
}

/// git counts from the nearest end since 2.55; before that it counted from each end, and could name ends that nothing reached.
#[test]
fn more_depth_is_counted_from_the_nearest_end() {
    for seed in 0..10 {
        let Some(history) = History::make(seed, 40, Clock::Steady) else { return };
        let mut dice = Dice::new(seed + 3);
        for _ in 0..4 {
            let wants = dice.some(&history.commits[20..], 2);
            let (first, more) = (1 + dice.below(4), 1 + dice.below(3));
            let update = |client: &[ObjectId], request| {
                let mut graph = history.store.graph();
                shallow_update(&mut graph, &wants, client, &[], request, &Never).unwrap()
            };
            let ends = update(&[], ShallowRequest::Depth(depth(first))).shallow;
            let expected = match ends.is_empty() {
                true => Depth::INFINITE,
                false => depth(first + more),
            };
            assert_eq!(
                update(&ends, ShallowRequest::Relative(depth(more))),
                update(&ends, ShallowRequest::Depth(expected)),
                "{first} and {more} from {wants:?}"
            );
            let huge = Depth::new(Depth::INFINITE.get() - 1).unwrap();
            let all = update(&ends, ShallowRequest::Depth(Depth::INFINITE));
            assert_eq!(update(&ends, ShallowRequest::Relative(huge)), all);
            assert_eq!(update(&[], ShallowRequest::Relative(depth(more))), ShallowUpdate::default());
        }
    }
}

#[test]
fn selections_are_gits() {
    for seed in 0..10 {
        let Some(history) = History::make(seed, 40, Clock::Steady) else { return };
        let mut dice = Dice::new(seed + 2);
        for _ in 0..5 {
            let wants = dice.some(&history.commits[20..], 1);
            let since = 1_000_000_000 + 100 * dice.below(40) as u64;
            let request = ShallowRequest::Select { since: Since::new(since), not: &[] };
            check(&history, &wants, &Client::default(), request, &[format!("deepen-since {since}")]);
            let nth = dice.below(30);
            let not = [history.commits[nth]];
            let request = ShallowRequest::Select { since: None, not: &not };
            let lines = [format!("deepen-not refs/heads/b{nth}")];
            check(&history, &wants, &Client::default(), request, &lines);
        }
    }
}

#[test]
fn a_client_may_only_end_at_commits() {
    let Some(history) = History::make(1, 10, Clock::Steady) else { return };
    let mut graph = history.store.graph();
    let (wants, unknown) = ([history.commits[9]], id(&"ab".repeat(20)));
    let update = shallow_update(&mut graph, &wants, &[unknown], &[], ShallowRequest::Keep, &Never).unwrap();
    assert_eq!(update, ShallowUpdate::default());
    let update = shallow_update(&mut graph, &wants, &[history.trees[0]], &[], ShallowRequest::Keep, &Never);
    assert!(matches!(update, Err(WalkError::Kind { .. })), "{update:?}");
}

#[test]
fn a_shallow_server_tells_where_it_ends() {
    let Some(history) = History::make(4, 30, Clock::Steady) else { return };
    let mut graph = history.store.graph();
    let (wants, end) = ([history.commits[29]], history.commits[29]);
    let update = shallow_update(&mut graph, &wants, &[], &[end], ShallowRequest::Keep, &Never).unwrap();
    assert_eq!((update.shallow, update.boundary), (vec![end], vec![end]));
}
