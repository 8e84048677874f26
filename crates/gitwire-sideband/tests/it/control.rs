use gitwire_sideband::{ControlCharacters, ControlCharactersError};

#[track_caller]
fn check(value: &str, expected: Result<ControlCharacters, usize>) {
    assert_eq!(value.parse(), expected.map_err(|at| ControlCharactersError { at }), "{value:?}");
}

#[test]
fn values_of_the_configuration() {
    use ControlCharacters as C;
    for yes in ["true", "True", "yes", "on", "1", " true "] {
        check(yes, Ok(C::ALL));
    }
    for no in ["false", "FALSE", "no", "off", "0", ""] {
        check(no, Ok(C::NONE));
    }
    check("default", Ok(C::COLOR));
    check("color", Ok(C::COLOR));
    check("cursor", Ok(C::CURSOR));
    check("erase", Ok(C::ERASE));
    check("color,cursor", Ok(C::COLOR.and(C::CURSOR)));
    check("erase, cursor ,color", Ok(C::COLOR.and(C::CURSOR).and(C::ERASE)));
    check("colour", Err(0));
    check("color,,erase", Err(6));
    check("color,Erase", Err(6));
    check("color;erase", Err(0));
}

#[test]
fn levels() {
    use ControlCharacters as C;
    assert!(C::ALL.contains(C::COLOR) && C::ALL.contains(C::CURSOR) && C::ALL.contains(C::ERASE));
    assert!(!C::COLOR.contains(C::ERASE) && C::COLOR.contains(C::NONE));
    assert_eq!(C::default(), C::NONE);
}
