use gitwire_sideband::{ControlCharacters, SafeText, Sanitizer};

/// What `text` looks like, whole and byte by byte.
#[track_caller]
fn check(allowed: ControlCharacters, text: &[u8], expected: &str) {
    for size in [usize::MAX, 1, 2, 3] {
        let (mut sanitizer, mut shown) = (Sanitizer::new(allowed), String::new());
        for piece in text.chunks(size.min(text.len().max(1))) {
            sanitizer.push(piece, &mut shown);
        }
        sanitizer.finish(&mut shown);
        assert_eq!(shown, expected, "in pieces of {size}");
    }
    if allowed == ControlCharacters::NONE {
        assert_eq!(SafeText(text).to_string(), expected);
    }
}

#[test]
fn every_control_of_ascii_is_shown() {
    for byte in (0..0x20_u8).chain([0x7f]) {
        let expected = match byte {
            b'\n' | b'\t' => format!("a{}b", char::from(byte)),
            other => format!("a^{}b", char::from(other ^ 0x40)),
        };
        check(ControlCharacters::NONE, &[b'a', byte, b'b'], &expected);
    }
}

#[test]
fn every_control_of_the_second_set_is_shown() {
    for code in 0x80..=0x9f_u8 {
        let text = format!("a{}b", char::from(code));
        for allowed in [ControlCharacters::NONE, ControlCharacters::COLOR] {
            check(allowed, text.as_bytes(), &format!("a<U+{code:04X}>b"));
            // As a lone byte it is a control of terminals that read Latin-1.
            check(allowed, &[b'a', code, b'b'], &format!("a<{code:02x}>b"));
        }
    }
}

#[test]
fn characters_stay_whole() {
    check(ControlCharacters::NONE, "größe — 100 % 🎉\n".as_bytes(), "größe — 100 % 🎉\n");
    check(
        ControlCharacters::NONE,
        "\u{a0}\u{ff}\u{7ff}\u{ffff}\u{10ffff}".as_bytes(),
        "\u{a0}\u{ff}\u{7ff}\u{ffff}\u{10ffff}",
    );
}

#[test]
fn bytes_that_are_no_characters() {
    check(ControlCharacters::NONE, b"a\xffb", "a<ff>b");
    check(ControlCharacters::NONE, b"\xe2\x82", "<e2><82>");
    check(ControlCharacters::NONE, b"\xe2\x82x", "<e2><82>x");
    check(ControlCharacters::NONE, b"\xe2\x82\xe2\x82\xac", "<e2><82>€");
    check(ControlCharacters::NONE, b"\xc0\x80", "<c0><80>");
    check(ControlCharacters::NONE, b"\xed\xa0\x80", "<ed><a0><80>");
    check(ControlCharacters::NONE, b"\xf0\x9f\x8e", "<f0><9f><8e>");
    check(ControlCharacters::NONE, b"\xf0\x9f\x8e\x1b[2J", "<f0><9f><8e>^[[2J");
    check(ControlCharacters::COLOR, b"\x1b[3\xff1m", "^[[3<ff>1m");
    check(ControlCharacters::COLOR, b"\x1b[3\xe2\x82", "^[[3<e2><82>");
}

#[test]
fn sequences_by_level() {
    use ControlCharacters as C;
    let color = &b"\x1b[1;38;5;208mx\x1b[0m\x1b[m"[..];
    let cursor = &b"\x1b[2A\x1b[H\x1b[10;5f"[..];
    let erase = &b"\x1b[K\x1b[2J\x1b[3X"[..];
    let raw = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let masked = |text: &[u8]| raw(text).replace('\x1b', "^[");
    for (level, passes) in [
        (C::NONE, [false, false, false]),
        (C::COLOR, [true, false, false]),
        (C::CURSOR, [false, true, false]),
        (C::ERASE, [false, false, true]),
        (C::COLOR.and(C::ERASE), [true, false, true]),
        (C::ALL, [true, true, true]),
    ] {
        for (text, passes) in [color, cursor, erase].into_iter().zip(passes) {
            check(level, text, &if passes { raw(text) } else { masked(text) });
        }
    }
}

/// CVE-2024-52005: what a server can do to a terminal.
#[test]
fn sequences_that_never_pass_as_colour() {
    for text in [
        "\x1b]0;title\x07",
        "\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\",
        "\x1b]52;c;ZWNobw==\x07",
        "\x1bP$qm\x1b\\",
        "\x1b_apc\x1b\\",
        "\x1b^pm\x1b\\",
        "\x1b[?25l",
        "\x1b[?1049h",
        "\x1b[>4;2m",
        "\x1b[6n",
        "\x1b[31 q",
        "\x1b[!p",
        "\x1bc",
        "\x1b(0",
        "\x1b[",
        "\x1b",
        "\x1b\x1b[31",
        "\x1b[3\x1b[1",
        "\x1b[31\nm",
        "\x0e\x0f\x08\x0b\x0c\r",
    ] {
        for level in [ControlCharacters::NONE, ControlCharacters::COLOR] {
            let expected: String = text
                .chars()
                .map(|character| match character {
                    '\n' => "\n".to_owned(),
                    control if control.is_ascii_control() => {
                        format!("^{}", char::from(u8::try_from(control).expect("ASCII") ^ 0x40))
                    }
                    other => other.to_string(),
                })
                .collect();
            check(level, text.as_bytes(), &expected);
        }
    }
}

#[test]
fn a_sequence_after_a_broken_one_passes() {
    check(ControlCharacters::COLOR, b"\x1b[3\x1b[1mx", "^[[3\x1b[1mx");
    check(ControlCharacters::COLOR, b"\x1b\x1b[1mx", "^[\x1b[1mx");
}

#[test]
fn longest_sequence_and_one_more() {
    let sequence = |parameters: usize| format!("\x1b[{}m", "1".repeat(parameters));
    check(ControlCharacters::COLOR, sequence(62).as_bytes(), &sequence(62));
    check(ControlCharacters::COLOR, sequence(63).as_bytes(), &sequence(63).replace('\x1b', "^["));
}

#[test]
fn everything_passes_when_all_is_allowed() {
    check(ControlCharacters::ALL, b"\x1b]0;t\x07\r\x08\xff", "\x1b]0;t\x07\r\x08<ff>");
}
