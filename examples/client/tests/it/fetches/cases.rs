//! What is fetched, as git is told and as our library is.

use gitwire_client::{Clone, CloneKind, Fetch, Prune, ShallowSource, TagFollowing};
use gitwire_protocol::message::DepthRequest;
use gitwire_types::{FilterSpec, Limits};

/// What the repository is before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Not there: it is a clone.
    Nothing,
    /// Empty.
    Empty,
    /// A clone of what the source was before it changed.
    Old,
    /// The same, of two commits each.
    Shallow,
}

/// The same to our library.
pub(super) enum Ours {
    Clone(CloneKind, fn(&mut Clone)),
    Fetch(fn(&mut Fetch)),
}

/// One kind of fetch.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) start: Start,
    /// What git's configuration says for it.
    pub(super) git_config: &'static [&'static str],
    /// git's options.
    pub(super) git: &'static [&'static str],
    pub(super) ours: Ours,
    pub(super) refspecs: &'static [&'static str],
    /// From the repository whose own history is cut.
    pub(super) from_shallow: bool,
    /// Some of it is refused.
    pub(super) rejects: bool,
    /// Only version 2 can say it.
    pub(super) needs_v2: bool,
    /// What is read afterwards, and comes then.
    pub(super) reads: &'static [&'static str],
}

const CASE: Case = Case {
    name: "",
    start: Start::Nothing,
    git_config: &[],
    git: &[],
    ours: Ours::Fetch(|_| ()),
    refspecs: &[],
    from_shallow: false,
    rejects: false,
    needs_v2: false,
    reads: &[],
};

const fn clone(
    name: &'static str,
    git: &'static [&'static str],
    kind: CloneKind,
    set: fn(&mut Clone),
) -> Case {
    Case { name, git, ours: Ours::Clone(kind, set), ..CASE }
}

const fn fetch(
    name: &'static str,
    start: Start,
    git: &'static [&'static str],
    set: fn(&mut Fetch),
    refspecs: &'static [&'static str],
) -> Case {
    Case { name, start, git, ours: Ours::Fetch(set), refspecs, ..CASE }
}

fn filter(clone: &mut Clone, spec: &'static str) {
    clone.fetch.filter = Some(FilterSpec::parse(spec.as_bytes(), &Limits::default()).unwrap());
}

/// Every branch, but for one that cannot stand beside one that is there before.
const EVERYTHING: &[&str] = &["+refs/heads/*:refs/heads/*", "^refs/heads/dir/*"];

pub(super) const CASES: &[Case] = &[
    clone("full", &["--bare"], CloneKind::Bare, |_| ()),
    clone("mirror", &["--mirror"], CloneKind::Mirror, |_| ()),
    clone("one branch", &["--bare", "--single-branch", "-b", "side"], CloneKind::Bare, |clone| {
        (clone.single_branch, clone.branch) = (true, Some("side".into()));
    }),
    clone("no tags", &["--bare", "--no-tags"], CloneKind::Bare, |clone| clone.tags = false),
    clone("shallow", &["--bare", "--no-single-branch", "--depth=2"], CloneKind::Bare, |clone| {
        clone.fetch.depth = DepthRequest::commits(2);
    }),
    clone("shallow one branch", &["--bare", "--depth=1"], CloneKind::Bare, |clone| {
        clone.single_branch = true;
        clone.fetch.depth = DepthRequest::commits(1);
    }),
    clone(
        "shallow since",
        &["--bare", "--no-single-branch", "--shallow-since=@1700345600"],
        CloneKind::Bare,
        |clone| clone.fetch.depth.since = Some(1_700_345_600),
    ),
    clone(
        "shallow exclude",
        &["--bare", "--no-single-branch", "--shallow-exclude=v1"],
        CloneKind::Bare,
        |clone| clone.fetch.depth.not = vec!["v1".into()],
    ),
    clone("blobless", &["--bare", "--filter=blob:none"], CloneKind::Bare, |clone| {
        filter(clone, "blob:none");
    }),
    Case {
        reads: &["side:large", "main:small", "v3:a/b/1"],
        ..clone("blobless, then read", &["--bare", "--filter=blob:none"], CloneKind::Bare, |clone| {
            filter(clone, "blob:none");
        })
    },
    clone("small blobs", &["--bare", "--filter=blob:limit=30"], CloneKind::Bare, |clone| {
        filter(clone, "blob:limit=30");
    }),
    clone("treeless", &["--bare", "--filter=tree:0"], CloneKind::Bare, |clone| filter(clone, "tree:0")),
    clone("shallow trees", &["--bare", "--filter=tree:2"], CloneKind::Bare, |clone| filter(clone, "tree:2")),
    clone("commits alone", &["--bare", "--filter=object:type=commit"], CloneKind::Bare, |clone| {
        filter(clone, "object:type=commit");
    }),
    clone("sparse", &["--bare", "--filter=sparse:oid=refs/tags/patterns"], CloneKind::Bare, |clone| {
        filter(clone, "sparse:oid=refs/tags/patterns");
    }),
    clone(
        "filters combined",
        &["--bare", "--filter=combine:tree:2+blob:limit=30"],
        CloneKind::Bare,
        |clone| filter(clone, "combine:tree:2+blob:limit=30"),
    ),
    clone(
        "shallow and blobless",
        &["--bare", "--no-single-branch", "--depth=1", "--filter=blob:none"],
        CloneKind::Bare,
        |clone| {
            clone.fetch.depth = DepthRequest::commits(1);
            filter(clone, "blob:none");
        },
    ),
    Case { from_shallow: true, ..clone("from a cut history", &["--bare"], CloneKind::Bare, |_| ()) },
    clone("a bundle", &["--bare", "--bundle-uri=FOLDER/whole.bundle"], CloneKind::Bare, |clone| {
        clone.bundle_uri = Some("FOLDER/whole.bundle".into());
    }),
    clone("a bundle over HTTP", &["--bare", "--bundle-uri=HTTP/whole.bundle"], CloneKind::Bare, |clone| {
        clone.bundle_uri = Some("HTTP/whole.bundle".into());
    }),
    clone("all bundles of a list", &["--bare", "--bundle-uri=file://FOLDER/all"], CloneKind::Bare, |clone| {
        clone.bundle_uri = Some("file://FOLDER/all".into());
    }),
    clone("any bundle of a list", &["--bare", "--bundle-uri=HTTP/any"], CloneKind::Bare, |clone| {
        clone.bundle_uri = Some("HTTP/any".into());
    }),
    clone("bundles with tokens", &["--bare", "--bundle-uri=HTTP/tokens"], CloneKind::Bare, |clone| {
        clone.bundle_uri = Some("HTTP/tokens".into());
    }),
    Case {
        git_config: &["transfer.bundleURI=true"],
        needs_v2: true,
        ..clone("the server's bundles", &["--bare"], CloneKind::Bare, |clone| clone.server_bundles = true)
    },
    Case {
        git_config: &["fetch.uriProtocols=http,https"],
        needs_v2: true,
        ..clone("packs elsewhere", &["--bare"], CloneKind::Bare, |clone| {
            clone.fetch.uri_protocols = vec!["http".to_owned(), "https".to_owned()];
        })
    },
    Case {
        git_config: &["fetch.uriProtocols=http"],
        needs_v2: true,
        ..fetch(
            "packs elsewhere, to what is here",
            Start::Old,
            &[],
            |fetch| fetch.uri_protocols = vec!["http".to_owned()],
            EVERYTHING,
        )
    },
    fetch("update", Start::Old, &[], |_| (), EVERYTHING),
    Case { rejects: true, ..fetch("in the way", Start::Old, &[], |_| (), &["+refs/heads/*:refs/heads/*"]) },
    fetch("update all tags", Start::Old, &["--tags"], |fetch| fetch.tags = TagFollowing::All, EVERYTHING),
    fetch("update no tags", Start::Old, &["--no-tags"], |fetch| fetch.tags = TagFollowing::None, EVERYTHING),
    fetch(
        "prune",
        Start::Old,
        &["--prune"],
        |fetch| fetch.prune = Prune::Yes,
        &["+refs/heads/*:refs/heads/*"],
    ),
    fetch(
        "prune atomically",
        Start::Old,
        &["--prune", "--atomic"],
        |fetch| (fetch.prune, fetch.atomic) = (Prune::Yes, true),
        EVERYTHING,
    ),
    fetch(
        "prune but for what is left out",
        Start::Old,
        &["--prune"],
        |fetch| fetch.prune = Prune::Yes,
        &["+refs/heads/*:refs/heads/*", "^refs/heads/gone", "^refs/heads/dir/*"],
    ),
    Case {
        rejects: true,
        ..fetch("refused without force", Start::Old, &[], |_| (), &["refs/heads/*:refs/heads/*"])
    },
    Case {
        rejects: true,
        ..fetch(
            "refused together",
            Start::Old,
            &["--atomic"],
            |fetch| fetch.atomic = true,
            &["refs/heads/main:refs/heads/main", "refs/heads/forced:refs/heads/forced"],
        )
    },
    fetch("forced", Start::Old, &["--force"], |fetch| fetch.force = true, &["forced:forced"]),
    fetch("short names", Start::Old, &[], |_| (), &["main:new/main", "v3:refs/tags/other"]),
    fetch(
        "a tag by its word",
        Start::Old,
        &["--no-tags"],
        |fetch| fetch.tags = TagFollowing::None,
        &["tag", "v3"],
    ),
    fetch("stored nowhere", Start::Old, &[], |_| (), &["main"]),
    fetch("HEAD", Start::Empty, &[], |_| (), &["HEAD:refs/heads/got"]),
    fetch("an object", Start::Old, &[], |_| (), &["TIP:refs/heads/got"]),
    fetch("part of a name", Start::Empty, &[], |_| (), &["refs/heads/to*:refs/heads/got/to*"]),
    fetch(
        "everything again",
        Start::Old,
        &["--refetch"],
        |fetch| fetch.refetch = true,
        &["main:refs/heads/main"],
    ),
    fetch(
        "from some tips",
        Start::Old,
        &["--negotiation-tip=refs/heads/side"],
        |fetch| fetch.negotiation_tips.from = Some(Vec::new()),
        EVERYTHING,
    ),
    fetch(
        "skipping",
        Start::Old,
        &[],
        |fetch| fetch.negotiation = gitwire_walk::NegotiationAlgorithm::Skipping,
        EVERYTHING,
    ),
    fetch(
        "no haves",
        Start::Old,
        &[],
        |fetch| fetch.negotiation = gitwire_walk::NegotiationAlgorithm::Noop,
        EVERYTHING,
    ),
    fetch("into a cut history", Start::Shallow, &[], |_| (), EVERYTHING),
    fetch(
        "to a depth",
        Start::Shallow,
        &["--depth=4"],
        |fetch| fetch.depth = DepthRequest::commits(4),
        EVERYTHING,
    ),
    fetch(
        "less deep",
        Start::Shallow,
        &["--depth=1"],
        |fetch| fetch.depth = DepthRequest::commits(1),
        EVERYTHING,
    ),
    fetch(
        "deeper",
        Start::Shallow,
        &["--deepen=1"],
        |fetch| {
            fetch.depth = DepthRequest::commits(1);
            fetch.depth.relative = true;
        },
        EVERYTHING,
    ),
    fetch(
        "back to a time",
        Start::Shallow,
        &["--shallow-since=@1700172800"],
        |fetch| fetch.depth.since = Some(1_700_172_800),
        EVERYTHING,
    ),
    fetch(
        "back to a tag",
        Start::Shallow,
        &["--shallow-exclude=v1"],
        |fetch| fetch.depth.not = vec!["v1".into()],
        EVERYTHING,
    ),
    fetch(
        "all of it",
        Start::Shallow,
        &["--unshallow"],
        |fetch| fetch.depth = DepthRequest::commits(DepthRequest::UNSHALLOW),
        EVERYTHING,
    ),
    fetch(
        "a full history cut",
        Start::Old,
        &["--depth=2"],
        |fetch| fetch.depth = DepthRequest::commits(2),
        EVERYTHING,
    ),
    Case {
        from_shallow: true,
        ..fetch("refused because it is cut", Start::Empty, &[], |_| (), &["refs/heads/*:refs/heads/*"])
    },
    Case {
        from_shallow: true,
        ..fetch(
            "cut as the source is",
            Start::Empty,
            &["--update-shallow"],
            |fetch| fetch.shallow_source = ShallowSource::Update,
            &["refs/heads/*:refs/heads/*"],
        )
    },
];
