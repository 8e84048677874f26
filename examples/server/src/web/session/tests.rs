//! Sessions, tokens and attempts.

use std::time::Duration;

use super::*;

fn sessions(change: impl FnOnce(&mut Limits)) -> Sessions {
    let mut limits = Limits::default();
    change(&mut limits);
    Sessions::new(limits).unwrap()
}

fn headers(cookie: &str) -> HeaderMap {
    let value = cookie.split(';').next().unwrap();
    HeaderMap::from_iter([(COOKIE, value.parse().unwrap())])
}

/// The mark of every password.
fn mark(_: &str) -> Option<u64> {
    Some(1)
}

/// Signs somebody in; what its browser sends from then on.
fn sign_in(sessions: &Sessions, user: &str, now: Instant) -> HeaderMap {
    let visitor = sessions.visitor(&HeaderMap::new(), false, &mark, now);
    headers(&sessions.sign_in(user.into(), mark(user), &visitor, now).unwrap()[0])
}

fn who(sessions: &Sessions, headers: &HeaderMap, now: Instant) -> Option<String> {
    sessions.visitor(headers, false, &mark, now).principal.name().map(str::to_owned)
}

#[test]
fn a_session_lasts_until_it_is_old_or_idle_or_ended() {
    let sessions = sessions(|_| {});
    let start = Instant::now();
    let (hour, limits) = (Duration::from_secs(3600), Limits::default());
    let ann = sign_in(&sessions, "ann", start);
    assert_eq!(who(&sessions, &ann, start).as_deref(), Some("ann"));
    let second = Duration::from_secs(1);
    assert!(who(&sessions, &ann, start + limits.session_idle - second).is_some());
    assert!(who(&sessions, &ann, start + 2 * limits.session_idle - second).is_none());
    let ann = sign_in(&sessions, "ann", start);
    let mut now = start;
    while now + hour < start + limits.session_age {
        now += hour;
        assert!(who(&sessions, &ann, now).is_some());
    }
    assert!(who(&sessions, &ann, start + limits.session_age).is_none(), "however often it was used");
    let ann = sign_in(&sessions, "ann", start);
    let gone = sessions.sign_out(&sessions.visitor(&ann, false, &mark, start));
    assert!(gone.starts_with("gitwired-session=; ") && gone.contains("Max-Age=0"));
    assert!(who(&sessions, &ann, start).is_none());
}

#[test]
fn a_session_ends_with_the_password_that_began_it() {
    let sessions = sessions(|_| {});
    let now = Instant::now();
    for changed in [Some(2), None] {
        let ann = sign_in(&sessions, "ann", now);
        assert!(sessions.visitor(&ann, false, &mark, now).principal.name().is_some());
        assert!(sessions.visitor(&ann, false, &|_| changed, now).principal.name().is_none());
        assert!(sessions.visitor(&ann, false, &mark, now).principal.name().is_none(), "for ever");
    }
}

#[test]
fn the_oldest_session_makes_room() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let few = sessions(|limits| limits.sessions_per_user_max = 2);
    let other = sign_in(&few, "bob", at(0));
    let of_ann: Vec<_> = (1..=3).map(|nth| sign_in(&few, "ann", at(nth))).collect();
    let alive: Vec<_> = of_ann.iter().map(|headers| who(&few, headers, at(4)).is_some()).collect();
    assert_eq!(alive, [false, true, true]);
    assert!(who(&few, &other, at(4)).is_some(), "nobody ends those of others");
    let few = sessions(|limits| limits.sessions_max = 2);
    let all: Vec<_> = (0..3).map(|nth| sign_in(&few, &format!("u{nth}"), at(nth))).collect();
    let alive: Vec<_> = all.iter().map(|headers| who(&few, headers, at(4)).is_some()).collect();
    assert_eq!(alive, [false, true, true]);
    let none = sessions(|limits| limits.sessions_max = 0);
    let ann = sign_in(&none, "ann", start);
    assert!(who(&none, &ann, start).is_none());
}

#[test]
fn cookies_are_out_of_reach() {
    let sessions = sessions(|_| {});
    let now = Instant::now();
    for (secure, name, end) in [(false, "gitwired-", "SameSite=Lax"), (true, "__Host-gitwired-", "; Secure")]
    {
        let visitor = sessions.visitor(&HeaderMap::new(), secure, &mark, now);
        let (_, visit) = sessions.token(&visitor).unwrap();
        let [session, cleared] = sessions.sign_in("ann".into(), Some(1), &visitor, now).unwrap();
        for cookie in [visit.unwrap(), session, cleared] {
            assert!(
                cookie.starts_with(name) && cookie.contains("; Path=/; HttpOnly; SameSite=Lax"),
                "{cookie}"
            );
            assert!(cookie.ends_with(end) || cookie.contains("Max-Age=0"), "{cookie}");
            assert_eq!(cookie.contains("; Secure"), secure);
        }
    }
    // A cookie that was set over http says nothing over https.
    let ann = sign_in(&sessions, "ann", now);
    assert_eq!(sessions.visitor(&ann, true, &mark, now).principal, Principal::Anonymous);
    for bad in ["gitwired-session=", "gitwired-session=zz", "gitwired-session", "other=1"] {
        assert_eq!(
            sessions.visitor(&headers(bad), false, &mark, now).principal,
            Principal::Anonymous,
            "{bad}"
        );
    }
}

#[test]
fn a_token_is_good_for_its_visitor_alone() {
    let sessions = sessions(|_| {});
    let now = Instant::now();
    let visitor = |headers: &HeaderMap| sessions.visitor(headers, false, &mark, now);
    let (ann, bob) = (visitor(&sign_in(&sessions, "ann", now)), visitor(&sign_in(&sessions, "bob", now)));
    let (of_ann, cookie) = sessions.token(&ann).unwrap();
    assert!(cookie.is_none());
    assert!(sessions.is_token(&ann, of_ann.as_bytes()));
    assert!(!sessions.is_token(&bob, of_ann.as_bytes()));
    let nobody = visitor(&HeaderMap::new());
    let (token, cookie) = sessions.token(&nobody).unwrap();
    assert!(!sessions.is_token(&nobody, token.as_bytes()), "without the cookie");
    let nobody = visitor(&headers(&cookie.unwrap()));
    assert!(sessions.is_token(&nobody, token.as_bytes()));
    assert!(!sessions.is_token(&ann, token.as_bytes()));
    for bad in [
        "",
        "x",
        &of_ann.replace('a', "b").replace('0', "1"),
        &format!("{of_ann}0"),
        &of_ann.replace(|_| true, "+"),
    ] {
        assert!(!sessions.is_token(&ann, bad.as_bytes()), "{bad}");
    }
}

#[test]
fn nobody_tries_fast() {
    let sessions = sessions(|limits| (limits.failures_max, limits.failures_addresses_max) = (2, 2));
    let now = Instant::now();
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let (one, same) = (address("2001:db8::1"), address("2001:db8::2:1"));
    sessions.failed(one, now);
    assert!(sessions.may_try(one, now));
    sessions.failed(same, now);
    assert!(!sessions.may_try(one, now), "one network is one visitor");
    assert!(!sessions.may_try(same, now));
    assert!(sessions.may_try(address("192.0.2.1"), now));
    let later = now + Limits::default().failures_time;
    assert!(sessions.may_try(one, later));
    sessions.failed(one, later);
    assert!(sessions.may_try(one, later));
    // So many addresses and no more: the oldest is forgotten.
    for last in 1..=3_u64 {
        let at = later + Duration::from_secs(last);
        sessions.failed(address(&format!("192.0.2.{last}")), at);
        sessions.failed(address(&format!("192.0.2.{last}")), at);
    }
    let at = later + Duration::from_secs(3);
    let tries: Vec<bool> =
        (1..=3).map(|last| sessions.may_try(address(&format!("192.0.2.{last}")), at)).collect();
    assert_eq!(tries, [true, false, false]);
    assert_eq!(sessions.state().failures.len(), 2);
}
