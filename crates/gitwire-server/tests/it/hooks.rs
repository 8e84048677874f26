//! Hooks of pushes: programs that git would run too, in its order, and values; what they say, how long they may take.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gitwire_protocol::PushCommand;
use gitwire_server::{
    DirectoryRoot, Hooks, OpenError, ProcReceiveRefs, Processed, Proposal, ReceivePolicy, Receiving, Refusal,
    Repositories, RepositoryRequest,
};
use gitwire_storage::Repository;

use crate::receive::Fixture;

fn fixture() -> Option<Fixture> {
    Fixture::new(Some(ReceivePolicy::git()))
}

/// A hook that writes the pkt-lines of `lines`, after it has read up to the second flush.
fn proc_receive(fixture: &Fixture, lines: &[&str]) {
    let packets: String = lines.iter().map(|line| format!("{:04x}{line}\\n", line.len() + 5)).collect();
    let read = "n=0; while [ $n -lt $1 ]; do len=$(dd bs=1 count=4 2>/dev/null); [ -n \"$len\" ] || exit 9\n\
         if [ \"$len\" = 0000 ]; then n=$((n+1)); else dd bs=1 count=$((0x$len-4)) 2>/dev/null >>asked; echo >>asked; fi; done";
    let text = format!(
        "heed() {{ {read}; }}\nheed 1; printf '000eversion=1\\n0000'; heed 1\nprintf '{packets}0000'"
    );
    fixture.hook("proc-receive", &text);
}

#[test]
fn proc_receive_carries_out_what_is_its_and_may_do_something_else() {
    let Some(fixture) = fixture() else { return };
    fixture.git.ok(&fixture.served(), ["config", "receive.procReceiveRefs", "refs/for"]);
    let tip = fixture.tip("main");
    proc_receive(
        &fixture,
        &[
            "ok refs/for/a",
            "option refname refs/changes/1",
            "ok refs/for/b",
            "option fall-through",
            "ng refs/for/c not today",
        ],
    );
    fixture.hook("post-receive", "cat >post");
    let (content, text) =
        fixture.push(&["main", "main:refs/for/a", "main:refs/for/b", "main:refs/for/c", "main:refs/for/d"]);
    assert!(!content, "{text}");
    for expected in [
        "main:refs/changes/1\t[new reference]",
        "main:refs/for/b\t[new reference]",
        "main:refs/for/c\t[remote rejected] (not today)",
        "main:refs/for/d\t[remote rejected] (proc-receive failed to report status)",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // The objects are there for the hook; it made no ref of its own here.
    let refs = fixture.refs(&fixture.served());
    assert!(refs.contains("refs/for/b") && !refs.contains("refs/for/a"), "{refs}");
    let post = fs::read_to_string(fixture.served().join("post")).unwrap();
    let zero = "0".repeat(40);
    let lines =
        ["refs/heads/main", "refs/changes/1", "refs/for/b"].map(|name| format!("{zero} {tip} {name}\n"));
    assert_eq!(post, lines.concat());
    let asked = fs::read_to_string(fixture.served().join("asked")).unwrap();
    assert!(asked.contains(&format!("{zero} {tip} refs/for/a")) && !asked.contains("refs/heads"), "{asked}");
}

#[test]
fn a_proc_receive_hook_that_is_not_there_or_dies_fails_its_commands_alone() {
    let Some(fixture) = fixture() else { return };
    fixture.git.ok(&fixture.served(), ["config", "receive.procReceiveRefs", "refs/for"]);
    let (_, text) = fixture.push(&["main:refs/for/a", "main:one"]);
    assert!(text.contains("cannot find hook 'proc-receive'"), "{text}");
    assert!(text.contains("refs/for/a\t[remote rejected] (fail to run proc-receive hook)"), "{text}");
    assert!(fixture.refs(&fixture.served()).contains("refs/heads/one"), "{text}");
    fixture.hook("proc-receive", "exit 3");
    let (_, text) = fixture.push(&["--atomic", "main:refs/for/a", "main:two"]);
    assert!(text.contains("fail to negotiate version with proc-receive hook"), "{text}");
    assert!(!fixture.refs(&fixture.served()).contains("refs/heads/two"), "{text}");
    fixture.hook("proc-receive", "printf '000eversion=7\\n0000'; cat >/dev/null");
    let (_, text) = fixture.push(&["main:refs/for/a"]);
    assert!(text.contains("proc-receive version '7' is not supported"), "{text}");
}

#[test]
fn reference_transaction_sees_each_step_and_may_refuse() {
    let Some(fixture) = fixture() else { return };
    fixture.hook("reference-transaction", "echo \"$1\" >>steps; cat >>steps; test ! -e refuse-$1");
    fixture.pushes(&["main:a", "main:b"]);
    let (zero, tip) = ("0".repeat(40), fixture.tip("main"));
    let steps = || fs::read_to_string(fixture.served().join("steps")).unwrap();
    let lines = format!("{zero} {tip} refs/heads/a\n{zero} {tip} refs/heads/b\n");
    assert_eq!(steps(), format!("preparing\n{lines}prepared\n{lines}committed\n{lines}"));
    for step in ["preparing", "prepared"] {
        fs::write(fixture.served().join(format!("refuse-{step}")), "").unwrap();
        fs::write(fixture.served().join("steps"), "").unwrap();
        fixture.refused(&["main:c"], "reference-transaction hook declined");
        assert!(steps().contains("aborted") && !steps().contains("committed"), "{}", steps());
        fs::remove_file(fixture.served().join(format!("refuse-{step}"))).unwrap();
    }
    fixture.pushes(&["main:c"]);
}

#[test]
fn pre_receive_sees_all_commands_and_an_atomic_push_asks_no_more_once_refused() {
    let Some(fixture) = fixture() else { return };
    fixture.git.ok(&fixture.served(), ["config", "receive.hideRefs", "refs/hidden"]);
    fixture.hook("pre-receive", "cat >pre");
    fixture.hook("update", "echo $1 >>asked; test $1 != refs/heads/b");
    let (_, text) = fixture.push(&["main:a", "main:refs/hidden/x"]);
    assert!(text.contains("deny updating a hidden ref"), "{text}");
    let pre = fs::read_to_string(fixture.served().join("pre")).unwrap();
    assert_eq!(pre.lines().count(), 2, "{pre}");
    fs::remove_file(fixture.served().join("asked")).unwrap();
    fixture.refused(&["--atomic", "main:b", "main:c", "main:d"], "atomic push failure");
    assert_eq!(fs::read_to_string(fixture.served().join("asked")).unwrap(), "refs/heads/b\n");
    fixture.refused(&["main:refs/hidden/x"], "deny updating a hidden ref");
    let pre = fs::read_to_string(fixture.served().join("pre")).unwrap();
    assert_eq!(pre.lines().count(), 1, "{pre}");
}

#[test]
fn hooks_of_the_configuration_run_before_the_one_among_the_hooks() {
    let Some(fixture) = fixture() else { return };
    let config = |key: &str, value: &str| fixture.git.ok(&fixture.served(), ["config", "--add", key, value]);
    config("hook.first.event", "pre-receive");
    config("hook.first.command", "echo first");
    config("hook.off.event", "pre-receive");
    config("hook.off.command", "exit 1");
    config("hook.off.enabled", "false");
    fixture.hook("pre-receive", "echo second");
    let text = fixture.pushes(&["main"]);
    let at = |word: &str| text.find(&format!("remote: {word}")).unwrap_or_else(|| panic!("{word}: {text}"));
    assert!(at("first") < at("second"));
    config("hook.second.event", "pre-receive");
    config("hook.second.command", "exit 1");
    fixture.refused(&["main:other"], "pre-receive hook declined");
}

#[test]
fn words_arrive_while_a_hook_runs_and_one_that_takes_too_long_is_killed() {
    let mut policy = ReceivePolicy::git();
    policy.hook_time_max = Some(Duration::from_secs(3));
    let Some(fixture) = Fixture::new(Some(policy)) else { return };
    // A grandchild holds the hook's output open; it goes with the hook.
    fixture.hook("pre-receive", "echo begun; sleep 600 & sleep 600");
    let started = Instant::now();
    let mut command = fixture.git.command(&fixture.work(), ["push", "origin", "main"]);
    let mut push = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(push.stderr.take().unwrap()).lines().map(Result::unwrap);
    let begun = lines.find(|line| line.contains("begun"));
    assert!(begun.is_some() && started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let rest: Vec<String> = lines.collect();
    assert!(!push.wait().unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(60));
    let rest = rest.join("\n");
    assert!(rest.contains("took too long") && rest.contains("pre-receive hook declined"), "{rest}");
    assert_eq!(fixture.refs(&fixture.served()), "");
    assert!(!fixture.leftovers());
}

#[test]
fn a_push_whose_pusher_has_gone_is_given_up() {
    let Some(fixture) = fixture() else { return };
    fixture.hook("pre-receive", "touch begun; while :; do echo waiting; sleep 0.02; done");
    let mut command = fixture.git.command(&fixture.work(), ["push", "-q", "origin", "main"]);
    let mut push = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let wait = |what: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !what() {
            assert!(started.elapsed() < Duration::from_secs(60), "it never comes");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait(&|| fixture.served().join("begun").exists());
    push.kill().unwrap();
    push.wait().unwrap();
    wait(&|| !fixture.leftovers());
    assert_eq!(fixture.refs(&fixture.served()), "");
    fixture.hook("pre-receive", "exit 0");
    fixture.pushes(&["main"]);
}

#[test]
fn hooks_of_a_server_hear_of_its_clients_what_the_push_says_and_nothing_else() {
    let Some(fixture) = fixture() else { return };
    fixture.hook("post-receive", "env | cut -d= -f1 | sort >variables");
    fixture.pushes(&["main"]);
    let variables = fs::read_to_string(fixture.served().join("variables")).unwrap();
    let spoken = |name: &&str| ["REMOTE_", "SSH_", "GIT_"].iter().any(|prefix| name.starts_with(prefix));
    assert_eq!(
        variables.lines().filter(spoken).collect::<Vec<_>>(),
        ["GIT_DIR", "GIT_PUSH_OPTION_COUNT"],
        "{variables}"
    );
}

/// Takes the place of `proc-receive`, and asks whether it may go on.
struct Values(AtomicBool);

impl Hooks for Values {
    fn proc_receive(
        &self,
        proposal: Proposal<'_>,
        commands: &[PushCommand],
        answer: &mut dyn FnMut(usize, Processed),
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        assert!(proposal.staged.is_none() && proposal.stop.check().is_ok());
        // The objects are part of the repository by now.
        let mut here = 0;
        let ids: Vec<_> = commands.iter().map(|command| command.new).collect();
        let mut count = |_, presence| here += usize::from(presence != gitwire_storage::Presence::Absent);
        proposal.repository.objects().unwrap().headers(&ids, &mut count).unwrap();
        assert_eq!(here, ids.len());
        say(b"heard\n");
        self.0.store(true, Ordering::Relaxed);
        for (at, command) in commands.iter().enumerate() {
            match command.name.ends_with(b"no") {
                true => answer(at, Processed::Rejected("two\nlines".into())),
                false => answer(at, Processed::Done(Vec::new())),
            }
        }
        Ok(())
    }
}

struct Hooked(DirectoryRoot, Arc<Values>);

impl Repositories for Hooked {
    fn open(&self, request: &RepositoryRequest<'_>) -> Result<Arc<dyn Repository>, OpenError> {
        self.0.open(request)
    }

    fn open_to_receive(&self, request: &RepositoryRequest<'_>) -> Result<Receiving, OpenError> {
        let mut receiving = self.0.open_to_receive(request)?;
        receiving.hooks = Arc::clone(&self.1) as _;
        Ok(receiving)
    }
}

#[test]
fn proc_receive_may_be_a_value() {
    let values = Arc::new(Values(AtomicBool::new(false)));
    let mut policy = ReceivePolicy::default();
    policy.proc_receive = ProcReceiveRefs::new(["refs/for"]);
    let wrap = |root: DirectoryRoot| Arc::new(Hooked(root.receiving(policy), Arc::clone(&values))) as _;
    let Some(fixture) = Fixture::with(wrap) else { return };
    let (_, text) = fixture.push(&["main:refs/for/yes", "main:refs/for/no", "main"]);
    assert!(text.contains("remote: heard") && values.0.load(Ordering::Relaxed), "{text}");
    assert!(text.contains("refs/for/no\t[remote rejected] (two lines)"), "{text}");
    assert!(text.contains("refs/for/yes\t[new reference]"), "{text}");
    assert_eq!(fixture.refs(&fixture.served()).lines().count(), 1);
}

/// Each waits for the other, so neither gets to its end unless both run at once.
#[test]
fn hooks_of_the_configuration_run_at_once_where_all_of_them_may() {
    let Some(fixture) = fixture() else { return };
    let config = |key: &str, value: &str| fixture.git.ok(&fixture.served(), ["config", key, value]);
    for (name, other) in [("one", "two"), ("two", "one")] {
        let wait = format!(
            "touch {name}; n=0; until test -e {other}; do n=$((n+1)); test $n -lt 20 || exit 1; sleep .1; done; echo {name}"
        );
        config(&format!("hook.{name}.event"), "pre-receive");
        config(&format!("hook.{name}.command"), &format!("{{ {wait}; }} #"));
        config(&format!("hook.{name}.parallel"), "true");
    }
    fixture.refused(&["main"], "pre-receive hook declined");
    for name in ["one", "two"] {
        fs::remove_file(fixture.served().join(name)).ok();
    }
    config("hook.jobs", "2");
    let text = fixture.pushes(&["main"]);
    assert!(text.find("remote: one") < text.find("remote: two"), "{text}");
    // One that may not makes all of them wait.
    for name in ["one", "two"] {
        fs::remove_file(fixture.served().join(name)).unwrap();
    }
    config("hook.two.parallel", "false");
    fixture.refused(&["main:other"], "pre-receive hook declined");
    config("hook.pre-receive.enabled", "false");
    fixture.pushes(&["main:other"]);
}

#[test]
fn a_repository_is_tidied_up_behind_a_push_where_that_is_asked_for() {
    let Some(fixture) = fixture() else { return };
    let config = |key: &str, value: &str| fixture.git.ok(&fixture.served(), ["config", key, value]);
    config("gc.auto", "1");
    config("gc.autoDetach", "false");
    config("receive.autogc", "false");
    let objects = || fs::read_dir(fixture.served().join("objects/pack")).unwrap().count();
    fixture.pushes(&["main"]);
    assert!(objects() == 0 && !fixture.served().join("info/refs").exists());
    config("receive.autogc", "true");
    config("receive.updateServerInfo", "true");
    // git estimates the number of single objects by those whose names begin with 17.
    for blob in ["32", "119"] {
        fixture.git.feed(&fixture.served(), ["hash-object", "-w", "--stdin"], blob.as_bytes());
    }
    fixture.pushes(&["main:other"]);
    assert!(objects() > 0, "nothing was packed");
    let listed = fs::read_to_string(fixture.served().join("info/refs")).unwrap();
    assert!(listed.contains("refs/heads/other"), "{listed}");
}

/// A policy that spends nothing is not made to by a repository.
#[test]
fn a_repository_cannot_switch_on_what_costs() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::default())) else { return };
    let config = |key: &str, value: &str| fixture.git.ok(&fixture.served(), ["config", key, value]);
    config("receive.updateServerInfo", "true");
    fixture.pushes(&["main"]);
    assert!(!fixture.served().join("info/refs").exists());
}
