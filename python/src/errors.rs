//! Rejections as exceptions: one way from the kernel's codes to the classes of `tamias.errors`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tamias::{Code, Rejection};

/// The function of `tamias.errors` that makes the exception of the right class.
static FACTORY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// What an entry point can fail with: the kernel's rejection, or an exception of Python.
#[derive(Debug)]
pub(crate) enum Error {
    Rejected(Rejection),
    Python(PyErr),
}

/// The result of what an entry point calls.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Python(error) => error,
            Error::Rejected(rejection) => {
                // Only entry points convert, and those are attached to the interpreter.
                Python::attach(|py| exception(py, &rejection).unwrap_or_else(|error| error))
            }
        }
    }
}

impl Error {
    /// Puts `prefix` before the field of a rejection: `spec` and `name` give `spec.name`.
    pub(crate) fn within(self, prefix: &str) -> Self {
        match self {
            Self::Rejected(rejection) => {
                let field = rejection.field().to_owned();
                let path = match field.as_str() {
                    "" => prefix.to_owned(),
                    field => format!("{prefix}.{field}"),
                };
                Self::Rejected(rejection.at(path))
            }
            python @ Self::Python(_) => python,
        }
    }

    /// Says which entry of a list it was.
    pub(crate) fn entry(self, index: usize) -> Self {
        match self {
            Self::Rejected(rejection) => Self::Rejected(rejection.index(index)),
            python @ Self::Python(_) => python,
        }
    }
}

/// An argument that is wrong whatever the state is.
pub(crate) fn reject(code: Code, field: &str, message: impl Into<String>) -> Error {
    Error::Rejected(Rejection::new(code, message).at(field))
}

fn exception(py: Python<'_>, rejection: &Rejection) -> PyResult<PyErr> {
    let factory = FACTORY.get_or_try_init(py, || {
        py.import("tamias.errors")?.getattr("_from_native").map(Bound::unbind)
    })?;
    let (code, message) = (rejection.code().number(), rejection.message());
    let value =
        factory.bind(py).call1((code, message, rejection.field(), rejection.list_index()))?;
    Ok(PyErr::from_value(value))
}

/// All codes of the kernel, as pairs of name and number.
#[pyfunction]
pub(crate) fn codes() -> Vec<(&'static str, u16)> {
    Code::ALL.iter().map(|code| (code.name(), code.number())).collect()
}
