use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use super::*;

fn id(byte: u8) -> ObjectId {
    ObjectId::from_sha1([byte; 20])
}

fn tree(entries: &[(&str, &str, ObjectId)]) -> Vec<u8> {
    let line = |(mode, name, id): &(&str, &str, ObjectId)| {
        [mode.as_bytes(), b" ", name.as_bytes(), b"\0", id.as_bytes()].concat()
    };
    entries.iter().flat_map(line).collect()
}

/// Feeds objects in this order and gives what was found, ids alone, and whether all were sound.
fn run(
    mut checker: Checker,
    objects: &[(ObjectId, ObjectKind, &[u8])],
    read: &mut dyn FnMut(&ObjectId) -> Content,
) -> (Vec<(u8, MessageId)>, bool) {
    let mut found = Vec::new();
    let mut out = |finding: Finding| found.push((finding.object.as_bytes()[0], finding.id));
    let mut sound = true;
    for (id, kind, content) in objects {
        sound &= checker.check(id, *kind, content, &mut out).unwrap();
    }
    sound &= checker.finish(read, &mut out);
    (found, sound)
}

#[test]
fn special_files_are_looked_into_in_any_order_and_once() {
    let bad: &[u8] = b"[submodule \"..\"]\nk=v\n";
    let outer = tree(&[("100644", ".gitmodules", id(1))]);
    let blob = (id(1), ObjectKind::Blob, bad);
    let first = (id(2), ObjectKind::Tree, outer.as_slice());
    let second = (id(3), ObjectKind::Tree, outer.as_slice());
    let expected = (vec![(1, MessageId::GitmodulesName)], false);
    let mut read = |_: &ObjectId| Content::Object(ObjectKind::Blob, bad.to_vec());
    let checker = || Checker::new(Rules::new());
    assert_eq!(run(checker(), &[blob, first, second], &mut read), expected);
    assert_eq!(run(checker(), &[first, second], &mut read), expected);
    // It came by: nobody is asked.
    let mut never = |_: &ObjectId| panic!("asked for what was seen");
    assert_eq!(run(checker(), &[first, blob, second, blob], &mut never), expected);
}

#[test]
fn what_may_be_behind_a_special_file() {
    let content = tree(&[("100644", ".gitattributes", id(2)), ("100644", ".gitmodules", id(1))]);
    let check = |content_of: &dyn Fn() -> Content, expected: &[MessageId]| {
        let objects = [(id(3), ObjectKind::Tree, content.as_slice())];
        let (found, sound) = run(Checker::new(Rules::new()), &objects, &mut |_| content_of());
        assert_eq!(found.iter().map(|(_, id)| *id).collect::<Vec<_>>(), expected);
        assert_eq!(sound, expected.is_empty());
    };
    use MessageId::*;
    check(&|| Content::Missing, &[GitmodulesMissing, GitattributesMissing]);
    check(&|| Content::TooLarge, &[GitmodulesLarge, GitattributesLarge]);
    check(&|| Content::Object(ObjectKind::Tree, Vec::new()), &[GitmodulesBlob, GitattributesBlob]);
    check(&|| Content::Object(ObjectKind::Blob, Vec::new()), &[]);
    check(&|| Content::Promised, &[]);
}

#[test]
fn special_max() {
    let limits = |special_max| Limits { special_max, ..Limits::default() };
    let mut ignore = |_: Finding| {};
    let two = tree(&[("100644", ".gitattributes", id(1)), ("100644", ".gitmodules", id(2))]);
    let mut checker = Checker::with_limits(Rules::new(), limits(2));
    assert_eq!(checker.check(&id(3), ObjectKind::Tree, &two, &mut ignore), Ok(true));
    // The same once more is no more.
    assert_eq!(checker.check(&id(4), ObjectKind::Tree, &two, &mut ignore), Ok(true));
    assert_eq!(checker.waiting().count(), 2);
    let mut checker = Checker::with_limits(Rules::new(), limits(1));
    let over = Err(CheckerError::TooManySpecial { max: 1 });
    assert_eq!(checker.check(&id(3), ObjectKind::Tree, &two, &mut ignore), over);
    let mut checker = Checker::with_limits(Rules::new(), limits(0));
    let over = Err(CheckerError::TooManySpecial { max: 0 });
    assert_eq!(checker.check(&id(3), ObjectKind::Tree, &two, &mut ignore), over);
    let plain = tree(&[("100644", "a", id(1))]);
    assert_eq!(checker.check(&id(3), ObjectKind::Tree, &plain, &mut ignore), Ok(true));
}

#[track_caller]
fn severity(settings: &[(&str, &str)], message: MessageId, expected: Severity) {
    let mut rules = Rules::strict();
    for (name, value) in settings {
        rules.configure(name.as_bytes(), value.as_bytes()).unwrap();
    }
    assert_eq!(rules.severity(message), expected);
}

#[test]
fn severities_are_set_by_name() {
    severity(&[], MessageId::HasDotgit, Severity::Error);
    severity(&[], MessageId::BadTagName, Severity::Info);
    severity(&[("hasdotgit", "IGNORE")], MessageId::HasDotgit, Severity::Ignore);
    severity(
        &[("missingEmail", "ignore"), ("missingEmail", "error")],
        MessageId::MissingEmail,
        Severity::Error,
    );
    // Under strict rules a warning is an error, also one that was asked for.
    severity(&[("missingEmail", "warn")], MessageId::MissingEmail, Severity::Error);
    severity(&[("nulInHeader", "error")], MessageId::NulInHeader, Severity::Error);
    assert_eq!(Rules::new().severity(MessageId::HasDotgit), Severity::Warn);
    assert!(Rules::strict().is_strict() && !Rules::new().is_strict());
    // Except for packs that arrive.
    let mut rules = Rules::incoming();
    rules.configure(b"missingEmail", b"warn").unwrap();
    assert_eq!(rules.severity(MessageId::MissingEmail), Severity::Warn);
    assert_eq!(rules.severity(MessageId::NullSha1), Severity::Error);
}

#[track_caller]
fn refused(name: &str, value: &str, expected: &str) {
    let error = Rules::new().configure(name.as_bytes(), value.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn bad_settings() {
    refused("whatever", "error", "unknown fsck message id 'whatever'");
    refused("badDate", "maybe", "unknown severity 'maybe' for fsck message badDate");
    refused("badDate", "warn:3", "unknown severity 'warn:3' for fsck message badDate");
    refused("largePathname", "warn:x", "unknown severity 'warn:x' for fsck message largePathname");
    refused("nulInHeader", "warn", "fsck message nulInHeader cannot be less than an error");
    refused("unterminatedHeader", "ignore", "fsck message unterminatedHeader cannot be less than an error");
}

#[test]
fn the_longest_name_is_configurable() {
    let mut rules = Rules::new();
    rules.configure(b"largePathname", b"warn:3").unwrap();
    let found = |name: &str| {
        let content = tree(&[("100644", name, id(1))]);
        run(Checker::new(rules.clone()), &[(id(3), ObjectKind::Tree, &content)], &mut |_| Content::Missing).0
    };
    assert_eq!(found("abc"), []);
    assert_eq!(found("abcd"), [(3, MessageId::LargePathname)]);
}

#[test]
fn skipped_objects_are_sound() {
    let mut rules = Rules::strict();
    rules.skip(id(3));
    let content: &[u8] = b"no tree";
    let objects = [(id(3), ObjectKind::Tree, content), (id(4), ObjectKind::Tree, content)];
    let (found, sound) = run(Checker::new(rules), &objects, &mut |_| Content::Missing);
    assert_eq!((found, sound), (vec![(4, MessageId::BadTree)], false));
}

#[test]
fn checks_go_on_after_what_is_no_error() {
    let mut rules = Rules::new();
    for message in ["badTreeSha1", "badParentSha1", "missingAuthor", "missingCommitter"] {
        rules.configure(message.as_bytes(), b"warn").unwrap();
    }
    let content: &[u8] = b"tree x\nparent y\n\n";
    let (found, sound) =
        run(Checker::new(rules), &[(id(3), ObjectKind::Commit, content)], &mut |_| Content::Missing);
    let ids: Vec<_> = found.into_iter().map(|(_, id)| id).collect();
    use MessageId::*;
    assert_eq!(ids, [BadTreeSha1, BadParentSha1, MissingAuthor, MissingCommitter]);
    assert!(sound);
}

#[test]
fn names_are_found_again() {
    for id in MessageId::ALL {
        assert_eq!(MessageId::from_name(id.name().to_uppercase().as_bytes()), Some(*id));
        assert_eq!(id.to_string(), id.name());
    }
    assert_eq!(MessageId::from_name(b""), None);
}

#[test]
fn a_tag_with_the_signature_of_the_other_hash() {
    let head = "object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype tree\ntag v\ntagger A <a@b> 1 +0000\n";
    let mut rules = Rules::new();
    rules.configure(b"extraHeaderEntry", b"warn").unwrap();
    rules.configure(b"unterminatedHeader", b"error").unwrap();
    let found = |rest: &str| {
        let content = [head, rest].concat();
        let objects = [(id(3), ObjectKind::Tag, content.as_bytes())];
        let (found, _) = run(Checker::new(rules.clone()), &objects, &mut |_| Content::Missing);
        found.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
    };
    assert_eq!(found("gpgsig x\n y\n\nm\n"), []);
    assert_eq!(found("gpgsig-sha256 x\n y\n"), []);
    assert_eq!(found("gpgsig x\nextra\n\nm\n"), [MessageId::ExtraHeaderEntry]);
    assert_eq!(found("gpgsig x"), [MessageId::UnterminatedHeader]);
}

#[test]
fn findings_read_like_git() {
    let line = |severity| {
        Finding {
            object: ObjectId::zero(ObjectFormat::Sha1),
            kind: ObjectKind::Tree,
            id: MessageId::HasDot,
            severity,
            text: "contains '.'".into(),
        }
        .to_string()
    };
    let zero = "0".repeat(40);
    assert_eq!(line(Severity::Error), format!("error in tree {zero}: hasDot: contains '.'"));
    assert_eq!(line(Severity::Info), format!("warning in tree {zero}: hasDot: contains '.'"));
}
