//! `gitwire push` and `gitwire send-pack`, each beside git's own in a twin of the same repositories: the same words say the same, end
//! with the same code and leave the same refs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gitwire_testkit::git::{Folder, Git};

/// Two folders that hold the same: in each a work tree `here` with a remote `origin`, which is `../there.git`.
struct Twins {
    git: Git,
    folder: Folder,
}

impl Twins {
    fn new() -> Option<Self> {
        let git = Git::find()?;
        let twins = Self { git, folder: Folder::new("push-twins") };
        for twin in twins.both() {
            fs::create_dir(&twin).unwrap();
            twins.set_up(&twin);
        }
        Some(twins)
    }

    fn both(&self) -> [PathBuf; 2] {
        ["git", "ours"].map(|name| self.folder.path().join(name))
    }

    fn set_up(&self, twin: &Path) {
        let run = |place: &str, words: &str| self.git.ok(&twin.join(place), words.split(' '));
        run("", "init -q --bare there.git");
        run("", "init -q --initial-branch=main here");
        run("here", "remote add origin ../there.git");
        for nth in 0..5 {
            fs::write(twin.join("here/file"), format!("{nth}\n").repeat(50)).unwrap();
            run("here", "add file");
            run("here", &format!("commit -q -m {nth}"));
        }
        run("here", "branch side main~2");
        run("here", "tag light main~3");
        run("here", "tag -a -m annotated v1 main~1");
    }

    /// Runs `words` in both, and compares what was said and how it ended, and what the remotes hold.
    #[track_caller]
    fn check(&self, words: &str) {
        let [git, ours] = self.both();
        let words: Vec<&str> = words.split(' ').collect();
        let theirs = said(&self.git.run(&git.join("here"), &words));
        let own = said(&gitwire(&ours.join("here"), &words).output().unwrap());
        assert_eq!(own, theirs, "{words:?}");
        let refs = |twin: &Path, place: &str| {
            let all = self.git.ok(&twin.join(place), ["for-each-ref", "--format=%(objectname) %(refname)"]);
            String::from_utf8(all).unwrap()
        };
        for place in ["there.git", "here"] {
            assert_eq!(refs(&ours, place), refs(&git, place), "{words:?}: {place}");
        }
    }

    /// Does the same to both.
    fn each(&self, words: &str) {
        for twin in self.both() {
            self.git.ok(&twin.join("here"), words.split(' '));
        }
    }

    fn hook(&self, name: &str, text: &str) {
        for twin in self.both() {
            let path = twin.join("there.git/hooks").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

fn gitwire(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwire"));
    command.current_dir(folder).args(words).stdin(Stdio::null());
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env_remove("GIT_DIR").env_remove("GIT_PROTOCOL");
    command
}

/// The exit code, standard output, and of standard error what is no advice.
fn said(output: &Output) -> (Option<i32>, String, Vec<String>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // What git's server says when git's client leaves it without a word.
    let noise =
        ["hint: ", "fatal: the remote end hung up unexpectedly", "error: atomic push failed for ref "];
    let spoken = |line: &&str| !noise.iter().any(|noise| line.starts_with(noise));
    let stderr = text(&output.stderr);
    let lines = stderr.lines().filter(spoken).map(|line| line.trim_end().to_owned());
    (output.status.code(), text(&output.stdout), lines.collect())
}

#[test]
fn each_push_says_what_git_says() {
    let Some(twins) = Twins::new() else { return };
    for words in [
        "push origin main~2:refs/heads/main side",
        "push origin main~2:refs/heads/main side",
        "push -v origin main~2:refs/heads/main side",
        "push --porcelain origin main side light",
        "push origin main~4:main",
        "push --porcelain origin main~4:main side:refs/heads/new",
        "push origin +main~4:main :new",
        "push --porcelain origin main :refs/heads/gone",
        "push --porcelain --dry-run origin v1 :side",
        "push -q origin v1",
        "push -q origin main~3:main",
        "push origin side:light",
        "push --atomic origin main~3:main side:refs/heads/other",
        "push --force --porcelain origin main~3:main side:light",
        "push origin --delete light",
        "push origin nothing",
        "push origin main side:main",
        "push --follow-tags origin main",
        "push --tags origin",
        "push --all origin",
        "push --prune origin refs/heads/*",
        "push --force-with-lease origin main~1:main",
        "push --force-with-lease=main:main~4 origin main",
        "push --force-with-lease=main:main~1 --porcelain origin main~2:main",
        "push --no-thin origin main:refs/heads/a/b/c main:refs/notes/n",
        "push --mirror origin",
        "push --mirror --porcelain origin",
        "push ../there.git main:refs/heads/by-path",
    ] {
        twins.check(words);
    }
}

#[test]
fn the_configuration_says_where_to() {
    let Some(twins) = Twins::new() else { return };
    twins.check("-c push.default=current push");
    twins.check("-c push.default=matching push --porcelain");
    twins.check("-c push.default=matching -c push.followTags=true push --porcelain");
    for (key, value) in [("branch.main.remote", "origin"), ("branch.main.merge", "refs/heads/main")] {
        twins.each(&format!("config {key} {value}"));
    }
    twins.each("commit -q --allow-empty -m more");
    twins.check("push");
    twins.each("config branch.main.merge refs/heads/upstream");
    twins.check("-c push.default=upstream push --porcelain");
    twins.check("-c push.default=upstream push --porcelain origin main");
    twins.each("config remote.origin.push refs/heads/*:refs/heads/copy/*");
    twins.check("push --porcelain");
    twins.check("push --porcelain origin side");
    twins.each("config remote.origin.pushurl ../nowhere.git");
    twins.each("config url.../there.git.insteadOf ../nowhere.git");
    twins.check("push --porcelain origin v1");
    twins.each("config --unset remote.origin.push");
    twins.each("config remote.origin.mirror true");
    twins.check("push --porcelain");
}

#[test]
fn words_and_verdicts_of_hooks_are_passed_on() {
    let Some(twins) = Twins::new() else { return };
    twins.hook("update", "echo \"at $1\"; echo; case $1 in *no) exit 1;; esac");
    twins.hook("post-receive", "printf 'cut'; sleep 0; printf ' line'");
    twins.check("push origin main main:refs/heads/no");
    twins.check("push --porcelain origin main:refs/heads/yes");
    twins.check("push -q --atomic origin side:main main:refs/heads/no");
    let options = "push -o one --push-option=two origin side:refs/heads/more";
    twins.check(options);
    for twin in twins.both() {
        twins.git.ok(&twin.join("there.git"), ["config", "receive.advertisePushOptions", "true"]);
    }
    twins.hook("post-receive", "echo \"$GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_1\"");
    twins.check(options);
}

#[test]
fn the_plumbing_says_what_git_says() {
    let Some(twins) = Twins::new() else { return };
    for words in [
        "send-pack ../there.git main~2:refs/heads/main side",
        "send-pack -v ../there.git main~2:refs/heads/main side",
        "send-pack --thin ../there.git",
        "send-pack --verbose --remote=origin ../there.git",
        "send-pack --dry-run ../there.git main~4:main",
        "send-pack --force ../there.git main~4:main",
        "send-pack --helper-status ../there.git main :side light",
        "send-pack --helper-status ../there.git main~2:main light:refs/heads/new",
        "send-pack --atomic --helper-status ../there.git main~2:main light:refs/heads/newer",
        "send-pack --remote=origin ../there.git side:refs/heads/tracked",
        "send-pack --remote=origin --force-with-lease --no-force-if-includes ../there.git main~3:refs/heads/tracked",
        "-c push.useForceIfIncludes=true send-pack --remote=origin --force-with-lease=tracked ../there.git side:tracked",
        "send-pack --all ../there.git",
        "send-pack --mirror --force ../there.git",
    ] {
        let [git, ours] = twins.both();
        let words: Vec<&str> = words.split(' ').collect();
        let mut theirs = said(&twins.git.run(&git.join("here"), &words));
        let mut own = said(&gitwire(&ours.join("here"), &words).output().unwrap());
        // git's plumbing ends with whatever its failure leaves.
        for said in [&mut theirs, &mut own] {
            said.0 = Some(i32::from(said.0 != Some(0)));
            // git's speaks of refs too that nobody wants to change.
            let asked = said.1.lines().filter(|line| !line.ends_with(" no match"));
            said.1 = asked.map(|line| format!("{line}\n")).collect();
        }
        assert_eq!(own, theirs, "{words:?}");
        let refs = |twin: &Path| twins.git.ok(&twin.join("there.git"), ["for-each-ref"]);
        assert_eq!(refs(&ours), refs(&git), "{words:?}");
    }
}

/// git's plumbing takes the option and does not act on it; ours does.
#[test]
fn the_plumbing_leaves_what_has_not_become_part_of_what_is_here() {
    let Some(twins) = Twins::new() else { return };
    let here = twins.both()[1].join("here");
    let push = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let output = gitwire(&here, &words).output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    push("push -q origin main:refs/heads/other");
    let words = "--remote=origin --force-with-lease ../there.git main~3:other";
    let refused = "! [rejected]        main~3 -> other (remote ref updated since checkout)";
    assert!(push(&format!("send-pack --force-if-includes {words}")).contains(refused));
    let more = "--no-force-if-includes -n";
    assert!(push(&format!("send-pack --force-if-includes {more} {words}")).contains("(forced update)"));
}

#[test]
fn progress_is_shown_where_it_is_asked_for() {
    let Some(twins) = Twins::new() else { return };
    let here = twins.both()[1].join("here");
    let stderr = |words: &[&str]| String::from_utf8(gitwire(&here, words).output().unwrap().stderr).unwrap();
    let text = stderr(&["push", "--progress", "origin", "main"]);
    for line in [
        "Enumerating objects: ",
        "Counting objects: 100% (15/15), done.\n",
        "Writing objects: 100% (15/15), ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("Total 15 (delta "), "{text}");
    assert!(!stderr(&["push", "origin", "side"]).contains("objects"));
    assert_eq!(stderr(&["push", "-q", "origin", "light"]), "");
    let trace = twins.folder.path().join("trace");
    let mut command = gitwire(&here, &["send-pack", "--progress", "../there.git", "v1"]);
    let output = command.env("GIT_TRACE2_EVENT", &trace).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("Writing objects: 100% (1/1), "));
    let trace = fs::read_to_string(&trace).unwrap();
    assert!(trace.contains("write_pack_file/wrote") && trace.contains("\"value\":\"1\""), "{trace}");
}

#[test]
fn what_cannot_be_is_refused() {
    let Some(twins) = Twins::new() else { return };
    let here = twins.both()[1].join("here");
    for (words, code, says) in [
        ("push --delete origin", 128, "--delete doesn't make sense without any refs"),
        ("push --delete origin a:b", 128, "--delete only accepts plain target ref names"),
        ("push --all origin main", 128, "--all can't be combined with refspecs"),
        ("push --all --mirror origin", 128, "cannot be used together"),
        ("push origin main:a..b", 128, "invalid refspec"),
        ("push --force-with-lease=main:what origin main", 129, "cannot parse expected object name 'what'"),
        ("-c push.default=nothing push", 128, "push.default is \"nothing\""),
        ("-c push.default=simple push", 128, "has no upstream branch"),
        ("push nowhere main", 128, "nowhere"),
        ("push origin HEAD~1", 128, "invalid refspec"),
        ("send-pack --all --mirror ../there.git", 129, "exclude one another"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let output = gitwire(&here, &words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {text}");
        assert!(text.contains(says), "{words:?}: {text}");
    }
}

/// With a key of ssh, which git's receive-pack checks; and with a stand-in for gpg.
#[test]
fn signed_pushes_are_gits() {
    let Some(twins) = Twins::new() else { return };
    let key = twins.folder.path().join("key");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f"]).arg(&key);
    if !keygen.status().is_ok_and(|status| status.success()) {
        return gitwire_testkit::git::skipped("no ssh-keygen");
    }
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    fs::write(twins.folder.path().join("allowed"), format!("* {public}")).unwrap();
    twins.each("config gpg.format ssh");
    twins.each(&format!("config user.signingKey {}", key.display()));
    // Nobody asks for it, and nobody takes it.
    twins.check("push --signed=if-asked -q origin main");
    twins.check("push --signed origin side");
    for twin in twins.both() {
        let allowed = twins.folder.path().join("allowed").display().to_string();
        for (name, value) in [("receive.certNonceSeed", "seed"), ("gpg.ssh.allowedSignersFile", &allowed)] {
            twins.git.ok(&twin.join("there.git"), ["config", name, value]);
        }
    }
    let told = "echo \"$GIT_PUSH_CERT_STATUS $GIT_PUSH_CERT_NONCE_STATUS $GIT_PUSH_CERT_SIGNER\" >told; \
         git cat-file blob ${GIT_PUSH_CERT:-nothing} 2>/dev/null | sed -e '/^nonce/d;/^pusher/d;/^---/,$d' >cert";
    twins.hook("post-receive", told);
    let same = |expected: &str| {
        let [git, ours] = twins.both().map(|twin| {
            ["told", "cert"].map(|name| fs::read_to_string(twin.join("there.git").join(name)).unwrap())
        });
        assert!(git[0].starts_with(expected), "{git:?}");
        assert_eq!(ours, git);
    };
    twins.check("push --signed -q origin side light");
    same("G OK *");
    twins.check("push --signed=if-asked -q origin :side");
    same("G OK *");
    twins.each("config push.gpgSign true");
    twins.check("push -q --atomic origin v1 main:other");
    same("G OK *");
    twins.check("push --no-signed -q origin main:more");
    same(" ");
    // A program that does not sign, and one that signs as gpg does.
    let gpg = twins.folder.path().join("gpg");
    let script = |text: &str| {
        fs::write(&gpg, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&gpg, fs::Permissions::from_mode(0o755)).unwrap();
    };
    twins.each("config gpg.format openpgp");
    twins.each(&format!("config gpg.program {}", gpg.display()));
    script("exit 1");
    let here = twins.both()[1].join("here");
    let refused = gitwire(&here, &["push", "origin", "main:third"]).output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("failed to sign"), "{text}");
    script(
        "cat >text; echo \"$@\" >words; echo '[GNUPG:] SIG_CREATED D 1' >&2\n\
         echo -----BEGIN PGP SIGNATURE-----; echo; echo x; echo -----END PGP SIGNATURE-----",
    );
    twins.check("push -q origin main:third");
    let words = |twin: &Path| fs::read_to_string(twin.join("here/words")).unwrap();
    let [git, ours] = twins.both();
    assert_eq!(words(&ours), words(&git));
    let signed = fs::read_to_string(ours.join("here/text")).unwrap();
    assert!(
        signed.starts_with("certificate version 0.1\npusher ") && signed.contains("\nnonce "),
        "{signed}"
    );
}

#[test]
fn a_hook_may_stop_a_push() {
    let Some(twins) = Twins::new() else { return };
    let hook = |text: &str| {
        for twin in twins.both() {
            let path = twin.join("here/.git/hooks/pre-push");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    };
    let asked = || twins.both().map(|twin| fs::read_to_string(twin.join("here/asked")).unwrap_or_default());
    hook("echo \"$@\" >asked; cat >>asked");
    for words in [
        "push -q origin main side:refs/heads/b",
        "push -q origin main",
        "push -q origin :b main~1:refs/heads/c",
        "push -q --dry-run origin side",
        "push -q ../there.git v1",
    ] {
        twins.check(words);
        let [git, ours] = asked();
        assert_eq!(ours, git, "{words}");
    }
    hook("echo not today >&2; exit 3");
    twins.check("push origin side");
    twins.check("push -q --no-verify origin side");
    twins.each("config hook.stop.event pre-push");
    twins.each("config hook.stop.command false");
    hook("exit 0");
    let here = twins.both()[1].join("here");
    assert!(!gitwire(&here, &["push", "origin", "main:last"]).status().unwrap().success());
}
