//! Requests and answers.

use serde_json::Value;

use super::{ControlError, ControlLimits};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlCommand {
    /// The request's `type`; `git` is the only one there is.
    pub kind: String,
    /// The command's name: `clone`.
    pub name: String,
    /// What comes after it.
    pub args: Vec<String>,
}

impl ControlCommand {
    /// Reads a request: an object with `type` and `command`, whose words are parted by spaces; a first word `git` is left out. Other
    /// members are passed over.
    ///
    /// # Errors
    /// [`ControlError::Syntax`], [`ControlError::Request`] and [`ControlError::Limit`].
    pub fn parse(json: &[u8], limits: &ControlLimits) -> Result<Self, ControlError> {
        if json.len() > limits.request_bytes_max {
            return Err(ControlError::Limit { what: "bytes", max: limits.request_bytes_max });
        }
        let bad = |error: serde_json::Error| {
            let before = json.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
            let lines: usize = before.map(|line| line.len().saturating_add(1)).sum();
            let offset = lines.saturating_add(error.column().saturating_sub(1));
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or_default().to_owned();
            ControlError::Syntax { offset, what }
        };
        let Value::Object(object) = serde_json::from_slice(json).map_err(bad)? else {
            return Err(ControlError::Syntax { offset: 0, what: "something else".to_owned() });
        };
        let text = |key: &str| match object.get(key) {
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(_) => Err(ControlError::Request(format!("'{key}' is no string"))),
            None => Err(ControlError::Request(format!("'{key}' is missing"))),
        };
        let kind = text("type")?;
        if kind != "git" {
            return Err(ControlError::Request(format!("unknown type '{}'", kind.escape_debug())));
        }
        let command = text("command")?;
        if command.chars().any(char::is_control) {
            return Err(ControlError::Request("the command has control characters".to_owned()));
        }
        let mut words = command.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).peekable();
        words.next_if(|word| word == "git");
        let name = words.next().ok_or_else(|| ControlError::Request("the command is empty".to_owned()))?;
        Ok(Self { kind: kind.to_owned(), name, args: words.collect() })
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlAnswer {
    /// It was done.
    Success {
        /// What was done.
        command: ControlCommand,
        /// What is to be said of it.
        message: String,
    },
    /// It was not, and why.
    Error(String),
}

impl ControlAnswer {
    /// The JSON object, without a line feed, in at most `max` bytes, but 256 at the least: what does not fit is left out of the
    /// message by whole lines, and so it says.
    #[must_use]
    pub fn to_json(&self, max: usize) -> String {
        let max = max.max(ANSWER_BYTES_MIN);
        match self {
            Self::Success { command, message } => {
                let mut head = head(command, &command.args);
                let needed = head.len().saturating_add(2);
                if needed > max / 2 && needed.saturating_add(quoted(message).len()) > max {
                    head = self::head(command, &cut_args(&command.args, max / 4));
                }
                let room = max.saturating_sub(head.len()).saturating_sub(1);
                format!("{head}{}}}", quoted(&cut(message, room)))
            }
            Self::Error(error) => {
                let room = max.saturating_sub(r#"{"error":}"#.len());
                format!(r#"{{"error":{}}}"#, quoted(&cut(error, room)))
            }
        }
    }
}

/// All of a good answer up to its message.
fn head(command: &ControlCommand, args: &[String]) -> String {
    let args: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
    format!(
        r#"{{"type":{},"command":{},"args":[{}],"status":"success","message":"#,
        quoted(&shortened(&command.kind, 32)),
        quoted(&shortened(&command.name, 32)),
        args.join(",")
    )
}

/// A JSON string.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// `text` such that it takes at most `max` bytes as a JSON string: whole lines from its beginning and how many are missing, or where
/// not one fits, the beginning of the first.
fn cut(text: &str, max: usize) -> String {
    if quoted(text).len() <= max {
        return text.to_owned();
    }
    let all = text.lines().count();
    let room = max.saturating_sub(NOTE_BYTES_MAX);
    let mut kept = String::new();
    let (mut lines, mut size) = (0_usize, 0_usize);
    for line in text.lines() {
        // Without its quotes, and with the line feed as it is escaped.
        let more = quoted(line).len();
        if size.saturating_add(more) > room {
            break;
        }
        size = size.saturating_add(more);
        lines = lines.saturating_add(1);
        kept.push_str(line);
        kept.push('\n');
    }
    if lines == 0 {
        return shortened(text.lines().next().unwrap_or_default(), max.saturating_sub(2));
    }
    let missing = all.saturating_sub(lines);
    format!("{kept}... {missing} more lines; send a line feed after the request to get all")
}

/// The beginning of `text`, such that it takes at most `max` bytes inside of a JSON string.
fn shortened(text: &str, max: usize) -> String {
    let mut size = 0_usize;
    let mut kept = String::new();
    let whole = quoted(text).len().saturating_sub(2) <= max;
    for c in text.chars() {
        let more = quoted(c.encode_utf8(&mut [0; 4])).len().saturating_sub(2);
        size = size.saturating_add(more);
        if !whole && size > max.saturating_sub(DOTS.len()) {
            kept.push_str(DOTS);
            break;
        }
        kept.push(c);
    }
    kept
}

/// As many arguments as fit into `max` bytes, each cut to its share.
fn cut_args(args: &[String], max: usize) -> Vec<String> {
    const SHARE_MIN: usize = 24;
    let shown = args.len().min((max / SHARE_MIN).max(1));
    let share = max.checked_div(shown).unwrap_or(max).saturating_sub(3);
    let mut short: Vec<String> = args.iter().take(shown).map(|arg| shortened(arg, share)).collect();
    if shown < args.len()
        && let Some(last) = short.last_mut()
    {
        *last = DOTS.to_owned();
    }
    short
}

const DOTS: &str = "...";
/// What says how many lines are missing, at its longest.
const NOTE_BYTES_MAX: usize = 96;
const ANSWER_BYTES_MIN: usize = 256;
