//! Forms: to sign in, and to make a repository.

use askama::Template;
use http::StatusCode;

use super::super::failure::Failure;
use super::super::reply::{Keep, Reply, page, see_other, with_cookie};
use super::super::{Inner, Visit};
use super::Shell;

/// A form to sign in that did not work.
#[derive(Debug)]
pub(in super::super) struct SignInAgain {
    pub(in super::super) status: StatusCode,
    pub(in super::super) why: &'static str,
    pub(in super::super) user: String,
    pub(in super::super) next: String,
}

/// Said to who knows no password.
pub(in super::super) const WRONG: &str = "The name or the password is wrong.";

/// Said to who tries too often.
pub(in super::super) const LATER: &str = "Too many attempts. Try again in some minutes.";

/// What a visitor has asked for.
#[derive(Debug, Clone)]
pub(in super::super) struct Asked {
    pub(in super::super) name: String,
    pub(in super::super) description: String,
    pub(in super::super) branch: String,
}

/// The form to sign in.
pub(in super::super) fn sign_in(
    inner: &Inner,
    visit: &Visit,
    shell: Shell,
    again: Option<SignInAgain>,
) -> Result<Reply, Failure> {
    if !shell.can_sign_in {
        return Err(Failure::not_found("Nobody can sign in here: this server has no users."));
    }
    let next = again.as_ref().map_or_else(|| visit.here(), |again| again.next.clone());
    if shell.user.is_some() && again.is_none() {
        return Ok(see_other(&next));
    }
    let (token, cookie) = inner.sessions.token(&visit.visitor)?;
    let status = again.as_ref().map_or(StatusCode::OK, |again| again.status);
    let why = again.as_ref().map(|again| again.why);
    let name = again.map(|again| again.user).unwrap_or_default();
    let reply = page(status, Keep::Never, &SignInPage { shell, token, next, why, name });
    Ok(match cookie {
        Some(cookie) => with_cookie(reply, &cookie),
        None => reply,
    })
}

/// The form to make a repository; `again` where what was asked for cannot be made, and why.
pub(in super::super) fn create(
    visit: &Visit,
    shell: Shell,
    again: Option<(Asked, String)>,
) -> Result<Reply, Failure> {
    if !shell.can_create {
        return Err(match visit.visitor.principal.name() {
            None if shell.can_sign_in => Failure::SignIn,
            _ => Failure::Status(StatusCode::FORBIDDEN, "You may not make repositories here."),
        });
    }
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let nothing = || Asked { name: String::new(), description: String::new(), branch: "main".to_owned() };
    let (asked, why) = again.map_or_else(|| (nothing(), None), |(asked, why)| (asked, Some(why)));
    Ok(page(status, Keep::Never, &NewPage { shell, asked, why }))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    token: String,
    next: String,
    why: Option<&'static str>,
    name: String,
}

#[derive(Template)]
#[template(path = "new.html")]
struct NewPage {
    shell: Shell,
    asked: Asked,
    why: Option<String>,
}
