//! What an upload-pack says, taken apart: what is pinned byte for byte, and the pack, which is pinned as a set of objects.

/// An answer, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Every packet but progress and the pack, as it came.
    pub(super) lines: Vec<Vec<u8>>,
    /// The pack.
    pub(super) pack: Vec<u8>,
}

impl Answer {
    /// Takes an answer apart. Data of band 1 is the pack, but for the lines before it under `sideband-all`; band 2 is progress. Where
    /// the order is nobody's promise, it is the order of the bytes: of the ends of a history, and of two sections that git has the other
    /// way round than its documents.
    pub(super) fn parse(mut bytes: &[u8]) -> Self {
        let mut answer = Self::default();
        while !bytes.is_empty() {
            let length = bytes.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
            let length = length.and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let Some(length) = length.filter(|length| *length <= bytes.len()) else {
                // No line: the pack itself, where no side-band is agreed on.
                answer.pack.extend_from_slice(bytes);
                break;
            };
            let (packet, rest) = bytes.split_at(length.max(4));
            match packet.get(4) {
                Some(1) => answer.pack.extend_from_slice(&packet[5..]),
                Some(2) => {}
                _ => answer.lines.push(packet.to_vec()),
            }
            bytes = rest;
        }
        let start = answer.pack.windows(4).position(|window| window == b"PACK").unwrap_or(answer.pack.len());
        let pack = answer.pack.split_off(start);
        let banded = std::mem::replace(&mut answer.pack, pack);
        answer.lines.extend(banded.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        answer.lines = in_order(&answer.lines);
        answer
    }
}

fn in_order(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut sections: Vec<Vec<Vec<u8>>> = lines.split(|line| line == b"0001").map(<[_]>::to_vec).collect();
    for section in &mut sections {
        let is_end = |line: &Vec<u8>| {
            line.get(4..).is_some_and(|line| line.starts_with(b"shallow ") || line.starts_with(b"unshallow "))
        };
        for run in section.chunk_by_mut(|one, other| is_end(one) == is_end(other)) {
            if run.first().is_some_and(is_end) {
                run.sort_unstable();
            }
        }
    }
    let named = |section: &[Vec<u8>], name: &[u8]| section.first().is_some_and(|line| line.ends_with(name));
    if let [.., one, other, _] = &mut sections[..]
        && named(one, b"wanted-refs\n")
        && named(other, b"shallow-info\n")
    {
        std::mem::swap(one, other);
    }
    sections.join(&b"0001".to_vec())
}
