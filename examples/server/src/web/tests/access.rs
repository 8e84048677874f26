//! Who sees what, and what is found by no path.

use http::Method;

use super::site::{TestSite, commits};

#[test]
fn every_page_asks_who_may_see_it() {
    let Some(site) = TestSite::new("access") else { return };
    let stream = commits(&[("one", &[("f", "secret\n")])]);
    for name in ["open.git", "private.git", "closed.git"] {
        site.repository(name, &stream);
    }
    let id = site.id(&site.root().join("open.git"), "main");
    let commit = format!("/-/commit/{id}");
    let (mut nobody, mut ann, mut bob) = (site.visitor(), site.signed_in("ann"), site.signed_in("bob"));
    let pages = ["", "/-/files", "/-/files/f", "/-/raw/f", "/-/commits", "/-/branches", "/-/tags", &commit];
    for page in pages {
        let path = |name: &str| format!("/{name}.git{page}");
        let mut seen =
            |name: &str| [nobody.status(&path(name)), ann.status(&path(name)), bob.status(&path(name))];
        assert_eq!(seen("open"), [200, 200, 200], "{page}");
        assert_eq!(seen("private"), [303, 200, 404], "{page}");
        assert_eq!(seen("closed"), [303, 200, 403], "{page}");
        assert_eq!(seen("missing"), [404, 404, 404], "{page}");
        let to = nobody.get(&path("private")).location().to_owned();
        assert_eq!(
            to,
            format!("/-/sign-in?next={}", super::super::route::encoded(path("private").as_bytes()))
        );
        // Private pages are kept by nobody.
        assert_eq!(ann.get(&path("private")).header("cache-control"), "private, no-store", "{page}");
        assert_eq!(nobody.get(&path("open")).header("cache-control"), "no-cache", "{page}");
    }
    let listed =
        |page: String| ["open", "private", "closed"].map(|name| page.contains(&format!("\"/{name}.git\"")));
    assert_eq!(listed(nobody.page("/")), [true, false, false]);
    assert_eq!(listed(ann.page("/")), [true, true, true]);
    assert_eq!(listed(bob.page("/")), [true, false, false]);
    assert!(!nobody.page("/?q=private").contains("/private.git"));
}

#[test]
fn a_link_does_not_lead_around_a_decision() {
    let Some(site) = TestSite::new("links") else { return };
    let elsewhere = TestSite::new("links-elsewhere").unwrap();
    let stream = commits(&[("one", &[("f", "secret\n")])]);
    site.repository("private.git", &stream);
    elsewhere.repository("outside.git", &stream);
    std::os::unix::fs::symlink("private.git", site.root().join("open.git")).unwrap();
    std::os::unix::fs::symlink(elsewhere.root().join("outside.git"), site.root().join("out.git")).unwrap();
    let mut nobody = site.visitor();
    assert_eq!([nobody.status("/open.git"), nobody.status("/out.git")], [303, 404]);
    assert!(nobody.page("/").contains("No repositories yet"));
    assert_eq!(site.signed_in("ann").status("/out.git"), 404);
}

#[test]
fn paths_lead_nowhere_else() {
    let Some(site) = TestSite::new("paths") else { return };
    let stream = b"commit refs/heads/main\ncommitter A <a> 1 +0000\ndata 1\nx\n\
        M 100644 inline d/f\ndata 2\nf\n\nM 120000 inline link\ndata 9\n/etc/host\n\
        M 120000 inline dirlink\ndata 1\nd\nM 160000 0123456789012345678901234567890123456789 module\n\n";
    let path = site.repository("r.git", stream);
    std::fs::write(path.join("secret"), "x").unwrap();
    let mut nobody = site.visitor();
    for (path, status) in [
        ("files/d", 200),
        ("files/d/f", 200),
        ("files/link", 200),
        ("raw/link", 200),
        ("files/d/f/x", 404),
        ("files/dirlink/f", 404),
        ("files/module", 404),
        ("files/module/x", 404),
        ("files/x", 404),
        ("files/secret", 404),
        ("files/..", 404),
        ("files/../secret", 404),
        ("files/d/../../secret", 404),
        ("files/%2e%2e/secret", 404),
        ("files/..%2fsecret", 404),
        ("files/d%2ff", 404),
        ("files/d%00", 404),
        ("files/%", 400),
        ("raw/d", 404),
        ("raw/module", 404),
        ("raw/..%2f..%2f..%2fetc/passwd", 404),
        ("files/d?branch=nothing", 404),
        ("files/d?branch=../heads/main", 404),
        ("files/d?branch=main", 200),
        ("files/d?tag=main", 404),
        ("files/d?commit=main", 404),
        ("files/d?commit=HEAD", 404),
        ("commit/main", 404),
        ("commit/0000000000000000000000000000000000000000", 404),
        ("commit/0123", 404),
    ] {
        assert_eq!(nobody.status(&format!("/r.git/-/{path}")), status, "{path}");
    }
    let seen = nobody.get("/r.git/-/raw/link");
    assert_eq!(seen.text(), "/etc/host", "a link is shown, not followed");
    for path in ["/r.git/objects", "/r.git/config", "/../r.git", "/r.git/x", "/R.git", "/.git", "/r.git/.."] {
        assert_eq!(nobody.status(path), 404, "{path}");
    }
}

#[test]
fn what_is_hidden_or_taken_back_is_not_found_by_its_id() {
    let Some(site) = TestSite::new("hidden") else { return };
    let path = site.repository("r.git", &commits(&[("one", &[("f", "1\n")]), ("two", &[("f", "2\n")])]));
    let (one, two) = (site.id(&path, "main~1"), site.id(&path, "main"));
    let tree = site.id(&path, "main^{tree}");
    site.git.ok(&path, ["update-ref", "refs/heads/secret/x", &two]);
    site.git.ok(&path, ["tag", "-a", "-m", "t", "old", &one]);
    site.git.ok(&path, ["update-ref", "refs/heads/main", &one]);
    let mut nobody = site.visitor();
    let mut seen = |id: &str| {
        ["commit/ID", "files?commit=ID", "raw/f?commit=ID"]
            .map(|page| nobody.status(&format!("/r.git/-/{}", page.replace("ID", id))))
    };
    assert_eq!((seen(&one), seen(&two)), ([200; 3], [200; 3]));
    assert_eq!(seen(&tree), [404; 3], "a tree is no commit");
    site.git.ok(&path, ["config", "transfer.hideRefs", "refs/heads/secret"]);
    let mut site = site;
    site.limit(|_| {});
    let mut nobody = site.visitor();
    let mut seen = |id: &str| {
        ["commit/ID", "files?commit=ID", "raw/f?commit=ID"]
            .map(|page| nobody.status(&format!("/r.git/-/{}", page.replace("ID", id))))
    };
    assert_eq!((seen(&one), seen(&two)), ([200; 3], [404; 3]));
    let mut nobody = site.visitor();
    assert_eq!(nobody.status("/r.git/-/files?branch=secret/x"), 404);
    assert!(!nobody.page("/r.git/-/branches").contains("secret"));
    site.git.ok(&path, ["update-ref", "-d", "refs/heads/secret/x"]);
    assert_eq!(nobody.status(&format!("/r.git/-/commit/{two}")), 404);
}

#[test]
fn only_what_a_page_takes_is_taken() {
    let Some(site) = TestSite::new("methods") else { return };
    site.repository("r.git", b"");
    let mut nobody = site.visitor();
    for (path, allow) in [
        ("/", "GET, HEAD"),
        ("/r.git", "GET, HEAD"),
        ("/r.git/-/raw/x", "GET, HEAD"),
        ("/-/style.css", "GET, HEAD"),
        ("/-/sign-in", "GET, HEAD, POST"),
        ("/-/new", "GET, HEAD, POST"),
        ("/-/sign-out", "POST"),
    ] {
        for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::PATCH] {
            let seen = nobody.send(nobody.request(method.clone(), path, &[]));
            assert_eq!((seen.status.as_u16(), seen.header("allow")), (405, allow), "{method} {path}");
            assert!(seen.text().contains("<h1>Method not allowed</h1>"));
        }
        if !allow.contains("POST") {
            assert_eq!(nobody.post(path, &[]).status, 405, "{path}");
        } else if path != "/-/sign-out" {
            let seen = nobody.send(nobody.request(Method::HEAD, path, &[]));
            assert_ne!(seen.status, 405, "{path}");
        }
    }
}
