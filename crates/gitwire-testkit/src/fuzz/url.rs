//! URLs: what is read is safe to hand to programs and servers.

use gitwire_transport::{Program, Protocols, Scheme, TransportError, Url};

/// The bytes are a URL, and then a directory to serve.
pub(super) fn url(data: &[u8]) {
    match Url::parse(data) {
        Ok(url) => {
            let names = [url.user.as_deref(), url.host.as_deref()];
            for name in names.into_iter().flatten() {
                assert!(!name.is_empty() && !name.starts_with('-'), "a name that could be an option");
                assert!(!name.bytes().any(|byte| byte.is_ascii_control()), "a name with a control byte");
            }
            assert!(!url.path.iter().any(u8::is_ascii_control), "a path with a control byte");
            assert!(url.port != Some(0));
            // What runs any program is for who asks for it.
            assert_eq!(Protocols::user().check(&url).is_ok(), url.scheme != Scheme::Ext);
            if let Some(authority) = url.authority() {
                assert!(authority.contains(url.host.as_deref().unwrap_or_default()));
            }
        }
        Err(error) => assert!(error.position <= data.len(), "the error lies outside"),
    }
    match Program::new("git-upload-pack").serving(data, None) {
        Ok(process) => {
            let command = process.into_command();
            assert_eq!(command.get_args().count(), 1);
        }
        Err(TransportError::OptionLike { .. }) => assert!(data.starts_with(b"-")),
        Err(TransportError::ControlByte { byte, position, .. }) => {
            assert_eq!(data.get(position), Some(&byte));
        }
        Err(error) => panic!("{error}"),
    }
}
