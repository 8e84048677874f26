//! The pages, each from a template below `templates/`.

pub(super) mod assets;
mod commit;
mod commits;
mod dashboard;
mod files;
mod forms;
mod frame;
mod home;
pub(super) mod raw;
mod refs;

use askama::Template;
use http::StatusCode;

use super::reply::{Keep, Reply, page};

pub(super) use self::commit::commit;
pub(super) use self::commits::commits;
pub(super) use self::dashboard::dashboard;
pub(super) use self::files::files;
pub(super) use self::forms::{Asked, LATER, SignInAgain, WRONG, create, sign_in};
pub(super) use self::frame::Frame;
pub(super) use self::home::home;
pub(super) use self::refs::{branches, tags};

/// What stands around every page.
#[derive(Debug, Clone, Default)]
pub(super) struct Shell {
    /// The name of who has signed in.
    pub(super) user: Option<String>,
    /// The token of that visitor's forms.
    pub(super) token: String,
    /// Whether anybody can sign in here.
    pub(super) can_sign_in: bool,
    /// Whether this visitor can make a repository.
    pub(super) can_create: bool,
    /// Where to sign in, to come back here.
    pub(super) sign_in: String,
}

impl Shell {
    fn style(&self) -> &'static str {
        assets::style_url()
    }

    fn script(&self) -> &'static str {
        assets::script_url()
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// Links to the pages of a list before and after this one.
#[derive(Debug, Default)]
struct Pager {
    newer: Option<String>,
    older: Option<String>,
    newer_label: &'static str,
    older_label: &'static str,
}

impl Pager {
    /// Around page `number`, counted from 1; `url` makes the URL of another.
    fn new(number: usize, has_more: bool, labels: [&'static str; 2], url: impl Fn(usize) -> String) -> Self {
        let newer = number.checked_sub(1).filter(|before| *before > 0).map(&url);
        let older = has_more.then(|| url(number.saturating_add(1)));
        Self { newer, older, newer_label: labels[0], older_label: labels[1] }
    }
}

/// The number of the page of a list that a URL asks for, counted from 1.
fn page_number(query: &str) -> usize {
    let number = super::route::parameter(query, "page");
    let number = number.and_then(|number| std::str::from_utf8(&number).ok()?.parse().ok());
    number.unwrap_or(1).clamp(1, PAGES_MAX)
}

/// Says why there is no page.
pub(super) fn error(shell: Shell, status: StatusCode, what: &str) -> Reply {
    let reason = match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::METHOD_NOT_ALLOWED => "Method not allowed",
        StatusCode::BAD_REQUEST => "Bad request",
        StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
        StatusCode::UNPROCESSABLE_ENTITY => "Too large",
        StatusCode::SERVICE_UNAVAILABLE => "Too slow",
        status => status.canonical_reason().unwrap_or("Not done"),
    };
    page(status, Keep::Never, &ErrorPage { shell, status: status.as_u16(), reason, what })
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    shell: Shell,
    status: u16,
    reason: &'static str,
    what: &'a str,
}

/// Past this no list goes on: what it lists has ended long before.
const PAGES_MAX: usize = 1_000_000;
