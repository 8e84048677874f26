//! A client and a server machine joined without a socket, the bytes between them cut by a seed.

use bytes::BytesMut;
use gitwire_capability::{FetchFeature, OfferedFormats, V2FetchFeature};
use gitwire_protocol::message::DepthRequest;
use gitwire_protocol::{FetchRequest, Machine, Mode, Serving, UploadPackOptions, Version};
use gitwire_types::ObjectFormat;

use crate::drive::{Client, Heard, Rest, Seeded, Server, fake_pack};
use crate::repo::{Repo, unknown};

/// How the server acknowledges and sends the pack, in versions 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acks {
    Single,
    Multi,
    Detailed,
    NoBands,
}

/// What the client asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wish {
    Clone,
    Common,
    Unrelated,
    Mixed,
    Depth,
    Deepen,
    SidebandAll,
}

const WISHES: [Wish; 7] =
    [Wish::Clone, Wish::Common, Wish::Unrelated, Wish::Mixed, Wish::Depth, Wish::Deepen, Wish::SidebandAll];

pub(crate) fn options(version: Version, serving: Serving, acks: Acks) -> UploadPackOptions {
    let mut options = UploadPackOptions::new(version, serving, ObjectFormat::Sha1);
    options.v2.fetch.insert(V2FetchFeature::SidebandAll);
    let dropped: &[FetchFeature] = match acks {
        Acks::Single => &[FetchFeature::MultiAck, FetchFeature::MultiAckDetailed],
        Acks::Multi => &[FetchFeature::MultiAckDetailed],
        Acks::Detailed => &[],
        Acks::NoBands => &[FetchFeature::SideBand, FetchFeature::SideBand64k],
    };
    dropped.iter().for_each(|feature| options.fetch.features.remove(*feature));
    options
}

pub(crate) fn client(repo: &Repo, mode: Mode, wish: Wish) -> Client {
    let mut request = FetchRequest::default();
    request.wants = vec![repo.main[0]];
    let strangers: Vec<_> = (1..=100).map(unknown).collect();
    let haves = match wish {
        Wish::Clone | Wish::Depth => Vec::new(),
        Wish::SidebandAll => {
            request.sideband_all = true;
            repo.main[10..].to_vec()
        }
        Wish::Common => repo.main[5..].to_vec(),
        Wish::Unrelated => strangers,
        Wish::Mixed => strangers.into_iter().take(20).chain(repo.main[8..].iter().copied()).collect(),
        Wish::Deepen => {
            request.shallow = vec![repo.main[3]];
            request.depth = DepthRequest::commits(6);
            vec![repo.main[1]]
        }
    };
    if matches!(wish, Wish::Depth) {
        request.depth = DepthRequest::commits(2);
    }
    Client::new(mode, Some(request), &haves)
}

fn cut(from: &mut BytesMut, to: &mut BytesMut, seeded: &mut Seeded, seed: u64) {
    let max = if seed == 0 { from.len() } else { 1 + seeded.below(from.len().clamp(1, 64 << (seed % 8))) };
    to.unsplit(from.split_to(max.min(from.len())));
}

/// One stream each way. Ends when the client is done.
fn duplex(repo: &Repo, options: UploadPackOptions, mut client: Client, seed: u64) -> Heard {
    let mut server = Server::new(repo, options);
    let mut seeded = Seeded::new(seed);
    let (mut to_client, mut to_server) = (BytesMut::new(), BytesMut::new());
    let (mut client_in, mut server_in) = (BytesMut::new(), BytesMut::new());
    let mut over = false;
    for _ in 0..2_000_000 {
        over = over || server.run(&mut server_in, &mut to_client).unwrap();
        if over && to_client.is_empty() {
            client.machine.end_of_input();
        }
        let rest = client.run(&mut client_in, &mut to_server).unwrap();
        if rest == Rest::Done {
            return client.heard;
        }
        cut(&mut to_client, &mut client_in, &mut seeded, seed);
        cut(&mut to_server, &mut server_in, &mut seeded, seed);
    }
    panic!("the two do not come to an end");
}

/// A server machine for each request.
fn stateless(repo: &Repo, version: Version, acks: Acks, mut client: Client, seed: u64) -> Heard {
    let mut seeded = Seeded::new(seed);
    let mut answer = BytesMut::new();
    let mut server = Server::new(repo, options(version, Serving::Advertisement, acks));
    assert!(server.run(&mut BytesMut::new(), &mut answer).unwrap());
    let (mut client_in, mut request) = (BytesMut::new(), BytesMut::new());
    for _ in 0..2_000_000 {
        match client.run(&mut client_in, &mut request).unwrap() {
            Rest::Done => return client.heard,
            Rest::Turn => {
                let mut server = Server::new(repo, options(version, Serving::Stateless, acks));
                assert!(answer.is_empty() && client_in.is_empty(), "an answer was not read to its end");
                server.machine_input(&mut request, &mut answer, &mut seeded);
            }
            Rest::Read if answer.is_empty() => client.machine.end_of_input(),
            Rest::Read => cut(&mut answer, &mut client_in, &mut seeded, seed),
        }
    }
    panic!("the two do not come to an end");
}

impl Server<'_> {
    /// One request, cut, with the end of the stream after it.
    fn machine_input(&mut self, request: &mut BytesMut, answer: &mut BytesMut, seeded: &mut Seeded) {
        let mut input = BytesMut::new();
        while !request.is_empty() {
            cut(request, &mut input, seeded, 3);
            if self.run(&mut input, answer).unwrap() {
                assert!(request.is_empty() && input.is_empty(), "a request was not read to its end");
                return;
            }
        }
        self.machine.end_of_input();
        assert!(self.run(&mut input, answer).unwrap());
    }
}

fn check(heard: &Heard, version: Version, acks: Acks) {
    assert_eq!(heard.version, Some(version));
    assert!(heard.ended && heard.pack == fake_pack(), "the pack came whole: {:?}", heard.lines);
    if acks != Acks::NoBands || version == Version::V2 {
        assert_eq!(heard.progress, b"Counting objects\r");
    }
    assert!(!heard.refs.is_empty());
}

#[test]
fn every_version_mode_and_wish_comes_to_its_end() {
    let repo = Repo::load();
    for version in [Version::V0, Version::V1, Version::V2] {
        for acks in [Acks::Single, Acks::Multi, Acks::Detailed, Acks::NoBands] {
            for wish in WISHES {
                let joined = duplex(
                    &repo,
                    options(version, Serving::Duplex, acks),
                    client(&repo, Mode::Duplex, wish),
                    0,
                );
                check(&joined, version, acks);
                for seed in 1..6 {
                    let options = options(version, Serving::Duplex, acks);
                    let cut = duplex(&repo, options, client(&repo, Mode::Duplex, wish), seed);
                    assert_eq!(cut, joined, "{version} {acks:?} {wish:?} seed {seed}");
                }
            }
        }
    }
}

#[test]
fn every_stateless_wish_comes_to_its_end() {
    let repo = Repo::load();
    for version in [Version::V0, Version::V1, Version::V2] {
        for acks in [Acks::Single, Acks::Multi, Acks::Detailed, Acks::NoBands] {
            for wish in WISHES {
                let joined = stateless(&repo, version, acks, client(&repo, Mode::Stateless, wish), 0);
                check(&joined, version, acks);
                for seed in 1..4 {
                    let cut = stateless(&repo, version, acks, client(&repo, Mode::Stateless, wish), seed);
                    assert_eq!(cut, joined, "{version} {acks:?} {wish:?} seed {seed}");
                }
            }
        }
    }
}

#[test]
fn refs_are_the_same_in_every_version() {
    let repo = Repo::load();
    let heard = |version| {
        let client = Client::new(Mode::Duplex, None, &[]);
        duplex(&repo, options(version, Serving::Duplex, Acks::Detailed), client, 1).refs
    };
    let expected: Vec<_> = (repo.refs.iter())
        .map(|shown| (shown.name.clone(), Some(shown.id), shown.peeled, shown.target.clone()))
        .collect();
    for version in [Version::V0, Version::V1, Version::V2] {
        assert_eq!(heard(version), expected, "{version}");
    }
}

#[test]
fn haves_stop_when_the_server_is_ready() {
    let repo = Repo::load();
    let options = options(Version::V0, Serving::Duplex, Acks::Detailed);
    let heard = duplex(&repo, options, client(&repo, Mode::Duplex, Wish::Common), 0);
    assert!(heard.lines.iter().any(|line| line.ends_with("ready")), "{:?}", heard.lines);
}

#[test]
fn a_sha256_repository_is_served_as_well() {
    let repo = Repo::load().sha256();
    for version in [Version::V0, Version::V1, Version::V2] {
        for (wish, seed) in [(Wish::Clone, 0), (Wish::Common, 2), (Wish::Deepen, 3)] {
            let mut options = options(version, Serving::Duplex, Acks::Detailed);
            options.format = ObjectFormat::Sha256;
            options.fetch.formats = OfferedFormats::one(ObjectFormat::Sha256);
            options.v2.formats = OfferedFormats::one(ObjectFormat::Sha256);
            check(&duplex(&repo, options, client(&repo, Mode::Duplex, wish), seed), version, Acks::Detailed);
        }
    }
}
