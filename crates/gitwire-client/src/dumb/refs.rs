//! `info/refs` and `HEAD`, read as an advertisement of version 0 so that one reader judges both.

use bytes::BytesMut;
use gitwire_protocol::message::RefAdvertisementLine;
use gitwire_protocol::{FetchClient, FetchEvent, LsRefsRequest, Machine as _, Next};
use gitwire_types::{ObjectFormat, ObjectId};

use super::DumbError;
use crate::ls_remote::Listing;
use crate::{ClientError, RemoteRefs};

/// The refs that the files of the repository at `url` name. `machine` has just been made.
pub(super) fn read(
    url: &str,
    list: &[u8],
    head: Option<&[u8]>,
    machine: FetchClient,
) -> Result<RemoteRefs, ClientError> {
    let mut input = advertisement(list, head).ok_or_else(|| DumbError::InfoRefs { url: url.to_owned() })?;
    let (mut machine, mut output) = (machine, BytesMut::new());
    let mut listing = Listing::new(&[], Vec::new());
    let mut asked = false;
    loop {
        match machine.step(&mut input, &mut output)? {
            Next::Event(FetchEvent::RefsEnd) | Next::Done => return Ok(listing.refs),
            Next::Event(event) => drop(listing.take(event)),
            Next::Answer if !asked => {
                machine.list_refs(LsRefsRequest::everything(), &mut output)?;
                asked = true;
            }
            Next::Read | Next::Answer => {
                return Err(ClientError::Internal("an advertisement without an end"));
            }
            Next::Turn => {}
        }
    }
}

/// What a server of version 0 would say; `None` if the list is none.
fn advertisement(list: &[u8], head: Option<&[u8]>) -> Option<BytesMut> {
    let mut refs = Vec::new();
    for line in list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let (hex, name) = (line.get(..tab)?, line.get(tab.checked_add(1)?..)?);
        refs.push((hex, name));
    }
    let mut formats = [ObjectFormat::Sha1, ObjectFormat::Sha256].into_iter();
    let format = match refs.first() {
        Some((hex, _)) => formats.find(|format| format.hex_len() == hex.len())?,
        None => ObjectFormat::Sha1,
    };
    let mut capabilities = format!("object-format={format}").into_bytes();
    let head = head.map(<[u8]>::trim_ascii);
    let branch = head.and_then(|head| head.strip_prefix(b"ref:")).map(<[u8]>::trim_ascii);
    if let Some(branch) = branch.filter(|name| name.is_ascii() && !name.contains(&b' ')) {
        capabilities.extend_from_slice(&[b" symref=HEAD:", branch].concat());
    }
    let find = |wanted: &[u8]| refs.iter().find(|(_, name)| *name == wanted).map(|(hex, _)| *hex);
    let detached = head.filter(|_| branch.is_none()).filter(|head| head.len() == format.hex_len());
    let mut out = BytesMut::new();
    let mut capabilities = Some(capabilities.as_slice());
    let mut write = |hex: &[u8], name: &[u8]| {
        let id = ObjectId::from_hex(format, hex).ok()?;
        RefAdvertisementLine::Ref { id, name, capabilities: capabilities.take() }.write(&mut out).ok()
    };
    if let Some(hex) = branch.and_then(find).or(detached) {
        write(hex, b"HEAD")?;
    }
    for (hex, name) in &refs {
        write(hex, name)?;
    }
    if refs.is_empty() && detached.is_none() {
        write(ObjectId::zero(format).to_hex().as_bytes(), RefAdvertisementLine::NO_REFS)?;
    }
    out.extend_from_slice(b"0000");
    Some(out)
}

#[cfg(test)]
mod tests {
    use gitwire_protocol::FetchClientOptions;

    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";

    #[track_caller]
    fn check(list: &str, head: Option<&str>, expected: &[&str]) {
        let machine = FetchClient::new(FetchClientOptions::default());
        let refs = read("http://h/", list.as_bytes(), head.map(str::as_bytes), machine).unwrap();
        let shown: Vec<String> = refs
            .iter()
            .map(|shown| {
                let target =
                    shown.symref_target.map_or(String::new(), |to| format!(" -> {}", to.escape_ascii()));
                let peeled = shown.peeled.map_or(String::new(), |id| format!(" {id:.4}"));
                let id = shown.id.map_or(String::new(), |id| format!("{id:.4}"));
                format!("{id} {}{peeled}{target}", shown.name.escape_ascii())
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn lists() {
        let list = format!("{A}\trefs/heads/main\n{A}\trefs/tags/v1\n{B}\trefs/tags/v1^{{}}\n");
        let all = ["1111 refs/heads/main", "1111 refs/tags/v1 2222"];
        check(&list, None, &all);
        let with_head = ["1111 HEAD -> refs/heads/main", all[0], all[1]];
        check(&list, Some("ref: refs/heads/main\n"), &with_head);
        check(&list, Some("ref: refs/heads/other\n"), &all);
        check(&list, Some(&format!("{B}\n")), &["2222 HEAD", all[0], all[1]]);
        check(&list, Some("<html>"), &all);
        check("", None, &[]);
        check(list.trim_end(), None, &all);
    }

    #[test]
    fn what_is_no_list() {
        let machine = || FetchClient::new(FetchClientOptions::default());
        for list in [
            "<html>\n",
            "x\trefs/heads/main\n",
            &format!("{A} refs/heads/main\n"),
            &format!("{A}\trefs/a\n{A}{A}\trefs/b\n"),
        ] {
            let error = read("http://h/a/", list.as_bytes(), None, machine()).unwrap_err();
            assert_eq!(
                error.to_string(),
                "http://h/a/info/refs not valid: is this a git repository?",
                "{list}"
            );
        }
    }
}
