//! Fuzz bodies: a function per parser and machine. Each takes any bytes and panics where a property is broken.
//!
//! To add one: a file with the function, a line in [`TARGETS`], a folder of the same name in `fuzz/corpus` with a few small
//! seeds, and a one-line target in `fuzz/fuzz_targets`. The corpus test and the tidy test hold the three together.

mod alternates;
mod bitmap;
mod bundle_header;
mod bundle_list;
mod capability;
mod capability_v2;
mod commit;
mod commit_graph;
mod control_request;
mod daemon_request;
mod delta_apply;
mod delta_make;
mod fetch_client;
mod filter_spec;
mod fsck;
mod git_config;
mod git_files;
mod helper_command;
mod http_request;
mod idx_read;
mod indexer;
mod intent;
mod loose_object;
mod loose_ref;
mod machine;
mod multi_pack_index;
mod pack_access;
mod pack_decode;
mod packed_refs;
mod pktline;
mod progress_text;
mod protocol_lines;
mod push_client;
mod push_lines;
mod receive_pack;
mod refname;
mod refspec;
mod reftable;
mod rev_read;
mod shallow_file;
mod sideband;
mod sparse_patterns;
mod ssh_request;
mod tag;
mod tree;
mod upload_pack;
mod url;
mod walk;
mod websocket;

/// A fuzz body.
pub type Body = fn(&[u8]);

/// Every fuzz body under its name, sorted.
pub const TARGETS: &[(&str, Body)] = &[
    ("alternates", alternates::alternates),
    ("bitmap", bitmap::bitmap),
    ("bundle_header", bundle_header::bundle_header),
    ("bundle_list", bundle_list::bundle_list),
    ("capability", capability::capability),
    ("capability_v2", capability_v2::capability_v2),
    ("commit", commit::commit),
    ("commit_graph", commit_graph::commit_graph),
    ("control_request", control_request::control_request),
    ("daemon_request", daemon_request::daemon_request),
    ("delta_apply", delta_apply::delta_apply),
    ("delta_make", delta_make::delta_make),
    ("fetch_client", fetch_client::fetch_client),
    ("filter_spec", filter_spec::filter_spec),
    ("fsck", fsck::fsck),
    ("git_config", git_config::git_config),
    ("helper_command", helper_command::helper_command),
    ("http_request", http_request::http_request),
    ("idx_read", idx_read::idx_read),
    ("indexer", indexer::indexer),
    ("intent", intent::intent),
    ("loose_object", loose_object::loose_object),
    ("loose_ref", loose_ref::loose_ref),
    ("multi_pack_index", multi_pack_index::multi_pack_index),
    ("pack_access", pack_access::pack_access),
    ("pack_decode", pack_decode::pack_decode),
    ("packed_refs", packed_refs::packed_refs),
    ("pktline", pktline::pktline),
    ("progress_text", progress_text::progress_text),
    ("protocol_lines", protocol_lines::protocol_lines),
    ("push_client", push_client::push_client),
    ("push_lines", push_lines::push_lines),
    ("receive_pack", receive_pack::receive_pack),
    ("refname", refname::refname),
    ("refspec", refspec::refspec),
    ("reftable", reftable::reftable),
    ("rev_read", rev_read::rev_read),
    ("shallow_file", shallow_file::shallow_file),
    ("sideband", sideband::sideband),
    ("sparse_patterns", sparse_patterns::sparse_patterns),
    ("ssh_request", ssh_request::ssh_request),
    ("tag", tag::tag),
    ("tree", tree::tree),
    ("upload_pack", upload_pack::upload_pack),
    ("url", url::url),
    ("walk", walk::walk),
    ("websocket", websocket::websocket),
];

/// Runs the body called `name`.
///
/// # Panics
/// When there is none of that name, and where the body finds a broken property.
pub fn run(name: &str, data: &[u8]) {
    let Ok(at) = TARGETS.binary_search_by_key(&name, |(name, _)| name) else {
        panic!("no fuzz body is called {name}")
    };
    TARGETS[at].1(data);
}
