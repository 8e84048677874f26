//! Lines to a remote helper: what is read says again what the line said.

use gitwire_protocol::message::HelperCommand;

/// One line.
pub(super) fn helper_command(data: &[u8]) {
    let Ok(command) = HelperCommand::parse(data) else { return };
    let again = match command {
        HelperCommand::Capabilities => b"capabilities".to_vec(),
        HelperCommand::Option { name, value } => [b"option ", name, b" ", value].concat(),
        HelperCommand::List { for_push: true } => b"list for-push".to_vec(),
        HelperCommand::List { for_push: false } => b"list".to_vec(),
        HelperCommand::Fetch { id, name } => [b"fetch ", id, b" ", name].concat(),
        HelperCommand::Get { url, path } => [b"get ", url, b" ", path].concat(),
        HelperCommand::Push(refspec) => [b"push ", refspec].concat(),
        HelperCommand::Connect(Some(service)) => format!("connect {service}").into_bytes(),
        HelperCommand::StatelessConnect(Some(service)) => format!("stateless-connect {service}").into_bytes(),
        HelperCommand::End => Vec::new(),
        _ => return,
    };
    assert_eq!(again, data, "a line that says something else");
}
