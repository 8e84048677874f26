//! Packs that a program makes.

use std::sync::Arc;

use bytes::BytesMut;
use gitwire_protocol::{Machine as _, Next, Serving, Version};
use gitwire_server::{Conversation as _, ProgramPacks, ServeError, Session};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::Never;

use crate::{make, open};

/// Asks for one branch; gives what the server says.
fn fetch(path: &std::path::Path, command: &str, want: &str) -> (BytesMut, Result<(), ServeError>) {
    let line = |text: &str| format!("{:04x}{text}\n", text.len() + 5);
    let (repository, policy) = open(path);
    let packs = ProgramPacks::new(command, &repository);
    let (session, mut machine) = Session::new(repository, policy, Version::V2, Serving::Stateless);
    let mut session = session.with_packs(Arc::new(packs));
    let request = line("command=fetch") + "0001" + &line(&format!("want {want}")) + &line("done") + "0000";
    let (mut input, mut output) = (BytesMut::from(request.as_bytes()), BytesMut::new());
    machine.end_of_input();
    loop {
        match machine.step(&mut input, &mut output).unwrap() {
            Next::Event(event) => {
                let _ = session.on(event);
            }
            Next::Answer => {
                if let Err(error) = session.work(&Never) {
                    return (output, Err(error));
                }
                session.answer(&mut machine, &mut output).unwrap();
            }
            Next::Turn => {}
            Next::Read | Next::Done => return (output, Ok(())),
        }
    }
}

#[test]
fn a_program_may_make_the_packs() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("packs");
    let path = make(&git, &folder, 3);
    let want = String::from_utf8(git.ok(&path, ["rev-parse", "b00001"])).unwrap();
    let find = |output: &[u8], text: &str| String::from_utf8_lossy(output).contains(text);

    let (output, ended) = fetch(&path, "pwd >&2; echo hello from the hook >&2; exec", want.trim());
    ended.unwrap();
    assert!(find(&output, "hello from the hook\n"), "{}", output.escape_ascii());
    assert!(find(&output, "r.git\n"), "it runs in the Git directory");
    assert!(find(&output, "PACK") && output.ends_with(b"0000"));

    let (output, ended) = fetch(&path, "echo no packs today >&2; false", want.trim());
    assert!(find(&output, "no packs today") && !output.ends_with(b"0000"), "{}", output.escape_ascii());
    assert_eq!(ended.unwrap_err().to_string(), "pack-objects died");
}
