//! What a receive-pack says, taken apart into lines that can be compared and read.

/// An answer as text: a line for each packet, adjacent packets of a band joined, the report in band 1 taken apart as well. Progress that
/// counts objects is left out, and so are empty packets that keep a connection alive.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut joined: Option<(u8, Vec<u8>)> = None;
    for packet in packets(bytes) {
        match packet.get(4) {
            Some(band @ 1..=3) => match &mut joined {
                Some((last, data)) if last == band => data.extend_from_slice(&packet[5..]),
                _ => {
                    end(&mut joined, &mut lines);
                    joined = Some((*band, packet[5..].to_vec()));
                }
            },
            _ => {
                end(&mut joined, &mut lines);
                lines.push(masked(&packet.escape_ascii().to_string()));
            }
        }
    }
    end(&mut joined, &mut lines);
    lines
}

fn end(joined: &mut Option<(u8, Vec<u8>)>, lines: &mut Vec<String>) {
    match joined.take() {
        Some((1, data)) => {
            lines.extend(packets(&data).iter().map(|packet| format!("1: {}", packet.escape_ascii())));
        }
        Some((band, data)) => {
            let said = words(&data);
            lines.extend(said.iter().map(|line| format!("{band}: {line}")));
        }
        None => {}
    }
}

/// What is said to people, a line each, without progress.
pub(super) fn words(said: &[u8]) -> Vec<String> {
    said.split(|byte| matches!(byte, b'\n' | b'\r'))
        .filter(|line| !line.is_empty() && !PROGRESS.iter().any(|start| line.starts_with(start.as_bytes())))
        .map(|line| masked(&line.escape_ascii().to_string()))
        .collect()
}

const PROGRESS: [&str; 5] = [
    "Unpacking objects: ",
    "Resolving deltas: ",
    "Receiving objects: ",
    "Indexing objects: ",
    "Checking objects: ",
];

fn packets(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let length = bytes.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
        let length = length.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let length = length.filter(|length| *length <= bytes.len()).unwrap_or(bytes.len());
        let (packet, rest) = bytes.split_at(length.max(4).min(bytes.len()));
        packets.push(packet);
        bytes = rest;
    }
    packets
}

/// Without what differs from one run to the next: nonces, names of sessions and of temporary files.
pub(super) fn masked(text: &str) -> String {
    let mut text = text.to_owned();
    if ["push-cert=", "session-id="].iter().any(|name| text.contains(name)) {
        // How long a nonce is, and a name, is part of the length of the packet.
        text.replace_range(..4, "....");
    }
    for (start, ends) in
        [("push-cert=", " "), ("session-id=", " "), ("incoming-", "/:' "), ("tmp_objdir-incoming-", "/:' ")]
    {
        let mut from = 0;
        while let Some(at) = text[from..].find(start).map(|at| from + at + start.len()) {
            let len = text[at..].find(|byte| ends.contains(byte)).unwrap_or(text.len() - at);
            text.replace_range(at..at + len, "*");
            from = at;
        }
    }
    text
}
