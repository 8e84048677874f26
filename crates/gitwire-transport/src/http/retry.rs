//! Servers that have too much to do (RFC 6585, section 4): when a request is sent again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::Response;
use hyper::header::RETRY_AFTER;

use crate::{HttpError, Retries};

/// How long to wait before a request that was refused for now is sent again.
pub(super) fn wait<B>(retries: &Retries, response: &Response<B>, url: &str) -> Result<Duration, HttpError> {
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked = header.and_then(|text| after(text.trim(), now()));
    let wait = asked.unwrap_or(retries.after);
    if wait <= retries.wait_max {
        return Ok(wait);
    }
    let (url, seconds, max) = (url.to_owned(), wait.as_secs(), retries.wait_max.as_secs());
    Err(match asked {
        Some(_) => HttpError::RetryTooLate { url, seconds, max },
        None => HttpError::RetryTooLong { seconds, max },
    })
}

/// What a `Retry-After` header says (RFC 9110, section 10.2.3): seconds, or a date, which may have passed.
fn after(text: &str, now: i64) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let wait = date(text)?.saturating_sub(now);
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, or the same with a zone of digits: seconds since 1970.
fn date(text: &str) -> Option<i64> {
    let (_weekday, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok().filter(|part| *part < 61));
    let (hours, minutes, seconds) = (clock.next()??, clock.next()??, clock.next()??);
    let east = match words.next()? {
        "GMT" => 0,
        zone => {
            let number: i64 = zone.parse().ok().filter(|_| zone.len() == 5)?;
            number.checked_div(100)?.checked_mul(60)?.checked_add(number.checked_rem(100)?)?
        }
    };
    let past = clock.next().is_some() || words.next().is_some();
    if past || !(1..=31).contains(&day) || !(1970..=9999).contains(&year) {
        return None;
    }
    let month = i64::try_from(month).ok()?.checked_add(1)?;
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?.checked_sub(east)?;
    days(year, month, day)?.checked_mul(86_400)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)
}

/// Days since 1970. A year is counted from March on, so that the day that some years have more is its last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let (year, month) = match month {
        1 | 2 => (year.checked_sub(1)?, month.checked_add(9)?),
        _ => (year, month.checked_sub(3)?),
    };
    let leaps = (year / 4).checked_sub(year / 100)?.checked_add(year / 400)?;
    let before = month.checked_mul(153)?.checked_add(2)? / 5;
    let all = year.checked_mul(365)?.checked_add(leaps)?.checked_add(before)?.checked_add(day)?;
    all.checked_sub(MARCH_1_OF_YEAR_0)
}

fn now() -> i64 {
    #[allow(clippy::disallowed_methods, reason = "dates of servers are days of the calendar")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.ok().and_then(|time| i64::try_from(time.as_secs()).ok()).unwrap_or(0)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Days from the day before the first of March of the year 0 to 1970.
const MARCH_1_OF_YEAR_0: i64 = 719_469;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 12:00:00 +0000", Some(1_709_208_000)),
            ("Fri, 1 Mar 2024 01:30:00 +0130", Some(1_709_251_200)),
            ("Fri, 1 Mar 2024 00:00:00 -0030", Some(1_709_253_000)),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT now", None),
            ("Sun, 06 Non 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:99:37 GMT", None),
            ("Sun, 46 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 99999999999999999 08:49:37 GMT", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
    }

    #[test]
    fn waits() {
        for (text, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("-1", None),
            ("99999999999999999999", None),
            ("Thu, 01 Jan 1970 00:00:07 GMT", Some(5)),
            ("Thu, 01 Jan 1970 00:00:01 GMT", Some(0)),
            ("invalid", None),
        ] {
            assert_eq!(after(text, 2), expected.map(Duration::from_secs), "{text}");
        }
        let mut retries = Retries::default();
        (retries.after, retries.wait_max) = (Duration::from_secs(4), Duration::from_secs(4));
        let asks = |retries: &Retries, header: Option<&str>| {
            let response = Response::builder();
            let response =
                header.into_iter().fold(response, |response, text| response.header("Retry-After", text));
            wait(retries, &response.body(()).unwrap(), "http://h/").map_err(|error| error.to_string())
        };
        assert_eq!(asks(&retries, Some("4")), Ok(Duration::from_secs(4)));
        assert_eq!(asks(&retries, Some("never")), Ok(Duration::from_secs(4)));
        assert_eq!(asks(&retries, None), Ok(Duration::from_secs(4)));
        let late = "unable to access 'http://h/': the server asks to wait 5 seconds, which is greater than http.maxRetryTime (4)";
        assert_eq!(asks(&retries, Some("5")), Err(late.to_owned()));
        retries.after = Duration::from_secs(9);
        let long = "configured http.retryAfter (9 seconds) exceeds http.maxRetryTime (4 seconds)";
        assert_eq!(asks(&retries, None), Err(long.to_owned()));
    }
}
