//! `gitwire ls-remote`.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use gitwire_gitdir::Config;

use crate::failure::Failure;
use crate::local;

#[derive(Debug, Args)]
pub(crate) struct LsRemote {
    /// Only branches.
    #[arg(short = 'b', long, visible_alias = "branches")]
    heads: bool,
    /// Only tags.
    #[arg(short, long)]
    tags: bool,
    /// No peeled tags and no HEAD.
    #[arg(long)]
    refs: bool,
    /// Show what symbolic refs point at.
    #[arg(long)]
    symref: bool,
    /// The program that serves a local path.
    #[arg(long, value_name = "PROGRAM")]
    upload_pack: Option<OsString>,
    /// The repository.
    url: OsString,
    /// Only refs whose last parts are these.
    patterns: Vec<String>,
}

impl LsRemote {
    pub(crate) fn run(&self, config: &Config) -> Result<ExitCode, Failure> {
        let remote = local::remote(&local::bytes(&self.url), self.upload_pack.as_ref(), config)?;
        let refs = gitwire_client::ls_remote(&remote, &[])?;
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for shown in refs.iter().filter(|shown| self.shows(shown.name)) {
            let Some(id) = shown.id else { continue };
            if let Some(target) = shown.symref_target.filter(|_| self.symref) {
                out.write_all(&[b"ref: ", target, b"\t", shown.name, b"\n"].concat())?;
            }
            out.write_all(&[id.to_hex().as_bytes(), b"\t", shown.name, b"\n"].concat())?;
            if let Some(peeled) = shown.peeled.filter(|_| !self.refs) {
                out.write_all(&[peeled.to_hex().as_bytes(), b"\t", shown.name, b"^{}\n"].concat())?;
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    fn shows(&self, name: &[u8]) -> bool {
        let (is_head, is_tag) = (name.starts_with(b"refs/heads/"), name.starts_with(b"refs/tags/"));
        let kind = !(self.heads || self.tags) || self.heads && is_head || self.tags && is_tag;
        let full = !self.refs || name.starts_with(b"refs/");
        let ends = |pattern: &String| {
            name.strip_suffix(pattern.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.ends_with(b"/"))
        };
        kind && full && (self.patterns.is_empty() || self.patterns.iter().any(ends))
    }
}
