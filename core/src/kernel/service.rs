//! In-process agents: parts of this process that must be served while somebody waits.
//!
//! A local agent lives in the embedder's process without a thread of its own. It registers itself
//! here; whoever waits on the kernel watches its descriptors and calls [`Service::serve`] when one
//! is readable. So a program of ten lines cannot hang waiting for a task that nobody started.

use std::os::fd::RawFd;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Kernel;
use crate::error::Rejection;

/// Something to be served while somebody waits on the kernel.
pub trait Service: Send + Sync {
    /// Adds the descriptors that are readable when it has something to do.
    fn fds(&self, fds: &mut Vec<RawFd>);

    /// Adds the descriptors that it waits to write to.
    fn writable_fds(&self, fds: &mut Vec<RawFd>) {
        let _ = fds;
    }

    /// Does what there is to do, without blocking. Called without any lock of the kernel, possibly
    /// from several threads.
    fn serve(&self, kernel: &Kernel) -> Result<(), Rejection>;
}

/// The services of one kernel. They are not kept alive.
#[derive(Default)]
pub(crate) struct Services(Mutex<Vec<Weak<dyn Service>>>);

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} services", self.0.lock().len())
    }
}

impl Services {
    fn all(&self) -> Vec<Arc<dyn Service>> {
        let mut list = self.0.lock();
        list.retain(|service| service.strong_count() > 0);
        list.iter().filter_map(Weak::upgrade).collect()
    }

    /// The descriptors to be watched for reading and for writing.
    pub(crate) fn fds(&self) -> (Vec<RawFd>, Vec<RawFd>) {
        let (mut readable, mut writable) = (Vec::new(), Vec::new());
        for service in self.all() {
            service.fds(&mut readable);
            service.writable_fds(&mut writable);
        }
        (readable, writable)
    }
}

impl Kernel {
    /// Has a service served while somebody waits, until it is dropped.
    pub fn add_service(&self, service: &Arc<dyn Service>) {
        self.shared.services.0.lock().push(Arc::downgrade(service));
        self.shared.waits.wake_keeper();
    }

    /// Has whoever waits ask the services for their descriptors again. For a service to call when
    /// they have changed.
    pub fn watch_again(&self) {
        self.shared.waits.wake_keeper();
    }

    /// Serves all; an error of one does not keep the others from it.
    pub(crate) fn serve(&self) -> Result<(), Rejection> {
        let services = self.shared.services.all();
        let served = services.iter().map(|service| service.serve(self));
        served.fold(Ok(()), Result::and)
    }
}
