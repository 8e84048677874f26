//! The pack, pulled from its source and framed by the machine.

use std::ops::ControlFlow;

use bytes::{Buf, BytesMut};
use gitwire_protocol::UploadPack;
use gitwire_storage::{PackSource, PackWritten, Preparation, SourceState};
use gitwire_types::{FilterSpec, Interrupt, Limits, ObjectId};
use gitwire_walk::{Graph, ObjectFilter, PackRequest, pack_source};

use super::{Fetch, Session, View};
use crate::ServeError;

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
}

impl Session {
    /// What the pack of this request holds, and the graph to find it in.
    pub(super) fn pack_request(&mut self, view: &View) -> Result<(Graph, PackRequest), ServeError> {
        let fetch = &mut self.fetch;
        let haves = fetch.haves.take().ok_or(ServeError::Internal("a pack without a request"))?;
        let (graph, common) = haves.into_parts();
        let mut request = PackRequest::new(fetch.wants.clone(), common);
        if let Some(update) = &fetch.update {
            request.wants.extend_from_slice(&update.wants);
            request.haves.extend_from_slice(&update.edges);
        }
        if let Some(text) = &fetch.request.filter {
            let spec = FilterSpec::parse(text, &Limits::default())
                .map_err(|error| ServeError::Refused(format!("invalid filter-spec: {error}")))?;
            request.filter = ObjectFilter::try_from(&spec)?;
        }
        if fetch.request.include_tag {
            request.tags = self.tags(view)?;
        }
        let fetch = &self.fetch;
        request.thin = fetch.request.thin_pack;
        request.ofs_delta = fetch.request.ofs_delta;
        request.shallow = fetch.update.as_ref().is_some_and(|update| !update.boundary.is_empty());
        request.threads = self.policy.pack_threads;
        request.memory = self.policy.pack_memory;
        Ok((graph, request))
    }

    /// What the visible refs below `refs/tags/` hold.
    fn tags(&self, view: &View) -> Result<Vec<ObjectId>, ServeError> {
        let mut tags = Vec::new();
        view.refs.each(&[bytes::Bytes::from_static(b"refs/tags/")], &mut |record| {
            tags.extend(record.id.filter(|_| !self.policy.hidden.hides(record.name)));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(tags)
    }
}

impl Packing {
    pub(super) fn begin(&mut self, (graph, request): (Graph, PackRequest), fetch: &Fetch) {
        self.progress = (!fetch.request.no_progress).then(Report::default);
        self.source = Some(pack_source(graph, request));
    }

    pub(super) fn is_begun(&self) -> bool {
        self.source.is_some()
    }

    pub(super) fn is_announced(&self) -> bool {
        self.announced
    }

    /// Makes the next piece.
    pub(super) fn work(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        if self.ended || !self.made.is_empty() {
            return Ok(());
        }
        let source = self.source.as_mut().ok_or(ServeError::Internal("a pack that has not begun"))?;
        match source.next(Session::PIECE, &mut self.made, stop)? {
            SourceState::Preparing(preparation) => {
                if let Some(report) = &mut self.progress {
                    report.note(preparation, &mut self.text);
                }
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
        Ok(())
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

/// What a pack was made of, in git's words.
fn total(written: PackWritten) -> String {
    let PackWritten { objects, deltas, reused, reused_deltas, .. } = written;
    // No part of a pack is sent unlooked at.
    let unlooked = "pack-reused 0 (from 0)";
    format!("Total {objects} (delta {deltas}), reused {reused} (delta {reused_deltas}), {unlooked}\n")
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
