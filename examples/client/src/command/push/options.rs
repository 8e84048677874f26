//! The command line of `gitwire push`.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use crate::show::Style;
use crate::signing::Signed;

#[derive(Debug, Args)]
#[command(infer_long_args = true, args_override_self = true)]
pub(crate) struct PushCommand {
    /// Let refs lose history.
    #[arg(short, long, overrides_with = "no_force")]
    pub(super) force: bool,
    /// Let refs lose history if the remote still holds what was last seen there, or EXPECT; nothing for EXPECT: no such ref.
    #[arg(long, value_name = "REF[:EXPECT]", num_args = 0..=1, require_equals = true, default_missing_value = "",
        overrides_with = "no_force_with_lease")]
    pub(super) force_with_lease: Vec<OsString>,
    /// With --force-with-lease and without EXPECT: only if what was last seen there has become part of the branch here.
    #[arg(long, overrides_with = "no_force_if_includes")]
    pub(super) force_if_includes: bool,
    /// Whatever push.useForceIfIncludes says, it need not be part of it.
    #[arg(long)]
    pub(super) no_force_if_includes: bool,
    /// Push all branches.
    #[arg(long, visible_alias = "branches", overrides_with = "no_all")]
    pub(super) all: bool,
    /// Push all refs, and delete those that are not here.
    #[arg(long, overrides_with = "no_mirror")]
    pub(super) mirror: bool,
    /// Push all tags too.
    #[arg(long, overrides_with = "no_tags")]
    pub(super) tags: bool,
    /// Push annotated tags that lead to what is pushed.
    #[arg(long, overrides_with = "no_follow_tags")]
    pub(super) follow_tags: bool,
    /// Leave tags alone, whatever push.followTags says.
    #[arg(long)]
    pub(super) no_follow_tags: bool,
    /// Delete the refs that are named.
    #[arg(short, long, overrides_with = "no_delete")]
    pub(super) delete: bool,
    /// Delete refs there that are here no more.
    #[arg(long, overrides_with = "no_prune")]
    pub(super) prune: bool,
    /// All refs or none.
    #[arg(long, overrides_with = "no_atomic")]
    pub(super) atomic: bool,
    /// Each ref on its own.
    #[arg(long)]
    pub(super) no_atomic: bool,
    /// Say what would be done, and do nothing.
    #[arg(short = 'n', long, overrides_with = "no_dry_run")]
    pub(super) dry_run: bool,
    /// Lines for programs, on standard output.
    #[arg(long, overrides_with = "no_porcelain")]
    pub(super) porcelain: bool,
    /// What the server's hooks are told.
    #[arg(short = 'o', long, value_name = "OPTION", overrides_with = "no_push_option")]
    pub(super) push_option: Vec<OsString>,
    /// Let the branches that are pushed follow those that they are pushed to.
    #[arg(short = 'u', long, overrides_with = "no_set_upstream")]
    pub(super) set_upstream: bool,
    /// Sign the push, always or where the server takes signed pushes.
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        overrides_with = "no_signed")]
    pub(super) signed: Option<Signed>,
    /// Do not sign, whatever push.gpgSign says.
    #[arg(long)]
    pub(super) no_signed: bool,
    /// Leave out the hook pre-push.
    #[arg(long, overrides_with = "verify")]
    pub(super) no_verify: bool,
    /// Ask the hook pre-push, which is the default.
    #[arg(long)]
    pub(super) verify: bool,
    /// Deltas against what the server has.
    #[arg(long, overrides_with = "no_thin")]
    pub(super) thin: bool,
    /// A pack that is whole in itself.
    #[arg(long)]
    pub(super) no_thin: bool,
    /// The program that receives on a local path, or at the other end of ssh.
    #[arg(long, visible_alias = "exec", value_name = "PROGRAM", overrides_with_all = ["no_receive_pack", "receive_pack"])]
    pub(super) receive_pack: Option<OsString>,
    /// Connect to IPv4 addresses only.
    #[arg(short = '4', long, overrides_with = "ipv6")]
    pub(super) ipv4: bool,
    /// Connect to IPv6 addresses only.
    #[arg(short = '6', long)]
    pub(super) ipv6: bool,
    /// What becomes of submodules. They are not pushed: in a repository that has some, only `no` is taken.
    #[arg(long, value_enum, value_name = "WHEN", overrides_with_all = ["no_recurse_submodules", "recurse_submodules"])]
    pub(super) recurse_submodules: Option<Submodules>,
    /// Leave submodules alone, whatever push.recurseSubmodules says.
    #[arg(long)]
    pub(super) no_recurse_submodules: bool,
    /// Where to, if REPOSITORY does not say it.
    #[arg(long, value_name = "REPOSITORY", overrides_with_all = ["no_repo", "repo"])]
    pub(super) repo: Option<OsString>,
    /// How progress is shown.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text",
        overrides_with_all = ["no_progress", "progress"])]
    pub(super) progress: Option<Style>,
    /// Say nothing but errors.
    #[arg(short, long, overrides_with_all = ["no_quiet", "verbose"])]
    pub(super) quiet: bool,
    /// Show refs too that did not change.
    #[arg(short, long, action = clap::ArgAction::Count, overrides_with_all = ["no_verbose", "quiet"])]
    pub(super) verbose: u8,
    #[command(flatten)]
    pub(super) negated: Negated,
    /// A remote of the configuration, a group of them, or a URL.
    pub(super) repository: Option<OsString>,
    /// What to push, and where to.
    pub(super) refspecs: Vec<OsString>,
}

/// `--recurse-submodules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Submodules {
    Check,
    OnDemand,
    Only,
    No,
}

/// Options that take back what stands before them. Nobody reads them: each overrides the one that it is named after.
#[derive(Debug, Args)]
pub(super) struct Negated {
    #[arg(long, hide = true)]
    no_force: bool,
    #[arg(long, hide = true)]
    no_force_with_lease: bool,
    #[arg(long, hide = true, visible_alias = "no-branches")]
    no_all: bool,
    #[arg(long, hide = true)]
    no_mirror: bool,
    #[arg(long, hide = true)]
    no_tags: bool,
    #[arg(long, hide = true)]
    no_delete: bool,
    #[arg(long, hide = true)]
    no_prune: bool,
    #[arg(long, hide = true)]
    no_dry_run: bool,
    #[arg(long, hide = true)]
    no_porcelain: bool,
    #[arg(long, hide = true)]
    no_push_option: bool,
    #[arg(long, hide = true)]
    no_set_upstream: bool,
    #[arg(long, hide = true)]
    no_receive_pack: bool,
    #[arg(long, hide = true)]
    no_repo: bool,
    #[arg(long, hide = true)]
    no_progress: bool,
    #[arg(long, hide = true)]
    no_quiet: bool,
    #[arg(long, hide = true)]
    no_verbose: bool,
}
