//! Who may sign in: the users of a file, as it stands now.

mod command;
mod file;
mod gate;
mod password;
mod pattern;

use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gitwire_server::access::{Credentials, Principal, SignInError};

pub(crate) use self::command::UserCommand;
pub(crate) use self::file::{ANONYMOUS, Rights, UserError};
use self::file::{User, UserFile};
use self::gate::{Gate, Pace};
use self::password::Password;

/// The users of a file. It is read again when it changes; a file that is no longer good leaves the last good one in force.
pub(crate) struct Users {
    path: PathBuf,
    state: Mutex<State>,
    gate: Gate,
    /// What is verified for a name that nobody has, so that it takes as long.
    nobody: Password,
    /// Makes marks that mean nothing outside of this process.
    marks: RandomState,
}

struct State {
    stamp: Stamp,
    users: Arc<HashMap<String, User>>,
}

impl Users {
    /// Reads the file.
    pub(crate) fn open(path: &Path) -> Result<Self, UserError> {
        Self::with_pace(path, Pace::default())
    }

    fn with_pace(path: &Path, pace: Pace) -> Result<Self, UserError> {
        // First, so that a change in between is seen later.
        let stamp = Stamp::of(path);
        let users = Arc::new(table(UserFile::read(path)?));
        if fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
            tracing::warn!(path = %path.display(), "the users' file can be read by others");
        }
        let nobody = Password::hash(b"")?;
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(State { stamp, users }),
            gate: Gate::new(pace),
            nobody,
            marks: RandomState::new(),
        })
    }

    /// Who the credentials belong to. Blocks: a hash is made, and a failure is slow.
    pub(crate) fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
        let users = self.now();
        let user = users.get(credentials.user.as_str());
        let password = user.and_then(|user| user.password.as_ref());
        let known = password.is_some();
        let verify = || password.unwrap_or(&self.nobody).is(&credentials.password) && known;
        if self.gate.attempt(verify)? {
            Ok(Principal::User(credentials.user.as_str().into()))
        } else {
            tracing::warn!(user = %credentials.user.escape_debug(), "wrong name or password");
            Err(SignInError::Wrong)
        }
    }

    /// What a user may do; of nobody, what those may do who have not signed in. `None`: there is no such user now.
    pub(crate) fn rights(&self, who: &Principal) -> Option<Rights> {
        let name = who.name().unwrap_or(ANONYMOUS);
        self.now().get(name).map(|user| user.rights.clone())
    }

    /// A mark of a user that changes with the password and when the user goes: a session that has kept another one has ended.
    pub(crate) fn mark(&self, name: &str) -> Option<u64> {
        let users = self.now();
        let password = users.get(name)?.password.as_ref()?;
        Some(self.marks.hash_one((name, password.as_str())))
    }

    fn now(&self) -> Arc<HashMap<String, User>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of(&self.path);
        if stamp != state.stamp {
            match UserFile::read(&self.path) {
                Ok(file) => {
                    tracing::info!(path = %self.path.display(), "users were read again");
                    state.users = Arc::new(table(file));
                }
                Err(error) => {
                    tracing::error!(path = %self.path.display(), %error, "users stay as they were");
                }
            }
            state.stamp = stamp;
        }
        Arc::clone(&state.users)
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users").field("path", &self.path).finish_non_exhaustive()
    }
}

fn table(file: UserFile) -> HashMap<String, User> {
    file.into_users().map(|user| (user.name.clone(), user)).collect()
}

/// By what a file is known to be the same; nothing for one that cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(Option<[i128; 5]>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self(fs::metadata(path).ok().map(|file| {
            let changed = time(file.ctime(), file.ctime_nsec());
            let written = time(file.mtime(), file.mtime_nsec());
            [file.dev().into(), file.ino().into(), file.size().into(), changed, written]
        }))
    }
}

#[cfg(test)]
mod tests;
