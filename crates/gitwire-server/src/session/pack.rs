//! The pack, pulled from its source and framed by the machine.

use std::ops::ControlFlow;

use bytes::{Buf, BytesMut};
use gitwire_protocol::UploadPack;
use gitwire_storage::{PackSource, PackWritten, Preparation, SourceState, StorageError};
use gitwire_types::{Interrupt, ObjectId};
use gitwire_walk::{PackRequest, pack_source};

use super::{Session, View};
use crate::{PackMaker, PackOrder, ServeError, Visibility as _};

/// A pack on its way to the client.
#[derive(Default)]
pub(super) struct Packing {
    source: Option<Box<dyn PackSource>>,
    made: BytesMut,
    ended: bool,
    /// What was made, where it is to be told.
    total: Option<PackWritten>,
    announced: bool,
    progress: Option<Report>,
    text: Vec<u8>,
    /// What the source has to say.
    said: Vec<u8>,
    failed: Option<StorageError>,
}

impl Session {
    /// The pack of this request.
    pub(super) fn pack_order(&mut self, view: &View) -> Result<PackOrder, ServeError> {
        let fetch = &mut self.fetch;
        let haves = fetch.haves.take().ok_or(ServeError::Internal("a pack without a request"))?;
        let (graph, common) = haves.into_parts();
        let mut request = PackRequest::new(fetch.wants.clone(), common);
        let (mut filter, mut boundary) = (None, Vec::new());
        if let Some(update) = &fetch.update {
            request.wants.extend_from_slice(&update.wants);
            request.haves.extend_from_slice(&update.edges);
            boundary.clone_from(&update.boundary);
        }
        if let Some((spec, rule)) = fetch.filter.take() {
            request.filter = rule;
            filter = Some(spec);
        }
        if fetch.request.include_tag {
            request.tags = self.tags(view)?;
        }
        request.promised_may_lack = self.accepts_promisors;
        let fetch = &mut self.fetch;
        // As with git, only whoever is told of everything in a side-band: between the section and the pack the client may have to wait.
        if let Some(protocols) = fetch.request.packfile_uris.as_ref().filter(|_| fetch.request.sideband_all) {
            let uris = self.policy.packfile_uris.fetched_by(protocols).map_err(ServeError::Refused)?;
            fetch.elsewhere = uris.cloned().collect();
            request.elsewhere = fetch.elsewhere.iter().map(|elsewhere| elsewhere.blob).collect();
        }
        request.thin = fetch.request.thin_pack;
        request.ofs_delta = fetch.request.ofs_delta;
        request.shallow = !boundary.is_empty();
        request.bitmaps = self.policy.bitmaps;
        request.threads = self.policy.pack_threads;
        request.memory = self.policy.pack_memory;
        Ok(PackOrder { graph, request, filter, boundary, progress: !fetch.request.no_progress })
    }

    /// What the visible refs below `refs/tags/` hold.
    fn tags(&self, view: &View) -> Result<Vec<ObjectId>, ServeError> {
        let mut tags = Vec::new();
        view.refs.each(&[bytes::Bytes::from_static(b"refs/tags/")], &mut |record| {
            tags.extend(record.id.filter(|_| self.policy.shows(record.name)));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(tags)
    }
}

impl Packing {
    pub(super) fn begin(
        &mut self,
        order: PackOrder,
        packs: Option<&dyn PackMaker>,
    ) -> Result<(), ServeError> {
        self.progress = order.progress.then(Report::default);
        self.source = Some(match packs {
            Some(packs) => packs.make(order)?,
            None => pack_source(order.graph, order.request),
        });
        Ok(())
    }

    pub(super) fn is_begun(&self) -> bool {
        self.source.is_some()
    }

    pub(super) fn is_announced(&self) -> bool {
        self.announced
    }

    /// The objects that the client gets elsewhere; `None` as long as that is not known, and the pack cannot be announced.
    pub(super) fn left_out(&self) -> Option<&[ObjectId]> {
        self.source.as_ref().and_then(|source| source.left_out())
    }

    /// Makes the next piece.
    pub(super) fn work(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        if self.ended || !self.made.is_empty() {
            return Ok(());
        }
        for _ in 0..STEPS {
            if !self.step(stop)? || !self.said.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Has the source do one step; true where it only prepared something.
    fn step(&mut self, stop: &dyn Interrupt) -> Result<bool, ServeError> {
        let source = self.source.as_mut().ok_or(ServeError::Internal("a pack that has not begun"))?;
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        let state = source.next(Session::PIECE, &mut self.made, stop);
        self.said.append(&mut source.take_said());
        let state = match state {
            // What the source said before it failed is told first.
            Err(error) if !self.said.is_empty() => {
                self.failed = Some(error);
                return Ok(false);
            }
            state => state?,
        };
        match state {
            SourceState::Preparing(preparation) => {
                if let Some(report) = &mut self.progress {
                    report.note(preparation, &mut self.text);
                }
                return Ok(true);
            }
            SourceState::End => {
                self.total = source.written().filter(|_| self.progress.is_some());
                self.ended = true;
            }
            _ => {
                if let Some(report) = &mut self.progress {
                    report.end(&mut self.text);
                }
            }
        }
        Ok(false)
    }

    /// Sends the piece; whether it was the last one.
    pub(super) fn answer(
        &mut self,
        machine: &mut UploadPack,
        output: &mut BytesMut,
    ) -> Result<bool, ServeError> {
        self.announced = true;
        machine.begin_pack(output)?;
        if !self.text.is_empty() {
            machine.progress(&self.text, output)?;
            self.text.clear();
        }
        if !self.said.is_empty() {
            machine.message(&self.said, output)?;
            self.said.clear();
        }
        while !self.made.is_empty() {
            let made = &mut self.made;
            machine.pack_frame(output, |room| {
                let len = room.len().min(made.len());
                if let (Some(room), Some(piece)) = (room.get_mut(..len), made.get(..len)) {
                    room.copy_from_slice(piece);
                }
                made.advance(len);
                len
            })?;
        }
        if self.ended {
            if let Some(written) = self.total {
                machine.progress(total(written).as_bytes(), output)?;
            }
            machine.end_pack(output)?;
        }
        Ok(self.ended)
    }
}

/// Steps of preparation between two answers, each of some milliseconds at most. A small pack is ready after as many: whoever hops to another
/// thread for each answer hops once.
const STEPS: usize = 16;

/// What a pack was made of, in git's words.
fn total(written: PackWritten) -> String {
    let PackWritten { objects, deltas, copied, reused, reused_deltas, .. } = written;
    let from = u8::from(copied > 0);
    format!(
        "Total {objects} (delta {deltas}), reused {reused} (delta {reused_deltas}), pack-reused {copied} (from {from})\n"
    )
}

/// Progress in git's words.
#[derive(Default)]
struct Report {
    title: &'static str,
    /// The line that was shown last, for its end.
    last: String,
    percent: Option<u64>,
}

impl Report {
    fn note(&mut self, preparation: Preparation, text: &mut Vec<u8>) {
        let (title, done, total) = match preparation {
            Preparation::Enumerating(done) => ("Enumerating objects", done, None),
            Preparation::Counting(done, total) => ("Counting objects", done, Some(total)),
            Preparation::Compressing(done, total) => ("Compressing objects", done, Some(total)),
            _ => return,
        };
        if title != self.title {
            self.end(text);
            self.title = title;
        }
        let (line, percent) = match total {
            None => (format!("{title}: {done}"), None),
            Some(0) => return,
            Some(total) => {
                let percent = done.saturating_mul(100).checked_div(total).unwrap_or(0);
                (format!("{title}: {percent:3}% ({done}/{total})"), Some(percent))
            }
        };
        if total.is_none() || percent != self.percent {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\r');
        }
        (self.last, self.percent) = (line, percent);
    }

    fn end(&mut self, text: &mut Vec<u8>) {
        if !self.title.is_empty() {
            text.extend_from_slice(self.last.as_bytes());
            text.extend_from_slice(b", done.\n");
        }
        (self.title, self.percent) = ("", None);
    }
}
