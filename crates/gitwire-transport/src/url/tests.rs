use proptest::prelude::*;

use super::*;

/// `scheme user host port path`, with `-` for what is not there.
#[track_caller]
fn check(url: &str, expected: &str) {
    let url = Url::parse(url.as_bytes()).unwrap();
    let or = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let port = or(url.port.map(|port| port.to_string()));
    let path = url.path.escape_ascii();
    let password =
        url.password.as_ref().map(|password| format!(":{}", password.expose())).unwrap_or_default();
    let user = or(url.user.clone()) + &password;
    let actual = format!("{:?} {user} {} {port} {path}", url.scheme, or(url.host.clone()));
    assert_eq!(actual, expected);
}

#[track_caller]
fn refused(url: &str, expected: &str) {
    assert_eq!(Url::parse(url.as_bytes()).unwrap_err().to_string(), format!("{expected} of the URL"));
}

#[test]
fn urls() {
    check("git://h/p", "Git - h - /p");
    check("GIT://h:1/p", "Git - h 1 /p");
    check("git://[::1]:9418/p", "Git - ::1 9418 /p");
    check("git://[::1]/p", "Git - ::1 - /p");
    check("git://h:/p", "Git - h - /p");
    check("git://h/~u/p", "Git - h - ~u/p");
    check("git://h/a%20b%2fc", "Git - h - /a b/c");
    check("ssh://u@h:22/p", "Ssh u h 22 /p");
    check("git+ssh://h/~/p", "Ssh - h - ~/p");
    check("ssh://u@::1/p", "Ssh u ::1 - /p");
    check("ssh://[u@::1]:22/p", "Ssh u ::1 22 /p");
    check("ssh://a@b@h/p", "Ssh a@b h - /p");
    check("https://u:x@h/p?q#f", "Https u:x h - /p?q#f");
    check("https://u%3a:x%40y:z@h/p", "Https u::x@y:z h - /p");
    check("http://u:@h/p", "Http u: h - /p");
    check("http://:x@h/p", "Http -:x h - /p");
    check("http://h", "Http - h - ");
    check("http://u@h/p", "Http u h - /p");
    check("http://a@b:c@h/p", "Http a@b:c h - /p");
    check("ssh://u:x@h/p", "Ssh u:x h - /p");
    check("ws://u:x@h/p", "Ws u:x h - /p");
    check("file:///a/b", "File - - - /a/b");
    check("file:///a%25b", "File - - - /a%b");
    check("file://h/b", "File - - - /b");
    check("ext::git %s ../a", "Ext - - - git %s ../a");
    check("http::https://h/a", "Https - h - /a");
}

#[test]
fn anonymized() {
    for (url, expected) in [
        ("https://u:p@h/a@b", "https://h/a@b"),
        ("https://h/a@b", "https://h/a@b"),
        ("https://u:p@q@h", "https://h"),
        ("ssh://u@h/p", "ssh://h/p"),
        ("u@h:p", "h:p"),
        ("u@h", "u@h"),
        ("./u@h:p", "./u@h:p"),
        ("foo://u:p@h/x", "foo://h/x"),
    ] {
        assert_eq!(Url::anonymized(url.as_bytes()).escape_ascii().to_string(), expected);
    }
    let shown = format!("{:?}", Url::parse(b"https://u:hunter2@h/p").unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn scp_forms_and_paths() {
    check("h:p", "Ssh - h - p");
    check("u@h:/a b/%41", "Ssh u h - /a b/%41");
    check("h:/~u/p", "Ssh - h - ~u/p");
    check("[h:22]:p", "Ssh - h 22 p");
    check("u@[::1]:p", "Ssh u ::1 - p");
    check("u@[h:22]:p", "Ssh u h 22 p");
    check("[u@h:22]:p", "Ssh u h 22 p");
    check("[u@::1]:p", "Ssh u ::1 - p");
    check("/a:b", "Local - - - /a:b");
    check("./a:b", "Local - - - ./a:b");
    check("a/b:c", "Local - - - a/b:c");
    check("a", "Local - - - a");
    check("a[b", "Local - - - a[b");
    check("../%41", "Local - - - ../%41");
}

#[test]
fn malformed() {
    refused("", "empty URL at byte 0");
    refused("http::://h/p", "url has no scheme: ://h/p at byte 6");
    refused("https::https://h:0/p", "bad port at byte 17");
    refused("git://h", "no path at byte 7");
    refused("file://h", "no path at byte 7");
    refused("git:///p", "no host at byte 6");
    refused("git://u@/p", "no host at byte 8");
    refused("git://h:0/p", "bad port at byte 8");
    refused("git://h:65536/p", "bad port at byte 8");
    refused("git://h:+1/p", "bad port at byte 8");
    refused("git://h:1x/p", "bad port at byte 8");
    refused("git://[::1/p", "unclosed bracket at byte 6");
    refused("git://[::1]1/p", "bad port at byte 11");
    refused("git://h/%", "bad percent escape at byte 8");
    refused("git://h/a%4", "bad percent escape at byte 9");
    refused("git://h/%gg", "bad percent escape at byte 8");
    refused("git://h/a\nb", "control byte 0x0a at byte 9");
    refused("git://h/a%0ab", "control byte 0x0a at byte 9");
    refused("git://h%0d/p", "control byte 0x0d at byte 7");
    refused("a\0b", "control byte 0x00 at byte 1");
    refused("u@h:a\x7f", "control byte 0x7f at byte 5");
    refused("ssh://h/%00", "control byte 0x00 at byte 8");
    refused("h:", "no path at byte 2");
    refused(":p", "no host at byte 0");
    refused("[h]x:p", "bad port at byte 3");
    refused("[h:]:p", "bad port at byte 3");
    refused("[::1:p", "unclosed bracket at byte 0");
}

#[test]
fn options_are_no_names() {
    refused("ssh://-oProxyCommand=x/p", "strange hostname '-oProxyCommand=x' blocked at byte 6");
    refused("ssh://%2doProxyCommand=x/p", "strange hostname '-oProxyCommand=x' blocked at byte 6");
    refused("ssh://-u@h/p", "strange hostname '-u@h' blocked at byte 6");
    refused("ssh://%2Du@h/p", "strange hostname '-u@h' blocked at byte 6");
    refused("ssh://u@-h:22/p", "strange hostname '-h:22' blocked at byte 8");
    refused("git://-h/p", "strange hostname '-h' blocked at byte 6");
    refused("-oProxyCommand=x:p", "strange hostname '-oProxyCommand=x' blocked at byte 0");
    refused("-u@h:p", "strange hostname '-u@h' blocked at byte 0");
    refused("[-h:22]:p", "strange hostname '-h:22]' blocked at byte 1");
    refused("[-u@h]:p", "strange hostname '-u@h]' blocked at byte 1");
}

#[test]
fn helpers_run_nothing() {
    let ext = Url::parse(b"ext::sh -c id").unwrap();
    assert!(crate::Protocols::user().check(&ext).is_err());
    refused("fd::17", "no connector for 'fd' URLs at byte 0");
    refused("file::/a", "no connector for 'file' URLs at byte 0");
    refused("foo::bar", "no connector for 'foo' URLs at byte 0");
    refused("foo://bar/x", "no connector for 'foo' URLs at byte 0");
    refused("ext+a://bar/x", "no connector for 'ext+a' URLs at byte 0");
}

#[test]
fn authorities() {
    let authority = |url: &str| Url::parse(url.as_bytes()).unwrap().authority();
    assert_eq!(authority("git://h/p").as_deref(), Some("h"));
    assert_eq!(authority("git://h:1/p").as_deref(), Some("h:1"));
    assert_eq!(authority("git://[::1]:2/p").as_deref(), Some("[::1]:2"));
    assert_eq!(authority("/p"), None);
}

proptest! {
    #[test]
    fn any_bytes_give_clean_parts_or_an_error_inside(url: Vec<u8>) {
        match Url::parse(&url) {
            Ok(url) => {
                prop_assert!(!url.path.iter().any(u8::is_ascii_control));
                prop_assert!(!url.host.is_some_and(|host| host.starts_with('-')));
            }
            Err(error) => prop_assert!(error.position <= url.len()),
        }
    }

    #[test]
    fn texts_that_look_like_urls(url in r"(git|ssh|file|https)?(://)?[\[\]a-z0-9@:%/~-]{0,24}") {
        if let Err(error) = Url::parse(url.as_bytes()) {
            prop_assert!(error.position <= url.len());
        }
    }
}
