//! Where packets end in bytes that pass through.

use crate::failure::Failure;

/// Follows pkt-lines that pass through, cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Packets {
    /// Digits of a length that is not whole yet.
    digits: Vec<u8>,
    /// Bytes that are left of a packet.
    left: usize,
}

/// What ends a piece of bytes that were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing but packets of data.
    Data,
    /// A flush packet, which ends after this many bytes.
    Flush(usize),
}

impl Packets {
    /// Looks at bytes up to the first flush packet.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Result<Seen, Failure> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if self.left > 0 {
                let passed = self.left.min(rest.len());
                self.left -= passed;
                at += passed;
                continue;
            }
            self.digits.push(rest[0]);
            at += 1;
            if self.digits.len() == 4 {
                let text = std::str::from_utf8(&self.digits).unwrap_or_default();
                let hex = self.digits.iter().all(u8::is_ascii_hexdigit);
                let len = usize::from_str_radix(text, 16).ok().filter(|_| hex);
                let bad = self.digits.escape_ascii().to_string();
                self.digits.clear();
                match len {
                    Some(0) => return Ok(Seen::Flush(at)),
                    Some(1) => {}
                    Some(2) => {
                        return Err(Failure::fatal("remote server sent unexpected response end packet"));
                    }
                    Some(len @ 4..) => self.left = len - 4,
                    _ => {
                        return Err(Failure::fatal(format!(
                            "protocol error: bad line length character: {bad}"
                        )));
                    }
                }
            }
        }
        Ok(Seen::Data)
    }

    /// What the last packet lacks, in git's words; `None` if it is whole.
    pub(super) fn lack(&self) -> Option<String> {
        match (self.digits.len(), self.left) {
            (0, 0) => None,
            (0, left) => Some(format!("{left} bytes of body are still expected")),
            (digits, _) => Some(format!("{digits} bytes of length header were received")),
        }
    }

    /// Whether the last packet is whole.
    #[cfg(test)]
    fn is_whole(&self) -> bool {
        self.lack().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_end_wherever_bytes_are_cut() {
        let text = b"0008abcd000100040005x00000009hello";
        for size in 1..text.len() {
            let (mut packets, mut flushes, mut at) = (Packets::default(), 0, 0);
            while at < text.len() {
                let end = (at + size).min(text.len());
                match packets.pass(&text[at..end]).unwrap_or(Seen::Data) {
                    Seen::Flush(len) => {
                        flushes += 1;
                        at += len;
                        assert!(packets.is_whole());
                    }
                    Seen::Data => at = end,
                }
            }
            assert_eq!(flushes, 1, "{size}");
            assert!(packets.is_whole());
        }
    }

    #[test]
    fn wrong_packets() {
        for (bytes, good) in [
            ("0000", true),
            ("0001", true),
            ("0004", true),
            ("0002", false),
            ("0003", false),
            ("+004", false),
            ("zzzz", false),
        ] {
            assert_eq!(Packets::default().pass(bytes.as_bytes()).is_ok(), good, "{bytes}");
        }
        let mut packets = Packets::default();
        assert_eq!(packets.pass(b"0008ab").unwrap_or(Seen::Flush(0)), Seen::Data);
        assert!(!packets.is_whole());
        assert_eq!(packets.pass(b"cd0000rest").unwrap_or(Seen::Data), Seen::Flush(6));
        assert!(packets.is_whole());
    }
}
