//! Packs named by URI that are not what they should be: the fetch fails, and no ref moves.

use std::fs;
use std::sync::Arc;

use gitwire_client::{Fetch, Remote};
use gitwire_gitdir::{GitDir, InitOptions};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::FetchRefspec;

use super::files;
use super::source::Sources;

#[test]
fn a_pack_that_is_not_what_it_should_be_ends_a_fetch() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::in_memory("elsewhere");
    let files = files::serve(folder.path());
    let sources = Sources::make(&git, folder.path(), "sha1", &files);
    let source = folder.path().join("source.git");
    let blob = String::from_utf8(git.ok(&source, ["rev-parse", "main:large"])).unwrap();
    let (blob, hash) = (blob.trim(), &sources.elsewhere);
    let good = fs::read(folder.path().join(format!("elsewhere-{hash}.pack"))).unwrap();
    fs::write(folder.path().join("cut.pack"), &good[..good.len() - 1]).unwrap();
    let other = "1".repeat(40);
    let check = |hash: &str, uri: &str, protocol: &str, expected: &str| {
        let value = format!("{blob} {hash} {uri}");
        git.ok(&source, ["config", "--replace-all", "uploadpack.blobPackfileUri", &value]);
        let place = folder.path().join("into.git");
        fs::remove_dir_all(&place).ok();
        let repository = GitDir::init_bare(&place, &InitOptions::default()).unwrap();
        let mut fetch = Fetch::new(Remote::parse(format!("file://{}", source.display()).as_bytes()).unwrap());
        fetch.refspecs = vec![FetchRefspec::parse("refs/heads/*:refs/heads/*").unwrap()];
        fetch.uri_protocols = vec![protocol.to_owned()];
        let fetched = fetch.run(Arc::new(repository), &mut |_| ());
        let refs = git.ok(&place, ["for-each-ref"]);
        match fetched {
            Ok(_) => assert!(expected.is_empty() && !refs.is_empty(), "{value} over {protocol}: {expected}"),
            Err(error) => {
                let text = error.to_string();
                assert!(!expected.is_empty() && text.contains(expected), "{value}: {text}");
                assert!(refs.is_empty(), "{value}");
            }
        }
    };
    let uri = format!("{files}/elsewhere-{hash}.pack");
    check(hash, &uri, "http", "");
    check(&other, &uri, "http", "does not match expected hash");
    check(hash, &format!("{files}/cut.pack"), "http", "pack");
    check(hash, &format!("{files}/nothing.pack"), "http", "not found");
    check(hash, &format!("{files}/all"), "http", "pack");
    // A server that keeps to what was asked for sends the blob itself.
    check(&other, &uri, "https", "");
}
