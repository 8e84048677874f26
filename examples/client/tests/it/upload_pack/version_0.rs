//! Requests of versions 0 and 1, by hand, and what all versions advertise.

use super::twin::{Case, Own};

/// Requests that stand for themselves, as over HTTP.
pub(super) const STATELESS: &[Case] = &[
    Case("nothing", &[], ""),
    Case("a flush packet", &[], "0000"),
    Case("a want", &[], "want {main} no-progress\n0000\ndone"),
    Case("a want without a flush packet", &[], "want {main} no-progress\n"),
    Case("a want without done", &[], "want {main} no-progress\n0000"),
    Case("a want, and a flush packet for done", &[], "want {main} no-progress\n0000\n0000"),
    Case("a small side-band", &[], "want {main} no-progress side-band\n0000\ndone"),
    Case("a large side-band", &[], "want {main} no-progress side-band-64k\n0000\ndone"),
    Case("both", &[], "want {main} no-progress side-band side-band-64k\n0000\ndone"),
    Case(
        "wants of all kinds",
        &[],
        "want {merge} no-progress side-band-64k\nwant {v2}\nwant {treetag}\n0000\ndone",
    ),
    Case("the same want twice", &[], "want {main} no-progress side-band-64k\nwant {main}\n0000\ndone"),
    Case(
        "capabilities on a later want",
        &[],
        "want {side}\nwant {main} no-progress side-band-64k ofs-delta\n0000\ndone",
    ),
    Case("unknown capabilities", &[], "want {main} no-progress side-band-64k new-thing=x\n0000\ndone"),
    Case(
        "an agent and options",
        &[],
        "want {main} no-progress side-band-64k agent=x session-id=y\n0000\ndone",
    ),
    Case("include-tag", &[], "want {main} no-progress side-band-64k include-tag\n0000\ndone"),
    Case(
        "the object format",
        &[],
        "want {main} no-progress side-band-64k object-format={format}\n0000\ndone",
    ),
    Case("no mode, a known have", &[], "want {main} no-progress side-band-64k\n0000\nhave {main~3}\ndone"),
    Case(
        "no mode, two known haves",
        &[],
        "want {main} no-progress side-band-64k\n0000\nhave {main~3}\nhave {main~6}\ndone",
    ),
    Case("no mode, an unknown have", &[], "want {main} no-progress side-band-64k\n0000\nhave {nobody}\ndone"),
    Case(
        "no mode, a flush packet first",
        &[],
        "want {main} no-progress side-band-64k\n0000\nhave {nobody}\n0000\ndone",
    ),
    Case("no mode, not done", &[], "want {main} no-progress side-band-64k\n0000\nhave {main~3}\n0000"),
    Case(
        "multi_ack",
        &[],
        "want {main} multi_ack no-progress side-band-64k\n0000\nhave {nobody}\nhave {main~3}\nhave {main~6}\ndone",
    ),
    Case(
        "multi_ack, not done",
        &[],
        "want {main} multi_ack no-progress side-band-64k\n0000\nhave {nobody}\nhave {main~3}\nhave {nobody}\n0000",
    ),
    Case(
        "multi_ack, not covered",
        &[],
        "want {merge} multi_ack no-progress side-band-64k\nwant {main}\n0000\nhave {side}\nhave {nobody}\n0000",
    ),
    Case(
        "detailed",
        &[],
        "want {main} multi_ack_detailed no-progress side-band-64k\n0000\nhave {nobody}\nhave {main~3}\nhave {main~6}\ndone",
    ),
    Case(
        "detailed, not done",
        &[],
        "want {main} multi_ack_detailed no-progress side-band-64k\n0000\nhave {main~3}\nhave {nobody}\n0000",
    ),
    Case(
        "detailed, not covered",
        &[],
        "want {merge} multi_ack_detailed no-progress side-band-64k\nwant {main}\n0000\nhave {side}\nhave {nobody}\n0000",
    ),
    Case(
        "detailed, nothing common",
        &[],
        "want {main} multi_ack_detailed no-progress side-band-64k\n0000\nhave {nobody}\n0000",
    ),
    Case(
        "detailed, nothing common, done",
        &[],
        "want {main} multi_ack_detailed no-progress side-band-64k\n0000\nhave {nobody}\ndone",
    ),
    Case(
        "detailed and no-done",
        &[],
        "want {main} multi_ack_detailed no-done no-progress side-band-64k\n0000\nhave {main~3}\n0000",
    ),
    Case(
        "detailed and no-done, not ready",
        &[],
        "want {main} multi_ack_detailed no-done no-progress side-band-64k\n0000\nhave {nobody}\n0000",
    ),
    Case(
        "no-done without detail",
        &[],
        "want {main} multi_ack no-done no-progress side-band-64k\n0000\nhave {main~3}\n0000",
    ),
    Case(
        "haves twice",
        &[],
        "want {main} multi_ack_detailed no-progress side-band-64k\n0000\nhave {main~3}\nhave {main~3}\n0000",
    ),
    Case(
        "haves that are no commits",
        &[],
        "want {main} multi_ack_detailed no-progress side-band-64k\n0000\nhave {tree}\nhave {v2}\nhave {blob}\n0000",
    ),
    Case("nobody's object", &[], "want {nobody} side-band-64k\n0000\ndone"),
    Case("an object that no ref reaches", &[], "want {blob} side-band-64k\n0000\ndone"),
    Case("a tree that a ref reaches", &[], "want {dir} side-band-64k\n0000\ndone"),
    Case("a commit below the tips", &[], "want {side~1} no-progress side-band-64k\n0000\ndone"),
    Case(
        "a commit below the tips, allowed",
        &["uploadpack.allowReachableSHA1InWant=true"],
        "want {side~1} no-progress side-band-64k\n0000\ndone",
    ),
    Case(
        "any object",
        &["uploadpack.allowAnySHA1InWant=true"],
        "want {dir} no-progress side-band-64k\nwant {blob}\n0000\ndone",
    ),
    Case(
        "a hidden tip, allowed",
        &[
            "uploadpack.hideRefs=refs/heads",
            "uploadpack.hideRefs=refs/hidden",
            "uploadpack.allowTipSHA1InWant=true",
        ],
        "want {side} no-progress side-band-64k\n0000\ndone",
    ),
    Case("an id that is too short", &[], "want {short}\n0000\ndone"),
    Case("want alone", &[], "want\n0000\ndone"),
    Case("want with nothing behind it", &[], "want \n0000\ndone"),
    Case("a have where a want is due", &[], "have {main}\n0000"),
    Case("done where a want is due", &[], "done"),
    Case("an empty line", &[], "raw:0004\n0000"),
    Case("nonsense", &[], "bogus\n0000"),
    Case("nonsense after a want", &[], "want {main}\nbogus\n0000"),
    Case("nonsense where haves are due", &[], "want {main} no-progress side-band-64k\n0000\nbogus\n"),
    Case("a want where haves are due", &[], "want {main} no-progress side-band-64k\n0000\nwant {side}\n"),
    Case("a have that is none", &[], "want {main} no-progress side-band-64k\n0000\nhave main\n"),
    Case("a length that is no number", &[], "raw:zork"),
    Case("an error line", &[], "ERR enough"),
    Case("a depth", &[], "want {main} no-progress side-band-64k\ndeepen 2\n0000\ndone"),
    Case("a depth, and the end", &[], "want {main} no-progress side-band-64k\ndeepen 2\n0000"),
    Case(
        "a depth and a boundary",
        &[],
        "want {main} thin-pack no-progress side-band-64k\nshallow {main~1}\ndeepen 4\n0000\nhave {main}\ndone",
    ),
    Case(
        "a relative depth",
        &[],
        "want {main} thin-pack no-progress side-band-64k deepen-relative\nshallow {main~1}\ndeepen 4\n0000\nhave {main}\ndone",
    ),
    Case(
        "unshallow",
        &[],
        "want {main} thin-pack no-progress side-band-64k\nshallow {main~1}\ndeepen 2147483647\n0000\nhave {main}\ndone",
    ),
    Case(
        "a boundary alone",
        &[],
        "want {merge} thin-pack no-progress side-band-64k\nshallow {main~1}\n0000\nhave {main}\ndone",
    ),
    Case(
        "since",
        &[],
        "want {main} no-progress side-band-64k deepen-since\ndeepen-since 1700000300\n0000\ndone",
    ),
    Case("not", &[], "want {main} no-progress side-band-64k deepen-not\ndeepen-not light\n0000\ndone"),
    Case("a depth of 0", &[], "want {main} no-progress side-band-64k\ndeepen 0\n0000\ndone"),
    Case("a depth that is none", &[], "want {main}\ndeepen x\n0000\ndone"),
    Case("two kinds of depth", &[], "want {main}\ndeepen 1\ndeepen-since 1700000300\n0000\ndone"),
    Case("a boundary that is none", &[], "want {main}\nshallow main\n0000\ndone"),
    Case("a boundary that is a tree", &[], "want {main}\nshallow {tree}\n0000\ndone"),
    Case(
        "a filter",
        &["uploadpack.allowFilter=true"],
        "want {main} no-progress side-band-64k filter\nfilter blob:none\n0000\ndone",
    ),
    Case(
        "a filter that is not agreed on",
        &["uploadpack.allowFilter=true"],
        "want {main} no-progress side-band-64k\nfilter blob:none\n0000\ndone",
    ),
    Case(
        "a filter that is not allowed",
        &[],
        "want {main} no-progress side-band-64k filter\nfilter blob:none\n0000\ndone",
    ),
    Case(
        "an unknown filter",
        &["uploadpack.allowFilter=true"],
        "want {main} filter\nfilter bogus\n0000\ndone",
    ),
    Case(
        "two filters",
        &["uploadpack.allowFilter=true"],
        "want {main} filter\nfilter blob:none\nfilter tree:0\n0000\ndone",
    ),
];

/// Conversations over one stream, the advertisement first.
pub(super) const DUPLEX: &[Case] = &[
    Case("a flush packet", &[], "0000"),
    Case("a want", &[], "want {main} no-progress side-band-64k\n0000\ndone"),
    Case(
        "rounds",
        &[],
        "want {main} multi_ack_detailed no-progress side-band-64k\n0000\nhave {nobody}\n0000\nhave {main~3}\n0000\ndone",
    ),
    Case(
        "rounds without a mode",
        &[],
        "want {main} no-progress side-band-64k\n0000\nhave {nobody}\n0000\nhave {main~3}\n0000\nhave {main~6}\n0000\ndone",
    ),
    Case(
        "rounds with multi_ack",
        &[],
        "want {main} multi_ack no-progress side-band-64k\n0000\nhave {nobody}\n0000\nhave {main~3}\nhave {nobody}\n0000\ndone",
    ),
    Case(
        "no-done",
        &[],
        "want {main} multi_ack_detailed no-done no-progress side-band-64k\n0000\nhave {main~3}\n0000\ndone",
    ),
    Case("a depth", &[], "want {main} no-progress side-band-64k\ndeepen 2\n0000\ndone"),
    Case("nobody's object", &[], "want {nobody} side-band-64k\n0000\ndone"),
    Case("a commit below the tips", &[], "want {side~1} no-progress side-band-64k\n0000\ndone"),
    Case("the end within the wants", &[], "want {main} no-progress side-band-64k\n"),
    Case("the end where haves are due", &[], "want {main} no-progress side-band-64k\n0000"),
    Case("nonsense", &[], "bogus\n0000"),
];

/// What is advertised, under each configuration that changes it.
pub(super) const ADVERTISED: &[Case] = &[
    Case("by itself", &[], "0000"),
    Case("tips", &["uploadpack.allowTipSHA1InWant=true"], "0000"),
    Case("what is reachable", &["uploadpack.allowReachableSHA1InWant=true"], "0000"),
    Case("anything", &["uploadpack.allowAnySHA1InWant=true"], "0000"),
    Case("filters", &["uploadpack.allowFilter=true"], "0000"),
    Case("refs by name", &["uploadpack.allowRefInWant=true"], "0000"),
    Case("object-info", &["transfer.advertiseObjectInfo=true"], "0000"),
    Case("bundles", &["uploadpack.advertiseBundleURIs=true"], "0000"),
    Case("unborn that is allowed", &["lsrefs.unborn=allow"], "0000"),
    Case("unborn that is ignored", &["lsrefs.unborn=ignore"], "0000"),
    Case("hidden refs", &["transfer.hideRefs=refs/hidden", "uploadpack.hideRefs=refs/tags"], "0000"),
    Case("shown again", &["transfer.hideRefs=refs/heads", "uploadpack.hideRefs=!refs/heads/dev"], "0000"),
    Case("all hidden", &["transfer.hideRefs=refs"], "0000"),
];

/// Where we differ on purpose, request by request.
pub(super) const OWN: &[Own] = &[Own {
    name: "a delimiter",
    why: "git takes it for a flush packet and the end; version 0 has none",
    config: &[],
    request: "0001",
    says: "protocol error: bad line length 1",
}];
