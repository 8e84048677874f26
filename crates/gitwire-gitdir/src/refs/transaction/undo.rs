//! A transaction that fails after it has begun to show.

use gitwire_types::RefTarget;

use super::super::{intent, is_per_worktree};
use super::Running;
use crate::lock::parent_of;

impl Running<'_> {
    /// Makes everything what it was, after a failure. What cannot be made so stays written down, and is finished later.
    pub(super) fn roll_back(&mut self) {
        let files = self.around.files;
        let mut failed = false;
        let packed = std::mem::take(&mut self.packed_before);
        if !packed.put.is_empty() || !packed.removed.is_empty() {
            failed |= self.rewrite_packed(&packed).is_err();
        }
        for planned in self.planned.iter_mut().rev().filter(|planned| planned.applied) {
            let name = &planned.name;
            if packed.put.contains_key(name) || packed.removed.contains(name) {
                planned.applied = false;
                continue;
            }
            let Some(lock) = &mut planned.lock else { continue };
            let undone = match &planned.before {
                Some(RefTarget::Direct(id)) => {
                    lock.write(format!("{id}\n").as_bytes()).and_then(|()| lock.commit())
                }
                Some(RefTarget::Symbolic(name)) => {
                    lock.write(&[b"ref: ", name.as_bytes(), b"\n"].concat()).and_then(|()| lock.commit())
                }
                None => lock.commit_removal(),
            };
            failed |= undone.is_err();
            self.touched.insert((is_per_worktree(&planned.name), parent_of(&planned.name).to_vec()));
            planned.applied = false;
        }
        if let Some(shallow) = &mut self.shallow {
            failed |= shallow.roll_back().is_err();
        }
        failed |= self.sync().is_err();
        if self.intended && !failed {
            intent::remove(&*files.common, self.leased.lease.nonce()).ok();
        }
    }
}
