//! Signing in and out, forms, and who sends them.

use std::time::Duration;

use http::Method;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::super::reply::PageBody;
use super::site::TestSite;

const RIGHT: &str = " right + & % ";

#[test]
fn who_signs_in_comes_back_to_where_it_was() {
    let Some(site) = TestSite::new("sign-in") else { return };
    let mut ann = site.visitor();
    let page = ann.page("/");
    assert!(page.contains("href=\"/-/sign-in?next=%2F\"") && !page.contains("Sign out"));
    let form = ann.page("/-/sign-in?next=/a.git/-/commits?page%3D2");
    assert!(form.contains("name=\"next\" value=\"/a.git/-/commits?page=2\""), "{form}");
    let token = ann.token("/-/sign-in");
    let before = ann.cookies.clone();
    let fields = [("token", token.as_str()), ("user", "ann"), ("password", RIGHT), ("next", "/a.git?x=1")];
    let seen = ann.post("/-/sign-in", &fields);
    assert_eq!((seen.status.as_u16(), seen.location()), (303, "/a.git?x=1"));
    assert_ne!(ann.cookies, before, "who signs in gets another cookie");
    assert_eq!(ann.cookies.len(), 1);
    let page = ann.page("/");
    assert!(page.contains("Sign out") && page.contains(">ann<"));
    assert_eq!(ann.get("/-/sign-in?next=/b.git").location(), "/b.git", "there is nothing to sign in for");

    let kept = ann.cookies.clone();
    assert_eq!(ann.status("/-/sign-out"), 405);
    assert_eq!(ann.post("/-/sign-out", &[]).status, 403);
    let token = ann.token("/");
    assert_eq!(ann.post("/-/sign-out", &[("token", &token)]).status, 303);
    assert!(ann.cookies.is_empty());
    ann.cookies = kept;
    assert!(!ann.page("/").contains("Sign out"), "the session has ended on our side too");
}

#[test]
fn a_wrong_password_is_told_and_the_form_stays() {
    let Some(site) = TestSite::new("wrong") else { return };
    let mut ann = site.visitor();
    let token = ann.token("/-/sign-in");
    for (user, password) in [("ann", "wrong"), ("nobody", RIGHT), ("", ""), ("ann", "right + & %")] {
        let fields = [("token", token.as_str()), ("user", user), ("password", password), ("next", "/x.git")];
        let seen = ann.post("/-/sign-in", &fields);
        assert_eq!(seen.status, 403, "{user}");
        let page = seen.text();
        assert!(page.contains("The name or the password is wrong."), "{page}");
        assert!(page.contains("value=\"/x.git\"") && !page.contains("wrong\""), "{page}");
    }
    let fields = [("token", token.as_str()), ("user", "later"), ("password", "x")];
    assert_eq!(ann.post("/-/sign-in", &fields).status, 429);
}

#[test]
fn nobody_is_sent_elsewhere() {
    let Some(site) = TestSite::new("next") else { return };
    for next in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"]
    {
        let mut ann = site.visitor();
        let token = ann.token(&format!("/-/sign-in?next={}", super::super::route::encoded(next.as_bytes())));
        let fields = [("token", token.as_str()), ("user", "ann"), ("password", RIGHT), ("next", next)];
        assert_eq!(ann.post("/-/sign-in", &fields).location(), "/", "{next}");
        let seen = ann.get(&format!("/-/sign-in?next={}", super::super::route::encoded(next.as_bytes())));
        assert_eq!(seen.location(), "/", "{next}");
    }
}

#[test]
fn forms_of_others_are_refused() {
    let Some(site) = TestSite::new("csrf") else { return };
    let (mut ann, mut bob) = (site.signed_in("ann"), site.signed_in("bob"));
    let (of_ann, of_bob) = (ann.token("/-/new"), bob.token("/-/new"));
    let make = |token: &str| {
        [
            ("token".to_owned(), token.to_owned()),
            ("name".to_owned(), "x".to_owned()),
            ("branch".to_owned(), "main".to_owned()),
        ]
    };
    let refused =
        ["", "x", &of_bob, &of_ann.to_uppercase().replace(char::is_alphabetic, "0"), &format!("{of_ann} ")];
    for token in refused {
        let fields = make(token);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let seen = ann.post("/-/new", &fields);
        assert_eq!(seen.status, 403, "{token}");
        assert!(seen.text().contains("This form did not come from a page of ours."));
    }
    assert_eq!(ann.post("/-/new", &[("name", "x"), ("branch", "main")]).status, 403);
    // The token in the URL is none in the form.
    assert_eq!(ann.post(&format!("/-/new?token={of_ann}"), &[("name", "x"), ("branch", "main")]).status, 403);
    // A token without the cookie that it was made for.
    let mut nobody = site.visitor();
    let token = nobody.token("/-/sign-in");
    nobody.cookies.clear();
    let fields = [("token", token.as_str()), ("user", "ann"), ("password", RIGHT)];
    assert_eq!(nobody.post("/-/sign-in", &fields).status, 403);
    // What the browser says comes from another site.
    for (said, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 422)] {
        let mut request =
            ann.request(Method::POST, "/-/new", &[("token", &of_ann), ("name", "y"), ("branch", "main")]);
        request
            .headers_mut()
            .insert(HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static(said));
        assert_eq!(ann.send(request).status.as_u16(), status, "{said}");
    }
    assert!(!site.root().join("x.git").exists() && site.root().join("y.git").exists());
}

#[test]
fn forms_are_small_and_of_one_kind() {
    let Some(mut site) = TestSite::new("form-size") else { return };
    let mut ann = site.visitor();
    let token = ann.token("/-/sign-in");
    let cookies = ann.cookies.clone();
    let fields = [("token", token.as_str()), ("user", "ann"), ("password", "x")];
    for kind in ["text/plain", "multipart/form-data", ""] {
        let mut request = ann.request(Method::POST, "/-/sign-in", &fields);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
        assert_eq!(ann.send(request).status, 415, "{kind}");
    }
    let size = "token=".len() + token.len() + "&user=ann&password=x".len();
    for (max, status) in [(size, 403), (size - 1, 413), (0, 413)] {
        site.limit(|limits| limits.form_bytes_max = max);
        let mut ann = site.visitor();
        ann.cookies = cookies.clone();
        // The token is another server's now, which is looked at only where the form was read.
        assert_eq!(ann.post("/-/sign-in", &fields).status.as_u16(), status, "{max}");
    }
}

#[test]
fn a_form_that_does_not_arrive_is_not_waited_for() {
    let Some(mut site) = TestSite::new("form-time") else { return };
    site.limit(|limits| limits.form_time = Duration::ZERO);
    let mut ann = site.visitor();
    let token = ann.token("/-/sign-in");
    let fields = [("token", token.as_str()), ("user", "ann"), ("password", RIGHT)];
    let mut stalled = ann.request(Method::POST, "/-/sign-in", &fields);
    let (_sender, pieces) = tokio::sync::mpsc::channel(1);
    *stalled.body_mut() = PageBody::Pieces { pieces, left: 100 };
    assert_eq!(ann.send(stalled).status, 408);
    assert_eq!(ann.post("/-/sign-in", &fields).status, 303, "what is there needs no waiting");
}

#[test]
fn so_many_sign_in_at_once() {
    let Some(mut site) = TestSite::new("sign-ins") else { return };
    for (max, status) in [(1, 303), (0, 429)] {
        site.limit(|limits| (limits.sign_ins_max, limits.sign_in_wait) = (max, Duration::ZERO));
        let mut ann = site.visitor();
        let token = ann.token("/-/sign-in");
        let fields = [("token", token.as_str()), ("user", "ann"), ("password", RIGHT)];
        assert_eq!(ann.post("/-/sign-in", &fields).status.as_u16(), status);
    }
}

#[test]
fn nobody_tries_passwords_for_ever() {
    let Some(mut site) = TestSite::new("failures") else { return };
    site.limit(|limits| limits.failures_max = 2);
    let mut ann = site.visitor();
    let token = ann.token("/-/sign-in");
    let mut attempt = |password: &str| {
        let fields = [("token", token.as_str()), ("user", "ann"), ("password", password)];
        ann.post("/-/sign-in", &fields).status.as_u16()
    };
    assert_eq!([attempt("a"), attempt("b"), attempt("c"), attempt(RIGHT)], [403, 403, 429, 429]);
    site.limit(|limits| limits.failures_max = 0);
    let mut ann = site.visitor();
    let token = ann.token("/-/sign-in");
    let fields = [("token", token.as_str()), ("user", "ann"), ("password", RIGHT)];
    assert_eq!(ann.post("/-/sign-in", &fields).status, 429);
}

#[test]
fn repositories_are_made_by_who_may() {
    let Some(site) = TestSite::new("new") else { return };
    let mut nobody = site.visitor();
    assert_eq!(nobody.get("/-/new").location(), "/-/sign-in?next=%2F");
    let (mut ann, mut bob) = (site.signed_in("ann"), site.signed_in("bob"));
    let (of_ann, of_bob) = (ann.token("/-/new"), bob.token("/-/new"));
    let fields = |token: &str, name: &str| {
        [("token", token), ("name", name), ("description", " a <b> "), ("branch", "trunk")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
    };
    let mut make = |by_ann: bool, name: &str| {
        let (visitor, token) = if by_ann { (&mut ann, &of_ann) } else { (&mut bob, &of_bob) };
        let fields = fields(token, name);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let seen = visitor.post("/-/new", &fields);
        (seen.status.as_u16(), seen.location().to_owned(), seen.text())
    };
    let (status, place, _) = make(true, "tools/one");
    assert_eq!((status, place.as_str()), (303, "/tools/one.git"));
    let (status, _, page) = make(true, "tools/one.git");
    assert_eq!(status, 422);
    assert!(
        page.contains("there is a repository of this name already")
            && page.contains("value=\"tools/one.git\"")
    );
    assert!(page.contains("value=\"a &#60;b&#62;\""), "what was typed stays: {page}");
    let (status, _, page) = make(false, "tools/two");
    assert_eq!(status, 422);
    assert!(page.contains("you may not make a repository of this name"));
    assert_eq!(make(false, "bob/two").0, 303);
    for name in
        ["", "..", "../x", "a/../b", ".x", "-x", "a b", "x.lock", "a/b/c", "tools/one.git/y", "<script>"]
    {
        assert_eq!(make(true, name).0, 422, "{name}");
    }
    let page = site.visitor().page("/tools/one.git");
    assert!(page.contains("This repository is empty") && page.contains("git init -b trunk"), "{page}");
    assert!(page.contains("a &#60;b&#62;"));
    assert!(
        page.contains("http://forge.example:8418/tools/one.git")
            && page.contains("git://forge.example:9418/tools/one.git")
    );
    let all = site.visitor().page("/");
    assert!(
        all.contains("href=\"/tools/one.git\"")
            && all.contains("href=\"/bob/two.git\"")
            && all.contains("no commits")
    );
}
