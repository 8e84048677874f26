//! What `gitwire push` does and says is what `git push` does and says, on equal copies of the same repositories: exit code, standard
//! output, the lines of standard error but for those of [`words`], and afterwards the refs, reflogs and configuration of all sides.

mod random;
mod table;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gitwire_testkit::Dice;
use gitwire_testkit::git::{Folder, Git};

use self::table::TABLE;
use self::words::said;

/// A push: what is done beforehand, by the shell in `here`, and the words behind `git`.
#[derive(Debug, Clone)]
struct Case {
    setup: String,
    words: Vec<String>,
}

/// The repositories that pushes begin with.
struct World {
    git: Git,
    folder: Folder,
}

impl World {
    fn new() -> Option<Self> {
        // Older ones say the same in other words.
        let git = Git::at_least(&[2, 47])?;
        let world = Self { git, folder: Folder::in_memory("pushes") };
        let base = world.folder.path().join("base");
        fs::create_dir(&base).unwrap();
        world.shell(&base, BASE);
        Some(world)
    }

    fn shell(&self, place: &Path, script: &str) {
        let mut command = self.command(place, "sh");
        let output = command.arg("-ec").arg(script).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{script}: {text}");
    }

    /// A program in the environment in which the tests run git.
    fn command(&self, place: &Path, program: &str) -> Command {
        let like = self.git.command(place, [""; 0]);
        let mut command = Command::new(program);
        command.current_dir(place).stdin(Stdio::null()).env_clear();
        command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    /// What git and we make of one push, where that is not the same.
    fn difference(&self, number: usize, case: &Case) -> Option<String> {
        let [git, ours] = ["git", "ours"].map(|who| self.folder.path().join(format!("{number}-{who}")));
        copy(&self.folder.path().join("base"), &git);
        self.shell(&git.join("here"), &case.setup);
        copy(&git, &ours);
        let theirs = self.git.run(&git.join("here"), &case.words);
        let own = self.command(&ours.join("here"), env!("CARGO_BIN_EXE_gitwire")).args(&case.words).output();
        let [theirs, own] =
            [(git, theirs), (ours, own.unwrap())].map(|(place, output)| self.outcome(&place, &output));
        if theirs == own {
            return None;
        }
        let mut text = format!("{}\n  ({})\n", case.words.join(" "), case.setup);
        for key in theirs.keys().chain(own.keys().filter(|key| !theirs.contains_key(*key))) {
            let [theirs, own] = [&theirs, &own].map(|all| all.get(key).map_or("", String::as_str));
            if theirs != own {
                writeln!(text, "  {key}:\n    git:  {theirs:?}\n    ours: {own:?}").unwrap();
            }
        }
        Some(text)
    }

    /// All that a push has said and left.
    fn outcome(&self, place: &Path, output: &Output) -> BTreeMap<String, String> {
        let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut found = BTreeMap::from([
            ("exit code".to_owned(), code),
            ("stdout".to_owned(), stdout),
            ("stderr".to_owned(), said(&output.stderr).join("\n")),
        ]);
        for (name, dir) in [("here", "here/.git"), ("there", "there.git"), ("second", "second.git")] {
            let dir = place.join(dir);
            let refs = self.git.ok(&dir, ["for-each-ref", "--format=%(objectname) %(refname) %(symref)"]);
            found.insert(format!("{name}: refs"), String::from_utf8(refs).unwrap());
            files(&dir.join("logs"), &format!("{name}: logs"), &mut found);
            let config = self.git.ok(&dir, ["config", "--local", "--list"]);
            let mut config: Vec<_> = str::from_utf8(&config).unwrap().lines().map(str::to_owned).collect();
            config.sort_unstable();
            found.insert(format!("{name}: configuration"), config.join("\n"));
        }
        fs::remove_dir_all(place).unwrap();
        found
    }

    /// Runs all cases, four at a time.
    #[track_caller]
    fn check(&self, cases: &[Case]) {
        let (next, differences) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(case) = cases.get(number) else { return };
                        if let Some(difference) = self.difference(number, case) {
                            differences.lock().unwrap().insert(number, difference);
                        }
                    }
                });
            }
        });
        let differences = differences.into_inner().unwrap();
        let text: String = differences.iter().map(|(number, text)| format!("{number}: {text}\n")).collect();
        assert!(differences.is_empty(), "{} of {} pushes differ:\n{text}", differences.len(), cases.len());
    }
}

/// Every file below `dir`, by its path.
fn files(dir: &Path, name: &str, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.map(Result::unwrap) {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), &name, found),
            false => drop(found.insert(name, fs::read_to_string(entry.path()).unwrap())),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(status.success());
}

/// Three repositories: `here` has five commits on main, two more that stand apart, and tags; `there.git` is one commit behind on main,
/// has a branch of somebody else's, and is followed; `second.git` has another history.
const BASE: &str = r#"
for name in there second; do
    git init -q --bare -b main $name.git
    git -C $name.git config core.logAllRefUpdates always
    rm -r $name.git/hooks
done
git init -q -b main here && rm -r here/.git/hooks && cd here
git remote add origin ../there.git
git remote add second ../second.git
for nth in 0 1 2 3 4; do echo $nth >file; git add file; git commit -q -m $nth; done
git branch side main~2
git checkout -q -b apart main~3
git commit -q --allow-empty -m apart && git commit -q --allow-empty -m further
git checkout -q main
git tag light main~3
git tag -a -m one v1 main~1
git tag -a -m two v2 main
git tag tree main^{tree}
git notes add -m note main~1
git push -q origin main~1:refs/heads/main main~4:refs/heads/old apart~1:refs/heads/apart main~2:refs/tags/light side
git push -q second apart:refs/heads/main side~1:refs/heads/side
git config branch.main.remote origin && git config branch.main.merge refs/heads/main
git clone -q ../there.git ../other && cd ../other
git commit -q --allow-empty -m theirs && git push -q origin HEAD:refs/heads/theirs
rm -rf ../other
"#;

#[test]
fn every_form_of_a_push_is_gits() {
    let Some(world) = World::new() else { return };
    let cases: Vec<Case> = TABLE
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (words, setup) = line.split_once(" <- ").unwrap_or((line, ""));
            Case { setup: setup.to_owned(), words: words.split(' ').map(str::to_owned).collect() }
        })
        .collect();
    assert!(cases.len() >= 120, "{}", cases.len());
    world.check(&cases);
}

/// `GITWIRE_PUSHES` says how many, `GITWIRE_SEED` where the dice begin.
#[test]
fn whatever_is_thrown_together_is_pushed_as_git_pushes_it() {
    let Some(world) = World::new() else { return };
    let number = |name, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let mut dice = Dice::new(number("GITWIRE_SEED", 1));
    let cases: Vec<Case> = (0..number("GITWIRE_PUSHES", 40)).map(|_| random::case(&mut dice)).collect();
    world.check(&cases);
}

/// A group is its members, one after the other; one that fails keeps none of the others from what they are to get.
#[test]
fn a_group_is_its_members_in_turn() {
    let Some(world) = World::new() else { return };
    for words in
        ["push --porcelain GROUP side", "push GROUP main~1:refs/heads/main v1", "push -q --tags GROUP"]
    {
        let [git, ours] = ["git", "ours"].map(|who| world.folder.path().join(who));
        for place in [&git, &ours] {
            copy(&world.folder.path().join("base"), place);
            let setup = "git config remotes.all 'origin gone' && git config --add remotes.all second";
            world.shell(&place.join("here"), setup);
        }
        let run = |place: &Path, program: &str, name: &str| {
            let words: Vec<String> = words.split(' ').map(|word| word.replace("GROUP", name)).collect();
            world.command(&place.join("here"), program).args(words).output().unwrap()
        };
        let each = ["origin", "gone", "second"].map(|name| run(&git, "git", name));
        let together = run(&ours, env!("CARGO_BIN_EXE_gitwire"), "all");
        assert_eq!(together.status.code(), Some(1), "{words}");
        let mut theirs = each[0].clone();
        for more in &each[1..] {
            theirs.stdout.extend_from_slice(&more.stdout);
            theirs.stderr.extend_from_slice(&more.stderr);
        }
        theirs.status = together.status;
        assert_eq!(world.outcome(&ours, &together), world.outcome(&git, &theirs), "{words}");
    }
    let place = world.folder.path().join("base/here");
    world.shell(&place, "git config remotes.all 'origin second'");
    let refused = world
        .command(&place, env!("CARGO_BIN_EXE_gitwire"))
        .args(["push", "--atomic", "all"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(128));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--atomic"), "{refused:?}");
}

/// Where git would do what nobody can have meant: with `remote.NAME.mirror`, `--tags` leaves nothing but tags there.
#[test]
fn a_mirror_of_tags_alone_is_refused() {
    let Some(world) = World::new() else { return };
    let here = world.folder.path().join("base/here");
    let words = ["-c", "remote.origin.mirror=true", "push", "--tags", "origin"];
    let refused = world.command(&here, env!("CARGO_BIN_EXE_gitwire")).args(words).output().unwrap();
    assert_eq!(refused.status.code(), Some(128), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--mirror can't be combined"), "{refused:?}");
}

/// git pushes them; we say that we do not.
#[test]
fn submodules_are_refused_clearly() {
    let Some(world) = World::new() else { return };
    let here = world.folder.path().join("base/here");
    let run = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        world.command(&here, env!("CARGO_BIN_EXE_gitwire")).args(words).output().unwrap()
    };
    world.shell(&here, "touch .gitmodules");
    for words in [
        "push -n --recurse-submodules=check origin main",
        "push -n --recurse-submodules=on-demand origin main",
        "push -n --recurse-submodules=only origin main",
        "-c push.recurseSubmodules=on-demand push -n origin main",
        "-c submodule.recurse=true push -n origin main",
    ] {
        let refused = run(words);
        assert_eq!(refused.status.code(), Some(128), "{words}: {refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("submodules"), "{words}: {refused:?}");
    }
    for words in [
        "push -n --recurse-submodules=no origin main",
        "-c submodule.recurse=true push -n --no-recurse-submodules origin main",
        "-c push.recurseSubmodules=no -c submodule.recurse=true push -n origin main",
    ] {
        assert_eq!(run(words).status.code(), Some(0), "{words}");
    }
}
