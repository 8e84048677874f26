//! Vectors of `git-config`'s grammar.

use super::{Config, ConfigError};

#[track_caller]
fn check(text: &str, expected: &[(&str, Option<&str>)]) {
    let config = Config::parse(text.as_bytes()).unwrap();
    let got: Vec<_> = config
        .entries()
        .iter()
        .map(|entry| {
            let subsection = entry.subsection.as_ref().map(|name| String::from_utf8_lossy(name).into_owned());
            let name = match subsection {
                Some(subsection) => format!("{}.{subsection}.{}", entry.section, entry.name),
                None => format!("{}.{}", entry.section, entry.name),
            };
            (name, entry.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned()))
        })
        .collect();
    let got: Vec<_> = got.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    assert_eq!(got, expected);
}

#[track_caller]
fn check_error(text: &str, line: u32) {
    assert_eq!(Config::parse(text.as_bytes()), Err(ConfigError::Line { line }));
}

#[test]
fn reads_what_git_reads() {
    check("", &[]);
    check("\u{feff}[a]b=c", &[("a.b", Some("c"))]);
    check("[Core]\n\tBare = true\n", &[("core.bare", Some("true"))]);
    check("[core] bare\n", &[("core.bare", None)]);
    check("[core]\nbare =\n", &[("core.bare", Some(""))]);
    check("[remote \"Or\\\"ig\\\\in\"]\r\nurl = x\r\n", &[("remote.Or\"ig\\in.url", Some("x"))]);
    check("[branch.MAIN]\nx=1", &[("branch.main.x", Some("1"))]);
    check("[a]\nb = one two  \t ; comment\n", &[("a.b", Some("one two"))]);
    check("[a]\nb = \" one ; two \" # c\n", &[("a.b", Some(" one ; two "))]);
    check("[a]\nb = x\\\n  y\n", &[("a.b", Some("x  y"))]);
    check("[a]\nb = \\t\\n\\\"\\\\\n", &[("a.b", Some("\t\n\"\\"))]);
    check("# c\n; c\n[a]\n\n\tb = 1\n\tb = 2", &[("a.b", Some("1")), ("a.b", Some("2"))]);
}

#[test]
fn refuses_what_git_refuses() {
    check_error("b = 1\n", 1);
    check_error("[a]\n= 1\n", 2);
    check_error("[a", 1);
    check_error("[a\n]", 1);
    check_error("[a \"b]\n", 1);
    check_error("[a b]\n", 1);
    check_error("[a \"b\" ]\n", 1);
    check_error("[a]\nb = \"x\n\"", 2);
    check_error("[a]\nb = \\q\n", 2);
    check_error("[a]\nb c\n", 2);
    check_error("[a]\nb = \"x", 2);
}

#[test]
fn values_mean_what_git_says() {
    let config = Config::parse(
        b"[a]\nt=YES\nf=oFF\ne=\nn\none=1\nz=0\nk=3k\nm=-2M\ng=1g\nbad=1x\nhuge=9223372036854775807g\n",
    )
    .unwrap();
    let boolean = |name| config.boolean("a", None, name).unwrap();
    assert_eq!(boolean("t"), Some(true));
    assert_eq!(boolean("f"), Some(false));
    assert_eq!(boolean("e"), Some(false));
    assert_eq!(boolean("n"), Some(true));
    assert_eq!(boolean("one"), Some(true));
    assert_eq!(boolean("z"), Some(false));
    assert_eq!(boolean("none"), None);
    assert_eq!(config.integer("a", None, "k"), Ok(Some(3072)));
    assert_eq!(config.integer("a", None, "m"), Ok(Some(-2 << 20)));
    assert_eq!(config.integer("a", None, "g"), Ok(Some(1 << 30)));
    assert!(config.boolean("a", None, "bad").is_err());
    let error = config.integer("a", None, "huge").unwrap_err();
    assert_eq!(error.to_string(), "bad value '9223372036854775807g' of 'a.huge': a number is needed");
}

#[test]
fn what_is_written_is_read_again() {
    for value in ["", "plain", " lead", "trail ", "a;b", "a#b", "q\"q\\", "n\nl\tt", "cr\r"] {
        let mut text = Vec::new();
        super::ConfigSection::new("s", Some(b"x \"y\" \\ z")).with("v", value.as_bytes()).write(&mut text);
        let config = Config::parse(&text).unwrap();
        assert_eq!(config.string("s", Some(b"x \"y\" \\ z"), "v"), Some(value.as_bytes()), "{text:?}");
    }
}

#[test]
fn variables_take_the_place_of_their_old_values() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let section =
            super::ConfigSection::new("branch", Some(b"a.b")).with("remote", b"o").with("merge", b"m");
        let mut text = text.as_bytes().to_vec();
        section.replace(&mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
    check("", "[branch \"a.b\"]\n\tremote = o\n\tmerge = m\n");
    check("[core]\n\tx", "[core]\n\tx\n[branch \"a.b\"]\n\tremote = o\n\tmerge = m\n");
    check(
        "[branch \"a.b\"]\n\tmerge = 1 \\\n 2 ; no\n\tREMOTE = x\n# end\n[branch \"A.b\"]\n\tmerge = 2\n",
        "[branch \"a.b\"]\n\tmerge = m\n\tremote = o\n# end\n[branch \"A.b\"]\n\tmerge = 2\n",
    );
    check(
        "[branch \"a.b\"] remote = 1\n[x]\n\ty\n[Branch \"a.b\"]\nremote\nother = 3",
        "[branch \"a.b\"] remote = o\n[x]\n\ty\n[Branch \"a.b\"]\nother = 3\n\tmerge = m\n",
    );
}
