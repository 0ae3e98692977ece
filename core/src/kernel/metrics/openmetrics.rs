//! Metrics as OpenMetrics text, by the library of the Prometheus project.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::{Counters, Family, MetricKind, Metrics, Sample, gauges};
use crate::state::State;

impl Metrics {
    /// All figures: gauges of the state, and what was counted.
    pub(crate) fn read(state: &State, counters: &Counters) -> Self {
        let mut families = gauges::families(state);
        let outstanding = state.grants().iter().filter(|(_, grant)| grant.is_offer()).count();
        families.extend(counters.families(outstanding as u64));
        Self { seq: state.seq(), families }
    }

    /// The figures as OpenMetrics text, for a scraper; the media type is
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    #[must_use]
    pub fn to_openmetrics(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Text(self.clone())));
        let mut text = String::new();
        // Writing to memory cannot fail.
        let written = text::encode(&mut text, &registry);
        debug_assert!(written.is_ok());
        text
    }
}

#[derive(Debug)]
struct Text(Metrics);

impl Collector for Text {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        self.0.families.iter().try_for_each(|family| encode(family, &mut encoder))
    }
}

fn encode(family: &Family, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
    let kind = match family.kind {
        MetricKind::Gauge => MetricType::Gauge,
        MetricKind::Counter => MetricType::Counter,
    };
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    for sample in &family.samples {
        if sample.labels.is_empty() {
            figure(family.kind, sample.value, &mut metric)?;
        } else {
            let labels = escaped(sample);
            figure(family.kind, sample.value, &mut metric.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

/// The library writes values of labels as they are; a role may have a quotation mark in its name.
pub(super) fn escaped(sample: &Sample) -> Vec<(&'static str, String)> {
    let escape = |text: &str| text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    sample.labels.iter().map(|(key, value)| (*key, escape(value))).collect()
}

fn figure(kind: MetricKind, value: f64, encoder: &mut MetricEncoder) -> Result<(), fmt::Error> {
    match kind {
        MetricKind::Gauge => encoder.encode_gauge(&value),
        MetricKind::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::command::{Accept, RegisterAgent, Subscribe, TaskSpec};
    use crate::event::Event;
    use crate::ids::AgentId;
    use crate::{Clock, Kernel, Options, Time};

    #[test]
    fn the_text_of_a_small_kernel() {
        let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
        let driver = kernel.agent_driver().unwrap();
        let resources = "cpus:4;ports:[1-2]".parse().unwrap();
        driver.register(RegisterAgent { resources, ..Default::default() }).unwrap();
        let roles = vec!["a\"b".into()];
        let framework = kernel.subscribe(Subscribe { roles, ..Default::default() }).unwrap();
        let Event::Offer(offer) = framework.poll(1).unwrap().remove(0).event else { panic!() };
        let task = |name: &str| TaskSpec {
            name: name.into(),
            resources: "cpus:1".parse().unwrap(),
            ..Default::default()
        };
        let operations = vec![vec![task("t"), task("t")].into()];
        let accept = Accept {
            offers: vec![offer.offer],
            operations,
            on_invalid: Some(crate::options::OnInvalid::Report),
            ..Default::default()
        };
        framework.accept(accept).unwrap();
        kernel.operator().unwrap().remove_agent(AgentId::from_u64(7)).unwrap_err();

        let metrics = kernel.metrics();
        let text = metrics.to_openmetrics();
        for (name, value) in metrics.samples() {
            let is_there = text.lines().any(|line| {
                let own = line.strip_prefix(&name).and_then(|rest| rest.trim().parse::<f64>().ok());
                own == Some(value)
            });
            assert!(is_there, "{name} {value} is not in\n{text}");
        }
        for line in [
            "# HELP tamias_agents Agents by state.",
            "# TYPE tamias_agents gauge",
            "tamias_agents{state=\"active\"} 1.0",
            "tamias_resources{name=\"cpus\",what=\"allocated\"} 1.0",
            "tamias_resources{name=\"cpus\",what=\"total\"} 4.0",
            "tamias_role_dominant_share{role=\"a\\\"b\"} 0.25",
            "tamias_tasks{state=\"TASK_STAGING\"} 1.0",
            "# TYPE tamias_commands counter",
            "tamias_commands_total{command=\"accept\"} 1.0",
            "tamias_rejections_total{code=\"UnknownAgent\"} 1.0",
            "tamias_offers_ended_total{how=\"accepted\"} 1.0",
            "tamias_tasks_launched_total 1.0",
            "tamias_tasks_refused_total 1.0",
            "tamias_allocation_steps_total 3.0",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
