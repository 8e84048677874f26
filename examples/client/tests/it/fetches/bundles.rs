//! Bundles that fail: each is told of, the others come, and nothing is half there.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gitwire_client::{BroughtBundles, BundleUris, Clone, CloneKind, Event, Remote};
use gitwire_gitdir::{GitDir, InitOptions};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{FilterSpec, Interrupted, Limits, Never};

use super::files;
use super::source::Sources;

struct World {
    git: Git,
    folder: Folder,
    files: String,
    sources: Sources,
}

impl World {
    fn new(name: &str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::in_memory(name);
        let files = files::serve(folder.path());
        let sources = Sources::make(&git, folder.path(), "sha1", &files);
        Some(Self { git, folder, files, sources })
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// An empty repository that bundles can come into.
    fn uris(&self, name: &str) -> BundleUris {
        let place = self.folder.path().join(name);
        fs::remove_dir_all(&place).ok();
        BundleUris::new(Arc::new(GitDir::init_bare(place, &InitOptions::default()).unwrap()))
    }

    fn list(&self, mode: &str, uris: &[&str]) -> String {
        let mut text = format!("[bundle]\n\tversion = 1\n\tmode = {mode}\n");
        for (number, uri) in uris.iter().enumerate() {
            text += &format!("[bundle \"b{number}\"]\n\turi = {uri}\n\tcreationToken = {number}\n");
        }
        self.write("list", text)
    }
}

fn failures(brought: &BroughtBundles) -> Vec<String> {
    brought.failures.iter().map(|(uri, why)| format!("{}: {why}", uri.escape_ascii())).collect()
}

#[test]
fn what_fails_is_told_and_the_rest_comes() {
    let Some(world) = World::new("bundles") else { return };
    let whole = fs::read(world.folder.path().join("whole.bundle")).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() - 40;
    damaged[middle] ^= 1;
    world.write("damaged.bundle", damaged);
    world.write("cut.bundle", &whole[..whole.len() - 30]);
    world.write("head-cut.bundle", &whole[..30]);
    world.write("other.bundle", "# v3 git bundle\n@object-format=sha256\n\nPACK");
    world.write("filtered.bundle", "# v3 git bundle\n@object-format=sha1\n@filter=blob:none\n\nPACK");
    world.write("unknown.bundle", "# v3 git bundle\n@sparkle=1\n\nPACK");
    world.write("text", "no bundle at all");
    world.write("old-list", "[bundle]\n\tversion = 2\n\tmode = all\n");
    world.write("odd-list", "[bundle]\n\tversion = 1\n\tmode = some\n");
    world.write("bare-list", "[bundle]\n\tmode = all\n");
    #[track_caller]
    fn check(world: &World, mode: &str, uris: &[&str], expected: &[&str], refs: usize) {
        let list = world.list(mode, uris);
        let brought = world.uris("into.git").bring(list.as_bytes(), &Never).unwrap();
        let failures = failures(&brought);
        assert_eq!(failures.len(), expected.len(), "{uris:?}: {failures:?}");
        for (failure, expected) in failures.iter().zip(expected) {
            assert!(failure.contains(expected), "{uris:?}: {failure}, not {expected}");
        }
        assert_eq!(brought.refs.len(), refs, "{uris:?}: {:?}", brought.refs);
        let shown = world.git.ok(&world.folder.path().join("into.git"), ["for-each-ref"]);
        assert_eq!(shown.iter().filter(|byte| **byte == b'\n').count(), refs, "{uris:?}");
        let packs = world.folder.path().join("into.git/objects/pack");
        let kept = fs::read_dir(packs).map_or(0, Iterator::count);
        assert_eq!(kept == 0, refs == 0, "{uris:?}: {kept} files of packs");
    }
    let check =
        |mode: &str, uris: &[&str], expected: &[&str], refs| check(&world, mode, uris, expected, refs);
    check("all", &["whole.bundle"], &[], 3);
    check("all", &["./a/../whole.bundle"], &[], 3);
    check("all", &["missing.bundle", "first.bundle"], &["missing.bundle: "], 2);
    check("any", &["missing.bundle", "first.bundle", "whole.bundle"], &["missing.bundle: "], 2);
    check("all", &["damaged.bundle"], &["damaged.bundle: pack"], 0);
    check("all", &["cut.bundle"], &["cut.bundle: pack"], 0);
    check("all", &["head-cut.bundle"], &["its header is cut short"], 0);
    check("all", &["other.bundle"], &["another hash function"], 0);
    check("all", &["filtered.bundle"], &["another filter"], 0);
    check("all", &["unknown.bundle"], &["sparkle"], 0);
    check("all", &["text"], &["neither a bundle nor a bundle list"], 0);
    check("all", &["old-list"], &["unknown version '2'"], 0);
    check("all", &["odd-list"], &["unknown mode 'some'"], 0);
    check("all", &["bare-list"], &["a list without a version"], 0);
    check("all", &["git://127.0.0.1:1/x.bundle"], &["a place that is not looked into"], 0);
    check("all", &["http://127.0.0.1:1/x.bundle"], &["http://127.0.0.1:1/x.bundle: "], 0);
    // What builds on what is not here never comes, and that alone is no failure.
    check("all", &["second.bundle"], &[], 0);
    check("all", &["second.bundle", "first.bundle"], &[], 2);
    check("all", &["list"], &["lists within lists"], 0);
}

#[test]
fn a_clone_does_without_bundles_that_fail() {
    let Some(world) = World::new("bundles-clone") else { return };
    let url = format!("file://{}/source.git", world.folder.path().display());
    for (number, uri) in ["FOLDER/nothing", "HTTP/nothing", "FOLDER/source.git/HEAD"].iter().enumerate() {
        let mut clone = Clone::new(Remote::parse(url.as_bytes()).unwrap(), CloneKind::Bare);
        clone.bundle_uri = Some(world.sources.expand(uri).into());
        let mut told = 0;
        let place = world.folder.path().join(format!("clone-{number}.git"));
        let cloned =
            clone.run(&place, &mut |event| told += usize::from(matches!(event, Event::BundleFailed { .. })));
        assert_eq!(told, 1, "{uri}");
        assert!(cloned.unwrap().fetched.updates.len() > 5, "{uri}");
        world.git.ok(&place, ["fsck", "--strict"]);
    }
}

#[test]
fn what_came_over_the_network_leads_to_no_file() {
    let Some(world) = World::new("bundles-network") else { return };
    let file = format!("file://{}/whole.bundle", world.folder.path().display());
    world.list("all", &[&file, "whole.bundle"]);
    let brought = world.uris("into.git").bring(format!("{}/list", world.files).as_bytes(), &Never).unwrap();
    assert_eq!(failures(&brought), [format!("{file}: a place that is not looked into")]);
    assert_eq!(brought.refs.len(), 3);
}

#[test]
fn tokens_that_are_known_are_not_fetched_again() {
    let Some(world) = World::new("bundles-tokens") else { return };
    let list = world.folder.path().join("tokens").display().to_string();
    let mut uris = world.uris("into.git");
    let brought = uris.bring(list.as_bytes(), &Never).unwrap();
    assert_eq!((brought.token, brought.goes_on, brought.refs.len()), (Some(2), true, 2));
    uris.token = brought.token;
    let again = uris.bring(list.as_bytes(), &Never).unwrap();
    assert_eq!((again.token, again.refs.len(), again.failures.len()), (None, 0, 0));
    let stopped = uris.bring(list.as_bytes(), &|| Err(Interrupted));
    assert!(stopped.is_err());
}

#[test]
fn limits_hold_at_both_sides() {
    let Some(world) = World::new("bundles-limits") else { return };
    let size = |name: &str| fs::metadata(world.folder.path().join(name)).unwrap().len();
    let bring = |uri: &str, set: &dyn Fn(&mut BundleUris)| {
        let mut uris = world.uris("into.git");
        set(&mut uris);
        let uri = world.folder.path().join(uri).display().to_string();
        failures(&uris.bring(uri.as_bytes(), &Never).unwrap())
    };
    let list = size("all");
    assert!(bring("all", &|uris| uris.limits.list_bytes_max = list).is_empty());
    assert!(bring("all", &|uris| uris.limits.list_bytes_max = list - 1)[0].contains("bytes of a list"));
    let bundle = fs::read(world.folder.path().join("whole.bundle")).unwrap();
    let header = bundle.windows(2).position(|two| two == b"\n\n").unwrap() + 2;
    assert!(bring("whole.bundle", &|uris| uris.limits.header_bytes_max = header).is_empty());
    let failed = bring("whole.bundle", &|uris| uris.limits.header_bytes_max = header - 1);
    assert!(failed[0].contains("bytes of a header"), "{failed:?}");
    // The list, the second, the first, and the second again.
    assert!(bring("all", &|uris| uris.limits.files_max = 4).is_empty());
    assert!(bring("all", &|uris| uris.limits.files_max = 3)[0].contains("files"));
    world.write("nested", "[bundle]\n\tversion = 1\n\tmode = all\n[bundle \"x\"]\n\turi = all\n");
    assert!(bring("nested", &|uris| uris.limits.depth_max = 2).is_empty());
    assert!(bring("nested", &|uris| uris.limits.depth_max = 1)[0].contains("lists within lists"));
    assert!(bring("whole.bundle", &|uris| uris.stage.pack_bytes_max = 100)[0].contains("100"));
}

#[test]
fn a_list_is_reduced_to_what_fits_the_filter() {
    let Some(world) = World::new("bundles-filter") else { return };
    let text =
        "[bundle]\n\tversion = 1\n\tmode = all\n[bundle \"f\"]\n\turi = missing\n\tfilter = blob:none\n";
    let list = world.write("filters", text);
    let mut uris = world.uris("into.git");
    assert_eq!(failures(&uris.bring(list.as_bytes(), &Never).unwrap()).len(), 0);
    uris.filter = Some(FilterSpec::parse(b"blob:none", &Limits::default()).unwrap());
    assert_eq!(failures(&uris.bring(list.as_bytes(), &Never).unwrap()).len(), 1);
    assert!(Path::new(&list).exists());
}
