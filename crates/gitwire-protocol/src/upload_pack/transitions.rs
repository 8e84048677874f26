//! The table of what each state makes of each input and of each call of the application: printed, and asserted as a whole.

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::tests::{answer, server};
use super::*;
use crate::testing::lines;
use crate::{HaveAnswers, Machine, Next, ProtocolError, RemoteChannel, Serving, Version};

/// A state, and how a conversation comes there.
struct Place {
    name: &'static str,
    version: Version,
    lines: &'static [&'static str],
    /// The answer that is due, where one is.
    due: UploadPackAwaiting,
    /// A line that is good there.
    good: &'static str,
}

const fn place(
    name: &'static str,
    version: Version,
    lines: &'static [&'static str],
    due: UploadPackAwaiting,
    good: &'static str,
) -> Place {
    Place { name, version, lines, due, good }
}

const PLACES: &[Place] = {
    use UploadPackAwaiting::{
        Acknowledgments, BundleUris, Client, Nothing, ObjectInfo, Pack, Refs, ShallowInfo,
    };
    use Version::{V0, V2};
    const FETCH: &str = "command=fetch";
    &[
        place("Refs", V0, &[], Refs, "want ID"),
        place("Request, fresh", V0, &[], Client, "want ID"),
        place("Request", V0, &["want ID"], Client, "want ID"),
        place("Boundary", V0, &["want ID", "deepen 1", "0000"], ShallowInfo, "have ID"),
        place("Haves", V0, &["want ID", "0000"], Client, "have ID"),
        place("HavesDue", V0, &["want ID", "0000", "have ID", "0000"], Acknowledgments, "done"),
        place("Pack", V0, &["want ID", "0000", "done"], Pack, "have ID"),
        place("Command, fresh", V2, &[], Client, "command=fetch"),
        place("Command", V2, &[FETCH], Client, "agent=x"),
        place("LsRefs", V2, &["command=ls-refs", "0001"], Client, "peel"),
        place("Refs", V2, &["command=ls-refs", "0001", "0000"], Refs, "command=fetch"),
        place("Fetch", V2, &[FETCH, "0001", "want ID"], Client, "done"),
        place("FetchHaves", V2, &[FETCH, "0001", "want ID", "have ID", "0000"], Acknowledgments, "done"),
        place("Pack", V2, &[FETCH, "0001", "want ID", "done", "0000"], Pack, "command=fetch"),
        place("ObjectInfo", V2, &["command=object-info", "0001"], Client, "size"),
        place("ObjectInfoDue", V2, &["command=object-info", "0001", "oid ID", "0000"], ObjectInfo, "size"),
        place("BundleUri", V2, &["command=bundle-uri", "0001"], Client, "peel"),
        place("BundleUriDue", V2, &["command=bundle-uri", "0001", "0000"], BundleUris, "command=fetch"),
        place("Done", V2, &["0000"], Nothing, "command=fetch"),
    ]
};

/// A server that has come to a place.
fn at(place: &Place) -> UploadPack {
    let mut server = server(place.version, Serving::Duplex);
    let (mut input, mut output) = (BytesMut::from(&lines(place.lines)[..]), BytesMut::new());
    let mut haves = 0;
    loop {
        let next = server.step(&mut input, &mut output).unwrap();
        if let Next::Event(UploadPackEvent::Haves { ids, .. }) = &next {
            haves = ids.len();
        }
        let arrived = input.is_empty() && server.awaiting() == place.due;
        match next {
            Next::Answer | Next::Read | Next::Done if arrived => return server,
            Next::Answer => answer(&mut server, haves, &mut output).unwrap(),
            Next::Event(_) | Next::Turn => {}
            next => panic!("{}: {next:?}", place.name),
        }
    }
}

/// The state that an input leads to, or how it ends the conversation.
fn after(mut server: UploadPack, input: &[u8], ends: bool) -> String {
    let (mut input, mut output) = (BytesMut::from(input), BytesMut::new());
    if ends {
        server.end_of_input();
    }
    loop {
        match server.step(&mut input, &mut output) {
            Ok(Next::Event(_) | Next::Turn) => {}
            Ok(Next::Read | Next::Answer | Next::Done) => {
                let name = format!("{:?}", server.state);
                return name.split('(').next().unwrap_or_default().into();
            }
            Err(ProtocolError::Remote { channel: RemoteChannel::ErrorLine, .. }) => return "heard".into(),
            Err(_) => return "refused".into(),
        }
    }
}

#[test]
fn what_each_state_makes_of_each_input() {
    let mut table = String::new();
    for place in PLACES {
        let inputs: [(&str, Vec<u8>, bool); 10] = [
            ("good", lines(&[place.good]), false),
            ("flush", b"0000".to_vec(), false),
            ("delimiter", b"0001".to_vec(), false),
            ("response-end", b"0002".to_vec(), false),
            ("empty", b"0004".to_vec(), false),
            ("nonsense", lines(&["bogus"]), false),
            ("ERR", lines(&["ERR enough"]), false),
            ("no line", b"zork".to_vec(), false),
            ("half a line", b"0009x".to_vec(), true),
            ("end", Vec::new(), true),
        ];
        let mut cells: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, bytes, ends) in inputs {
            let after = after(at(place), &bytes, ends);
            let stays = place.name.split(',').next() == Some(&after);
            cells.entry(if stays { "stays".into() } else { after }).or_default().push(name);
        }
        let cells: Vec<String> =
            cells.into_iter().map(|(after, names)| format!("{after}: {}", names.join(", "))).collect();
        table += &format!("{} ({:?}) {}\n", place.name, place.version, cells.join("; "));
    }
    std::println!("{table}");
    assert_eq!(table, EXPECTED);
}

/// Each call of the application is good where it is due and nowhere else; out of turn it changes nothing and writes nothing.
#[test]
fn what_each_state_makes_of_each_call() {
    type Call = fn(&mut UploadPack, &mut BytesMut) -> Result<(), ProtocolError>;
    let calls: [(&str, Call); 9] = [
        ("send_ref", |server, out| server.send_ref(&AdvertisedRef::new(b"refs/heads/a", ID), out)),
        ("end_refs", |server, out| server.end_refs(&[], out)),
        ("shallow_info", |server, out| server.shallow_info(&[], out)),
        ("acknowledge", |server, out| {
            server.acknowledge(HaveAnswers { common: &[true], covered_after: None }, out)
        }),
        ("object_info", |server, out| server.object_info(&[None], out)),
        ("bundle_uris", |server, out| server.bundle_uris(&[], out)),
        ("wanted_refs", |server, out| server.wanted_refs(&[], out)),
        ("packfile_uris", |server, out| server.packfile_uris(&[], out)),
        ("end_pack", |server, out| server.end_pack(out)),
    ];
    let mut table = String::new();
    for place in PLACES {
        let mut good = Vec::new();
        for (name, call) in calls {
            let (mut server, mut output) = (at(place), BytesMut::new());
            let before = format!("{:?}", server.state);
            match call(&mut server, &mut output) {
                Ok(()) => good.push(name),
                Err(ProtocolError::Misuse(_)) => {
                    assert_eq!(format!("{:?}", server.state), before, "{}: {name}", place.name);
                    assert!(output.is_empty(), "{}: {name}", place.name);
                }
                Err(error) => panic!("{}: {name}: {error}", place.name),
            }
        }
        table += format!("{} ({:?}) {}", place.name, place.version, good.join(" ")).trim_end();
        table.push('\n');
    }
    std::println!("{table}");
    assert_eq!(table, CALLS);
}

const ID: ObjectId = ObjectId::from_sha1([0x11; 20]);

const EXPECTED: &str = "\
Refs (V0) stays: good, flush, delimiter, response-end, empty, nonsense, ERR, no line, half a line, end
Request, fresh (V0) Done: flush, end; heard: ERR; refused: delimiter, response-end, empty, nonsense, no line, half a line; stays: good
Request (V0) Haves: flush; heard: ERR; refused: delimiter, response-end, empty, nonsense, no line, half a line, end; stays: good
Boundary (V0) stays: good, flush, delimiter, response-end, empty, nonsense, ERR, no line, half a line, end
Haves (V0) heard: ERR; refused: delimiter, response-end, empty, nonsense, no line, half a line, end; stays: good, flush
HavesDue (V0) stays: good, flush, delimiter, response-end, empty, nonsense, ERR, no line, half a line, end
Pack (V0) heard: ERR; stays: good, flush, delimiter, response-end, empty, nonsense, no line, half a line, end
Command, fresh (V2) Done: flush, end; heard: ERR; refused: delimiter, response-end, empty, nonsense, no line, half a line; stays: good
Command (V2) Fetch: delimiter; heard: ERR; refused: response-end, empty, nonsense, no line, half a line, end; stays: good, flush
LsRefs (V2) Refs: flush; heard: ERR; refused: delimiter, response-end, empty, nonsense, no line, half a line, end; stays: good
Refs (V2) stays: good, flush, delimiter, response-end, empty, nonsense, ERR, no line, half a line, end
Fetch (V2) Pack: flush; heard: ERR; refused: delimiter, response-end, empty, nonsense, no line, half a line, end; stays: good
FetchHaves (V2) stays: good, flush, delimiter, response-end, empty, nonsense, ERR, no line, half a line, end
Pack (V2) heard: ERR; stays: good, flush, delimiter, response-end, empty, nonsense, no line, half a line, end
ObjectInfo (V2) ObjectInfoDue: flush; heard: ERR; refused: delimiter, response-end, empty, nonsense, no line, half a line, end; stays: good
ObjectInfoDue (V2) stays: good, flush, delimiter, response-end, empty, nonsense, ERR, no line, half a line, end
BundleUri (V2) BundleUriDue: flush; heard: ERR; refused: good, delimiter, response-end, empty, nonsense, no line, half a line, end
BundleUriDue (V2) stays: good, flush, delimiter, response-end, empty, nonsense, ERR, no line, half a line, end
Done (V2) stays: good, flush, delimiter, response-end, empty, nonsense, ERR, no line, half a line, end
";

const CALLS: &str = "\
Refs (V0) send_ref end_refs
Request, fresh (V0)
Request (V0)
Boundary (V0) shallow_info
Haves (V0)
HavesDue (V0) acknowledge
Pack (V0) end_pack
Command, fresh (V2)
Command (V2)
LsRefs (V2)
Refs (V2) send_ref end_refs
Fetch (V2)
FetchHaves (V2) acknowledge
Pack (V2) shallow_info wanted_refs packfile_uris end_pack
ObjectInfo (V2)
ObjectInfoDue (V2) object_info
BundleUri (V2)
BundleUriDue (V2) bundle_uris
Done (V2)
";
