//! What the drop-ins tell whoever traces them.

use std::fs;

use gitwire_testkit::git::{Folder, Git};

use crate::history::make;

#[test]
fn a_fetch_is_traced_as_git_traces_it() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("trace");
    let source = make(&git, folder.path(), "source.git", "sha1");
    git.ok(&source, ["config", "transfer.advertiseSID", "true"]);
    let (events, packets) = (folder.path().join("events"), folder.path().join("packets"));
    let upload_pack = format!(
        "GIT_TRACE_BARE=1 GIT_TRACE2_EVENT={} GIT_TRACE_PACKET={} {} upload-pack",
        events.display(),
        packets.display(),
        env!("CARGO_BIN_EXE_gitwire"),
    );
    let url = format!("file://{}", source.display());
    let words = ["-c", "transfer.advertiseSID=true", "clone", "-q", "--bare", "--depth=1", "--upload-pack"];
    git.ok(folder.path(), words.into_iter().chain([upload_pack.as_str(), url.as_str(), "copy"]));

    let events = fs::read_to_string(events).unwrap();
    let has = |part: &str| assert!(events.contains(part), "{part} in {events}");
    has("\"category\":\"transfer\",\"key\":\"negotiated-version\",\"value\":\"2\"}\n");
    has("\"key\":\"client-sid\",\"value\":\"");
    has("\"category\":\"upload-pack\",\"key\":\"fetch-info\",\"value\":{\"haves\":0,\"wants\":");
    has(",\"want-refs\":0,\"depth\":1,\"shallows\":0,\"deepen-since\":false,\"deepen-not\":0,");
    has("\"deepen-relative\":false,\"filter\":null}}\n");

    let packets = fs::read_to_string(packets).unwrap();
    let has = |part: &str| assert!(packets.contains(part), "{part} in {packets}");
    let head = String::from_utf8(git.ok(&source, ["rev-parse", "HEAD"])).unwrap();
    has("packet:  upload-pack> version 2\n");
    has("packet:  upload-pack< command=ls-refs\n");
    has(&format!("packet:  upload-pack< want {}\n", head.trim()));
    has("packet:  upload-pack< deepen 1\n");
    has("packet:  upload-pack> sideband< PACK ...\n");
    has("packet:  upload-pack> 0000\n");
}
