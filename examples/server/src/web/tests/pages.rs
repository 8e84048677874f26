//! What each page shows.

use super::site::{Seen, TestSite, commits};

fn project(site: &TestSite) -> String {
    let readme = "# Title\n\nSee [the code](src/main.rs) and ![a picture](logo.png).\n";
    let path = site.repository(
        "group/project.git",
        &commits(&[
            (
                "Begin\n\nWith a body.",
                &[("README.md", readme), ("src/main.rs", "fn main() {}\n"), ("logo.png", "\u{0}x")],
            ),
            ("Change the code", &[("src/main.rs", "fn main() {\n    run();\n}\n")]),
        ]),
    );
    site.git.ok(&path, ["tag", "-a", "-m", "One", "v1.0", "main~1"]);
    site.git.ok(&path, ["branch", "feature/x", "main~1"]);
    std::fs::write(path.join("description"), "What it is\n").unwrap();
    site.id(&path, "main")
}

/// What every page has.
#[track_caller]
fn check(path: &str, seen: &Seen) {
    let page = seen.text();
    assert_eq!(seen.header("content-type"), "text/html; charset=utf-8", "{path}");
    let policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
        form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    assert_eq!(seen.header("content-security-policy"), policy, "{path}");
    assert_eq!(seen.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(seen.header("referrer-policy"), "same-origin", "{path}");
    assert_eq!(seen.header("cross-origin-opener-policy"), "same-origin", "{path}");
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{path}");
    assert!(
        page.contains("<a class=\"skip\" href=\"#main\">") && page.contains("<main id=\"main\""),
        "{path}"
    );
    assert!(page.contains(" · gitwired</title>") && page.contains("name=\"viewport\""), "{path}");
    for word in ["style=\"", " onclick=", "<style", "http-equiv", "src=\"http", "href=\"//"] {
        assert!(!page.contains(word), "{path}: {word}");
    }
    // One first heading; each image says what it shows; each field has a label.
    let own = page.split("<div class=\"prose\">").next().unwrap();
    assert_eq!(own.matches("<h1").count(), 1, "{path}");
    assert_eq!(page.matches("<img").count(), page.matches(" alt=\"").count(), "{path}");
    for field in page.split("<input id=\"").skip(1) {
        let id = field.split('"').next().unwrap();
        assert!(
            page.contains(&format!("<label for=\"{id}\"")) || page.contains(&format!("for=\"{id}\">")),
            "{path}: {id}"
        );
    }
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{path}: ids are there once");
}

#[test]
fn every_page_is_whole_and_guarded() {
    let Some(site) = TestSite::new("whole") else { return };
    let id = project(&site);
    site.repository("empty.git", b"");
    let (mut nobody, mut ann) = (site.visitor(), site.signed_in("ann"));
    let commit = format!("/group/project.git/-/commit/{id}");
    for path in [
        "/",
        "/?q=nothing",
        "/-/sign-in",
        "/group/project.git",
        "/group/project.git/-/files/src",
        "/group/project.git/-/files/src/main.rs",
        "/group/project.git/-/files/README.md",
        "/group/project.git/-/files/logo.png",
        "/group/project.git/-/commits",
        "/group/project.git/-/branches",
        "/group/project.git/-/tags",
        &commit,
        "/empty.git",
        "/empty.git/-/commits",
        "/empty.git/-/branches",
        "/missing.git",
        "/-/missing",
        "/a%zz",
        "/group/project.git/-/files/missing",
    ] {
        check(path, &nobody.get(path));
        if path != "/-/sign-in" {
            check(path, &ann.get(path));
        }
    }
    check("/-/new", &ann.get("/-/new"));
    check("/-/new", &nobody.post("/-/new", &[]));
}

#[test]
fn the_style_and_the_script_are_files() {
    let Some(site) = TestSite::new("assets") else { return };
    let mut nobody = site.visitor();
    let page = nobody.page("/");
    for (start, kind) in [
        ("href=\"/-/style.css?", "text/css; charset=utf-8"),
        ("src=\"/-/copy.js?", "text/javascript; charset=utf-8"),
    ] {
        let (_, rest) = page.split_once(start).unwrap();
        let url = format!("{}{}", start.split_once('"').unwrap().1, rest.split('"').next().unwrap());
        let seen = nobody.get(&url);
        assert_eq!((seen.status.as_u16(), seen.header("content-type")), (200, kind));
        assert!(seen.header("cache-control").contains("immutable"));
        assert!(!seen.body.is_empty());
    }
    assert!(!nobody.get("/-/style.css").text().contains("http"), "nothing from elsewhere");
    assert!(nobody.get("/robots.txt").text().contains("Disallow: /*/-/\n"));
}

#[test]
fn a_repository_is_shown() {
    let Some(site) = TestSite::new("shown") else { return };
    let id = project(&site);
    let mut nobody = site.visitor();
    let dashboard = nobody.page("/");
    for word in
        ["href=\"/group/project.git\"", "What it is", "1 repository", "datetime=\"2023-11-14T22:14:20Z\""]
    {
        assert!(dashboard.contains(word), "{word}\n{dashboard}");
    }
    let home = nobody.page("/group/project.git");
    for word in [
        "<h1 id=\"doc-title\">Title</h1>",
        "href=\"/group/project.git/-/files/src/main.rs\"",
        "<img src=\"/group/project.git/-/raw/logo.png\" alt=\"a picture\"",
        "Change the code",
        "value=\"http://forge.example:8418/group/project.git\"",
        "value=\"git://forge.example:9418/group/project.git\"",
        "?branch=feature%2Fx",
        "?tag=v1.0",
    ] {
        assert!(home.contains(word), "{word}\n{home}");
    }
    let order = ["src<", "README.md<", "logo.png<"].map(|name| home.find(&format!(">{name}")));
    assert!(order[0] < order[1] && order[0].is_some(), "directories come first");
    // The last commit of each entry: src was changed by the second, the README by the first.
    let row =
        |name: &str| home.split("<tr>").find(|row| row.contains(&format!(">{name}<"))).unwrap().to_owned();
    assert!(row("src").contains("Change the code") && row("README.md").contains("Begin"));
    let at_tag = nobody.page("/group/project.git/-/files/src/main.rs?tag=v1.0");
    assert!(
        at_tag.contains("fn main() {}") && at_tag.contains("1 line<") && at_tag.contains("13 B"),
        "{at_tag}"
    );
    assert!(at_tag.contains("href=\"/group/project.git/-/files/src?tag=v1.0\""), "links stay at the tag");
    let file = nobody.page("/group/project.git/-/files/src/main.rs");
    assert!(file.contains("id=\"L3\"") && !file.contains("id=\"L4\""), "{file}");
    let commits = nobody.page("/group/project.git/-/commits");
    assert!(commits.find("Change the code") < commits.find(">Begin<"), "{commits}");
    let commit = nobody.page(&format!("/group/project.git/-/commit/{id}"));
    for word in [
        "@@ -1 +1,3 @@",
        "class=\"del\"",
        "class=\"add\"",
        "run();",
        "1 changed file<",
        "Browse files",
        ">Parent<",
    ] {
        assert!(commit.contains(word), "{word}\n{commit}");
    }
    let first = nobody.page("/group/project.git/-/commits?tag=v1.0");
    assert!(first.contains(">Begin<") && !first.contains("Change the code"));
    let tags = nobody.page("/group/project.git/-/tags");
    assert!(tags.contains("href=\"/group/project.git?tag=v1.0\"") && tags.contains("Begin"));
    let branches = nobody.page("/group/project.git/-/branches");
    assert!(
        branches.contains("default")
            && branches.find(">main<") < branches.find("<a href=\"/group/project.git?branch=feature%2Fx\">")
    );
    let short = nobody.page("/group/project");
    assert!(short.contains("href=\"/group/project/-/commits\""), "the end may be left out");
}

#[test]
fn bytes_are_never_run() {
    let Some(site) = TestSite::new("raw") else { return };
    let png = b"\x89PNG\r\n\x1a\n rest";
    let mut stream = b"commit refs/heads/main\ncommitter A <a> 1 +0000\ndata 1\nx\n".to_vec();
    let large: Vec<u8> = (0..700_000_u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let files: [(&str, &[u8]); 7] = [
        ("page.html", b"<script>alert(1)</script>"),
        ("image.svg", b"<svg onload=alert(1)>"),
        ("image.png", png),
        ("fake.png", b"<script>"),
        ("bytes", b"a\0b"),
        ("large", &large),
        ("empty", b""),
    ];
    for (name, content) in files {
        stream.extend(format!("M 100644 inline {name}\ndata {}\n", content.len()).into_bytes());
        stream.extend(content);
        stream.push(b'\n');
    }
    site.repository("r.git", &stream);
    let mut nobody = site.visitor();
    for ((name, content), kind) in files.into_iter().zip([
        "text/plain; charset=utf-8",
        "text/plain; charset=utf-8",
        "image/png",
        "text/plain; charset=utf-8",
        "application/octet-stream",
        "text/plain; charset=utf-8",
        "text/plain; charset=utf-8",
    ]) {
        let seen = nobody.get(&format!("/r.git/-/raw/{name}"));
        assert_eq!((seen.status.as_u16(), seen.header("content-type")), (200, kind), "{name}");
        assert_eq!(seen.header("content-security-policy"), "default-src 'none'; sandbox", "{name}");
        assert_eq!(seen.header("x-content-type-options"), "nosniff", "{name}");
        let how = if name == "bytes" { "attachment" } else { "inline" };
        assert_eq!(seen.header("content-disposition"), format!("{how}; filename*=UTF-8''{name}"));
        assert!(seen.body == content, "{name}");
    }
    let page = |name: &str| site.visitor().page(&format!("/r.git/-/files/{name}"));
    assert!(page("image.png").contains("<img src=\"/r.git/-/raw/image.png\" alt=\"image.png\">"));
    assert!(page("bytes").contains("This file is binary."));
    assert!(page("empty").contains("This file is empty."));
    assert!(page("large").contains("This file is larger than what is shown here."));
}

#[test]
fn heads_of_all_kinds_are_shown() {
    let Some(site) = TestSite::new("heads") else { return };
    let stream = commits(&[("one", &[("f", "1\n")]), ("two", &[("f", "2\n")])]);
    let path = site.repository("r.git", &stream);
    let mut nobody = site.visitor();
    site.git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/gone"]);
    assert!(nobody.page("/r.git").contains(">two<"), "the first branch stands in");
    let id = site.id(&path, "main~1");
    site.git.ok(&path, ["update-ref", "--no-deref", "HEAD", &id]);
    let page = nobody.page("/r.git");
    assert!(page.contains(">one<") && page.contains(id.get(..10).unwrap()));
    // A repository of the other hash, and one with a work tree.
    site.git.ok(site.root(), ["init", "-q", "--bare", "--object-format=sha256", "other.git"]);
    site.git.ok(&site.root().join("other.git"), ["symbolic-ref", "HEAD", "refs/heads/main"]);
    site.import(&site.root().join("other.git"), &stream);
    let other = site.id(&site.root().join("other.git"), "main");
    assert!(nobody.page(&format!("/other.git/-/commit/{other}")).contains("+</span>2"));
    site.git.ok(site.root(), ["init", "-q", "tree"]);
    site.import(&site.root().join("tree"), &stream);
    let page = site.signed_in("ann").page("/?q=tree");
    assert!(page.contains("href=\"/tree\""), "{page}");
    // A shallow clone: the parent is not here, and that is said.
    let url = format!("file://{}", path.display());
    site.git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/main"]);
    site.git.ok(site.root(), ["clone", "-q", "--bare", "--depth", "1", &url, "shallow.git"]);
    let tip = site.id(&path, "main");
    let page = nobody.page(&format!("/shallow.git/-/commit/{tip}"));
    assert!(page.contains("(not here)") && page.contains("nothing can be compared"), "{page}");
    assert!(nobody.page("/shallow.git/-/commits").contains(">two<"));
}
