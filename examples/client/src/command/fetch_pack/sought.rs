//! What is asked for by name or by id, and what of it a remote has.

use std::collections::HashSet;

use bytes::Bytes;
use gitwire_capability::FetchFeature;
use gitwire_client::RemoteRefs;
use gitwire_types::{ObjectFormat, ObjectId, RefName};

/// What is asked for, and what was found.
pub(super) struct Sought {
    entries: Vec<Entry>,
    found: Vec<(ObjectId, Bytes)>,
}

struct Entry {
    name: Bytes,
    /// The object that the name itself is.
    id: Option<ObjectId>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Found,
    NotAllowed,
}

impl Sought {
    /// Words: names, objects, or an object and a name.
    pub(super) fn new(words: Vec<Bytes>, format: ObjectFormat) -> Self {
        let mut seen = HashSet::new();
        let hex = |text: &[u8]| ObjectId::from_hex(format, text).ok();
        let entries = words.into_iter().map(|word| {
            let named = word
                .split_at_checked(format.hex_len())
                .filter(|(id, rest)| rest.starts_with(b" ") && hex(id).is_some());
            let name = named.map(|(_, rest)| word.slice_ref(&rest[1..])).unwrap_or(word.clone());
            Entry { id: hex(&name), name, state: State::Unknown }
        });
        let mut entries: Vec<Entry> = entries.filter(|entry| seen.insert(entry.name.clone())).collect();
        // The order in which git names what it has not found.
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Self { entries, found: Vec::new() }
    }

    /// Looks for everything among a remote's refs; with `all` the rest of them is wanted too, but tags only where nothing is cut
    /// off.
    pub(super) fn find(&mut self, refs: &RemoteRefs, all: bool, cut: bool) {
        for shown in refs.iter() {
            let Some(id) = shown.id else { continue };
            if shown.name.starts_with(b"refs/") && RefName::copy_from(shown.name).is_err() {
                continue;
            }
            let mut wanted = all && !(cut && shown.name.starts_with(b"refs/tags/"));
            for entry in self.entries.iter_mut().filter(|entry| entry.name == shown.name) {
                entry.state = State::Found;
                wanted = true;
            }
            if wanted {
                self.found.push((id, Bytes::copy_from_slice(shown.name)));
            }
        }
        let shown: HashSet<ObjectId> =
            refs.iter().flat_map(|shown| [shown.id, shown.peeled]).flatten().collect();
        let takes_any = takes_any(refs);
        for entry in self.entries.iter_mut().filter(|entry| entry.state == State::Unknown) {
            let Some(id) = entry.id else { continue };
            if takes_any || shown.contains(&id) {
                entry.state = State::Found;
                self.found.push((id, entry.name.clone()));
            } else {
                entry.state = State::NotAllowed;
            }
        }
    }

    /// What is wanted.
    pub(super) fn found(&self) -> impl Iterator<Item = (ObjectId, &[u8])> {
        self.found.iter().map(|(id, name)| (*id, &name[..]))
    }

    /// What the remote has not.
    pub(super) fn complaints(&self) -> Vec<String> {
        let complaint = |entry: &Entry| {
            let name = entry.name.escape_ascii();
            match entry.state {
                State::Found => None,
                State::Unknown => Some(format!("no such remote ref {name}")),
                State::NotAllowed => {
                    Some(format!("Server does not allow request for unadvertised object {name}"))
                }
            }
        };
        self.entries.iter().filter_map(complaint).collect()
    }
}

/// Whether objects may be asked for that no ref shows.
fn takes_any(refs: &RemoteRefs) -> bool {
    let Some(offer) = refs.capabilities().and_then(|capabilities| capabilities.fetch_offer()) else {
        return true;
    };
    let any = [FetchFeature::AllowTipSha1InWant, FetchFeature::AllowReachableSha1InWant];
    any.into_iter().any(|feature| offer.features.contains(feature))
}
