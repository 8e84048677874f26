//! `gitwire unpack-objects`: the objects of a pack into files of their own.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;
use gitwire_gitdir::Config;
use gitwire_pack::PackHeader;
use gitwire_storage::{Repository as _, StageRequest, Transaction};
use gitwire_types::Never;

use crate::command::index_pack::pack_header;
use crate::failure::Failure;
use crate::input::{Input, receive};
use crate::show::{Meter, Style, Title};
use crate::{links, local, strict};

#[derive(Debug, Args)]
pub(crate) struct UnpackObjects {
    /// Check the pack and write nothing.
    #[arg(short = 'n')]
    dry_run: bool,
    /// Show no progress.
    #[arg(short)]
    quiet: bool,
    /// Accepted for git's sake: a pack that is damaged gives nothing here, with it or without.
    #[arg(short = 'r')]
    recover: bool,
    /// Take no object that is broken, or names what is not there; what of that is an error or a warning.
    #[arg(long, value_name = "ID=SEVERITY,...", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    strict: Option<String>,
    /// The largest pack, in bytes; 0 for no bound but the default one.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    max_input_size: u64,
    /// The pack's version and number of objects: its header has been read already.
    #[arg(long = "pack_header", value_name = "VERSION,OBJECTS", value_parser = pack_header)]
    pack_header: Option<PackHeader>,
}

impl UnpackObjects {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        let repository = local::configured_repository(config)?;
        let mut request = StageRequest::default();
        request.threads = std::thread::available_parallelism().map_or(1, usize::from);
        if let Some(list) = &self.strict {
            request.fsck = Some(strict::rules(list, repository.format())?.into());
        }
        request.unpack_limit = u32::MAX;
        if self.max_input_size > 0 {
            request.pack_bytes_max = self.max_input_size;
        }
        let style = if self.quiet { Style::None } else { Style::Text };
        let mut staging = repository.stage(&request)?;
        let progress = staging.progress();
        let meter = progress.map(|progress| Meter::start(style, Title::Unpacking, progress));
        receive(self.pack_header, &mut |input| match input {
            Input::Bytes(piece) => Ok(staging.write(piece).map(|()| false)?),
            Input::Pause => Ok(staging.is_complete()?),
        })?;
        let staged = staging.finish(&Never)?;
        drop(meter);
        for warning in staged.warnings() {
            eprintln!("warning: {warning}");
        }
        if self.strict.is_some() {
            let mut new = Vec::new();
            staged.new_objects(&mut |id, kind| {
                new.push((id, kind));
                ControlFlow::Continue(())
            })?;
            links::check(&*staged.objects(), &repository, &new)?;
        }
        if !self.dry_run {
            repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
