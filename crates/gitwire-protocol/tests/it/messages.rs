//! Each message: what is written is read again, and what is malformed is refused with the exact reason.

use bytes::BytesMut;
use gitwire_pktline::{Packet, Packets, PktLineError};
use gitwire_protocol::message::{
    AckStatus, Acknowledgment, BundleHeader, BundleReference, BundleVersion, CommandRequestLine,
    DaemonRequest, FetchArgument, HelperCommand, LsRefsArgument, LsRefsLine, PackfileUri, ParsedBundleHeader,
    RefAdvertisementLine, Section, Service, ServicePreface, ShallowUpdate, SshRequest, UploadHavesLine,
    UploadRequestLine, WantedRef,
};
use gitwire_protocol::{AdvertisedRef, Misuse, Version, Violation};
use gitwire_types::{ObjectFormat, ObjectId};
use proptest::prelude::*;

const ID: &str = "74730d410fcb6603ace96f1dc55ea6196122532d";
const SHA1: ObjectFormat = ObjectFormat::Sha1;

/// The data of the one line that `write` appends.
fn written(write: impl FnOnce(&mut BytesMut) -> Result<(), PktLineError>) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out).unwrap();
    let mut packets = Packets::new(&out);
    let Some(Ok(Packet::Data(data))) = packets.next() else { panic!("one line") };
    assert!(packets.next().is_none());
    data.to_vec()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(parsed: Result<T, Violation>, expected: &str) {
    assert_eq!(parsed.unwrap_err().to_string(), expected);
}

fn text(front: &str) -> Vec<u8> {
    front.replace("ID", ID).into_bytes()
}

#[test]
fn malformed_upload_requests() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        refused(UploadRequestLine::parse(SHA1, &text(line)), expected);
    }
    check("", "expected a line of an upload-request, got ''");
    check("wants ID", &format!("expected a line of an upload-request, got 'wants {ID}'"));
    check("want", "expected a line of an upload-request, got 'want'");
    check("want 1234", "object id has length 4, expected 40 in 'want 1234'");
    check(
        "want  ID",
        &format!("object id has byte 0x20 at offset 0, which is no hexadecimal digit in 'want  {ID}'"),
    );
    check("shallow ID ID", &format!("object id has length 81, expected 40 in 'shallow {ID} {ID}'"));
    check("deepen 0", "invalid deepen: 0");
    check("deepen -1", "invalid deepen: -1");
    check("deepen 1x", "invalid deepen: 1x");
    check("deepen 2147483648", "invalid deepen: 2147483648");
    check("deepen ", "invalid deepen: ");
    check("deepen-since 0", "invalid deepen-since: 0");
    check("deepen-not ", "malformed deepen-not: ''");
    check("filter ", "malformed filter: ''");
    check("filter a\0b", "malformed filter: 'a\\x00b'");
}

#[test]
fn depths_are_read_as_git_reads_them() {
    let parse = |line: &'static [u8]| UploadRequestLine::parse(SHA1, line);
    assert_eq!(parse(b"deepen 0x10\n"), Ok(UploadRequestLine::Deepen(16)));
    assert_eq!(parse(b"deepen 010"), Ok(UploadRequestLine::Deepen(8)));
    assert_eq!(parse(b"deepen 2147483647"), Ok(UploadRequestLine::Deepen(0x7fff_ffff)));
}

#[test]
fn malformed_haves_and_answers() {
    refused(UploadHavesLine::parse(SHA1, b"have"), "expected have or done, got 'have'");
    refused(UploadHavesLine::parse(SHA1, b"done "), "expected have or done, got 'done '");
    refused(UploadHavesLine::parse(SHA1, b"have x"), "object id has length 1, expected 40 in 'have x'");
    refused(Acknowledgment::parse(SHA1, b"NAKED"), "expected ACK or NAK, got 'NAKED'");
    refused(Acknowledgment::parse(SHA1, b"ACK 12"), "object id has length 2, expected 40 in 'ACK 12'");
    let word = text("ACK ID sometimes");
    refused(Acknowledgment::parse(SHA1, &word), &format!("expected ACK or NAK, got 'ACK {ID} sometimes'"));
    let glued = text("ACK IDcommon");
    refused(Acknowledgment::parse(SHA1, &glued), &format!("expected ACK or NAK, got 'ACK {ID}common'"));
    refused(ShallowUpdate::parse(SHA1, b"deep"), "expected shallow or unshallow, got 'deep'");
    refused(
        ShallowUpdate::parse(SHA1, b"unshallow 1"),
        "object id has length 1, expected 40 in 'unshallow 1'",
    );
}

#[test]
fn malformed_refs() {
    let advertised = |line: &str| RefAdvertisementLine::parse(SHA1, &text(line)).map(drop);
    refused(advertised(""), "expected an object id and a ref name, got ''");
    refused(advertised("ID"), &format!("expected an object id and a ref name, got '{ID}'"));
    refused(advertised("ID "), &format!("malformed ref name: '{ID} '"));
    refused(advertised("IDx refs/x"), &format!("expected an object id and a ref name, got '{ID}x refs/x'"));
    refused(advertised("version 9"), "invalid version: 9");
    refused(advertised("shallow 9"), "object id has length 1, expected 40 in 'shallow 9'");
    let listed = |line: &str| LsRefsLine::parse(SHA1, &text(line)).map(drop);
    refused(listed("ID"), &format!("expected an object id and a ref name, got '{ID}'"));
    refused(listed("ID  x"), &format!("expected an object id and a ref name, got '{ID}  x'"));
    refused(listed("born x"), "object id has length 4, expected 40 in 'born x'");
    refused(listed("ID x peeled:1"), &format!("object id has length 1, expected 40 in '{ID} x peeled:1'"));
    refused(LsRefsArgument::parse(b"ref-prefix"), "expected an argument of ls-refs, got 'ref-prefix'");
}

#[test]
fn malformed_version_two() {
    refused(CommandRequestLine::parse(b"=x"), "malformed capability: '=x'");
    refused(CommandRequestLine::parse(b"\n"), "malformed capability: ''");
    let argument = |line: &str| FetchArgument::parse(SHA1, &text(line)).map(drop);
    refused(argument("wanted ID"), &format!("expected an argument of fetch, got 'wanted {ID}'"));
    refused(argument("done\n\n"), "expected an argument of fetch, got 'done'");
    refused(argument("want-ref "), "malformed want-ref: ''");
    refused(argument("packfile-uris "), "malformed packfile-uris: ''");
    refused(argument("deepen 0"), "invalid deepen: 0");
    refused(Section::parse(b"packfiles"), "expected a section of the answer to fetch, got 'packfiles'");
    let wanted = |line: &str| WantedRef::parse(SHA1, &text(line)).map(drop);
    refused(wanted("ID"), &format!("expected an object id and a ref name, got '{ID}'"));
    refused(wanted("ID "), "malformed ref name: ''");
    let uri = |line: &str| PackfileUri::parse(SHA1, &text(line)).map(drop);
    refused(uri("x"), "expected a pack hash and a URI, got 'x'");
    refused(uri("ID "), "malformed URI: ''");
}

#[test]
fn service_lines() {
    refused(ServicePreface::parse(b"# service=git-x"), "expected # service=, got '# service=git-x'");
    for service in Service::ALL {
        let line = written(|out| ServicePreface(service).write(out));
        assert_eq!(ServicePreface::parse(&line), Ok(ServicePreface(service)));
    }
}

#[test]
fn daemon_requests() {
    #[track_caller]
    fn check(line: &[u8], host: Option<&str>, parameters: &[&str], version: Version) {
        let request = DaemonRequest::parse(line).unwrap();
        assert_eq!(request.path, "/r");
        assert_eq!(request.host.as_deref(), host.map(str::as_bytes));
        assert_eq!(request.parameters, parameters);
        assert_eq!(request.version(), version);
    }
    check(b"git-upload-pack /r", None, &[], Version::V0);
    check(b"git-upload-pack /r\n", None, &[], Version::V0);
    check(b"git-upload-pack /r\0", None, &[], Version::V0);
    check(b"git-upload-pack /r\0host=h:1\0", Some("h:1"), &[], Version::V0);
    check(b"git-upload-pack /r\0host=h\0\0version=1\0", Some("h"), &["version=1"], Version::V1);
    check(b"git-upload-pack /r\0\0version=2", None, &["version=2"], Version::V2);
    check(
        b"git-upload-pack /r\0\0x=1\0version=2\0version=7\0",
        None,
        &["x=1", "version=2", "version=7"],
        Version::V2,
    );
    check(b"git-upload-pack /r\0other\0", None, &[], Version::V0);

    refused(DaemonRequest::parse(b""), "expected a service and a path, got ''");
    refused(DaemonRequest::parse(b"git-upload-pack"), "expected a service and a path, got 'git-upload-pack'");
    refused(DaemonRequest::parse(b"git-shell /r"), "expected a service and a path, got 'git-shell /r'");
    refused(DaemonRequest::parse(b"git-upload-pack "), "malformed path: ''");
    refused(DaemonRequest::parse(b"git-upload-pack /a\nb"), "malformed path: '/a\\nb'");
    refused(DaemonRequest::parse(b"git-upload-pack /a\0host=a\rb"), "malformed parameter: 'host=a\\rb'");
    let many = [&b"git-upload-pack /r\0\0"[..], &b"x\0".repeat(DaemonRequest::PARAMETERS_MAX)].concat();
    assert!(DaemonRequest::parse(&many).is_ok());
    refused(DaemonRequest::parse(&[&many, &b"x"[..]].concat()), "malformed number of parameters: 'x'");
    // As many NULs as fit into a line.
    let empty = [&b"git-upload-pack /r"[..], &[0; 65_000]].concat();
    assert!(DaemonRequest::parse(&empty).unwrap().parameters.is_empty());

    let mut request = DaemonRequest::new(Service::UploadPack, "/a\nhost: evil");
    let mut out = BytesMut::new();
    let unsendable = Misuse::Unsendable("a path, host or parameter with a control byte");
    assert_eq!(request.write(&mut out), Err(unsendable));
    request.path = "x".repeat(70_000).into();
    assert_eq!(request.write(&mut out), Err(Misuse::Unsendable("a request that fits into no line")));
    assert!(out.is_empty());
}

#[test]
fn helper_commands() {
    #[track_caller]
    fn check(line: &str, expected: HelperCommand<'_>) {
        assert_eq!(HelperCommand::parse(line.as_bytes()), Ok(expected));
    }
    check("capabilities", HelperCommand::Capabilities);
    check("", HelperCommand::End);
    check("list", HelperCommand::List { for_push: false });
    check("list for-push", HelperCommand::List { for_push: true });
    check("option depth 1", HelperCommand::Option { name: b"depth", value: b"1" });
    check("option push-option a b", HelperCommand::Option { name: b"push-option", value: b"a b" });
    check(
        &format!("fetch {ID} refs/heads/main"),
        HelperCommand::Fetch { id: ID.as_bytes(), name: b"refs/heads/main" },
    );
    check("get http://h/a /tmp/a b", HelperCommand::Get { url: b"http://h/a", path: b"/tmp/a b" });
    check("push +a:b", HelperCommand::Push(b"+a:b"));
    check("connect git-receive-pack", HelperCommand::Connect(Some(Service::ReceivePack)));
    check("connect sh", HelperCommand::Connect(None));
    check("stateless-connect git-upload-pack", HelperCommand::StatelessConnect(Some(Service::UploadPack)));

    refused(HelperCommand::parse(b"import x"), "expected a command for a remote helper, got 'import x'");
    refused(HelperCommand::parse(b"connect"), "expected a command for a remote helper, got 'connect'");
    refused(HelperCommand::parse(b"connect "), "expected a command for a remote helper, got 'connect '");
    refused(HelperCommand::parse(b"push "), "expected a command for a remote helper, got 'push '");
    refused(HelperCommand::parse(b"list x"), "expected a command for a remote helper, got 'list x'");
    refused(HelperCommand::parse(b" list"), "expected a command for a remote helper, got ' list'");
    refused(HelperCommand::parse(b"option x"), "malformed option: 'x'");
    refused(HelperCommand::parse(b"option x "), "malformed option: 'x '");
    refused(HelperCommand::parse(b"fetch x"), "malformed fetch: 'x'");
    refused(HelperCommand::parse(b"get http://h/a"), "malformed get: 'http://h/a'");
    refused(HelperCommand::parse(b"list\r"), "malformed line: 'list\\r'");
}

#[test]
fn ssh_requests() {
    #[track_caller]
    fn check(command: &str, service: Service, path: &str) {
        let request = SshRequest::parse(command.as_bytes()).unwrap();
        assert_eq!((request.service, &request.path[..]), (service, path.as_bytes()));
        let mut out = Vec::new();
        request.write(&mut out).unwrap();
        assert_eq!(out, command.as_bytes());
    }
    check("git-upload-pack '/r.git'", Service::UploadPack, "/r.git");
    check("git-receive-pack 'a b/c'", Service::ReceivePack, "a b/c");
    check("git-upload-archive '~u/r'", Service::UploadArchive, "~u/r");
    check(r"git-upload-pack '/it'\''s'\!''", Service::UploadPack, "/it's!");
    check("git-upload-pack '/$(x);`y`\\\"'", Service::UploadPack, "/$(x);`y`\\\"");
    check("git-upload-pack '/ä'", Service::UploadPack, "/ä");

    #[track_caller]
    fn bad(command: &[u8], expected: &str) {
        refused(SshRequest::parse(command), expected);
    }
    bad(b"", "expected a service and a path, got ''");
    bad(b"sh", "expected a service and a path, got 'sh'");
    bad(b"git-shell 'x'", "expected a service and a path, got 'git-shell \\'x\\''");
    bad(b"git-upload-pack", "expected a service and a path, got 'git-upload-pack'");
    bad(b"git upload-pack 'x'", "expected a service and a path, got 'git upload-pack \\'x\\''");
    bad(b" git-upload-pack 'x'", "expected a service and a path, got ' git-upload-pack \\'x\\''");
    bad(b"env git-upload-pack 'x'", "expected a service and a path, got 'env git-upload-pack \\'x\\''");
    bad(b"/bin/git-upload-pack 'x'", "expected a service and a path, got '/bin/git-upload-pack \\'x\\''");
    bad(b"git-upload-pack\t'x'", "expected a service and a path, got 'git-upload-pack\\t\\'x\\''");
    bad(b"git-upload-pack x", "malformed quoted path: 'x'");
    bad(b"git-upload-pack  'x'", "malformed quoted path: ' \\'x\\''");
    bad(b"git-upload-pack \"x\"", "malformed quoted path: '\\\"x\\\"'");
    bad(b"git-upload-pack 'x", "malformed quoted path: '\\'x'");
    bad(b"git-upload-pack '", "malformed quoted path: '\\''");
    bad(b"git-upload-pack 'x' ", "malformed quoted path: '\\'x\\' '");
    bad(b"git-upload-pack 'x' 'y'", "malformed quoted path: '\\'x\\' \\'y\\''");
    bad(b"git-upload-pack 'x';sh", "malformed quoted path: '\\'x\\';sh'");
    bad(b"git-upload-pack 'x'y", "malformed quoted path: '\\'x\\'y'");
    bad(b"git-upload-pack 'x'\\$'y'", "malformed quoted path: '\\'x\\'\\\\$\\'y\\''");
    bad(b"git-upload-pack 'x'\\'", "malformed quoted path: '\\'x\\'\\\\\\''");
    bad(b"git-upload-pack --strict 'x'", "malformed quoted path: '--strict \\'x\\''");
    bad(b"git-upload-pack '--help'", "malformed path: '--help'");
    bad(b"git-upload-pack ''", "malformed path: ''");
    bad(b"git-upload-pack '/a\nb'", "malformed path: '/a\\nb'");

    let request = SshRequest::new(Service::UploadPack, "-x");
    let mut out = Vec::new();
    let unsendable = "an empty path, one with a control byte, or one that looks like an option";
    assert_eq!(request.write(&mut out), Err(Misuse::Unsendable(unsendable)));
    assert!(out.is_empty());
}

#[test]
fn bundle_headers() {
    refused(BundleHeader::parse(b"x"), "expected # v2 git bundle or # v3 git bundle, got 'x'");
    let bad = |rest: &str| BundleHeader::parse(&text(&format!("# v3 git bundle\n{rest}"))).map(drop);
    refused(bad("@new\n\n"), "malformed capability: 'new'");
    refused(bad("@object-format=md5\n\n"), "malformed capability: 'object-format=md5'");
    refused(bad("-1 x\n\n"), "object id has length 3, expected 40 in '-1 x'");
    refused(bad("ID\n\n"), &format!("expected an object id and a name, got '{ID}'"));
    let old = text("# v2 git bundle\n@filter=x\n\n");
    refused(BundleHeader::parse(&old), "object id has length 9, expected 40 in '@filter=x'");
    let whole = text("# v2 git bundle\n-ID why\n-ID\nID refs/heads/main\n\nPACK");
    let Ok(ParsedBundleHeader::Complete { header, consumed }) = BundleHeader::parse(&whole) else { panic!() };
    assert_eq!(&whole[consumed..], b"PACK");
    assert_eq!((header.prerequisites.len(), header.references.len()), (2, 1));
    for len in 0..consumed {
        assert_eq!(BundleHeader::parse(&whole[..len]), Ok(ParsedBundleHeader::Incomplete), "{len}");
    }
}

fn format() -> impl Strategy<Value = ObjectFormat> {
    prop_oneof![Just(ObjectFormat::Sha1), Just(ObjectFormat::Sha256)]
}

fn raw_id() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn make(format: ObjectFormat, raw: &[u8; 32]) -> ObjectId {
    ObjectId::from_raw(format, &raw[..format.raw_len()]).unwrap()
}

/// A value that a line may carry to its end.
fn word() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>().prop_filter("sendable", |byte| !matches!(byte, 0 | b'\n')), 1..200)
}

/// A name without a blank.
fn name() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0x21..=0x7e_u8, 1..60)
}

proptest! {
    #[test]
    fn requests_are_read_as_written(
        format in format(), raw in raw_id(), text in word(), depth in 1..=0x7fff_ffff_u32, since in 1..u64::MAX,
    ) {
        let id = make(format, &raw);
        let list = String::from_utf8_lossy(&text).replace(|c: char| !c.is_ascii_graphic(), "x");
        for line in [
            UploadRequestLine::Want { id, capabilities: b"" },
            UploadRequestLine::Want { id, capabilities: list.as_bytes() },
            UploadRequestLine::Shallow(id),
            UploadRequestLine::Deepen(depth),
            UploadRequestLine::DeepenSince(since),
            UploadRequestLine::DeepenNot(&text),
            UploadRequestLine::Filter(&text),
        ] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(UploadRequestLine::parse(format, &data), Ok(line));
        }
        for line in [UploadHavesLine::Have(id), UploadHavesLine::Done] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(UploadHavesLine::parse(format, &data), Ok(line));
        }
    }

    #[test]
    fn arguments_are_read_as_written(
        format in format(), raw in raw_id(), text in word(), depth in 1..=0x7fff_ffff_u32, since in 1..u64::MAX,
    ) {
        use FetchArgument as A;
        let id = make(format, &raw);
        for line in [
            A::Want(id), A::WantRef(&text), A::Have(id), A::Done, A::WaitForDone, A::ThinPack, A::NoProgress,
            A::IncludeTag, A::OfsDelta, A::Shallow(id), A::Deepen(depth), A::DeepenRelative, A::DeepenSince(since),
            A::DeepenNot(&text), A::Filter(&text), A::SidebandAll, A::PackfileUris(&text),
        ] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(FetchArgument::parse(format, &data), Ok(line));
        }
        for line in [
            LsRefsArgument::Symrefs, LsRefsArgument::Peel, LsRefsArgument::Unborn, LsRefsArgument::RefPrefix(&text),
        ] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(LsRefsArgument::parse(&data), Ok(line));
        }
    }

    #[test]
    fn answers_are_read_as_written(format in format(), raw in raw_id(), name in name(), text in word()) {
        let id = make(format, &raw);
        let statuses = [AckStatus::Plain, AckStatus::Continue, AckStatus::Common, AckStatus::Ready];
        let acks = statuses.into_iter().map(|status| Acknowledgment::Ack { id, status });
        for line in acks.chain([Acknowledgment::Nak]) {
            let data = written(|out| line.write(out));
            prop_assert_eq!(Acknowledgment::parse(format, &data), Ok(line));
        }
        for line in [ShallowUpdate::Shallow(id), ShallowUpdate::Unshallow(id)] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(ShallowUpdate::parse(format, &data), Ok(line));
        }
        for section in Section::ALL {
            prop_assert_eq!(Section::parse(&written(|out| section.write(out))), Ok(section));
        }
        let line = WantedRef { id, name: &text };
        let data = written(|out| line.write(out));
            prop_assert_eq!(WantedRef::parse(format, &data), Ok(line));
        let line = PackfileUri { hash: id, uri: &text };
        let data = written(|out| line.write(out));
            prop_assert_eq!(PackfileUri::parse(format, &data), Ok(line));
        for symref_target in [None, Some(&name[..])] {
            for peeled in [None, Some(id)] {
                for id in [None, Some(id)] {
                    let line = LsRefsLine(AdvertisedRef { name: &name, id, peeled, symref_target });
                    let data = written(|out| line.write(out));
            prop_assert_eq!(LsRefsLine::parse(format, &data), Ok(line));
                }
            }
        }
        for capabilities in [None, Some(&text[..])] {
            let line = RefAdvertisementLine::Ref { id, name: &name, capabilities };
            let data = written(|out| line.write(out));
            prop_assert_eq!(RefAdvertisementLine::parse(format, &data), Ok(line));
        }
        for line in [RefAdvertisementLine::Shallow(id), RefAdvertisementLine::Version(Version::V1)] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(RefAdvertisementLine::parse(format, &data), Ok(line));
        }
        for line in [
            CommandRequestLine::Command(&name),
            CommandRequestLine::Capability { key: b"agent", value: Some(&text) },
            CommandRequestLine::Capability { key: b"agent", value: None },
        ] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(CommandRequestLine::parse(&data), Ok(line));
        }
    }

    #[test]
    fn daemon_requests_are_read_as_written(
        path in name(), host in proptest::option::of(name()), parameters in proptest::collection::vec(name(), 0..4),
    ) {
        let mut request = DaemonRequest::new(Service::ReceivePack, path);
        request.host = host.map(Into::into);
        request.parameters = parameters.into_iter().map(Into::into).collect();
        let mut out = BytesMut::new();
        request.write(&mut out).unwrap();
        prop_assert_eq!(DaemonRequest::parse(&out[4..]), Ok(request));
    }

    #[test]
    fn bundle_headers_are_read_as_written(
        format in format(), raws in proptest::collection::vec((raw_id(), word()), 0..5), filter in proptest::option::of(word()),
    ) {
        let references: Vec<_> = raws
            .into_iter()
            .map(|(raw, name)| BundleReference { id: make(format, &raw), name: name.into() })
            .collect();
        let mut header = BundleHeader::new(BundleVersion::V3, format);
        header.filter = filter.map(Into::into);
        header.prerequisites.clone_from(&references);
        header.references = references;
        let mut out = BytesMut::new();
        header.write(&mut out).unwrap();
        let consumed = out.len();
        prop_assert_eq!(BundleHeader::parse(&out), Ok(ParsedBundleHeader::Complete { header, consumed }));
    }
}
