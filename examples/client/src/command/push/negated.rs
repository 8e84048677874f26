//! The options of `gitwire push` that take back what stands before them.

use clap::Args;

/// Options that nobody reads: each overrides the one that it is named after.
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
