use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gitwire_testkit::git::{Folder, Git};

use crate::history::make;
use crate::program::{fails, gitwire, ok};

/// A repository with one pack, and a copy of the pack elsewhere.
fn packed(git: &Git, folder: &Folder, format: &str) -> (PathBuf, PathBuf) {
    let source = make(git, folder.path(), &format!("{format}.git"), format);
    git.ok(&source, ["repack", "-adq"]);
    let packs = fs::read_dir(source.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let pack = packs.into_iter().find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap();
    let copy = folder.path().join(format!("{format}.pack"));
    fs::copy(pack, &copy).unwrap();
    (source, copy)
}

fn feed<const N: usize>(folder: &Path, arguments: [&str; N], input: &[u8]) -> std::process::Output {
    let mut child = gitwire(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that ends early does not take all of it.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output
}

#[test]
fn indexes_are_gits_byte_for_byte() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("index-pack");
    for format in ["sha1", "sha256"] {
        let (_, pack) = packed(&git, &folder, format);
        let text = pack.to_str().unwrap();
        let object_format = format!("--object-format={format}");
        for version in ["--index-version=1", "--index-version=2", "--index-version=2,0x1000"] {
            let theirs = git.ok(
                folder.path(),
                ["index-pack", "--rev-index", version, &object_format, "-o", "git.idx", text],
            );
            let ours =
                ok(folder.path(), ["index-pack", version, &object_format, "-o", "our.idx", text]).stdout;
            assert_eq!(ours, theirs);
            for end in ["idx", "rev"] {
                let read = |name: &str| fs::read(folder.path().join(format!("{name}.{end}"))).unwrap();
                assert_eq!(read("our"), read("git"), "{format} {version} {end}");
                fs::remove_file(folder.path().join(format!("git.{end}"))).unwrap();
            }
        }
        ok(folder.path(), ["index-pack", &object_format, "--threads=3", "--memory=4000000", text]);
        let index = fs::read(pack.with_extension("idx")).unwrap();
        let list = feed(folder.path(), ["show-index", &object_format], &index).stdout;
        assert_eq!(list, git.feed(folder.path(), ["show-index", &object_format], &index).stdout);
        let theirs = git.ok(folder.path(), ["verify-pack", "-v", &object_format, text]);
        let ours = ok(folder.path(), ["verify-pack", "-v", &object_format, text]).stdout;
        assert_eq!(String::from_utf8(ours).unwrap(), String::from_utf8(theirs).unwrap());
    }
}

#[test]
fn packs_go_into_a_repository() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("index-pack-stdin");
    let (source, pack) = packed(&git, &folder, "sha1");
    let bytes = fs::read(&pack).unwrap();
    ok(folder.path(), ["init", "--bare", "-q", "new.git"]);
    let new = folder.path().join("new.git");
    let output = feed(&new, ["index-pack", "--stdin", "--keep=why"], &bytes);
    let line = String::from_utf8(output.stdout).unwrap();
    let name = line.strip_prefix("keep\t").unwrap().trim();
    assert_eq!(fs::read_to_string(new.join(format!("objects/pack/pack-{name}.keep"))).unwrap(), "why\n");
    git.ok(&new, ["verify-pack", &format!("objects/pack/pack-{name}.pack")]);

    // A thin pack is completed from what is there.
    let thin =
        git.feed(&source, ["pack-objects", "-q", "--revs", "--stdout", "--thin"], b"main\n^main~1\n").stdout;
    let output = feed(&new, ["index-pack", "--stdin"], &thin);
    assert_eq!(output.status.code(), Some(128));
    let output = feed(&new, ["index-pack", "--stdin", "--fix-thin"], &thin);
    let line = String::from_utf8(output.stdout).unwrap();
    let name =
        line.strip_prefix("pack\t").unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    git.ok(&new, ["verify-pack", &format!("objects/pack/pack-{}.pack", name.trim())]);
}

#[test]
fn packs_are_compared_with_the_repository_and_completed_from_it() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("index-pack-known");
    let (source, pack) = packed(&git, &folder, "sha1");
    let bytes = fs::read(&pack).unwrap();
    let told = |output: std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();

    // A thin pack in a file of its own is completed too.
    let thin =
        git.feed(&source, ["pack-objects", "-q", "--revs", "--stdout", "--thin"], b"main\n^main~1\n").stdout;
    ok(&source, ["init", "--bare", "-q", "../empty.git"]);
    let empty = folder.path().join("empty.git");
    assert!(!feed(&empty, ["index-pack", "--stdin", "--fix-thin", "none.pack"], &thin).status.success());
    let output = feed(&source, ["index-pack", "--stdin", "--fix-thin", "whole.pack"], &thin);
    assert!(output.status.success(), "{}", told(output));
    git.ok(&source, ["verify-pack", "whole.pack"]);

    // The version of an index is that of the option, or of the configuration.
    for arguments in
        [["index-pack", "--stdin", "--index-version=1"], ["-cpack.indexVersion=1", "index-pack", "--stdin"]]
    {
        assert!(feed(&empty, arguments, &bytes).status.success());
        let index = fs::read_dir(empty.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
        let index = index.into_iter().find(|path| path.extension().is_some_and(|end| end == "idx")).unwrap();
        assert!(!fs::read(&index).unwrap().starts_with(b"\xfftOc"), "{arguments:?}");
        fs::remove_dir_all(empty.join("objects/pack")).unwrap();
    }
    let text = pack.to_str().unwrap();
    ok(folder.path(), ["index-pack", "--index-version=2,0x200", text]);
    ok(folder.path(), ["index-pack", "--verify", text]);

    // Another object under the name of one that comes.
    let tree = String::from_utf8(git.ok(&source, ["rev-parse", "main^{tree}"])).unwrap();
    let (fan, rest) = tree.trim().split_at(2);
    git.feed(&empty, ["hash-object", "-w", "--stdin"], b"else");
    let other = String::from_utf8(git.feed(&empty, ["hash-object", "--stdin"], b"else").stdout).unwrap();
    let (other_fan, other_rest) = other.trim().split_at(2);
    fs::create_dir_all(empty.join("objects").join(fan)).unwrap();
    fs::copy(
        empty.join(format!("objects/{other_fan}/{other_rest}")),
        empty.join(format!("objects/{fan}/{rest}")),
    )
    .unwrap();
    let collision = format!("fatal: SHA1 COLLISION FOUND WITH {} !", tree.trim());
    fails(&empty, ["index-pack", "-o", "new.idx", text], 128, &collision);

    // Where history is cut off its commits name parents that are nowhere.
    let tip = git.ok(&source, ["rev-parse", "main"]);
    let cut = git.feed(
        &source,
        ["pack-objects", "-q", "--revs", "--stdout", "--shallow"],
        &[b"--shallow ", &tip[..], b"main\n"].concat(),
    );
    let shallow = folder.path().join("shallow.git");
    ok(folder.path(), ["init", "--bare", "-q", "shallow.git"]);
    assert!(!feed(&shallow, ["index-pack", "--stdin", "--strict"], &cut.stdout).status.success());
    fs::write(shallow.join("shallow"), tip).unwrap();
    for command in ["unpack-objects", "index-pack"] {
        let input = if command == "index-pack" { "--stdin" } else { "-q" };
        let output = feed(&shallow, [command, input, "--strict"], &cut.stdout);
        assert!(output.status.success(), "{command}: {}", told(output));
    }

    // A pack that comes at once shows how far it came.
    let output = feed(&source, ["index-pack", "-v", "--stdin"], &bytes);
    let told = told(output);
    assert!(told.contains("Receiving objects: 100%") && told.contains("Resolving deltas: 100%"), "{told}");
}

#[test]
fn damaged_packs_leave_nothing_behind() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("index-pack-damaged");
    let (_, pack) = packed(&git, &folder, "sha1");
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, &bytes).unwrap();
    fails(folder.path(), ["index-pack", pack.to_str().unwrap()], 128, "fatal: ");
    fs::write(&pack, &bytes[..middle]).unwrap();
    fails(folder.path(), ["index-pack", pack.to_str().unwrap()], 128, "fatal: ");
    assert!(!pack.with_extension("idx").exists() && !pack.with_extension("rev").exists());
    fails(folder.path(), ["index-pack", "--max-input-size=100", pack.to_str().unwrap()], 128, "100");
    fails(folder.path(), ["index-pack", "none.pack"], 128, "cannot open packfile 'none.pack'");
    fails(folder.path(), ["index-pack", "--bogus"], 129, "");
    fails(folder.path(), ["index-pack"], 129, "");
    fails(folder.path(), ["index-pack", "--stdin"], 128, "--stdin requires a git repository");
    fails(folder.path(), ["verify-pack", "none"], 1, "cannot open index");
}

#[test]
fn packs_of_revisions_hold_what_gits_do() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("pack-objects");
    let (source, _) = packed(&git, &folder, "sha1");
    let old = String::from_utf8(git.ok(&source, ["rev-parse", "main~3"])).unwrap();
    for revisions in ["main\n".to_owned(), format!("main\n^{old}"), "v1-again\nside\n^main\n".to_owned()] {
        let objects = |pack: &[u8]| {
            fs::write(folder.path().join("p.pack"), pack).unwrap();
            git.ok(folder.path(), ["index-pack", "-o", "p.idx", "p.pack"]);
            let index = fs::read(folder.path().join("p.idx")).unwrap();
            for name in ["p.idx", "p.rev", "p.pack"] {
                fs::remove_file(folder.path().join(name)).ok();
            }
            let list = git.feed(folder.path(), ["show-index"], &index).stdout;
            let mut ids: Vec<String> = String::from_utf8(list)
                .unwrap()
                .lines()
                .map(|line| line.split(' ').nth(1).unwrap().to_owned())
                .collect();
            ids.sort();
            ids
        };
        let ours = feed(&source, ["pack-objects", "--revs", "--stdout", "-q"], revisions.as_bytes());
        assert!(ours.status.success(), "{}", String::from_utf8_lossy(&ours.stderr));
        let theirs = git.feed(&source, ["pack-objects", "--revs", "--stdout", "-q"], revisions.as_bytes());
        assert_eq!(objects(&ours.stdout), objects(&theirs.stdout), "{revisions:?}");
    }
}

#[test]
fn a_command_may_be_called_by_its_own_name() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("multi-call");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let link = folder.path().join("git-upload-pack");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gitwire"), &link).unwrap();
    let url = format!("file://{}", source.display());
    let listed = git.ok(folder.path(), ["ls-remote", "--upload-pack", link.to_str().unwrap(), &url]);
    assert_eq!(listed, git.ok(folder.path(), ["ls-remote", &url]));
    let output = gitwire(folder.path(), ["--version"]).output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"gitwire "));
    assert!(gitwire(folder.path(), ["--help"]).output().unwrap().status.success());
    fails(folder.path(), ["upload-pack"], 129, "");
    fails(folder.path(), ["upload-pack", "nothing"], 128, "does not appear to be a git repository");
    fails(folder.path(), ["bogus"], 129, "");
}

/// A commit whose author has no address, in a pack of its own with its tree.
fn unsound(git: &Git, folder: &Folder) -> Vec<u8> {
    let source = folder.path().join("unsound");
    git.ok(folder.path(), ["init", "-q", "--bare", "unsound"]);
    let tree = String::from_utf8(git.feed(&source, ["mktree"], b"").stdout).unwrap();
    let text = format!("tree {}\nauthor x 1 +0000\ncommitter x <x@y> 1 +0000\n\nx\n", tree.trim());
    let words = ["hash-object", "-w", "--stdin", "-t", "commit", "--literally"];
    let commit = git.feed(&source, words, text.as_bytes()).stdout;
    let ids = [commit.as_slice(), tree.as_bytes()].concat();
    git.feed(&source, ["pack-objects", "-q", "--stdout"], &ids).stdout
}

#[test]
fn objects_are_unpacked_as_git_does() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("unpack");
    for format in ["sha1", "sha256"] {
        let (source, pack) = packed(&git, &folder, format);
        let name = format!("{format}-target");
        git.ok(folder.path(), ["init", "-q", "--bare", &format!("--object-format={format}"), &name]);
        let target = folder.path().join(&name);
        let bytes = fs::read(&pack).unwrap();
        let count = || String::from_utf8(git.ok(&target, ["count-objects"])).unwrap();
        assert!(feed(&target, ["unpack-objects", "-n", "-q"], &bytes).status.success());
        assert!(count().starts_with("0 objects"), "{}", count());
        let output = feed(&target, ["unpack-objects", "-q", "--strict"], &bytes);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let packed = git.ok(&source, ["count-objects", "-v"]);
        let packed = String::from_utf8(packed).unwrap();
        let in_pack = packed.lines().find_map(|line| line.strip_prefix("in-pack: ")).unwrap();
        assert!(count().starts_with(&format!("{in_pack} objects")), "{} {in_pack}", count());
        git.ok(&target, ["fsck", "--strict", "--no-dangling"]);
        let max = format!("--max-input-size={}", bytes.len() - 1);
        assert_eq!(feed(&target, ["unpack-objects", "-q", &max], &bytes).status.code(), Some(128));
        let half = &bytes[..bytes.len() / 2];
        assert_eq!(feed(&target, ["unpack-objects", "-q", "-r"], half).status.code(), Some(128));
    }
}

#[test]
fn what_is_broken_or_names_what_is_not_there_is_refused_where_that_is_asked_for() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("strict");
    let pack = unsound(&git, &folder);
    git.ok(folder.path(), ["init", "-q", "--bare", "target"]);
    let target = folder.path().join("target");
    let check = |arguments: [&str; 3], code: i32, says: &str| {
        let output = feed(&target, arguments, &pack);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    };
    check(["unpack-objects", "-q", "--strict"], 128, "missingEmail");
    check(["index-pack", "--stdin", "--strict"], 128, "missingEmail");
    check(["index-pack", "--stdin", "--fsck-objects"], 128, "missingEmail");
    check(["index-pack", "--stdin", "--strict=missingEmail=warn"], 0, "missingEmail");
    check(["index-pack", "--stdin", "--strict=missingEmail=ignore"], 0, "");
    check(["index-pack", "--stdin", "--strict=noSuchThing=ignore"], 128, "noSuchThing");
    // A commit without its tree.
    let source = folder.path().join("unsound");
    let heads =
        git.ok(&source, ["cat-file", "--batch-check=%(objectname) %(objecttype)", "--batch-all-objects"]);
    let heads = String::from_utf8(heads).unwrap();
    // Not the empty one, which is there everywhere.
    let commit = heads.lines().find_map(|line| line.strip_suffix(" commit")).unwrap();
    let entry = format!("160000 commit {commit}\tmodule\n");
    let tree = String::from_utf8(git.feed(&source, ["mktree"], entry.as_bytes()).stdout).unwrap();
    let text = format!("tree {}\nauthor x <x@y> 1 +0000\ncommitter x <x@y> 1 +0000\n\nx\n", tree.trim());
    let commit = git.feed(&source, ["hash-object", "-w", "--stdin", "-t", "commit"], text.as_bytes()).stdout;
    let alone = git.feed(&source, ["pack-objects", "-q", "--stdout"], &commit).stdout;
    git.ok(folder.path(), ["init", "-q", "--bare", "empty"]);
    let empty = folder.path().join("empty");
    for arguments in [["unpack-objects", "-q", "--strict"], ["index-pack", "--stdin", "--strict"]] {
        let output = feed(&empty, arguments, &alone);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(128) && text.contains("is missing"), "{arguments:?}: {text}");
    }
    assert!(feed(&empty, ["index-pack", "--stdin", "--fsck-objects"], &alone).status.success());
}

#[test]
fn an_index_is_compared_with_its_pack() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("verify");
    let (_, pack) = packed(&git, &folder, "sha1");
    let text = pack.to_str().unwrap();
    for version in ["--index-version=1", "--index-version=2"] {
        ok(folder.path(), ["index-pack", version, text]);
        assert!(ok(folder.path(), ["index-pack", "--verify", text]).stdout.is_empty());
    }
    let reverse = pack.with_extension("rev");
    ok(folder.path(), ["index-pack", "--rev-index", "--verify", text]);
    let good = fs::read(&reverse).unwrap();
    fs::remove_file(&reverse).unwrap();
    fs::write(&reverse, [b"xxxx", &good[4..]].concat()).unwrap();
    fails(folder.path(), ["index-pack", "--rev-index", "--verify", text], 128, "validation error");
    let index = pack.with_extension("idx");
    let mut bytes = fs::read(&index).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&index).unwrap();
    fs::write(&index, bytes).unwrap();
    fails(folder.path(), ["index-pack", "--verify", text], 128, "is not that of the pack");
    fails(folder.path(), ["index-pack", "--max-input-size=20", text], 128, "maximum allowed size (20 bytes)");
    fails(folder.path(), ["index-pack", "--index-version=3", text], 129, "bad 3");
}

/// As git's server calls them: the header has been read, the objects go into a quarantine, and who sends the pack keeps the stream open.
#[test]
fn a_pack_goes_into_a_quarantine_and_ends_where_it_ends() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("quarantine");
    let (_, pack) = packed(&git, &folder, "sha1");
    let bytes = fs::read(pack).unwrap();
    let count = u32::from_be_bytes(bytes[8..12].try_into().unwrap());
    let header = format!("--pack_header=2,{count}");
    for command in ["unpack-objects", "index-pack"] {
        let target = folder.path().join(format!("{command}.git"));
        git.ok(folder.path(), ["init", "-q", "--bare", target.to_str().unwrap()]);
        let quarantine = target.join("objects/tmp_objdir-incoming-abcdef");
        fs::create_dir(&quarantine).unwrap();
        let option = if command == "index-pack" { "--stdin" } else { "-q" };
        let mut child = gitwire(&target, [command, option, &header])
            .env("GIT_OBJECT_DIRECTORY", &quarantine)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", target.join("objects"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&bytes[12..]).unwrap();
        assert!(child.wait().unwrap().success(), "{command}");
        drop(stdin);
        assert!(
            git.ok(&target, ["cat-file", "--batch-all-objects", "--batch-check"]).is_empty(),
            "{command}"
        );
        let mut list = git.command(&target, ["cat-file", "--batch-all-objects", "--batch-check"]);
        let listed = list.env("GIT_OBJECT_DIRECTORY", &quarantine).output().unwrap().stdout;
        assert!(!listed.is_empty(), "{command}");
    }
}

#[test]
fn single_findings_and_objects_are_passed_over() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("strict");
    let pack = unsound(&git, &folder);
    let commit = folder.path().join("skip");
    let target = folder.path().join("target.git");
    git.ok(folder.path(), ["init", "-q", "--bare", "target.git"]);
    let ids = git.feed(&target, ["index-pack", "--stdin", "--strict"], &pack);
    let text = String::from_utf8_lossy(&ids.stderr).into_owned();
    let id = text.split([' ', ':']).find(|word| word.len() == 40).unwrap();
    fs::write(&commit, format!("# known\n{id}\n")).unwrap();
    for (word, works) in [
        ("missingEmail=warn", true),
        ("missingemail=ignore", true),
        ("zeroPaddedFilemode=warn", false),
        (&*format!("skiplist={}", commit.display()), true),
        ("skiplist=/dev/null", false),
    ] {
        let strict = format!("--strict={word}");
        let output = feed(&target, ["unpack-objects", "-n", "-q", &strict], &pack);
        assert_eq!(output.status.success(), works, "{word}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for (word, why) in [
        ("skiplist=none", "could not open object name list: none"),
        ("missing=warn", "Unhandled message id: missing"),
        ("unterminatedHeader=warn", "Cannot demote unterminatedHeader to warn"),
    ] {
        let strict = format!("--strict={word}");
        let output = feed(&target, ["unpack-objects", "-n", "-q", &strict], &pack);
        assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{word}");
    }
}

/// git notes in the mark of a promisor's pack what it has fetched, and asks whether the pack names what it does not hold.
#[test]
fn packs_of_promisors_are_marked_and_links_are_looked_at() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("promisor");
    let (source, pack) = packed(&git, &folder, "sha1");
    let bytes = fs::read(pack).unwrap();
    git.ok(folder.path(), ["init", "-q", "--bare", "target.git"]);
    let target = folder.path().join("target.git");
    let output = feed(
        &target,
        ["index-pack", "--stdin", "--promisor", "--check-self-contained-and-connected"],
        &bytes,
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let packs: Vec<_> =
        fs::read_dir(target.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mark = packs.iter().find(|path| path.extension().is_some_and(|end| end == "promisor")).unwrap();
    fs::write(mark, "noted\n").unwrap();
    // A commit alone names a tree that is elsewhere.
    let head = git.ok(&source, ["rev-list", "--all", "-1"]);
    let alone = git.feed(&source, ["pack-objects", "-q", "--stdout"], &head).stdout;
    let words = ["index-pack", "--stdin", "--check-self-contained-and-connected", "--report-end-of-input"];
    let output = feed(&target, words, &alone);
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(1), &b"\0"[..]));
}
