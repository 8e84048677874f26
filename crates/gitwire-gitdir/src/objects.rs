//! All object directories of a repository, and views of them.

use std::path::Path;
use std::sync::Arc;

use gitwire_storage::{ObjectReader, ObjectStore, Presence, Result};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::alternates::{self, ObjectDirectory};
use crate::error::Context as _;
use crate::fs::{Directory, FileSystem};
use crate::loose::LooseObject;
use crate::open::OpenOptions;

/// Where objects stand, and what views share.
#[derive(Debug)]
pub(crate) struct ObjectFiles {
    file_system: Arc<dyn FileSystem>,
    own: ObjectDirectory,
    format: ObjectFormat,
    verify: bool,
    alternates_depth_max: u32,
}

impl ObjectFiles {
    pub(crate) fn open(
        common_path: &Path,
        common: &dyn Directory,
        format: ObjectFormat,
        options: &OpenOptions,
    ) -> Result<Self> {
        let path = common_path.join("objects");
        let own = common
            .open_dir(b"objects")
            .and_then(|dir| ObjectDirectory::open(path.clone(), dir))
            .context(|| format!("cannot open directory '{}'", path.display()))?;
        Ok(Self {
            file_system: Arc::clone(&options.file_system),
            own,
            format,
            verify: options.verify_objects,
            alternates_depth_max: options.alternates_depth_max,
        })
    }

    pub(crate) fn view(&self) -> Result<Arc<dyn ObjectStore>> {
        let directories = alternates::resolve(&self.own, &*self.file_system, self.alternates_depth_max)?;
        Ok(Arc::new(ObjectView { directories, format: self.format, verify: self.verify }))
    }
}

/// A view of all objects of a repository.
#[derive(Debug)]
pub(crate) struct ObjectView {
    directories: Vec<ObjectDirectory>,
    format: ObjectFormat,
    verify: bool,
}

impl ObjectView {
    fn loose(&self, id: &ObjectId) -> Result<Option<LooseObject>> {
        if id.format() != self.format {
            return Ok(None);
        }
        for directory in &self.directories {
            if let Some(found) = LooseObject::open(&*directory.dir, id, self.verify)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl ObjectStore for ObjectView {
    fn headers(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Presence)) -> Result<()> {
        for (index, id) in ids.iter().enumerate() {
            let presence = match self.loose(id)? {
                Some(object) => Presence::Here { kind: object.kind(), size: object.size() },
                None => Presence::Absent,
            };
            out(index, presence);
        }
        Ok(())
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        let Some(mut object) = self.loose(id)? else { return Ok(None) };
        object.read_to_end(max, out)?;
        Ok(Some(object.kind()))
    }

    fn open(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>> {
        Ok(self.loose(id)?.map(|object| Box::new(object) as Box<dyn ObjectReader>))
    }
}
