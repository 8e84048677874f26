//! What the signature of a push certificate is worth, as the programs say that check signatures (`gpg.program`, `gpg.ssh.program`).

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gitwire_protocol::message::PushCertificate;
use gitwire_storage::Repository as _;

use super::process::{Heard, Next, Process};
use super::{ProgramHooks, new_command};
use crate::receive::{Proposal, SignatureCheck, SignatureStatus};

impl ProgramHooks {
    /// Asks the program for signatures of this kind.
    pub(super) fn verify(&self, proposal: &Proposal<'_>, text: &[u8]) -> std::io::Result<SignatureCheck> {
        let parsed = PushCertificate::parse(self.repository.format(), text);
        let signature = parsed.map(|certificate| certificate.signature).unwrap_or_default();
        if signature.is_empty() {
            return Ok(SignatureCheck::default());
        }
        let payload = text.get(..text.len().saturating_sub(signature.len())).unwrap_or_default();
        let file = Signature::write(signature)?;
        if signature.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
            return self.verify_ssh(proposal, payload, &file);
        }
        let x509 = signature.starts_with(b"-----BEGIN SIGNED MESSAGE-----");
        let program = match x509 {
            true => self.configured_program(&[(Some(b"x509"), "program")], "gpgsm"),
            false => self.configured_program(&[(Some(b"openpgp"), "program"), (None, "program")], "gpg"),
        };
        let mut command = new_command(&program);
        command.arg("--status-fd=1");
        if !x509 {
            command.arg("--keyid-format=long");
        }
        command.arg("--verify").arg(&file.path).arg("-");
        Ok(of_status(&self.ask(command, proposal, payload)?.1))
    }

    /// Whose key signed, by the list of those who may, and whether it did.
    fn verify_ssh(
        &self,
        proposal: &Proposal<'_>,
        payload: &[u8],
        file: &Signature,
    ) -> std::io::Result<SignatureCheck> {
        let mut check = SignatureCheck { status: SignatureStatus::Unchecked, ..SignatureCheck::default() };
        let Some(allowed) = self.config.string("gpg", Some(b"ssh"), "allowedSignersFile") else {
            return Ok(check);
        };
        let program = self.configured_program(&[(Some(b"ssh"), "program")], "ssh-keygen");
        let keygen = |words: &[&str]| {
            let mut command = new_command(&program);
            command.args(words).arg("-f").arg(OsStr::from_bytes(allowed)).arg("-s").arg(&file.path);
            command
        };
        let found = self.ask(keygen(&["-Y", "find-principals"]), proposal, b"")?.1;
        let found = String::from_utf8_lossy(&found).into_owned();
        for signer in found.lines().filter(|line| !line.is_empty()) {
            let mut command = keygen(&["-Y", "verify", "-n", "git"]);
            command.arg("-I").arg(signer);
            let (good, said) = self.ask(command, proposal, payload)?;
            let said = String::from_utf8_lossy(&said).into_owned();
            // Good "git" signature for SIGNER with KIND key FINGERPRINT
            let key = said.lines().find_map(|line| line.rsplit_once(" key ")).map(|(_, key)| key);
            if let Some(key) = key.filter(|_| good && said.contains("Good \"git\" signature")) {
                check.status = SignatureStatus::Good;
                check.signer = signer.to_owned();
                check.key = key.trim().to_owned();
                return Ok(check);
            }
            check.status = SignatureStatus::Bad;
        }
        Ok(check)
    }

    fn configured_program(&self, names: &[(Option<&[u8]>, &str)], default: &str) -> OsString {
        let mut found = names.iter().filter_map(|(section, name)| self.config.string("gpg", *section, name));
        found.next().map_or_else(|| OsString::from(default), |name| OsStr::from_bytes(name).to_owned())
    }

    /// Whether the program succeeded, and what it answered.
    fn ask(
        &self,
        mut command: Command,
        proposal: &Proposal<'_>,
        input: &[u8],
    ) -> std::io::Result<(bool, Vec<u8>)> {
        command.current_dir(&self.git_dir);
        let mut process = Process::converse(command, false)?;
        process.send(input.to_vec());
        process.end_of_input();
        let mut answer = Vec::new();
        loop {
            match process.next(proposal.stop) {
                Next::Heard(Heard::Answer(data)) if answer.len() < ANSWER_MAX => answer.extend(data),
                Next::Heard(Heard::AnswerEnd) | Next::Over => break,
                Next::Heard(_) => {}
                Next::Late => return Ok((false, Vec::new())),
            }
        }
        let good = process.finish(proposal.stop, &mut |_| {})?;
        Ok((good == Some(true), answer))
    }
}

/// What the status lines of GnuPG say (its file `doc/DETAILS`).
fn of_status(lines: &[u8]) -> SignatureCheck {
    let mut check = SignatureCheck::default();
    for line in String::from_utf8_lossy(lines).lines() {
        let Some(line) = line.strip_prefix("[GNUPG:] ") else { continue };
        let mut words = line.splitn(3, ' ');
        let (word, key, rest) = (words.next(), words.next(), words.next());
        let status = match word {
            Some("GOODSIG") => SignatureStatus::Good,
            Some("BADSIG") => SignatureStatus::Bad,
            Some("ERRSIG") => {
                check.status = SignatureStatus::Unchecked;
                continue;
            }
            Some("EXPSIG") => SignatureStatus::Expired,
            Some("EXPKEYSIG") => SignatureStatus::ExpiredKey,
            Some("REVKEYSIG") => SignatureStatus::RevokedKey,
            Some("TRUST_NEVER" | "TRUST_UNDEFINED") if check.status == SignatureStatus::Good => {
                check.status = SignatureStatus::UnknownValidity;
                continue;
            }
            _ => continue,
        };
        check.status = status;
        check.key = key.unwrap_or_default().to_owned();
        check.signer = rest.unwrap_or_default().to_owned();
    }
    check
}

/// A signature in a file of its own, as the programs want it. Dropped: it goes.
struct Signature {
    path: PathBuf,
}

impl Signature {
    #[allow(
        clippy::disallowed_methods,
        reason = "a file for another program, which is no part of a repository"
    )]
    fn write(signature: &[u8]) -> std::io::Result<Self> {
        use std::hash::{BuildHasher as _, RandomState};
        let number = RandomState::new().hash_one(std::process::id());
        let path = std::env::temp_dir().join(format!("gitwire-signature-{number:016x}"));
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        let made = Self { path };
        file.write_all(signature)?;
        Ok(made)
    }
}

impl Drop for Signature {
    #[allow(
        clippy::disallowed_methods,
        reason = "a file for another program, which is no part of a repository"
    )]
    fn drop(&mut self) {
        let path: &Path = &self.path;
        // What stays is a signature, which is no secret.
        let _ = std::fs::remove_file(path);
    }
}

/// Status lines are some hundred bytes.
const ANSWER_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &str, letter: char, key: &str, signer: &str) {
        let found = of_status(lines.as_bytes());
        assert_eq!(
            (found.status.letter(), found.key.as_str(), found.signer.as_str()),
            (letter, key, signer),
            "{lines}"
        );
    }

    #[test]
    fn status_lines_are_gits_letters() {
        let name = "A U Thor <a@example.com>";
        check("", 'N', "", "");
        check("[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 12 1 8 00 0 9\n", 'E', "", "");
        check(&format!("[GNUPG:] GOODSIG 12AB {name}\n[GNUPG:] TRUST_FULLY 0 pgp\n"), 'G', "12AB", name);
        check(&format!("[GNUPG:] GOODSIG 12AB {name}\n[GNUPG:] TRUST_UNDEFINED\n"), 'U', "12AB", name);
        check(&format!("[GNUPG:] BADSIG 12AB {name}\n"), 'B', "12AB", name);
        check(&format!("[GNUPG:] EXPSIG 12AB {name}\n"), 'X', "12AB", name);
        check(&format!("[GNUPG:] EXPKEYSIG 12AB {name}\n"), 'Y', "12AB", name);
        check(&format!("[GNUPG:] REVKEYSIG 12AB {name}\n"), 'R', "12AB", name);
    }
}
