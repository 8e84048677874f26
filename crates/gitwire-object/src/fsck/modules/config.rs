//! Configuration files, as far as `.gitmodules` needs them (`git-config`, *CONFIGURATION FILE*).

/// A setting: `[section "subsection"] key = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    section: Vec<u8>,
    subsection: Option<Vec<u8>>,
    /// In lower case.
    pub(super) key: Vec<u8>,
    /// `None`: a key without `=`.
    pub(super) value: Option<Vec<u8>>,
}

impl Setting {
    /// The submodule that it speaks of.
    pub(super) fn submodule(&self) -> Option<&[u8]> {
        self.subsection.as_deref().filter(|_| self.section == b"submodule")
    }
}

/// The file is no configuration file from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// The settings of a file, until the first that cannot be read. A byte order mark is none: git takes one in files but not in
/// objects.
pub(super) fn settings(content: &[u8]) -> Settings<'_> {
    Settings { left: content, section: None, subsection: None }
}

#[derive(Debug)]
pub(super) struct Settings<'a> {
    left: &'a [u8],
    section: Option<Vec<u8>>,
    subsection: Option<Vec<u8>>,
}

impl Iterator for Settings<'_> {
    type Item = Result<Setting, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.find().transpose();
        if matches!(found, Some(Err(Malformed))) {
            self.left = b"";
        }
        found
    }
}

impl Settings<'_> {
    fn find(&mut self) -> Result<Option<Setting>, Malformed> {
        loop {
            match self.take() {
                None => return Ok(None),
                Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                Some(b'#' | b';') => while !matches!(self.take(), None | Some(b'\n')) {},
                Some(b'[') => self.heading()?,
                Some(byte) if byte.is_ascii_alphabetic() => return self.setting(byte).map(Some),
                Some(_) => return Err(Malformed),
            }
        }
    }

    fn take(&mut self) -> Option<u8> {
        let (byte, rest) = self.left.split_first()?;
        self.left = rest;
        // A carriage return counts only where no LF follows.
        match (byte, rest.split_first()) {
            (b'\r', Some((b'\n', rest))) => {
                self.left = rest;
                Some(b'\n')
            }
            _ => Some(*byte),
        }
    }

    /// `[section]`, `[section.subsection]` or `[section "subsection"]`, after the bracket.
    fn heading(&mut self) -> Result<(), Malformed> {
        let mut name = Vec::new();
        loop {
            match self.take() {
                Some(b']') => {
                    let mut parts = name.splitn(2, |byte| *byte == b'.');
                    self.section = parts.next().map(<[u8]>::to_vec);
                    self.subsection = parts.next().map(<[u8]>::to_vec);
                    return Ok(());
                }
                Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') => {
                    name.push(byte.to_ascii_lowercase());
                }
                Some(b' ' | b'\t') => break,
                _ => return Err(Malformed),
            }
        }
        while matches!(self.left.first(), Some(b' ' | b'\t')) {
            self.take();
        }
        if self.take() != Some(b'"') {
            return Err(Malformed);
        }
        let subsection = self.quoted_subsection()?;
        if self.take() != Some(b']') {
            return Err(Malformed);
        }
        self.section = Some(name);
        self.subsection = Some(subsection);
        Ok(())
    }

    fn quoted_subsection(&mut self) -> Result<Vec<u8>, Malformed> {
        let mut out = Vec::new();
        loop {
            match self.take() {
                None | Some(b'\n') => return Err(Malformed),
                Some(b'"') => return Ok(out),
                Some(b'\\') => match self.take() {
                    None | Some(b'\n') => return Err(Malformed),
                    Some(byte) => out.push(byte),
                },
                Some(byte) => out.push(byte),
            }
        }
    }

    fn setting(&mut self, first: u8) -> Result<Setting, Malformed> {
        let section = self.section.clone().ok_or(Malformed)?;
        let mut key = vec![first.to_ascii_lowercase()];
        while let Some(byte) = self.left.first().filter(|byte| byte.is_ascii_alphanumeric() || **byte == b'-')
        {
            key.push(byte.to_ascii_lowercase());
            self.take();
        }
        while matches!(self.left.first(), Some(b' ' | b'\t')) {
            self.take();
        }
        let value = match self.take() {
            None | Some(b'\n') => None,
            Some(b'=') => Some(self.value()?),
            Some(_) => return Err(Malformed),
        };
        Ok(Setting { section, subsection: self.subsection.clone(), key, value })
    }

    /// A value up to the end of its line, without comments, quotes resolved, spaces around it taken away.
    fn value(&mut self) -> Result<Vec<u8>, Malformed> {
        let mut out = Vec::new();
        let mut quoted = false;
        let mut comment = false;
        // Spaces count only once something follows them.
        let mut kept = 0;
        loop {
            let byte = match self.take() {
                None | Some(b'\n') if quoted => return Err(Malformed),
                None | Some(b'\n') => break,
                Some(byte) => byte,
            };
            match byte {
                _ if comment => {}
                b' ' | b'\t' if !quoted => {
                    if !out.is_empty() {
                        out.push(byte);
                    }
                    continue;
                }
                b'#' | b';' if !quoted => comment = true,
                b'"' => quoted = !quoted,
                b'\\' => match self.take() {
                    Some(b'\n') => {}
                    Some(b't') => out.push(b'\t'),
                    Some(b'b') => out.push(8),
                    Some(b'n') => out.push(b'\n'),
                    Some(byte @ (b'\\' | b'"')) => out.push(byte),
                    _ => return Err(Malformed),
                },
                byte => out.push(byte),
            }
            if !comment {
                kept = out.len();
            }
        }
        out.truncate(kept);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and value of each setting of the submodule `a`, until the first fault.
    #[track_caller]
    fn check(text: &str, expected: &[(&str, Option<&str>)], whole: bool) {
        let found: Vec<_> = settings(text.as_bytes()).collect();
        assert_eq!(found.iter().all(Result::is_ok), whole);
        let found: Vec<_> =
            found.into_iter().flatten().filter(|setting| setting.submodule() == Some(b"a")).collect();
        let found: Vec<_> =
            found.iter().map(|setting| (setting.key.as_slice(), setting.value.as_deref())).collect();
        let expected: Vec<_> =
            expected.iter().map(|(key, value)| (key.as_bytes(), value.map(str::as_bytes))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn files() {
        check("", &[], true);
        check(
            "[submodule \"a\"]\n\tpath = b\n\tURL=c d \n",
            &[("path", Some("b")), ("url", Some("c d"))],
            true,
        );
        check("[submodule \"a\"] path = \" b \" # c\r\n", &[("path", Some(" b "))], true);
        check("[SubModule.A]key", &[("key", None)], true);
        check("; c\n[submodule \"\\a\"]k = x\\\n  y\\t\\\"", &[("k", Some("x  y\t\""))], true);
        check("[other \"a\"]\nk=v\n[submodule]\nk=v", &[], true);
        check("[submodule \"a\"]\nk=\n", &[("k", Some(""))], true);
        check("[submodule \"a\"]\nk=v\n= x", &[("k", Some("v"))], false);
        check("\u{feff}[submodule \"a\"]\n", &[], false);
        check("k=v", &[], false);
        check("[submodule \"a]\n", &[], false);
        check("[submodule a]\n", &[], false);
        check("[submodule \"a\"]\nk=\"v\n", &[], false);
        check("[submodule \"a\"]\nk=\\q\n", &[], false);
        check("[submodule \"a\"]\n1=2\n", &[], false);
    }
}
