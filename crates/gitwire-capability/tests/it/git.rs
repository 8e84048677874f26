//! git as the second opinion: its own offers, read and written again, must come out byte for byte.

use std::path::Path;
use std::process::{Command, Output};

use gitwire_capability::{
    Budget, FetchFeature, FetchOffer, FetchWish, Limits, PushFeature, PushOffer, V2Command, V2Offer,
    split_line,
};
use gitwire_types::ObjectFormat;

/// A repository with one branch, with all that a server may offer switched on.
struct Repository(std::path::PathBuf);

impl Repository {
    /// `None`, said aloud, where there is no git; under `CI` that is a failure.
    fn new(name: &str, format: &str) -> Option<Self> {
        if Command::new("git").arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "git is missing");
            eprintln!("skipped: git is missing");
            return None;
        }
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("capability-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let repository = Self(path);
        std::fs::create_dir_all(&repository.0).expect("a folder for the test");
        repository.git(&["init", "-q", "--object-format", format, "-b", "main", "."], &[]);
        repository.git(&["commit", "-q", "--allow-empty", "-m", "one"], &[]);
        for key in [
            "uploadpack.allowFilter",
            "uploadpack.allowAnySHA1InWant",
            "uploadpack.allowRefInWant",
            "uploadpack.allowSidebandAll",
            "uploadpack.advertiseBundleURIs",
            "transfer.advertiseSID",
            "transfer.advertiseObjectInfo",
            "receive.advertisePushOptions",
        ] {
            repository.git(&["config", key, "true"], &[]);
        }
        repository.git(&["config", "receive.certNonceSeed", "seed"], &[]);
        repository.git(&["config", "uploadpack.blobPackfileUri", "x y z"], &[]);
        Some(repository)
    }

    fn git(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(&self.0)
            .env_remove("GIT_DIR")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|key| (key, "A U Thor")))
            .envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|key| (key, "author@example.com")))
            .envs(["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|key| (key, "1700000000 +0000")))
            .envs(environment.iter().copied())
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// The lines of what a service says first, without their lengths and LFs.
    fn advertisement(&self, service: &[&str], version: &str) -> Vec<Vec<u8>> {
        let output =
            self.git(&[service, &["--http-backend-info-refs", "."]].concat(), &[("GIT_PROTOCOL", version)]);
        let (mut rest, mut lines) = (&output.stdout[..], Vec::new());
        while let Some((digits, after)) = rest.split_at_checked(4) {
            let len: usize = std::str::from_utf8(digits)
                .map(|digits| usize::from_str_radix(digits, 16))
                .expect("ASCII")
                .expect("a length");
            let (line, after) = after.split_at(len.saturating_sub(4));
            if len > 0 {
                lines.push(line.strip_suffix(b"\n").unwrap_or(line).to_vec());
            }
            rest = after;
        }
        lines
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const FORMATS: [(&str, ObjectFormat); 2] = [("sha1", ObjectFormat::Sha1), ("sha256", ObjectFormat::Sha256)];

#[test]
fn upload_pack_of_version_0() {
    for (name, format) in FORMATS {
        let Some(repository) = Repository::new(&format!("v0-{name}"), name) else { return };
        let lines = repository.advertisement(&["upload-pack"], "version=0");
        let list = split_line(&lines[0]).capabilities.expect("capabilities on the first line");
        let offer = FetchOffer::parse(list, Limits::default()).expect("git's own words");
        let mut written = Vec::new();
        offer.write(&mut written);
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(list));
        assert!(offer.unknown.is_empty(), "{:?}", offer.unknown);
        assert_eq!(offer.features.iter().count(), 16, "every feature is on: {:?}", offer.features);
        assert_eq!(offer.symrefs[0].target.as_bytes(), b"refs/heads/main");
        assert!(offer.features.contains(FetchFeature::NoDone) && offer.session_id.is_some());
        assert!(offer.agree(&FetchWish::new(format)).is_ok());
    }
}

#[test]
fn receive_pack() {
    for (name, format) in FORMATS {
        let Some(repository) = Repository::new(&format!("push-{name}"), name) else { return };
        let lines = repository.advertisement(&["receive-pack"], "version=2");
        let list = split_line(&lines[0]).capabilities.expect("capabilities on the first line");
        let offer = PushOffer::parse(list, Limits::default()).expect("git's own words");
        let mut written = Vec::new();
        offer.write(&mut written);
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(list));
        assert!(offer.unknown.is_empty(), "{:?}", offer.unknown);
        assert!(offer.nonce.is_some() && offer.features.contains(PushFeature::PushOptions));
        assert_eq!(offer.formats.known, [format]);
    }
}

#[test]
fn upload_pack_of_version_2() {
    for (name, format) in FORMATS {
        let Some(repository) = Repository::new(&format!("v2-{name}"), name) else { return };
        let lines = repository.advertisement(&["upload-pack"], "version=2");
        assert_eq!(lines[0], b"version 2");
        let (mut offer, mut budget) = (V2Offer::default(), Budget::default());
        for line in &lines[1..] {
            offer.add(line, &mut budget).expect("git's own words");
        }
        let mut written = Vec::new();
        offer.each_line(|line| written.push(line.to_vec()));
        assert_eq!(written, lines[1..]);
        assert!(
            offer.unknown.is_empty() && offer.fetch_unknown.is_empty() && offer.ls_refs_unknown.is_empty()
        );
        assert!(offer.unborn && offer.commands.contains(V2Command::ObjectInfo));
        assert_eq!(offer.fetch.iter().count(), 6);
        assert_eq!(offer.formats.known, [format]);
    }
}
