//! Configuration files.

use gitwire_gitdir::{Config, ConfigSection};

/// Every variable can be asked for, and reads the same once it is written again.
pub(super) fn git_config(data: &[u8]) {
    let Ok(config) = Config::parse(data) else { return };
    for entry in config.entries() {
        let subsection = entry.subsection.as_deref();
        let value = config.string(&entry.section, subsection, &entry.name).unwrap();
        config.boolean(&entry.section, subsection, &entry.name).ok();
        config.integer(&entry.section, subsection, &entry.name).ok();
        // A subsection of the old form, or of bytes that cannot be quoted, is read but never written.
        if entry.section.is_empty()
            || subsection.is_some_and(|name| name.contains(&b'\n') || name.contains(&0))
        {
            continue;
        }
        let mut text = Vec::new();
        ConfigSection::new(&entry.section, subsection).with(&entry.name, value).write(&mut text);
        let again = Config::parse(&text).unwrap();
        assert_eq!(again.string(&entry.section, subsection, &entry.name), Some(value));
    }
}
