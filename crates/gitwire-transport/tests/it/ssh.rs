//! What ssh is told: the same as stock git tells it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use bytes::BytesMut;
use gitwire_protocol::message::Service;
use gitwire_testkit::git::{Folder, Git};
use gitwire_transport::blocking::Driver;
use gitwire_transport::{ConnectOptions, Deadlines, Moved, Program, SshOptions, Url, blocking};
use tokio::io::AsyncReadExt as _;

use crate::machines::Pump;

/// A script that writes down how it is called.
const RECORDER: &str = r#"#!/bin/sh
out=$(dirname "$0")/calls
for word in "$@"; do printf '<%s> ' "$word" >>"$out"; done
printf 'GIT_PROTOCOL=%s GIT_DIR=%s\n' "${GIT_PROTOCOL-unset}" "${GIT_DIR-unset}" >>"$out"
case $0 in *knows-g) exit 0;; *) exit 1;; esac
"#;

const NAMES: [&str; 7] = ["ssh", "plink", "PLINK.EXE", "TortoisePlink.exe", "putty", "other", "knows-g"];

struct World {
    git: Git,
    folder: Folder,
}

/// How ssh is chosen. `@` in a value is the folder with the recorders.
#[derive(Debug, Clone, Copy, Default)]
struct Setting {
    variables: &'static [(&'static str, &'static str)],
    command: Option<&'static str>,
    variant: Option<&'static str>,
    version: u8,
    push: bool,
}

impl World {
    fn new() -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new("ssh");
        let script = folder.path().join("recorder");
        fs::write(&script, RECORDER).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        for name in NAMES {
            symlink(&script, folder.path().join(name)).unwrap();
        }
        git.ok(folder.path(), ["init", "-q", "work"]);
        Some(Self { git, folder })
    }

    fn place(&self, text: &str) -> String {
        text.replace('@', self.folder.path().to_str().unwrap())
    }

    fn calls(&self) -> String {
        let path = self.folder.path().join("calls");
        let calls = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        calls
    }

    fn of_git(&self, url: &str, setting: Setting) -> (String, String) {
        let mut words = vec![format!("protocol.version={}", setting.version)];
        words.extend(setting.command.map(|command| format!("core.sshCommand={}", self.place(command))));
        words.extend(setting.variant.map(|variant| format!("ssh.variant={variant}")));
        let mut words: Vec<_> = words.into_iter().flat_map(|word| ["-c".to_owned(), word]).collect();
        words.extend((if setting.push { "push --all" } else { "ls-remote" }).split(' ').map(str::to_owned));
        words.extend(["--".to_owned(), url.to_owned()]);
        let mut command = self.git.command(&self.folder.path().join("work"), words);
        for (name, value) in setting.variables {
            command.env(name, self.place(value));
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = said.lines().find_map(|line| line.strip_prefix("fatal: "));
        (self.calls(), said.unwrap_or_default().to_owned())
    }

    fn options(&self, setting: Setting) -> ConnectOptions {
        let variable = |asked: &str| {
            let (_, value) = setting.variables.iter().find(|(name, _)| *name == asked)?;
            Some(OsString::from(self.place(value)))
        };
        let command = setting.command.map(|command| self.place(command).into_bytes());
        let variant = setting.variant.map(str::as_bytes);
        let mut options = ConnectOptions::user();
        options.ssh = SshOptions::from_variables(&variable, command.as_deref(), variant);
        options.parameters = (setting.version > 0).then(|| format!("version={}", setting.version));
        options
    }

    fn of_ours(&self, url: &str, setting: Setting) -> (String, String) {
        let url = match Url::parse(url.as_bytes()) {
            Ok(url) => url,
            Err(error) => return (String::new(), error.to_string()),
        };
        let service = if setting.push { Service::ReceivePack } else { Service::UploadPack };
        match blocking::connect(&url, service, &self.options(setting)) {
            Ok(streams) => {
                // The recorder says nothing and ends.
                let driver = &mut Driver::new(Pump::new(0), streams, Deadlines::none());
                while !matches!(driver.next(), Ok(Moved::Done)) {}
                (self.calls(), String::new())
            }
            Err(error) => (self.calls(), error.to_string()),
        }
    }

    #[track_caller]
    fn same(&self, url: &str, setting: Setting) {
        let (git, _) = self.of_git(url, setting);
        assert!(git.contains("-pack '"), "{url}: git did not call: {git}");
        assert_eq!(self.of_ours(url, setting).0, git, "{url} with {setting:?}");
    }

    /// Both refuse, with the same words.
    #[track_caller]
    fn both_refuse(&self, url: &str, setting: Setting, words: &str) {
        let (git, ours) = (self.of_git(url, setting), self.of_ours(url, setting));
        assert_eq!(git.0, ours.0, "{url}");
        assert!(git.1.starts_with(words), "git: {}", git.1);
        assert!(ours.1.starts_with(words), "ours: {}", ours.1);
    }
}

fn with(variables: &'static [(&'static str, &'static str)]) -> Setting {
    Setting { variables, version: 2, ..Setting::default() }
}

const SSH: &[(&str, &str)] = &[("GIT_SSH", "@/ssh")];

#[test]
fn urls_become_the_words_that_git_makes_of_them() {
    let Some(world) = World::new() else { return };
    for url in [
        "ssh://u@h:22/p",
        "u@h:a b",
        "h:/it's!x",
        "ssh://[::1]:22/p",
        "ssh://u@[::1]/p",
        "[::1]:p",
        "[h]:p",
        "[h:22]:p",
        "u@[h:22]:p",
        "[u@h:22]:p",
        "[u@::1]:p",
        "ssh://[u@::1]/p",
        "ssh://u@::1/p",
        "ssh://h/~u/p",
        "h:~u/p",
        "h:/~u/p",
        "ssh://h/-p",
        "ssh://h:/p",
        "ssh://h%2d/a%20b",
        "ssh://a@b@h/p",
        "git+ssh://h/p",
        "ssh+git://h/p",
        "ssh://u:pw@h/p",
        "u:pw@h:p",
        "h:$(x);`y` \\ \"",
        "ssh://h/a//b/../c",
    ] {
        world.same(url, with(SSH));
    }
}

#[test]
fn programs_are_told_what_they_understand() {
    let Some(world) = World::new() else { return };
    let programs: &[&'static [(&'static str, &'static str)]] = &[
        SSH,
        &[("GIT_SSH", "@/plink")],
        &[("GIT_SSH", "@/PLINK.EXE")],
        &[("GIT_SSH", "@/TortoisePlink.exe")],
        &[("GIT_SSH", "@/knows-g")],
        &[("GIT_SSH", "@/ssh"), ("GIT_SSH_VARIANT", "putty")],
        &[("GIT_SSH", "@/ssh"), ("GIT_SSH_VARIANT", "auto")],
        &[("GIT_SSH", "@/other"), ("GIT_SSH_VARIANT", "unheard of")],
        &[("GIT_SSH_COMMAND", "@/ssh -v 'a b' \"${PATH:+x}\""), ("GIT_SSH", "nothing")],
        &[("GIT_SSH_COMMAND", "'@/plink' -x")],
        &[("GIT_SSH_COMMAND", "\"@/ssh\" -x"), ("GIT_SSH_VARIANT", "tortoiseplink")],
        &[("GIT_SSH_COMMAND", "X=y @/knows-g -x")],
        &[("GIT_SSH_COMMAND", " @/knows-g")],
    ];
    for &variables in programs {
        for version in 0..=2 {
            for push in [false, true] {
                let setting = Setting { variables, version, push, ..Setting::default() };
                world.same("ssh://u@h:22/p", setting);
                world.same("u@h:p", setting);
            }
        }
    }
    // Nothing is known of it, and it does not know the option that tells.
    world.same("u@h:p", with(&[("GIT_SSH", "@/other")]));
    for variant in ["auto", "ssh", "simple", "plink", "putty", "tortoiseplink", "other"] {
        world.same("u@h:p", Setting { variant: Some(variant), ..with(SSH) });
        let both =
            Setting { variant: Some("simple"), ..with(&[("GIT_SSH", "@/ssh"), ("GIT_SSH_VARIANT", "ssh")]) };
        world.same("ssh://u@h:22/p", both);
    }
    let configured = Setting { command: Some("@/plink -c"), version: 2, ..Setting::default() };
    world.same("ssh://u@h:22/p", configured);
    world.same("ssh://u@h:22/p", Setting { variables: SSH, ..configured });
    world.same("ssh://u@h:22/p", Setting { variables: &[("GIT_SSH_COMMAND", "@/ssh -e")], ..configured });
}

#[test]
fn what_git_refuses_is_refused_in_its_words() {
    let Some(world) = World::new() else { return };
    world.both_refuse("ssh://-oProxyCommand=x/p", with(SSH), "strange hostname '-oProxyCommand=x' blocked");
    world.both_refuse("ssh://%2doProxyCommand=x/p", with(SSH), "strange hostname '-oProxyCommand=x' blocked");
    world.both_refuse("ssh://-u@h/p", with(SSH), "strange hostname '-u@h' blocked");
    world.both_refuse("-oProxyCommand=x:p", with(SSH), "strange hostname '-oProxyCommand=x' blocked");
    world.both_refuse("h:-p", with(SSH), "strange pathname '-p' blocked");
    let simple = with(&[("GIT_SSH", "@/other")]);
    world.both_refuse("ssh://h:22/p", simple, "ssh variant 'simple' does not support setting port");
}

#[tokio::test]
async fn the_program_on_the_other_machine_may_be_a_command() {
    let Some(world) = World::new() else { return };
    let mut options = world.options(with(SSH));
    options.program = Some(Program::new("env A=b git-upload-pack"));
    let url = Url::parse(b"ssh://h/p").unwrap();
    let mut stream = gitwire_transport::tokio::connect(&url, Service::UploadPack, &options).await.unwrap();
    assert_eq!(stream.read_buf(&mut BytesMut::new()).await.unwrap(), 0);
    let expected = "<-o> <SendEnv=GIT_PROTOCOL> <h> <env A=b git-upload-pack '/p'> GIT_PROTOCOL=version=2 GIT_DIR=unset\n";
    assert_eq!(world.calls(), expected);
}
