//! Signing pushes with the programs that git signs with (`gpg.format`), and the hook that may stop one.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use clap::ValueEnum;
use gitwire_capability::Certificate;
use gitwire_client::{PrePush, PushUpdate, Signer, Signing};
use gitwire_gitdir::{Config, GitDir};
use gitwire_types::ObjectId;

use crate::command::receive_pack::committer;
use crate::failure::Failure;

/// `--signed`, and `push.gpgSign`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Signed {
    #[value(alias = "yes", alias = "1", alias = "on")]
    True,
    #[value(alias = "no", alias = "0", alias = "off")]
    False,
    IfAsked,
}

/// How a push is signed, by the option or else by the configuration.
pub(crate) fn signing(asked: Option<Signed>, config: &Config) -> Result<Option<Signing>, Failure> {
    let configured = || match config.string("push", None, "gpgSign") {
        Some(text) if text.eq_ignore_ascii_case(b"if-asked") => Ok(Signed::IfAsked),
        _ => config.boolean("push", None, "gpgSign").map(|signed| match signed {
            Some(true) => Signed::True,
            _ => Signed::False,
        }),
    };
    let when = match asked.map_or_else(configured, Ok)? {
        Signed::False => return Ok(None),
        Signed::True => Certificate::Always,
        Signed::IfAsked => Certificate::IfOffered,
    };
    let (program, key) = Format::read(config)?;
    let who = committer(config);
    let (name, date) = who.split_once("> ").map_or((who.as_str(), ""), |(name, date)| (name, date));
    let key = key.unwrap_or_else(|| format!("{name}>"));
    let pusher = Bytes::from(format!("{key} {date}"));
    Ok(Some(Signing {
        when,
        pusher,
        signer: Arc::new(Programs { format: program.0, program: program.1, key }),
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// gpg or gpgsm.
    OpenPgp,
    Ssh,
}

impl Format {
    /// The program and the key that the configuration names.
    fn read(config: &Config) -> Result<((Self, String), Option<String>), Failure> {
        let text = |section: &str, subsection: Option<&[u8]>, name: &str| {
            config.string(section, subsection, name).map(|text| String::from_utf8_lossy(text).into_owned())
        };
        let key = text("user", None, "signingKey").filter(|key| !key.is_empty());
        let format = text("gpg", None, "format").unwrap_or_else(|| "openpgp".to_owned());
        let program = |default: &str| {
            let own = text("gpg", Some(format.as_bytes()), "program");
            let old = || text("gpg", None, "program").filter(|_| format == "openpgp");
            own.or_else(old).unwrap_or_else(|| default.to_owned())
        };
        match format.as_str() {
            "openpgp" => Ok(((Self::OpenPgp, program("gpg")), key)),
            "x509" => Ok(((Self::OpenPgp, program("gpgsm")), key)),
            "ssh" if key.is_none() => Err(Failure::fatal("user.signingKey needs to be set for ssh signing")),
            "ssh" => Ok(((Self::Ssh, program("ssh-keygen")), key)),
            other => Err(Failure::fatal(format!("unsupported value for gpg.format: {other}"))),
        }
    }
}

/// A program that signs.
#[derive(Debug)]
struct Programs {
    format: Format,
    program: String,
    key: String,
}

type Told<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl Signer for Programs {
    fn sign(&self, text: &[u8]) -> Told<Vec<u8>> {
        let mut command = Command::new(&self.program);
        match self.format {
            Format::OpenPgp => {
                command.args(["--status-fd=2", "-bsau", &self.key]);
                self.run(command, text, true)
            }
            Format::Ssh => {
                let mut file = None;
                command.args(["-Y", "sign", "-n", "git", "-f"]);
                match self.key.strip_prefix("key::").or(self.key.starts_with("ssh-").then_some(&self.key)) {
                    // Of a key that stands here the agent has the other half.
                    Some(literal) => {
                        let path = Temporary::new(literal.as_bytes())?;
                        command.arg(&path.0).arg("-U");
                        file = Some(path);
                    }
                    None => drop(command.arg(&self.key)),
                }
                let signed = self.run(command, text, false);
                drop(file);
                signed
            }
        }
    }
}

impl Programs {
    /// `status`: gpg says on standard error, line by line, whether it has signed.
    fn run(&self, mut command: Command, text: &[u8], status: bool) -> Told<Vec<u8>> {
        let cannot = |error: std::io::Error| format!("cannot run {}: {error}", self.program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(cannot)?;
        let mut stdin = child.stdin.take().ok_or("no pipe to the signing program")?;
        // The text is smaller than what it says about it, and it reads all before it writes.
        let written = stdin.write_all(text);
        drop(stdin);
        let output = child.wait_with_output().map_err(cannot)?;
        let said = String::from_utf8_lossy(&output.stderr);
        let created = !status || said.lines().any(|line| line.starts_with("[GNUPG:] SIG_CREATED "));
        if !output.status.success() || !created || written.is_err() || output.stdout.is_empty() {
            return Err(format!("{} failed to sign the data:\n{}", self.program, said.trim_end()).into());
        }
        Ok(output.stdout)
    }
}

/// A file that goes when it is not needed any more.
struct Temporary(PathBuf);

impl Temporary {
    fn new(content: &[u8]) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("gitwire-key-{}", std::process::id()));
        std::fs::File::create_new(&path).and_then(|mut file| file.write_all(content))?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays is a public key among the temporary files.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The programs of the event `pre-push` (`githooks`): those of the configuration, then the one among the hooks.
#[derive(Debug)]
pub(crate) struct PrePushHooks {
    commands: Vec<(String, Vec<String>)>,
    place: PathBuf,
    format: gitwire_types::ObjectFormat,
}

impl PrePushHooks {
    /// `remote`: its name, or its URL where it has none.
    pub(crate) fn new(repository: &GitDir, remote: &[u8], url: &[u8]) -> Self {
        use gitwire_storage::Repository as _;
        let config = repository.config();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let arguments = [text(remote), text(url)];
        let hooks = match config.string("core", None, "hooksPath") {
            Some(path) => repository.path().join(text(path)),
            None => repository.common_path().join("hooks"),
        };
        let mut commands = Vec::new();
        for command in gitwire_server::configured_hooks(&config, "pre-push") {
            let mut words = vec!["-c".to_owned(), format!("{} \"$@\"", text(&command)), text(&command)];
            words.extend(arguments.clone());
            commands.push(("sh".to_owned(), words));
        }
        let hook = std::path::absolute(hooks.join("pre-push")).unwrap_or_default();
        if is_program(&hook) {
            commands.push((hook.display().to_string(), arguments.to_vec()));
        }
        let git_dir = std::path::absolute(repository.path()).unwrap_or_default();
        // Hooks of a repository with a work tree run at its top.
        let place = match git_dir.file_name().is_some_and(|name| name == ".git") {
            true => git_dir.parent().map_or_else(|| git_dir.clone(), PathBuf::from),
            false => git_dir.clone(),
        };
        Self { commands, place, format: repository.format() }
    }
}

impl PrePush for PrePushHooks {
    fn approve(&self, updates: &[&PushUpdate]) -> Told<()> {
        let zero = ObjectId::zero(self.format);
        let mut input = Vec::new();
        for update in updates {
            let source = update.source.as_deref().filter(|_| update.new.is_some()).unwrap_or(b"(delete)");
            let (new, old) = (update.new.unwrap_or(zero), update.old.unwrap_or(zero));
            input.extend_from_slice(source);
            input.extend_from_slice(format!(" {new} {} {old}\n", update.destination).as_bytes());
        }
        for (program, words) in &self.commands {
            let mut command = Command::new(program);
            command.args(words).current_dir(&self.place).stdin(Stdio::piped());
            let mut child =
                command.spawn().map_err(|error| format!("cannot run the hook pre-push: {error}"))?;
            // One that does not read what it is told decides all the same.
            let _ = child.stdin.take().map(|mut stdin| stdin.write_all(&input));
            if !child.wait()?.success() {
                return Err("".into());
            }
        }
        Ok(())
    }
}

fn is_program(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
