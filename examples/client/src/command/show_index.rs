//! `gitwire show-index`.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use gitwire_pack::{Index, Limits};
use gitwire_types::ObjectFormat;

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct ShowIndex {
    /// The hash function of the ids: sha1 or sha256.
    #[arg(long, value_name = "FORMAT", default_value = "sha1")]
    object_format: String,
}

impl ShowIndex {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let unknown = || Failure::fatal(format!("unknown hash algorithm '{}'", self.object_format));
        let format = ObjectFormat::from_name(self.object_format.as_bytes()).ok_or_else(unknown)?;
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        let index = Index::open(bytes, format, &Limits::default())?;
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for entry in index.iter() {
            let entry = entry?;
            match entry.crc32 {
                Some(crc32) => writeln!(out, "{} {} ({crc32:08x})", entry.offset, entry.id)?,
                None => writeln!(out, "{} {}", entry.offset, entry.id)?,
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
