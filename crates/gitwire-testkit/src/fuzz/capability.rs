//! Capabilities of versions 0 and 1: what is read can be written, and both sides hold the same.

use gitwire_capability::{
    Budget, FetchAgreement, FetchOffer, FetchWish, Limits, PushAgreement, PushOffer, PushWish, split_line,
    split_want,
};
use gitwire_types::ObjectFormat;

/// A line with capabilities after NUL, or after a blank.
pub(super) fn capability(data: &[u8]) {
    let limits = Limits { capabilities_max: 200, bytes_max: 4096 };
    for list in [split_line(data).capabilities, split_want(data).capabilities].into_iter().flatten() {
        if let Ok(offer) = FetchOffer::parse(list, limits) {
            fetch(&offer);
        }
        if let Ok(offer) = PushOffer::parse(list, limits) {
            push(&offer);
        }
    }
}

fn fetch(offer: &FetchOffer) {
    let mut written = Vec::new();
    offer.write(&mut written);
    let again = FetchOffer::parse(&written, Limits::default()).expect("our own words");
    assert_eq!(&again, offer, "an offer written again differs");

    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let Ok(client) = offer.agree(&FetchWish::new(format)) else { continue };
        let mut said = Vec::new();
        client.write(&mut said);
        let mut server = FetchAgreement::offered(offer);
        server.add(&said, offer, &mut Budget::default()).expect("our own words");
        assert_eq!(server.unknown, [], "the client said what was not offered");
        assert_eq!((server.ack_mode, server.side_band), (client.ack_mode, client.side_band));
        assert_eq!(server.no_done(), client.no_done());
    }
}

fn push(offer: &PushOffer) {
    let mut written = Vec::new();
    offer.write(&mut written);
    let again = PushOffer::parse(&written, Limits::default()).expect("our own words");
    assert_eq!(&again, offer, "an offer written again differs");

    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let Ok(client) = offer.agree(&PushWish::new(format)) else { continue };
        let mut said = Vec::new();
        client.write(&mut said);
        let mut server = PushAgreement::offered(offer);
        server.add(&said, offer, &mut Budget::default()).expect("our own words");
        assert_eq!(server.check_format(format), Ok(()));
        assert_eq!(server, client, "the two sides differ");
    }
}
