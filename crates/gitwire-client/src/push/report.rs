//! What the server's report says of each update.

use std::collections::HashMap;

use bytes::Bytes;
use gitwire_protocol::CommandResult;

use super::upload::Heard;
use super::{PushStatus, PushUpdate};

/// Puts what the server said to the updates that it was asked for; gives back the names that it had no reason to speak of.
pub(super) fn settle(updates: &mut [PushUpdate], heard: Heard) -> Vec<Bytes> {
    if !heard.reports {
        return Vec::new();
    }
    let mut due: HashMap<Bytes, usize> = HashMap::new();
    for (at, update) in updates.iter_mut().enumerate() {
        if update.status == PushStatus::Done {
            update.status = PushStatus::Unreported;
            due.insert(update.destination.as_shared().clone(), at);
        }
    }
    let mut unexpected = Vec::new();
    for report in heard.statuses {
        let Some(update) = due.remove(&report.name).and_then(|at| updates.get_mut(at)) else {
            unexpected.push(report.name);
            continue;
        };
        update.status = match report.result {
            CommandResult::Rejected(reason) => PushStatus::RemoteRejected(reason),
            CommandResult::Done(changes) => {
                update.changes = changes;
                PushStatus::Done
            }
            _ => PushStatus::Unreported,
        };
    }
    unexpected
}
