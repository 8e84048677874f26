//! What the unit tests of both machines share.

use core::fmt::Debug;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::string::String;
use std::vec::Vec;

use gitwire_pktline::encode_text;

/// What stands for `ID` in [`lines`].
pub(crate) const ID: &str = "1111111111111111111111111111111111111111";

/// Pkt-lines of text; `0000` and `0001` are themselves.
pub(crate) fn lines(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        match *line {
            "0000" | "0001" => out.extend_from_slice(line.as_bytes()),
            line => encode_text(line.replace("ID", ID).as_bytes(), &mut out).unwrap(),
        }
    }
    out
}

std::thread_local! {
    static REACHED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes that a machine of this thread was stepped in `state`.
pub(crate) fn reach(state: &impl Debug) {
    let name = alloc::format!("{state:?}");
    let name = name.split('(').next().unwrap_or_default().into();
    REACHED.with_borrow_mut(|states| states.insert(name));
}

/// The states that this thread's machines were stepped in.
pub(crate) fn reached() -> BTreeSet<String> {
    REACHED.take()
}
