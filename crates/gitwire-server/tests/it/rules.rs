//! What a push may do, by the server's policy and by the configuration of the repository.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gitwire_server::{CurrentBranch, ReceivePolicy};

use crate::receive::Fixture;

fn config(fixture: &Fixture, key: &str, value: &str) {
    fixture.git.ok(&fixture.served(), ["config", key, value]);
}

#[test]
fn each_deny_refuses_warns_or_allows() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::git())) else { return };
    fixture.pushes(&["main", "main:side"]);
    config(&fixture, "receive.denyDeletes", "true");
    fixture.refused(&[":side"], "deletion prohibited");
    config(&fixture, "receive.denyDeletes", "false");
    fixture.pushes(&[":side"]);
    config(&fixture, "receive.denyNonFastForwards", "true");
    fixture.refused(&["+main~1:main"], "non-fast-forward");
    config(&fixture, "receive.denyNonFastForwards", "false");
    fixture.pushes(&["+main~1:main"]);
    for (value, says) in [("refuse", None), ("true", None), ("warn", Some("deleting")), ("ignore", Some(""))]
    {
        config(&fixture, "receive.denyDeleteCurrent", value);
        match says {
            None => fixture.refused(&[":main"], "deletion of the current branch prohibited"),
            Some(says) => {
                let text = fixture.pushes(&[":main"]);
                assert_eq!(text.contains("warning: deleting the current branch"), !says.is_empty(), "{text}");
                fixture.pushes(&["main"]);
            }
        }
    }
    // A work tree of its own makes of the same branch one that is checked out.
    config(&fixture, "core.bare", "false");
    for (value, says) in
        [("refuse", None), ("warn", Some("updating")), ("ignore", Some("")), ("false", Some(""))]
    {
        config(&fixture, "receive.denyCurrentBranch", value);
        fixture.commit(value);
        match says {
            None => fixture.refused(&["main"], "branch is currently checked out"),
            Some(says) => {
                let text = fixture.pushes(&["main"]);
                assert_eq!(text.contains("warning: updating the current branch"), !says.is_empty(), "{text}");
            }
        }
    }
}

#[test]
fn branches_of_linked_work_trees_are_checked_out_too_and_can_be_brought_along() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::git())) else { return };
    fixture.pushes(&["main", "main:side"]);
    fixture.git.ok(&fixture.served(), ["worktree", "add", "-q", "../../tree", "side"]);
    let tree = fixture.folder.path().join("tree");
    fixture.commit("three");
    fixture.refused(&["main:side"], "branch is currently checked out");
    fixture.refused(&[":side"], "branch is currently checked out");
    config(&fixture, "receive.denyCurrentBranch", "updateInstead");
    fixture.pushes(&["main:side"]);
    assert!(tree.join("three").exists());
    assert_eq!(status(&fixture, &tree), "");
    // What somebody works on is not overwritten.
    fixture.commit("four");
    fs::write(tree.join("three"), "mine").unwrap();
    fixture.refused(&["main:side"], "Working directory has unstaged changes");
    fixture.git.ok(&tree, ["add", "three"]);
    fixture.refused(&["main:side"], "Working directory has staged changes");
    fixture.hook("push-to-checkout", "echo \"hook $1\"; git read-tree -u --reset $1");
    let text = fixture.pushes(&["main:side"]);
    assert!(text.contains("remote: hook "), "{text}");
    assert!(tree.join("four").exists() && status(&fixture, &tree).is_empty());
    fixture.hook("push-to-checkout", "exit 1");
    fixture.commit("five");
    fixture.refused(&["main:side"], "push-to-checkout hook declined");
}

fn status(fixture: &Fixture, tree: &Path) -> String {
    String::from_utf8(fixture.git.ok(tree, ["status", "--porcelain"])).unwrap()
}

#[test]
fn configuration_may_tighten_a_server_and_not_loosen_it() {
    let mut policy = ReceivePolicy::default();
    policy.deny_deletes = true;
    policy.hidden = gitwire_server::HiddenRefs::new(["refs/hidden"]);
    policy.stage.pack_bytes_max = 100_000;
    let Some(fixture) = Fixture::new(Some(policy)) else { return };
    fixture.pushes(&["main", "main:side"]);
    for (key, value) in [
        ("receive.denyDeletes", "false"),
        ("receive.hideRefs", "!refs/hidden"),
        ("receive.fsckObjects", "false"),
        ("receive.fsck.zeroPaddedDate", "ignore"),
        ("receive.denyDeleteCurrent", "ignore"),
        ("receive.shallowUpdate", "true"),
        ("receive.unpackLimit", "1000"),
        ("receive.maxInputSize", "10m"),
    ] {
        config(&fixture, key, value);
    }
    fixture.refused(&[":side"], "deletion prohibited");
    fixture.refused(&["main:refs/hidden/a"], "deny updating a hidden ref");
    let bad = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a@b> 01 +0000\ncommitter a <a@b> 1 +0000\n\nx\n";
    let written = ["hash-object", "-w", "--stdin", "-t", "commit", "--literally"];
    let bad = String::from_utf8(fixture.git.feed(&fixture.work(), written, bad).stdout).unwrap();
    fixture.git.feed(&fixture.work(), ["hash-object", "-w", "--stdin", "-t", "tree"], b"");
    fixture.refused(&[&format!("{}:refs/heads/bad", bad.trim())], "zeroPaddedDate");
    fs::write(fixture.work().join("large"), gitwire_testkit::Dice::new(1).bytes(200_000)).unwrap();
    fixture.commit("large-one");
    fixture.refused(&["main:large"], "unpack");
    // What forbids more is heard.
    config(&fixture, "receive.denyNonFastForwards", "true");
    fixture.refused(&["+main~2:side"], "non-fast-forward");
    let loose = fixture.git.ok(&fixture.served(), ["count-objects"]);
    assert!(loose.starts_with(b"0 objects"), "packs stay packs");
}

#[test]
fn under_gits_policy_a_repository_says_what_is_checked() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::git())) else { return };
    config(&fixture, "receive.fsckObjects", "true");
    let bad = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a@b> 01 +0000\ncommitter a <a@b> 1 +0000\n\nx\n";
    let written = ["hash-object", "-w", "--stdin", "-t", "commit", "--literally"];
    let bad = String::from_utf8(fixture.git.feed(&fixture.work(), written, bad).stdout).unwrap();
    fixture.git.feed(&fixture.work(), ["hash-object", "-w", "--stdin", "-t", "tree"], b"");
    let bad = bad.trim();
    let push = format!("{bad}:refs/tags/bad");
    fixture.refused(&[&push], "zeroPaddedDate");
    config(&fixture, "receive.fsck.skipList", "skip");
    fixture.refused(&[&push], "could not open");
    fs::write(fixture.served().join("skip"), "not an id\n").unwrap();
    fixture.refused(&[&push], "invalid object name: not an id");
    fs::write(fixture.served().join("skip"), format!("# known\n  {bad} # old\n")).unwrap();
    assert!(fixture.push(&[&push]).0);
    fixture.git.ok(&fixture.served(), ["config", "--unset", "receive.fsck.skipList"]);
    fixture.git.ok(&fixture.served(), ["update-ref", "-d", "refs/tags/bad"]);
    config(&fixture, "receive.fsck.zeroPaddedDate", "warn");
    config(&fixture, "receive.fsck.whatEver", "error");
    let (content, text) = fixture.push(&[&push]);
    assert!(content && text.contains("warning: object") && text.contains("zeroPaddedDate"), "{text}");
    assert!(text.contains("skipping unknown msg id 'whatever'"), "{text}");
    config(&fixture, "receive.fsck.nulInHeader", "warn");
    fixture.git.ok(&fixture.served(), ["update-ref", "-d", "refs/tags/bad"]);
    fixture.refused(&[&push], "Cannot demote nulinheader to warn");
}

#[test]
fn small_packs_become_single_objects_where_that_is_asked_for() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::git())) else { return };
    fixture.pushes(&["main~1:refs/heads/main"]);
    let count = || String::from_utf8(fixture.git.ok(&fixture.served(), ["count-objects"])).unwrap();
    assert!(count().starts_with("3 objects"), "{}", count());
    // The second pack is thin: what completes it is there already.
    fixture.pushes(&["main"]);
    assert!(count().starts_with("6 objects"), "{}", count());
    assert!(!fixture.leftovers());
    // As many as the limit stay a pack.
    config(&fixture, "transfer.unpackLimit", "3");
    fixture.commit("three");
    fixture.pushes(&["main"]);
    assert!(count().starts_with("6 objects"), "{}", count());
    config(&fixture, "receive.unpackLimit", "4");
    fixture.commit("four");
    fixture.pushes(&["main"]);
    assert!(count().starts_with("9 objects"), "{}", count());
}

#[test]
fn what_alternates_hold_is_told_and_counts_as_there() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::default())) else { return };
    fixture.pushes(&["main"]);
    let root = fixture.served().parent().unwrap().to_owned();
    fixture.git.ok(&root, ["clone", "-q", "--bare", "--shared", "r.git", "fork.git"]);
    let fork = root.join("fork.git");
    fixture.git.ok(&fork, ["update-ref", "-d", "refs/heads/main"]);
    let url = fixture.url.replace("r.git", "fork.git");
    fixture.git.ok(&fixture.work(), ["push", "-q", &url, "main:copy"]);
    let count = fixture.git.ok(&fork, ["count-objects", "-v"]);
    let count = String::from_utf8(count).unwrap();
    assert!(count.contains("count: 0\n") && count.contains("in-pack: 0\n"), "nothing was sent: {count}");
}

#[test]
fn two_changes_of_one_ref_are_no_change() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::default())) else { return };
    let output = fixture
        .git
        .run(&fixture.work(), ["send-pack", &fixture.url, "main:refs/heads/a", "main~1:refs/heads/a"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("multiple updates for ref 'refs/heads/a' not allowed"), "{text}");
    assert_eq!(fixture.refs(&fixture.served()), "");
}

#[test]
fn a_pack_at_its_bound_is_taken_and_one_byte_more_is_not() {
    let Some(size) = pushed_bytes() else { return };
    for (max, taken) in [(size, true), (size - 1, false)] {
        let mut policy = ReceivePolicy::default();
        policy.stage.pack_bytes_max = max;
        check_bound(policy, taken, "unpack");
    }
    for (max, taken) in [(6, true), (5, false)] {
        let mut policy = ReceivePolicy::default();
        policy.stage.objects_max = max;
        check_bound(policy, taken, "unpack");
    }
    // The largest object is a file of 400 bytes.
    for (max, taken) in [(400, true), (399, false)] {
        let mut policy = ReceivePolicy::default();
        policy.stage.object_bytes_max = max;
        check_bound(policy, taken, "unpack");
    }
    for (max, taken) in [(1, true), (0, false)] {
        let mut policy = ReceivePolicy::default();
        policy.protocol.commands_max = max;
        check_bound(policy, taken, "commands");
    }
    for (max, taken) in [(15, true), (14, false)] {
        let mut policy = ReceivePolicy::default();
        policy.protocol.command_bytes_max = max;
        check_bound(policy, taken, "bytes of ref names");
    }
}

/// The size of the pack that a fixture's `main` makes.
fn pushed_bytes() -> Option<u64> {
    let fixture = Fixture::new(Some(ReceivePolicy::default()))?;
    fixture.pushes(&["main"]);
    let pack =
        fs::read_dir(fixture.served().join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap();
    Some(fs::metadata(pack).unwrap().len())
}

#[track_caller]
fn check_bound(policy: ReceivePolicy, taken: bool, says: &str) {
    let Some(fixture) = Fixture::new(Some(policy)) else { return };
    if taken {
        fixture.pushes(&["main"]);
    } else {
        fixture.refused(&["main"], says);
    }
}

#[test]
fn push_options_at_their_bound_are_taken_and_one_more_is_not() {
    for (max, taken) in [(2, true), (1, false)] {
        let mut policy = ReceivePolicy::default();
        policy.push_options = true;
        policy.protocol.push_options_max = max;
        let Some(fixture) = Fixture::new(Some(policy)) else { return };
        let (content, text) = fixture.push(&["-o", "a", "-o", "b", "main"]);
        assert_eq!(content, taken, "{text}");
        assert_eq!(fixture.refs(&fixture.served()).is_empty(), !taken);
    }
}

#[test]
fn the_default_refuses_what_git_can_be_told_to_allow() {
    let policy = ReceivePolicy::default();
    assert_eq!(policy.update_current, CurrentBranch::Refuse);
    assert!(policy.stage.fsck.is_some() && policy.stage.unpack_limit == 0 && policy.hook_time_max.is_some());
    let git = ReceivePolicy::git();
    assert!(git.stage.fsck.is_none() && git.stage.unpack_limit == 100 && git.hook_time_max.is_none());
}

#[test]
fn a_push_that_is_cut_off_in_its_pack_leaves_nothing() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::default())) else { return };
    fs::write(fixture.work().join("large"), gitwire_testkit::Dice::new(2).bytes(300_000)).unwrap();
    fixture.commit("large-one");
    let ids = format!("{}\n", fixture.tip("main"));
    let words = ["pack-objects", "--revs", "--stdout", "-q"];
    let pack = fixture.git.feed(&fixture.work(), words, ids.as_bytes()).stdout;
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let zero = "0".repeat(40);
    let command =
        line(&format!("{zero} {} refs/heads/main\0report-status side-band-64k", fixture.tip("main")));
    let (address, name) = fixture.url.strip_prefix("git://").unwrap().split_once('/').unwrap();
    let request = line(&format!("git-receive-pack /{name}\0host=x\0"));
    for cut in [0, 1, 12, 1_000, pack.len() / 2, pack.len() - 1] {
        let mut stream = TcpStream::connect(address).unwrap();
        let said = [request.as_bytes(), command.as_bytes(), b"0000", &pack[..cut]].concat();
        stream.write_all(&said).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.contains("ng refs/heads/main unpacker error"), "{cut}: {answer}");
        assert_eq!(fixture.refs(&fixture.served()), "", "{cut}");
        assert!(!fixture.leftovers(), "{cut}");
    }
    fixture.pushes(&["main"]);
}

#[test]
fn a_boundary_comes_with_a_push_where_that_is_allowed() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::git())) else { return };
    let shallow = fixture.folder.path().join("shallow");
    let from = format!("file://{}", fixture.work().display());
    fixture.git.ok(fixture.folder.path(), ["clone", "-q", "--depth=1", &from, "shallow"]);
    let push = || fixture.git.run(&shallow, ["push", "--porcelain", &fixture.url, "main"]);
    let output = push();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && text.contains("shallow update not allowed"), "{text}");
    assert!(fixture.refs(&fixture.served()).is_empty() && !fixture.served().join("shallow").exists());
    config(&fixture, "receive.shallowUpdate", "true");
    assert!(push().status.success());
    let boundary = fs::read_to_string(fixture.served().join("shallow")).unwrap();
    assert_eq!(boundary.trim(), fixture.tip("main"));
    fixture.git.ok(&fixture.served(), ["fsck", "--strict"]);
}

#[test]
fn what_is_not_offered_is_not_asked_for() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::git())) else { return };
    config(&fixture, "receive.advertiseAtomic", "false");
    fixture.refused(&["--atomic", "main"], "does not support --atomic push");
    fixture.refused(&["-o", "x", "main"], "does not support push options");
    fixture.refused(&["--signed", "main"], "does not support --signed push");
}

#[test]
fn a_signed_push_is_known_to_hooks_with_what_its_signature_is_worth() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::git())) else { return };
    let script = |name: &str, text: &str| {
        let path = fixture.folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // Stand-ins for GnuPG: one signs whatever it gets, the other knows that signature.
    let sign = script(
        "sign",
        "cat >/dev/null; echo '[GNUPG:] SIG_CREATED ' >&2\n\
         printf -- '-----BEGIN PGP SIGNATURE-----\\nmine\\n-----END PGP SIGNATURE-----\\n'",
    );
    let check = script(
        "check",
        "cat >/dev/null; for file; do grep -q mine $file 2>/dev/null && echo '[GNUPG:] GOODSIG 1234 A U Thor'; done",
    );
    fixture.git.ok(&fixture.work(), ["config", "gpg.program", &sign]);
    config(&fixture, "gpg.program", &check);
    config(&fixture, "receive.certNonceSeed", "secret");
    fixture.hook(
        "post-receive",
        "env | grep ^GIT_PUSH_CERT | sort >certificate; git cat-file blob $GIT_PUSH_CERT >text",
    );
    fixture.pushes(&["--signed", "main"]);
    let read = |name: &str| fs::read_to_string(fixture.served().join(name)).unwrap();
    let known = read("certificate");
    for expected in [
        "GIT_PUSH_CERT_KEY=1234",
        "GIT_PUSH_CERT_NONCE_STATUS=OK",
        "GIT_PUSH_CERT_SIGNER=A U Thor",
        "GIT_PUSH_CERT_STATUS=G",
    ] {
        assert!(known.lines().any(|line| line == expected), "{expected}: {known}");
    }
    let nonce = known.lines().find_map(|line| line.strip_prefix("GIT_PUSH_CERT_NONCE=")).unwrap();
    assert!(read("text").contains(&format!("nonce {nonce}\n")), "{}", read("text"));
    assert!(read("text").contains(&format!("{} refs/heads/main\n", fixture.tip("main"))));
}
