//! Configuration files (`git-config`): read with git's rules, looked up by section, subsection and name.

mod environment;
mod include;
mod parse;
mod promisors;
mod sources;
#[cfg(test)]
mod tests;
mod write;

pub use self::parse::ConfigError;
pub use self::promisors::PromisorConfig;
pub use self::sources::ConfigSources;
pub use self::write::ConfigSection;

/// The variables of one or more configuration files, in the order in which they were read: later ones win.
///
/// Section and variable names are compared without regard to case, subsections byte for byte. Included files and the
/// user's and the system's files are not read by themselves: [`Config::append`] puts one file behind another.
///
/// ```
/// use gitwire_gitdir::Config;
///
/// let config = Config::parse(b"[core]\n\tbare = true\n[remote \"origin\"]\n\turl = /srv/x.git\n")?;
/// assert_eq!(config.boolean("core", None, "bare")?, Some(true));
/// assert_eq!(config.string("remote", Some(b"origin"), "URL"), Some(&b"/srv/x.git"[..]));
/// # Ok::<(), gitwire_gitdir::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    entries: Vec<ConfigEntry>,
}

/// One variable of a [`Config`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigEntry {
    /// The section, in lower case.
    pub section: String,
    /// The subsection, as written.
    pub subsection: Option<Vec<u8>>,
    /// The variable's name, in lower case.
    pub name: String,
    /// Its value; `None` where the name stands alone, which means true.
    pub value: Option<Vec<u8>>,
}

impl Config {
    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// The line that git would refuse too.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        Ok(Self { entries: parse::entries(text)? })
    }

    /// Puts the variables of `other` behind these: where both set one, the other's value wins.
    pub fn append(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// Sets a variable as if it stood at the end (`git -c section.subsection.name=value`).
    pub fn set(&mut self, section: &str, subsection: Option<&[u8]>, name: &str, value: Option<&[u8]>) {
        self.entries.push(ConfigEntry {
            section: section.to_ascii_lowercase(),
            subsection: subsection.map(<[u8]>::to_vec),
            name: name.to_ascii_lowercase(),
            value: value.map(<[u8]>::to_vec),
        });
    }

    /// Sets a variable by its whole key, as if it stood at the end (`git -c KEY=VALUE`).
    ///
    /// # Errors
    /// A key without a section, or with a name that no variable may have.
    pub fn set_key(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), ConfigError> {
        let bad = || ConfigError::Value {
            variable: "key".to_owned(),
            value: key.escape_ascii().to_string(),
            expected: "SECTION.NAME or SECTION.SUBSECTION.NAME",
        };
        let dot =
            |at: Option<usize>| at.and_then(|at| Some((key.get(..at)?, key.get(at.saturating_add(1)..)?)));
        let (section, rest) = dot(key.iter().position(|byte| *byte == b'.')).ok_or_else(bad)?;
        let (before, name) = dot(key.iter().rposition(|byte| *byte == b'.')).ok_or_else(bad)?;
        let subsection = (before.len() > section.len())
            .then(|| rest.get(..before.len().saturating_sub(section.len()).saturating_sub(1)))
            .flatten();
        let word = |text: &[u8]| text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
        let good = word(section) && !section.is_empty() && word(name);
        if !good || !name.first().is_some_and(u8::is_ascii_alphabetic) {
            return Err(bad());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.set(&text(section), subsection, &text(name), value);
        Ok(())
    }

    /// Every variable, in order.
    #[must_use]
    pub fn entries(&self) -> &[ConfigEntry] {
        &self.entries
    }

    /// Every value of a variable, in order; `None` for one that stands alone.
    pub fn values<'a>(
        &'a self,
        section: &'a str,
        subsection: Option<&'a [u8]>,
        name: &'a str,
    ) -> impl DoubleEndedIterator<Item = Option<&'a [u8]>> {
        self.entries
            .iter()
            .filter(move |entry| {
                entry.section.eq_ignore_ascii_case(section)
                    && entry.subsection.as_deref() == subsection
                    && entry.name.eq_ignore_ascii_case(name)
            })
            .map(|entry| entry.value.as_deref())
    }

    /// The last value of a variable; empty for one that stands alone.
    #[must_use]
    pub fn string<'a>(
        &'a self,
        section: &'a str,
        subsection: Option<&'a [u8]>,
        name: &'a str,
    ) -> Option<&'a [u8]> {
        self.values(section, subsection, name).next_back().map(Option::unwrap_or_default)
    }

    /// A variable as a truth value: yes, on, true, a number other than 0, or the name alone; no, off, false, 0, or empty.
    ///
    /// # Errors
    /// A value that is none of these.
    pub fn boolean(
        &self,
        section: &str,
        subsection: Option<&[u8]>,
        name: &str,
    ) -> Result<Option<bool>, ConfigError> {
        let Some(last) = self.values(section, subsection, name).next_back() else { return Ok(None) };
        let Some(value) = last else { return Ok(Some(true)) };
        let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
        if is(&["true", "yes", "on"]) {
            Ok(Some(true))
        } else if is(&["false", "no", "off", ""]) {
            Ok(Some(false))
        } else {
            match number(value) {
                Some(number) => Ok(Some(number != 0)),
                None => Err(bad_value(section, subsection, name, value, "a truth value")),
            }
        }
    }

    /// A variable as a whole number, with git's suffixes `k`, `m` and `g`.
    ///
    /// # Errors
    /// A value that is no number, or one beyond 64 bits.
    pub fn integer(
        &self,
        section: &str,
        subsection: Option<&[u8]>,
        name: &str,
    ) -> Result<Option<i64>, ConfigError> {
        let Some(last) = self.values(section, subsection, name).next_back() else { return Ok(None) };
        match last.map(number) {
            Some(Some(number)) => Ok(Some(number)),
            Some(None) => Err(bad_value(section, subsection, name, last.unwrap_or_default(), "a number")),
            None => Err(ConfigError::NoValue { variable: variable(section, subsection, name) }),
        }
    }
}

fn number(value: &[u8]) -> Option<i64> {
    let (digits, unit) = match value.split_last()? {
        (b'k' | b'K', digits) => (digits, 1_i64 << 10),
        (b'm' | b'M', digits) => (digits, 1 << 20),
        (b'g' | b'G', digits) => (digits, 1 << 30),
        _ => (value, 1),
    };
    std::str::from_utf8(digits).ok()?.parse::<i64>().ok()?.checked_mul(unit)
}

/// A variable as git writes it: without capitals but in the subsection.
fn variable(section: &str, subsection: Option<&[u8]>, name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match subsection {
        Some(subsection) => format!("{section}.{}.{name}", subsection.escape_ascii()),
        None => format!("{section}.{name}"),
    }
}

fn bad_value(
    section: &str,
    subsection: Option<&[u8]>,
    name: &str,
    value: &[u8],
    expected: &'static str,
) -> ConfigError {
    let variable = variable(section, subsection, name);
    ConfigError::Value { variable, value: value.escape_ascii().to_string(), expected }
}
