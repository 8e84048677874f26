//! Checks of objects.

use gitwire_object::fsck::{Checker, Content, Finding, MessageId, Rules};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

/// The same object gives the same findings, strict rules find no less, an object is refused just where a finding is an error, and what
/// names a `.gitmodules` may have any content there.
pub(super) fn fsck(data: &[u8]) {
    let Some((first, content)) = data.split_first() else { return };
    let kind = ObjectKind::ALL[usize::from(first & 3)];
    let mut strict = findings(Rules::strict(), kind, content);
    assert_eq!(strict, findings(Rules::strict(), kind, content));
    let mut lenient = findings(Rules::new(), kind, content);
    // The one thing that git looks at more closely when it is strict: mode 100664.
    strict.retain(|finding| finding.id != MessageId::BadFilemode);
    lenient.retain(|finding| finding.id != MessageId::BadFilemode);
    // Lenient rules look further, so they find at least as much.
    assert!(lenient.len() >= strict.len());
    assert!(strict.iter().zip(&lenient).all(|(strict, lenient)| strict.severity >= lenient.severity));
}

fn findings(rules: Rules, kind: ObjectKind, content: &[u8]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut checker = Checker::new(rules);
    let id = ObjectId::zero(ObjectFormat::Sha1);
    let sound = checker.check(&id, kind, content, &mut |finding| found.push(finding)).unwrap();
    assert_eq!(sound, !found.iter().any(|finding| finding.severity.is_error()));
    let mut more = Vec::new();
    let behind = |_: &ObjectId| Content::Object(ObjectKind::Blob, content.to_vec());
    let sound = checker.finish(&mut { behind }, &mut |finding| more.push(finding));
    assert_eq!(sound, !more.iter().any(|finding| finding.severity.is_error()));
    if kind == ObjectKind::Blob {
        // Any bytes may be called .gitmodules.
        let tree = [&b"100644 .gitmodules\0"[..], &[1; 20]].concat();
        let mut checker = Checker::new(Rules::new());
        checker.check(&id, ObjectKind::Tree, &tree, &mut |_| {}).unwrap();
        checker.finish(&mut { behind }, &mut |finding| found.push(finding));
    }
    found
}
