#![allow(clippy::arithmetic_side_effects, reason = "times in tests are small")]

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// What the watch says at each second of a peer that moves `bytes` in each second, until it gives up.
fn follow(rules: Deadlines, bytes: &[usize]) -> (usize, Option<Deadline>) {
    let start = crate::clock::now();
    let mut watch = Watch::new(rules);
    watch.wait(start);
    for (second, bytes) in (1..).zip(bytes) {
        let now = start + SECOND * second;
        if *bytes > 0 {
            watch.read(*bytes, now);
        }
        if let Err(TransportError::Deadline { deadline, .. }) = watch.check(now, 0) {
            return (second as usize, Some(deadline));
        }
    }
    (bytes.len(), None)
}

#[test]
fn first_byte() {
    let rules = Deadlines { first_byte: Some(3 * SECOND), ..Deadlines::none() };
    assert_eq!(follow(rules.clone(), &[0, 0, 0, 0]), (3, Some(Deadline::FirstByte)));
    assert_eq!(follow(rules, &[0, 1, 0, 0, 0, 0]), (6, None));
}

#[test]
fn idle() {
    let rules = Deadlines { idle: Some(3 * SECOND), ..Deadlines::none() };
    assert_eq!(follow(rules.clone(), &[1, 0, 0, 1, 0, 0, 0]), (7, Some(Deadline::Idle)));
    assert_eq!(follow(rules, &[0, 0, 1, 0, 0, 1]), (6, None));
}

#[test]
fn rate() {
    let rules = Deadlines { window_bytes_min: 10, rate_window: 3 * SECOND, ..Deadlines::none() };
    assert_eq!(follow(rules.clone(), &[4, 3, 3, 3, 3, 3]), (6, Some(Deadline::Rate)));
    assert_eq!(follow(rules.clone(), &[4, 3, 3, 0, 9, 1]), (6, None));
    // Silence is not slowness.
    assert_eq!(follow(rules, &[0; 9]), (9, None));
}

#[test]
fn what_was_sent_last_is_no_slowness_of_a_peer_that_thinks() {
    let rules = Deadlines { window_bytes_min: 10, rate_window: 3 * SECOND, ..Deadlines::none() };
    let start = crate::clock::now();
    let mut watch = Watch::new(rules);
    watch.wait(start);
    watch.written(5, start + SECOND);
    assert!(watch.check(start + 3 * SECOND, 0).is_ok());
    // As long as output waits, it counts how much is taken.
    watch.written(5, start + 4 * SECOND);
    assert!(watch.check(start + 6 * SECOND, 1).is_err());
}

#[test]
fn total() {
    let rules = Deadlines { total: Some(4 * SECOND), ..Deadlines::none() };
    assert_eq!(follow(rules, &[9; 9]), (4, Some(Deadline::Total)));
}

#[test]
fn time_of_the_application_does_not_count() {
    let start = crate::clock::now();
    let mut watch = Watch::new(Deadlines { idle: Some(3 * SECOND), ..Deadlines::none() });
    watch.wait(start);
    watch.rest();
    watch.wait(start + 60 * SECOND);
    assert_eq!(watch.due(), Some(start + 63 * SECOND));
    assert!(watch.check(start + 62 * SECOND, 0).is_ok());
    assert!(watch.check(start + 63 * SECOND, 0).is_err());
}

#[test]
fn keep_alive_is_due_once_an_interval() {
    let start = crate::clock::now();
    let mut watch = Watch::new(Deadlines { keep_alive: Some(5 * SECOND), ..Deadlines::none() });
    watch.wait(start);
    let due = |watch: &mut Watch, second| watch.check(start + SECOND * second, 0).unwrap();
    assert_eq!(due(&mut watch, 4), Due::Nothing);
    assert_eq!(due(&mut watch, 5), Due::KeepAlive);
    assert_eq!(due(&mut watch, 6), Due::Nothing);
    watch.written(1, start + 7 * SECOND);
    assert_eq!(due(&mut watch, 10), Due::Nothing);
    assert_eq!(due(&mut watch, 12), Due::KeepAlive);
}
