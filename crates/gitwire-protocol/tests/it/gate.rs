//! A server machine joined to a client machine: what the one hears the other asks, window by window.

use bytes::{Bytes, BytesMut};
use gitwire_capability::PushOffer;
use gitwire_protocol::message::DepthRequest;
use gitwire_protocol::*;
use gitwire_types::{ObjectFormat, ObjectId};

/// Two windows come before the first answer, as git sends them.
#[test]
fn a_window_is_answered_before_the_next_one_is_asked_for() {
    let id = |byte| ObjectId::from_sha1([byte; 20]);
    let mut near = UploadPack::new(UploadPackOptions::new(Version::V0, Serving::Duplex, ObjectFormat::Sha1));
    let mut far = FetchClient::new(options());
    let want = format!("want {} multi_ack_detailed side-band-64k\n", id(0x11));
    let have = |byte| format!("0032have {}\n0000", id(byte));
    let mut near_in = BytesMut::from(
        format!("{:04x}{want}0000{}{}0009done\n", want.len() + 4, have(0x22), have(0x33)).as_bytes(),
    );
    let (mut near_out, mut far_out) = (BytesMut::new(), BytesMut::new());
    let shown = format!("{} refs/heads/main\0multi_ack_detailed side-band-64k", id(0x11));
    let mut far_in = BytesMut::from(format!("{:04x}{shown}0000", shown.len() + 4).as_bytes());
    let (mut asked, mut windows, mut answers, mut sent) = (None, Vec::new(), 0, 0);
    for _ in 0..60 {
        match near.step(&mut near_in, &mut near_out).unwrap() {
            Next::Event(UploadPackEvent::RefsWanted(_)) => {
                near.send_ref(&AdvertisedRef::new(b"refs/heads/main", id(0x11)), &mut near_out).unwrap();
                near.end_refs(&[], &mut near_out).unwrap();
            }
            Next::Event(UploadPackEvent::Wants(ids)) => asked = Some(ids),
            Next::Event(UploadPackEvent::Haves { ids, end }) => windows.push((ids, end)),
            Next::Event(UploadPackEvent::PackWanted) => return assert_eq!(answers, 2),
            _ => {}
        }
        match (far.step(&mut far_in, &mut far_out).unwrap(), far.awaiting()) {
            (Next::Answer, FetchAwaiting::ListRefs) => {
                far.list_refs(LsRefsRequest::everything(), &mut far_out).unwrap();
            }
            (Next::Answer, FetchAwaiting::Command) => {
                if let Some(wants) = asked.take() {
                    let mut request = FetchRequest::default();
                    request.wants = wants;
                    far.fetch(request, &mut far_out).unwrap();
                }
            }
            (Next::Answer, FetchAwaiting::Haves) if windows.len() > sent => {
                far.haves(&windows[sent].0, WindowEnd::Flush, &mut far_out).unwrap();
                far_in.extend_from_slice(b"0008NAK\n");
                sent += 1;
            }
            (Next::Event(FetchEvent::RoundEnd { .. }), _) => {
                answers += 1;
                let none = HaveAnswers { common: &[false], covered_after: None };
                near.acknowledge(none, &mut near_out).unwrap();
            }
            _ => {}
        }
    }
    panic!("both wait: {:?} {:?}, {answers} answers", near.awaiting(), far.awaiting());
}

fn options() -> FetchClientOptions {
    let mut options = FetchClientOptions::default();
    options.windows_ahead = 0;
    options
}

/// Steps until the application has something to say.
fn until_answer(client: &mut FetchClient, input: &mut BytesMut, output: &mut BytesMut) {
    while !matches!(client.step(input, output).unwrap(), Next::Answer) {}
}

fn new_server(lines: &[&str]) -> BytesMut {
    lines.iter().fold(BytesMut::new(), |mut bytes, line| {
        match line.strip_prefix("000") {
            Some(_) => bytes.extend_from_slice(line.as_bytes()),
            None => bytes.extend_from_slice(format!("{:04x}{line}\n", line.len() + 5).as_bytes()),
        }
        bytes
    })
}

#[test]
fn a_request_says_in_whose_name_it_is_made() {
    let mut client = FetchClient::new(FetchClientOptions::default());
    let offer =
        ["version 2", "agent=git/2", "ls-refs", "fetch", "server-option", "session-id=far", "0000", "0000"];
    let (mut input, mut output) = (new_server(&offer), BytesMut::new());
    until_answer(&mut client, &mut input, &mut output);
    let mut list = LsRefsRequest::default();
    list.agent = Some(Bytes::from_static(b"near/1"));
    list.session_id = Some(Bytes::from_static(b"s1"));
    list.server_options = vec![Bytes::from_static(b"hello")];
    client.list_refs(list, &mut output).unwrap();
    let expected =
        ["command=ls-refs", "agent=near/1", "session-id=s1", "server-option=hello", "0001", "0000"];
    assert_eq!(lines_of(&output.split()), expected);
    until_answer(&mut client, &mut input, &mut output);
    output.clear();
    let mut request = FetchRequest::default();
    request.wants = vec![ObjectId::from_sha1([0x11; 20])];
    request.server_options = vec![Bytes::from_static(b"a\nb")];
    let refused = client.fetch(request.clone(), &mut output).unwrap_err();
    assert_eq!(refused.to_string(), "misuse: a ref, filter or option with NUL or LF cannot be sent");
    request.server_options = vec![Bytes::from_static(b"again")];
    request.agent = Some(Bytes::from_static(b"near/2"));
    client.fetch(request, &mut output).unwrap();
    client.haves(&[], WindowEnd::Done, &mut output).unwrap();
    assert_eq!(lines_of(&output)[..3], ["command=fetch", "agent=near/2", "server-option=again"]);
}

/// A server without `server-option` is asked for nothing.
#[test]
fn options_need_a_server_that_takes_them() {
    let mut client = FetchClient::new(FetchClientOptions::default());
    let (mut input, mut output) = (new_server(&["version 2", "ls-refs", "0000"]), BytesMut::new());
    until_answer(&mut client, &mut input, &mut output);
    let mut list = LsRefsRequest::default();
    list.server_options = vec![Bytes::from_static(b"hello")];
    let refused = client.list_refs(list.clone(), &mut output).unwrap_err();
    assert_eq!(refused.to_string(), "misuse: the peer does not offer server-option");
    list.server_options = vec![Bytes::from_static(b"a\0b")];
    let refused = client.list_refs(list, &mut output).unwrap_err();
    assert_eq!(refused.to_string(), "misuse: an option with NUL or LF cannot be sent");
    assert!(output.is_empty());
}

/// Each request of version 2 stands for itself, and a gate's client may leave a negotiation for another.
#[test]
fn a_negotiation_of_version_2_is_left_for_another_command() {
    let id = |byte| ObjectId::from_sha1([byte; 20]);
    let mut client = FetchClient::new(FetchClientOptions::default());
    let round = ["acknowledgments", "NAK", "0000"];
    let answers = [&["version 2", "ls-refs", "fetch", "0000"][..], &round, &["0000"]].concat();
    let (mut input, mut output) = (new_server(&answers), BytesMut::new());
    until_answer(&mut client, &mut input, &mut output);
    for (want, have) in [(0x11, 0x22), (0x33, 0x44)] {
        let mut request = FetchRequest::default();
        request.wants = vec![id(want)];
        client.fetch(request, &mut output).unwrap();
        output.clear();
        client.haves(&[id(have)], WindowEnd::Flush, &mut output).unwrap();
        let said = lines_of(&output.split());
        assert!(said.contains(&format!("want {}", id(want))) && said.contains(&format!("have {}", id(have))));
        assert_eq!(said.len(), 7, "{said:?}");
        if want == 0x11 {
            until_answer(&mut client, &mut input, &mut output);
            assert_eq!(client.awaiting(), FetchAwaiting::Haves);
            // Refs may be asked for as well.
            client.list_refs(LsRefsRequest::default(), &mut output).unwrap();
            until_answer(&mut client, &mut input, &mut output);
            output.clear();
        }
    }
}

#[test]
fn what_cannot_be_passed_on_is_not_offered() {
    let mut client = FetchClient::new(FetchClientOptions::default());
    let offer = [
        "version 2",
        "agent=git/2",
        "ls-refs=unborn new",
        "fetch=shallow filter new",
        "server-option",
        "object-format=sha1",
        "object-info",
        "bundle-uri",
        "promisor-remote=name=x,url=y",
        "new",
        "0000",
    ];
    until_answer(&mut client, &mut new_server(&offer), &mut BytesMut::new());
    let options = UploadPackOptions::relaying(client.capabilities().unwrap(), Serving::Duplex);
    let mut output = BytesMut::new();
    let read = UploadPack::new(options).step(&mut BytesMut::new(), &mut output).unwrap();
    assert_eq!(read, Next::Turn);
    let expected = [
        "version 2",
        "agent=git/2",
        "ls-refs=unborn",
        "fetch=shallow filter",
        "server-option",
        "object-format=sha1",
        "0000",
    ];
    assert_eq!(lines_of(&output), expected);

    let old = "multi_ack no-done symref=HEAD:refs/heads/main new agent=git/1";
    let shown = format!("{} HEAD\0{old}", ObjectId::from_sha1([0x11; 20]));
    let mut client = FetchClient::new(FetchClientOptions::default());
    until_answer(&mut client, &mut new_server(&[&shown, "0000"]), &mut BytesMut::new());
    let mut server =
        UploadPack::new(UploadPackOptions::relaying(client.capabilities().unwrap(), Serving::Duplex));
    assert!(matches!(server.step(&mut BytesMut::new(), &mut output).unwrap(), Next::Event(_)));
    output.clear();
    let mut head = AdvertisedRef::new(b"HEAD", ObjectId::from_sha1([0x11; 20]));
    head.symref_target = Some(b"refs/heads/main");
    server.send_ref(&head, &mut output).unwrap();
    let told = "HEAD\0multi_ack symref=HEAD:refs/heads/main agent=git/1\n";
    assert!(output.ends_with(told.as_bytes()), "{output:?}");

    let offer =
        PushOffer::parse(b"report-status atomic push-cert=n new agent=a", Default::default()).unwrap();
    let options = ReceivePackOptions::relaying(Version::V1, Serving::Duplex, &offer);
    let mut list = Vec::new();
    options.offer.write(&mut list);
    assert_eq!(String::from_utf8(list).unwrap(), "report-status atomic push-cert=n agent=a");
}

#[test]
fn requests_are_passed_on_as_they_came() {
    let mut asked = UploadRequest::default();
    asked.depth = DepthRequest::commits(3);
    asked.filter = Some(Bytes::from_static(b"blob:none"));
    asked.include_tag = true;
    asked.agent = Some(Bytes::from_static(b"git/1"));
    asked.server_options = vec![Bytes::from_static(b"x")];
    let request = FetchRequest::from(asked.clone());
    assert_eq!((request.depth, request.filter), (asked.depth, asked.filter));
    assert_eq!((request.thin_pack, request.include_tag, request.progress), (false, true, true));
    assert_eq!((request.agent, request.server_options), (asked.agent, asked.server_options));

    let mut asked = UpdateRequest::default();
    asked.push_options = vec![Bytes::from_static(b"x")];
    let id = ObjectId::from_sha1([0x11; 20]);
    asked.commands = vec![PushCommand { old: id, new: id, name: Bytes::from_static(b"refs/heads/a") }];
    let request = PushRequest::from(asked.clone());
    assert_eq!((&request.commands, &request.push_options), (&asked.commands, &asked.push_options));
    assert_eq!(request.agreement.nonce, None);
    let text =
        format!("certificate version 0.1\npusher A\nnonce 1-x\n\n{id} {id} refs/heads/a\n-----BEGIN\n");
    asked.certificate = Some(text.into());
    let nonce = PushRequest::from(asked).agreement.nonce;
    assert_eq!(nonce.unwrap().as_bytes(), b"1-x");
}

/// The lines of a request, without their LF; special packets by their length.
fn lines_of(bytes: &[u8]) -> Vec<String> {
    let mut rest = bytes;
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let len = usize::from_str_radix(std::str::from_utf8(&rest[..4]).unwrap(), 16).unwrap();
        let line = if len < 4 { &rest[..4] } else { gitwire_pktline::text(&rest[4..len]) };
        lines.push(String::from_utf8_lossy(line).into_owned());
        rest = &rest[len.max(4)..];
    }
    lines
}
