//! A request of the control channel: it ends at the same place however it comes, what is read has no control characters, and every answer
//! is JSON of the size that was asked for.

use gitwire_server::control::{ControlAnswer, ControlCommand, ControlLimits, ObjectEnd};

/// What a client of the channel sends.
pub(super) fn control_request(data: &[u8]) {
    let limits = ControlLimits::default();
    let whole = ObjectEnd::default().find(data, &limits);
    let mut end = ObjectEnd::default();
    let mut found = Ok(None);
    for len in 0..=data.len() {
        found = end.find(&data[..len], &limits);
        if found != Ok(None) {
            break;
        }
    }
    assert_eq!(found, whole, "the end is elsewhere when bytes come one by one");
    let (parsed, error) = match whole {
        Ok(None) => return,
        Ok(Some(end)) => {
            assert!(end <= data.len() && data[end - 1] == b'}', "not behind a bracket");
            match ControlCommand::parse(&data[..end], &limits) {
                Ok(command) => (Some(command), String::new()),
                Err(error) => (None, error.to_string()),
            }
        }
        Err(error) => (None, error.to_string()),
    };
    let answer = match parsed {
        Some(command) => {
            let words = || command.args.iter().chain([&command.name]);
            assert!(
                words().all(|word| !word.chars().any(char::is_control)),
                "a control character came through"
            );
            let message = String::from_utf8_lossy(data).into_owned();
            ControlAnswer::Success { command, message }
        }
        None => ControlAnswer::Error(error),
    };
    for max in [256, 1024] {
        let text = answer.to_json(max);
        assert!(text.len() <= max, "{} bytes of at most {max}", text.len());
        assert!(text.starts_with('{') && !text.contains('\n'), "not one object on one line");
        let end = ObjectEnd::default().find(text.as_bytes(), &limits);
        assert_eq!(end, Ok(Some(text.len())), "an answer is not one object");
    }
}
