//! The client program against stock git.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "the modules of a test binary"
)]

mod clone;
mod fetch_pack;
mod fetches;
mod history;
mod http_backend;
mod kill;
mod ls_remote;
mod matrix;
mod modes;
mod negotiation;
mod partial;
mod plumbing;
mod program;
mod push;
mod pushes;
mod race;
mod receive_pack;
mod remote_http;
mod ssh;
mod tables;
mod trace;
mod upload_pack;
mod web;
mod websocket;
