//! Lists of bundles, as a server or a file tells them.

use bytes::Bytes;
use gitwire_gitdir::Config;

use super::BundleError;

/// A list of bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleList {
    /// How many of them are needed.
    pub mode: BundleMode,
    /// Whether newer ones have larger creation tokens (`bundle.heuristic=creationToken`).
    pub creation_tokens: bool,
    /// The bundles, in the order in which they were named first.
    pub bundles: Vec<Bundle>,
}

/// How many of a list's bundles are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleMode {
    /// All of them.
    All,
    /// Any one.
    Any,
}

/// A bundle of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bundle {
    /// Its name in the list.
    pub id: Bytes,
    /// Where it is, perhaps as seen from the list. Bytes of a stranger.
    pub uri: Bytes,
    /// The filter that it was made under.
    pub filter: Option<Bytes>,
    /// Larger for newer ones.
    pub creation_token: Option<u64>,
}

impl BundleList {
    /// A list from variables such as `bundle.version` and `bundle.daily.uri`. Variables and heuristics that are not known, and bundles
    /// without a URI, are passed over.
    ///
    /// # Errors
    /// [`BundleError::Malformed`] for another version than 1 or none, for a mode that is none, and for a list without a mode.
    pub fn from_variables<'a>(
        variables: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Result<Self, BundleError> {
        let bad =
            |what: &str, value: &[u8]| BundleError::Malformed(format!("{what} '{}'", value.escape_ascii()));
        let (mut version, mut mode, mut creation_tokens) = (None, None, false);
        let mut bundles: Vec<Bundle> = Vec::new();
        for (key, value) in variables {
            let Some(rest) = strip_word(key, b"bundle.") else { continue };
            match split_last(rest) {
                None if rest.eq_ignore_ascii_case(b"version") => version = Some(value),
                None if rest.eq_ignore_ascii_case(b"mode") => {
                    mode = Some(match value {
                        b"all" => BundleMode::All,
                        b"any" => BundleMode::Any,
                        other => return Err(bad("unknown mode", other)),
                    });
                }
                None if rest.eq_ignore_ascii_case(b"heuristic") => {
                    creation_tokens = value == b"creationToken";
                }
                None => {}
                Some((id, name)) => set(&mut bundles, id, name, value),
            }
        }
        match version {
            Some(b"1") => {}
            Some(other) => return Err(bad("unknown version", other)),
            None => return Err(BundleError::Malformed("a list without a version".to_owned())),
        }
        let mode = mode.ok_or_else(|| BundleError::Malformed("a list without a mode".to_owned()))?;
        bundles.retain(|bundle| !bundle.uri.is_empty());
        Ok(Self { mode, creation_tokens, bundles })
    }

    /// A list from a file in the format of configuration.
    ///
    /// # Errors
    /// As [`from_variables`](Self::from_variables), and for what is no configuration.
    pub fn parse(text: &[u8]) -> Result<Self, BundleError> {
        let config = Config::parse(text).map_err(|error| BundleError::Malformed(error.to_string()))?;
        let keys: Vec<(Vec<u8>, &[u8])> = config
            .entries()
            .iter()
            .map(|entry| {
                let (section, name) = (entry.section.as_bytes(), entry.name.as_bytes());
                let key = match &entry.subsection {
                    Some(id) => [section, b".", id, b".", name].concat(),
                    None => [section, b".", name].concat(),
                };
                (key, entry.value.as_deref().unwrap_or_default())
            })
            .collect();
        Self::from_variables(keys.iter().map(|(key, value)| (&key[..], *value)))
    }
}

fn set(bundles: &mut Vec<Bundle>, id: &[u8], name: &[u8], value: &[u8]) {
    let value = Bytes::copy_from_slice(value);
    let at = bundles.iter().position(|bundle| bundle.id == id);
    let bundle = match at.and_then(|at| bundles.get_mut(at)) {
        Some(bundle) => bundle,
        None => {
            let id = Bytes::copy_from_slice(id);
            bundles.push(Bundle { id, uri: Bytes::new(), filter: None, creation_token: None });
            let Some(bundle) = bundles.last_mut() else { return };
            bundle
        }
    };
    if name.eq_ignore_ascii_case(b"uri") {
        bundle.uri = value;
    } else if name.eq_ignore_ascii_case(b"filter") {
        bundle.filter = Some(value);
    } else if name.eq_ignore_ascii_case(b"creationToken") {
        bundle.creation_token = std::str::from_utf8(&value).ok().and_then(|digits| digits.parse().ok());
    }
}

fn strip_word<'a>(key: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (front, rest) = key.split_at_checked(word.len())?;
    front.eq_ignore_ascii_case(word).then_some(rest)
}

/// What stands before the last dot, and behind it.
fn split_last(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = key.iter().rposition(|byte| *byte == b'.')?;
    let (id, name) = key.split_at_checked(at)?;
    Some((id, name.get(1..)?))
}
