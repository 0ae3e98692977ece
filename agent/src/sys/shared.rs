//! One byte that stays shared with a forked child, and that outlives whoever wrote it.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, Ordering};

/// A byte in memory that parent and child of a `fork` both see.
#[derive(Debug)]
pub(crate) struct SharedByte {
    at: NonNull<AtomicU8>,
}

impl SharedByte {
    /// Makes the byte; it is never unmapped, because it lives as long as both processes do.
    pub(crate) fn new(value: u8) -> io::Result<Self> {
        // SAFETY: an anonymous mapping at an address of the system's choice; nothing else is
        // replaced by it.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<AtomicU8>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at = NonNull::new(page.cast::<AtomicU8>())
            .ok_or_else(|| io::Error::other("mmap gave address 0"))?;
        let byte = Self { at };
        byte.set(value);
        Ok(byte)
    }

    /// Writes the byte.
    pub(crate) fn set(&self, value: u8) {
        self.atomic().store(value, Ordering::SeqCst);
    }

    /// Reads the byte.
    pub(crate) fn get(&self) -> u8 {
        self.atomic().load(Ordering::SeqCst)
    }

    fn atomic(&self) -> &AtomicU8 {
        // SAFETY: `at` is a mapping of at least one zeroed, aligned byte that is never unmapped,
        // and an atomic is sound under access by another process.
        unsafe { self.at.as_ref() }
    }
}
