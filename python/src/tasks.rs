//! Task descriptions, from Python and back.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use tamias::command::{TaskCommand, TaskRef, TaskSpec};
use tamias::ids::TaskId;
use tamias::value::Ext;

use crate::classes::{classes, make};
use crate::convert::{bytes, maybe_nanos, maybe_text, parsed, text, text_map, texts, wrong_type};
use crate::errors::Result;
use crate::events::seconds;
use crate::resources::{PyResources, decode};

/// The attribute, unless it is `None`.
pub(crate) fn attribute<'py>(
    value: &Bound<'py, PyAny>,
    name: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    value.getattr(name).map(|found| if found.is_none() { None } else { Some(found) })
}

/// One description or a list of them.
pub(crate) fn specs(value: &Bound<'_, PyAny>) -> Result<Vec<TaskSpec>> {
    const EXPECTED: &str = "a TaskSpec or a list of them";
    let class = classes(value.py())?.task_spec_class.bind(value.py());
    if value.is_instance(class)? {
        return Ok(vec![spec(value).map_err(|error| place(error, 0))?]);
    }
    let mut list = Vec::new();
    for (index, item) in crate::convert::entries("tasks", EXPECTED, value)?.iter().enumerate() {
        if !item.is_instance(class)? {
            return Err(wrong_type(&format!("tasks[{index}]"), "a TaskSpec", item));
        }
        list.push(spec(item).map_err(|error| place(error, index))?);
    }
    Ok(list)
}

/// The same path as in a rejection of the kernel.
fn place(error: crate::errors::Error, index: usize) -> crate::errors::Error {
    error.within(&format!("operations[0].launch.tasks[{index}]")).entry(index)
}

fn spec(value: &Bound<'_, PyAny>) -> Result<TaskSpec> {
    let resources = value.getattr("resources")?;
    let span = |name| -> Result<_> { maybe_nanos(name, attribute(value, name)?.as_ref()) };
    Ok(TaskSpec {
        name: text("name", &value.getattr("name")?)?.into(),
        resources: decode("resources", &resources)?,
        command: attribute(value, "command")?.map(|value| command(&value)).transpose()?,
        kill_grace_seconds: span("kill_grace_seconds")?,
        max_completion_seconds: span("max_completion_seconds")?,
        labels: text_map("labels", &value.getattr("labels")?)?,
        ext: attribute(value, "ext")?.map(|value| ext(&value)).transpose()?,
        // Executors and limits are described with the generic verb.
        executor: None,
        limits: std::collections::BTreeMap::new(),
    })
}

fn command(value: &Bound<'_, PyAny>) -> Result<TaskCommand> {
    let optional = |name: &str, path: &str| -> Result<_> {
        maybe_text(path, attribute(value, name)?.as_ref())
    };
    Ok(TaskCommand {
        argv: texts("command.argv", &value.getattr("argv")?)?,
        shell: optional("shell", "command.shell")?,
        env: text_map("command.env", &value.getattr("env")?)?,
        cwd: optional("cwd", "command.cwd")?,
        stdin: optional("stdin", "command.stdin")?,
    })
}

/// Opaque bytes of a wire layer.
pub(crate) fn ext(value: &Bound<'_, PyAny>) -> Result<Ext> {
    if !value.is_instance(classes(value.py())?.ext.bind(value.py()))? {
        return Err(wrong_type("ext", "an Ext", value));
    }
    Ok(Ext {
        media_type: text("ext.media_type", &value.getattr("media_type")?)?.into(),
        bytes: bytes("ext.bytes", &value.getattr("data")?)?,
    })
}

/// A task: a `TaskId` is its handle, any other text the framework's name.
pub(crate) fn reference(field: &str, value: &Bound<'_, PyAny>) -> Result<TaskRef> {
    let py = value.py();
    if value.is_instance(classes(py)?.task_id.bind(py))? {
        return Ok(parsed::<TaskId>(field, value)?.into());
    }
    Ok(TaskRef::Name(text(field, value)?.into()))
}

/// A description as Python's `TaskSpec`.
pub(crate) fn spec_to_python<'py>(py: Python<'py>, spec: &TaskSpec) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes(py)?;
    let command =
        spec.command.as_ref().map(|command| command_to_python(py, command)).transpose()?;
    let ext = spec
        .ext
        .as_ref()
        .map(|ext| make(py, &classes.ext, (&*ext.media_type, PyBytes::new(py, &ext.bytes.0))));
    let labels = map_to_python(py, &spec.labels)?;
    let fields = (
        &*spec.name,
        PyResources(spec.resources.clone()),
        command,
        spec.kill_grace_seconds.map(seconds),
        spec.max_completion_seconds.map(seconds),
        labels,
        ext.transpose()?,
    );
    make(py, &classes.task_spec, fields)
}

fn command_to_python<'py>(py: Python<'py>, command: &TaskCommand) -> PyResult<Bound<'py, PyAny>> {
    let argv = PyTuple::new(py, command.argv.iter().map(|argument| &**argument))?;
    let env = map_to_python(py, &command.env)?;
    let text = |value: &Option<Box<str>>| value.as_deref().map(str::to_owned);
    let fields = (argv, text(&command.shell), env, text(&command.cwd), text(&command.stdin));
    make(py, &classes(py)?.task_command, fields)
}

fn map_to_python<'py>(
    py: Python<'py>,
    map: &std::collections::BTreeMap<Box<str>, Box<str>>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in map {
        dict.set_item(&**name, &**value)?;
    }
    Ok(dict)
}
