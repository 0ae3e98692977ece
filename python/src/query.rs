//! Queries from Python: names and keyword arguments in, dictionaries out.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tamias::Rejection;
use tamias::codec::jsonl::trace_line;
use tamias::kernel::journal::replay_path;
use tamias::query::Query;

use crate::convert::text;
use crate::errors::Result;

/// Reads a query. Values of fields are taken as text, so that ids can be given as they are.
pub(crate) fn query(name: &Bound<'_, PyAny>, fields: Option<&Bound<'_, PyDict>>) -> Result<Query> {
    let name = text("name", name)?;
    let mut object = serde_json::Map::new();
    for (key, value) in fields.into_iter().flatten() {
        let key = text("field", &key)?;
        let value = text(&key, &value)?;
        object.insert(key, value.into());
    }
    Ok(Query::from_json(&name, object.into())?)
}

/// Reads a line of JSON with Python's own reader: numbers become what its users expect.
pub(crate) fn from_json<'py>(py: Python<'py>, line: &str) -> Result<Bound<'py, PyAny>> {
    Ok(py.import("json")?.call_method1("loads", (line,))?)
}

/// Answers a query from the end of a journal, without locking or changing it.
#[pyfunction]
#[pyo3(signature = (path, name, fields=None))]
#[allow(clippy::needless_pass_by_value)] // what arguments from Python are
pub(crate) fn query_journal<'py>(
    py: Python<'py>,
    path: PathBuf,
    name: &Bound<'py, PyAny>,
    fields: Option<&Bound<'py, PyDict>>,
) -> Result<Bound<'py, PyAny>> {
    let query = query(name, fields)?;
    let answer = py.detach(|| {
        let state = replay_path(&path, None)?.state;
        let answer = state.query(&query)?;
        Ok::<_, Rejection>(trace_line(state.seq(), &answer))
    });
    from_json(py, &answer?)
}
