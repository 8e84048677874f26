//! Progress for terminals: nothing drives the terminal, and cutting the input changes nothing.

use gitwire_sideband::{ControlCharacters, Limits, LineEnd, ProgressText, SafeText};

/// The first byte says how large the pieces are and what is allowed; the rest is the text.
pub(super) fn progress_text(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else { return };
    let allowed = match choice >> 6 {
        0 => ControlCharacters::NONE,
        1 => ControlCharacters::COLOR,
        2 => ControlCharacters::CURSOR.and(ControlCharacters::ERASE),
        _ => ControlCharacters::ALL,
    };
    let limits = Limits { line_max: usize::from(choice & 0x3f).max(1) };
    let whole = lines(allowed, limits, std::iter::once(text));
    assert_eq!(lines(allowed, limits, text.chunks(usize::from(choice & 7).max(1))), whole, "cut into pieces");
    assert_eq!(lines(allowed, limits, text.chunks(1)), whole, "cut into bytes");
    if allowed == ControlCharacters::NONE {
        assert!(whole.iter().all(|(line, _)| is_plain(line)), "{whole:?}");
    }
    if allowed != ControlCharacters::ALL {
        let c1 = |character: char| ('\u{80}'..='\u{9f}').contains(&character) || character == '\u{7f}';
        assert!(!whole.iter().any(|(line, _)| line.contains(c1)), "{whole:?}");
    }
    assert!(is_plain(&SafeText(text).to_string()));
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|character| matches!(character, '\n' | '\t') || !character.is_control())
}

fn lines<'a>(
    allowed: ControlCharacters,
    limits: Limits,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Vec<(String, LineEnd)> {
    let (mut progress, mut lines) = (ProgressText::new(allowed, limits), Vec::new());
    for piece in pieces {
        progress.push(piece, |line| lines.push((line.text.to_owned(), line.end)));
    }
    progress.finish(|line| lines.push((line.text.to_owned(), line.end)));
    lines
}
