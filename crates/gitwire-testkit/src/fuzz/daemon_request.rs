//! The first line of a git:// connection: what is read can be written, and is then read the same.

use bytes::BytesMut;
use gitwire_protocol::message::DaemonRequest;

/// The data of one pkt-line.
pub(super) fn daemon_request(data: &[u8]) {
    let Ok(request) = DaemonRequest::parse(data) else { return };
    let fields = [&request.path].into_iter().chain(&request.host).chain(&request.parameters);
    assert!(fields.flatten().all(|byte| !byte.is_ascii_control()), "a control byte came through");
    let mut out = BytesMut::new();
    match request.write(&mut out) {
        Err(_) => assert!(out.is_empty(), "a refused request is written"),
        Ok(()) => assert_eq!(DaemonRequest::parse(&out[4..]), Ok(request), "a request written again differs"),
    }
}
