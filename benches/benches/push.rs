//! Receiving a push of two objects: by a session in this process, and by git's program.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a bench may panic")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gitwire_benches::size;
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_protocol::{Machine, Next, Serving, Version};
use gitwire_server::{Conversation as _, Pusher, ReceivePolicy, ReceiveSession, Receiving};
use gitwire_types::Never;

/// A repository of one commit, and a push on top of it.
struct Case {
    folder: PathBuf,
    request: Vec<u8>,
}

impl Case {
    fn make() -> Self {
        let folder = std::env::temp_dir().join(format!("gitwire-bench-push-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        run(&folder, &["init", "-q", "--bare", "-b", "main", "r.git"], b"");
        let path = folder.join("r.git");
        let files = size(300, 2);
        let content = (0..files).fold(String::new(), |all, number| {
            all + &format!("M 100644 inline d{}/f{number}\ndata 3\n{number:03}\n", number % 20)
        });
        let commit = |what: &str| {
            format!(
                "commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\ndata 1\nx\n{what}\n"
            )
        };
        run(&path, &["fast-import", "--quiet"], commit(&content).as_bytes());
        run(&path, &["repack", "-adq"], b"");
        let tip = |path: &Path| String::from_utf8(run(path, &["rev-parse", "main"], b"")).unwrap();
        let old = tip(&path);
        copy(&path, &folder.join("w.git"));
        let work = folder.join("w.git");
        let next = commit(&format!("from {}\nD d0", old.trim()));
        run(&work, &["fast-import", "--quiet"], next.as_bytes());
        let new = tip(&work);
        let pack = ["pack-objects", "-q", "--revs", "--thin", "--stdout"];
        let pack = run(&work, &pack, format!("{}\n^{}\n", new.trim(), old.trim()).as_bytes());
        let line = format!("{} {} refs/heads/main\0 report-status", old.trim(), new.trim());
        let mut request = format!("{:04x}{line}0000", line.len() + 4).into_bytes();
        request.extend(pack);
        Self { folder, request }
    }

    /// A repository that nobody has pushed to yet.
    fn repository(&self) -> PathBuf {
        let path = self.folder.join("pushed.git");
        fs::remove_dir_all(&path).ok();
        copy(&self.folder.join("r.git"), &path);
        path
    }

    fn by_gitwire(&self, path: &Path) {
        let repository = Arc::new(GitDir::open(path, &OpenOptions::default()).unwrap());
        let pusher = Pusher::new("A U Thor <author@example.com> 1700000000 +0000");
        let policy = Arc::new(ReceivePolicy::default());
        let receiving = Receiving::new(repository, policy);
        let (mut session, mut machine) =
            ReceiveSession::new(receiving, pusher, Version::V0, Serving::Stateless);
        let (mut input, mut output) = (BytesMut::from(&self.request[..]), BytesMut::new());
        loop {
            match machine.step(&mut input, &mut output).unwrap() {
                Next::Event(event) => {
                    let _ = session.on(event);
                    if session.must_work() {
                        session.work(&Never).unwrap();
                        session.settle(&mut machine, &mut output).unwrap();
                    }
                }
                Next::Answer => {
                    session.work(&Never).unwrap();
                    session.answer(&mut machine, &mut output).unwrap();
                }
                Next::Turn => {}
                Next::Read => panic!("the request is not whole"),
                Next::Done => break,
            }
        }
        is_taken(&output);
    }

    fn by_git(&self, path: &Path) {
        is_taken(&run(path, &["receive-pack", "--stateless-rpc", "."], &self.request));
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn is_taken(report: &[u8]) {
    let text = String::from_utf8_lossy(report);
    assert!(text.contains("unpack ok") && text.contains("ok refs/heads/main"), "{text}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn run(path: &Path, words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    command
        .args(words)
        .current_dir(path)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    // git would tidy up behind every push.
    let tidy =
        [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "receive.autogc"), ("GIT_CONFIG_VALUE_0", "false")];
    let mut child = command.envs(tidy).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {words:?}");
    output.stdout
}

fn pushes(criterion: &mut Criterion) {
    let case = Case::make();
    let mut group = criterion.benchmark_group("push of two objects");
    group.sample_size(size(50, 10));
    group.bench_function("gitwire, in process", |bencher| {
        bencher.iter_batched(|| case.repository(), |path| case.by_gitwire(&path), BatchSize::PerIteration);
    });
    group.bench_function("git receive-pack", |bencher| {
        bencher.iter_batched(|| case.repository(), |path| case.by_git(&path), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, pushes);
criterion_main!(benches);
