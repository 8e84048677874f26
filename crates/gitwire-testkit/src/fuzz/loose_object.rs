//! A loose object file with any content.

use gitwire_storage::Repository as _;
use gitwire_types::{ObjectFormat, ObjectId};

use super::git_files::with_file;

/// Reading whole and in pieces of any length give the same, or both an error; with checking on, what is read has its name.
pub(super) fn loose_object(data: &[u8]) {
    let id = ObjectId::from_hex(ObjectFormat::Sha1, b"ce013625030ba8dba906f756967f9e9ca394464a").unwrap();
    let path = b"objects/ce/013625030ba8dba906f756967f9e9ca394464a";
    for verify in [false, true] {
        let view = with_file(path, data, verify).objects().unwrap();
        let mut whole = Vec::new();
        let read = view.read(&id, BYTES_MAX, &mut whole);
        for piece in [1, 13, 4096] {
            let mut pieces = Vec::new();
            let mut room = vec![0; piece];
            let streamed = view.open(&id).and_then(|opened| {
                let mut reader = opened.unwrap();
                while pieces.len() as u64 <= BYTES_MAX {
                    let got = reader.read(&mut room)?;
                    if got == 0 {
                        assert_eq!(reader.size(), pieces.len() as u64);
                        return Ok(Some(reader.kind()));
                    }
                    pieces.extend_from_slice(&room[..got]);
                }
                Ok(None)
            });
            match (&read, streamed) {
                (Ok(kind), Ok(streamed)) => assert!(*kind == streamed && pieces == whole),
                (Ok(_), Err(error)) => panic!("whole it reads, in pieces: {error}"),
                (Err(error), Ok(Some(_))) => panic!("in pieces it reads, whole: {error}"),
                (Err(_), _) => {}
            }
        }
        assert!(!verify || read.is_err() || whole == b"hello\n");
    }
}

const BYTES_MAX: u64 = 1 << 20;
