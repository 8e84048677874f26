//! `~/.netrc`: who one is on which machine, as ftp and curl read it.

use std::path::PathBuf;

use gitwire_transport::{Credential, Secret};

/// The credential for a host, without its port.
pub(super) fn find(host: &str, user: Option<&str>) -> Option<Credential> {
    let home = std::env::var_os("HOME")?;
    let text = std::fs::read_to_string(PathBuf::from(home).join(".netrc")).ok()?;
    let basic = look_up(&text, host, user)?.authorization();
    let value = Secret::new(basic.expose().strip_prefix("Basic ")?);
    // Where it is refused, others are asked.
    Some(Credential::Other { scheme: "Basic".to_owned(), value, more: true })
}

fn look_up(text: &str, host: &str, user: Option<&str>) -> Option<Credential> {
    let mut words =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let (mut here, mut login, mut password) = (false, None, None);
    let found = |here: bool, login: Option<&str>, password: Option<&str>| {
        let (login, password) = (login?, password?);
        (here && user.is_none_or(|user| user == login)).then(|| Credential::basic(login, password))
    };
    while let Some(word) = words.next() {
        if matches!(word, "machine" | "default" | "macdef") {
            if let Some(credential) = found(here, login, password) {
                return Some(credential);
            }
            (login, password) = (None, None);
        }
        match word {
            "machine" => here = words.next() == Some(host),
            "default" => here = true,
            // What follows is no list of machines.
            "macdef" => return None,
            "login" => login = words.next(),
            "password" => password = words.next(),
            "account" => {
                words.next();
            }
            _ => {}
        }
    }
    found(here, login, password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines() {
        let text = "# machine a login x password y\nmachine a login me\n\tpassword p\n\
                    machine b\nlogin you account z password q\nmachine c login half\ndefault login any password r\n";
        for (host, user, expected) in [
            ("a", None, Some(("me", "p"))),
            ("a", Some("me"), Some(("me", "p"))),
            ("a", Some("you"), None),
            ("b", None, Some(("you", "q"))),
            ("d", None, Some(("any", "r"))),
            ("c", None, Some(("any", "r"))),
        ] {
            let expected = expected.map(|(user, password)| Credential::basic(user, password));
            assert_eq!(look_up(text, host, user), expected, "{host} {user:?}");
        }
        assert_eq!(look_up("machine a login x", "a", None), None);
        assert_eq!(look_up("macdef m machine a login x password y", "a", None), None);
    }
}
