//! The files of a repository on an HTTP server.

use std::collections::HashSet;
use std::io::Read;

use gitwire_pack::{Index, Limits};
use gitwire_protocol::FetchClient;
use gitwire_transport::http::{Answer, Folder, Site};
use gitwire_transport::{HttpError, TransportError};
use gitwire_types::{Interrupt, ObjectFormat, ObjectId};

use super::loose::Loose;
use super::{DumbError, DumbLimits, refs};
use crate::{ClientError, Remote, RemoteRefs};

/// A repository and those that it borrows objects from, on one server.
pub(super) struct Server {
    site: Site,
    client: FetchClient,
    limits: DumbLimits,
    /// Whether it may send us to others of its repositories.
    alternates: bool,
    format: ObjectFormat,
    /// The repository's `objects/` first, then its alternates'.
    folders: Vec<Place>,
    packs: Vec<RemotePack>,
    /// Bytes of indexes that are held.
    index_bytes: u64,
}

/// Where objects are.
struct Place {
    folder: Folder,
    /// What it borrows from is known.
    followed: bool,
    /// Its packs are known.
    listed: bool,
}

/// A pack on the server.
struct RemotePack {
    folder: Folder,
    /// The digits in its name.
    name: String,
    index: Option<Index<Vec<u8>>>,
    /// It has been fetched: what is not here is not in it.
    spent: bool,
}

/// Where an object is, or was.
pub(super) enum Found {
    Loose(Loose),
    /// In the pack of this number, which is to be fetched.
    Pack(usize),
    Nowhere,
}

impl Server {
    pub(super) fn open(remote: &Remote) -> Result<Self, ClientError> {
        let mut site = Site::new(&remote.url, &remote.connect)?;
        site.set_idle(remote.deadlines.idle);
        let mut options = remote.client.clone();
        options.mode = gitwire_protocol::Mode::Duplex;
        Ok(Self {
            site,
            client: FetchClient::new(options),
            limits: remote.dumb.clone(),
            alternates: remote.alternates,
            format: ObjectFormat::default(),
            folders: Vec::new(),
            packs: Vec::new(),
            index_bytes: 0,
        })
    }

    /// The refs. Where the repository is shows with them.
    pub(super) fn refs(&mut self) -> Result<RemoteRefs, ClientError> {
        let max = self.limits.refs_bytes_max;
        let list = read_to(self.site.get("info/refs", 0)?, "bytes of info/refs", max)?;
        let head = optional(self.site.get("HEAD", 0))?;
        let head = head.map(|file| read_to(file, "bytes of HEAD", HEAD_BYTES_MAX)).transpose()?;
        let machine = std::mem::replace(&mut self.client, FetchClient::new(Default::default()));
        let refs = refs::read(&self.site.url(), &list, head.as_deref(), machine)?;
        self.format = refs.format();
        let folder = self.site.folder().join("objects/");
        self.folders = vec![Place { folder, followed: false, listed: false }];
        Ok(refs)
    }

    /// Looks for an object: in files of their own, in packs, then in further repositories.
    pub(super) fn find(&mut self, id: &ObjectId, stop: &dyn Interrupt) -> Result<Found, ClientError> {
        let mut at = 0_usize;
        loop {
            let first = at;
            while let Some(place) = self.folders.get(at) {
                stop.check()?;
                let folder = place.folder.clone();
                if let Some(loose) = self.loose(&folder, id)? {
                    return Ok(Found::Loose(loose));
                }
                at = at.saturating_add(1);
            }
            if let Some(pack) = self.packed(id, first, stop)? {
                return Ok(Found::Pack(pack));
            }
            if !self.follow(stop)? {
                return Ok(Found::Nowhere);
            }
        }
    }

    /// How many loose objects may come.
    pub(super) fn objects_max(&self) -> usize {
        self.limits.objects_max
    }

    /// The bytes of a pack. It is fetched once.
    pub(super) fn pack(&mut self, pack: usize) -> Result<(String, Answer<'_>), ClientError> {
        let pack = self.packs.get_mut(pack).ok_or(ClientError::Internal("a pack that is not there"))?;
        pack.spent = true;
        let below = format!("pack/pack-{}.pack", pack.name);
        let answer = self.site.get_in(&pack.folder, &below)?;
        Ok((pack.name.clone(), answer))
    }

    fn loose(&mut self, folder: &Folder, id: &ObjectId) -> Result<Option<Loose>, ClientError> {
        let hex = id.to_hex();
        let (start, rest) = hex.as_str().split_at_checked(2).unwrap_or_default();
        let file = optional(self.site.get_in(folder, &format!("{start}/{rest}")))?;
        let max = self.limits.object_bytes_max;
        file.map(|file| Loose::read(id, file, max)).transpose()
    }

    /// The pack that holds an object; those of the folders from `first` on are listed if they have not been.
    fn packed(
        &mut self,
        id: &ObjectId,
        first: usize,
        stop: &dyn Interrupt,
    ) -> Result<Option<usize>, ClientError> {
        for at in first..self.folders.len() {
            self.list_packs(at)?;
        }
        for at in 0..self.packs.len() {
            stop.check()?;
            self.load_index(at, stop)?;
            let Some(RemotePack { name, index: Some(index), spent: false, .. }) = self.packs.get(at) else {
                continue;
            };
            let broken = |source| DumbError::Index { name: name.clone(), source };
            if index.lookup(id).map_err(broken)?.is_some() {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn list_packs(&mut self, at: usize) -> Result<(), ClientError> {
        let Some(place) = self.folders.get_mut(at).filter(|place| !place.listed) else { return Ok(()) };
        place.listed = true;
        let folder = place.folder.clone();
        let Some(list) = optional(self.site.get_in(&folder, "info/packs"))? else { return Ok(()) };
        let list = read_to(list, "bytes of objects/info/packs", self.limits.list_bytes_max)?;
        let known: HashSet<String> = self.packs.iter().map(|pack| pack.name.clone()).collect();
        for line in list.split(|byte| *byte == b'\n') {
            let Some(name) = pack_name(line).filter(|name| !known.contains(name)) else { continue };
            if self.packs.len() >= self.limits.packs_max {
                let max = self.limits.packs_max as u64;
                return Err(DumbError::Limit { what: "packs", max }.into());
            }
            self.packs.push(RemotePack { folder: folder.clone(), name, index: None, spent: false });
        }
        Ok(())
    }

    fn load_index(&mut self, at: usize, stop: &dyn Interrupt) -> Result<(), ClientError> {
        let Some(pack) = self.packs.get_mut(at).filter(|pack| pack.index.is_none() && !pack.spent) else {
            return Ok(());
        };
        let below = format!("pack/pack-{}.idx", pack.name);
        let Some(file) = optional(self.site.get_in(&pack.folder, &below))? else {
            // A pack that nobody can look into is as good as none.
            pack.spent = true;
            return Ok(());
        };
        let max = self.limits.index_bytes_max;
        let bytes = read_to(file, "bytes of indexes", max.saturating_sub(self.index_bytes))
            .map_err(|_| DumbError::Limit { what: "bytes of indexes", max })?;
        self.index_bytes = self.index_bytes.saturating_add(bytes.len() as u64);
        let broken = |source| DumbError::Index { name: pack.name.clone(), source };
        let index = Index::open(bytes, self.format, &Limits::default()).map_err(broken)?;
        index.check(None, stop).map_err(broken)?;
        pack.index = Some(index);
        Ok(())
    }

    /// Learns from where the repositories that are known borrow; whether there are more of them now. Only those on the same server
    /// are followed: a list in a file sends nobody elsewhere.
    fn follow(&mut self, stop: &dyn Interrupt) -> Result<bool, ClientError> {
        let before = self.folders.len();
        if !self.alternates {
            return Ok(false);
        }
        for at in 0..before {
            stop.check()?;
            let Some(place) = self.folders.get_mut(at).filter(|place| !place.followed) else { continue };
            place.followed = true;
            let folder = place.folder.clone();
            let mut named = Vec::new();
            for below in ["info/http-alternates", "info/alternates"] {
                if let Some(list) = optional(self.site.get_in(&folder, below))? {
                    named = read_to(list, "bytes of alternates", self.limits.list_bytes_max)?;
                    break;
                }
            }
            for line in named.split(|byte| *byte == b'\n') {
                let line = line.trim_ascii();
                if line.is_empty() || line.starts_with(b"#") {
                    continue;
                }
                let Some(folder) = folder.beside(line) else { continue };
                if self.folders.iter().any(|known| known.folder == folder) {
                    continue;
                }
                // The repository itself is no alternate.
                if self.folders.len() > self.limits.alternates_max {
                    let max = self.limits.alternates_max as u64;
                    return Err(DumbError::Limit { what: "alternates", max }.into());
                }
                self.folders.push(Place { folder, followed: false, listed: false });
            }
        }
        Ok(self.folders.len() > before)
    }
}

/// The digits of `P pack-….pack`: nothing else is asked for.
fn pack_name(line: &[u8]) -> Option<String> {
    let name = line.trim_ascii().strip_prefix(b"P pack-")?.strip_suffix(b".pack")?;
    let hex = name.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (hex && matches!(name.len(), 40 | 64)).then(|| String::from_utf8_lossy(name).into_owned())
}

/// A file that need not be there.
fn optional(answer: Result<Answer<'_>, TransportError>) -> Result<Option<Answer<'_>>, TransportError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        // 410 says the same of what was there once.
        Err(TransportError::Http(HttpError::NotFound { .. } | HttpError::Status { status: 410, .. })) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn read_to(file: impl Read, what: &'static str, max: u64) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    let read = file.take(max.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(TransportError::Read)?;
    match bytes.len() as u64 <= max {
        true => Ok(bytes),
        false => Err(DumbError::Limit { what, max }.into()),
    }
}

/// A line.
const HEAD_BYTES_MAX: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packs() {
        let digits = "0123456789abcdef0123456789abcdef01234567";
        let name = |line: &str| pack_name(line.as_bytes());
        assert_eq!(name(&format!("P pack-{digits}.pack")).as_deref(), Some(digits));
        for line in [
            "",
            "P pack-.pack",
            "P pack-../../../../etc/passwd.pack",
            &format!("D pack-{digits}.pack"),
            &format!("P pack-{digits}.idx"),
            &format!("P pack-{}.pack", digits.to_uppercase()),
            &format!("P pack-{digits}0.pack"),
        ] {
            assert_eq!(name(line), None, "{line}");
        }
    }
}
