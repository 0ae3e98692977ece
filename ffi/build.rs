//! Gives libtamias.so its SONAME, which Cargo has no key for. Nothing else happens here: the
//! header is made by `cargo xtask header`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/version.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libtamias.so.{}", abi_version());
    }
}

/// The number in `src/version.rs`, so that it is written down once.
fn abi_version() -> u32 {
    let source = include_str!("src/version.rs");
    let line = source.lines().find_map(|line| line.strip_prefix("pub const TAMIAS_ABI_VERSION:"));
    let number = line.and_then(|line| line.split_once('=')?.1.trim().strip_suffix(';'));
    number
        .and_then(|number| number.parse().ok())
        .expect("src/version.rs has a line `pub const TAMIAS_ABI_VERSION: u32 = N;`")
}
