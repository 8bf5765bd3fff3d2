//! One target of `crates/fuzz`, chosen by `BUNRAKU_FUZZ`, under libFuzzer.
#![no_main]

use std::sync::OnceLock;

fn chosen() -> &'static fuzz::Target {
    static CHOSEN: OnceLock<fuzz::Target> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let name = std::env::var("BUNRAKU_FUZZ").unwrap_or_default();
        let names: Vec<&str> = fuzz::TARGETS.iter().map(|target| target.name).collect();
        let found = fuzz::TARGETS.into_iter().find(|target| target.name == name);
        found.unwrap_or_else(|| panic!("BUNRAKU_FUZZ must be one of {}", names.join(", ")))
    })
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| (chosen().run)(input));
