//! One push as a case says it: a copy of a repository, its settings, the bytes, and what was left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use super::answer;
use super::ground::Ground;
use super::state;

/// A push: its name, what is set up for it, and its bytes.
///
/// Settings, one a line: `on NAME` another repository than `bare`; `-c KEY=VALUE`; `--OPTION` of the program; `NAME=VALUE` of the
/// environment; `HOOK: TEXT` what a hook does beyond writing down how it was called; `$ TEXT` a command of the shell in the
/// repository, before the push.
pub(super) struct Case(pub(super) &'static str, pub(super) &'static str, pub(super) &'static str);

/// A push of which we make something else than git does.
pub(super) struct Own {
    /// What its name begins with.
    pub(super) name: &'static str,
    pub(super) which: Which,
    /// What git does, and why that is not to be repeated.
    pub(super) why: &'static str,
}

/// From which gits we differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// From some versions, or from time to time.
    Perhaps,
}

/// What came of a push.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) answer: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) exit: Option<i32>,
    pub(super) hooks: Vec<String>,
    /// What each hook finds in its environment, in any of its calls.
    pub(super) environments: BTreeMap<String, BTreeSet<String>>,
    pub(super) state: BTreeMap<&'static str, String>,
}

impl Ground {
    /// What we make of a push, and what git makes of it.
    pub(super) fn ask(&self, settings: &str, request: &str) -> (Outcome, Outcome) {
        if !request.contains("{nonce}") {
            return self.give(settings, &self.bytes(request));
        }
        let outcome = |command: &dyn Fn() -> Command| {
            let request = request.replace("{nonce}", &self.nonce(command(), settings));
            let mut outcome = self.push(command(), settings, &self.bytes(&request));
            // Two certificates with two nonces are two objects.
            outcome.state.remove("objects");
            outcome
        };
        (outcome(&|| self.our_program()), outcome(&|| self.git.command(self.folder(), [""; 0])))
    }

    /// The same for bytes.
    pub(super) fn give(&self, settings: &str, input: &[u8]) -> (Outcome, Outcome) {
        let git = self.git.command(self.folder(), [""; 0]);
        (self.push(self.our_program(), settings, input), self.push(git, settings, input))
    }

    /// A nonce that a program gives for what it finds in the place of every push.
    fn nonce(&self, command: Command, settings: &str) -> String {
        let settings = format!("{settings}\n--http-backend-info-refs");
        let (_, _, output) = self.start(command, &self.settings(&settings), b"");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let nonce = text.split("push-cert=").nth(1).and_then(|rest| rest.split(' ').next());
        nonce.unwrap_or_default().to_owned()
    }

    fn settings(&self, settings: &str) -> Vec<String> {
        settings.lines().map(|line| self.fill(line.trim())).filter(|line| !line.is_empty()).collect()
    }

    fn our_program(&self) -> Command {
        let mut command = crate::upload_pack::program();
        command.env_clear();
        for (name, value) in self.git.command(self.folder(), [""; 0]).get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }

    fn push(&self, command: Command, settings: &str, input: &[u8]) -> Outcome {
        let settings = self.settings(settings);
        let (path, log, output) = self.start(command, &settings, input);
        let (hooks, environments) = calls(&String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()));
        let state = state::of(&self.git, &path);
        let duplex = !settings.iter().any(|line| line == "--stateless-rpc");
        let end = advertisement(&output.stdout).filter(|_| duplex).unwrap_or(0);
        let (advertised, answered) = output.stdout.split_at(end);
        let mut answer = answer::lines(advertised);
        answer.extend(answer::lines(answered));
        Outcome {
            answer,
            errors: answer::words(&output.stderr),
            exit: output.status.code(),
            hooks,
            environments,
            state,
        }
    }

    /// A program that gets a push, in a fresh copy of the repository; both programs find the same path. Gives the repository, the list of
    /// calls of hooks, and what the program said.
    fn start(&self, mut command: Command, settings: &[String], input: &[u8]) -> (PathBuf, PathBuf, Output) {
        let on = settings.iter().find_map(|line| line.strip_prefix("on ")).unwrap_or("bare");
        let place = self.folder().join("at");
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        let (path, log) = (place.join("r"), place.join("log"));
        state::copy(&self.repository(on), &path);
        for pair in settings.iter().filter_map(|line| line.strip_prefix("-c ")) {
            command.args(["-c", pair]);
        }
        command.arg("receive-pack").args(settings.iter().filter(|line| line.starts_with("--")));
        command.arg(&path).current_dir(&path).env("TWIN_LOG", &log).env("GIT_USER_AGENT", "twin/1");
        for line in settings {
            let (hook, text) = line.split_once(": ").unwrap_or_default();
            let variable = line.split_once('=').filter(|_| line.starts_with("GIT_"));
            if let Some(text) = line.strip_prefix("$ ") {
                self.shell(&path, text);
            } else if HOOKS.contains(&hook) {
                fs::write(format!("{}.{hook}", log.display()), format!("{text}\n")).unwrap();
                install(&path, hook, text);
            } else if let Some((name, value)) = variable {
                command.env(name, value);
            }
        }
        let output = feed(command, input);
        (path, log, output)
    }

    fn shell(&self, path: &Path, text: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", text]).current_dir(path).env_clear();
        for (name, value) in self.git.command(path, [""; 0]).get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        let out = shell.output().unwrap();
        assert!(out.status.success(), "{text}: {}", String::from_utf8_lossy(&out.stderr));
    }

    fn fill(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (name, id) in &self.names {
            line = line.replace(&format!("{{{name}}}"), id);
        }
        line
    }

    /// The bytes that a request stands for, in the notation of the twin of upload-pack; besides, `pack:NAME` is a pack, `pack:NAME N` one
    /// whose last `N` bytes lack, and `flip:NAME N` one whose byte at `N` is another.
    pub(super) fn bytes(&self, request: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in request.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            let line = self.fill(line);
            let (name, number) = line.split_once(' ').unwrap_or((&line, "0"));
            if let Some(name) = name.strip_prefix("pack:") {
                let pack = self.pack(name);
                bytes.extend_from_slice(&pack[..pack.len() - number.parse::<usize>().unwrap()]);
            } else if let Some(name) = name.strip_prefix("flip:") {
                let at = bytes.len() + number.parse::<usize>().unwrap();
                bytes.extend_from_slice(self.pack(name));
                bytes[at] ^= 0x40;
            } else {
                crate::upload_pack::packet(&line, &mut bytes);
            }
        }
        bytes
    }
}

const HOOKS: [&str; 7] = [
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "reference-transaction",
    "proc-receive",
    "push-to-checkout",
];

fn install(path: &Path, hook: &str, text: &str) {
    let git_dir = if path.join(".git").is_dir() { path.join(".git") } else { path.to_owned() };
    let file = git_dir.join("hooks").join(hook);
    if !file.exists() {
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Where the first flush packet ends.
fn advertisement(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let digits = std::str::from_utf8(bytes.get(at..at + 4)?).ok()?;
        match usize::from_str_radix(digits, 16).ok()? {
            0 => return Some(at + 4),
            length => at += length.max(4),
        }
    }
}

/// How each hook was called: its name, its arguments and its input; and what of its environment is the push's.
fn calls(log: &str) -> (Vec<String>, BTreeMap<String, BTreeSet<String>>) {
    let mut calls: Vec<String> = Vec::new();
    let mut environments = BTreeMap::<String, BTreeSet<String>>::new();
    for call in log.split("== ").skip(1) {
        let (head, environment) = call.split_once("\n--\n").unwrap_or((call, ""));
        let hook = head.split(' ').next().unwrap_or_default();
        // Objects and refs become part of the repository in one step of ours: until then hooks are led to the new objects.
        let before: &[&str] = if hook.ends_with("/pre-receive") { &[] } else { &QUARANTINE };
        let name = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
        let mut variables: Vec<String> = environment
            .lines()
            .filter(|line| ![&SURROUNDINGS[..], before].concat().contains(&&*name(line)))
            .map(|line| answer::masked(line).replace("/./", "/"))
            .map(|line| {
                if ["GIT_PUSH_CERT=", "GIT_PUSH_CERT_NONCE="].iter().any(|name| line.starts_with(name)) {
                    "a certificate".to_owned()
                } else {
                    line
                }
            })
            .collect();
        variables.sort_unstable();
        calls.extend(head.lines().map(|line| format!("{hook}: {line}")));
        environments.entry(hook.to_owned()).or_default().extend(variables);
    }
    (calls, environments)
}

/// What a shell sets, and what git sets for the programs of its own.
const SURROUNDINGS: [&str; 12] = [
    "MERGE_TOOLS_DIR",
    "GIT_CONFIG_PARAMETERS",
    "PATH",
    "PWD",
    "OLDPWD",
    "SHLVL",
    "_",
    "TWIN_LOG",
    "GIT_EXEC_PATH",
    "GIT_TEMPLATE_DIR",
    "GIT_TEXTDOMAINDIR",
    "GITPERLLIB",
];
const QUARANTINE: [&str; 3] =
    ["GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH"];

fn feed(mut command: Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // Whoever refuses a push does not read it to its end.
        scope.spawn(move || drop(pipe.write_all(input)));
        child.wait_with_output().unwrap()
    })
}
