//! What forms do.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gitwire_server::access::{Credentials, Principal, SignInError};
use http::StatusCode;
use http::request::Parts;
use http_body::Body;

use super::failure::Failure;
use super::form::Form;
use super::reply::Reply;
use super::route::{Route, next_path};
use super::{Visit, Web, pages, reply, route};
use crate::create::{CreateError, NewRepository, RepositoryName};

impl Web {
    /// Answers a form.
    pub(super) async fn post<B>(
        &self,
        route: &Route,
        visit: &Visit,
        parts: &Parts,
        body: B,
    ) -> Result<Reply, Failure>
    where
        B: Body<Data = Bytes> + Send,
    {
        let form = Form::read(&parts.headers, body, &self.0.limits).await?;
        if !self.0.sessions.is_token(&visit.visitor, &form.bytes("token")) {
            return Err(StatusCode::FORBIDDEN.into());
        }
        match route {
            Route::SignIn => self.sign_in(visit, &form).await,
            Route::New => self.create(visit, form).await,
            Route::SignOut => {
                let gone = self.0.sessions.sign_out(&visit.visitor);
                Ok(reply::with_cookie(reply::see_other("/"), &gone))
            }
            _ => Err(StatusCode::METHOD_NOT_ALLOWED.into()),
        }
    }

    async fn sign_in(&self, visit: &Visit, form: &Form) -> Result<Reply, Failure> {
        let now = Instant::now();
        let (user, next) = (form.text("user"), next_path(&form.bytes("next")));
        let again = |why| {
            let form = pages::SignInAgain {
                status: StatusCode::FORBIDDEN,
                why,
                user: user.clone(),
                next: next.clone(),
            };
            let status = if why == pages::LATER { StatusCode::TOO_MANY_REQUESTS } else { form.status };
            pages::sign_in(&self.0, visit, self.shell(visit)?, Some(pages::SignInAgain { status, ..form }))
        };
        if !self.0.sessions.may_try(visit.from, now) {
            return again(pages::LATER);
        }
        let turn = Arc::clone(&self.0.sign_ins).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(self.0.limits.sign_in_wait, turn).await else {
            return again(pages::LATER);
        };
        let credentials = Credentials { user: user.clone(), password: form.bytes("password") };
        let (inner, from) = (Arc::clone(&self.0), visit.from);
        // Not one of the jobs: whoever tries passwords must not keep others from their repositories. It goes on, holds its turn and counts
        // when whoever tried has hung up.
        let known = tokio::task::spawn_blocking(move || {
            let known = inner.site.gate.authenticate(&credentials);
            if matches!(known, Ok(Principal::Anonymous) | Err(SignInError::Wrong)) {
                inner.sessions.failed(from, now);
            }
            drop(turn);
            known
        })
        .await;
        match known.map_err(|_| Failure::Internal("sign in has panicked".to_owned()))? {
            Ok(Principal::User(name)) => {
                tracing::info!(user = &*name, from = %visit.from, "signed in");
                let mark = self.0.site.gate.mark(&name);
                let cookies = self.0.sessions.sign_in(name, mark, &visit.visitor, now)?;
                let reply = reply::see_other(&next);
                Ok(cookies.iter().fold(reply, |reply, cookie| reply::with_cookie(reply, cookie)))
            }
            Ok(Principal::Anonymous) | Err(SignInError::Wrong) => again(pages::WRONG),
            Err(SignInError::Later) => again(pages::LATER),
            Err(error) => Err(Failure::Internal(error.to_string())),
        }
    }

    async fn create(&self, visit: &Visit, form: Form) -> Result<Reply, Failure> {
        let gate = &self.0.site.gate;
        let principal = visit.visitor.principal.clone();
        if !gate.may_create_somewhere(&principal) {
            return pages::create(visit, self.shell(visit)?, None);
        }
        let asked = pages::Asked {
            name: form.text("name"),
            description: form.text("description"),
            branch: form.text("branch"),
        };
        let wanted = asked.clone();
        let made = self.work(move |inner, _| {
            let made = (|| {
                let name = RepositoryName::new(&wanted.name)?;
                if !inner.site.gate.may_create(&principal, name.path().as_bytes()) {
                    return Err(CreateError::Name("you may not make a repository of this name"));
                }
                NewRepository::new(name, &wanted.description, &wanted.branch)?.make(inner.site.root.path())
            })();
            inner.catalog.forget();
            Ok(made)
        });
        match made.await? {
            Ok(path) => {
                tracing::info!(user = visit.visitor.principal.name(), repository = path, "made");
                Ok(reply::see_other(&format!("/{}", route::encoded_path(path.as_bytes()))))
            }
            Err(CreateError::Storage(error)) => Err(error.into()),
            Err(CreateError::Io(error)) => Err(Failure::Internal(error.to_string())),
            Err(error) => pages::create(visit, self.shell(visit)?, Some((asked, error.to_string()))),
        }
    }
}
