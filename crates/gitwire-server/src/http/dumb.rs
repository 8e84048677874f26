//! Dumb HTTP: lists that are made when they are asked for, and objects as they lie there (`gitprotocol-http`).

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use gitwire_protocol::LsRefsRequest;
use gitwire_protocol::message::Service;
use gitwire_storage::{ObjectFile, PackPart, Repository, StoredFile};
use gitwire_types::RefTarget;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, EXPIRES,
    HeaderValue, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, Method, Response, StatusCode};

use super::answer::{Answer, answer, internal, not_opened, refusal};
use super::body::{HttpBody, Source};
use super::range::Part;
use super::{Asked, Inner, Target};
use crate::access::Principal;
use crate::session::{Advertising, View, resolve};
use crate::{Door, Policy, ServeError, Uploading, Visibility as _};

impl Inner {
    /// What a client asks for that walks over files by itself.
    pub(super) async fn walk(&self, target: Target, asked: Asked) -> Answer {
        if !self.options.files {
            return refusal(StatusCode::FORBIDDEN, "dumb HTTP is not served here");
        }
        let (method, headers) = (asked.method.clone(), asked.headers.clone());
        let signed_in = asked.principal != Principal::Anonymous;
        let policy = Arc::clone(&self.policy);
        let found = self.find(asked, Service::UploadPack, Door::HttpFiles, move |repositories, request| {
            let Uploading { repository, policy, .. } = repositories.open_to_upload(request, &policy)?;
            Ok(look(&*repository, target, &policy))
        });
        let found = match found.await {
            Ok(Ok(Some(found))) => found,
            Ok(Ok(None)) => return refusal(StatusCode::NOT_FOUND, "not found"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "walk");
                return internal();
            }
            Err(error) => return not_opened(&error, &self.options.realm),
        };
        match found {
            // git says of this one list how it is written.
            Found::Text(text) if target == Target::Packs => {
                answer("text/plain; charset=utf-8", HttpBody::from_bytes(text))
            }
            Found::Text(text) => answer(TEXT, HttpBody::from_bytes(text)),
            Found::Refs(refs) if method == Method::HEAD => {
                drop(refs);
                answer(TEXT, HttpBody::empty())
            }
            Found::Refs(refs) => answer(TEXT, HttpBody::pulled(*refs, None, Arc::clone(&self.jobs))),
            Found::File(kind, file) => self.file(kind, file, &method, &headers, signed_in),
        }
    }

    /// A file that never changes, or a part of it.
    fn file(
        &self,
        kind: &'static str,
        file: StoredFile,
        method: &Method,
        headers: &HeaderMap,
        signed_in: bool,
    ) -> Answer {
        let size = file.data.size();
        let facts = Facts::of(&file);
        if facts.is_known_to(headers) {
            return facts.dress(Response::new(HttpBody::empty()), StatusCode::NOT_MODIFIED, signed_in);
        }
        let asked = headers.get(RANGE).filter(|_| *method == Method::GET && facts.is_meant_by(headers));
        let (status, part) = match asked.map_or(Part::Whole, |range| Part::of(range.as_bytes(), size)) {
            Part::Whole => (StatusCode::OK, 0..size),
            Part::Some(part) => (StatusCode::PARTIAL_CONTENT, part),
            Part::Beyond => {
                let mut answer = refusal(StatusCode::RANGE_NOT_SATISFIABLE, "the file has no such part");
                insert(&mut answer, CONTENT_RANGE, &format!("bytes */{size}"));
                return answer;
            }
        };
        let length = part.end.saturating_sub(part.start);
        let range = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
        let body = match *method {
            Method::HEAD => HttpBody::empty(),
            _ => HttpBody::pulled(FilePart { file, part }, Some(length), Arc::clone(&self.jobs)),
        };
        let mut answer = facts.dress(Response::new(body), status, signed_in);
        if status == StatusCode::PARTIAL_CONTENT {
            insert(&mut answer, CONTENT_RANGE, &range);
        }
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        answer
    }
}

/// What there is of what is asked for.
enum Found {
    Text(Bytes),
    Refs(Box<Refs>),
    File(&'static str, StoredFile),
}

fn look(
    repository: &dyn Repository,
    target: Target,
    policy: &Arc<Policy>,
) -> Result<Option<Found>, ServeError> {
    Ok(match target {
        Target::Refs => {
            let mut refs = Refs::new(View::of(repository)?, Arc::clone(policy));
            let first = refs.read()?;
            if refs.ended {
                Some(Found::Text(first))
            } else {
                refs.first = Some(first);
                Some(Found::Refs(Box::new(refs)))
            }
        }
        Target::Head => head(repository, policy)?.map(|head| Found::Text(head.into())),
        // What is borrowed is given as the repository's own, so there is no other place to look.
        Target::Alternates => Some(Found::Text(Bytes::new())),
        Target::Packs => match repository.objects()?.files() {
            Some(files) => {
                let lines = files.packs()?.into_iter().map(|name| format!("P pack-{name}.pack\n"));
                Some(Found::Text((lines.collect::<String>() + "\n").into()))
            }
            None => None,
        },
        Target::Object(file) => match repository.objects()?.files() {
            Some(files) => files.open(file)?.map(|found| Found::File(kind(file), found)),
            None => None,
        },
        Target::Advertisement(_) | Target::Service(_) => None,
    })
}

/// `HEAD` as its file has it; nothing where it leads to what is hidden.
fn head(repository: &dyn Repository, policy: &Policy) -> Result<Option<Vec<u8>>, ServeError> {
    let refs = repository.refs()?;
    let Some(head) = refs.head()?.filter(|_| policy.shows(b"HEAD")) else { return Ok(None) };
    Ok(match &head {
        RefTarget::Symbolic(name) if !policy.shows(name.as_bytes()) => None,
        RefTarget::Symbolic(name) => Some([b"ref: ", name.as_bytes(), b"\n"].concat()),
        RefTarget::Direct(_) => resolve(&*refs, &head)?.map(|id| format!("{id}\n").into_bytes()),
    })
}

fn kind(file: ObjectFile) -> &'static str {
    match file {
        ObjectFile::Loose(_) => "application/x-git-loose-object",
        ObjectFile::Pack(_, PackPart::Pack) => "application/x-git-packed-objects",
        ObjectFile::Pack(..) => "application/x-git-packed-objects-toc",
    }
}

/// The lines of `info/refs`, some thousand at a time.
struct Refs {
    view: View,
    policy: Arc<Policy>,
    list: Advertising,
    first: Option<Bytes>,
    ended: bool,
}

impl Refs {
    fn new(view: View, policy: Arc<Policy>) -> Self {
        let mut request = LsRefsRequest::default();
        request.peel = true;
        request.prefixes = vec![Bytes::from_static(b"refs/")];
        Self { view, policy, list: Advertising::new(request), first: None, ended: false }
    }

    /// The next lines; none at the end.
    fn read(&mut self) -> Result<Bytes, ServeError> {
        let mut output = BytesMut::new();
        // A piece may come out empty where all of it is hidden.
        while output.is_empty() && !self.ended {
            self.list.work(&self.view, &self.policy)?;
            self.ended = self.list.lines(&mut output);
        }
        Ok(output.freeze())
    }
}

impl Source for Refs {
    fn next(&mut self) -> io::Result<Bytes> {
        match self.first.take() {
            Some(first) => Ok(first),
            None => self.read().map_err(io::Error::other),
        }
    }
}

/// Some bytes of a file.
struct FilePart {
    file: StoredFile,
    part: Range<u64>,
}

impl Source for FilePart {
    fn next(&mut self) -> io::Result<Bytes> {
        let left = self.part.end.saturating_sub(self.part.start);
        let mut room = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
        if room.is_empty() {
            return Ok(Bytes::new());
        }
        let got = self.file.data.read_at(self.part.start, &mut room).map_err(io::Error::other)?;
        if got == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has been cut"));
        }
        room.truncate(got);
        self.part.start = self.part.start.saturating_add(got as u64);
        Ok(room.into())
    }
}

/// By what a file is known to who has some of it already.
struct Facts {
    tag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
}

impl Facts {
    fn of(file: &StoredFile) -> Self {
        let tag =
            file.modified.map(|modified| format!("\"{:x}-{:x}\"", file.data.size(), modified.as_nanos()));
        let date = |modified: Duration| {
            let date = SystemTime::UNIX_EPOCH.checked_add(modified)?;
            HeaderValue::from_str(&httpdate::fmt_http_date(date)).ok()
        };
        Self {
            tag: tag.and_then(|tag| HeaderValue::from_str(&tag).ok()),
            modified: file.modified.and_then(date),
        }
    }

    /// `If-None-Match`.
    fn is_known_to(&self, headers: &HeaderMap) -> bool {
        let Some(tag) = &self.tag else { return false };
        let known = |tags: &HeaderValue| {
            let mut tags = tags.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            tags.any(|known| known == b"*" || known == tag.as_bytes())
        };
        headers.get_all(IF_NONE_MATCH).iter().any(known)
    }

    /// Whether a part is asked of this very file: `If-Range`.
    fn is_meant_by(&self, headers: &HeaderMap) -> bool {
        headers
            .get(IF_RANGE)
            .is_none_or(|meant| Some(meant) == self.tag.as_ref() || Some(meant) == self.modified.as_ref())
    }

    /// Puts them on an answer that may be kept for a year, as git's server says; by nobody else where it is for one user.
    fn dress(self, mut answer: Answer, status: StatusCode, signed_in: bool) -> Answer {
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        let keep = if signed_in { "private, max-age=31536000" } else { "public, max-age=31536000" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.extend(self.tag.map(|tag| (ETAG, tag)));
        headers.extend(self.modified.map(|modified| (LAST_MODIFIED, modified)));
        let now = now();
        insert(&mut answer, DATE, &httpdate::fmt_http_date(now));
        insert(&mut answer, EXPIRES, &httpdate::fmt_http_date(now.checked_add(YEAR).unwrap_or(now)));
        answer
    }
}

fn insert(answer: &mut Answer, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

#[allow(clippy::disallowed_methods, reason = "a date is said to the client, and nothing decided by it")]
fn now() -> SystemTime {
    SystemTime::now()
}

const TEXT: &str = "text/plain";

/// What is read of a file at once.
const PIECE: usize = 256 << 10;

const YEAR: Duration = Duration::from_secs(31_536_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_been_cut_does_not_look_whole() {
        let file = StoredFile { data: Arc::new(b"abcde".to_vec()), modified: None };
        let mut part = FilePart { file, part: 1..10 };
        assert_eq!(part.next().unwrap(), "bcde");
        assert_eq!(part.next().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
