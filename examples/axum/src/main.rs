//! Git repositories beside the routes of an axum program: `gitwire-axum DIR [ADDRESS]`, then `git clone http://ADDRESS/git/REPOSITORY`.
#![allow(clippy::print_stdout, reason = "a program says where it listens")]

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use gitwire_server::http::{HttpService, Peer};
use gitwire_server::{DirectoryRoot, Export, Jobs, Policy};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let root = arguments.next().ok_or("usage: gitwire-axum DIR [ADDRESS]")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8418".into());
    let listener = TcpListener::bind(address.to_str().ok_or("the address is no text")?).await?;
    println!("listening http://{}", listener.local_addr()?);
    let router = router(Path::new(&root))?.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, router).await?)
}

fn router(root: &Path) -> Result<Router, Box<dyn Error>> {
    let repositories = Arc::new(DirectoryRoot::new(root, Export::All)?);
    let git = HttpService::new(repositories, Arc::new(Policy::default()), Jobs::new(Jobs::MAX));
    Ok(Router::new()
        .route("/", get(|| async { "git clone http://HOST/git/REPOSITORY\n" }))
        .route("/healthz", get(|| async { "ok\n" }))
        // The one line that Git needs. What a layer does, it does before: here it names the client, elsewhere it signs users in and
        // puts a `gitwire_server::access::Principal` among the extensions, or compresses, or counts.
        .nest_service("/git", git)
        .fallback(|| async { "another page\n" })
        .layer(from_fn(named)))
}

async fn named(mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(address)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        request.extensions_mut().insert(Peer(address));
    }
    next.run(request).await
}
