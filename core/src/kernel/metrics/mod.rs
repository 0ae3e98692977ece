//! Metrics: how much there is, who has it, what was done so far.
//!
//! Gauges are read from one copy of the state, counters from beside it under the same lock, so that
//! all figures of one read belong to the same moment. Counters begin with the process, as is usual
//! with those that scrape them; what must outlive it is in the state.
//!
//! Names and labels are stable. [`Metrics::to_openmetrics`] is what a scraper reads.

mod counters;
mod gauges;
mod openmetrics;

use serde::Serialize;

pub(crate) use counters::Counters;

/// What a family of samples is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MetricKind {
    /// Goes up and down.
    Gauge,
    /// Only rises, from 0 when the kernel is opened.
    Counter,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// What tells it from the others of its family, such as `state` or `role`.
    pub labels: Vec<(&'static str, String)>,
    /// The figure, in the unit that the name of the family ends with.
    pub value: f64,
}

/// Figures of one name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Family {
    /// Its name, with the unit but without the suffix `_total` of counters.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Whether it can fall.
    pub kind: MetricKind,
    /// One figure for each combination of labels.
    pub samples: Vec<Sample>,
}

/// All figures of one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// The number of the last command at that moment.
    pub seq: u64,
    /// In a fixed order.
    pub families: Vec<Family>,
}

impl Metrics {
    /// The figure of that name and these labels, if there is one.
    ///
    /// ```
    /// # use tamias::{Kernel, Options, command::RegisterAgent};
    /// let kernel = Kernel::open(Options::default())?;
    /// let driver = kernel.agent_driver()?;
    /// let resources = "cpus:4".parse().unwrap();
    /// driver.register(RegisterAgent { resources, ..Default::default() })?;
    /// let metrics = kernel.metrics();
    /// assert_eq!(metrics.get("tamias_agents", &[("state", "active")]), Some(1.0));
    /// let cpus = metrics.get("tamias_resources", &[("name", "cpus"), ("what", "total")]);
    /// assert_eq!(cpus, Some(4.0));
    /// # Ok::<(), tamias::Rejection>(())
    /// ```
    #[must_use]
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let family = self.families.iter().find(|family| family.name == name)?;
        let fits = |sample: &&Sample| {
            let own = sample.labels.iter().map(|(key, value)| (*key, value.as_str()));
            own.eq(labels.iter().copied())
        };
        family.samples.iter().find(fits).map(|sample| sample.value)
    }
}

impl Metrics {
    /// Every figure with its name and labels as they stand in the text, such as
    /// `tamias_agents{state="active"}`; counters with the suffix `_total`.
    pub fn samples(&self) -> impl Iterator<Item = (String, f64)> + '_ {
        self.families.iter().flat_map(|family| {
            family.samples.iter().map(|sample| (family.text_of(sample), sample.value))
        })
    }
}

impl Family {
    fn text_of(&self, sample: &Sample) -> String {
        let suffix = if self.kind == MetricKind::Counter { "_total" } else { "" };
        let labels = openmetrics::escaped(sample);
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        match labels.as_slice() {
            [] => format!("{}{suffix}", self.name),
            labels => format!("{}{suffix}{{{}}}", self.name, labels.join(",")),
        }
    }

    fn new(name: &'static str, kind: MetricKind, help: &'static str) -> Self {
        Self { name, help, kind, samples: Vec::new() }
    }

    fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, MetricKind::Gauge, help)
    }

    fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, MetricKind::Counter, help)
    }

    /// A figure without labels.
    fn of(mut self, value: f64) -> Self {
        self.samples.push(Sample { labels: Vec::new(), value });
        self
    }

    /// Figures that one label tells apart.
    fn by<K: Into<String>>(
        mut self,
        label: &'static str,
        figures: impl IntoIterator<Item = (K, f64)>,
    ) -> Self {
        let sample = |(key, value): (K, f64)| Sample { labels: vec![(label, key.into())], value };
        self.samples.extend(figures.into_iter().map(sample));
        self
    }
}

/// Counts are far below 2^53, where an `f64` is exact.
#[allow(clippy::cast_precision_loss)]
fn count(number: u64) -> f64 {
    number as f64
}
