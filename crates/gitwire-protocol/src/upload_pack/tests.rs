//! Every state of the table is reached.

pub(super) mod reached {
    //! Which states the current thread's machines have been stepped in.

    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::string::String;

    use super::super::State;

    std::thread_local! {
        static STATES: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(in super::super) fn note(state: &State) {
        let name = alloc::format!("{state:?}");
        let name = name.split('(').next().unwrap_or_default().into();
        STATES.with_borrow_mut(|states| states.insert(name));
    }

    #[allow(dead_code, reason = "used by the tests of the table")]
    pub(in super::super) fn all() -> BTreeSet<String> {
        STATES.take()
    }
}
