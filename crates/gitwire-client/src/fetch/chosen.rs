//! Fetching objects alone: the caller chooses once the refs are known, and no ref moves.

use std::sync::Arc;

use gitwire_storage::Repository;
use gitwire_types::{Force, Interrupt, ObjectId, RefName};

use super::{Fetch, FetchHeadRole, Fetched, Plan, Wanted};
use crate::conversation::Carrier;
use crate::event::Listener;
use crate::{ClientError, RemoteRefs};

/// Chooses which objects are wanted, once the remote has shown its refs.
pub type Chooser<'a> = &'a dyn Fn(&RemoteRefs) -> Result<Vec<ObjectId>, ClientError>;

/// What is asked of a fetch's pack, beside what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackWish {
    /// Whether it may have deltas against objects that are here already: less comes.
    pub thin: bool,
    /// Whether tags come that lead to what is in it, where nothing else asks for that.
    pub tags: bool,
    /// Whether the server tells of its work.
    pub progress: bool,
    /// Whether it comes from a remote that promises what is missing, and is marked so, where no filter says that already.
    pub promisor: bool,
    /// Why it is to be left alone by whoever repacks, until the caller takes the note away; `None`: there is none.
    pub keep: Option<Vec<u8>>,
}

impl Default for PackWish {
    fn default() -> Self {
        Self { thin: true, tags: false, progress: true, promisor: false, keep: None }
    }
}

impl Fetch {
    /// Brings the objects that `choose` names, with all that they reach, and moves no ref, as `git fetch-pack` does:
    /// [`refspecs`](Self::refspecs), [`tags`](Self::tags) and [`prune`](Self::prune) are not used. Over a connection of its own, or over
    /// that of a `carrier`, as in [`run_over`](Self::run_over).
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until), and what `choose` returns.
    pub fn run_chosen(
        &self,
        repository: &Arc<dyn Repository>,
        choose: Chooser<'_>,
        carrier: Option<&mut Carrier<'_>>,
        listener: Listener<'_>,
        stop: &dyn Interrupt,
    ) -> Result<Fetched, ClientError> {
        let planner = |refs: &RemoteRefs| {
            let wanted = choose(refs)?.into_iter().map(unnamed).collect::<Result<_, _>>()?;
            Ok(Plan { repository: Arc::clone(repository), wanted, following: Vec::new() })
        };
        match carrier {
            Some(carrier) => self.run_carried(Vec::new(), &planner, carrier, listener, stop),
            None => self.run_planned(Vec::new(), &planner, listener, stop),
        }
    }
}

fn unnamed(id: ObjectId) -> Result<Wanted, ClientError> {
    let remote =
        RefName::new(id.to_string()).map_err(|_| ClientError::Internal("hexadecimal digits are a name"))?;
    Ok(Wanted { remote, id, local: None, force: Force::No, role: FetchHeadRole::Ignore })
}
