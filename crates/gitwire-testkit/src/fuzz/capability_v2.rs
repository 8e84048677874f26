//! Capabilities of version 2: what is read can be written, and a client says nothing that its server refuses.

use gitwire_capability::{
    Budget, Limits, V2Command, V2Offer, V2Request, V2Wish, accepted_promisors, parse_accepted_promisors,
    parse_promisors, promisors,
};
use gitwire_types::ObjectFormat;

/// Lines of an advertisement, then an empty line, then lines of a request.
pub(super) fn capability_v2(data: &[u8]) {
    let mut budget = Budget::new(Limits { capabilities_max: 200, bytes_max: 4096 });
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut offer = V2Offer::default();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        if offer.add(line, &mut budget).is_err() {
            break;
        }
    }
    let mut again = V2Offer::default();
    offer.each_line(|line| again.add(line, &mut Budget::default()).expect("our own words"));
    assert_eq!(again, offer, "an offer written again differs");
    if let Some(value) = &offer.promisor_remote {
        promisor(value.as_bytes());
    }

    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let Ok(agreement) = offer.agree(&V2Wish::new(format)) else { continue };
        let said = V2Request::new(V2Command::Fetch, &agreement);
        let mut heard = V2Request::default();
        said.each_line(|line| heard.add(line, &offer, &mut Budget::default()).expect("our own words"));
        assert_eq!(heard.check_format(format), Ok(()));
        assert_eq!(heard, said, "the two sides differ");
    }

    let mut request = V2Request::default();
    for line in lines {
        if request.add(line, &offer, &mut budget).is_err() {
            break;
        }
    }
}

fn promisor(value: &[u8]) {
    if let Ok(remotes) = parse_promisors(value) {
        let written = promisors(&remotes).expect("at least one remote");
        assert_eq!(parse_promisors(written.as_bytes()), Ok(remotes), "remotes written again differ");
    }
    if let Ok(names) = parse_accepted_promisors(value) {
        let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let written = accepted_promisors(names.iter().map(|name| &name[..]));
        let again = written.map(|value| parse_accepted_promisors(value.as_bytes()).expect("our own words"));
        assert_eq!(again.unwrap_or_default(), names, "names written again differ");
    }
}
