//! A thread that keeps time and serves in-process agents, for embedders who never wait themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::Kernel;
use crate::error::{Code, Rejection};

/// The kernel's only thread, and only if it is asked for. Dropping it stops it.
#[derive(Debug)]
pub struct Driver {
    kernel: Kernel,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    /// Starts the thread.
    ///
    /// Errors: [`Code::System`] if the system gives none.
    pub fn start(kernel: &Kernel) -> Result<Self, Rejection> {
        let stop = Arc::new(AtomicBool::new(false));
        let (own, stopped) = (kernel.clone(), stop.clone());
        let run = move || {
            // It ends when it is stopped, or with the kernel: poisoned or forked.
            let _ = own.keep_time(None, || stopped.load(Ordering::Acquire));
        };
        let thread = std::thread::Builder::new().name("tamias-driver".into()).spawn(run);
        let thread = thread.map_err(|error| {
            Rejection::new(Code::System, format!("cannot start a thread: {error}"))
        })?;
        Ok(Self { kernel: kernel.clone(), stop, thread: Some(thread) })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.kernel.shared.waits.wake_all();
        if let Some(thread) = self.thread.take() {
            if !self.kernel.shared.is_forked() {
                let _ = thread.join();
            }
        }
    }
}
