//! Progress as lines for a terminal.

use alloc::string::String;

use crate::{ControlCharacters, Sanitizer};

/// What a [`ProgressText`] holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of a line that are held while its end has not come. 8192 by default: a hundred times what a terminal shows
    /// in one line, and nothing a busy server can feel. A longer line comes in pieces of this length.
    pub line_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_max: 8192 }
    }
}

/// How a line of progress ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// LF: the line stays.
    LineFeed,
    /// CR: the next line is drawn over it.
    CarriageReturn,
    /// Not yet: the line is longer than [`Limits::line_max`] and goes on in the next piece.
    Cut,
    /// Never: the stream is over.
    EndOfStream,
}

/// One line of progress, safe for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressLine<'a> {
    /// The text without its end.
    pub text: &'a str,
    /// Its end.
    pub end: LineEnd,
}

/// Turns what comes on band 2 into lines that are safe for a terminal.
///
/// Lines, characters and control sequences may be cut anywhere between packets: the lines are the same. What stands in
/// front of a line (`remote: `) and how the rest of an old line is cleared is the program's affair.
///
/// ```
/// use gitwire_sideband::{ControlCharacters, LineEnd, Limits, ProgressLine, ProgressText};
///
/// let mut progress = ProgressText::new(ControlCharacters::NONE, Limits::default());
/// let mut lines = Vec::new();
/// for packet in ["Counting: 5", "0%\rCounting: 100%\ndo", "ne\x1b[2J\n"] {
///     progress.push(packet.as_bytes(), |line| lines.push((line.text.to_owned(), line.end)));
/// }
/// assert_eq!(lines[0], ("Counting: 50%".to_owned(), LineEnd::CarriageReturn));
/// assert_eq!(lines[1], ("Counting: 100%".to_owned(), LineEnd::LineFeed));
/// assert_eq!(lines[2], ("done^[[2J".to_owned(), LineEnd::LineFeed));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ProgressText {
    limits: Limits,
    sanitizer: Sanitizer,
    /// What is shown of the line that has begun.
    line: String,
    /// How many bytes of it have come.
    held: usize,
}

impl ProgressText {
    /// At the start of a stream.
    #[must_use]
    pub const fn new(allowed: ControlCharacters, limits: Limits) -> Self {
        Self { limits, sanitizer: Sanitizer::new(allowed), line: String::new(), held: 0 }
    }

    /// Takes the text of one packet and gives each line that ends in it.
    pub fn push(&mut self, mut text: &[u8], mut each: impl FnMut(ProgressLine<'_>)) {
        while !text.is_empty() {
            let room = self.limits.line_max.max(1).saturating_sub(self.held);
            let found =
                text.iter().take(room.saturating_add(1)).position(|byte| matches!(byte, b'\n' | b'\r'));
            let len = found.unwrap_or(room.min(text.len()));
            let (part, rest) = text.split_at_checked(len).unwrap_or((text, &[]));
            self.sanitizer.push(part, &mut self.line);
            self.held = self.held.saturating_add(part.len());
            text = rest;
            if found.is_some()
                && let Some((end, rest)) = rest.split_first()
            {
                text = rest;
                self.sanitizer.finish(&mut self.line);
                self.give(if *end == b'\n' { LineEnd::LineFeed } else { LineEnd::CarriageReturn }, &mut each);
            } else if !rest.is_empty() {
                self.give(LineEnd::Cut, &mut each);
            }
        }
    }

    /// Says that the stream is over, and gives the line that has no end.
    pub fn finish(&mut self, mut each: impl FnMut(ProgressLine<'_>)) {
        self.sanitizer.finish(&mut self.line);
        if self.held > 0 {
            self.give(LineEnd::EndOfStream, &mut each);
        }
    }

    fn give(&mut self, end: LineEnd, each: &mut impl FnMut(ProgressLine<'_>)) {
        each(ProgressLine { text: &self.line, end });
        self.line.clear();
        self.held = 0;
    }
}
