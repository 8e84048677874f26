use alloc::string::ToString;
use alloc::vec;

use super::*;

#[track_caller]
fn depth(text: &str, expected: Result<u32, DeepenError>) {
    assert_eq!(Depth::parse(text.as_bytes()).map(Depth::get), expected);
}

#[test]
fn depths() {
    depth("1", Ok(1));
    depth("010", Ok(8));
    depth("0x10", Ok(16));
    depth("2147483647", Ok(2_147_483_647));
    depth("2147483648", Err(DeepenError::Depth));
    depth("0", Err(DeepenError::Depth));
    depth("-1", Err(DeepenError::Depth));
    depth("", Err(DeepenError::Depth));
    depth("1 ", Err(DeepenError::Depth));
    depth("1k", Err(DeepenError::Depth));
    assert!(Depth::INFINITE.is_infinite());
    assert_eq!(Depth::INFINITE.to_string(), "2147483647");
}

#[track_caller]
fn since(text: &str, expected: Result<u64, DeepenError>) {
    assert_eq!(Since::parse(text.as_bytes()).map(Since::get), expected);
}

#[test]
fn times() {
    since("1", Ok(1));
    since("1112354055", Ok(1_112_354_055));
    since("18446744073709551614", Ok(u64::MAX - 1));
    since("18446744073709551615", Err(DeepenError::Since));
    since("0", Err(DeepenError::Since));
    since("-1", Err(DeepenError::Since));
    since("yesterday", Err(DeepenError::Since));
}

#[test]
fn lines_put_together() {
    let three = Depth::new(3).unwrap();
    let time = Since::new(5).unwrap();
    let build = |lines: &dyn Fn(&mut DeepenBuilder)| {
        let mut builder = DeepenBuilder::default();
        lines(&mut builder);
        builder.finish()
    };
    assert_eq!(build(&|_| {}), Ok(None));
    assert_eq!(build(&DeepenBuilder::relative), Ok(None));
    let from = DepthFrom::Tips;
    assert_eq!(build(&|lines| lines.depth(three)), Ok(Some(Deepen::Depth { depth: three, from })));
    let both = |lines: &mut DeepenBuilder| {
        lines.since(time);
        lines.not(RefName::head());
        assert_eq!(lines.not_len(), 1);
    };
    let expected = Deepen::Boundary { since: Some(time), not: vec![RefName::head()] };
    assert_eq!(build(&both), Ok(Some(expected)));
    let mixed = |lines: &mut DeepenBuilder| {
        lines.depth(three);
        lines.not(RefName::head());
    };
    assert_eq!(build(&mixed), Err(DeepenError::Both));
}
