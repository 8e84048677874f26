//! In whose name a server is asked: what git's helpers know, and what people type (`gitcredentials`, `git-credential`).

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use gitwire_gitdir::Config;
use gitwire_transport::{Credential, CredentialPlace, Credentials, Secret, TransportError, Url};

use super::pattern::{Value, best, matching};
use super::{command, is_false, netrc, variable};
use crate::failure::Failure;
use crate::trace::Events;

/// What git's configuration names, asked one after another.
pub(super) struct Helpers {
    /// Commands of `credential.helper`.
    helpers: Vec<String>,
    /// `credential.username`.
    user: Option<String>,
    /// `credential.useHttpPath`.
    with_path: bool,
    /// Whether people are asked (`credential.interactive`).
    interactive: bool,
    /// A program that asks the user, as `GIT_ASKPASS` names it.
    ask: Option<OsString>,
    /// What was given before, so that nobody is asked twice.
    known: Mutex<Vec<(CredentialPlace, Credential)>>,
    /// Whether `~/.netrc` was looked at.
    netrc: AtomicBool,
    /// What a helper said last.
    last: Mutex<Option<Answer>>,
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
            interactive: best(config, "credential", "interactive", url)
                .map(Value::into_text)
                .is_none_or(|value| !is_false(&value) && value != "never"),
            ask: command("GIT_ASKPASS").or_else(asked).or_else(|| command("SSH_ASKPASS")),
            known: Mutex::default(),
            netrc: AtomicBool::new(false),
            last: Mutex::default(),
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

    /// Tells every helper what became of a credential.
    fn tell(&self, verb: &str, place: &CredentialPlace, credential: &Credential) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        let given = last.credential(place.user.as_deref()).is_some_and(|given| given == *credential);
        let text = statement(place, credential, &if given { last } else { Answer::default() });
        for helper in &self.helpers {
            run(helper, verb, &text);
        }
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
        if variable("GIT_TERMINAL_PROMPT").is_some_and(|value| is_false(&value)) {
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
        let host = place.host.split(':').next().unwrap_or_default();
        // What it says is tried once.
        if !self.netrc.swap(true, Ordering::Relaxed)
            && let Some(credential) = netrc::find(host, shown.user.as_deref())
        {
            return Ok(Some(credential));
        }
        let before = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        let before = before.filter(|answer| answer.more).unwrap_or_default();
        for helper in &self.helpers {
            let answer = Answer::of(&run(helper, "get", &question(&shown, &before)).unwrap_or_default());
            if let Some(credential) = answer.credential(shown.user.as_deref()) {
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
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
        if !self.interactive {
            return Ok(None);
        }
        let prompt = || self.prompt(&shown, shown.user.clone());
        Ok(Events::new("credential").region("credential", "interactive", prompt))
    }

    fn approve(&self, place: &CredentialPlace, credential: &Credential) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push((place.clone(), credential.clone()));
        drop(known);
        // What is written down elsewhere, or is only a step, is not kept.
        if matches!(credential, Credential::Other { more: true, .. }) {
            return;
        }
        // Why it was asked for is of no use to whoever keeps it.
        let mut shown = self.shown(place);
        shown.challenges.clear();
        self.tell("store", &shown, credential);
    }

    fn reject(&self, place: &CredentialPlace, credential: &Credential) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(there, _)| !is_same(there, place));
        drop(known);
        self.tell("erase", &self.shown(place), credential);
    }
}

fn is_same(one: &CredentialPlace, other: &CredentialPlace) -> bool {
    (&one.protocol, &one.host, &one.user) == (&other.protocol, &other.host, &other.user)
}

/// Runs a helper; what it says, or nothing if it fails.
fn run(helper: &str, verb: &str, input: &[u8]) -> Option<Vec<u8>> {
    let line = match helper.strip_prefix('!') {
        Some(shell) => format!("{shell} {verb}"),
        None if helper.starts_with('/') => format!("{helper} {verb}"),
        None => format!("git credential-{helper} {verb}"),
    };
    let mut command = Command::new("sh");
    command.arg("-c").arg(OsStr::new(&line)).stdin(Stdio::piped()).stderr(Stdio::inherit());
    command.stdout(if verb == "get" { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().ok()?;
    // A helper need not read.
    let _ = child.stdin.take()?.write_all(input);
    let output = child.wait_with_output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// Lines of names and values. No value has a line end: neither URLs nor headers nor answers of helpers can.
#[derive(Default)]
struct Description(Vec<u8>);

impl Description {
    fn line(&mut self, name: &str, value: &[u8]) {
        if !value.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            self.0.extend_from_slice(&[name.as_bytes(), b"=", value, b"\n"].concat());
        }
    }

    fn lines(&mut self, name: &str, values: &[String]) {
        values.iter().for_each(|value| self.line(name, value.as_bytes()));
    }

    fn place(&mut self, place: &CredentialPlace) {
        self.line("protocol", place.protocol.as_bytes());
        self.line("host", place.host.as_bytes());
        if !place.path.is_empty() {
            self.line("path", &place.path);
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'\n');
        self.0
    }
}

/// What a helper is asked; `before` is its answer to the step before, where there was one.
fn question(place: &CredentialPlace, before: &Answer) -> Vec<u8> {
    let mut text = Description::default();
    text.lines("capability[]", &["authtype".to_owned(), "state".to_owned()]);
    if let Some(scheme) = &before.scheme {
        text.line("authtype", scheme.as_bytes());
    }
    text.place(place);
    if let Some(user) = &place.user {
        text.line("username", user.as_bytes());
    }
    text.lines("wwwauth[]", &place.challenges);
    text.lines("state[]", &before.state);
    text.end()
}

/// What a helper is told of a credential, with what it said beside it.
fn statement(place: &CredentialPlace, credential: &Credential, answer: &Answer) -> Vec<u8> {
    let mut text = Description::default();
    text.lines("capability[]", &answer.capabilities);
    let (scheme, token) = match credential {
        Credential::Bearer(token) => (answer.scheme.as_deref().or(Some("Bearer")), Some(token)),
        Credential::Other { scheme, value, .. } => (Some(scheme.as_str()), Some(value)),
        _ => (None, None),
    };
    if let (Some(scheme), Some(token)) = (scheme, token) {
        text.line("authtype", scheme.as_bytes());
        text.line("credential", token.expose().as_bytes());
        text.lines("ephemeral", &answer.ephemeral.then(|| "1".to_owned()).into_iter().collect::<Vec<_>>());
    }
    text.place(place);
    if let Credential::Basic { user, password } = credential {
        text.line("username", user.as_bytes());
        text.line("password", password.expose().as_bytes());
    }
    for (name, value) in [("oauth_refresh_token", &answer.refresh), ("password_expiry_utc", &answer.expiry)] {
        if let Some(value) = value {
            text.line(name, value.as_bytes());
        }
    }
    text.lines("wwwauth[]", &place.challenges);
    text.lines("state[]", &answer.state);
    text.end()
}

/// What a helper says.
#[derive(Default, Clone)]
struct Answer {
    capabilities: Vec<String>,
    user: Option<String>,
    password: Option<String>,
    scheme: Option<String>,
    token: Option<String>,
    /// It is not to be kept.
    ephemeral: bool,
    refresh: Option<String>,
    expiry: Option<String>,
    /// What the helper wants to hear again.
    state: Vec<String>,
    /// The server will ask for a further step.
    more: bool,
    quit: bool,
}

impl Answer {
    fn of(output: &[u8]) -> Self {
        let mut answer = Self::default();
        for line in output.split(|byte| *byte == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Some((name, value)) = line.split_once('=') else { continue };
            let truth = matches!(value, "1" | "true" | "yes" | "on");
            let value = value.to_owned();
            match name {
                // Those that are known, once: they are told back.
                "capability[]" if matches!(value.as_str(), "authtype" | "state") => {
                    answer.capabilities.push(value);
                }
                "username" => answer.user = Some(value),
                "password" => answer.password = Some(value),
                "authtype" => answer.scheme = Some(value),
                "credential" => answer.token = Some(value),
                "oauth_refresh_token" => answer.refresh = Some(value),
                "password_expiry_utc" => answer.expiry = Some(value),
                "state[]" => answer.state.push(value),
                "ephemeral" => answer.ephemeral = truth,
                "continue" => answer.more = truth,
                "quit" => answer.quit = truth,
                _ => {}
            }
        }
        answer
    }

    fn credential(&self, user: Option<&str>) -> Option<Credential> {
        if let (Some(scheme), Some(token)) = (&self.scheme, &self.token) {
            let token = Secret::new(token.as_str());
            return Some(match scheme.eq_ignore_ascii_case("bearer") && !self.more {
                true => Credential::Bearer(token),
                false => Credential::Other { scheme: scheme.clone(), value: token, more: self.more },
            });
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
    fn steps_of_a_credential() {
        let answer =
            Answer::of(b"authtype=Steps\ncredential=x\nstate[]=h:1\ncontinue=1\ncapability[]=state\n");
        let value = Secret::new("x");
        let expected = Credential::Other { scheme: "Steps".into(), value, more: true };
        assert_eq!(answer.credential(None), Some(expected));
        let text = String::from_utf8(question(&CredentialPlace::new("http", "h"), &answer)).unwrap();
        let expected = "capability[]=authtype\ncapability[]=state\nauthtype=Steps\nprotocol=http\nhost=h\nstate[]=h:1\n\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_helpers_read() {
        let mut place = CredentialPlace::new("https", "h:8443");
        place.challenges = vec!["Basic realm=\"r\"".into(), "forged\nhost=evil".into()];
        place.user = Some("me".into());
        let text = String::from_utf8(question(&place, &Answer::default())).unwrap();
        let asked = "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=h:8443\nusername=me\n";
        assert_eq!(text, format!("{asked}wwwauth[]=Basic realm=\"r\"\n\n"));
        let told = |credential, answer: &str| {
            String::from_utf8(statement(&place, &credential, &Answer::of(answer.as_bytes()))).unwrap()
        };
        let end = "wwwauth[]=Basic realm=\"r\"\n";
        let place = "protocol=https\nhost=h:8443\n";
        let basic = told(Credential::basic("me", "p"), "password_expiry_utc=7");
        assert_eq!(basic, format!("{place}username=me\npassword=p\npassword_expiry_utc=7\n{end}\n"));
        let bearer = told(
            Credential::Bearer(Secret::new("t")),
            "capability[]=authtype\ncapability[]=else\nephemeral=1\nstate[]=s\n",
        );
        let start = "capability[]=authtype\nauthtype=Bearer\ncredential=t\nephemeral=1\n";
        assert_eq!(bearer, format!("{start}{place}{end}state[]=s\n\n"));
    }
}
