//! What refspecs come to, with git as the judge: the same words to both, and the same refs of the remote are to change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_client::{ClientError, Matching, Prune, Push, PushStatus, PushUpdate, Remote, find_revision};
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::PushRefspec;

struct Fixture {
    git: Git,
    folder: Folder,
}

impl Fixture {
    fn new() -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new("refspecs");
        let fixture = Self { git, folder };
        let run = |place: &Path, words: &str| fixture.git.ok(place, words.split(' '));
        run(fixture.folder.path(), "init -q --bare there");
        run(fixture.folder.path(), "init -q --initial-branch=main here");
        let here = fixture.here();
        for nth in 0..4 {
            run(&here, &format!("commit -q --allow-empty -m {nth}"));
        }
        for words in [
            "branch topic/one main~1",
            "branch both main~2",
            "branch only-here main~2",
            "tag both main",
            "tag light main~1",
            "tag -a -m annotated v1 main~1",
            "tag -a -m unreached v2 main",
            "tag -a -m twice v1-again v1",
            "update-ref refs/notes/n main~3",
            "update-ref refs/remotes/far/topic main~3",
            "update-ref refs/remotes/far/main main~3",
            "symbolic-ref refs/remotes/far/HEAD refs/remotes/far/main",
        ] {
            run(&here, words);
        }
        let there = fixture.there();
        let there = there.to_str().unwrap();
        for spec in [
            "main~2:refs/heads/main",
            "main~3:refs/heads/topic/one",
            "main:refs/heads/only-there",
            "main~3:refs/heads/twice",
            "main~3:refs/tags/twice",
            "main~3:refs/tags/light",
            "main~3:refs/notes/there",
            "main:refs/heads/both",
        ] {
            run(&here, &format!("push -q {there} {spec}"));
        }
        Some(fixture)
    }

    fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    fn there(&self) -> PathBuf {
        self.folder.path().join("there")
    }

    /// What git says, a line for each ref, sorted; `None` where it refuses the refspecs as such.
    fn gits(&self, options: &[&str], refspecs: &[&str]) -> Option<Vec<String>> {
        let there = self.there();
        let words = [
            &["-c", "push.default=matching", "push", "--porcelain", "--dry-run"],
            options,
            &[there.to_str().unwrap()],
            refspecs,
        ]
        .concat();
        let output = self.git.run(&self.here(), words);
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<String> = text
            .lines()
            .filter_map(|line| {
                let mut fields = line.split('\t');
                let (flag, names, summary) = (fields.next()?, fields.next()?, fields.next()?);
                let why = summary.rsplit_once(" (").map_or("", |(_, why)| why.trim_end_matches(')'));
                Some(format!("{flag} {names} {why}"))
            })
            .collect();
        lines.sort_unstable();
        (output.status.success() || !lines.is_empty()).then_some(lines)
    }

    fn ours(&self, options: &[&str], refspecs: &[&str]) -> Option<Vec<String>> {
        let mut push = Push::new(Remote::parse(self.there().to_str().unwrap().as_bytes()).unwrap());
        let words = refspecs.iter().map(|word| (*word).to_owned().into());
        push.refspecs = PushRefspec::parse_words(words).ok()?;
        for option in options {
            match *option {
                "--all" => push.matching = Matching::All,
                "--mirror" => (push.matching, push.force) = (Matching::Mirror, true),
                "--tags" => push.refspecs.push(PushRefspec::parse("refs/tags/*").unwrap()),
                "--follow-tags" => push.follow_tags = true,
                "--prune" => push.prune = Prune::Yes,
                "--force" => push.force = true,
                "--atomic" => push.atomic = true,
                other => panic!("{other}"),
            }
        }
        push.dry_run = true;
        let repository = Arc::new(GitDir::open(self.here(), &OpenOptions::default()).unwrap());
        let pushed = match push.run(repository, &mut |_| ()) {
            Ok(pushed) => pushed,
            Err(ClientError::Refspecs(_)) => return None,
            Err(error) => panic!("{error}"),
        };
        let mut lines: Vec<String> = pushed.updates.iter().map(line).collect();
        lines.sort_unstable();
        Some(lines)
    }

    #[track_caller]
    fn check(&self, options: &[&str], refspecs: &[&str]) {
        assert_eq!(self.ours(options, refspecs), self.gits(options, refspecs), "{options:?} {refspecs:?}");
    }
}

fn line(update: &PushUpdate) -> String {
    let (flag, why) = match &update.status {
        PushStatus::UpToDate => ('=', String::new()),
        PushStatus::Done if update.new.is_none() => ('-', String::new()),
        PushStatus::Done if update.old.is_none() => ('*', String::new()),
        PushStatus::Done if update.forced => ('+', "forced update".to_owned()),
        PushStatus::Done => (' ', String::new()),
        PushStatus::Rejected(why) => ('!', why.to_string()),
        other => panic!("{other:?}"),
    };
    let from = update.source.as_ref().filter(|_| flag != '-').map(|name| name.escape_ascii().to_string());
    format!("{flag} {}:{} {why}", from.unwrap_or_default(), update.destination)
}

#[test]
fn refspecs_name_what_they_name_to_git() {
    let Some(fixture) = Fixture::new() else { return };
    for refspecs in [
        &["main"][..],
        &["HEAD"],
        &["@"],
        &["+HEAD:main"],
        &["HEAD:new"],
        &["main~1:new"],
        &["main~1:refs/heads/new"],
        &["main:both"],
        &["refs/heads/both"],
        &["refs/heads/both:only-there"],
        &["both"],
        &["light"],
        &["+light"],
        &["light:again"],
        &["v1:main"],
        &["+v1^{}:main"],
        &["main^{tree}:refs/heads/tree"],
        &["main:twice"],
        &["main:refs/tags/twice"],
        &["topic/one"],
        &["topic"],
        &["far/topic"],
        &["far/topic:other"],
        &["far"],
        &["main:far"],
        &["main:only-here/x"],
        &["nothing"],
        &["nothing:main"],
        &["main~9:main"],
        &["main", "main:main"],
        &["main", "topic/one:main"],
        &[":only-there"],
        &[":nothing"],
        &[":refs/heads/nothing"],
        &[":twice"],
        &["+:only-there"],
        &[":"],
        &["+:"],
        &[":", "main~1:refs/heads/new"],
        &["refs/heads/*"],
        &["+refs/heads/*"],
        &["refs/heads/*:refs/heads/copy/*"],
        &["refs/heads/top*:refs/heads/bot*"],
        &["refs/*:refs/*"],
        &["refs/heads/*", "main~1:main"],
        &["refs/heads/*", "^refs/heads/main"],
        &["refs/heads/*:refs/x/*", "refs/tags/*:refs/x/*"],
        &["refs/remotes/far/*:refs/heads/*"],
        &["tag", "v1"],
        &["tag", "nothing"],
        &["refs/tags/*"],
        &["notes/n"],
        &["main:refs/notes/there"],
        &["main:notes/there"],
        &["refs/notes/n:main"],
        &[],
    ] {
        fixture.check(&[], refspecs);
    }
}

#[test]
fn options_choose_what_they_choose_in_git() {
    let Some(fixture) = Fixture::new() else { return };
    for (options, refspecs) in [
        (&["--all"][..], &[][..]),
        (&["--all", "--force"], &[]),
        (&["--all", "--follow-tags"], &[]),
        (&["--all", "--prune"], &[]),
        (&["--mirror"], &[]),
        (&["--tags"], &["main"]),
        (&["--tags"], &[]),
        (&["--follow-tags"], &["main~1:main"]),
        (&["--follow-tags"], &["main"]),
        (&["--follow-tags"], &["main~3:main"]),
        (&["--follow-tags"], &[":only-there"]),
        (&["--prune"], &["refs/heads/*"]),
        (&["--prune"], &["refs/heads/*", "^refs/heads/only-there"]),
        (&["--prune"], &["refs/remotes/far/*:refs/heads/*"]),
        (&["--prune"], &[":"]),
        (&["--prune"], &["main"]),
        (&["--force"], &["main~3:main", "light"]),
        (&["--atomic"], &["main", "main~3:only-there"]),
        (&["--atomic"], &["main", ":only-there"]),
    ] {
        fixture.check(options, refspecs);
    }
}

#[test]
fn revisions_are_those_of_git() {
    let Some(fixture) = Fixture::new() else { return };
    let here = fixture.here();
    let repository = GitDir::open(&here, &OpenOptions::default()).unwrap();
    let merge = ["merge", "-q", "--no-ff", "-m", "merge", "only-here", "topic/one", "-s", "ours"];
    fixture.git.ok(&here, ["checkout", "-q", "-b", "merged", "main~3"]);
    fixture.git.ok(&here, merge);
    let head = String::from_utf8(fixture.git.ok(&here, ["rev-parse", "HEAD"])).unwrap();
    let (full, upper) = (head.trim().to_owned(), head.trim().to_uppercase());
    for text in [
        "HEAD",
        "@",
        "@~1",
        "HEAD^2",
        "HEAD^3",
        "HEAD^2~1",
        "HEAD~2",
        "HEAD^0",
        "HEAD^1^2",
        "HEAD~9",
        "HEAD^9",
        "main",
        "heads/main",
        "refs/heads/main",
        "main^{commit}",
        "main^{tree}",
        "main^{tree}^{}",
        "main^{blob}",
        "v1",
        "v1^{}",
        "v1^{tag}",
        "v1^{commit}",
        "v1-again^{}",
        "v1~1",
        "v1^",
        "light^{tag}",
        "v1^{object}",
        "far",
        "far/topic",
        "remotes/far/main",
        "notes/n",
        "tags/v1",
        "nothing",
        "nothing~1",
        "main^{tree}~1",
        "main^{word}",
        "main~x",
        "main^^",
        "main~1^{tree}",
        "",
        "main^{",
        full.as_str(),
        upper.as_str(),
        "0000000000000000000000000000000000000000^{object}",
    ] {
        let output = fixture.git.run(&here, ["rev-parse", "-q", "--verify", "--end-of-options", text]);
        let theirs = output.status.success().then(|| String::from_utf8(output.stdout).unwrap());
        let ours = find_revision(&repository, text.as_bytes()).unwrap().map(|id| format!("{id}\n"));
        assert_eq!(ours, theirs, "{text}");
    }
}
