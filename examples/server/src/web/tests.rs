//! The pages as a browser sees them, without one.

mod access;
mod escaping;
mod limits;
mod pages;
mod sessions;
mod site;
