//! `get`: a file of its own, as lists of bundles name them.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, Write as _};
use std::path::Path;

use gitwire_client::Remote;
use gitwire_transport::TransportError;
use gitwire_transport::http::Site;

use crate::failure::Failure;

/// Brings a file. It has its name once it is whole; what was broken off before is carried on with.
pub(super) fn get(from: &Remote, path: &Path) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".temp");
    let temporary = Path::new(&name);
    let there = temporary.metadata().map_or(0, |metadata| metadata.len());
    let fail = |error: TransportError| Failure::fatal(error.to_string());
    let (mut site, name) = Site::of_file(&from.url, &from.connect).map_err(fail)?;
    let mut answer = site.get(&name, there).map_err(fail)?;
    let mut file = match answer.status() == PARTIAL {
        true => OpenOptions::new().append(true).open(temporary)?,
        false => File::create(temporary)?,
    };
    io::copy(&mut answer, &mut file)?;
    file.flush()?;
    Ok(rename(temporary, path)?)
}

/// The server goes on where it was asked to.
const PARTIAL: u16 = 206;
