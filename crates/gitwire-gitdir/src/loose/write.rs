//! Writing objects in files of their own.

use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress, Status};
use gitwire_storage::{Result, StorageError, StorageErrorKind};
use gitwire_types::{ObjectId, ObjectKind};

use crate::error::{Context as _, shown};
use crate::fs::{Directory, File};
use crate::lock::{DIRECTORY_MODE, parent_of};

use super::path_of;

/// Writes a new file with the object whose content `read` gives. It is not durable yet.
pub(crate) fn write_stream(
    dir: &dyn Directory,
    path: &[u8],
    kind: ObjectKind,
    size: u64,
    read: &mut dyn FnMut(&mut [u8]) -> Result<usize>,
) -> Result<Arc<dyn File>> {
    let context = || format!("cannot write '{}'", shown(path));
    let file = dir.create(path, OBJECT_MODE).context(context)?;
    // As git: these files are many and small, and are packed better one day.
    let mut deflater =
        Deflater { file: &file, deflate: Compress::new(Compression::fast(), true), room: Vec::new() };
    deflater.write(format!("{} {size}\0", kind).as_bytes()).context(context)?;
    let mut room = vec![0; 32 << 10];
    let mut given = 0_u64;
    loop {
        let got = read(&mut room)?;
        if got == 0 {
            break;
        }
        given = given.saturating_add(got as u64);
        deflater.write(room.get(..got).unwrap_or_default()).context(context)?;
    }
    if given != size {
        let text = format!("an object has {given} bytes, and {size} were declared");
        return Err(StorageError::new(StorageErrorKind::Misuse, text));
    }
    deflater.end().context(context)?;
    Ok(file)
}

/// Puts an object into an object directory, durably. What a crash leaves, `git prune` knows by its name.
pub(crate) fn store(
    objects: &Arc<dyn Directory>,
    nonce: u64,
    id: &ObjectId,
    kind: ObjectKind,
    content: &[u8],
) -> Result<()> {
    let (path, new) = (path_of(id), format!("tmp_obj_{nonce:016x}").into_bytes());
    let mut rest = content;
    let written = write_stream(&**objects, &new, kind, content.len() as u64, &mut |room| {
        let count = room.len().min(rest.len());
        let (now, later) = rest.split_at_checked(count).unwrap_or_default();
        room.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        rest = later;
        Ok(count)
    });
    let context = || format!("cannot store object {id}");
    let made = written.and_then(|file| {
        file.sync().context(context)?;
        let made = make_fan_out(&**objects, &path)?;
        objects.rename(&new, &path).context(context)?;
        let parent = parent_of(&path);
        let synced = objects.sync(parent).and_then(|()| if made { objects.sync(b"") } else { Ok(()) });
        synced.context(|| format!("cannot sync directory 'objects/{}'", shown(parent)))
    });
    if made.is_err() {
        objects.remove_file(&new).ok();
    }
    made
}

/// Makes the directory that an object's file stands in; whether it was not there.
pub(crate) fn make_fan_out(dir: &dyn Directory, path: &[u8]) -> Result<bool> {
    let parent = parent_of(path);
    match dir.make_dir(parent, DIRECTORY_MODE) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).context(|| format!("cannot make directory '{}'", shown(parent))),
    }
}

/// A zlib stream on its way into a file (RFC 1950).
struct Deflater<'a> {
    file: &'a Arc<dyn File>,
    deflate: Compress,
    room: Vec<u8>,
}

impl Deflater<'_> {
    fn write(&mut self, mut input: &[u8]) -> std::io::Result<()> {
        while !input.is_empty() {
            let before = self.deflate.total_in();
            self.step(input, FlushCompress::None)?;
            let taken = self.deflate.total_in().saturating_sub(before);
            input = input.get(usize::try_from(taken).unwrap_or(usize::MAX)..).unwrap_or_default();
        }
        Ok(())
    }

    fn end(&mut self) -> std::io::Result<()> {
        while self.step(b"", FlushCompress::Finish)? != Status::StreamEnd {}
        self.file.write(&self.room)
    }

    fn step(&mut self, input: &[u8], flush: FlushCompress) -> std::io::Result<Status> {
        self.room.reserve(ROOM);
        let status =
            self.deflate.compress_vec(input, &mut self.room, flush).map_err(std::io::Error::other)?;
        if self.room.len() >= ROOM {
            self.file.write(&self.room)?;
            self.room.clear();
        }
        Ok(status)
    }
}

/// Objects never change.
const OBJECT_MODE: u32 = 0o444;

/// Written at once.
const ROOM: usize = 64 << 10;
