//! The command of an ssh client: what is read is a path without tricks, and is written as it was read.

use gitwire_protocol::message::SshRequest;

/// What `SSH_ORIGINAL_COMMAND` holds.
pub(super) fn ssh_request(data: &[u8]) {
    let Ok(request) = SshRequest::parse(data) else { return };
    assert!(!request.path.is_empty() && !request.path.starts_with(b"-"), "an option came through");
    assert!(!request.path.iter().any(u8::is_ascii_control), "a control byte came through");
    let mut out = Vec::new();
    assert_eq!(request.write(&mut out), Ok(()), "what was read cannot be written");
    assert_eq!(SshRequest::parse(&out), Ok(request), "a request written again differs");
}
