//! The laws of repositories, held by the one in memory.

#![allow(clippy::unwrap_used, reason = "the modules of a test binary")]

mod lazy;

use std::sync::Arc;

use bytes::Bytes;
use gitwire_storage::{MemoryRepository, Namespace, Namespaced, Repository as _};
use gitwire_types::{ObjectFormat, ObjectId, RefName, RefTarget};

#[test]
fn the_repository_in_memory_keeps_the_laws() {
    gitwire_testkit::repository_laws::check(&mut |format| Box::new(MemoryRepository::new(format)));
}

#[test]
fn a_namespace_keeps_the_laws() {
    gitwire_testkit::repository_laws::check(&mut |format| {
        let whole = MemoryRepository::new(format);
        let elsewhere = RefName::new("refs/heads/elsewhere").unwrap();
        whole.set_ref(elsewhere, RefTarget::Direct(ObjectId::zero(format)));
        let namespace = Namespace::parse(b"one/two").unwrap().unwrap();
        Box::new(Namespaced::new(Arc::new(whole), namespace))
    });
}

#[test]
fn a_namespace_shows_its_own_refs_under_their_short_names() {
    let whole = MemoryRepository::new(ObjectFormat::Sha1);
    let name = |name: &str| RefName::new(Bytes::copy_from_slice(name.as_bytes())).unwrap();
    let id = |byte| ObjectId::from_sha1([byte; 20]);
    let set = |at: &str, target| whole.set_ref(name(at), target);
    set("refs/heads/main", RefTarget::Direct(id(1)));
    set("refs/namespaces/a/refs/heads/main", RefTarget::Direct(id(2)));
    set("refs/namespaces/a/refs/heads/same", RefTarget::Symbolic(name("refs/namespaces/a/refs/heads/main")));
    set("refs/namespaces/a/refs/heads/out", RefTarget::Symbolic(name("refs/heads/main")));
    set("refs/namespaces/a/HEAD", RefTarget::Symbolic(name("refs/namespaces/a/refs/heads/main")));
    set("refs/namespaces/ab/refs/heads/other", RefTarget::Direct(id(3)));
    let part = Namespaced::new(Arc::new(whole), Namespace::parse(b"/a/").unwrap().unwrap());
    let refs = part.refs().unwrap();

    assert_eq!(refs.head().unwrap(), Some(RefTarget::Symbolic(name("refs/heads/main"))));
    assert_eq!(refs.get(&name("refs/heads/main")).unwrap(), Some(RefTarget::Direct(id(2))));
    assert_eq!(refs.get(&name("refs/heads/out")).unwrap(), Some(RefTarget::Direct(id(1))));
    assert_eq!(refs.get(&name("refs/heads/other")).unwrap(), None);
    let seen = |from: &str, prefixes: &[&'static str]| {
        let prefixes: Vec<Bytes> =
            prefixes.iter().map(|prefix| Bytes::from_static(prefix.as_bytes())).collect();
        let mut seen = Vec::new();
        refs.each_from(from.as_bytes(), &prefixes, &mut |record| {
            let symbolic = record.symbolic.map(|name| name.escape_ascii().to_string());
            seen.push(format!("{} {}", record.name.escape_ascii(), symbolic.unwrap_or_default()));
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
        seen.join("\n")
    };
    let all = "refs/heads/main \nrefs/heads/out \nrefs/heads/same refs/heads/main";
    assert_eq!(seen("", &[]), all);
    assert_eq!(seen("", &["HEAD", "refs/"]), all);
    assert_eq!(seen("refs/heads/n", &["refs/heads/"]), "refs/heads/out \nrefs/heads/same refs/heads/main");
    assert_eq!(seen("", &["refs/namespaces/"]), "");
}

#[test]
fn names_of_namespaces() {
    let prefix =
        |name: &str| Namespace::parse(name.as_bytes()).map(|space| space.map(|it| it.prefix().clone()));
    assert_eq!(prefix("").unwrap(), None);
    assert_eq!(prefix("//").unwrap(), None);
    assert_eq!(prefix("a").unwrap().unwrap(), "refs/namespaces/a/");
    assert_eq!(prefix("a//b/").unwrap().unwrap(), "refs/namespaces/a/refs/namespaces/b/");
    assert_eq!(prefix("a..b").unwrap_err().to_string(), "bad git namespace 'a..b'");
    assert_eq!(prefix("x y").unwrap_err().to_string(), "bad git namespace 'x y'");
}
