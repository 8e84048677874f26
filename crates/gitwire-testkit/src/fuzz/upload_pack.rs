//! The server's side of a fetch against any client: it comes to an end, and the cuts of its input do not show.

use bytes::BytesMut;
use gitwire_capability::{FeatureSet, FetchFeature, V2FetchFeature};
use gitwire_protocol::message::{BundleUriLine, ShallowUpdate, WantedRef};
use gitwire_protocol::{
    AdvertisedRef, HaveAnswers, Limits, ProtocolError, Serving, UploadPack, UploadPackAwaiting,
    UploadPackEvent, UploadPackOptions, UploadRequest, Version,
};
use gitwire_types::{ObjectFormat, ObjectId};

use super::machine::{Asked, drive};

/// The first byte says how the server is set up, the second how the input is cut, the rest is what the client sends.
pub(super) fn upload_pack(data: &[u8]) {
    let [kind, cut, input @ ..] = data else { return };
    let whole = serve(*kind, input, usize::MAX);
    let pieces = serve(*kind, input, 1 + usize::from(*cut % 64));
    // A client that gives up is heard as soon as its words are there, even while the application has the turn.
    if !matches!(whole.end, Err(ProtocolError::Remote { .. })) {
        assert_eq!(pieces, whole, "the cuts show");
    }
}

/// What comes of a conversation.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<UploadPackEvent>,
    output: BytesMut,
    end: Result<(), ProtocolError>,
}

fn serve(kind: u8, input: &[u8], cut: usize) -> Outcome {
    let mut machine = UploadPack::new(options(kind));
    let mut application = Application { request: UploadRequest::default(), haves: 0 };
    let (mut events, mut output) = (Vec::new(), BytesMut::new());
    let end = drive(&mut machine, input, cut, &mut output, &mut |machine, asked, output| match asked {
        Asked::Event(event) => {
            application.hear(&event);
            events.push(event);
        }
        Asked::Answer => application.answer(machine, output).expect("an answer in turn"),
    });
    Outcome { events, output, end }
}

fn options(kind: u8) -> UploadPackOptions {
    let version = [Version::V0, Version::V1, Version::V2, Version::V2][usize::from(kind & 3)];
    let serving = if kind & 4 == 0 { Serving::Stateless } else { Serving::Duplex };
    let mut options = UploadPackOptions::new(version, serving, ObjectFormat::Sha1);
    options.fetch.features.insert(FetchFeature::Filter);
    for feature in [V2FetchFeature::Filter, V2FetchFeature::RefInWant, V2FetchFeature::SidebandAll] {
        options.v2.fetch.insert(feature);
    }
    options.v2.commands = FeatureSet::all();
    options.limits = Limits { wants_max: 64, haves_max: 64, shallows_max: 16, ..Limits::default() };
    options
}

/// Every object with an even first byte is there, and any two of them cover what is wanted.
struct Application {
    request: UploadRequest,
    haves: usize,
}

impl Application {
    fn hear(&mut self, event: &UploadPackEvent) {
        match event {
            UploadPackEvent::Request(request) => self.request = (**request).clone(),
            UploadPackEvent::Haves { ids, .. } | UploadPackEvent::ObjectInfo(ids) => self.haves = ids.len(),
            _ => {}
        }
    }

    fn answer(&mut self, machine: &mut UploadPack, output: &mut BytesMut) -> Result<(), ProtocolError> {
        let id = ObjectId::from_sha1([0x11; 20]);
        match machine.awaiting() {
            UploadPackAwaiting::Refs => {
                machine.send_ref(&AdvertisedRef::new(b"refs/heads/main", id), output)?;
                machine.end_refs(&[], output)
            }
            UploadPackAwaiting::ShallowInfo => machine.shallow_info(&[ShallowUpdate::Shallow(id)], output),
            UploadPackAwaiting::Acknowledgments => {
                let common: Vec<_> = (0..self.haves).map(|at| at % 2 == 0).collect();
                let covered_after = (self.haves > 2).then_some(3);
                machine.acknowledge(HaveAnswers { common: &common, covered_after }, output)
            }
            UploadPackAwaiting::ObjectInfo => {
                let sizes: Vec<_> = (0..self.haves).map(|at| (at % 2 == 0).then_some(at as u64)).collect();
                machine.object_info(&sizes, output)
            }
            UploadPackAwaiting::BundleUris => {
                machine.bundle_uris(&[BundleUriLine { key: b"bundle.version", value: b"1" }], output)
            }
            _ => {
                let names = self.request.wanted_refs.iter();
                let wanted: Vec<_> = names.map(|name| WantedRef { id, name }).collect();
                if !wanted.is_empty() {
                    machine.wanted_refs(&wanted, output)?;
                }
                machine.progress(b"done", output)?;
                machine.pack_frame(output, |room| {
                    room[..4].copy_from_slice(b"PACK");
                    4
                })?;
                machine.end_pack(output)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use gitwire_protocol::{Machine as _, Next};

    use super::*;

    /// The states of the machine that a conversation of the corpus passes, whatever the pieces it comes in.
    fn states(data: &[u8], seen: &mut BTreeSet<String>) {
        let [kind, _, input @ ..] = data else { return };
        let mut machine = UploadPack::new(options(*kind));
        let mut application = Application { request: UploadRequest::default(), haves: 0 };
        let (mut rest, mut arrived, mut output) = (input.iter(), BytesMut::new(), BytesMut::new());
        loop {
            let text = format!("{machine:?}");
            let name = text.split("state: ").nth(1).and_then(|rest| rest.split(['(', ',', ' ']).next());
            seen.extend(name.map(str::to_owned));
            match machine.step(&mut arrived, &mut output) {
                Ok(Next::Event(event)) => application.hear(&event),
                Ok(Next::Answer) => application.answer(&mut machine, &mut output).unwrap(),
                Ok(Next::Turn) => {}
                Ok(Next::Read) => match rest.next() {
                    Some(byte) => arrived.extend_from_slice(&[*byte]),
                    None => machine.end_of_input(),
                },
                Ok(Next::Done) | Err(_) => return,
            }
        }
    }

    #[test]
    fn the_corpus_reaches_every_state() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/upload_pack");
        let mut seen = BTreeSet::new();
        for entry in fs::read_dir(folder).unwrap() {
            states(&fs::read(entry.unwrap().path()).unwrap(), &mut seen);
        }
        let expected = [
            "Boundary",
            "BundleUri",
            "BundleUriDue",
            "Command",
            "Done",
            "Fetch",
            "FetchHaves",
            "Haves",
            "HavesDue",
            "LsRefs",
            "ObjectInfo",
            "ObjectInfoDue",
            "Pack",
            "Refs",
            "Request",
            "Start",
        ];
        assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}
