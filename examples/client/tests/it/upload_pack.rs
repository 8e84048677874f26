//! `gitwire upload-pack` and git's, fed with the same bytes.

mod answer;
mod form;
mod hostile;
mod random;
mod run;
mod twin;
mod version_0;
mod version_2;
