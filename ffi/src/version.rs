//! Versions of library and ABI.

use std::ffi::{CStr, c_char};

/// The version of the binary interface: raised when, and only when, a program built with an older
/// header would break. It is the number in the library's SONAME.
pub const TAMIAS_ABI_VERSION: u32 = 1;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The version of the library, for example "0.1.0"; compare with `TAMIAS_VERSION`, the version of
/// the header. A static text.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub extern "C" fn tamias_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The ABI version of the library; compare with `TAMIAS_ABI_VERSION`, that of the header.
/// tamias_kernel_open() does it too and says what to do.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub extern "C" fn tamias_abi_version() -> u32 {
    TAMIAS_ABI_VERSION
}
