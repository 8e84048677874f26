//! Each limit at its most, and one above.

use bytes::BytesMut;
use gitwire_protocol::message::{DepthRequest, FetchArgument, UploadHavesLine, UploadRequestLine};
use gitwire_protocol::{
    FetchClientOptions, FetchRequest, Limits, Machine, ProtocolError, Serving, UploadPackOptions, Version,
};
use gitwire_types::{ObjectFormat, ObjectId};

use crate::drive::{Client, Rest, Server};
use crate::repo::{Repo, unknown};

fn line(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    gitwire_pktline::encode_text(data, &mut out).unwrap();
    out
}

/// What a server says to `input`, in version 0 or 2, without an advertisement.
fn serve(version: Version, limits: Limits, input: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    let repo = Repo::load();
    let mut options = UploadPackOptions::new(version, Serving::Stateless, ObjectFormat::Sha1);
    options.limits = limits;
    let mut server = Server::new(&repo, options);
    let (mut input, mut output) = (BytesMut::from(input), BytesMut::new());
    if !server.run(&mut input, &mut output)? {
        server.machine.end_of_input();
        server.run(&mut input, &mut output)?;
    }
    Ok(output.to_vec())
}

/// What a client makes of `answers`, one for each of its turns.
fn fetch(limits: Limits, request: Option<FetchRequest>, answers: &[u8]) -> Result<Client, ProtocolError> {
    let mut options = FetchClientOptions::default();
    options.limits = limits;
    let mut client = Client::with(options, request, &[]);
    let (mut input, mut output) = (BytesMut::from(answers), BytesMut::new());
    loop {
        match client.run(&mut input, &mut output)? {
            Rest::Done => return Ok(client),
            Rest::Turn => {}
            Rest::Read => client.machine.end_of_input(),
        }
    }
}

/// `fits` passes, and `above` is refused for `what`, both under the same limit.
#[track_caller]
fn check<T>(fits: &Result<T, ProtocolError>, above: &Result<T, ProtocolError>, expected: &'static str) {
    if let Err(error) = fits {
        panic!("refused at the limit: {error}");
    }
    match above {
        Err(ProtocolError::Limit { what, .. }) => assert_eq!(*what, expected),
        Err(error) => panic!("refused otherwise: {error}"),
        Ok(_) => panic!("accepted above the limit of {expected}"),
    }
}

fn wants(count: usize) -> Vec<u8> {
    let mut out = BytesMut::new();
    let want = UploadRequestLine::Want { id: Repo::load().main[0], capabilities: b"" };
    (0..count).for_each(|_| want.write(&mut out).unwrap());
    out.extend_from_slice(b"00000009done\n");
    out.to_vec()
}

fn v2(lines: &[&str], arguments: &[FetchArgument<'_>]) -> Vec<u8> {
    let mut out = BytesMut::from(&line(b"command=fetch")[..]);
    lines.iter().for_each(|text| out.extend_from_slice(&line(text.as_bytes())));
    out.extend_from_slice(b"0001");
    arguments.iter().for_each(|argument| argument.write(&mut out).unwrap());
    out.extend_from_slice(b"0000");
    out.to_vec()
}

#[test]
fn wants_max() {
    let limits = Limits { wants_max: 2, ..Limits::default() };
    let served = |count| serve(Version::V0, limits, &wants(count));
    check(&served(2), &served(3), "wants");
    let want = FetchArgument::Want(Repo::load().main[0]);
    let served = |count| serve(Version::V2, limits, &v2(&[], &vec![want; count]));
    check(&served(2), &served(3), "wants");
}

#[test]
fn haves_max() {
    let limits = Limits { haves_max: 2, ..Limits::default() };
    let served = |count: usize| {
        let mut out = BytesMut::from(&wants(1)[..]);
        out.truncate(out.len() - 9);
        (0..count).for_each(|_| UploadHavesLine::Have(unknown(1)).write(&mut out).unwrap());
        UploadHavesLine::Done.write(&mut out).unwrap();
        serve(Version::V0, limits, &out)
    };
    check(&served(2), &served(3), "haves");
    let want = FetchArgument::Want(Repo::load().main[0]);
    let served = |count| {
        let haves = vec![FetchArgument::Have(unknown(1)); count];
        serve(Version::V2, limits, &v2(&[], &[&[want], &haves[..]].concat()))
    };
    check(&served(2), &served(3), "haves");
}

#[test]
fn shallows_max() {
    let limits = Limits { shallows_max: 2, ..Limits::default() };
    let want = FetchArgument::Want(Repo::load().main[0]);
    let served = |count| {
        let lines = vec![FetchArgument::Shallow(unknown(1)); count];
        serve(Version::V2, limits, &v2(&[], &[&[want], &lines[..]].concat()))
    };
    check(&served(2), &served(3), "shallow lines");
    // The same of what a server says, in its advertisement and in its answer.
    let shallow = line(format!("shallow {}", unknown(1)).as_bytes());
    let advertised = |count: usize| {
        let refs = line(format!("{} refs/heads/main\0shallow", unknown(2)).as_bytes());
        fetch(limits, None, &[refs, shallow.repeat(count), b"0000".to_vec()].concat())
    };
    check(&advertised(2), &advertised(3), "shallow lines");
    let answered = |count: usize| {
        let mut request = FetchRequest::default();
        request.wants = vec![unknown(2)];
        request.depth = DepthRequest::commits(1);
        let refs = line(format!("{} refs/heads/main\0shallow", unknown(2)).as_bytes());
        let rest = [b"0000".to_vec(), line(b"NAK"), b"PACK and more".to_vec()].concat();
        fetch(limits, Some(request), &[refs, b"0000".to_vec(), shallow.repeat(count), rest].concat())
    };
    check(&answered(2), &answered(3), "shallow lines");
}

#[test]
fn deepen_nots_max() {
    let limits = Limits { deepen_nots_max: 2, ..Limits::default() };
    let want = FetchArgument::Want(Repo::load().main[0]);
    let served = |count| {
        let lines = vec![FetchArgument::DeepenNot(b"refs/heads/side"); count];
        serve(Version::V2, limits, &v2(&[], &[&[want], &lines[..]].concat()))
    };
    check(&served(2), &served(3), "deepen-not lines");
}

#[test]
fn ref_prefixes_max() {
    let limits = Limits { ref_prefixes_max: 2, ..Limits::default() };
    let served = |count: usize| {
        let front = [line(b"command=ls-refs"), b"0001".to_vec()].concat();
        let input = [front, line(b"ref-prefix refs/tags/").repeat(count), b"0000".to_vec()].concat();
        let lines = serve(Version::V2, limits, &input).unwrap();
        gitwire_pktline::Packets::new(&lines).count() - 1
    };
    assert_eq!(served(2), 1, "the tag alone");
    assert_eq!(served(3), 4, "everything: the prefixes are forgotten, not cut");
}

#[test]
fn server_options_max() {
    let limits = Limits { server_options_max: 2, ..Limits::default() };
    let want = FetchArgument::Want(Repo::load().main[0]);
    let served = |count| serve(Version::V2, limits, &v2(&vec!["server-option=x"; count], &[want]));
    check(&served(2), &served(3), "server options");
}

#[test]
fn argument_bytes_max() {
    let limits = Limits { argument_bytes_max: 4, ..Limits::default() };
    let want = FetchArgument::Want(Repo::load().main[0]);
    let served = |name| serve(Version::V2, limits, &v2(&[], &[want, FetchArgument::DeepenNot(name)]));
    check(&served(b"four"), &served(b"fiver"), "bytes of arguments");
}

#[test]
fn capabilities_max() {
    let limits = Limits { capabilities_max: 2, ..Limits::default() };
    let want = FetchArgument::Want(Repo::load().main[0]);
    let served = |count| serve(Version::V2, limits, &v2(&vec!["agent=x/1"; count], &[want]));
    check(&served(1), &served(2), "capabilities");
    let read = |words: &str| {
        let first = line(format!("{} refs/heads/main\0{words}", unknown(2)).as_bytes());
        fetch(limits, None, &[first, b"0000".to_vec()].concat())
    };
    check(&read("a b"), &read("a b c"), "capabilities");
    let read = |count: usize| {
        let lines = [line(b"version 2"), line(b"ls-refs"), line(b"x").repeat(count), b"00000000".to_vec()];
        fetch(limits, None, &lines.concat())
    };
    check(&read(1), &read(2), "capabilities");
}

#[test]
fn refs_max() {
    let limits = Limits { refs_max: 2, ..Limits::default() };
    let read = |count: usize| {
        let shown = line(format!("{} refs/heads/main", unknown(2)).as_bytes());
        fetch(limits, None, &[shown.repeat(count), b"0000".to_vec()].concat())
    };
    check(&read(2), &read(3), "refs");
}

#[test]
fn advertisement_bytes_max() {
    let shown = line(format!("{} refs/heads/main", unknown(2)).as_bytes());
    let limits = Limits { advertisement_bytes_max: shown.len() as u64 * 2, ..Limits::default() };
    let read = |count: usize| fetch(limits, None, &[shown.repeat(count), b"0000".to_vec()].concat());
    check(&read(2), &read(3), "bytes of refs");
}

#[test]
fn section_lines_max() {
    let limits = Limits { section_lines_max: 2, ..Limits::default() };
    let read = |count: usize| {
        let mut request = FetchRequest::default();
        request.wanted_refs = vec!["refs/heads/main".into()];
        let front = [line(b"version 2"), line(b"ls-refs"), line(b"fetch=ref-in-want"), b"00000000".to_vec()];
        let wanted = line(format!("{} refs/heads/main", unknown(2)).as_bytes());
        let section = [line(b"wanted-refs"), wanted.repeat(count), b"0001".to_vec()];
        let pack = [line(b"packfile"), b"0009\x01PACK0000".to_vec()];
        fetch(limits, Some(request), &[front.concat(), section.concat(), pack.concat()].concat())
    };
    check(&read(2), &read(3), "lines of a section");
}

#[test]
fn progress_bytes_max() {
    let limits = Limits { progress_bytes_max: 4, ..Limits::default() };
    let read = |text: &str| {
        let mut request = FetchRequest::default();
        request.wants = vec![unknown(2)];
        let shown = line(format!("{} refs/heads/main\0side-band-64k", unknown(2)).as_bytes());
        let mut answers = [shown, b"0000".to_vec(), line(b"NAK")].concat();
        gitwire_pktline::encode_data(format!("\x02{text}").as_bytes(), &mut answers).unwrap();
        answers.extend_from_slice(b"0009\x01PACK0000");
        fetch(limits, Some(request), &answers)
    };
    check(&read("four"), &read("fiver"), "bytes of progress");
}

#[test]
fn acknowledgments_are_bounded_by_haves() {
    let mut request = FetchRequest::default();
    request.wants = vec![unknown(2)];
    let read = |count: usize| {
        let id: ObjectId = unknown(9);
        let shown = line(format!("{} refs/heads/main\0multi_ack_detailed", unknown(2)).as_bytes());
        let acks = line(format!("ACK {id} common").as_bytes()).repeat(count);
        let answers = [shown, b"0000".to_vec(), acks, line(b"NAK"), b"PACK and more".to_vec()].concat();
        fetch(Limits::default(), Some(request.clone()), &answers)
    };
    assert!(read(2).is_ok());
    let Err(error) = read(3) else { panic!("endless acknowledgments") };
    assert_eq!(error.to_string(), "pkt-line 5 at byte 196: more acknowledgments than haves");
}
