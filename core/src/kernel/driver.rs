//! A thread that keeps time and serves in-process agents, for embedders who never wait themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::Kernel;
use crate::error::{Code, Rejection};

/// How long it rests after an error.
const PAUSE: Duration = Duration::from_millis(100);

/// The kernel's only thread, and only if it is asked for. Dropping it stops it.
#[derive(Debug)]
pub struct Driver {
    kernel: Kernel,
    stop: Arc<AtomicBool>,
    error: Arc<Mutex<Option<Rejection>>>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    /// Starts the thread.
    ///
    /// Errors: [`Code::System`] if the system gives none.
    pub fn start(kernel: &Kernel) -> Result<Self, Rejection> {
        let stop = Arc::new(AtomicBool::new(false));
        let error = Arc::new(Mutex::new(None));
        let (own, stopped, last) = (kernel.clone(), stop.clone(), error.clone());
        let run = move || {
            // It ends when it is stopped, or with the kernel: poisoned or forked. A full disk or an
            // agent in trouble are no reason to let time stand still.
            let is_stopped = || stopped.load(Ordering::Acquire);
            while let Err(rejection) = own.keep_time(None, is_stopped) {
                *last.lock() = Some(rejection);
                if own.check_alive().is_err() {
                    return;
                }
                std::thread::park_timeout(PAUSE);
            }
        };
        let thread = std::thread::Builder::new().name("tamias-driver".into()).spawn(run);
        let thread = thread.map_err(|error| {
            Rejection::new(Code::System, format!("cannot start a thread: {error}"))
        })?;
        Ok(Self { kernel: kernel.clone(), stop, error, thread: Some(thread) })
    }

    /// What went wrong last, if something did since the last question. The thread goes on, unless
    /// the kernel is poisoned.
    pub fn take_error(&self) -> Option<Rejection> {
        self.error.lock().take()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // In a forked child there is no thread, and the sleepers are the parent's.
        if self.kernel.shared.is_forked() {
            return;
        }
        self.kernel.shared.waits.wake_all();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
