//! docs/TRANSCRIPTS.md, run as it stands there.

mod page;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gitwire_testkit::git::{Folder, Git, skipped};

use self::page::{Section, Step, matches, sections};

#[test]
fn this_page_comes_out_as_written() {
    let Some(git) = Git::find() else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/TRANSCRIPTS.md");
    let text = fs::read_to_string(page).unwrap();
    let sections = sections(&text);
    assert!(!sections.is_empty());
    let can_run = |section: &&Section| {
        let missing =
            [SSHD, "python3"].into_iter().find(|program| section.asks_for(program) && !runs(program));
        if let Some(program) = missing {
            skipped(&format!("there is no {program}"));
        }
        missing.is_none()
    };
    thread::scope(|scope| {
        for section in sections.iter().filter(can_run) {
            scope.spawn(|| Shell::new(&git, section).run(section));
        }
    });
}

/// One section's folder, programs, ports and servers.
struct Shell<'a> {
    git: &'a Git,
    folder: Folder,
    /// The page's ports, and those that are free here.
    ports: Vec<(u16, u16)>,
    servers: Vec<Child>,
}

impl<'a> Shell<'a> {
    fn new(git: &'a Git, section: &Section) -> Self {
        let folder = Folder::new("transcript");
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_gitwired"), bin.join("gitwired")).unwrap();
        for name in ["gitwire", "git-remote-ws"] {
            symlink(gitwire(), bin.join(name)).unwrap();
        }
        // Where sshd runs as root it wants this folder.
        let _ = fs::create_dir("/run/sshd");
        // All at once, so that no two are the same.
        let free: Vec<_> = section.ports.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let free = free.iter().map(|listener| listener.local_addr().unwrap().port());
        let ports = section.ports.iter().copied().zip(free).collect();
        let shell = Self { git, folder, ports, servers: Vec::new() };
        for (name, text) in &section.files {
            fs::write(shell.place().join(name), shell.to_here(text)).unwrap();
        }
        shell
    }

    fn run(mut self, section: &Section) {
        for step in &section.steps {
            let said = if step.is_server() { self.start(step) } else { self.say(step) };
            let said = self.to_page(&said);
            let said: Vec<&str> = said.lines().collect();
            assert!(
                matches(&step.output, &said),
                "{}: $ {}\n--- says\n{}\n--- and not\n{}\n--- the servers' log\n{}",
                section.title,
                step.command,
                said.join("\n"),
                step.output.join("\n"),
                fs::read_to_string(self.log()).unwrap_or_default(),
            );
        }
    }

    /// Runs a command to its end: what it says on both channels.
    fn say(&self, step: &Step) -> String {
        let line = format!("{{ {}\n}} 2>&1", self.to_here(&step.command));
        let mut timed = vec!["timeout", "--foreground", "60"];
        timed.extend(["bash", "-c", &line]);
        let output = self.command(&timed).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "$ {}\n{said}{:?}", step.command, output.status);
        said
    }

    /// Starts a server: its first lines, as many as the page shows.
    fn start(&mut self, step: &Step) -> String {
        let line = self.to_here(step.command.trim_end_matches('&'));
        let log = File::options().append(true).create(true).open(self.log()).unwrap();
        let mut child = self
            .command(&["bash", "-c", &format!("exec {line}")])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        self.servers.push(child);
        let (send, lines) = mpsc::channel();
        // It reads on, so that the server never waits for somebody who reads.
        thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        let mut said = String::new();
        for _ in &step.output {
            let Ok(line) = lines.recv_timeout(Duration::from_secs(30)) else { break };
            said += &(line + "\n");
        }
        said
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        // Names, dates and no configuration, as git's tests have them.
        let git = self.git.command(&self.place(), [""]);
        command.env_clear();
        for (name, value) in git.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            command.env(name, value);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [self.folder.path().join("bin")].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(path).unwrap()).env("HOME", self.folder.path());
        command.env_remove("GIT_CONFIG_GLOBAL").current_dir(self.place()).stdin(Stdio::null());
        command
    }

    /// Where the commands run. The programs and the log lie beside it.
    fn place(&self) -> PathBuf {
        let place = self.folder.path().join("here");
        fs::create_dir_all(&place).unwrap();
        place
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn to_here(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (page, here)| text.replace(&page.to_string(), &here.to_string()))
    }

    fn to_page(&self, text: &str) -> String {
        let text = text.replace(self.place().to_str().unwrap(), "$PWD");
        self.ports.iter().fold(text, |text, (page, here)| text.replace(&here.to_string(), &page.to_string()))
    }
}

impl Drop for Shell<'_> {
    fn drop(&mut self) {
        for server in &mut self.servers {
            server.kill().ok();
            server.wait().ok();
        }
    }
}

const SSHD: &str = "/usr/sbin/sshd";

/// Whether a program is there.
fn runs(program: &str) -> bool {
    let look = ["-c", "command -v \"$1\"", "sh", program];
    Command::new("sh").args(look).stdout(Stdio::null()).status().is_ok_and(|found| found.success())
}

/// The client program, which stands beside the server once the workspace is built.
pub(crate) fn gitwire() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_gitwired")).with_file_name("gitwire");
    assert!(path.is_file(), "build it first: cargo build -p gitwire-client-example");
    path
}
