//! Words onto a line.

use bytes::BufMut;

use crate::{OfferedFormats, Unknown, Value};

/// Appends words with one blank between them, and one in front of the first where asked.
pub(crate) struct Words<'a, B> {
    out: &'a mut B,
    blank: bool,
}

impl<'a, B: BufMut> Words<'a, B> {
    /// The first word follows what stands there without a blank.
    pub(crate) fn first(out: &'a mut B) -> Self {
        Self { out, blank: false }
    }

    /// Each word has a blank in front of it.
    pub(crate) fn after(out: &'a mut B) -> Self {
        Self { out, blank: true }
    }

    pub(crate) fn word(&mut self, word: &[u8]) {
        if self.blank {
            self.out.put_u8(b' ');
        }
        self.blank = true;
        self.out.put_slice(word);
    }

    /// `key=value`. Version 0 cannot say a blank: git puts a dot for one in its agent, and so do we.
    pub(crate) fn pair(&mut self, key: &str, value: &Value) {
        self.word(key.as_bytes());
        self.out.put_u8(b'=');
        value.as_bytes().iter().for_each(|byte| self.out.put_u8(if *byte == b' ' { b'.' } else { *byte }));
    }

    /// More of the word that was begun.
    pub(crate) fn join(&mut self, pieces: &[&[u8]]) {
        pieces.iter().for_each(|piece| self.out.put_slice(piece));
    }

    pub(crate) fn optional(&mut self, key: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.pair(key, value);
        }
    }

    pub(crate) fn formats(&mut self, formats: &OfferedFormats) {
        for format in &formats.known {
            self.word(b"object-format=");
            self.out.put_slice(format.name().as_bytes());
        }
        for format in &formats.unknown {
            self.pair("object-format", format);
        }
    }

    pub(crate) fn unknown(&mut self, unknown: &[Unknown]) {
        for Unknown { key, value } in unknown {
            self.word(key.as_bytes());
            if let Some(value) = value {
                self.out.put_u8(b'=');
                self.out.put_slice(value.as_bytes());
            }
        }
    }
}
