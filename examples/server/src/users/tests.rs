use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use gitwire_server::access::{Credentials, Principal, SignInError};
use gitwire_testkit::git::Folder;

use super::*;

const FAST: Pace = Pace { at_once: 4, waiting: 64, delay: Duration::ZERO, held: 64 };

fn write(path: &Path, users: &[(&str, &str, &str)]) {
    let lines = users.iter().map(|(name, password, rights)| {
        let password = Password::hash(password.as_bytes()).unwrap();
        format!("{name} {} {rights}\n", password.as_str())
    });
    // Another inode each time, as an editor of the file makes it.
    fs::write(path.with_extension("new"), lines.collect::<String>()).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

fn credentials(user: &str, password: &str) -> Credentials {
    Credentials { user: user.to_owned(), password: password.as_bytes().to_vec() }
}

fn user(name: &str) -> Principal {
    Principal::User(name.into())
}

#[test]
fn who_knows_the_password_is_known() {
    let folder = Folder::new("users");
    let path = folder.path().join("users");
    write(&path, &[("ann", "one", "admin"), ("ben", "two", "read=a")]);
    let users = Users::with_pace(&path, FAST).unwrap();
    assert_eq!(users.authenticate(&credentials("ann", "one")).unwrap(), user("ann"));
    for (name, password) in [("ann", "two"), ("ann", ""), ("nobody", ""), ("nobody", "one"), ("", "")] {
        let refused = users.authenticate(&credentials(name, password));
        assert!(matches!(refused, Err(SignInError::Wrong)), "{name} {password}");
    }
    assert!(matches!(users.authenticate(&credentials("anonymous", "")), Err(SignInError::Wrong)));
    assert!(users.rights(&user("ann")).unwrap().may_create(b"x"));
    assert!(users.rights(&user("nobody")).is_none());
    assert!(users.rights(&Principal::Anonymous).is_none());
}

#[test]
fn a_name_that_nobody_has_takes_as_long() {
    let folder = Folder::new("users-time");
    let path = folder.path().join("users");
    write(&path, &[("ann", "one", "")]);
    let users = Users::with_pace(&path, FAST).unwrap();
    let cost = |name: &str| {
        password::COSTS.take();
        assert!(users.authenticate(&credentials(name, "wrong")).is_err());
        password::COSTS.take()
    };
    assert_eq!(cost("ann"), ["$argon2id$v=19$m=19456,t=2,p=1"]);
    assert_eq!(cost("bob"), cost("ann"));
    // What is verified in the place of a user is nobody's password.
    assert!(users.authenticate(&credentials("bob", "")).is_err());
}

#[test]
fn failures_are_slow_and_successes_are_not() {
    let folder = Folder::new("users-slow");
    let path = folder.path().join("users");
    write(&path, &[("ann", "one", "")]);
    let pace = Pace { delay: Duration::from_millis(300), ..FAST };
    let users = Users::with_pace(&path, pace).unwrap();
    let start = Instant::now();
    assert!(users.authenticate(&credentials("ann", "two")).is_err());
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(Pace::default().delay, Duration::from_millis(500));
}

#[test]
fn changes_count_at_once_and_a_broken_file_changes_nothing() {
    let folder = Folder::new("users-change");
    let path = folder.path().join("users");
    write(&path, &[("ann", "one", "read=a"), ("ben", "two", "")]);
    let users = Users::with_pace(&path, FAST).unwrap();
    let (ann, ben) = (users.mark("ann").unwrap(), users.mark("ben"));
    assert!(ben.is_some() && users.mark("nobody").is_none() && users.mark("anonymous").is_none());
    UserFile::edit(&path, |file| file.remove("ben")).unwrap();
    assert_eq!(users.mark("ben"), None);
    assert_eq!(users.mark("ann"), Some(ann));
    assert!(users.authenticate(&credentials("ben", "two")).is_err());
    UserFile::edit(&path, |file| {
        file.user_mut("ann")?.password = Some(Password::hash(b"new")?);
        Ok(())
    })
    .unwrap();
    assert_ne!(users.mark("ann").unwrap(), ann);
    assert!(users.authenticate(&credentials("ann", "one")).is_err());
    assert!(users.authenticate(&credentials("ann", "new")).is_ok());
    fs::write(&path, "ann what is this").unwrap();
    assert!(users.authenticate(&credentials("ann", "new")).is_ok());
    fs::remove_file(&path).unwrap();
    assert!(users.authenticate(&credentials("ann", "new")).is_ok());
    write(&path, &[("zoe", "z", "admin")]);
    assert!(users.authenticate(&credentials("ann", "new")).is_err());
    assert!(users.rights(&user("zoe")).unwrap().may_write(b"x"));
}

#[test]
fn the_file_is_for_its_owner_and_is_written_whole() {
    let folder = Folder::new("users-file");
    let path = folder.path().join("users");
    let add = |name: &str| {
        let password = Some(Password::hash(b"x").unwrap());
        let user = User { name: name.to_owned(), password, rights: Rights::default() };
        UserFile::edit(&path, |file| file.add(user))
    };
    add("ann").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(add("ann"), Err(UserError::Known(_))));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    add("ben").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    fs::write(folder.path().join("users.lock"), "").unwrap();
    assert!(matches!(add("zoe"), Err(UserError::Locked(_))));
    fs::remove_file(folder.path().join("users.lock")).unwrap();
    assert!(matches!(UserFile::edit(&path, |file| file.remove("zoe")), Err(UserError::Unknown(_))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(UserFile::read(&path).unwrap().users().count(), 2);
}
