use gitwire_capability::{
    Budget, Capabilities, FeatureSet, FetchAgreement, FetchFeature, FetchOffer, FetchWish, Limits,
    PromisorRemote, PushAgreement, PushOffer, PushWish, V2Offer, V2Request, parse_promisors, promisors,
};
use gitwire_types::ObjectFormat;
use proptest::prelude::*;

fn word() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        Just("multi_ack"),
        Just("multi_ack_detailed"),
        Just("no-done"),
        Just("side-band"),
        Just("side-band-64k"),
        Just("thin-pack"),
        Just("ofs-delta"),
        Just("filter"),
        Just("report-status"),
        Just("report-status-v2"),
        Just("atomic"),
        Just("push-options"),
        Just("push-cert=n"),
        Just("object-format=sha1"),
        Just("agent=a"),
        Just("agent=b"),
        Just("session-id=s"),
        Just("symref=HEAD:refs/heads/main"),
        Just("symref=x"),
        Just("fetch=shallow filter new"),
        Just("ls-refs=unborn"),
        Just("server-option"),
        Just("object-info"),
    ]
    .prop_map(str::to_owned);
    prop_oneof![4 => known, 1 => "[a-z_-]{1,6}", 1 => "[a-z]{1,4}=[!-~]{0,6}"]
}

proptest! {
    #[test]
    fn random_lists_never_panic(list in proptest::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(Capabilities::new(&list).count() <= list.len());
        let _ = FetchOffer::parse(&list, Limits::default());
        let _ = PushOffer::parse(&list, Limits::default());
        let _ = V2Offer::default().add(&list, &mut Budget::default());
        let _ = parse_promisors(&list);
    }

    #[test]
    fn a_list_written_again_reads_the_same(words in proptest::collection::vec(word(), 0..12)) {
        let list = words.iter().map(|word| word.replace(' ', ",")).collect::<Vec<_>>().join(" ");
        let fetch = FetchOffer::parse(list.as_bytes(), Limits::default())?;
        let mut out = Vec::new();
        fetch.write(&mut out);
        prop_assert_eq!(FetchOffer::parse(&out, Limits::default())?, fetch);
        let push = PushOffer::parse(list.as_bytes(), Limits::default())?;
        let mut out = Vec::new();
        push.write(&mut out);
        prop_assert_eq!(PushOffer::parse(&out, Limits::default())?, push);
    }

    #[test]
    fn lines_written_again_read_the_same(lines in proptest::collection::vec(word(), 0..12)) {
        let mut offer = V2Offer::default();
        for line in &lines {
            offer.add(line.as_bytes(), &mut Budget::default())?;
        }
        let (mut again, mut written) = (V2Offer::default(), Vec::new());
        offer.each_line(|line| written.push(line.to_vec()));
        for line in written {
            again.add(&line, &mut Budget::default())?;
        }
        prop_assert_eq!(again, offer);
    }

    #[test]
    fn both_sides_hold_the_same(words in proptest::collection::vec(word(), 0..12), asked in any::<u32>()) {
        let list = words.iter().map(|word| word.replace(' ', ",")).collect::<Vec<_>>().join(" ");
        let offer = FetchOffer::parse(list.as_bytes(), Limits::default())?;
        let mut wish = FetchWish::new(ObjectFormat::Sha1);
        wish.features = FeatureSet::<FetchFeature>::all().iter().enumerate().filter(|(at, _)| asked >> at & 1 == 1).map(|(_, feature)| feature).collect();
        let client = offer.agree(&wish)?;
        let mut said = Vec::new();
        client.write(&mut said);
        let mut server = FetchAgreement::offered(&offer);
        server.add(&said, &offer, &mut Budget::default())?;
        prop_assert!(server.unknown.is_empty());
        prop_assert_eq!((server.ack_mode, server.side_band, server.no_done()), (client.ack_mode, client.side_band, client.no_done()));
        prop_assert!(client.features.difference(server.features).is_empty());
        // What is not asked for is no more than what holds without asking.
        let unasked = FetchAgreement::offered(&offer).features;
        prop_assert!(server.features.difference(client.features).difference(unasked).is_empty());

        let offer = PushOffer::parse(list.as_bytes(), Limits::default())?;
        let client = offer.agree(&PushWish::new(ObjectFormat::Sha1))?;
        let mut said = Vec::new();
        client.write(&mut said);
        let mut server = PushAgreement::offered(&offer);
        server.add(&said, &offer, &mut Budget::default())?;
        prop_assert_eq!(server, client);
    }

    #[test]
    fn requests_never_panic(lines in proptest::collection::vec(word(), 0..8), more in proptest::collection::vec(any::<u8>(), 0..20)) {
        let (mut offer, mut request) = (V2Offer::default(), V2Request::default());
        for line in &lines {
            offer.add(line.as_bytes(), &mut Budget::default())?;
            let _ = request.add(line.as_bytes(), &offer, &mut Budget::default());
        }
        let _ = request.add(&more, &offer, &mut Budget::default());
    }

    #[test]
    fn promisors_written_read_the_same(names in proptest::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>(), any::<Option<Vec<u8>>>()), 1..4)) {
        let remotes: Vec<_> = names.into_iter().map(|(name, url, token)| {
            let mut remote = PromisorRemote::new(name, url);
            remote.token = token.map(Into::into);
            remote
        }).collect();
        let value = promisors(&remotes).expect("at least one");
        prop_assert_eq!(parse_promisors(value.as_bytes())?, remotes);
    }
}
