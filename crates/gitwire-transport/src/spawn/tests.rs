use super::*;

/// The argument vector that serves `directory`.
fn arguments(program: &str, directory: &str) -> Vec<String> {
    let command =
        Program::new(program).serving(directory.as_bytes(), Some("version=2")).unwrap().into_command();
    let text = |text: &OsStr| text.to_string_lossy().into_owned();
    std::iter::once(text(command.get_program())).chain(command.get_args().map(text)).collect()
}

#[test]
fn a_name_is_run_as_it_is() {
    assert_eq!(arguments("git-upload-pack", "/a b; touch x"), ["git-upload-pack", "/a b; touch x"]);
}

#[test]
fn a_command_is_run_by_the_shell_and_the_directory_is_never_its_text() {
    let command = "gitwire upload-pack";
    assert_eq!(arguments(command, "/a'$(x)"), ["sh", "-c", "gitwire upload-pack \"$@\"", command, "/a'$(x)"]);
}

#[test]
fn the_shell_hands_the_directory_over_unchanged() {
    for directory in ["/a'b", "/a!b", "/a\\b", "/$(touch x)", "/`id`", "/a b", "/a;b", "/\u{e9}*"] {
        let process = Program::new("printf %s").serving(directory.as_bytes(), None).unwrap();
        let output = process.into_command().output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), directory);
    }
}

#[track_caller]
fn refused(directory: &[u8], parameters: Option<&str>, expected: &str) {
    let error = Program::new("git-upload-pack").serving(directory, parameters).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn options_and_control_bytes_are_refused() {
    refused(b"--upload-pack=touch x", None, "strange pathname '--upload-pack=touch x' blocked");
    refused(b"/a\nb", None, "control byte 0x0a in pathname at byte 2");
    refused(b"/a\0b", None, "control byte 0x00 in pathname at byte 2");
    refused(b"/a", Some("version=2\n"), "control byte 0x0a in parameters at byte 9");
}

#[test]
fn the_repository_of_the_caller_is_not_the_one_served() {
    let command = Program::new("git-upload-pack").serving(b"/a", None).unwrap().into_command();
    let removed = |name: &str| command.get_envs().any(|(key, value)| key == name && value.is_none());
    assert!(removed("GIT_DIR") && removed("GIT_CONFIG_PARAMETERS") && removed("GIT_PROTOCOL"));
}
