//! Texts in, buffers out.

use std::ffi::{c_char, c_void};

use tamias_core::{Code, Rejection};

use crate::boundary::{Outcome, Plain, bad_struct, guard_free};

/// A text: UTF-8, not NUL-terminated. Borrowed for the call if it goes in; what comes out says how
/// long it lives. `{NULL, 0}` is no text. Made by TAMIAS_STR("literal") and tamias_str_z(pointer).
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Str {
    /// The first byte.
    pub ptr: *const c_char,
    /// How many bytes.
    pub len: usize,
}

// SAFETY: a pointer and an integer.
unsafe impl Plain for Str {
    const NAME: &'static str = "tamias_str";
}

impl Str {
    /// No text.
    pub(crate) const NONE: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// Lends a text to the caller, as long as it lives; an empty one is no text.
    pub(crate) fn lend(text: &str) -> Self {
        if text.is_empty() {
            return Self::NONE;
        }
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    /// `ptr` is NULL or points to `len` bytes, as long as the result is used.
    pub(crate) unsafe fn bytes<'a>(self, field: &str) -> Outcome<&'a [u8]> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.ptr.is_null() {
            return Err(bad_struct(field, format!("is NULL with a length of {}", self.len)));
        }
        if isize::try_from(self.len).is_err() {
            return Err(bad_struct(field, format!("has an impossible length, {}", self.len)));
        }
        // SAFETY: not NULL, of a possible length; there by the caller's word.
        Ok(unsafe { std::slice::from_raw_parts(self.ptr.cast(), self.len) })
    }

    /// The text; what is not UTF-8 is rejected with that code.
    ///
    /// # Safety
    /// As [`Str::bytes`].
    pub(crate) unsafe fn text<'a>(self, code: Code, field: &str) -> Outcome<&'a str> {
        // SAFETY: the caller's word, handed on.
        let bytes = unsafe { self.bytes(field) }?;
        std::str::from_utf8(bytes).map_err(|error| {
            let position = error.valid_up_to();
            let byte = bytes.get(position).copied().unwrap_or_default();
            let text = format!("not UTF-8: byte {byte:#04x} at position {position}");
            Rejection::new(code, text).at(field)
        })
    }

    /// The text, if there is one; what is not UTF-8 is rejected with that code.
    ///
    /// # Safety
    /// As [`Str::bytes`].
    pub(crate) unsafe fn optional<'a>(self, code: Code, field: &str) -> Outcome<Option<&'a str>> {
        // SAFETY: the caller's word, handed on.
        let text = unsafe { self.text(code, field) }?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

/// Opaque bytes. Borrowed for the call if they go in; what comes out says how long it lives.
/// `{NULL, 0}` is none.
///
/// Immutable.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

impl Bytes {
    /// No bytes.
    pub(crate) const NONE: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// Lends bytes to the caller, as long as they live.
    pub(crate) fn lend(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::NONE;
        }
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    /// `ptr` is NULL or points to `len` bytes, as long as the result is used.
    pub(crate) unsafe fn get<'a>(self, field: &str) -> Outcome<&'a [u8]> {
        // SAFETY: the caller's word, handed on.
        unsafe { Str { ptr: self.ptr.cast(), len: self.len }.bytes(field) }
    }
}

/// Memory of the library for texts that it returns. Begin with TAMIAS_BUFFER_INIT, use it for as
/// many calls as you like (each replaces the text), end with tamias_buffer_free(). The text is
/// UTF-8 and NUL-terminated; `len` does not count the NUL.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    /// The text; NULL before the first.
    pub data: *mut c_char,
    /// How many bytes.
    pub len: usize,
    /// How many bytes there is memory for; the library's, do not change it.
    pub capacity: usize,
}

impl Buffer {
    /// Replaces the text; on failure it stays as it was.
    ///
    /// # Safety
    /// Made by TAMIAS_BUFFER_INIT and filled by nobody else.
    pub(crate) unsafe fn set(&mut self, text: &str) -> Outcome {
        let needed = text.len() + 1;
        if self.data.is_null() || self.capacity < needed {
            let room = needed.next_power_of_two().max(256);
            // SAFETY: NULL, or memory that an earlier call got here.
            let data = unsafe { libc::realloc(self.data.cast::<c_void>(), room) };
            if data.is_null() {
                let text = format!("no memory for {room} bytes");
                return Err(Rejection::new(Code::System, text).at("out"));
            }
            (self.data, self.capacity) = (data.cast(), room);
        }
        // SAFETY: memory for the text and a NUL, made sure above; it is not the caller's text,
        // which lies in memory of the core.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.data.cast(), text.len());
            self.data.add(text.len()).write(0);
        }
        self.len = text.len();
        Ok(())
    }
}

/// Frees the memory of a buffer and makes it empty, ready for use again. NULL is allowed.
///
/// Thread-safe. Since: 0.1. Stability: stable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tamias_buffer_free(buffer: *mut Buffer) {
    guard_free(|| {
        // SAFETY: NULL or a buffer, by the conventions.
        if let Some(buffer) = unsafe { buffer.as_mut() } {
            // SAFETY: NULL, or memory that `set` got from `realloc`.
            unsafe { libc::free(buffer.data.cast::<c_void>()) };
            *buffer = Buffer { data: std::ptr::null_mut(), len: 0, capacity: 0 };
        }
    });
}
