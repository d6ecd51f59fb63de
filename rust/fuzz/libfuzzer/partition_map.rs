#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pyignite_rs_fuzz::targets::partition_map(data));
