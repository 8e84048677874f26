use gitwire_sideband::{ControlCharacters, Limits, LineEnd, ProgressText};

fn run(limits: Limits, pieces: &[&[u8]]) -> Vec<(String, LineEnd)> {
    let mut progress = ProgressText::new(ControlCharacters::COLOR, limits);
    let mut lines = Vec::new();
    for piece in pieces {
        progress.push(piece, |line| lines.push((line.text.to_owned(), line.end)));
    }
    progress.finish(|line| lines.push((line.text.to_owned(), line.end)));
    lines
}

#[track_caller]
fn check(pieces: &[&[u8]], expected: &[(&str, LineEnd)]) {
    let expected: Vec<_> = expected.iter().map(|(text, end)| ((*text).to_owned(), *end)).collect();
    assert_eq!(run(Limits::default(), pieces), expected, "as it comes");
    let whole = pieces.concat();
    assert_eq!(run(Limits::default(), &[&whole]), expected, "whole");
    let bytes: Vec<&[u8]> = whole.chunks(1).collect();
    assert_eq!(run(Limits::default(), &bytes), expected, "byte by byte");
}

#[test]
fn lines() {
    use LineEnd::{CarriageReturn, EndOfStream, LineFeed};
    check(&[], &[]);
    check(&[b""], &[]);
    check(&[b"a\nb\rc"], &[("a", LineFeed), ("b", CarriageReturn), ("c", EndOfStream)]);
    check(&[b"a\r\nb\n"], &[("a", CarriageReturn), ("", LineFeed), ("b", LineFeed)]);
    check(&[b"\n\n"], &[("", LineFeed), ("", LineFeed)]);
    check(
        &[b"Counting: 5", b"0%\rCounting: 100%\n"],
        &[("Counting: 50%", CarriageReturn), ("Counting: 100%", LineFeed)],
    );
}

#[test]
fn characters_and_sequences_cut_between_packets() {
    use LineEnd::{CarriageReturn, EndOfStream, LineFeed};
    check(&[b"gr\xc3", b"\xb6\xc3", b"\x9fe\n"], &[("größe", LineFeed)]);
    check(&[b"\x1b", b"[3", b"1mred\x1b", b"[m\n"], &[("\x1b[31mred\x1b[m", LineFeed)]);
    check(&[b"\x1b[2", b"Jx\n"], &[("^[[2Jx", LineFeed)]);
    check(&[b"\x1b[3\n", b"1m\n"], &[("^[[3", LineFeed), ("1m", LineFeed)]);
    check(&[b"\xe2\x82\r", b"\xac"], &[("<e2><82>", CarriageReturn), ("<ac>", EndOfStream)]);
    check(&[b"\x1b"], &[("^[", EndOfStream)]);
    check(&[b"\xe2"], &[("<e2>", EndOfStream)]);
}

#[test]
fn line_max_at_the_limit_and_above() {
    let limits = Limits { line_max: 4 };
    let line = |text: &str, end| (text.to_owned(), end);
    assert_eq!(run(limits, &[b"abcd\n"]), [line("abcd", LineEnd::LineFeed)]);
    assert_eq!(run(limits, &[b"abcd"]), [line("abcd", LineEnd::EndOfStream)]);
    assert_eq!(run(limits, &[b"abcde\n"]), [line("abcd", LineEnd::Cut), line("e", LineEnd::LineFeed)]);
    let cut = [line("abcd", LineEnd::Cut), line("efgh", LineEnd::Cut), line("i", LineEnd::EndOfStream)];
    assert_eq!(run(limits, &[b"abcdefghi"]), cut);
    assert_eq!(run(limits, &[b"abc", b"d", b"efg", b"hi"]), cut);
    // A character that the limit cuts comes whole in the next piece.
    let cut = [line("abc", LineEnd::Cut), line("öd", LineEnd::EndOfStream)];
    assert_eq!(run(limits, &["abcöd".as_bytes()]), cut);
    // 0 cannot hold anything: the least is one byte.
    assert_eq!(
        run(Limits { line_max: 0 }, &[b"ab\n"]),
        [line("a", LineEnd::Cut), line("b", LineEnd::LineFeed)]
    );
}
