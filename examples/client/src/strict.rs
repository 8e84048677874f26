//! What `--strict` and `--fsck-objects` may say of single findings: `ID=SEVERITY,...`, and files that list objects to pass over.

use gitwire_object::fsck::RulesError;
use gitwire_storage::FsckRules;
use gitwire_types::{ObjectFormat, ObjectId};

use crate::failure::Failure;

/// The rules for what arrives, changed by a list as git's programs hand it on.
pub(crate) fn rules(list: &str, format: ObjectFormat) -> Result<FsckRules, Failure> {
    let mut rules = FsckRules::incoming();
    for word in list.split([',', ' ', '|']).filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once(['=', ':']).unwrap_or((word, ""));
        if name.eq_ignore_ascii_case("skiplist") {
            skip(&mut rules, value, format)?;
            continue;
        }
        rules.configure(name.as_bytes(), value.as_bytes()).map_err(|error| match error {
            RulesError::CannotDemote { .. } => Failure::fatal(format!("Cannot demote {name} to {value}")),
            RulesError::UnknownId { .. } => Failure::fatal(format!("Unhandled message id: {name}")),
            error => error.into(),
        })?;
    }
    Ok(rules)
}

/// An id a line; `#` begins a comment.
fn skip(rules: &mut FsckRules, path: &str, format: ObjectFormat) -> Result<(), Failure> {
    let text = std::fs::read(path)
        .map_err(|_| Failure::fatal(format!("could not open object name list: {path}")))?;
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii());
    for line in lines.filter(|line| !line.is_empty()) {
        let id = ObjectId::from_hex(format, line)
            .map_err(|_| Failure::fatal(format!("invalid object name: {}", line.escape_ascii())))?;
        rules.skip(id);
    }
    Ok(())
}
