//! `.gitattributes`: only its size can do harm.

use super::MessageId as Id;
use super::finding::Report;

/// Checks what a tree calls `.gitattributes`.
pub(super) fn check(content: &[u8], report: &mut Report<'_>) {
    let mut lines = content.split(|byte| *byte == b'\n');
    if content.len() > BYTES_MAX {
        let _ = report.say(Id::GitattributesLarge, ".gitattributes too large to parse");
    } else if lines.any(|line| line.len() >= LINE_MAX) {
        let _ = report.say(Id::GitattributesLineLength, ".gitattributes has too long lines to parse");
    }
}

/// What git reads of such a file at most.
const BYTES_MAX: usize = 100 << 20;
/// What git reads of a line at most.
const LINE_MAX: usize = 2048;
