//! The commands.

pub(crate) mod clone;
pub(crate) mod daemon;
pub(crate) mod fetch;
pub(crate) mod forced_command;
pub(crate) mod http_backend;
pub(crate) mod index_pack;
pub(crate) mod init;
pub(crate) mod ls_remote;
pub(crate) mod pack_objects;
pub(crate) mod push;
pub(crate) mod receive_pack;
pub(crate) mod remote_ws;
pub(crate) mod send_pack;
pub(crate) mod show_index;
pub(crate) mod upload_pack;
pub(crate) mod verify_pack;
