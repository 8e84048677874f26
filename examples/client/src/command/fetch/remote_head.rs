//! `refs/remotes/NAME/HEAD`, which names the remote's own branch (`git-config`, `remote.<name>.followRemoteHEAD`).

use gitwire_client::RemoteRefs;
use gitwire_gitdir::{Config, GitDir};
use gitwire_storage::{Expected, RefEdit, Repository as _, Transaction};
use gitwire_types::{RefName, RefTarget};

use super::source::Source;
use crate::failure::Failure;

/// Lets it follow the remote's `HEAD`, as far as the configuration wants it.
pub(super) fn follow(
    repository: &GitDir,
    config: &Config,
    source: &Source,
    shown: &RemoteRefs,
) -> Result<(), Failure> {
    let wish = config.string("remote", Some(&source.name), "followRemoteHEAD").unwrap_or(b"create");
    if wish.eq_ignore_ascii_case(b"never") || repository.is_bare() {
        return Ok(());
    }
    let Some(branch) = shown.head_branch().and_then(|branch| branch.strip_prefix(b"refs/heads/")) else {
        return Ok(());
    };
    let below = |rest: &[u8]| RefName::new([b"refs/remotes/", &source.name[..], b"/", rest].concat());
    let (Ok(head), Ok(target)) = (below(b"HEAD"), below(branch)) else { return Ok(()) };
    let refs = repository.refs()?;
    if refs.get(&target)?.is_none() {
        return Ok(());
    }
    let held = refs.get(&head)?;
    let wanted = RefTarget::Symbolic(target);
    if held.as_ref() == Some(&wanted) {
        return Ok(());
    }
    if held.is_some() && !wish.eq_ignore_ascii_case(b"always") {
        let quiet = wish.strip_prefix(b"warn-if-not-").is_some_and(|known| known == branch);
        if wish.starts_with(b"warn") && !quiet {
            warn(source, branch, held.as_ref());
        }
        return Ok(());
    }
    let edit = RefEdit { name: head, expected: Expected::Any, new: Some(wanted) };
    repository.commit(None, Transaction { edits: vec![edit], ..Transaction::default() }, &mut |_| Ok(()))?;
    Ok(())
}

fn warn(source: &Source, branch: &[u8], held: Option<&RefTarget>) {
    let (name, branch) = (source.name.escape_ascii(), branch.escape_ascii());
    let prefix = format!("refs/remotes/{name}/");
    match held {
        Some(RefTarget::Symbolic(held)) => {
            let held = held.to_string();
            let held = held.strip_prefix(&prefix).unwrap_or(&held);
            println!("'HEAD' at '{name}' is '{branch}', but we have '{held}' locally.");
        }
        Some(RefTarget::Direct(id)) => {
            println!(
                "'HEAD' at '{name}' is '{branch}', but we have a detached HEAD pointing to '{id}' locally."
            );
        }
        None => {}
    }
}
