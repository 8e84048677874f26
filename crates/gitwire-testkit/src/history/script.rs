//! What happened, in the words of `git fast-import`.

use std::collections::BTreeMap;

use gitwire_types::{ObjectId, RefName};

use super::files::{Files, What};

/// A stream for `git fast-import`, as far as it has been written. Refs come at its end: until then all commits stand on one
/// branch that is not there afterwards.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    text: Vec<u8>,
    marks: usize,
}

impl Script {
    /// A commit; its mark.
    pub(super) fn commit(
        &mut self,
        time: i64,
        zone: &str,
        message: &[u8],
        parents: &[usize],
        files: &Files,
    ) -> usize {
        let mark = self.mark();
        self.line("reset refs/heads/import\n");
        self.line("commit refs/heads/import");
        self.line(&format!("mark :{mark}"));
        self.line(&format!("author A U Thor <author@example.com> {time} {zone}"));
        self.line(&format!("committer C O Mitter <committer@example.com> {time} {zone}"));
        self.data(message);
        for (place, parent) in parents.iter().enumerate() {
            self.line(&format!("{} :{parent}", if place == 0 { "from" } else { "merge" }));
        }
        self.line("deleteall");
        for (path, file) in &files.0 {
            let reference = match &file.what {
                What::Link(id) => id.to_string(),
                _ => "inline".to_owned(),
            };
            let words = [b"M ", file.mode, b" ", reference.as_bytes(), b" ", path, b"\n"];
            self.text.extend(words.concat());
            if let What::Blob(content) = &file.what {
                self.data(content);
            }
        }
        mark
    }

    /// A tag object and the ref for it; its mark.
    pub(super) fn tag(&mut self, label: &str, of: usize, message: &str) -> usize {
        let mark = self.mark();
        self.line(&format!("tag {label}\nmark :{mark}\nfrom :{of}"));
        self.line("tagger T Agger <tagger@example.com> 1100000000 +0100");
        self.data(message.as_bytes());
        mark
    }

    /// All of it, and those of the refs whose objects have a mark here.
    pub(super) fn with_refs(
        &self,
        refs: &BTreeMap<RefName, ObjectId>,
        marks: &BTreeMap<ObjectId, usize>,
    ) -> Vec<u8> {
        let mut whole = self.clone();
        whole.line("reset refs/heads/import\n");
        for (name, mark) in refs.iter().filter_map(|(name, id)| Some((name, marks.get(id)?))) {
            whole.text.extend([b"reset ", name.as_bytes(), b"\n"].concat());
            whole.line(&format!("from :{mark}\n"));
        }
        whole.line("done");
        [&b"feature done\n"[..], &whole.text].concat()
    }

    fn mark(&mut self) -> usize {
        self.marks += 1;
        self.marks
    }

    fn line(&mut self, line: &str) {
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
    }

    fn data(&mut self, data: &[u8]) {
        self.line(&format!("data {}", data.len()));
        self.text.extend_from_slice(data);
        self.text.push(b'\n');
    }
}
