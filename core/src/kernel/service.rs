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

    pub(crate) fn fds(&self, fds: &mut Vec<RawFd>) {
        for service in self.all() {
            service.fds(fds);
        }
    }
}

impl Kernel {
    /// Has a service served while somebody waits, until it is dropped.
    pub fn add_service(&self, service: &Arc<dyn Service>) {
        self.shared.services.0.lock().push(Arc::downgrade(service));
        self.shared.waits.wake_keeper();
    }

    pub(crate) fn serve(&self) -> Result<(), Rejection> {
        self.shared.services.all().iter().try_for_each(|service| service.serve(self))
    }
}
