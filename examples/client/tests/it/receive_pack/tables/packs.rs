//! Packs that come, lack, or are not what they should be.

use super::super::run::Case;

/// Packs that come, lack, or are not what they should be.
pub(in super::super) const PACKS: &[Case] = &[
    Case("a pack", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new"),
    Case("no pack", "", "{main} {new} refs/heads/main\\0 {caps}\n0000"),
    Case("no pack for what is there", "", "{zero} {main} refs/heads/x\\0 {caps}\n0000"),
    Case("an empty pack", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:empty"),
    Case("an empty pack for what is there", "", "{zero} {main} refs/heads/x\\0 {caps}\n0000\npack:empty"),
    Case("a pack for what is there", "", "{zero} {main} refs/heads/x\\0 {caps}\n0000\npack:new"),
    Case("a pack behind a deletion", "", "{main~2} {zero} refs/heads/side\\0 {caps}\n0000\npack:new"),
    Case("a thin pack", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:thin"),
    Case(
        "a thin pack whose base is not there",
        "",
        "{main} {newer} refs/heads/main\\0 {caps}\n0000\npack:thin-other",
    ),
    Case(
        "a thin pack where none is taken",
        "--reject-thin-pack-for-testing",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:thin",
    ),
    Case(
        "a whole pack where no thin one is taken",
        "--reject-thin-pack-for-testing",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case("a pack that lacks 1 bytes", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 1"),
    Case("a pack that lacks 10 bytes", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 10"),
    Case("a pack that lacks 20 bytes", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 20"),
    Case("a pack that lacks 21 bytes", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 21"),
    Case("a pack that lacks 60 bytes", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 60"),
    Case("half a header", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nraw:PACK"),
    Case("another signature", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 0"),
    Case("another version", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 7"),
    Case("another number of objects", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 11"),
    Case("many more objects", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 8"),
    Case("a flipped bit at 12", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 12"),
    Case("a flipped bit at 13", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 13"),
    Case("a flipped bit at 30", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 30"),
    Case("a flipped bit at 60", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 60"),
    Case("something behind the pack", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new\nraw:junk"),
    Case("a second pack", "", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new\npack:other"),
    Case(
        "no pack but words",
        "",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nraw:this is no pack, as everybody can see",
    ),
    Case("objects that are there", "", "{main} {main~1} refs/heads/main\\0 {caps}\n0000\npack:old"),
    Case("everything again", "", "{zero} {main} refs/heads/x\\0 {caps}\n0000\npack:main"),
    Case(
        "more than may come",
        "-c receive.maxInputSize=100",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "as much as may come",
        "-c receive.maxInputSize=100k",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case("unsound objects", "", "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound"),
    Case(
        "unsound objects, looked at",
        "-c receive.fsckObjects=true",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects, looked at by transfer",
        "-c transfer.fsckObjects=true",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects, receive over transfer",
        "-c transfer.fsckObjects=true\n-c receive.fsckObjects=false",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "sound objects, looked at",
        "-c receive.fsckObjects=true",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "unsound objects that are ignored",
        "-c receive.fsckObjects=true\n-c receive.fsck.missingEmail=ignore",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects that are warned of",
        "-c receive.fsckObjects=true\n-c receive.fsck.missingEmail=warn",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects on a list",
        "-c receive.fsckObjects=true\n-c receive.fsck.skipList=list\n$ echo {unsound} >list",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "a list that is not there",
        "-c receive.fsckObjects=true\n-c receive.fsck.skipList=none",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a list of what is none",
        "-c receive.fsckObjects=true\n-c receive.fsck.skipList=list\n$ echo none >list",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a padded mode, looked at",
        "-c receive.fsckObjects=true",
        "{zero} {warned} refs/heads/x\\0 {caps}\n0000\npack:warned",
    ),
    Case(
        "a padded mode, an error",
        "-c receive.fsckObjects=true\n-c receive.fsck.zeroPaddedFilemode=error",
        "{zero} {warned} refs/heads/x\\0 {caps}\n0000\npack:warned",
    ),
    Case(
        "a finding that nobody knows",
        "-c receive.fsckObjects=true\n-c receive.fsck.whatever=error",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a severity that is none",
        "-c receive.fsckObjects=true\n-c receive.fsck.missingEmail=maybe",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "what must be an error",
        "-c receive.fsckObjects=true\n-c receive.fsck.nulInHeader=warn",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "objects that lack, looked at",
        "-c receive.fsckObjects=true",
        "{zero} {lone} refs/heads/x\\0 {caps}\n0000\npack:no-blob",
    ),
    Case(
        "objects that lack, not asked",
        "--skip-connectivity-check",
        "{zero} {lone} refs/heads/x\\0 {caps}\n0000\npack:no-blob",
    ),
    Case(
        "a tip that lacks, not asked",
        "--skip-connectivity-check",
        "{zero} {nobody} refs/heads/x\\0 {caps}\n0000\npack:empty",
    ),
    Case(
        "bad pack, two commands, atomic",
        "",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new 5",
    ),
    Case(
        "bad pack and no bands",
        "",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n0000\npack:new 5",
    ),
    Case(
        "bad pack and no report",
        "",
        "{main} {new} refs/heads/main\\0 side-band-64k object-format={format}\n0000\npack:new 5",
    ),
    Case(
        "a pack, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case("no pack, as one pack", "-c receive.unpackLimit=1", "{main} {new} refs/heads/main\\0 {caps}\n0000"),
    Case(
        "no pack for what is there, as one pack",
        "-c receive.unpackLimit=1",
        "{zero} {main} refs/heads/x\\0 {caps}\n0000",
    ),
    Case(
        "an empty pack, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:empty",
    ),
    Case(
        "an empty pack for what is there, as one pack",
        "-c receive.unpackLimit=1",
        "{zero} {main} refs/heads/x\\0 {caps}\n0000\npack:empty",
    ),
    Case(
        "a pack for what is there, as one pack",
        "-c receive.unpackLimit=1",
        "{zero} {main} refs/heads/x\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a pack behind a deletion, as one pack",
        "-c receive.unpackLimit=1",
        "{main~2} {zero} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a thin pack, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:thin",
    ),
    Case(
        "a thin pack whose base is not there, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {newer} refs/heads/main\\0 {caps}\n0000\npack:thin-other",
    ),
    Case(
        "a thin pack where none is taken, as one pack",
        "--reject-thin-pack-for-testing\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:thin",
    ),
    Case(
        "a whole pack where no thin one is taken, as one pack",
        "--reject-thin-pack-for-testing\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a pack that lacks 1 bytes, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 1",
    ),
    Case(
        "a pack that lacks 10 bytes, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 10",
    ),
    Case(
        "a pack that lacks 20 bytes, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 20",
    ),
    Case(
        "a pack that lacks 21 bytes, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 21",
    ),
    Case(
        "a pack that lacks 60 bytes, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new 60",
    ),
    Case(
        "half a header, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nraw:PACK",
    ),
    Case(
        "another signature, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 0",
    ),
    Case(
        "another version, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 7",
    ),
    Case(
        "another number of objects, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 11",
    ),
    Case(
        "many more objects, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 8",
    ),
    Case(
        "a flipped bit at 12, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 12",
    ),
    Case(
        "a flipped bit at 13, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 13",
    ),
    Case(
        "a flipped bit at 30, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 30",
    ),
    Case(
        "a flipped bit at 60, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nflip:new 60",
    ),
    Case(
        "something behind the pack, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new\nraw:junk",
    ),
    Case(
        "a second pack, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new\npack:other",
    ),
    Case(
        "no pack but words, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\nraw:this is no pack, as everybody can see",
    ),
    Case(
        "objects that are there, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {main~1} refs/heads/main\\0 {caps}\n0000\npack:old",
    ),
    Case(
        "everything again, as one pack",
        "-c receive.unpackLimit=1",
        "{zero} {main} refs/heads/x\\0 {caps}\n0000\npack:main",
    ),
    Case(
        "more than may come, as one pack",
        "-c receive.maxInputSize=100\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "as much as may come, as one pack",
        "-c receive.maxInputSize=100k\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "unsound objects, as one pack",
        "-c receive.unpackLimit=1",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects, looked at, as one pack",
        "-c receive.fsckObjects=true\n-c receive.unpackLimit=1",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects, looked at by transfer, as one pack",
        "-c transfer.fsckObjects=true\n-c receive.unpackLimit=1",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects, receive over transfer, as one pack",
        "-c transfer.fsckObjects=true\n-c receive.fsckObjects=false\n-c receive.unpackLimit=1",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "sound objects, looked at, as one pack",
        "-c receive.fsckObjects=true\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "unsound objects that are ignored, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.missingEmail=ignore\n-c receive.unpackLimit=1",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects that are warned of, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.missingEmail=warn\n-c receive.unpackLimit=1",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "unsound objects on a list, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.skipList=list\n$ echo {unsound} >list\n-c receive.unpackLimit=1",
        "{zero} {unsound} refs/heads/x\\0 {caps}\n0000\npack:unsound",
    ),
    Case(
        "a list that is not there, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.skipList=none\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a list of what is none, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.skipList=list\n$ echo none >list\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a padded mode, looked at, as one pack",
        "-c receive.fsckObjects=true\n-c receive.unpackLimit=1",
        "{zero} {warned} refs/heads/x\\0 {caps}\n0000\npack:warned",
    ),
    Case(
        "a padded mode, an error, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.zeroPaddedFilemode=error\n-c receive.unpackLimit=1",
        "{zero} {warned} refs/heads/x\\0 {caps}\n0000\npack:warned",
    ),
    Case(
        "a finding that nobody knows, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.whatever=error\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a severity that is none, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.missingEmail=maybe\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "what must be an error, as one pack",
        "-c receive.fsckObjects=true\n-c receive.fsck.nulInHeader=warn\n-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "objects that lack, looked at, as one pack",
        "-c receive.fsckObjects=true\n-c receive.unpackLimit=1",
        "{zero} {lone} refs/heads/x\\0 {caps}\n0000\npack:no-blob",
    ),
    Case(
        "objects that lack, not asked, as one pack",
        "--skip-connectivity-check\n-c receive.unpackLimit=1",
        "{zero} {lone} refs/heads/x\\0 {caps}\n0000\npack:no-blob",
    ),
    Case(
        "a tip that lacks, not asked, as one pack",
        "--skip-connectivity-check\n-c receive.unpackLimit=1",
        "{zero} {nobody} refs/heads/x\\0 {caps}\n0000\npack:empty",
    ),
    Case(
        "bad pack, two commands, atomic, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new 5",
    ),
    Case(
        "bad pack and no bands, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n0000\npack:new 5",
    ),
    Case(
        "bad pack and no report, as one pack",
        "-c receive.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 side-band-64k object-format={format}\n0000\npack:new 5",
    ),
    Case(
        "a limit of transfer",
        "-c transfer.unpackLimit=1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "receive over transfer",
        "-c transfer.unpackLimit=1\n-c receive.unpackLimit=100",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a limit of none",
        "-c receive.unpackLimit=0",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a limit that is the number",
        "-c receive.unpackLimit=5",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a limit above the number",
        "-c receive.unpackLimit=6",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a limit below zero",
        "-c receive.unpackLimit=-1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
];
