//! `gitwired user …`.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::file::{ANONYMOUS, Rights, User, UserError, UserFile, check_name};
use super::password::{PASSWORD_BYTES_MAX, Password};

/// Who may sign in. A running server reads the file again when it has changed.
#[derive(Debug, Args)]
pub(crate) struct UserCommand {
    /// The file; by default `users` in the data folder, which the sample server uses.
    #[arg(long, global = true, value_name = "FILE")]
    users: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a user. The password is asked for on the terminal, or is the first line of standard input.
    Add {
        name: String,
        /// admin, read=PATTERN, write=PATTERN, create=PATTERN; by default read=**. In a pattern, * stands for any characters of one
        /// part of a path, and a last part ** for all below. The user `anonymous` is everybody, without a password.
        #[arg(value_name = "RIGHT")]
        rights: Vec<String>,
    },
    /// Remove a user.
    Remove { name: String },
    /// List the users and their rights.
    List,
    /// Change a password; it comes as for `add`.
    Passwd { name: String },
    /// Give rights to a user.
    Grant {
        name: String,
        #[arg(required = true, value_name = "RIGHT")]
        rights: Vec<String>,
    },
    /// Take rights from a user.
    Revoke {
        name: String,
        #[arg(required = true, value_name = "RIGHT")]
        rights: Vec<String>,
    },
}

impl UserCommand {
    /// `default` is the file where none is named.
    pub(crate) fn run(&self, default: impl FnOnce() -> Result<PathBuf, Failure>) -> Result<(), Failure> {
        let path = match &self.users {
            Some(path) => path.clone(),
            None => {
                let path = default()?;
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                path
            }
        };
        match &self.action {
            Action::Add { name, rights } => add(&path, name, rights)?,
            Action::Remove { name } => UserFile::edit(&path, |file| file.remove(name))?,
            Action::List => {
                for user in UserFile::read(&path)?.users() {
                    println!("{}", format!("{} {}", user.name, user.rights).trim_end());
                }
            }
            Action::Passwd { name } => {
                if name == ANONYMOUS {
                    return Err(wrong(format!("'{ANONYMOUS}' has no password")).into());
                }
                // Before anybody types two passwords for nothing.
                UserFile::read(&path)?.user_mut(name)?;
                let password = Some(Password::hash(&ask(name)?)?);
                UserFile::edit(&path, |file| file.user_mut(name).map(|user| user.password = password))?;
            }
            Action::Grant { name, rights } => change(&path, name, rights, |all, right| all.add(right))?,
            Action::Revoke { name, rights } => change(&path, name, rights, |all, right| {
                if all.take(right)? { Ok(()) } else { Err(format!("'{name}' does not have '{right}'")) }
            })?,
        }
        Ok(())
    }
}

fn add(path: &Path, name: &str, words: &[String]) -> Result<(), Failure> {
    check_name(name).map_err(wrong)?;
    let mut rights = Rights::default();
    if words.is_empty() {
        rights.add("read=**").map_err(wrong)?;
    }
    words.iter().try_for_each(|right| rights.add(right)).map_err(wrong)?;
    if path.exists() && UserFile::read(path)?.users().any(|user| user.name == name) {
        return Err(UserError::Known(name.to_owned()).into());
    }
    let password = match name {
        ANONYMOUS => None,
        name => Some(Password::hash(&ask(name)?)?),
    };
    let user = User { name: name.to_owned(), password, rights };
    Ok(UserFile::edit(path, |file| file.add(user))?)
}

fn change(
    path: &Path,
    name: &str,
    rights: &[String],
    change: impl Fn(&mut Rights, &str) -> Result<(), String>,
) -> Result<(), Failure> {
    Ok(UserFile::edit(path, |file| {
        let user = file.user_mut(name)?;
        rights.iter().try_for_each(|right| change(&mut user.rights, right)).map_err(wrong)
    })?)
}

/// A new password: twice from the terminal, without showing it, or the first line of standard input.
fn ask(name: &str) -> Result<Vec<u8>, Failure> {
    let password = if io::stdin().is_terminal() {
        let first = rpassword::prompt_password(format!("Password for {name}: "))?;
        if rpassword::prompt_password("The same again: ")? != first {
            return Err(wrong("the passwords differ".to_owned()).into());
        }
        first.into_bytes()
    } else {
        let mut line = Vec::new();
        let most = PASSWORD_BYTES_MAX as u64 + 3;
        io::stdin().lock().take(most).read_until(b'\n', &mut line)?;
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        line.strip_suffix(b"\r").unwrap_or(line).to_vec()
    };
    match password.len() {
        0 => Err(wrong("the password is empty".to_owned()).into()),
        1..=PASSWORD_BYTES_MAX => Ok(password),
        _ => Err(wrong(format!("the password has more than {PASSWORD_BYTES_MAX} bytes")).into()),
    }
}

fn wrong(text: String) -> UserError {
    UserError::Wrong(text)
}

type Failure = Box<dyn std::error::Error>;
