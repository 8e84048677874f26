//! Where a JSON object ends.

use super::{ControlError, ControlLimits};

/// Finds where a JSON object ends, as its bytes come: no byte is looked at twice, and nothing is kept but the brackets that are open.
/// What cannot be JSON is refused as soon as it is seen; what is left to find is for a parser of the whole.
#[derive(Debug, Clone, Default)]
pub struct ObjectEnd {
    looked_at: usize,
    /// What closes the brackets that are open, the innermost last.
    open: Vec<u8>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Between,
    String,
    Escape,
}

impl ObjectEnd {
    /// Where the object ends that `input` begins with: just behind its last bracket. `None`: not within these bytes. `input` begins
    /// with the same bytes at each call; white space before the object is part of it.
    ///
    /// # Errors
    /// [`ControlError::Syntax`] and [`ControlError::Limit`].
    pub fn find(&mut self, input: &[u8], limits: &ControlLimits) -> Result<Option<usize>, ControlError> {
        for (offset, byte) in input.iter().enumerate().skip(self.looked_at) {
            if offset >= limits.request_bytes_max {
                return Err(ControlError::Limit { what: "bytes", max: limits.request_bytes_max });
            }
            self.looked_at = offset.saturating_add(1);
            if self.take(offset, *byte, limits)? {
                return Ok(Some(self.looked_at));
            }
        }
        Ok(None)
    }

    /// Whether nothing but white space has come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes a byte; whether it ends the object.
    fn take(&mut self, offset: usize, byte: u8, limits: &ControlLimits) -> Result<bool, ControlError> {
        let unexpected = || {
            let what = format!("unexpected '{}'", byte.escape_ascii());
            Err(ControlError::Syntax { offset, what })
        };
        match (self.place, byte) {
            (Place::Between, b' ' | b'\t' | b'\r' | b'\n') | (Place::String, b' ' | b'!') => {}
            (Place::Between, b'{' | b'[') if byte == b'{' || !self.open.is_empty() => {
                if self.open.len() >= limits.depth_max {
                    return Err(ControlError::Limit {
                        what: "objects and lists in each other",
                        max: limits.depth_max,
                    });
                }
                self.open.push(if byte == b'{' { b'}' } else { b']' });
            }
            (Place::Between, b'}' | b']') => {
                if self.open.pop() != Some(byte) {
                    return unexpected();
                }
                return Ok(self.open.is_empty());
            }
            (Place::Between, _) if self.open.is_empty() => return unexpected(),
            (Place::Between, b'"') => self.place = Place::String,
            (Place::Between, b':' | b',' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E') => {}
            (Place::Between, _) | (Place::String | Place::Escape, 0..=0x1f) => return unexpected(),
            (Place::String, b'"') => self.place = Place::Between,
            (Place::String, b'\\') => self.place = Place::Escape,
            (Place::String, _) => {}
            (Place::Escape, _) => self.place = Place::String,
        }
        Ok(false)
    }
}
