//! What whoever embeds the crates counts on: which values may go to another thread, and which several threads may share. That this
//! compiles is the test.

use std::error::Error;
use std::fmt::Debug;

use gitwire_client as client;
use gitwire_gitdir as gitdir;
use gitwire_pack as pack;
use gitwire_protocol as protocol;
use gitwire_server as server;
use gitwire_storage as storage;
use gitwire_transport as transport;
use gitwire_walk as walk;

/// May be moved to another thread.
const fn moved<T: Send + 'static>() {}

/// May be used by several threads at once.
const fn shared<T: Send + Sync + 'static>() {}

/// Is written down and kept.
const fn value<T: Debug + Clone + Send + Sync + 'static>() {}

/// Goes through every error type of a program.
const fn error<T: Error + Send + Sync + 'static>() {}

const _: () = {
    // Both ends of a conversation.
    moved::<protocol::FetchClient>();
    moved::<protocol::PushClient>();
    moved::<protocol::UploadPack>();
    moved::<protocol::ReceivePack>();
    moved::<server::Session>();
    moved::<server::ReceiveSession>();
    moved::<server::Relay>();
    moved::<pack::Indexer<pack::MemorySpool>>();
    moved::<Box<dyn storage::Staging>>();
    moved::<Box<dyn storage::PackSource>>();
    moved::<walk::Graph>();
};

const _: () = {
    // One for all clients.
    shared::<storage::MemoryRepository>();
    shared::<gitdir::GitDir>();
    shared::<Box<dyn storage::Repository>>();
    shared::<Box<dyn storage::ObjectStore>>();
    shared::<Box<dyn storage::RefStore>>();
    shared::<Box<dyn storage::Staged>>();
    shared::<Box<dyn server::Hooks>>();
    shared::<Box<dyn server::Repositories>>();
    shared::<Box<dyn server::access::Access>>();
    shared::<server::DirectoryRoot>();
    shared::<server::ProgramHooks>();
    shared::<server::Jobs>();
    shared::<server::Meter>();
    shared::<server::http::HttpService>();
    // It may hold an error.
    shared::<client::Pushed>();
};

const _: () = {
    // Options and answers.
    value::<client::Fetch>();
    value::<client::Push>();
    value::<client::Clone>();
    value::<client::Remote>();
    value::<client::Fetched>();
    value::<gitdir::OpenOptions>();
    value::<gitdir::Config>();
    value::<server::Policy>();
    value::<server::ReceivePolicy>();
    value::<server::Uploading>();
    value::<server::Receiving>();
    value::<server::Pusher>();
    value::<server::daemon::DaemonOptions>();
    value::<server::http::HttpOptions>();
    value::<server::control::ControlOptions>();
    value::<storage::StageRequest>();
    value::<storage::Transaction>();
    value::<transport::Url>();
    value::<transport::ConnectOptions>();
    value::<transport::Deadlines>();
    value::<protocol::Limits>();
};

const _: () = {
    error::<gitwire_types::ObjectIdError>();
    error::<gitwire_types::RefNameError>();
    error::<gitwire_types::RefspecError>();
    error::<gitwire_types::FilterSpecError>();
    error::<gitwire_types::DeepenError>();
    error::<gitwire_pktline::PktLineError>();
    error::<gitwire_delta::DeltaError>();
    error::<gitwire_sideband::SidebandError>();
    error::<gitwire_capability::CapabilityError>();
    error::<gitwire_object::ObjectError>();
    error::<gitwire_object::HashError>();
    error::<gitwire_reftable::ReftableError>();
    error::<pack::PackError>();
    error::<protocol::ProtocolError>();
    error::<storage::StorageError>();
    error::<walk::WalkError>();
    error::<transport::TransportError>();
    error::<transport::DriveError<protocol::ProtocolError>>();
    error::<gitdir::ConfigError>();
    error::<client::ClientError>();
    error::<client::BundleError>();
    error::<server::ServeError>();
    error::<server::OpenError>();
    error::<server::RelayError>();
    error::<server::control::ControlError>();
};
