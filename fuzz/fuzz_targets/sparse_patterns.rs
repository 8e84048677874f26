#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| gitwire_testkit::fuzz::run("sparse_patterns", data));
