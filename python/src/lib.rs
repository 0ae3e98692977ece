//! `tamias._native`: the kernel for Python.
//!
//! Three layers: this module, private and without policy <- `tamias.types`, `tamias.events` and
//! `tamias.errors`, the values in plain Python <- `tamias`, which names what is public. What is
//! here:
//!
//! | file | what |
//! |---|---|
//! | [`kernel`], [`framework`], [`agent_driver`], [`operator`], [`governance`], [`local_agent`] | the handles |
//! | [`journal`] | journals as files to look at |
//! | [`session`] | what the session handles share: events, waits, closing |
//! | [`enter`] | the one place that decides when the interpreter's lock is released |
//! | [`convert`], [`options`], [`tasks`], [`resources`] | arguments from Python, exactly |
//! | [`events`], [`classes`] | values to Python |
//! | [`errors`] | rejections as exceptions |
//!
//! Every handle is frozen: methods take `&self`, so two threads may use one handle.

mod agent_driver;
mod classes;
mod convert;
mod enter;
mod errors;
mod events;
mod framework;
mod governance;
mod journal;
mod kernel;
mod local_agent;
mod operator;
mod options;
mod query;
mod resources;
mod session;
mod tasks;

#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::agent_driver::PyAgentDriver;
    #[pymodule_export]
    use crate::errors::codes;
    #[pymodule_export]
    use crate::framework::PyFramework;
    #[pymodule_export]
    use crate::journal::{PyJournalLines, replay_journal};
    #[pymodule_export]
    use crate::kernel::PyKernel;
    #[pymodule_export]
    use crate::local_agent::{PyLocalAgent, machine_resources};
    #[pymodule_export]
    use crate::operator::PyOperator;
    #[pymodule_export]
    use crate::query::query_journal;
    #[pymodule_export]
    use crate::resources::PyResources;

    #[pymodule_export]
    #[allow(non_upper_case_globals)] // the name that Python expects
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
