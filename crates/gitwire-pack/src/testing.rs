//! What tests make files of, by hand.

#![allow(clippy::arithmetic_side_effects, reason = "files of some hundred bytes")]

use gitwire_object::{Hasher, Trust};
use gitwire_types::ObjectFormat;

/// A file of chunks (`gitformat-chunk`) behind its head, with its checksum.
pub(crate) fn chunked(head: &[u8], chunks: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut out = head.to_vec();
    let mut at = head.len() as u64 + 12 * (chunks.len() as u64 + 1);
    for (name, content) in chunks {
        out.extend(name);
        out.extend(at.to_be_bytes());
        at += content.len() as u64;
    }
    out.extend([0; 4]);
    out.extend(at.to_be_bytes());
    chunks.iter().for_each(|(_, content)| out.extend(content));
    summed(out)
}

/// The same with its checksum behind it.
pub(crate) fn summed(mut content: Vec<u8>) -> Vec<u8> {
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(&content);
    content.extend(hasher.finish().unwrap().as_bytes());
    content
}
