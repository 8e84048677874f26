//! What a page may cost, at each limit and one past it.

use std::time::Duration;

use super::super::limits::Limits;
use super::site::{TestSite, commits};

/// A site with one repository: 3 commits, 3 files in the root and 2 in a directory.
fn site(name: &str) -> Option<TestSite> {
    let site = TestSite::new(name)?;
    let path = site.repository(
        "r.git",
        &commits(&[
            ("one", &[("a", "1\n"), ("b", "1\n2\n"), ("d/x", "1\n")]),
            ("two", &[("a", "2\n")]),
            ("three", &[("a", "3\n"), ("b", "3\n4\n"), ("d/e/y", "1\n")]),
        ]),
    );
    for name in ["refs/heads/k", "refs/heads/l", "refs/tags/t", "refs/tags/u", "refs/tags/v"] {
        site.git.ok(&path, ["update-ref", name, "main"]);
    }
    Some(site)
}

/// `path` shows `sign` where the limit is `max`, and does not where it is one less.
#[track_caller]
fn check(site: &mut TestSite, path: &str, set: fn(&mut Limits, usize), max: usize, sign: &str) {
    for (limit, expected) in [(max, true), (max - 1, false)] {
        site.limit(|limits| set(limits, limit));
        let page = site.visitor().get(path).text();
        assert_eq!(page.contains(sign), expected, "{path} at {limit}: {sign}\n{page}");
    }
}

#[test]
fn each_limit_holds() {
    let Some(mut site) = site("limits") else { return };
    let site = &mut site;
    check(
        site,
        "/r.git/-/tags",
        |l, n| (l.pages_max, l.page_time) = (n, Duration::from_secs(1)),
        1,
        "<h1>Tags</h1>",
    );
    let id = site.id(&site.root().join("r.git"), "main");
    let commit = format!("/r.git/-/commit/{id}");
    check(site, "/r.git/-/files/b", |l, n| l.shown_bytes_max = n as u64, 4, "id=\"L2\"");
    check(site, "/r.git/-/files/b", |l, n| l.shown_lines_max = n, 2, "id=\"L2\"");
    check(site, "/r.git/-/files", |l, n| l.entries_max = n, 3, "-/files/b\"");
    check(site, "/r.git/-/files/d/e", |l, n| l.path_depth_max = n, 2, "-/files/d/e/y\"");
    check(site, "/r.git/-/files", |l, n| l.last_changes_max = n, 1, ">three</a></td>");
    check(site, "/r.git/-/commits", |l, n| l.rows_max = n, 3, ">one<");
    check(site, "/r.git/-/commits", |l, n| l.log_max = n, 3, ">one<");
    check(site, "/r.git/-/tags", |l, n| l.rows_max = n, 3, "?tag=t\">t<");
    check(site, "/r.git/-/tags", |l, n| l.refs_max = n, 3, "?tag=v\">v<");
    check(site, "/r.git/-/branches", |l, n| l.refs_max = n, 3, "Branches <span class=\"n\">3<");
    check(site, &commit, |l, n| l.changes_max = n, 3, ">d/e/y<");
    check(site, &commit, |l, n| l.change_trees_max = n, 5, ">d/e/y<");
    check(site, &commit, |l, n| l.diff_files_max = n, 3, "+</span>1");
    check(site, &commit, |l, n| l.diff_bytes_max = n as u64, 4, "+</span>4");
    check(site, &commit, |l, n| l.diff_lines_max = n, 7, "+</span>1");
    let depth = |l: &mut Limits, n| l.path_depth_max = n;
    check(site, &commit, depth, 2, ">d/e/y<");
    // A fourth commit is needed to reach the first one and no less.
    let first = site.id(&site.root().join("r.git"), "main~2");
    let first = format!("/r.git/-/commit/{first}");
    check(site, &first, |l, n| l.reach_max = u32::try_from(n).unwrap(), 3, ">one</h1>");
    let tree = site.git.ok(&site.root().join("r.git"), ["cat-file", "-s", "main^{tree}"]);
    let tree: usize = String::from_utf8(tree).unwrap().trim().parse().unwrap();
    let size = site.git.ok(&site.root().join("r.git"), ["cat-file", "-s", "main"]);
    let size: usize = String::from_utf8(size).unwrap().trim().parse().unwrap();
    check(site, "/r.git/-/files", |l, n| l.object_bytes_max = n as u64, tree.max(size), "-/files/b\"");
}

#[test]
fn long_names_and_messages_are_cut() {
    let Some(mut site) = TestSite::new("long") else { return };
    let message = format!("{}\n\n{}", "s".repeat(30), "b".repeat(30));
    let (name, long) = ("n".repeat(20), "n".repeat(21));
    let path = site.repository("r.git", &commits(&[(&message, &[(&name, "1\n"), (&long, "1\n")])]));
    let one = site.id(&path, "main");
    let tree = site.id(&path, "main^{tree}");
    let mut merge = vec!["commit-tree".to_owned(), "-m".to_owned(), "many".to_owned(), tree];
    for nth in 0..3 {
        let commit = ["commit-tree", "-m", &format!("{nth}"), "-p", &one, &format!("{one}^{{tree}}")];
        let parent = String::from_utf8(site.git.ok(&path, commit)).unwrap();
        merge.extend(["-p".to_owned(), parent.trim().to_owned()]);
    }
    let merge = String::from_utf8(site.git.ok(&path, merge)).unwrap();
    site.git.ok(&path, ["update-ref", "refs/heads/many", merge.trim()]);
    let (one, many) = (format!("/r.git/-/commit/{one}"), format!("/r.git/-/commit/{}", merge.trim()));
    let site = &mut site;
    let subject = format!("<h1>{}</h1>", "s".repeat(30));
    check(site, &one, |l, n| l.message_max = n, 30, &subject);
    check(site, &one, |l, n| l.message_max = n, 30, &format!("{}</pre>", "b".repeat(30)));
    check(site, &many, |l, n| l.parents_max = n, 3, "<dt>Parent 3</dt>");
    for page in ["/r.git/-/files", &one] {
        let link = |name: &str| format!("/-/files/{name}");
        site.limit(|limits| limits.name_bytes_max = 20);
        let shown = site.visitor().page(page);
        assert!(
            shown.contains(&link(&name)) && !shown.contains(&link(&long)) && !shown.contains(&long),
            "{shown}"
        );
        assert!(shown.contains(&format!("{name}…")));
        site.limit(|limits| limits.name_bytes_max = 21);
        assert!(site.visitor().page(page).contains(&link(&long)));
    }
}

#[test]
fn what_changed_is_not_looked_for_for_ever() {
    let Some(mut site) = site("changes-time") else { return };
    site.limit(|limits| limits.changes_time = Duration::ZERO);
    let id = site.id(&site.root().join("r.git"), "main");
    let listing = site.visitor().page("/r.git/-/files");
    assert!(listing.contains("-/files/b\"") && !listing.contains("<td class=\"when\"><time"), "{listing}");
    let commit = site.visitor().page(&format!("/r.git/-/commit/{id}"));
    assert!(commit.contains("More files were changed than a page shows"), "{commit}");
}

#[test]
fn tags_are_listed_by_date_where_they_are_few() {
    let Some(mut site) = site("dated") else { return };
    let path = site.root().join("r.git");
    site.git.ok(&path, ["update-ref", "refs/tags/z", "main~2"]);
    for (max, newest_first) in [(4, true), (3, false)] {
        site.limit(|limits| limits.dated_refs_max = max);
        let page = site.visitor().page("/r.git/-/tags");
        assert_eq!(page.find("?tag=v\">v<") < page.find("?tag=z\">z<"), newest_first, "{max}");
    }
}

#[test]
fn lists_go_on_where_a_page_ends() {
    let Some(mut site) = site("paging") else { return };
    site.limit(|limits| limits.rows_max = 2);
    let mut nobody = site.visitor();
    let first = nobody.page("/r.git/-/commits");
    assert!(first.contains(">three<") && first.contains("?page=2") && !first.contains("?page=0"), "{first}");
    let second = nobody.page("/r.git/-/commits?page=2");
    assert!(
        second.contains(">one<") && second.contains("?page=1") && !second.contains("?page=3"),
        "{second}"
    );
    for page in ["3", "999999999999", "0", "-1", "x", ""] {
        assert_eq!(nobody.status(&format!("/r.git/-/commits?page={page}")), 200, "{page}");
    }
    assert!(nobody.page("/r.git/-/tags").contains("/r.git/-/tags?page=2"));
    assert!(nobody.page("/r.git/-/tags?page=2").contains("?tag=t\">t<"));
}

#[test]
fn the_dashboard_ends_somewhere() {
    let Some(mut site) = TestSite::new("dashboard") else { return };
    for (nth, name) in ["old.git", "g/h/i/deep.git", "new.git", "empty.git"].iter().enumerate() {
        let stream = commits(&[("one", &[("f", "1\n")])]);
        let stream = String::from_utf8(stream)
            .unwrap()
            .replace("1700000000", &format!("{}", 1_700_000_000 + nth * 1000));
        site.repository(name, if *name == "empty.git" { b"" } else { stream.as_bytes() });
    }
    let order = |page: &str| {
        let mut found: Vec<(usize, &str)> = ["old", "deep", "new", "empty"]
            .into_iter()
            .filter_map(|name| page.find(&format!("{name}.git\"")).map(|at| (at, name)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" ")
    };
    let mut seen = |path: &str, change: fn(&mut Limits)| {
        site.limit(change);
        let page = site.visitor().page(path);
        order(&page)
    };
    assert_eq!(seen("/", |_| {}), "new deep old empty");
    assert_eq!(seen("/", |l| l.rows_max = 4), "new deep old empty");
    assert_eq!(seen("/", |l| l.rows_max = 3), "new deep old");
    assert_eq!(seen("/?page=2", |l| l.rows_max = 3), "empty");
    assert_eq!(seen("/?q=E", |_| {}), "new deep empty");
    assert_eq!(seen("/?q=g%2Fh", |_| {}), "deep");
    assert_eq!(seen("/", |l| l.repositories_depth_max = 4), "new deep old empty");
    assert_eq!(seen("/", |l| l.repositories_depth_max = 3), "new old empty");
    // Four entries of the root and three on the way down.
    assert_eq!(seen("/", |l| l.repositories_entries_max = 7), "new deep old empty");
    assert_ne!(seen("/", |l| l.repositories_entries_max = 6), "new deep old empty");
    assert_eq!(seen("/", |l| l.repositories_max = 4).split(' ').count(), 4);
    assert_eq!(seen("/", |l| l.repositories_max = 3).split(' ').count(), 3);
    // `info` and `pack` of the empty one, and their nothing.
    site.limit(|l| l.size_files_max = 2);
    assert!(!site.visitor().page("/?q=empty").contains("over"));
    site.limit(|l| l.size_files_max = 1);
    assert!(site.visitor().page("/?q=empty").contains("over"));
}

#[test]
fn a_page_that_takes_too_long_is_given_up() {
    let Some(mut site) = site("time") else { return };
    site.limit(|limits| limits.page_time = Duration::ZERO);
    let seen = site.visitor().get("/r.git/-/commits");
    assert_eq!(seen.status, 503);
    assert!(seen.text().contains("<h1>Too slow</h1>"));
    assert_eq!(site.visitor().status("/"), 503);
    // Comparisons get coarser first.
    site.limit(|limits| limits.diff_time = Duration::ZERO);
    let id = site.id(&site.root().join("r.git"), "main");
    assert!(site.visitor().page(&format!("/r.git/-/commit/{id}")).contains("+</span>4"));
}
