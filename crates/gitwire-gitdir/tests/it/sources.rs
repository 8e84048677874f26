//! Configuration from many places, with `git config --list` as witness.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use gitwire_gitdir::fs::Disk;
use gitwire_gitdir::{Config, ConfigSources, GitDir, OpenOptions};

use crate::git::{Scratch, available, command, git};

/// Every variable as `git config --list -z` writes it, includes and their paths as well.
fn listed(config: &Config) -> Vec<u8> {
    let mut text = Vec::new();
    for entry in config.entries() {
        text.extend_from_slice(entry.section.as_bytes());
        if let Some(subsection) = &entry.subsection {
            text.push(b'.');
            text.extend_from_slice(subsection);
        }
        text.push(b'.');
        text.extend_from_slice(entry.name.as_bytes());
        if let Some(value) = &entry.value {
            text.push(b'\n');
            text.extend_from_slice(value);
        }
        text.push(0);
    }
    text
}

#[test]
fn sources_are_put_together_as_git_does() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    git(scratch.path(), "init -q -b main repo");
    let repo = scratch.join("repo");
    let home = scratch.join("home");
    std::fs::create_dir_all(home.join(".config/git")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(scratch.join(name), text).unwrap();
    let place = scratch.path().display().to_string();
    write("system", "[a]\n\tfrom = system\n\talone\n");
    write("home/.config/git/config", "[a]\n\tfrom = xdg\n");
    write(
        "home/.gitconfig",
        &format!(
            "[a]\n\tfrom = home\n[include]\n\tpath = first\n\tpath = missing\n\
             [includeIf \"gitdir:repo/\"]\n\tpath = ~/second\n\
             [includeIf \"gitdir:{place}/*/.git\"]\n\tpath = third\n\
             [includeIf \"gitdir/i:{place}/REPO/**\"]\n\tpath = fourth\n\
             [includeIf \"gitdir:other/\"]\n\tpath = never\n\
             [includeIf \"gitdir:{place}/r[a-f]p?/\"]\n\tpath = fifth\n[a]\n\tfrom = home-end\n"
        ),
    );
    for name in ["first", "second", "third", "fourth", "fifth", "never"] {
        write(&format!("home/{name}"), &format!("[b]\n\tfrom = {name}\n"));
    }
    write("home/second", "[b]\n\tfrom = second\n[include]\n\tpath = first\n");
    write("repo/.git/local", "[c]\n\tfrom = local\n");
    git(&repo, "config include.path local");
    let environment: BTreeMap<&str, OsString> = [
        ("GIT_CONFIG_SYSTEM", scratch.join("system").into_os_string()),
        ("HOME", home.clone().into_os_string()),
        ("GIT_CONFIG_COUNT", "2".into()),
        ("GIT_CONFIG_KEY_0", "D.One".into()),
        ("GIT_CONFIG_VALUE_0", "first".into()),
        ("GIT_CONFIG_KEY_1", "d.Sub.Sub.Two".into()),
        ("GIT_CONFIG_VALUE_1", "".into()),
        (
            "GIT_CONFIG_PARAMETERS",
            "'e.one=x=y' 'e.it'\\''s.two'='a'\\!'b' 'e.three'= 'e.four'='' 'e.five'".into(),
        ),
    ]
    .into();
    let sources = ConfigSources::from_variables(&|name| environment.get(name).cloned()).unwrap();
    let mut options = OpenOptions::default();
    options.sources = Some(Arc::new(sources.clone()));
    let config = GitDir::open(&repo, &options).unwrap().config();
    let output = command(&repo)
        .args(["config", "--list", "-z"])
        .env_remove("GIT_CONFIG_NOSYSTEM")
        .env_remove("GIT_CONFIG_GLOBAL")
        .env_remove("XDG_CONFIG_HOME")
        .envs(&environment)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&listed(&config)), String::from_utf8_lossy(&output.stdout));
    // Without sources nothing but the repository's own file is read, and nothing that it includes.
    let own = GitDir::open(&repo, &OpenOptions::default()).unwrap().config();
    assert_eq!(own.string("a", None, "from"), None);
    assert_eq!(own.string("c", None, "from"), None);
}

#[test]
fn files_that_include_each_other_end() {
    let scratch = Scratch::new();
    let path = scratch.join("config");
    std::fs::write(&path, "[include]\n\tpath = config\n").unwrap();
    let mut sources = ConfigSources::default();
    sources.global = vec![path];
    let error = sources.read(&Disk, None).unwrap_err();
    assert!(error.to_string().starts_with("exceeded maximum include depth"), "{error}");
}

#[test]
fn variables_that_git_refuses() {
    #[track_caller]
    fn check(name: &str, value: &str, expected: &str) {
        let find = |asked: &str| (asked == name).then(|| value.into());
        assert_eq!(ConfigSources::from_variables(&find).unwrap_err().to_string(), expected);
    }
    let count = |value| {
        check(
            "GIT_CONFIG_COUNT",
            value,
            &format!("bad value '{value}' of 'GIT_CONFIG_COUNT': a number up to 65535 is needed"),
        );
    };
    count("x");
    count("65536");
    check(
        "GIT_CONFIG_COUNT",
        "1",
        "bad value '' of 'GIT_CONFIG_KEY_0': a variable of the environment is needed",
    );
    for text in ["x", "'a.b=c", "'a.b=c'x", "'a.b'='c"] {
        let shown = text.replace('\'', "\\'");
        let expected = "a list of quoted variables is needed";
        check(
            "GIT_CONFIG_PARAMETERS",
            text,
            &format!("bad value '{shown}' of 'GIT_CONFIG_PARAMETERS': {expected}"),
        );
    }
    for key in ["a", "a.", ".b", "a.1b", "a_b.c"] {
        let expected = "SECTION.NAME or SECTION.SUBSECTION.NAME is needed";
        check(
            "GIT_CONFIG_PARAMETERS",
            &format!("'{key}=1'"),
            &format!("bad value '{key}' of 'key': {expected}"),
        );
    }
}

#[test]
fn a_repository_of_another_user_must_be_named() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    git(scratch.path(), "init -q --bare r.git");
    let repository = GitDir::open(scratch.join("r.git"), &OpenOptions::default()).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(scratch.join("r.git")).unwrap());
    let place = scratch.join("r.git").display().to_string();
    let above = format!("{}/*", scratch.path().display());
    let cases: [(&[&str], bool); 7] = [
        (&[], false),
        (&["*"], true),
        (&[&place], true),
        (&[&above], true),
        (&["/elsewhere"], false),
        (&[&place, ""], false),
        (&["", "*"], true),
    ];
    for (values, safe) in cases {
        let mut sources = ConfigSources::default();
        for value in values {
            sources.command.set("safe", None, "directory", Some(value.as_bytes()));
        }
        assert!(sources.check_owner(&repository, &Disk, owner).is_ok());
        let found = sources.check_owner(&repository, &Disk, owner + 1);
        assert_eq!(found.is_ok(), safe, "{values:?}: {found:?}");
        if let Err(error) = found {
            assert_eq!(error.to_string(), format!("detected dubious ownership in repository at '{place}'"));
        }
    }
}
