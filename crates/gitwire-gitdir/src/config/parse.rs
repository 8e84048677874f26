//! The grammar of configuration files.

use std::ops::Range;

use super::ConfigEntry;

/// What is wrong with a configuration file or with a value in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A line that is neither section, variable nor comment.
    #[error("bad config line {line}")]
    Line {
        /// The line, counted from 1.
        line: u32,
    },
    /// A value that does not say what it must.
    #[error("bad value '{value}' of '{variable}': {expected} is needed")]
    Value {
        /// The variable.
        variable: String,
        /// What it holds, escaped.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A variable that stands alone and must have a value.
    #[error("unable to parse '{variable}': it has no value")]
    NoValue {
        /// The variable.
        variable: String,
    },
    /// Permissions of files without which their owner could not work (`core.sharedRepository`).
    #[error(
        "problem with core.sharedRepository filemode value (0{mode:03o}).\nThe owner of files must always have read and write permissions."
    )]
    FileMode {
        /// The permissions.
        mode: u32,
    },
}

pub(super) fn entries(text: &[u8]) -> Result<Vec<ConfigEntry>, ConfigError> {
    Ok(placed_entries(text)?.into_iter().map(|(entry, _)| entry).collect())
}

/// The entries, and where each stands: from its name to the end of its last line.
pub(super) fn placed_entries(text: &[u8]) -> Result<Vec<(ConfigEntry, Range<usize>)>, ConfigError> {
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut reader = Reader { text, at: start, line: 1 };
    let mut section: Option<(String, Option<Vec<u8>>)> = None;
    let mut entries = Vec::new();
    while let Some(byte) = reader.next() {
        match byte {
            b'\n' => {}
            byte if byte.is_ascii_whitespace() => {}
            b'#' | b';' => reader.skip_line(),
            b'[' => section = Some(reader.header()?),
            byte if byte.is_ascii_alphabetic() => {
                let Some((section, subsection)) = &section else { return Err(reader.error()) };
                let start = reader.at.saturating_sub(1);
                let name = reader.name(byte);
                let value = reader.value_after_name()?;
                let entry =
                    ConfigEntry { section: section.clone(), subsection: subsection.clone(), name, value };
                entries.push((entry, start..reader.at));
            }
            _ => return Err(reader.error()),
        }
    }
    Ok(entries)
}

/// The text with its position. CR before LF is dropped, as git does.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        let rest = self.text.get(self.at..)?;
        match rest {
            [b'\r', b'\n', ..] => Some(b'\n'),
            _ => rest.first().copied(),
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        let crlf = self.text.get(self.at) == Some(&b'\r') && byte == b'\n';
        self.at = self.at.saturating_add(if crlf { 2 } else { 1 });
        if byte == b'\n' {
            self.line = self.line.saturating_add(1);
        }
        Some(byte)
    }

    /// The line of the byte that was read last.
    fn error(&self) -> ConfigError {
        let ended = self.at.checked_sub(1).and_then(|last| self.text.get(last)) == Some(&b'\n');
        ConfigError::Line { line: if ended { self.line.saturating_sub(1) } else { self.line } }
    }

    fn skip_line(&mut self) {
        while let Some(byte) = self.next() {
            if byte == b'\n' {
                return;
            }
        }
    }

    /// `name]`, `name "subsection"]` or the old `name.subsection]`, after the bracket.
    fn header(&mut self) -> Result<(String, Option<Vec<u8>>), ConfigError> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some(b']') => break,
                Some(byte) if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' => {
                    name.push(char::from(byte.to_ascii_lowercase()));
                }
                Some(b' ' | b'\t') => return Ok((name, Some(self.quoted_subsection()?))),
                _ => return Err(self.error()),
            }
        }
        Ok(match name.split_once('.') {
            Some((section, subsection)) => (section.to_owned(), Some(subsection.as_bytes().to_vec())),
            None => (name, None),
        })
    }

    fn quoted_subsection(&mut self) -> Result<Vec<u8>, ConfigError> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.next();
        }
        if self.next() != Some(b'"') {
            return Err(self.error());
        }
        let mut subsection = Vec::new();
        loop {
            match self.next() {
                None | Some(b'\n') => return Err(self.error()),
                Some(b'"') => break,
                Some(b'\\') => match self.next() {
                    None | Some(b'\n') => return Err(self.error()),
                    Some(byte) => subsection.push(byte),
                },
                Some(byte) => subsection.push(byte),
            }
        }
        if self.next() == Some(b']') { Ok(subsection) } else { Err(self.error()) }
    }

    fn name(&mut self, first: u8) -> String {
        let mut name = String::from(char::from(first.to_ascii_lowercase()));
        while let Some(byte) = self.peek().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            name.push(char::from(byte.to_ascii_lowercase()));
            self.next();
        }
        name
    }

    /// ` = value` or nothing, up to the end of the line.
    fn value_after_name(&mut self) -> Result<Option<Vec<u8>>, ConfigError> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.next();
        }
        match self.next() {
            None | Some(b'\n') => Ok(None),
            Some(b'=') => self.value().map(Some),
            Some(_) => Err(self.error()),
        }
    }

    fn value(&mut self) -> Result<Vec<u8>, ConfigError> {
        let mut value = Vec::new();
        // Length up to the last byte that is quoted or no space: spaces at the end are dropped.
        let mut kept = 0;
        let mut quoted = false;
        while let Some(byte) = self.next() {
            match byte {
                b'\n' if quoted => return Err(self.error()),
                b'\n' => break,
                b'#' | b';' if !quoted => {
                    self.skip_line();
                    break;
                }
                b'"' => {
                    quoted = !quoted;
                    kept = value.len();
                }
                b'\\' => {
                    match self.next() {
                        Some(b'\n') => continue,
                        Some(b'n') => value.push(b'\n'),
                        Some(b't') => value.push(b'\t'),
                        Some(b'b') => value.push(8),
                        Some(byte @ (b'"' | b'\\')) => value.push(byte),
                        _ => return Err(self.error()),
                    }
                    kept = value.len();
                }
                byte if byte.is_ascii_whitespace() && !quoted => {
                    if !value.is_empty() || kept > 0 {
                        value.push(byte);
                    }
                }
                byte => {
                    value.push(byte);
                    kept = value.len();
                }
            }
        }
        if quoted {
            return Err(self.error());
        }
        value.truncate(kept);
        Ok(value)
    }
}
