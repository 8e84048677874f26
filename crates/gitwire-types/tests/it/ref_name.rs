//! Reference names: `git check-ref-format` as the judge.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gitwire_testkit::git::Git;
use gitwire_types::{RefName, RefPattern};

/// Bytes and words that the rules speak of, and a few that they do not.
const PIECES: &[&[u8]] = &[
    b"a",
    b"b",
    b"refs",
    b"heads",
    b"HEAD",
    b"/",
    b"/",
    b"/",
    b".",
    b"..",
    b"@",
    b"{",
    b"@{",
    b".lock",
    b"lock",
    b"*",
    b"~",
    b"^",
    b":",
    b"?",
    b"[",
    b"\\",
    b" ",
    b"\x01",
    b"\x1f",
    b"\x7f",
    b"\x80",
    b"\xc3\xa4",
    b"-",
    b"]",
    b"}",
    b"_",
    b"9",
    b"=",
];

/// A name of a few pieces; the same for the same seed.
fn generate(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let count = 1 + draw(7);
    (0..count)
        .flat_map(|_| PIECES[usize::try_from(draw(PIECES.len() as u64)).unwrap()].iter().copied())
        .collect()
}

fn compare(git: &Git, name: &[u8]) {
    // The program takes no `--`, so a leading dash would be an option. The rules do not speak of dashes.
    if name.starts_with(b"-") {
        return;
    }
    let here = Path::new(".");
    let ask = |options: &[&str]| {
        let args = [OsStr::new("check-ref-format")].into_iter();
        let args = args.chain(options.iter().map(OsStr::new)).chain([OsStr::from_bytes(name)]);
        git.run(here, args).status.success()
    };
    let shown = name.escape_ascii();
    let ours = RefName::copy_from(name);
    assert_eq!(ours.is_ok(), ask(&["--allow-onelevel"]), "{shown}: {ours:?}");
    let two_levels = ours.is_ok() && name.contains(&b'/');
    assert_eq!(two_levels, ask(&[]), "{shown}, not one level");
    if name.contains(&b'*') {
        let ours = RefPattern::new(name.to_vec());
        assert_eq!(
            ours.is_ok(),
            ask(&["--allow-onelevel", "--refspec-pattern"]),
            "{shown} as pattern: {ours:?}"
        );
    }
}

fn sweep(seeds: std::ops::Range<u64>) {
    let Some(git) = Git::find() else { return };
    for seed in seeds {
        compare(&git, &generate(seed));
    }
}

#[test]
fn verdicts_on_generated_names() {
    sweep(0..150);
}

#[test]
#[ignore = "starts some 22,000 processes; a minute or two"]
fn verdicts_on_ten_thousand_generated_names() {
    sweep(1000..11_000);
}

#[test]
fn every_byte_at_the_beginning_the_middle_and_the_end() {
    let Some(git) = Git::find() else { return };
    // One byte of each class of the rules, and the borders between the classes.
    for byte in b"\x01\x1f !)*+-./09:;?@AZ[\\]^_az{|}~\x7f\x80\xff" {
        for name in [vec![*byte, b'a'], vec![b'a', *byte, b'b'], vec![b'a', *byte]] {
            compare(&git, &name);
        }
    }
}
