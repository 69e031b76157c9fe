#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cachalot_diesel::__fuzz::record(bytes));
