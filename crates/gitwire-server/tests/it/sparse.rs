//! Filters by paths, whose patterns stand in a blob of the repository.

use gitwire_protocol::Version;
use gitwire_server::{Filters, Policy};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{FilterSpec, Limits};

use crate::elsewhere::answer;
use crate::{line, serve};

#[test]
fn a_blob_of_patterns_says_what_goes() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("sparse");
    git.ok(folder.path(), ["init", "-q", "--bare", "-b", "main", "r.git"]);
    let path = folder.path().join("r.git");
    let say = |arguments: &[&str], input: &str| {
        let said = git.feed(&path, arguments, input.as_bytes());
        assert!(said.status.success(), "{}", said.stderr.escape_ascii());
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    let blob = |content: &str| say(&["hash-object", "-w", "--stdin"], content);
    let (one, two, list) = (blob("one"), blob("two"), blob("/one\n/lists/\n"));
    let lists = say(&["mktree"], &format!("100644 blob {list}\tdocs\n"));
    let tree = say(
        &["mktree"],
        &format!("040000 tree {lists}\tlists\n100644 blob {one}\tone\n100644 blob {two}\ttwo\n"),
    );
    let tip = say(&["commit-tree", "-m", "x", &tree], "");
    git.ok(&path, ["update-ref", "refs/heads/main", &tip]);
    git.ok(&path, ["tag", "-a", "-m", "x", "v1", &tip]);
    git.ok(&path, ["config", "uploadpack.allowFilter", "true"]);
    let hidden = blob("/two\n");

    let into = |name: &str| {
        git.ok(folder.path(), ["init", "-q", "--bare", name]);
        folder.path().join(name)
    };
    let request = |filter: &str| {
        let words =
            line(&format!("want {tip}")) + &line("done") + &line(&format!("filter sparse:oid={filter}"));
        line("command=fetch") + "0001" + &words + "0000"
    };
    for name in [
        &list[..],
        "main:lists/docs",
        "v1:lists/docs",
        "refs/heads/main:lists/docs",
        "HEAD:lists/docs",
        &hidden,
    ] {
        let file = folder.path().join("request");
        std::fs::write(&file, request(name)).unwrap();
        let mut command = git.command(&path, ["upload-pack", "--stateless-rpc", "."]);
        command.env("GIT_PROTOCOL", "version=2").stdin(std::fs::File::open(&file).unwrap());
        let theirs = answer(&git, &into("theirs.git"), &command.output().unwrap().stdout);
        let ours = serve(&path, Version::V2, request(name).as_bytes()).unwrap();
        let ours = answer(&git, &into("ours.git"), &ours);
        assert_eq!(ours.objects, theirs.objects, "{name}");
        assert_eq!(ours.objects.contains(&two), name == hidden, "{name}");
    }
    let refused =
        |name: &str| serve(&path, Version::V2, request(name).as_bytes()).unwrap_err().reply().into_owned();
    for name in ["main:no-such-name", "nothing:lists/docs", "main:one/x", "", ":"] {
        assert_eq!(refused(name), format!("unable to access sparse blob in '{name}'"));
    }
    for name in ["main", "main:lists", "main:"] {
        assert!(refused(name).starts_with("unable to parse sparse filter data in "), "{name}");
    }

    // A list of patterns has at most 1 MiB.
    let (largest, larger) = (blob(&"\n".repeat(1 << 20)), blob(&"\n".repeat((1 << 20) + 1)));
    assert!(serve(&path, Version::V2, request(&largest).as_bytes()).is_ok());
    assert_eq!(refused(&larger), format!("unable to parse sparse filter data in {larger}"));

    // Among strangers nobody's patterns are run.
    let Filters::Allow(rules) = Policy::default().filters else { panic!("filters are served") };
    let spec = |text: &str| FilterSpec::parse(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(rules.check(&spec("sparse:oid=main")), Err("filter 'sparse:oid' not supported".into()));
    assert_eq!(rules.check(&spec("blob:none")), Ok(()));
}
