//! The records of several tables as if of one.

use crate::error::ReftableError;

/// Records in the order of their keys.
pub trait Ordered {
    /// Goes on to the next record; whether there is one. A cursor begins before its first record.
    ///
    /// # Errors
    /// A damaged table; a failing source.
    fn advance(&mut self) -> Result<bool, ReftableError>;

    /// The key of the record that it stands at.
    fn key(&self) -> &[u8];
}

/// Several cursors as one. Of records with the same key that of the last cursor counts: cursors are given oldest table first, as
/// `tables.list` names them.
#[derive(Debug)]
pub struct Merged<C> {
    cursors: Vec<C>,
    /// Those that stand at a record: greatest key first, and with equal keys the oldest first, so that what is next is at the end.
    order: Vec<usize>,
    /// The one whose record was given last.
    current: Option<usize>,
}

impl<C: Ordered> Merged<C> {
    /// Of these cursors, none of which has been used yet.
    ///
    /// # Errors
    /// A damaged table; a failing source.
    pub fn new(cursors: Vec<C>) -> Result<Self, ReftableError> {
        let mut merged = Self { order: Vec::with_capacity(cursors.len()), cursors, current: None };
        for at in 0..merged.cursors.len() {
            merged.put_back(at)?;
        }
        Ok(merged)
    }

    /// The next record: the cursor that stands at it.
    ///
    /// # Errors
    /// A damaged table; a failing source.
    pub fn advance(&mut self) -> Result<Option<&C>, ReftableError> {
        if let Some(current) = self.current.take() {
            // What older tables say of the same key no longer counts.
            while let Some(other) =
                self.order.last().copied().filter(|other| self.key(*other) == self.key(current))
            {
                self.order.pop();
                self.put_back(other)?;
            }
            self.put_back(current)?;
        }
        self.current = self.order.pop();
        Ok(self.current())
    }

    /// The cursor that stands at the record that was given last.
    #[must_use]
    pub fn current(&self) -> Option<&C> {
        self.current.and_then(|at| self.cursors.get(at))
    }

    fn key(&self, at: usize) -> &[u8] {
        self.cursors.get(at).map_or(&[], Ordered::key)
    }

    /// Moves a cursor on and puts it where it belongs.
    fn put_back(&mut self, at: usize) -> Result<(), ReftableError> {
        let Some(cursor) = self.cursors.get_mut(at) else { return Ok(()) };
        if cursor.advance()? {
            let key = (self.key(at), at);
            let place = self.order.partition_point(|other| {
                let other = (self.key(*other), *other);
                other.0 > key.0 || other.0 == key.0 && other.1 < key.1
            });
            self.order.insert(place, at);
        }
        Ok(())
    }
}
