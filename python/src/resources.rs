//! `Resources`: the exact resource algebra as an immutable Python value.

use std::hash::{Hash, Hasher};

use pyo3::basic::CompareOp;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFrozenSet, PyMapping, PyRange, PyString, PyTuple};
use serde::Deserialize;
use serde_json::Value as Json;
use tamias::Code;
use tamias::error::shorten;
use tamias::resources::{Name, Resources, Value};

use crate::classes::classes;
use crate::convert::{entries, number_text, text, wrong_type};
use crate::errors::{Result, reject};

const EXPECTED: &str = "resources: a text like 'cpus:4;mem:32' or a mapping like {'cpus': 4}";

/// What an agent has, an offer holds or a task takes: exact amounts, ranges and sets.
///
/// Read from a text (``"cpus:4;mem:8192;ports:[31000-32000]"``), a mapping
/// (``{"cpus": 0.5, "mem": "512MiB", "ports": [(31000, 32000)]}``) or keywords. Amounts have three
/// decimals; ``mem`` and ``disk`` are in MiB. ``a + b`` unites, ``a - b`` never goes below nothing,
/// ``a >= b`` says that ``b`` is contained in ``a``, and ``a[name]`` is a ``Decimal``, a tuple of
/// ``(begin, end)`` pairs, or a frozenset.
#[pyclass(frozen, module = "tamias", name = "Resources")]
pub(crate) struct PyResources(pub(crate) Resources);

#[pymethods]
impl PyResources {
    #[new]
    #[pyo3(signature = (value=None, /, **named))]
    fn new(value: Option<&Bound<'_, PyAny>>, named: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let mut sum = match value {
            Some(value) => decode("resources", value)?,
            None => Resources::new(),
        };
        if let Some(named) = named {
            let named = decode("resources", named.as_any())?;
            add("resources", &mut sum, &named)?;
        }
        Ok(Self(sum))
    }

    /// The amount of cpus.
    #[getter]
    fn cpus<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.amount(py, &Name::CPUS)
    }

    /// The amount of memory in MiB.
    #[getter]
    fn mem<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.amount(py, &Name::MEM)
    }

    /// The amount of disk space in MiB.
    #[getter]
    fn disk<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.amount(py, &Name::DISK)
    }

    /// The amount of graphics processors.
    #[getter]
    fn gpus<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.amount(py, &Name::GPUS)
    }

    /// The names, in the order of printing.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.iter().map(|item| item.key.as_str().to_owned()).collect();
        names.dedup();
        names
    }

    /// The value of that name, or the default.
    #[pyo3(signature = (name, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match Name::new(name).ok().and_then(|name| self.0.over_all(&name)) {
            Some(value) => value_to_python(py, &value).map(Some),
            None => Ok(default),
        }
    }

    /// True when a point of a range or an item of a set is in both.
    fn overlaps(&self, other: &Self) -> bool {
        self.0.overlaps(&other.0)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let value = self.get(py, name, None)?;
        value.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __contains__(&self, name: &str) -> bool {
        Name::new(name).is_ok_and(|name| self.0.over_all(&name).is_some())
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let names = PyTuple::new(py, self.names())?;
        names.into_any().try_iter().map(Bound::into_any)
    }

    fn __add__(&self, other: &Bound<'_, PyAny>) -> Result<Self> {
        let mut sum = self.0.clone();
        add("resources", &mut sum, &decode("resources", other)?)?;
        Ok(Self(sum))
    }

    fn __radd__(&self, other: &Bound<'_, PyAny>) -> Result<Self> {
        self.__add__(other)
    }

    fn __rsub__(&self, other: &Bound<'_, PyAny>) -> Result<Self> {
        let mut rest = decode("resources", other)?;
        rest.subtract(&self.0);
        Ok(Self(rest))
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> Result<Self> {
        let mut rest = self.0.clone();
        rest.subtract(&decode("resources", other)?);
        Ok(Self(rest))
    }

    fn __richcmp__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
        op: CompareOp,
    ) -> Bound<'py, PyAny> {
        let Ok(other) = other.cast::<Self>() else { return py.NotImplemented().into_bound(py) };
        let (a, b) = (&self.0, &other.get().0);
        let answer = match op {
            CompareOp::Eq => a == b,
            CompareOp::Ne => a != b,
            CompareOp::Ge => a.contains(b),
            CompareOp::Le => b.contains(a),
            CompareOp::Gt => a != b && a.contains(b),
            CompareOp::Lt => a != b && b.contains(a),
        };
        PyBool::new(py, answer).to_owned().into_any()
    }

    fn __hash__(&self) -> u64 {
        // Fixed keys: equal in every process, as hashes of values that travel should be.
        let mut hasher = std::hash::DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Resources('{}')", self.0)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyAny>, (String,)) {
        (py.get_type::<Self>().into_any(), (self.0.to_string(),))
    }
}

impl PyResources {
    fn amount<'py>(&self, py: Python<'py>, name: &Name) -> PyResult<Bound<'py, PyAny>> {
        decimal(py, &self.0.quantity(name))
    }
}

/// Resources of any form that Python may give.
pub(crate) fn decode(field: &str, value: &Bound<'_, PyAny>) -> Result<Resources> {
    if let Ok(resources) = value.cast::<PyResources>() {
        return Ok(resources.get().0.clone());
    }
    if value.is_instance_of::<PyString>() {
        let parsed = text(field, value)?.parse::<Resources>();
        return parsed.map_err(|error| reject(Code::BadResources, field, error.to_string()));
    }
    let Ok(mapping) = value.cast::<PyMapping>() else {
        return Err(wrong_type(field, EXPECTED, value));
    };
    let mut object = serde_json::Map::new();
    for pair in mapping.items()?.iter() {
        let (name, value) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let name = text(field, &name)?;
        let json = value_to_json(&format!("{field}.{}", shorten(&name)), &name, &value)?;
        object.insert(name, json);
    }
    Resources::deserialize(Json::Object(object))
        .map_err(|error| reject(Code::BadResources, field, error.to_string()))
}

/// One value of a mapping. Numbers go as text, so that the kernel itself reads them.
fn value_to_json(field: &str, name: &str, value: &Bound<'_, PyAny>) -> Result<Json> {
    const EXPECTED: &str = "a number, a text, (begin, end) pairs, a range, or a set of texts";
    if let Some(number) = number_text(value)? {
        return Ok(Json::String(number));
    }
    if value.is_instance_of::<PyString>() {
        let text = text(field, value)?;
        let in_mib = matches!(name, "mem" | "disk");
        return Ok(Json::String(if in_mib { mebibytes(field, &text)? } else { text }));
    }
    if let Ok(range) = value.cast::<PyRange>() {
        return points(field, range);
    }
    let items = entries(field, EXPECTED, value)?;
    let mut list = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let place = format!("{field}[{index}]");
        if item.is_instance_of::<PyString>() {
            list.push(Json::String(text(&place, item)?));
        } else if let Ok((begin, end)) = item.extract::<(u64, u64)>() {
            list.push(serde_json::json!([begin, end]));
        } else {
            return Err(wrong_type(&place, "a text or a (begin, end) pair", item));
        }
    }
    // A set has no order of its own; the error for a bad item should be the same each time.
    if value.get_type().name()? == "set" || value.get_type().name()? == "frozenset" {
        list.sort_by_key(ToString::to_string);
    }
    Ok(Json::Array(list))
}

/// `range(31000, 32000)` as the interval of its points.
fn points(field: &str, range: &Bound<'_, PyRange>) -> Result<Json> {
    let part = |name| -> PyResult<i64> { range.getattr(name)?.extract() };
    let (start, stop, step) = (part("start")?, part("stop")?, part("step")?);
    if step != 1 || start < 0 {
        let text = "a range of points has no step and begins at 0 or later";
        return Err(reject(Code::BadResources, field, text));
    }
    Ok(if stop > start { serde_json::json!([[start, stop - 1]]) } else { serde_json::json!([]) })
}

/// `512MiB` as the number of MiB; a text without a unit is left as it is.
fn mebibytes(field: &str, text: &str) -> Result<String> {
    // Numerator and denominator in MiB: exact for every unit.
    const UNITS: [(&str, u128, u128); 10] = [
        ("KiB", 1, 1 << 10),
        ("MiB", 1, 1),
        ("GiB", 1 << 10, 1),
        ("TiB", 1 << 20, 1),
        ("PiB", 1 << 30, 1),
        ("kB", 1_000, 1 << 20),
        ("KB", 1_000, 1 << 20),
        ("MB", 1_000_000, 1 << 20),
        ("GB", 1_000_000_000, 1 << 20),
        ("TB", 1_000_000_000_000, 1 << 20),
    ];
    let text = text.trim();
    let known = UNITS.iter().find_map(|(unit, times, over)| {
        text.strip_suffix(unit).map(|number| (number.trim_end(), times, over))
    });
    let Some((number, times, over)) = known else { return Ok(text.to_owned()) };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits || digits.len() > 18 {
        let shown = shorten(text);
        let units = "KiB, MiB, GiB, TiB, PiB, kB, MB, GB or TB";
        let why = format!("{shown:?} is not an amount: write a decimal and a unit, {units}");
        return Err(reject(Code::BadResources, field, why));
    }
    let digits: u128 = digits.parse().unwrap_or_default();
    // Thousandths of a MiB, rounded half up: 10^18 x 2^30 x 10^3 fits.
    let denominator = over * 10_u128.pow(places);
    let milli = (digits * times * 1000 * 2 + denominator) / (denominator * 2);
    Ok(format!("{}.{:03}", milli / 1000, milli % 1000))
}

fn add(field: &str, sum: &mut Resources, other: &Resources) -> Result<()> {
    sum.add(other).map_err(|error| reject(Code::BadResources, field, error.to_string()))
}

fn decimal<'py>(py: Python<'py>, amount: &impl std::fmt::Display) -> PyResult<Bound<'py, PyAny>> {
    classes(py)?.decimal.bind(py).call1((amount.to_string(),))
}

fn value_to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Scalar(amount) => decimal(py, amount)?,
        Value::Ranges(ranges) => PyTuple::new(py, ranges.iter())?.into_any(),
        Value::Set(set) => PyFrozenSet::new(py, set.iter())?.into_any(),
        Value::Pieces(pieces) => decimal(py, &pieces.quantity())?,
        Value::Devices(_) | Value::Request(_) => PyString::new(py, &value.to_string()).into_any(),
    })
}
