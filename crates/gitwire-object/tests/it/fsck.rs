//! Checks of objects: `git fsck`, with and without `--strict`, and `git hash-object` say what they find; so do we, word for word.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use gitwire_object::fsck::{Checker, Content, Finding, MessageId, Rules, Severity};
use gitwire_object::{Trust, object_id};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

/// Since this version `git hash-object` runs all checks and the table of ids is the present one.
const CHECKS: &[u32] = &[2, 45];

type Check<'a> = dyn Fn(&mut Checker, &ObjectId, ObjectKind, &[u8], &mut dyn FnMut(Finding)) + 'a;

type Objects = BTreeMap<ObjectId, (ObjectKind, Vec<u8>)>;

fn add(objects: &mut Objects, kind: ObjectKind, content: &[u8]) -> ObjectId {
    let id = object_id(ObjectFormat::Sha1, Trust::Stranger, kind, content).unwrap();
    objects.insert(id, (kind, content.to_vec()));
    id
}

/// A tree of entries of modes and names, each of the same object.
fn tree(entries: &[(&str, &[u8])], id: &ObjectId) -> Vec<u8> {
    entries
        .iter()
        .flat_map(|(mode, name)| [mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat())
        .collect()
}

/// Our lines about all objects, sorted.
fn ours(objects: &Objects, rules: Rules) -> Vec<String> {
    let lines = |check: &Check<'_>| {
        let mut lines = Vec::new();
        let mut out = |finding: Finding| {
            lines.push(finding.to_string().lines().next().unwrap_or_default().to_owned());
        };
        let mut checker = Checker::new(rules.clone());
        for (id, (kind, content)) in objects {
            check(&mut checker, id, *kind, content, &mut out);
        }
        let mut read = |id: &ObjectId| match objects.get(id) {
            Some((kind, content)) => Content::Object(*kind, content.clone()),
            None => Content::Missing,
        };
        checker.finish(&mut read, &mut out);
        lines.sort();
        lines
    };
    let whole = lines(&|checker, id, kind, content, out| {
        checker.check(id, kind, content, out).unwrap();
    });
    for len in [1, 7, 1000] {
        let pieces = lines(&|checker, id, kind, content, out| match kind {
            ObjectKind::Blob => drop(checker.check(id, kind, content, out).unwrap()),
            _ => drop(checker.check_pieces(id, kind, &mut pieces_of(content, len), out).unwrap()),
        });
        assert_eq!(pieces, whole, "in pieces of {len}");
    }
    whole
}

/// Gives `content` in pieces of `len` bytes.
fn pieces_of(
    content: &[u8],
    len: usize,
) -> impl FnMut(&mut [u8]) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    let mut rest = content;
    move |room| {
        let (now, later) = rest.split_at(len.min(rest.len()).min(room.len()));
        room[..now.len()].copy_from_slice(now);
        rest = later;
        Ok(now.len())
    }
}

/// Git's lines about all objects, sorted.
fn theirs(git: &Git, folder: &Path, options: &[&str]) -> Vec<String> {
    let args = ["fsck", "--no-dangling", "--no-progress"].iter().chain(options);
    let output = git.run(folder, args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = |line: &&str| {
        ["blob", "tree", "commit", "tag"].iter().any(|kind| {
            line.starts_with(&format!("error in {kind} ")) || line.starts_with(&format!("warning in {kind} "))
        })
    };
    let mut lines: Vec<String> = text.lines().filter(line).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn store(git: &Git, folder: &Path, objects: &Objects) {
    git.ok(folder, ["init", "-q"]);
    for kind in ObjectKind::ALL {
        let mut paths = String::new();
        for (id, (_, content)) in objects.iter().filter(|(_, (other, _))| *other == kind) {
            let path = folder.join(id.to_string());
            fs::write(&path, content).unwrap();
            writeln!(paths, "{}", path.display()).unwrap();
        }
        let args = ["hash-object", "-w", "--literally", "--stdin-paths", "--no-filters", "-t", kind.name()];
        let output = git.feed(folder, args, paths.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[track_caller]
fn compare(objects: &Objects) {
    let Some(git) = Git::at_least(CHECKS) else { return };
    let folder = Folder::new("fsck");
    store(&git, folder.path(), objects);
    same(objects, ours(objects, Rules::new()), theirs(&git, folder.path(), &[]));
    same(objects, ours(objects, Rules::strict()), theirs(&git, folder.path(), &["--strict"]));
}

/// Compares, and shows only what differs, with the objects.
#[track_caller]
fn same(objects: &Objects, ours: Vec<String>, theirs: Vec<String>) {
    let show = |one: &[String], other: &[String]| -> Vec<String> {
        let only = one.iter().filter(|line| !other.contains(line));
        let object = |line: &&String| {
            let word = line
                .split([' ', ':'])
                .find_map(|word| ObjectId::from_hex(ObjectFormat::Sha1, word.as_bytes()).ok());
            word.and_then(|id| objects.get(&id)).map(|(_, content)| content.escape_ascii().to_string())
        };
        only.map(|line| format!("{line}\n    {:?}", object(&line))).collect()
    };
    let (only_ours, only_theirs) = (show(&ours, &theirs), show(&theirs, &ours));
    assert!(ours == theirs, "only ours:\n{}\nonly theirs:\n{}", only_ours.join("\n"), only_theirs.join("\n"));
}

/// Names that mean something to some file system, and near misses.
const NAMES: &[&[u8]] = &[
    b"a",
    b".",
    b"..",
    b"...",
    b".git",
    b".GIT",
    b".Git ",
    b".git.",
    b".git. .",
    b".git:x",
    b".git::$INDEX_ALLOCATION",
    b".gitx",
    b"git~1",
    b"GIT~1",
    b"git~1 ",
    b"git~1.",
    b"git~2",
    b"git~10",
    b".git\\x",
    b"a\\.git",
    b"a\\.git\\b",
    b"a\\git~1",
    b"a\\.gitx",
    b"\\.git",
    b"a/b",
    b"/a",
    b".g\xe2\x80\x8cit",
    b".git\xe2\x80\x8f",
    b"\xef\xbb\xbf.git",
    b".g\xe2\x80\xaeIT",
    b".g\xe2\x81\xaait",
    b".gi\xe2\x80\x8bt",
    b".git\xff",
    b".gi\xcc\x87t",
    b".git/x",
    b".git\xe2\x80",
    b"git",
    b".gi",
    b".git ~1",
];

#[test]
fn names_of_tree_entries() {
    let mut objects = Objects::new();
    let blob = add(&mut objects, ObjectKind::Blob, b"x\n");
    for name in NAMES {
        add(&mut objects, ObjectKind::Tree, &tree(&[("100644", name)], &blob));
    }
    let long = vec![b'x'; 4097];
    add(&mut objects, ObjectKind::Tree, &tree(&[("100644", &long)], &blob));
    add(&mut objects, ObjectKind::Tree, &tree(&[("100644", &long[1..])], &blob));
    compare(&objects);
}

#[test]
fn special_files_as_links_and_files() {
    let mut objects = Objects::new();
    let blob = add(&mut objects, ObjectKind::Blob, b"[x");
    let names: &[&[u8]] = &[
        b".gitmodules",
        b".GitModules",
        b".gitmodules.",
        b".gitmodules ",
        b".gitmodules:x",
        b".gitmodulesx",
        b"gitmod~1",
        b"GITMOD~4",
        b"gitmod~5",
        b"gitmod~1 ",
        b"gitmod~1x",
        b"gi7eba~1",
        b"gi7eba~9",
        b"GI7EB~10",
        b"gi7e~100",
        b"gi7~1000",
        b"~1000000",
        b"gi7eba~0",
        b"gi7ebb~1",
        b"~0000001",
        b".gitmodul\xe2\x80\x8ces",
        b"a\\.gitmodules",
        b"a\\gitmod~1",
        b".gitattributes",
        b".GITATTRIBUTES",
        b"gitatt~1",
        b"gi7d29~1",
        b".gitignore",
        b"gitign~2",
        b"gi250a~1",
        b".mailmap",
        b"mailma~1",
        b"maba30~1",
        b"maba30~1.",
        b"a\\.gitattributes",
        b".gitmodules\xff",
    ];
    for name in names {
        add(&mut objects, ObjectKind::Tree, &tree(&[("120000", name)], &blob));
    }
    compare(&objects);
    // As files each shows by what is said of its content, which is no configuration file: one blob a name.
    let mut objects = Objects::new();
    for name in names {
        let blob = add(&mut objects, ObjectKind::Blob, &[b"[x ", *name].concat());
        add(&mut objects, ObjectKind::Tree, &tree(&[("100644", name)], &blob));
    }
    compare(&objects);
}

#[test]
fn modes_and_order_of_trees() {
    let mut objects = Objects::new();
    let blob = add(&mut objects, ObjectKind::Blob, b"x\n");
    let null = ObjectId::zero(ObjectFormat::Sha1);
    let mut make = |entries: &[(&str, &[u8])]| add(&mut objects, ObjectKind::Tree, &tree(entries, &blob));
    for mode in ["100644", "100755", "120000", "100664", "100640", "0100644", "100000", "644", "110644"] {
        make(&[(mode, b"a")]);
    }
    make(&[("100644", b"a"), ("100644", b"b")]);
    make(&[("100644", b"b"), ("100644", b"a")]);
    make(&[("100644", b"a"), ("100644", b"a")]);
    make(&[("100644", b"a"), ("100755", b"a")]);
    let inner = make(&[("100644", b"x")]);
    let mut mixed = |entries: &[(&str, &[u8])]| {
        let content: Vec<u8> = entries
            .iter()
            .flat_map(|(mode, name)| {
                tree(&[(mode, name)], if mode.ends_with("40000") { &inner } else { &blob })
            })
            .collect();
        add(&mut objects, ObjectKind::Tree, &content)
    };
    mixed(&[("40000", b"a"), ("100644", b"a.b")]);
    mixed(&[("100644", b"a.b"), ("40000", b"a")]);
    mixed(&[("40000", b"a"), ("100644", b"a0")]);
    mixed(&[("040000", b"a")]);
    mixed(&[("100644", b"a"), ("40000", b"a")]);
    mixed(&[("100644", b"a"), ("100644", b"a.b"), ("40000", b"a")]);
    mixed(&[("100644", b"a"), ("100644", b"a-b"), ("100644", b"a.b"), ("40000", b"a"), ("100644", b"b")]);
    mixed(&[("100644", b"a"), ("100644", b"a-"), ("40000", b"a-"), ("40000", b"a")]);
    mixed(&[("40000", b"a"), ("40000", b"a")]);
    mixed(&[("40000", b"a"), ("100644", b"a")]);
    mixed(&[("120000", b"a"), ("100644", b"a.b"), ("40000", b"a")]);
    add(&mut objects, ObjectKind::Tree, &tree(&[("100644", b"n")], &null));
    compare(&objects);
}

#[test]
fn submodule_settings() {
    let mut objects = Objects::new();
    let mut make = |content: &str| {
        let blob = add(&mut objects, ObjectKind::Blob, content.as_bytes());
        add(&mut objects, ObjectKind::Tree, &tree(&[("100644", b".gitmodules")], &blob));
    };
    for name in ["a", "a/b", "..", "../a", "a/..", "a/../b", "a\\\\..\\\\b", "..a", "a..", "", "a/...", "-a"]
    {
        make(&format!("[submodule \"{name}\"]\npath = p\n"));
    }
    for url in [
        "https://h/x",
        "-x",
        "--upload-pack=x",
        "./-x",
        "./x",
        "../x",
        "../../x",
        "git://h/%0ax",
        "https://h/%0Ax",
        "./%0ax",
        "ssh://h/%0ax",
        "http://",
        "https:///x",
        "http://:80/x",
        "https://u@/x",
        "http::http://h/x",
        "http::x",
        "http::",
        "../:x",
        "../..//x",
        "../../../../../:localhost:8080/x.git",
        "h:x",
        "/x",
        "ftp://h",
        "https://h%0a/x",
        "../a:b",
        "file:///x",
        "http:///h",
        "https:x",
        "ext::sh -c x",
        "https://[::1]/x",
        "./:x",
        "..",
        "https://h:99999/x",
        "https://h:x/y",
        "http://h h/x",
        "http://%00/x",
        "HTTP://h/x",
        "https://h/%zz",
        "https://h:/x",
        "https://h:0/x",
        "https://h:00080/x",
        "https://h/..",
        "https://h/a/../..",
        "https://h/a/..",
        "https://h_x/",
        "https://h%41/",
        "https://u%zz@h/x",
        "https://h/a?b=%zz",
        "https://h/?b=%41",
        "https://h/\\#%zz",
        "https://h/a b",
        "https://\u{fc}/x",
        "https://h/\u{fc}",
        "https://@h/x",
        "https://u:p@h:1/x",
        "https://h:65535/",
        "https://h:65536/",
        "https://h:1:2/",
        "https://[::1]:80/x",
        "https://h/%",
        "https://h/%4",
        "https://h/./x",
        "https://h/%2e%2e/x",
        "https://h/a//..//../x",
        "https://h?x",
        "https://h/?../..",
        "https://h/%00",
        "https://u@v@h/x",
        "https://h/x/%2e%2e/..",
        "https://:p@h/x",
        "http::git://h/x",
        "https::ssh://h/x",
        "./../:x",
        ".././:x",
        "../..//",
        "..//x",
        ".//x",
        "../x:y",
        "git://",
        "git:///x",
        "git://:80/",
        "../%zz",
        "./a/../..",
        "..\\\\:x",
        "https:/x",
        "httpsx://h",
        "https::./x",
    ] {
        make(&format!("[submodule \"a\"]\nurl = \"{url}\"\n"));
    }
    make("[submodule \"a\"]\nurl = \"h\\nx\"\n[submodule \"b\"]\nurl = \"./h\\nx\"\n");
    make("[submodule \"a\"]\npath = -p\nupdate = !sh\n");
    make("[submodule \"a\"]\npath = p-\nupdate = rebase\n");
    make("[submodule \"a\"]\nurl\npath\nupdate\n");
    make("[submodule]\nurl = -x\n");
    make("[submodule \"a\"]\nurl = -x\n[broken\n");
    make("\u{feff}[submodule \"..\"]\nk=v");
    make("not a configuration file");
    make("[SUBMODULE \"..\"]\r\nURL=-x\r\n");
    compare(&objects);
}

#[test]
fn missing_and_strange_special_files() {
    let mut objects = Objects::new();
    let inner = add(&mut objects, ObjectKind::Tree, b"");
    add(&mut objects, ObjectKind::Tree, &tree(&[("40000", b".gitmodules")], &inner));
    add(&mut objects, ObjectKind::Tree, &tree(&[("40000", b".gitattributes")], &inner));
    let attributes =
        add(&mut objects, ObjectKind::Blob, &[&[b'x'; 2047][..], b"\n", &[b'y'; 2048], b"\n"].concat());
    let good = add(&mut objects, ObjectKind::Blob, &[&[b'x'; 2047][..], b"\n"].concat());
    add(&mut objects, ObjectKind::Tree, &tree(&[("100644", b".gitattributes")], &attributes));
    add(&mut objects, ObjectKind::Tree, &tree(&[("100644", b".gitattributes")], &good));
    compare(&objects);
}

const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Author lines: good, odd and bad.
const PEOPLE: &[&str] = &[
    "A <a@b> 1 +0000",
    "A <a@b> 0 +0000",
    "<a@b> 1 +0000",
    " <a@b> 1 +0000",
    "A<a@b> 1 +0000",
    "A> <a@b> 1 +0000",
    "A 1 +0000",
    "A <a@b 1 +0000",
    "A <a<b> 1 +0000",
    "A <a@b>1 +0000",
    "A <a@b>  1 +0000",
    "A <a@b> 01 +0000",
    "A <a@b> 00 +0000",
    "A <a@b> x +0000",
    "A <a@b>",
    "A <a@b> ",
    "A <a@b> 1",
    "A <a@b> 1 ",
    "A <a@b> 1 0000",
    "A <a@b> 1 +000",
    "A <a@b> 1 +00000",
    "A <a@b> 1 +00x0",
    "A <a@b> 1 -9999",
    "A <a@b> -1 +0000",
    "A <a@b> +1 +0000",
    "A <a@b> 9223372036854775807 +0000",
    "A <a@b> 9223372036854775808 +0000",
    "A <a@b> 18446744073709551615 +0000",
    "A <a@b> 18446744073709551616 +0000",
    "A <a@b> 1  +0000",
    "A <a@b> 1\t+0000",
    "A <a@b> \t1 +0000",
    "A <> 1 +0000",
    "",
    "A <a@b>> 1 +0000",
    "A <a@b> 1 +0000 ",
    "A <a@b> 1x +0000",
    "A <a@b> \x0b1 +0000",
];

/// The rules of `git hash-object`: strict, and what is only worth a word refuses the object too.
fn everything_is_an_error() -> Rules {
    let mut rules = Rules::strict();
    for id in MessageId::ALL {
        if id.severity() == Severity::Info {
            rules.set(*id, Severity::Error).unwrap();
        }
    }
    rules
}

/// What `git hash-object` says of each object: it reads nothing else.
fn compare_headers(kind: ObjectKind, contents: &[String]) {
    let Some(git) = Git::at_least(CHECKS) else { return };
    let folder = Folder::new("header");
    for content in contents {
        let output =
            git.feed(folder.path(), ["hash-object", "-t", kind.name(), "--stdin"], content.as_bytes());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = |line: &str| {
            let (_, rest) = line.split_once("object fails fsck: ")?;
            Some(rest.to_owned())
        };
        let theirs: Vec<String> = text.lines().filter_map(said).collect();
        let mut ours = Vec::new();
        let id = object_id(ObjectFormat::Sha1, Trust::Stranger, kind, content.as_bytes()).unwrap();
        let sound = Checker::new(everything_is_an_error())
            .check(&id, kind, content.as_bytes(), &mut |finding| {
                ours.push(format!("{}: {}", finding.id, finding.text));
            })
            .unwrap();
        assert_eq!(ours, theirs, "{content:?}");
        assert_eq!(sound, output.status.success(), "{content:?}");
        for len in [1, 5, 1000] {
            let mut pieces = Vec::new();
            let mut read = pieces_of(content.as_bytes(), len);
            let mut out = |finding: Finding| pieces.push(format!("{}: {}", finding.id, finding.text));
            let sound = Checker::new(everything_is_an_error()).check_pieces(&id, kind, &mut read, &mut out);
            assert_eq!(sound.unwrap(), output.status.success(), "{content:?}");
            assert_eq!(pieces, theirs, "{content:?} in pieces of {len}");
        }
    }
}

#[test]
fn commits() {
    let who = "A <a@b> 1 +0000";
    let mut contents: Vec<String> =
        PEOPLE.iter().map(|person| format!("tree {TREE}\nauthor {person}\ncommitter {who}\n\nm\n")).collect();
    contents
        .extend(PEOPLE.iter().map(|person| format!("tree {TREE}\nauthor {who}\ncommitter {person}\n\nm\n")));
    let upper = TREE.to_uppercase();
    let short = TREE.replace("4904", "");
    for head in [
        format!("tree {TREE}\n"),
        format!("tree {upper}\n"),
        format!("tree {short}\n"),
        format!("tree {TREE} \n"),
        format!("tree {TREE}"),
        String::new(),
        format!("parent {TREE}\n"),
        format!("tree {TREE}\nparent {TREE}\n"),
        format!("tree {TREE}\nparent {short}\n"),
        format!("tree {TREE}\nparent {TREE}x\n"),
        format!("tree {TREE}\ntree {TREE}\n"),
    ] {
        for rest in [
            format!("author {who}\ncommitter {who}\n\nm\n"),
            format!("author {who}\ncommitter {who}\n"),
            format!("author {who}\ncommitter {who}"),
            format!("author {who}\nauthor {who}\ncommitter {who}\n\n"),
            format!("author {who}\n\n"),
            format!("committer {who}\n\n"),
            format!("author {who}\ncommitter {who}\nx\0y\n\n"),
            format!("author {who}\ncommitter {who}\n\nx\0y\n"),
            format!("author {who}\nextra\ncommitter {who}\n\n"),
        ] {
            contents.push(format!("{head}{rest}"));
        }
    }
    contents.push(String::new());
    contents.push("\n".to_owned());
    contents.push("\n\n".to_owned());
    compare_headers(ObjectKind::Commit, &contents);
}

#[test]
fn tags() {
    let who = "A <a@b> 1 +0000";
    let mut contents: Vec<String> = PEOPLE
        .iter()
        .map(|person| format!("object {TREE}\ntype tree\ntag v\ntagger {person}\n\nm\n"))
        .collect();
    for head in
        [format!("object {TREE}\n"), format!("object {TREE}x\n"), "object \n".to_owned(), String::new()]
    {
        for rest in [
            format!("type tree\ntag v\ntagger {who}\n\nm\n"),
            format!("type tree\ntag v\ntagger {who}\n"),
            format!("type tree\ntag v\ntagger {who}"),
            "type tree\ntag v\n\nm\n".to_owned(),
            "type tree\ntag v..1\n\nm\n".to_owned(),
            format!("type tree\ntag v 1\ntagger {who}\n\nm\n"),
            format!("type leaf\ntag v\ntagger {who}\n\nm\n"),
            format!("type tree\ntagger {who}\n\nm\n"),
            format!("type tree\ntag v\ntagger {who}\nextra\n\nm\n"),
            format!("type tree\ntag v\ntagger {who}\ngpgsig x\n y\n\nm\n"),
            format!("tag v\ntagger {who}\n\nm\n"),
            "type tree\n".to_owned(),
            "type tree\n\n".to_owned(),
            "type \n".to_owned(),
        ] {
            contents.push(format!("{head}{rest}"));
        }
    }
    compare_headers(ObjectKind::Tag, &contents);
}

#[test]
fn trees_that_cannot_be_read() {
    let contents = [
        "x",
        "100644 a",
        "100644 \0aaaaaaaaaaaaaaaaaaaa",
        "100648 a\0aaaaaaaaaaaaaaaaaaaa",
        " a\0aaaaaaaaaaaaaaaaaaaa",
    ];
    compare_headers(ObjectKind::Tree, &contents.map(str::to_owned));
}

#[test]
fn limits_of_objects_in_pieces() {
    let name = vec![b'n'; 65_533];
    let content = tree(&[("100644", &name)], &ObjectId::from_sha1([7; 20]));
    let head = format!("tree {TREE}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n");
    let commit = [head.as_bytes(), &vec![b'x'; 200_000]].concat();
    let check = |kind, content: &[u8], entry_bytes_max, header_bytes_max| {
        let mut limits = gitwire_object::fsck::Limits::default();
        (limits.entry_bytes_max, limits.header_bytes_max) = (entry_bytes_max, header_bytes_max);
        let mut rules = Rules::strict();
        rules.configure(b"largePathname", b"ignore").unwrap();
        let mut checker = Checker::with_limits(rules, limits);
        let id = ObjectId::from_sha1([1; 20]);
        let sound = checker.check_pieces(&id, kind, &mut pieces_of(content, 30), &mut |_| {});
        sound.map_err(|error| error.to_string())
    };
    let (entry, header) = (content.len(), head.len());
    assert_eq!(check(ObjectKind::Tree, &content, entry, 0), Ok(true));
    let long = format!("tree entry of more than {} bytes", entry - 1);
    assert_eq!(check(ObjectKind::Tree, &content, entry - 1, 0), Err(long));
    assert_eq!(check(ObjectKind::Commit, &commit, 0, header), Ok(true));
    let long = format!("headers of more than {} bytes", header - 1);
    assert_eq!(check(ObjectKind::Commit, &commit, 0, header - 1), Err(long));
}
