use super::*;

#[track_caller]
fn check(value: Option<&str>, expected: Result<Sharing, &str>) {
    let parsed = Sharing::parse(value.map(str::as_bytes));
    assert_eq!(parsed.map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{value:?}");
}

#[test]
fn values_mean_what_git_says() {
    check(None, Ok(Sharing::Group));
    for (value, expected) in [
        ("umask", Sharing::Umask),
        ("false", Sharing::Umask),
        ("no", Sharing::Umask),
        ("0", Sharing::Umask),
        ("", Sharing::Umask),
        ("group", Sharing::Group),
        ("true", Sharing::Group),
        ("1", Sharing::Group),
        ("9", Sharing::Group),
        ("all", Sharing::Everybody),
        ("world", Sharing::Everybody),
        ("everybody", Sharing::Everybody),
        ("2", Sharing::Everybody),
        ("0600", Sharing::Mode(0o600)),
        ("0640", Sharing::Mode(0o640)),
        ("660", Sharing::Mode(0o660)),
        ("0777", Sharing::Mode(0o666)),
    ] {
        check(Some(value), Ok(expected));
    }
}

#[test]
fn values_without_an_owner_or_a_sense_are_refused() {
    let refused = "problem with core.sharedRepository filemode value (0400).\nThe owner of files must always have read and write permissions.";
    check(Some("0400"), Err(refused));
    check(Some("3"), Err(&refused.replace("0400", "0003")));
    check(Some("0277"), Err(&refused.replace("0400", "0277")));
    check(Some("those"), Err("bad value 'those' of 'core.sharedrepository': a truth value is needed"));
}

#[test]
fn files_nobody_writes_stay_so_and_folders_are_the_groups() {
    use FileKind::{Directory, File};
    for (sharing, made, kind, expected) in [
        (Sharing::Umask, 0o600, File, 0o600),
        (Sharing::Group, 0o600, File, 0o660),
        (Sharing::Group, 0o644, File, 0o664),
        (Sharing::Group, 0o400, File, 0o440),
        (Sharing::Group, 0o700, Directory, 0o2770),
        (Sharing::Group, 0o755, Directory, 0o2775),
        (Sharing::Everybody, 0o400, File, 0o444),
        (Sharing::Everybody, 0o700, Directory, 0o2775),
        (Sharing::Mode(0o640), 0o644, File, 0o640),
        (Sharing::Mode(0o640), 0o444, File, 0o440),
        (Sharing::Mode(0o640), 0o777, Directory, 0o2750),
        (Sharing::Mode(0o600), 0o777, Directory, 0o700),
        (Sharing::Mode(0o660), 0o700, File, 0o770),
    ] {
        assert_eq!(sharing.apply(made, kind), expected, "{sharing:?} {made:o} {kind:?}");
    }
}
