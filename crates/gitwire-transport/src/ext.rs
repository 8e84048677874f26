//! `ext::COMMAND`: any program that carries the conversation (`git-remote-ext`). It runs what a URL says: [`Protocols`](crate::Protocols)
//! allow it only to whoever asks for that.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::{DaemonRequest, Service};

use crate::spawn::new_command;
use crate::{ServiceProcess, TransportError};

/// The program that a URL names, and what it hears first: a request as git:// servers want it, where the URL asks for one.
pub(crate) fn serving(line: &[u8], service: Service) -> Result<(ServiceProcess, BytesMut), TransportError> {
    let Words { words, repository, host } = Words::parse(line, service)?;
    let (program, arguments) = words.split_first().ok_or(TransportError::Placeholder { position: 0 })?;
    let mut command = new_command(OsStr::from_bytes(program));
    command.args(arguments.iter().map(|word| OsStr::from_bytes(word)));
    // It gets all that this program got, the configuration of the command line with it; only what is spoken is not known.
    command.env_remove("GIT_PROTOCOL");
    command.env("GIT_EXT_SERVICE", service.name());
    command.env("GIT_EXT_SERVICE_NOPREFIX", short(service));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut opening = BytesMut::new();
    if let Some(repository) = repository {
        let mut request = DaemonRequest::new(service, repository);
        request.host = host.map(Bytes::from);
        let max = gitwire_pktline::MAX_DATA as u64;
        // Nothing but its length is left to be wrong with it.
        request
            .write(&mut opening)
            .map_err(|_| TransportError::Limit { what: "bytes in a git:// request", max })?;
    }
    let name = String::from_utf8_lossy(program).into_owned();
    Ok((ServiceProcess::new(command, name), opening))
}

/// What a line is made of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    words: Vec<Vec<u8>>,
    /// What a git:// server is asked for.
    repository: Option<Vec<u8>>,
    /// The host that it is told.
    host: Option<Vec<u8>>,
}

impl Words {
    fn parse(line: &[u8], service: Service) -> Result<Self, TransportError> {
        let mut found = Self::default();
        let (mut word, mut kind, mut begun) = (Vec::new(), b's', false);
        let mut bytes = line.iter().enumerate();
        while let Some((position, byte)) = bytes.next() {
            match byte {
                b' ' => {
                    found.push(std::mem::take(&mut word), kind, begun);
                    (kind, begun) = (b's', false);
                    continue;
                }
                b'%' => match bytes.next().map(|(_, byte)| *byte) {
                    Some(literal @ (b' ' | b'%')) => word.push(literal),
                    Some(b's') => word.extend_from_slice(short(service).as_bytes()),
                    Some(b'S') => word.extend_from_slice(service.name().as_bytes()),
                    Some(special @ (b'G' | b'V')) if !begun => kind = special,
                    _ => return Err(TransportError::Placeholder { position }),
                },
                byte => word.push(*byte),
            }
            begun = true;
        }
        found.push(word, kind, begun);
        Ok(found)
    }

    fn push(&mut self, word: Vec<u8>, kind: u8, begun: bool) {
        match kind {
            b'G' => self.repository = Some(word),
            b'V' => self.host = Some(word),
            _ if begun => self.words.push(word),
            _ => {}
        }
    }
}

fn short(service: Service) -> &'static str {
    let name = service.name();
    name.strip_prefix("git-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<&[&str], usize>) {
        let words = Words::parse(line.as_bytes(), Service::UploadPack);
        let shown = words.map_err(|error| match error {
            TransportError::Placeholder { position } => position,
            error => panic!("{error}"),
        });
        let shown = shown.map(|words| {
            let mut all = words.words;
            all.extend(words.repository.map(|word| [b"G:", &word[..]].concat()));
            all.extend(words.host.map(|word| [b"V:", &word[..]].concat()));
            all.into_iter().map(|word| String::from_utf8(word).unwrap()).collect::<Vec<_>>()
        });
        let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(shown, expected, "{line}");
    }

    #[test]
    fn lines() {
        check("git %s ../a", Ok(&["git", "upload-pack", "../a"]));
        check("ssh -x h %S% '/a%%'", Ok(&["ssh", "-x", "h", "git-upload-pack '/a%'"]));
        check("nc h %G/a %Vh:1", Ok(&["nc", "h", "G:/a", "V:h:1"]));
        check("a  b ", Ok(&["a", "b"]));
        check("a x%G", Err(3));
        check("a %x", Err(2));
        check("a %", Err(2));
        check("", Ok(&[]));
    }

    #[test]
    fn a_request_comes_first_where_it_is_asked_for() {
        let opening = |line: &str| serving(line.as_bytes(), Service::UploadPack).map(|(_, opening)| opening);
        assert_eq!(opening("nc h %G/a %Vh:1").unwrap(), &b"0020git-upload-pack /a\0host=h:1\0"[..]);
        assert_eq!(opening("nc h").unwrap(), &b""[..]);
        assert!(opening("%G/a").is_err());
    }
}
