//! Annotated tags: an object, a name, who and why.

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::commit::{Headers, cut_message, id_line};
use crate::signature::split;
use crate::{ObjectError, Problem, Signature};

/// An annotated tag, borrowed.
///
/// ```
/// use gitwire_object::TagRef;
/// use gitwire_types::{ObjectFormat, ObjectKind};
///
/// let content = b"object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype tree\ntag v1\ntagger A <a> 5 +0000\n\nx\n";
/// let tag = TagRef::parse(ObjectFormat::Sha1, content)?;
/// assert_eq!((tag.kind(), tag.name()), (ObjectKind::Tree, &b"v1"[..]));
/// # Ok::<(), gitwire_object::ObjectError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TagRef<'a> {
    target: ObjectId,
    kind: ObjectKind,
    name: &'a [u8],
    headers: &'a [u8],
    message: &'a [u8],
}

impl<'a> TagRef<'a> {
    /// Reads a tag.
    ///
    /// # Errors
    /// What is wrong with the object, type or tag lines, and where. Everything else may be missing or malformed.
    pub fn parse(format: ObjectFormat, content: &'a [u8]) -> Result<Self, ObjectError> {
        let at = |rest: &[u8]| content.len().saturating_sub(rest.len());
        let (target, rest) =
            id_line(format, content, b"object ").ok_or(ObjectError::new(Problem::NoObject, 0))?;
        let target = target.ok_or(ObjectError::new(Problem::BadObject, 0))?;
        let line = rest.strip_prefix(b"type ").ok_or(ObjectError::new(Problem::NoType, at(rest)))?;
        let (kind, after) = split(line, b'\n').ok_or(ObjectError::new(Problem::NoType, at(rest)))?;
        let kind = ObjectKind::from_name(kind).ok_or(ObjectError::new(Problem::UnknownType, at(line)))?;
        let line = after.strip_prefix(b"tag ").ok_or(ObjectError::new(Problem::NoTag, at(after)))?;
        let (name, rest) = split(line, b'\n').ok_or(ObjectError::new(Problem::NoTag, at(after)))?;
        let (headers, message) = cut_message(rest);
        Ok(Self { target, kind, name, headers, message })
    }

    /// The object that it names.
    #[must_use]
    pub const fn target(&self) -> ObjectId {
        self.target
    }

    /// What it says that object is.
    #[must_use]
    pub const fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// The name in the object, which need not be that of a reference.
    #[must_use]
    pub const fn name(&self) -> &'a [u8] {
        self.name
    }

    /// Who made it; the oldest tags do not say.
    #[must_use]
    pub fn tagger(&self) -> Option<Signature<'a>> {
        let header = self.headers().find(|header| header.name == b"tagger");
        header.map(|header| Signature::new(header.value))
    }

    /// The header lines after the name.
    #[must_use]
    pub const fn headers(&self) -> Headers<'a> {
        Headers(self.headers)
    }

    /// The message with a signature, if there is one: all after the first empty line.
    #[must_use]
    pub const fn message(&self) -> &'a [u8] {
        self.message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    #[track_caller]
    fn good(rest: &str, name: &str, tagger: Option<&str>, message: &str) {
        let content = format!("object {ID}\ntype commit\n{rest}");
        let tag = TagRef::parse(ObjectFormat::Sha1, content.as_bytes()).unwrap();
        assert_eq!((tag.target().to_string().as_str(), tag.kind()), (ID, ObjectKind::Commit));
        let found = tag.tagger().map(|who| who.as_bytes());
        assert_eq!(
            (tag.name(), found, tag.message()),
            (name.as_bytes(), tagger.map(str::as_bytes), message.as_bytes())
        );
    }

    #[test]
    fn regular_and_odd() {
        good("tag v1\ntagger A <a> 1 +0000\n\nm\n", "v1", Some("A <a> 1 +0000"), "m\n");
        good("tag v1\n\nm", "v1", None, "m");
        good("tag v1\n", "v1", None, "");
        good("tag \n\nm", "", None, "m");
        good("tag v 1\ntagger x\nextra\n\nm", "v 1", Some("x"), "m");
        good("tag v1\ntagger", "v1", Some(""), "");
    }

    #[track_caller]
    fn bad(content: impl AsRef<str>, problem: Problem, at: usize) {
        let found = TagRef::parse(ObjectFormat::Sha1, content.as_ref().as_bytes()).map(|_| ());
        assert_eq!(found, Err(ObjectError::new(problem, at)));
    }

    #[test]
    fn malformed() {
        bad("", Problem::NoObject, 0);
        bad("object \n", Problem::BadObject, 0);
        bad(format!("object {ID}"), Problem::BadObject, 0);
        bad(format!("object {ID}\n"), Problem::NoType, 48);
        bad(format!("object {ID}\ntype"), Problem::NoType, 48);
        bad(format!("object {ID}\ntype tree"), Problem::NoType, 48);
        bad(format!("object {ID}\ntype leaf\n"), Problem::UnknownType, 53);
        bad(format!("object {ID}\ntype tree\n"), Problem::NoTag, 58);
        bad(format!("object {ID}\ntype tree\ntag v"), Problem::NoTag, 58);
    }
}
