//! Options of a kernel: fixed when it is opened, part of the state, kept in the journal.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::error::{Code, Rejection};
use crate::limits::{RATE_LIMITS_MAX, TIMEOUT_MAX};
use crate::names::check_name;
use crate::resources::{Name, Quantities};
use crate::time::Nanos;
use crate::value::Domain;

/// What happens to an accept with a stale offer or an invalid task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum OnInvalid {
    /// The whole accept is rejected; the offers stay with the framework.
    #[n(0)]
    Reject,
    /// As Mesos does: void offers drop the tasks, an invalid task is an error, the rest goes on.
    #[n(1)]
    Report,
}

/// Whom a role's quota binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum QuotaBinds {
    /// The role and all roles below it; every role may have a quota of its own.
    #[n(0)]
    Subtree,
    /// As in Mesos, top-level roles only, and of these only their own frameworks: what roles below
    /// hold counts, but they are neither served nor limited by it. What agents out of service have
    /// counts as if it could serve a guarantee.
    #[n(1)]
    TopLevel,
}

/// By what those who compete for resources are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Sorter {
    /// By weighted dominant share.
    #[n(0)]
    Drf,
    /// By chance, anew for each agent: who has twice the weight is twice as often the first.
    #[n(1)]
    Random,
}

/// Redelivery of an update that stays unacknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct UpdateRetry {
    /// First interval; doubled after each redelivery.
    #[n(0)]
    pub min_seconds: Nanos,
    /// Longest interval.
    #[n(1)]
    pub max_seconds: Nanos,
}

/// So many in so much time, evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RateLimit {
    /// How many; at least one.
    #[n(0)]
    pub count: u32,
    /// In which time.
    #[n(1)]
    pub seconds: Nanos,
}

impl RateLimit {
    /// The time between two.
    #[must_use]
    pub const fn interval(self) -> Nanos {
        Nanos(self.seconds.0 / self.count as i64)
    }
}

/// How fast the frameworks of a principal may send commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct FrameworkRateLimit {
    /// Whose; left out for all principals together that are not listed.
    #[n(0)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Box<str>>,
    /// How fast on average; left out for as fast as they like.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<RateLimit>,
    /// How many at once; at least one.
    #[n(2)]
    pub burst: u32,
}

/// How long allocation waits for agents to come back after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct RecoveryHold {
    /// Until this part of them is there, in percent: 1 to 100.
    #[n(0)]
    pub percent: u32,
    /// But no longer than that.
    #[n(1)]
    pub seconds: Nanos,
}

/// Options of a kernel. [`Options::default`] suits embedders; [`Options::mesos`] follows Apache
/// Mesos where a framework could tell the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Options {
    /// Sets of quantities of which one must be free on an agent before it is offered; none means
    /// that anything is offered.
    #[n(0)]
    pub min_allocatable: Vec<Quantities>,
    /// Time for a disconnected framework to come back, where it does not say so itself.
    #[n(1)]
    pub failover_timeout_seconds: Nanos,
    /// Time after which an unanswered offer is rescinded; `null` for never.
    #[n(2)]
    pub offer_timeout_seconds: Option<Nanos>,
    /// Redelivery of unacknowledged updates by time; `null` for redelivery at resubscription only.
    #[n(3)]
    pub update_retry: Option<UpdateRetry>,
    /// Period of allocation for what no event triggered, and the shortest life of a filter.
    #[n(4)]
    pub allocation_interval_seconds: Nanos,
    /// Whether recovered resources are offered again at once instead of at the next interval.
    #[n(5)]
    pub allocate_on_recovery: bool,
    /// How long the rest of an accept is refused when the framework does not say.
    #[n(6)]
    pub accept_refuse_seconds: Nanos,
    /// How long declined resources are refused when the framework does not say.
    #[n(7)]
    pub decline_refuse_seconds: Nanos,
    /// What an accept does with a stale offer or an invalid task when it does not say.
    #[n(8)]
    pub on_invalid: OnInvalid,
    /// Whether frameworks that send no capabilities have all of them (else none).
    #[n(9)]
    pub all_capabilities: bool,
    /// Time for a disconnected agent to come back before its tasks become unreachable.
    #[n(10)]
    pub agent_reregister_timeout_seconds: Nanos,
    /// Grace of a kill when neither the kill nor the task says.
    #[n(11)]
    pub kill_grace_seconds: Nanos,
    /// Grace of the shutdown of an executor that does not say.
    #[n(110)]
    pub executor_shutdown_grace_seconds: Nanos,
    /// Time for an executor to register after its agent was told to start it; then the agent is
    /// told to end it, and its tasks fail with it. None: for ever.
    #[n(111)]
    pub executor_registration_timeout_seconds: Option<Nanos>,
    /// Whether agents are offered by the command `allocate` alone: no event, interval or returned
    /// resource causes offers. For who decides in batches of their own.
    #[n(100)]
    pub allocate_only_on_command: bool,
    /// The fault domain of the kernel; agents in other regions are offered to frameworks with
    /// `REGION_AWARE` only. Agents may be in a domain only if the kernel is in one.
    #[n(60)]
    pub domain: Option<Domain>,
    /// Whether an agent must be in a domain.
    #[n(61)]
    pub require_agent_domain: bool,
    /// Whether agents with GPUs are offered to frameworks with `GPU_RESOURCES` only.
    #[n(62)]
    pub filter_gpu: bool,
    /// Resources that do not count in shares, such as scarce ones.
    #[n(40)]
    pub fairness_exclude: Vec<Name>,
    /// Whether new weights, new quota and new totals of agents rescind outstanding offers, so that
    /// the next allocation follows them. Without it they stay, for who replays an allocator alone.
    #[n(41)]
    pub rescind_on_update: bool,
    /// How many agents that cannot be reached are remembered, and how many that are gone.
    #[n(63)]
    pub max_agent_count: u32,
    /// How long they are.
    #[n(64)]
    pub max_agent_age_seconds: Nanos,
    /// Period at which those that are too many or too old are forgotten.
    #[n(65)]
    pub registry_gc_interval_seconds: Nanos,
    /// How fast disconnected agents may become unreachable; `null` for as they come.
    #[n(66)]
    pub agent_removal_rate_limit: Option<RateLimit>,
    /// Whom a role's quota binds.
    #[n(42)]
    pub quota_binds: QuotaBinds,
    /// Whether what is left beyond guarantees is found from sums over all agents, as Mesos does:
    /// an agent that has less than what is in use of it then takes from what others have free. To
    /// show that nothing else is different.
    #[n(43)]
    pub headroom_from_sums: bool,
    /// By what roles are ordered when an agent is offered.
    #[n(180)]
    pub role_sorter: Sorter,
    /// By what the frameworks of a role are.
    #[n(181)]
    pub framework_sorter: Sorter,
    /// What a random order comes from: the same seed, the same order.
    #[n(182)]
    pub random_seed: u64,
    /// Whether, after a restart of a kernel in which a role has a quota, nothing is offered until
    /// agents came back, so that the first to come are not all given to others; `null` for at once.
    #[n(183)]
    pub recovery_hold: Option<RecoveryHold>,
    /// How fast frameworks may send commands, by the principal of their session; those without a
    /// principal as fast as they like.
    #[n(184)]
    pub framework_rate_limits: Vec<FrameworkRateLimit>,
    /// How many executors an agent may have before nothing more is offered there, a task without
    /// one counting as its own; `null` for any number.
    #[n(200)]
    pub max_executors_per_agent: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            min_allocatable: Vec::new(),
            failover_timeout_seconds: Nanos::from_secs(600),
            offer_timeout_seconds: Some(Nanos::from_secs(60)),
            update_retry: None,
            allocation_interval_seconds: Nanos::from_secs(1),
            allocate_on_recovery: true,
            accept_refuse_seconds: Nanos::ZERO,
            decline_refuse_seconds: Nanos::from_secs(5),
            on_invalid: OnInvalid::Reject,
            all_capabilities: true,
            agent_reregister_timeout_seconds: Nanos::from_secs(600),
            kill_grace_seconds: Nanos::from_secs(3),
            executor_shutdown_grace_seconds: Nanos::from_secs(5),
            executor_registration_timeout_seconds: Some(Nanos::from_secs(60)),
            allocate_only_on_command: false,
            domain: None,
            require_agent_domain: false,
            filter_gpu: false,
            fairness_exclude: Vec::new(),
            rescind_on_update: true,
            max_agent_count: 102_400,
            max_agent_age_seconds: Nanos::from_secs(14 * 24 * 3600),
            registry_gc_interval_seconds: Nanos::from_secs(15 * 60),
            agent_removal_rate_limit: None,
            quota_binds: QuotaBinds::Subtree,
            headroom_from_sums: false,
            role_sorter: Sorter::Drf,
            framework_sorter: Sorter::Drf,
            random_seed: 0,
            recovery_hold: None,
            framework_rate_limits: Vec::new(),
            max_executors_per_agent: None,
        }
    }
}

impl Options {
    /// The behaviour of Apache Mesos with its default flags.
    ///
    /// ```
    /// let options = tamias::Options::mesos();
    /// assert_eq!(options.offer_timeout_seconds, None);
    /// assert_eq!(options.min_allocatable.len(), 2); // cpus:0.01 or mem:32
    /// ```
    #[must_use]
    pub fn mesos() -> Self {
        let quantities = |text: &str| text.parse::<Quantities>().unwrap_or_default();
        let retry =
            UpdateRetry { min_seconds: Nanos::from_secs(10), max_seconds: Nanos::from_secs(600) };
        Self {
            min_allocatable: vec![quantities("cpus:0.01"), quantities("mem:32")],
            failover_timeout_seconds: Nanos::ZERO,
            offer_timeout_seconds: None,
            update_retry: Some(retry),
            allocate_on_recovery: false,
            accept_refuse_seconds: Nanos::from_secs(5),
            on_invalid: OnInvalid::Report,
            all_capabilities: false,
            filter_gpu: true,
            quota_binds: QuotaBinds::TopLevel,
            recovery_hold: Some(RecoveryHold { percent: 80, seconds: Nanos::from_secs(600) }),
            ..Self::default()
        }
    }

    /// Checks that all values are in range.
    pub fn check(&self) -> Result<(), Rejection> {
        let reject = |field: &str, why: &str| {
            Err(Rejection::new(Code::BadOption, why.to_owned()).at(format!("options.{field}")))
        };
        let positive = |span: Nanos| span > Nanos::ZERO && span <= TIMEOUT_MAX;
        let not_negative = |span: Nanos| span >= Nanos::ZERO && span <= TIMEOUT_MAX;
        let range = "out of range: 0 seconds to 100 years";
        for (field, span) in [
            ("failover_timeout_seconds", self.failover_timeout_seconds),
            ("accept_refuse_seconds", self.accept_refuse_seconds),
            ("decline_refuse_seconds", self.decline_refuse_seconds),
            ("agent_reregister_timeout_seconds", self.agent_reregister_timeout_seconds),
            ("kill_grace_seconds", self.kill_grace_seconds),
            ("max_agent_age_seconds", self.max_agent_age_seconds),
            ("executor_shutdown_grace_seconds", self.executor_shutdown_grace_seconds),
        ] {
            if !not_negative(span) {
                return reject(field, range);
            }
        }
        if !positive(self.allocation_interval_seconds) {
            return reject("allocation_interval_seconds", "must be above 0 and at most 100 years");
        }
        if !positive(self.registry_gc_interval_seconds) {
            return reject("registry_gc_interval_seconds", "must be above 0 and at most 100 years");
        }
        if let Some(limit) = self.agent_removal_rate_limit {
            if limit.count == 0 || !positive(limit.seconds) {
                return reject("agent_removal_rate_limit", "needs a count and seconds above 0");
            }
        }
        for (field, span) in [
            ("offer_timeout_seconds", self.offer_timeout_seconds),
            ("executor_registration_timeout_seconds", self.executor_registration_timeout_seconds),
        ] {
            if span.is_some_and(|span| !positive(span)) {
                return reject(field, "must be above 0; use null for no timeout");
            }
        }
        if self.require_agent_domain && self.domain.is_none() {
            return reject("require_agent_domain", "needs the option domain of the kernel");
        }
        if let Some(domain) = &self.domain {
            let names = check_name("region", &domain.region);
            names.and_then(|()| check_name("zone", &domain.zone)).map_err(|r| {
                Rejection::new(Code::BadOption, r.message().to_owned()).at("options.domain")
            })?;
        }
        self.check_rate_limits()?;
        if let Some(hold) = self.recovery_hold {
            if !(1..=100).contains(&hold.percent) || !positive(hold.seconds) {
                return reject("recovery_hold", "needs 1 to 100 percent and seconds above 0");
            }
        }
        if let Some(retry) = self.update_retry {
            if !positive(retry.min_seconds) || retry.max_seconds < retry.min_seconds {
                return reject("update_retry", "needs 0 < min_seconds <= max_seconds");
            }
        }
        Ok(())
    }

    fn check_rate_limits(&self) -> Result<(), Rejection> {
        let limits = &self.framework_rate_limits;
        if limits.len() > RATE_LIMITS_MAX {
            let text = format!("{} rate limits: at most {RATE_LIMITS_MAX}", limits.len());
            let rejection = Rejection::new(Code::BadOption, text);
            return Err(rejection.at("options.framework_rate_limits"));
        }
        for (index, limit) in limits.iter().enumerate() {
            let reject = |why: &str| {
                let place = format!("options.framework_rate_limits[{index}]");
                Err(Rejection::new(Code::BadOption, why.to_owned()).at(place).index(index))
            };
            let has_interval = |rate: RateLimit| {
                rate.count > 0 && rate.seconds <= TIMEOUT_MAX && rate.interval() > Nanos::ZERO
            };
            if limit.burst == 0 || !limit.rate.is_none_or(has_interval) {
                return reject("needs a burst, a count and seconds above 0");
            }
            if limits[..index].iter().any(|other| other.principal == limit.principal) {
                return reject("is of the same principal as one before");
            }
        }
        Ok(())
    }

    /// Reads options from JSON: the name of a set (`"default"`, `"mesos"`), or an object with
    /// the fields that differ from the set named in `"preset"` (default `"default"`).
    pub fn from_json(value: serde_json::Value) -> Result<Self, Rejection> {
        let malformed = |message: String| Rejection::new(Code::Malformed, message).at("options");
        let preset = |name: &str| match name {
            "default" => Ok(Self::default()),
            "mesos" => Ok(Self::mesos()),
            other => Err(malformed(format!(
                "no option set {:?}: use \"default\" or \"mesos\"",
                crate::error::shorten(other)
            ))),
        };
        let mut fields = match value {
            serde_json::Value::String(name) => return preset(&name),
            serde_json::Value::Object(fields) => fields,
            _ => return Err(malformed("expected a set's name or an object of options".into())),
        };
        let base = match fields.remove("preset") {
            None => Self::default(),
            Some(serde_json::Value::String(name)) => preset(&name)?,
            Some(_) => return Err(malformed("preset must be \"default\" or \"mesos\"".into())),
        };
        let Ok(serde_json::Value::Object(mut merged)) = serde_json::to_value(base) else {
            return Err(malformed("options do not serialise".into()));
        };
        merged.extend(fields);
        let options: Self = serde_path_to_error::deserialize(serde_json::Value::Object(merged))
            .map_err(|error| {
                let path = format!("options.{}", error.path());
                Rejection::new(Code::Malformed, error.into_inner().to_string()).at(path)
            })?;
        options.check()?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Options, Rejection> {
        Options::from_json(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn presets_and_overrides() {
        assert_eq!(read("\"mesos\""), Ok(Options::mesos()));
        assert_eq!(read("{}"), Ok(Options::default()));
        let options = read(r#"{"preset":"mesos","offer_timeout_seconds":30}"#).unwrap();
        assert_eq!(options.offer_timeout_seconds, Some(Nanos::from_secs(30)));
        assert!(!options.allocate_on_recovery);
        assert_eq!(read(r#"{"offer_timeout_seconds":null}"#).unwrap().offer_timeout_seconds, None);
    }

    #[test]
    fn errors_name_the_option() {
        let error = read(r#"{"offer_timeout":30}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `offer_timeout`"), "{error}");
        let error = read(r#"{"offer_timeout_seconds":0}"#).unwrap_err();
        assert_eq!(error.field(), "options.offer_timeout_seconds");
        let error = read(r#"{"allocation_interval_seconds":"x"}"#).unwrap_err();
        assert_eq!(error.field(), "options.allocation_interval_seconds");
        let twice = r#"{"framework_rate_limits":[{"burst":1},{"burst":2}]}"#;
        assert_eq!(read(twice).unwrap_err().field(), "options.framework_rate_limits[1]");
        let none = r#"{"framework_rate_limits":[{"principal":"p","burst":0}]}"#;
        assert_eq!(read(none).unwrap_err().field(), "options.framework_rate_limits[0]");
        let error = read(r#"{"recovery_hold":{"percent":101,"seconds":1}}"#).unwrap_err();
        assert_eq!(error.field(), "options.recovery_hold");
        assert!(read("\"mesoss\"").unwrap_err().to_string().contains("no option set \"mesoss\""));
    }
}
