//! What a page may cost.

use std::time::Duration;

/// How much a visitor may send, and how much a page may read and show. `0` means 0.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Bytes of a form. 16 KiB: a name, a description and a password of a thousand characters.
    pub(crate) form_bytes_max: usize,
    /// How long a form may take to arrive. 10 s: as the head of a request.
    pub(crate) form_time: Duration,
    /// Sessions at once; beyond it the oldest ends. 10,000, at some hundred bytes each.
    pub(crate) sessions_max: usize,
    /// Sessions of one user; beyond it that user's oldest ends, so that nobody can end those of others. 32: a few machines and browsers.
    pub(crate) sessions_per_user_max: usize,
    /// How long a session lasts that nobody uses. 12 hours: a working day.
    pub(crate) session_idle: Duration,
    /// How long a session lasts at most. A week.
    pub(crate) session_age: Duration,
    /// Sign-ins that are looked at together; more wait. 4: each takes a core and tens of megabytes for a while, on purpose.
    pub(crate) sign_ins_max: usize,
    /// How long a sign-in waits for its turn. 5 s: then there are too many.
    pub(crate) sign_in_wait: Duration,
    /// Sign-ins from one address that may fail within [`failures_time`](Self::failures_time). 20: a person tries three times, and many
    /// people may come from one address.
    pub(crate) failures_max: u32,
    /// How long a failure counts. 10 minutes: 20 tries in each is 3,000 a day, too few to guess a password.
    pub(crate) failures_time: Duration,
    /// Addresses whose failures are counted; beyond it the oldest is forgotten. 4,096, at some fifty bytes each.
    pub(crate) failures_addresses_max: usize,
    /// Repositories that the dashboard knows. 10,000: each was looked at once, and costs a few hundred bytes.
    pub(crate) repositories_max: usize,
    /// How deep repositories lie below the root. 4: `group/subgroup/team/name`.
    pub(crate) repositories_depth_max: usize,
    /// Directory entries read on the way to the repositories. 100,000: ten for each repository.
    pub(crate) repositories_entries_max: usize,
    /// Files of one repository whose sizes are added up. 10,000: past it "at least" is said.
    pub(crate) size_files_max: usize,
    /// Rows of a list on one page: repositories, commits, branches, tags. 40: two screens.
    pub(crate) rows_max: usize,
    /// Branches or tags of one repository that are read. 10,000: a repository with more has a client that lists them better.
    pub(crate) refs_max: usize,
    /// Commits of a history that can be paged through. 10,000, about a third of a second of work.
    pub(crate) log_max: usize,
    /// Commits that are gone through to learn whether a commit is part of what is shown. 2,000,000: the largest public histories.
    pub(crate) reach_max: u32,
    /// Commits that are gone through to learn when the entries of a directory changed last. 300, some ten milliseconds.
    pub(crate) last_changes_max: usize,
    /// The largest commit, tag or tree that is read, in bytes. 8 MiB: a directory of 200,000 entries.
    pub(crate) object_bytes_max: u64,
    /// Entries of a directory that are shown. 1,000: more is not read by people.
    pub(crate) entries_max: usize,
    /// How deep a path goes. 128: file systems end at some 2,000 characters.
    pub(crate) path_depth_max: usize,
    /// Bytes of a file that is shown in a page. 512 KiB: 10,000 lines of code.
    pub(crate) shown_bytes_max: u64,
    /// Lines of a file that is shown in a page. 10,000: what a browser lays out without a pause.
    pub(crate) shown_lines_max: usize,
    /// Bytes of a README that is laid out. 256 KiB: past it the text is shown as it stands.
    pub(crate) markdown_bytes_max: usize,
    /// How deep what is laid out nests. 32: lists in quotes in lists are done by four.
    pub(crate) markdown_depth_max: usize,
    /// Branches or tags that are listed by their dates. 1,000, some ten milliseconds; more are listed by name.
    pub(crate) dated_refs_max: usize,
    /// Changed files that a commit's page names. 300: a screen and a half of names in a grid; an import is not read file by file.
    pub(crate) changes_max: usize,
    /// Trees that are read to find them. 5,000, a tenth of a second.
    pub(crate) change_trees_max: usize,
    /// How long a page looks for what changed, in a directory or by a commit. 1 s; then what was found is shown.
    pub(crate) changes_time: Duration,
    /// Parents of a commit that are shown. 32: merges have two, the largest known has 66.
    pub(crate) parents_max: usize,
    /// Letters of a message that are shown, and of each name in it. 64 KiB: longer ones are no messages.
    pub(crate) message_max: usize,
    /// Bytes of a file's or directory's name that a link leads to. 1,024: file systems end at 255, and each byte takes up to six on a page.
    pub(crate) name_bytes_max: usize,
    /// Changed files whose lines are shown. 40.
    pub(crate) diff_files_max: usize,
    /// Bytes of a file on either side of what is compared. 256 KiB.
    pub(crate) diff_bytes_max: u64,
    /// Lines of differences on one page. 3,000: fifty screens.
    pub(crate) diff_lines_max: usize,
    /// How long all comparisons of one page may take; then coarser ones are shown. 500 ms.
    pub(crate) diff_time: Duration,
    /// Pages that are made at once; more wait. 16, a quarter of the work that all doors share: whoever goes through all pages does not keep
    /// Git's clients waiting.
    pub(crate) pages_max: usize,
    /// How long a page may wait for its turn, and again work. 10 s: then whoever waits has gone.
    pub(crate) page_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            form_bytes_max: 16 << 10,
            form_time: Duration::from_secs(10),
            sessions_max: 10_000,
            sessions_per_user_max: 32,
            session_idle: Duration::from_secs(12 * 3600),
            session_age: Duration::from_secs(7 * 24 * 3600),
            sign_ins_max: 4,
            sign_in_wait: Duration::from_secs(5),
            failures_max: 20,
            failures_time: Duration::from_secs(600),
            failures_addresses_max: 4096,
            repositories_max: 10_000,
            repositories_depth_max: 4,
            repositories_entries_max: 100_000,
            size_files_max: 10_000,
            rows_max: 40,
            refs_max: 10_000,
            log_max: 10_000,
            reach_max: 2_000_000,
            last_changes_max: 300,
            object_bytes_max: 8 << 20,
            entries_max: 1000,
            path_depth_max: 128,
            shown_bytes_max: 512 << 10,
            shown_lines_max: 10_000,
            markdown_bytes_max: 256 << 10,
            markdown_depth_max: 32,
            dated_refs_max: 1000,
            changes_max: 300,
            change_trees_max: 5000,
            changes_time: Duration::from_secs(1),
            parents_max: 32,
            message_max: 64 << 10,
            name_bytes_max: 1024,
            diff_files_max: 40,
            diff_bytes_max: 256 << 10,
            diff_lines_max: 3000,
            diff_time: Duration::from_millis(500),
            pages_max: 16,
            page_time: Duration::from_secs(10),
        }
    }
}
