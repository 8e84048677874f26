//! Hashed passwords.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

use super::UserError;

/// A password as it is kept: an argon2id hash in the PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password(String);

impl Password {
    /// Hashes a password with a salt of its own.
    pub(super) fn hash(password: &[u8]) -> Result<Self, UserError> {
        let hash = ours().hash_password(password).map_err(|error| UserError::Hash(error.to_string()))?;
        Ok(Self(hash.to_string()))
    }

    /// A hash that stands in a file.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let hash = PasswordHash::new(text).map_err(|error| format!("not a password hash: {error}"))?;
        if hash.algorithm.as_str() != "argon2id" || hash.hash.is_none() || hash.salt.is_none() {
            return Err("not an argon2id hash".to_owned());
        }
        let params = Params::try_from(&hash).map_err(|error| format!("not a password hash: {error}"))?;
        if params.m_cost() > MEMORY_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > LANES_MAX {
            return Err("a hash that costs too much".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it is this password. Takes tens of milliseconds and 19 MiB.
    pub(super) fn is(&self, password: &[u8]) -> bool {
        #[cfg(test)]
        COSTS.with_borrow_mut(|costs| costs.push(self.cost()));
        let short = &password[..password.len().min(PASSWORD_BYTES_MAX)];
        PasswordHash::new(&self.0).is_ok_and(|hash| ours().verify_password(short, &hash).is_ok())
            && password.len() <= PASSWORD_BYTES_MAX
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The function and its parameters: what decides how long [`Password::is`] takes.
    #[cfg(test)]
    fn cost(&self) -> String {
        self.0.split('$').take(4).collect::<Vec<_>>().join("$")
    }
}

#[cfg(test)]
std::thread_local! {
    /// What each question of this thread has cost.
    pub(super) static COSTS: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// 19 MiB and two passes in one lane: the first choice of OWASP's page on password storage where no more memory can be had. A
/// server has many sign-ins at once; with four of them it holds 76 MiB, and each takes some 20 ms of one core.
fn ours() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// Longer passwords are refused: nobody types them, and hashing them takes time.
pub(super) const PASSWORD_BYTES_MAX: usize = 1024;

/// In KiB, what a hash in a file may take: 256 MiB, so that four at once stay within 1 GiB.
const MEMORY_MAX: u32 = 256 << 10;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_alone() {
        let password = Password::hash(b"correct horse").unwrap();
        assert!(password.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(password.is(b"correct horse"));
        assert!(!password.is(b"correct hors"));
        assert!(!password.is(b""));
        assert_ne!(Password::hash(b"correct horse").unwrap(), password);
        let longest = vec![b'x'; PASSWORD_BYTES_MAX];
        assert!(Password::hash(&longest).unwrap().is(&longest));
        assert!(!Password::hash(&longest).unwrap().is(&[longest, b"x".to_vec()].concat()));
    }

    #[test]
    fn what_is_no_hash() {
        let salted = "$Zm9vYmFyMTI$DyHmqxFNX5Hwx0B4pVr9Y0k4cLI6ZSg5DFbcWRrIRXM";
        let bad = |text: &str| Password::parse(text).unwrap_err();
        assert!(bad("x").starts_with("not a password hash"));
        assert_eq!(bad(&format!("$argon2i$v=19$m=4096,t=3,p=1{salted}")), "not an argon2id hash");
        assert_eq!(bad("$argon2id$v=19$m=4096,t=3,p=1"), "not an argon2id hash");
        assert_eq!(bad(&format!("$argon2id$v=19$m=999999,t=3,p=1{salted}")), "a hash that costs too much");
        assert_eq!(bad(&format!("$argon2id$v=19$m=4096,t=17,p=1{salted}")), "a hash that costs too much");
        assert_eq!(bad(&format!("$argon2id$v=19$m=4096,t=3,p=17{salted}")), "a hash that costs too much");
        assert!(Password::parse(&format!("$argon2id$v=19$m=4096,t=16,p=16{salted}")).is_ok());
    }
}
