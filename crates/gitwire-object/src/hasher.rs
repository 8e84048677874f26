//! Names of bytes and of objects.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::ObjectHeader;

/// Who made the bytes that are hashed; it decides what SHA-1 costs. SHA-256 is the same for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Somebody else: objects and packs that arrive. SHA-1 looks for the marks of a collision attack, and finding them is an
    /// error.
    Stranger,
    /// This process: the trailer of a pack or index that is being written, or a checksum against accidents. Plain SHA-1.
    Own,
}

/// A running hash in either [`ObjectFormat`].
///
/// It may be used again and again: [`Hasher::object_id`] and [`Hasher::finish_reset`] leave it as new.
///
/// ```
/// use gitwire_object::{Hasher, Trust};
/// use gitwire_types::ObjectFormat;
///
/// let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
/// hasher.update(b"PACK");
/// hasher.update(&[0, 0, 0, 2, 0, 0, 0, 0]);
/// assert_eq!(hasher.finish()?.to_string(), "029d08823bd8a8eab510ad6ac75c823cfd3ed31e");
/// # Ok::<(), gitwire_object::HashError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Hasher(State);

#[derive(Debug, Clone)]
enum State {
    Detecting(sha1dc::Hasher),
    Plain(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    /// A hash over nothing yet.
    #[must_use]
    pub fn new(format: ObjectFormat, trust: Trust) -> Self {
        Self(match (format, trust) {
            (ObjectFormat::Sha1, Trust::Stranger) => State::Detecting(sha1dc::Hasher::new()),
            (ObjectFormat::Sha1, Trust::Own) => State::Plain(Sha1::new()),
            (ObjectFormat::Sha256, _) => State::Sha256(Sha256::new()),
        })
    }

    /// The hash function.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        match self.0 {
            State::Detecting(_) | State::Plain(_) => ObjectFormat::Sha1,
            State::Sha256(_) => ObjectFormat::Sha256,
        }
    }

    /// Forgets everything and begins an object: takes in the header for `size` bytes of content, which must follow through
    /// [`Hasher::update`].
    pub fn begin_object(&mut self, kind: ObjectKind, size: u64) {
        self.reset();
        self.update(ObjectHeader::new(kind, size).as_bytes());
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Detecting(hasher) => hasher.update(bytes),
            State::Plain(hasher) => hasher.update(bytes),
            State::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// Forgets what was taken in.
    pub fn reset(&mut self) {
        match &mut self.0 {
            State::Detecting(hasher) => hasher.reset(),
            State::Plain(hasher) => Digest::reset(hasher),
            State::Sha256(hasher) => Digest::reset(hasher),
        }
    }

    /// The hash of all that was taken in; the hasher is as new afterwards.
    ///
    /// # Errors
    /// [`HashError::Collision`] if the bytes were made to collide (only with [`Trust::Stranger`]).
    pub fn finish_reset(&mut self) -> Result<ObjectId, HashError> {
        Ok(match &mut self.0 {
            State::Detecting(hasher) => {
                ObjectId::from_sha1(hasher.finalize_reset().map_err(collision)?.to_bytes())
            }
            State::Plain(hasher) => ObjectId::from_sha1(hasher.finalize_reset().into()),
            State::Sha256(hasher) => ObjectId::from_sha256(hasher.finalize_reset().into()),
        })
    }

    /// The hash of all that was taken in.
    ///
    /// # Errors
    /// [`HashError::Collision`] if the bytes were made to collide (only with [`Trust::Stranger`]).
    pub fn finish(self) -> Result<ObjectId, HashError> {
        Ok(match self.0 {
            State::Detecting(hasher) => ObjectId::from_sha1(hasher.finalize().map_err(collision)?.to_bytes()),
            State::Plain(hasher) => ObjectId::from_sha1(hasher.finalize().into()),
            State::Sha256(hasher) => ObjectId::from_sha256(hasher.finalize().into()),
        })
    }

    /// The id of an object of `kind` with `content`. Whatever was taken in before is forgotten; the hasher is as new
    /// afterwards.
    ///
    /// # Errors
    /// [`HashError::Collision`] if the content was made to collide (only with [`Trust::Stranger`]).
    pub fn object_id(&mut self, kind: ObjectKind, content: &[u8]) -> Result<ObjectId, HashError> {
        self.begin_object(kind, content.len() as u64);
        self.update(content);
        self.finish_reset()
    }
}

/// The id of one object: what [`Hasher::object_id`] gives. For many objects keep a [`Hasher`].
///
/// # Errors
/// [`HashError::Collision`] if the content was made to collide (only with [`Trust::Stranger`]).
pub fn object_id(
    format: ObjectFormat,
    trust: Trust,
    kind: ObjectKind,
    content: &[u8],
) -> Result<ObjectId, HashError> {
    Hasher::new(format, trust).object_id(kind, content)
}

/// Why some bytes have no usable hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The bytes carry the marks of a collision attack: other bytes with the same hash exist.
    #[error("SHA-1 collision attack detected on {id}")]
    Collision {
        /// The hash that both have. Not to be used as a name.
        id: ObjectId,
    },
}

fn collision(found: sha1dc::Collision) -> HashError {
    HashError::Collision { id: ObjectId::from_sha1(found.digest().to_bytes()) }
}

#[cfg(test)]
pub(crate) mod tests;
