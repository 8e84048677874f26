//! `.gitmodules`: names, URLs, paths and commands that would do harm where the repository is cloned with its submodules.

mod config;
mod url;

use self::config::{Setting, settings};
use super::MessageId as Id;
use super::finding::Report;

/// Checks what a tree calls `.gitmodules`.
pub(super) fn check(content: &[u8], report: &mut Report<'_>) {
    for setting in settings(content) {
        let Ok(setting) = setting else {
            let _ = report.say(Id::GitmodulesParse, "could not parse gitmodules blob");
            return;
        };
        if let Some(name) = setting.submodule() {
            check_setting(name, &setting, report);
        }
    }
}

fn check_setting(name: &[u8], setting: &Setting, report: &mut Report<'_>) {
    let mut say = |id, what: &str, value: &[u8]| {
        let _ = report.say(id, format!("disallowed submodule {what}: {}", String::from_utf8_lossy(value)));
    };
    if leads_out(name) {
        say(Id::GitmodulesName, "name", name);
    }
    let Some(value) = setting.value.as_deref() else { return };
    match setting.key.as_slice() {
        b"url" if !url::is_allowed(value) => say(Id::GitmodulesUrl, "url", value),
        // A value that begins with a dash would be read as an option.
        b"path" if value.starts_with(b"-") => say(Id::GitmodulesPath, "path", value),
        b"update" if value.starts_with(b"!") => say(Id::GitmodulesUpdate, "update setting", value),
        _ => {}
    }
}

/// Whether a submodule's name, which is a path below `.git/modules`, leads out of there. Backslashes separate on Windows.
fn leads_out(name: &[u8]) -> bool {
    name.is_empty() || name.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| part == b"..")
}
