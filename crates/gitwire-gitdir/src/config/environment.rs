//! Configuration variables from the environment (`git-config`, ENVIRONMENT).

use std::ffi::OsString;

use super::{Config, ConfigError};

pub(super) fn variables(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    let bad = |name: &str, value: &[u8], expected| ConfigError::Value {
        variable: name.to_owned(),
        value: value.escape_ascii().to_string(),
        expected,
    };
    if let Some(count) = variable(COUNT).filter(|count| !count.is_empty()) {
        let number =
            count.to_str().and_then(|text| text.parse::<u32>().ok()).filter(|count| *count <= COUNT_MAX);
        let number = number.ok_or_else(|| bad(COUNT, count.as_encoded_bytes(), "a number up to 65535"))?;
        for at in 0..number {
            let value = |name: &str| {
                let name = format!("GIT_CONFIG_{name}_{at}");
                variable(&name).ok_or_else(|| bad(&name, b"", "a variable of the environment"))
            };
            let (key, value) = (value("KEY")?, value("VALUE")?);
            set(&mut config, key.as_encoded_bytes(), Some(value.as_encoded_bytes()))?;
        }
    }
    if let Some(text) = variable(PARAMETERS) {
        let text = text.as_encoded_bytes();
        parameters(text, &mut config)?.ok_or_else(|| bad(PARAMETERS, text, "a list of quoted variables"))?;
    }
    Ok(config)
}

/// `'KEY=VALUE'`, `'KEY'='VALUE'` and `'KEY'=`, with spaces between them. `None`: badly quoted.
fn parameters(text: &[u8], config: &mut Config) -> Result<Option<()>, ConfigError> {
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let Some((first, behind)) = unquote(rest) else { return Ok(None) };
        match behind.strip_prefix(b"=") {
            // By itself: the value stands behind the first equals sign.
            None => {
                let equals = first.iter().position(|byte| *byte == b'=');
                let (key, value) = match equals.and_then(|at| first.split_at_checked(at)) {
                    Some((key, value)) => (key, value.get(1..)),
                    None => (first.as_slice(), None),
                };
                set(config, key, value)?;
                rest = behind;
            }
            Some(behind) if behind.first().is_none_or(u8::is_ascii_whitespace) => {
                set(config, &first, None)?;
                rest = behind;
            }
            Some(behind) => {
                let Some((value, behind)) = unquote(behind) else { return Ok(None) };
                set(config, &first, Some(&value))?;
                rest = behind;
            }
        }
        let trimmed = rest.trim_ascii_start();
        if trimmed.len() == rest.len() && !rest.is_empty() {
            return Ok(None);
        }
        rest = trimmed;
    }
    Ok(Some(()))
}

/// What stands in single quotes at the front, where `'\''` and `'\!'` are the characters themselves; and what is behind it.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"'")?;
    let mut found = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\'')?;
        let (part, behind) = rest.split_at_checked(end)?;
        found.extend_from_slice(part);
        let behind = behind.get(1..)?;
        match behind {
            [b'\\', escaped @ (b'\'' | b'!'), b'\'', ..] => {
                found.push(*escaped);
                rest = behind.get(3..)?;
            }
            _ => return Some((found, behind)),
        }
    }
}

/// Sets `SECTION.NAME` or `SECTION.SUBSECTION.NAME`.
fn set(config: &mut Config, key: &[u8], value: Option<&[u8]>) -> Result<(), ConfigError> {
    config.set_key(key, value)
}

const COUNT: &str = "GIT_CONFIG_COUNT";
const PARAMETERS: &str = "GIT_CONFIG_PARAMETERS";

/// More than any environment has room for.
const COUNT_MAX: u32 = 65_535;
