//! The laws of repositories, held by a directory on a disk and on a simulated one.

use std::sync::Arc;

use gitwire_gitdir::{GitDir, InitOptions, RefFormat};
use gitwire_testkit::repository_laws::check;
use gitwire_testkit::sim_fs::SimFs;

use crate::git::Scratch;

#[test]
fn a_git_directory_keeps_the_laws() {
    let scratch = Scratch::new();
    let mut count = 0;
    check(&mut |format| {
        count += 1;
        let mut options = InitOptions::default();
        options.format = format;
        Box::new(GitDir::init_bare(scratch.join(&format!("{count}.git")), &options).unwrap())
    });
    check(&mut |format| {
        let mut options = InitOptions::default();
        options.open.file_system = Arc::new(SimFs::new());
        options.format = format;
        Box::new(GitDir::init_bare("/x.git", &options).unwrap())
    });
}

#[test]
fn tables_keep_the_laws() {
    let scratch = Scratch::new();
    let mut count = 0;
    check(&mut |format| {
        count += 1;
        let mut options = InitOptions::default();
        options.format = format;
        options.ref_format = RefFormat::Reftable;
        Box::new(GitDir::init_bare(scratch.join(&format!("{count}.git")), &options).unwrap())
    });
    check(&mut |format| {
        let mut options = InitOptions::default();
        options.open.file_system = Arc::new(SimFs::new());
        options.format = format;
        options.ref_format = RefFormat::Reftable;
        Box::new(GitDir::init_bare("/x.git", &options).unwrap())
    });
}
