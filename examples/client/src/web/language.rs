//! The languages in which a server is asked to speak, as the environment has them.

/// The value of `Accept-Language`: the languages that `LANGUAGE` names, or the one of the locale, best first; `None` for a program that
/// speaks as it is written.
pub(super) fn accepted(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let locale = || ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    let named = set("LANGUAGE").or_else(locale)?;
    let mut languages: Vec<String> = Vec::new();
    for name in named.split(':').take(LANGUAGES_MAX) {
        // What follows is an encoding, a variant, or nonsense.
        let is_part = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        let name = name.chars().take_while(is_part).collect::<String>().replace('_', "-");
        if !name.is_empty() && name != "C" && name != "POSIX" {
            languages.push(name);
        }
    }
    if languages.is_empty() {
        return None;
    }
    languages.push("*".to_owned());
    // As many digits as tell them all apart.
    let (mut digits, mut most) = (1_usize, 10_usize);
    while most < languages.len() {
        (digits, most) = (digits + 1, most * 10);
    }
    let mut text = String::new();
    for (at, name) in languages.iter().enumerate() {
        let part = match at {
            0 => name.clone(),
            _ => format!(", {name};q=0.{:0digits$}", most - at),
        };
        if text.len() + part.len() > BYTES_MAX {
            break;
        }
        text.push_str(&part);
    }
    Some(text)
}

/// So many languages nobody speaks; three digits tell them apart.
const LANGUAGES_MAX: usize = 998;

/// The longest header that git sends.
const BYTES_MAX: usize = 4000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let find = |name: &str| {
                variables.iter().find(|(there, _)| *there == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(accepted(&find).as_deref(), expected, "{variables:?}");
        };
        check(&[], None);
        check(&[("LANG", "C.UTF-8")], None);
        check(&[("LC_ALL", "POSIX"), ("LANG", "de_DE")], None);
        check(&[("LANG", "de_DE.UTF-8@euro")], Some("de-DE, *;q=0.9"));
        check(&[("LANGUAGE", "ko_KR:en_US.UTF-8:"), ("LANG", "de")], Some("ko-KR, en-US;q=0.9, *;q=0.8"));
        check(
            &[("LANGUAGE", "a:b:c:d:e:f:g:h:i:j")],
            Some(
                "a, b;q=0.99, c;q=0.98, d;q=0.97, e;q=0.96, f;q=0.95, g;q=0.94, h;q=0.93, i;q=0.92, j;q=0.91, *;q=0.90",
            ),
        );
        check(&[("LANGUAGE", "de\r\nX: y:::en_US!!")], Some("de, en-US;q=0.9, *;q=0.8"));
        let many = vec!["xx"; 5000].join(":");
        let find = |name: &str| (name == "LANGUAGE").then(|| many.clone());
        assert!(accepted(&find).is_some_and(|text| text.len() <= BYTES_MAX));
    }
}
