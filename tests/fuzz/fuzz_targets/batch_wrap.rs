#![no_main]

#[path = "../entries.rs"]
#[expect(dead_code, reason = "each target uses one entry")]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::batch_wrap(bytes));
