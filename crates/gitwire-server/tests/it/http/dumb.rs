//! Stock git over dumb HTTP, and what a client may have of a repository's files.

use std::fs;
use std::path::Path;

use gitwire_server::http::HttpOptions;
use gitwire_server::{HiddenRefs, Policy};

use super::{Fixture, Setup};

impl Fixture {
    /// Runs git with smart HTTP switched off.
    fn walk(&self, directory: &Path, arguments: &[&str]) {
        let output = self.git.command(directory, arguments).env("GIT_SMART_HTTP", "0").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Head and body of the answer to a request with some headers.
    pub(super) fn ask(&self, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
        let answer = self.bytes(request.as_bytes());
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end..].to_vec())
    }

    /// The paths of a loose object, a pack and its index.
    pub(super) fn files(&self) -> [String; 3] {
        self.git.ok(&self.served(), ["repack", "-q", "-a", "-d"]);
        self.commit("loose");
        let unpack = ["-c", "receive.unpackLimit=1000"];
        self.git.ok(&self.served(), unpack.into_iter().chain(["fetch", "-q", "../../work", "main"]));
        let pack = fs::read_dir(self.served().join("objects/pack")).unwrap();
        let pack = pack.map(|entry| entry.unwrap().path()).find(|path| path.extension().unwrap() == "pack");
        let pack = pack.unwrap().file_stem().unwrap().to_str().unwrap().to_owned();
        let tip = String::from_utf8(self.tip(&self.work())).unwrap();
        let (fan, rest) = tip.trim().split_at(2);
        [
            format!("objects/{fan}/{rest}"),
            format!("objects/pack/{pack}.pack"),
            format!("objects/pack/{pack}.idx"),
        ]
    }
}

#[test]
fn git_clones_and_fetches_by_walking_over_files() {
    for format in ["--object-format=sha1", "--object-format=sha256"] {
        let Some(fixture) = Fixture::new(Setup { init: vec![format], ..Setup::default() }) else { return };
        let git = &fixture.git;
        git.ok(&fixture.work(), ["tag", "-a", "-m", "x", "tag"]);
        git.ok(&fixture.work(), ["push", "-q", "../root/r.git", "--tags"]);
        let [loose, packed] = ["loose", "packed"].map(|name| fixture.folder.path().join(name));
        fixture.walk(fixture.folder.path(), &["clone", "-q", &fixture.url(), loose.to_str().unwrap()]);
        git.ok(&fixture.served(), ["repack", "-q", "-a", "-d"]);
        git.ok(&fixture.served(), ["pack-refs", "--all"]);
        fixture.walk(fixture.folder.path(), &["clone", "-q", &fixture.url(), packed.to_str().unwrap()]);
        for clone in [&loose, &packed] {
            assert_eq!(fixture.tip(clone), fixture.tip(&fixture.served()), "{format}");
            git.ok(clone, ["fsck", "--strict"]);
            assert_eq!(git.ok(clone, ["tag"]), b"tag\n");
        }
        fixture.commit("more");
        git.ok(&fixture.work(), ["push", "-q", "../root/r.git", "main"]);
        fixture.walk(&packed, &["pull", "-q"]);
        assert_eq!(fixture.tip(&packed), fixture.tip(&fixture.served()));
    }
}

#[test]
fn what_is_borrowed_is_given_as_the_repositorys_own() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    let root = fixture.folder.path().join("root");
    // One repository below the root, and one outside of it, which no client is told of.
    fs::create_dir(root.join("fork")).unwrap();
    fixture.git.ok(&root, ["clone", "-q", "--bare", "--shared", "r.git", "fork/one.git"]);
    fixture.git.ok(&root, ["clone", "-q", "--bare", "--shared", "../work/.git", "two.git"]);
    for name in ["fork/one", "two"] {
        let (head, body) = fixture.ask("GET", &format!("/{name}.git/objects/info/http-alternates"), "");
        assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty(), "{head}");
        let clone = fixture.folder.path().join(format!("of-{}", name.replace('/', "-")));
        let url = format!("http://{}/{name}.git", fixture.address);
        fixture.walk(fixture.folder.path(), &["clone", "-q", &url, clone.to_str().unwrap()]);
        assert_eq!(fixture.tip(&clone), fixture.tip(&fixture.served()));
        assert!(!clone.join(".git/objects/info/alternates").exists());
    }
}

#[test]
fn lists_are_made_when_they_are_asked_for_and_hide_what_is_hidden() {
    let mut policy = Policy::default();
    policy.hidden = HiddenRefs::new(["refs/hidden"]);
    // What the repository hides is hidden too, and what the server hides it cannot show.
    let Some(fixture) = Fixture::new(Setup { policy, ..Setup::default() }) else { return };
    let Fixture { git, folder, .. } = &fixture;
    git.ok(&fixture.served(), ["tag", "-a", "-m", "x", "tag", "main"]);
    git.ok(&fixture.served(), ["update-ref", "refs/hidden/one", "main"]);
    git.ok(&fixture.served(), ["update-ref", "refs/pull/one", "main"]);
    git.ok(&fixture.served(), ["config", "transfer.hideRefs", "refs/pull"]);
    git.ok(&fixture.served(), ["config", "--add", "uploadpack.hideRefs", "!refs/hidden"]);
    let seen = String::from_utf8(git.ok(folder.path(), ["ls-remote", &fixture.url()])).unwrap();
    assert!(seen.contains("refs/heads/main") && !seen.contains("one"), "{seen}");
    fs::write(fixture.served().join("info/refs"), "stale\n").unwrap();
    let (head, body) = fixture.ask("GET", "/r.git/info/refs", "");
    assert!(head.contains("content-type: text/plain\r\n"), "{head}");
    assert!(head.contains("cache-control: no-cache, max-age=0, must-revalidate\r\n"), "{head}");
    let id = |name: &str| String::from_utf8(git.ok(&fixture.served(), ["rev-parse", name])).unwrap();
    let (tip, tag) = (id("main"), id("tag"));
    let (tip, tag) = (tip.trim(), tag.trim());
    let expected = format!("{tip}\trefs/heads/main\n{tag}\trefs/tags/tag\n{tip}\trefs/tags/tag^{{}}\n");
    assert_eq!(String::from_utf8(body).unwrap(), expected);
    assert_eq!(fixture.ask("GET", "/r.git/HEAD", "").1, b"ref: refs/heads/main\n");
    assert_eq!(fixture.ask("HEAD", "/r.git/HEAD", "").1, b"");
    assert_eq!(fixture.ask("HEAD", "/r.git/info/refs", "").1, b"");
    git.ok(&fixture.served(), ["update-ref", "--no-deref", "HEAD", "main"]);
    assert_eq!(fixture.ask("GET", "/r.git/HEAD", "").1, format!("{tip}\n").as_bytes());
    git.ok(&fixture.served(), ["symbolic-ref", "HEAD", "refs/hidden/one"]);
    assert!(fixture.ask("GET", "/r.git/HEAD", "").0.starts_with("HTTP/1.1 404 "));
    let [_, pack, _] = fixture.files();
    let name = pack.rsplit('/').next().unwrap();
    assert_eq!(fixture.ask("GET", "/r.git/objects/info/packs", "").1, format!("P {name}\n\n").as_bytes());
}

#[test]
fn a_list_of_many_refs_is_what_git_writes_down() {
    let mut policy = Policy::default();
    policy.hidden = HiddenRefs::new(["refs/heads/b"]);
    let Some(fixture) = Fixture::new(Setup { policy, ..Setup::default() }) else { return };
    let Fixture { git, .. } = &fixture;
    let ask = || {
        let answer = fixture.bytes(b"GET /r.git/info/refs HTTP/1.0\r\n\r\n");
        let text = String::from_utf8(answer).unwrap();
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    // More than are read at once, twice over, and as many in the midst that are not shown.
    git.ok(&fixture.served(), ["tag", "-a", "-m", "x", "tag", "main"]);
    let numbers = 0..5000;
    let lines: String = ["a", "b", "c"]
        .iter()
        .flat_map(|folder| {
            numbers.clone().map(move |n| format!("create refs/heads/{folder}/{n:04} refs/tags/tag^{{}}\n"))
        })
        .collect();
    assert!(git.feed(&fixture.served(), ["update-ref", "--stdin"], lines.as_bytes()).status.success());
    git.ok(&fixture.served(), ["pack-refs", "--all"]);
    git.ok(&fixture.served(), ["update-server-info"]);
    let expected = fs::read_to_string(fixture.served().join("info/refs")).unwrap();
    let shown = expected.lines().filter(|line| !line.contains("refs/heads/b/"));
    let expected: String = shown.map(|line| format!("{line}\n")).collect();
    assert_eq!(expected.lines().count(), 10_003);
    assert!(ask() == expected);
}

#[test]
fn files_come_whole_or_in_part_and_may_be_kept() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    let files = fixture.files();
    let kinds = ["loose-object", "packed-objects", "packed-objects-toc"];
    for (file, kind) in files.iter().zip(kinds) {
        let expected = fs::read(fixture.served().join(file)).unwrap();
        let path = format!("/r.git/{file}");
        let (head, body) = fixture.ask("GET", &path, "");
        assert!(head.starts_with("HTTP/1.1 200 ") && body == expected, "{head}");
        assert!(head.contains(&format!("content-type: application/x-git-{kind}\r\n")), "{head}");
        assert!(head.contains("cache-control: public, max-age=31536000\r\n"), "{head}");
        assert!(head.contains("accept-ranges: bytes\r\n"), "{head}");
        let field = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name}{head}")).to_owned()
        };
        let length = format!("content-length: {}\r\n", expected.len());
        let (of_head, nothing) = fixture.ask("HEAD", &path, "Range: bytes=1-2\r\n");
        assert!(of_head.starts_with("HTTP/1.1 200 ") && of_head.contains(&length) && nothing.is_empty());

        let size = expected.len();
        let part = |headers: &str| {
            let (head, body) = fixture.ask("GET", &path, headers);
            (head[9..12].to_owned(), head, body)
        };
        let (status, head, body) = part("Range: bytes=5-\r\n");
        assert_eq!((&status[..], &body[..]), ("206", &expected[5..]));
        assert!(head.contains(&format!("content-range: bytes 5-{}/{size}\r\n", size - 1)), "{head}");
        let (status, head, body) = part("Range: bytes=-7\r\n");
        assert_eq!((&status[..], &body[..]), ("206", &expected[size - 7..]));
        assert!(head.contains("content-length: 7\r\n"), "{head}");
        let (status, head, _) = part(&format!("Range: bytes={size}-\r\n"));
        assert_eq!(status, "416");
        assert!(head.contains(&format!("content-range: bytes */{size}\r\n")), "{head}");
        assert_eq!(part("Range: bytes=0-1,3-4\r\n").2, expected);
        for (validator, status) in [
            (field("etag: "), "206"),
            (field("last-modified: "), "206"),
            ("\"other\"".to_owned(), "200"),
            ("Thu, 01 Jan 1970 00:00:00 GMT".to_owned(), "200"),
        ] {
            assert_eq!(
                part(&format!("Range: bytes=5-\r\nIf-Range: {validator}\r\n")).0,
                status,
                "{validator}"
            );
        }
        assert_eq!(part(&format!("If-None-Match: \"x\", {}\r\n", field("etag: "))).0, "304");
    }
}

#[test]
fn nothing_else_of_a_repository_can_be_had() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    let [loose, pack, _] = fixture.files();
    fixture.git.ok(&fixture.served(), ["pack-refs", "--all"]);
    fixture.git.ok(&fixture.served(), ["update-ref", "refs/heads/side", "main"]);
    fs::write(fixture.served().join("objects/info/commit-graph"), "x").unwrap();
    for file in [
        "config",
        "description",
        "packed-refs",
        "refs/heads/side",
        "objects/info/commit-graph",
        "objects/pack",
    ] {
        assert!(fixture.served().join(file).exists(), "{file}");
        assert!(fixture.ask("GET", &format!("/r.git/{file}"), "").0.starts_with("HTTP/1.1 404 "), "{file}");
    }
    // An object that stands in a pack alone has no file of its own.
    let one = String::from_utf8(fixture.git.ok(&fixture.served(), ["rev-parse", "main"])).unwrap();
    let path = format!("/r.git/objects/{}/{}", &one[..2], one[2..].trim());
    assert!(fixture.ask("GET", &path, "").0.starts_with("HTTP/1.1 404 "));
    assert!(
        fixture
            .ask("POST", &format!("/r.git/{loose}"), "Content-Length: 0\r\n")
            .0
            .starts_with("HTTP/1.1 405 ")
    );
    // What looks like an object and is none.
    let strange = fixture.served().join("objects/00").join("0".repeat(38));
    fs::create_dir_all(&strange).unwrap();
    let path = format!("/r.git/objects/00/{}", "0".repeat(38));
    assert!(fixture.ask("GET", &path, "").0.starts_with("HTTP/1.1 404 "));
    // Each switch closes the way.
    fixture.git.ok(&fixture.served(), ["config", "http.getanyfile", "false"]);
    assert!(fixture.ask("GET", &format!("/r.git/{pack}"), "").0.starts_with("HTTP/1.1 403 "));
    let refs = "/r.git/info/refs?service=git-upload-pack";
    assert!(fixture.ask("GET", refs, "").0.starts_with("HTTP/1.1 200 "));
    fixture.git.ok(&fixture.served(), ["config", "http.uploadpack", "false"]);
    assert!(fixture.ask("GET", refs, "").0.starts_with("HTTP/1.1 403 "));
    let mut options = HttpOptions::default();
    options.files = false;
    let Some(fixture) = Fixture::new(Setup { options, ..Setup::default() }) else { return };
    assert!(fixture.ask("GET", "/r.git/HEAD", "").0.starts_with("HTTP/1.1 403 "));
    assert!(fixture.ask("GET", refs, "").0.starts_with("HTTP/1.1 200 "));
}
