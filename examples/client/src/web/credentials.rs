//! In whose name a server is asked: what git's helpers know, and what people type (`gitcredentials`, `git-credential`).

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use gitwire_gitdir::Config;
use gitwire_transport::{Credential, CredentialPlace, Credentials, Secret, TransportError, Url};

use super::pattern::{Value, best, matching};
use super::{command, variable};
use crate::failure::Failure;

/// What git's configuration names, asked one after another.
pub(super) struct Helpers {
    /// Commands of `credential.helper`.
    helpers: Vec<String>,
    /// `credential.username`.
    user: Option<String>,
    /// `credential.useHttpPath`.
    with_path: bool,
    /// A program that asks the user, as `GIT_ASKPASS` names it.
    ask: Option<OsString>,
    /// What was given before, so that nobody is asked twice.
    known: Mutex<Vec<(CredentialPlace, Credential)>>,
}

impl Helpers {
    pub(super) fn find(url: &Url, config: &Config) -> Result<Self, Failure> {
        let mut helpers = Vec::new();
        for helper in matching(config, "credential", "helper", url).map(Value::into_text) {
            if helper.is_empty() {
                // It forgets what is above.
                helpers.clear();
            } else {
                helpers.push(helper);
            }
        }
        let with_path = best(config, "credential", "useHttpPath", url);
        let asked = || config.string("core", None, "askPass").map(|path| OsString::from_vec(path.to_vec()));
        Ok(Self {
            helpers,
            user: best(config, "credential", "username", url).map(Value::into_text),
            with_path: with_path
                .map(|value| value.truth("credential.useHttpPath"))
                .transpose()?
                .unwrap_or(false),
            ask: command("GIT_ASKPASS").or_else(asked).or_else(|| command("SSH_ASKPASS")),
            known: Mutex::default(),
        })
    }

    /// The place as helpers get to see it.
    fn shown(&self, place: &CredentialPlace) -> CredentialPlace {
        let mut shown = place.clone();
        if !self.with_path {
            shown.path.clear();
        }
        if shown.user.is_none() {
            shown.user.clone_from(&self.user);
        }
        shown
    }

    fn known(&self, place: &CredentialPlace) -> Option<Credential> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(there, _)| is_same(there, place)).map(|(_, credential)| credential.clone())
    }

    /// Asks who sits before the terminal, or the program that stands for it.
    fn prompt(&self, place: &CredentialPlace, user: Option<String>) -> Option<Credential> {
        let (protocol, host) = (&place.protocol, &place.host);
        let path = match place.path.is_empty() {
            true => String::new(),
            false => format!("/{}", encoded(&place.path, b"/")),
        };
        let user = match user {
            Some(user) => user,
            None => self.ask(&format!("Username for '{protocol}://{host}{path}': "), Echo::Yes)?,
        };
        let shown = encoded(user.as_bytes(), b"");
        let password = self.ask(&format!("Password for '{protocol}://{shown}@{host}{path}': "), Echo::No)?;
        Some(Credential::basic(user, password))
    }

    fn ask(&self, question: &str, echo: Echo) -> Option<String> {
        if let Some(program) = &self.ask {
            let output = Command::new(program).arg(question).stderr(Stdio::inherit()).output().ok()?;
            let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
            return Some(text.lines().next().unwrap_or_default().to_owned());
        }
        if variable("GIT_TERMINAL_PROMPT")
            .is_some_and(|value| matches!(value.as_str(), "0" | "false" | "no" | "off"))
        {
            return None;
        }
        let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        match echo {
            Echo::No => rpassword::prompt_password(question).ok(),
            Echo::Yes => {
                terminal.write_all(question.as_bytes()).ok()?;
                let mut line = String::new();
                BufReader::new(terminal).read_line(&mut line).ok()?;
                Some(line.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }
}

/// As it stands in a URL: all but what needs no escape, and `kept`, percent-encoded.
fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte);
    let letter =
        |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") };
    bytes.iter().map(letter).collect()
}

/// Whether what is typed is seen.
#[derive(Clone, Copy)]
enum Echo {
    Yes,
    No,
}

impl Credentials for Helpers {
    fn fill(&self, place: &CredentialPlace) -> Result<Option<Credential>, TransportError> {
        if let Some(credential) = self.known(place) {
            return Ok(Some(credential));
        }
        let mut shown = self.shown(place);
        for helper in &self.helpers {
            let answer = Answer::of(&run(helper, "get", &shown, None).unwrap_or_default());
            if let Some(credential) = answer.credential(shown.user.as_deref()) {
                return Ok(Some(credential));
            }
            if answer.user.is_some() {
                shown.user = answer.user;
            }
            if answer.quit {
                let text = format!("credential helper '{helper}' told us to quit");
                return Err(TransportError::Credentials(text.into()));
            }
        }
        Ok(self.prompt(&shown, shown.user.clone()))
    }

    fn approve(&self, place: &CredentialPlace, credential: &Credential) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push((place.clone(), credential.clone()));
        drop(known);
        for helper in &self.helpers {
            run(helper, "store", &self.shown(place), Some(credential));
        }
    }

    fn reject(&self, place: &CredentialPlace, credential: &Credential) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(there, _)| !is_same(there, place));
        drop(known);
        for helper in &self.helpers {
            run(helper, "erase", &self.shown(place), Some(credential));
        }
    }
}

fn is_same(one: &CredentialPlace, other: &CredentialPlace) -> bool {
    (&one.protocol, &one.host, &one.user) == (&other.protocol, &other.host, &other.user)
}

/// Runs a helper; what it says, or nothing if it fails.
fn run(
    helper: &str,
    verb: &str,
    place: &CredentialPlace,
    credential: Option<&Credential>,
) -> Option<Vec<u8>> {
    let line = match helper.strip_prefix('!') {
        Some(shell) => format!("{shell} {verb}"),
        None if helper.starts_with('/') => format!("{helper} {verb}"),
        None => format!("git credential-{helper} {verb}"),
    };
    let mut command = Command::new("sh");
    command.arg("-c").arg(OsStr::new(&line)).stdin(Stdio::piped()).stderr(Stdio::inherit());
    command.stdout(if verb == "get" { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().ok()?;
    let input = describe(place, credential);
    // A helper need not read.
    let _ = child.stdin.take()?.write_all(&input);
    let output = child.wait_with_output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// What a helper reads. No value has a line end: neither URLs nor headers nor answers of helpers can.
fn describe(place: &CredentialPlace, credential: Option<&Credential>) -> Vec<u8> {
    let mut text = Vec::new();
    let mut line = |name: &str, value: &[u8]| {
        if !value.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            text.extend_from_slice(&[name.as_bytes(), b"=", value, b"\n"].concat());
        }
    };
    line("capability[]", b"authtype");
    line("protocol", place.protocol.as_bytes());
    line("host", place.host.as_bytes());
    if !place.path.is_empty() {
        line("path", &place.path);
    }
    match credential {
        Some(Credential::Basic { user, password }) => {
            line("username", user.as_bytes());
            line("password", password.expose().as_bytes());
        }
        Some(Credential::Bearer(token)) => {
            line("authtype", b"Bearer");
            line("credential", token.expose().as_bytes());
        }
        _ => {
            if let Some(user) = &place.user {
                line("username", user.as_bytes());
            }
        }
    }
    for challenge in &place.challenges {
        line("wwwauth[]", challenge.as_bytes());
    }
    text.push(b'\n');
    text
}

/// What a helper says.
#[derive(Default)]
struct Answer {
    user: Option<String>,
    password: Option<String>,
    scheme: Option<String>,
    token: Option<String>,
    quit: bool,
}

impl Answer {
    fn of(output: &[u8]) -> Self {
        let mut answer = Self::default();
        for line in output.split(|byte| *byte == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = value.to_owned();
            match name {
                "username" => answer.user = Some(value),
                "password" => answer.password = Some(value),
                "authtype" => answer.scheme = Some(value),
                "credential" => answer.token = Some(value),
                "quit" => answer.quit = matches!(value.as_str(), "1" | "true" | "yes" | "on"),
                _ => {}
            }
        }
        answer
    }

    fn credential(&self, user: Option<&str>) -> Option<Credential> {
        if let (Some(scheme), Some(token)) = (&self.scheme, &self.token)
            && scheme.eq_ignore_ascii_case("bearer")
        {
            return Some(Credential::Bearer(Secret::new(token.as_str())));
        }
        let user = self.user.as_deref().or(user)?;
        Some(Credential::basic(user, self.password.as_deref()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helpers_say() {
        let credential = |output: &str, user| Answer::of(output.as_bytes()).credential(user);
        let basic = Some(Credential::basic("me", "a=b"));
        assert_eq!(credential("protocol=x\nusername=me\npassword=a=b\n", None), basic);
        assert_eq!(credential("password=a=b", Some("me")), basic);
        assert_eq!(credential("username=me\n", None), None);
        assert_eq!(credential("password=x\n", None), None);
        assert_eq!(credential("", Some("me")), None);
        let token = Some(Credential::Bearer(Secret::new("t")));
        assert_eq!(credential("authtype=bearer\ncredential=t\n", None), token);
        assert!(Answer::of(b"quit=1").quit);
    }

    #[test]
    fn what_helpers_read() {
        let mut place = CredentialPlace::new("https", "h:8443");
        place.challenges = vec!["Basic realm=\"r\"".into(), "forged\nhost=evil".into()];
        place.user = Some("me".into());
        let text = String::from_utf8(describe(&place, None)).unwrap();
        let expected = "capability[]=authtype\nprotocol=https\nhost=h:8443\nusername=me\nwwwauth[]=Basic realm=\"r\"\n\n";
        assert_eq!(text, expected);
        let text = String::from_utf8(describe(&place, Some(&Credential::basic("me", "p")))).unwrap();
        assert!(text.contains("username=me\npassword=p\n"), "{text}");
    }
}
