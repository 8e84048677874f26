//! The program under test.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program under test, in `folder`.
pub fn gitwire<const N: usize>(folder: &Path, arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwire"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command.env_remove("GIT_DIR").env_remove("GIT_PROTOCOL");
    command
}

/// Runs it, and panics with what it says if it fails.
#[track_caller]
pub fn ok<const N: usize>(folder: &Path, arguments: [&str; N]) -> Output {
    let output = gitwire(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs it, and checks how it fails.
#[track_caller]
pub fn fails<const N: usize>(folder: &Path, arguments: [&str; N], code: i32, says: &str) {
    let output = gitwire(folder, arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert!(text.contains(says), "{arguments:?}: {text}");
}
