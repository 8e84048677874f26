//! `gitwire init`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use gitwire_gitdir::{Config, ConfigSection, GitDir, InitOptions, InitialHead, OpenOptions, Sharing};
use gitwire_types::{ObjectFormat, RefName};

use crate::failure::Failure;
use crate::local;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A repository without a work tree.
    #[arg(long)]
    bare: bool,
    /// The hash function of its objects: sha1 or sha256.
    #[arg(long, value_name = "FORMAT", default_value = "sha1")]
    object_format: String,
    /// How references are kept: files or reftable.
    #[arg(long, value_name = "FORMAT")]
    ref_format: Option<OsString>,
    /// The name of the first branch.
    #[arg(short = 'b', long, value_name = "NAME", default_value = "master")]
    initial_branch: String,
    /// For whom it is beside its owner: umask, group, all, or permissions such as 0640.
    #[arg(long, value_name = "WHO", num_args = 0..=1, require_equals = true, default_missing_value = "group")]
    shared: Option<String>,
    /// Say nothing but errors.
    #[arg(short, long)]
    quiet: bool,
    /// Where.
    #[arg(default_value = ".")]
    directory: PathBuf,
}

impl Init {
    pub(crate) fn run(&self, config: &Config) -> Result<ExitCode, Failure> {
        let path = if self.bare { self.directory.clone() } else { self.directory.join(".git") };
        let existed = GitDir::open(&path, &OpenOptions::default()).is_ok();
        if !existed {
            let unknown = || Failure::fatal(format!("unknown hash algorithm '{}'", self.object_format));
            let invalid =
                |_| Failure::fatal(format!("invalid initial branch name: '{}'", self.initial_branch));
            let mut options = InitOptions::default();
            options.format = ObjectFormat::from_name(self.object_format.as_bytes()).ok_or_else(unknown)?;
            options.ref_format = local::ref_format(self.ref_format.as_ref(), config)?;
            options.sharing = match &self.shared {
                Some(who) => Sharing::parse(Some(who.as_bytes()))?,
                None => Sharing::of(config)?,
            };
            let head = RefName::full(format!("refs/heads/{}", self.initial_branch)).map_err(invalid)?;
            options.head = InitialHead::Unborn(head);
            if !self.bare {
                options.config.push(ConfigSection::new("core", None).with("bare", b"false"));
            }
            GitDir::init_bare(&path, &options)?;
        }
        if !self.quiet {
            let done = if existed { "Reinitialized existing" } else { "Initialized empty" };
            let path = std::fs::canonicalize(&path)?;
            println!("{done} Git repository in {}/", path.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}
