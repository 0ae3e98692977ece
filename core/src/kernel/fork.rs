//! Recognises a forked child, which must leave its parent's kernel alone: it shares the journal's
//! file and the agents' processes, but none of the threads that may hold the lock.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static FORKS: AtomicU64 = AtomicU64::new(0);
static HANDLER: Once = Once::new();

extern "C" fn in_child() {
    // Async-signal-safe: one atomic addition.
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The number of forks between the first process and this one.
pub(crate) fn generation() -> u64 {
    HANDLER.call_once(|| {
        // SAFETY: the handler is a plain function that lives as long as the library. Should the
        // registration fail for lack of memory, forks are not recognised; nothing else changes.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
    FORKS.load(Ordering::Relaxed)
}
