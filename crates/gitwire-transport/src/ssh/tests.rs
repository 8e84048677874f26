use proptest::prelude::*;

use super::*;

#[track_caller]
fn check_first(line: &str, expected: Option<&str>) {
    assert_eq!(first_word(line.as_bytes()).as_deref(), expected.map(str::as_bytes), "{line}");
}

#[test]
fn first_words() {
    check_first("ssh", Some("ssh"));
    check_first("ssh -v", Some("ssh"));
    check_first("'/a b/plink' -v", Some("/a b/plink"));
    check_first("\"a\\\"b\"c d", Some("a\"bc"));
    check_first("a\\ b c", Some("a b"));
    check_first("'a\\b'", Some("a\\b"));
    check_first(" ssh", Some(""));
    check_first("'ssh", None);
    check_first("ssh 'x", None);
    check_first("ssh \\", None);
}

#[track_caller]
fn refused(url: &[u8], parameters: Option<&str>, expected: &str) {
    let mut url = Url::parse(url).unwrap();
    if url.path == b"forged" {
        (url.user, url.host) = (None, Some("-oProxyCommand=x".into()));
    }
    let ssh = SshOptions { variant: Some(SshVariant::Simple), ..SshOptions::default() };
    let error = ssh.serving(&Program::new("git-upload-pack"), &url, parameters).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_looks_like_an_option_or_cannot_be_said_is_refused() {
    refused(b"h:-p", None, "strange pathname '-p' blocked");
    refused(b"h:forged", None, "strange hostname '-oProxyCommand=x' blocked");
    refused(b"ssh://h:22/p", None, "ssh variant 'simple' does not support setting port");
    refused(b"h:p", Some("version=2\n"), "control byte 0x0a in parameters at byte 9");
}

#[test]
fn addresses_of_one_kind() {
    for (variant, family, expected) in [
        (SshVariant::Ssh, AddressFamily::V4, Ok(vec!["-4", "-p", "22", "h"])),
        (SshVariant::TortoisePlink, AddressFamily::V6, Ok(vec!["-6", "-batch", "-P", "22", "h"])),
        (SshVariant::Simple, AddressFamily::V6, Err("ssh variant 'simple' does not support -6")),
    ] {
        let call = Call { host: "h", port: Some(22), family: Some(family), parameters: None };
        let mut command = Command::new("ssh");
        let said = call.arguments(variant, &mut command).map_err(|error| error.to_string());
        let words: Vec<&str> = command.get_args().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(said.as_ref().map(|()| words).map_err(String::as_str), expected, "{variant} {family:?}");
    }
}

proptest! {
    #[test]
    fn a_shell_gives_back_what_was_quoted(word in "[^\0]{0,40}") {
        let mut line = b"printf %s ".to_vec();
        SshRequest::quote(word.as_bytes(), &mut line);
        let output = new_command(OsStr::new("sh")).arg("-c").arg(OsStr::from_bytes(&line)).output().unwrap();
        prop_assert_eq!(output.stdout, word.into_bytes());
    }
}
