//! Packs that the server does not send but names by URI (`gitprotocol-v2`, *packfile-uris*).

use std::io::{self, Read as _};

use bytes::Bytes;
use gitwire_storage::{Repository, StageRequest};
use gitwire_types::{Interrupt, ObjectId};

use super::Fetch;
use crate::ClientError;
use crate::web_file::locate;

/// Downloads packs and puts them into the repository, where nothing leads to them yet. As long as what is given back lives, nobody who
/// clears up takes them away.
pub(super) fn bring(
    fetch: &Fetch,
    repository: &dyn Repository,
    packs: &[(ObjectId, Bytes)],
    request: &StageRequest,
    stop: &dyn Interrupt,
) -> Result<Vec<Box<dyn Send>>, ClientError> {
    let mut kept = Vec::with_capacity(packs.len());
    for (hash, uri) in packs {
        stop.check()?;
        let asked = fetch.uri_protocols.iter().any(|protocol| {
            uri.strip_prefix(protocol.as_bytes()).is_some_and(|rest| rest.starts_with(b"://"))
        });
        let failed = |why: String| ClientError::PackfileUri { uri: uri.escape_ascii().to_string(), why };
        if !asked {
            return Err(failed("its protocol was not asked for".to_owned()));
        }
        let (mut site, name) = locate(uri, &fetch.remote.connect)?;
        site.set_idle(fetch.remote.deadlines.idle);
        let mut answer = site.get(&name, 0)?;
        let mut staging = repository.stage(request)?;
        let mut piece = vec![0; PIECE];
        loop {
            stop.check()?;
            match answer.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => staging.write(piece.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error.to_string())),
            }
        }
        let staged = staging.finish(stop)?;
        if staged.checksum() != Some(*hash) {
            return Err(failed(format!("the pack does not match expected hash {hash}")));
        }
        kept.push(repository.publish(staged)?);
    }
    Ok(kept)
}

const PIECE: usize = 64 << 10;
