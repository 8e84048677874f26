//! Sections as git writes them.

use super::parse::{ConfigError, placed_entries};

/// A section to be written into a configuration file.
///
/// ```
/// use gitwire_gitdir::ConfigSection;
///
/// let section = ConfigSection::new("remote", Some(b"origin")).with("url", b"/srv/x y.git");
/// let mut text = Vec::new();
/// section.write(&mut text);
/// assert_eq!(text, b"[remote \"origin\"]\n\turl = /srv/x y.git\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSection {
    name: String,
    subsection: Option<Vec<u8>>,
    variables: Vec<(String, Vec<u8>)>,
}

impl ConfigSection {
    /// An empty section. `name` is letters, digits and `-`.
    #[must_use]
    pub fn new(name: &str, subsection: Option<&[u8]>) -> Self {
        Self { name: name.to_owned(), subsection: subsection.map(<[u8]>::to_vec), variables: Vec::new() }
    }

    /// The same with one variable more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &[u8]) -> Self {
        self.variables.push((name.to_owned(), value.to_vec()));
        self
    }

    /// Puts the section's variables into a configuration file's text, each in place of all its values there, else behind what the
    /// section holds, else at the end.
    pub(crate) fn replace(&self, text: &mut Vec<u8>) -> Result<(), ConfigError> {
        for (name, value) in &self.variables {
            let entries = placed_entries(text)?.into_iter().filter(|(entry, _)| {
                entry.section.eq_ignore_ascii_case(&self.name) && entry.subsection == self.subsection
            });
            let entries: Vec<_> = entries.collect();
            let mut line = Vec::new();
            write_variable(name, value, &mut line);
            let mut own = entries.iter().rev().filter(|(entry, _)| entry.name.eq_ignore_ascii_case(name));
            if let Some((_, first)) = own.next_back() {
                for (_, place) in own {
                    text.drain(place.clone());
                }
                text.splice(first.clone(), line);
            } else if let Some((_, last)) = entries.last() {
                let line = [if text.ends_with(b"\n") { &b"\t"[..] } else { b"\n\t" }, &line].concat();
                text.splice(last.end..last.end, line);
            } else {
                if text.last().is_some_and(|byte| *byte != b'\n') {
                    text.push(b'\n');
                }
                let section = Self { variables: Vec::new(), ..self.clone() };
                section.with(name, value).write(text);
            }
        }
        Ok(())
    }

    /// Appends the section's text to `out`, quoted where it must be.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        out.extend_from_slice(self.name.as_bytes());
        if let Some(subsection) = &self.subsection {
            out.extend_from_slice(b" \"");
            for byte in subsection {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(*byte);
            }
            out.push(b'"');
        }
        out.extend_from_slice(b"]\n");
        for (name, value) in &self.variables {
            out.push(b'\t');
            write_variable(name, value, out);
        }
    }
}

fn write_variable(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b" = ");
    write_value(value, out);
    out.push(b'\n');
}

fn write_value(value: &[u8], out: &mut Vec<u8>) {
    let at_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let quote = at_edge(value.first())
        || at_edge(value.last())
        || value.iter().any(|byte| matches!(byte, b'#' | b';' | b'\r'));
    if quote {
        out.push(b'"');
    }
    for byte in value {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            byte => out.push(*byte),
        }
    }
    if quote {
        out.push(b'"');
    }
}
