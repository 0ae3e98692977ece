//! Arithmetic of resources for programs that have none of their own.
//!
//! A framework in Go or Python that packs tasks into offers adds, subtracts and compares resources
//! as the kernel does: with exact amounts, reservations, volumes and copies of shared ones. These
//! questions lend it the algebra of [`crate::resources`]; they look at no state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::command::{Grow, ResourcesOf, Shrink};
use crate::error::{Code, Rejection};
use crate::resources::{
    Conversion, ConversionError, Metadata, Name, Quantities, Reservation, ResourceLimits,
    Resources, reservation_ancestor,
};

/// Resources, what is done to them step by step, and what is asked of the result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calculation {
    /// What to begin with.
    pub of: Resources,
    /// The steps, in this order.
    pub then: Vec<Step>,
    /// Whether the result contains these, each with its metadata.
    pub contains: Option<Resources>,
    /// Whether the result is the same as these.
    pub equals: Option<Resources>,
    /// Whether some of these are in the result.
    pub overlaps: Option<Resources>,
    /// Whether the result has as much of each name, whatever the metadata.
    pub contains_quantities: Option<Quantities>,
}

/// Something done to resources.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Adds these.
    Add(Resources),
    /// Subtracts these, never below nothing.
    Subtract(Resources),
    /// Looks for these, whatever they are reserved for: those of their own role first, then
    /// unreserved ones, then any. Nothing if there is too little.
    Find(Resources),
    /// Cuts down to these quantities; what they do not name is dropped.
    Shrink(Quantities),
    /// Keeps one sort.
    Keep(Sort),
    /// Keeps what is called so.
    Named(Name),
    /// Keeps what is reserved for that role itself.
    ReservedTo(Box<str>),
    /// Keeps what may be offered in that role: unreserved, or reserved for it or a role above it.
    AllocatableTo(Box<str>),
    /// Reserves what is unreserved, statically, for that role.
    DefaultRole(Box<str>),
    /// Reserved for nobody.
    ToUnreserved,
    /// Reserved as far as all of them are reserved in the same way.
    ToCommonReservation,
    /// What is left after reserving.
    Reserve(Reserve),
    /// What is left after taking the last reservation off these.
    Unreserve(ResourcesOf),
    /// What is left after making these volumes.
    Create(ResourcesOf),
    /// What is left after making these volumes plain disk.
    Destroy(ResourcesOf),
    /// What is left after adding disk to a volume.
    GrowVolume(Grow),
    /// What is left after taking disk off a volume.
    ShrinkVolume(Shrink),
    /// Changes nothing, and is an error if they may not be used so.
    Check(Use),
}

/// A sort of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sort {
    /// Reserved for any role.
    Reserved,
    /// Reserved for nobody.
    Unreserved,
    /// What can be taken back at any time.
    Revocable,
    /// What cannot.
    NonRevocable,
    /// Copies of what many may use at the same time.
    Shared,
    /// What one only may use at a time.
    NonShared,
    /// Amounts, no ranges and no sets.
    Scalars,
}

/// What resources are to be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Use {
    /// In a task, an executor or an operation.
    Task,
    /// As the whole of an agent's configuration, before any operation.
    Declared,
}

/// Reserves a part of the resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reserve {
    /// With the reservations that they are to have.
    pub resources: Resources,
    /// As they are reserved so far; left out, all but the last of the reservations.
    pub source: Option<Resources>,
}

/// The result of a [`Calculation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calculated {
    /// The result; as JSON its canonical text, which reads back as the same.
    pub resources: Resources,
    /// As Mesos prints it in its logs.
    pub printed: String,
    /// How many objects Mesos counts: each size of a volume or disk is one, copies are none.
    pub objects: usize,
    /// How much there is of each name.
    pub quantities: Quantities,
    /// What is reserved, by role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reservations: BTreeMap<Box<str>, Resources>,
    /// The list of objects that Mesos uses in its HTTP interfaces.
    pub mesos: serde_json::Value,
    /// The answer to [`Calculation::contains`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<bool>,
    /// The answer to [`Calculation::equals`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<bool>,
    /// The answer to [`Calculation::overlaps`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlaps: Option<bool>,
    /// The answer to [`Calculation::contains_quantities`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains_quantities: Option<bool>,
}

impl Calculation {
    /// Does the steps and answers the questions.
    ///
    /// Errors: [`Code::BadResources`] with the step (`then[2].reserve`) for sums that are too
    /// large or of different types, operations that cannot be done, and failed checks.
    pub fn result(&self) -> Result<Calculated, Rejection> {
        let mut now = self.of.clone();
        for (index, step) in self.then.iter().enumerate() {
            now = step.apply(now).map_err(|message| {
                let place = format!("then[{index}].{}", step.name());
                Rejection::new(Code::BadResources, message).at(place)
            })?;
        }
        let contains = self.contains.as_ref().map(|others| now.contains(others));
        let equals = self.equals.as_ref().map(|others| now == *others);
        let overlaps = self.overlaps.as_ref().map(|others| now.overlaps(others));
        let wanted = self.contains_quantities.as_ref();
        let contains_quantities = wanted.map(|wanted| now.contains_quantities(wanted));
        let objects = now.one_copy().to_mesos_json();
        let by_role = now.reservations().into_iter();
        Ok(Calculated {
            printed: format!("{now:#}"),
            objects: objects.as_array().map_or(0, Vec::len),
            quantities: Quantities::of(&now),
            reservations: by_role.map(|(role, part)| (role.into(), part)).collect(),
            mesos: now.to_mesos_json(),
            resources: now,
            contains,
            equals,
            overlaps,
            contains_quantities,
        })
    }
}

impl Step {
    /// The name as it stands in JSON.
    const fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Subtract(_) => "subtract",
            Self::Find(_) => "find",
            Self::Shrink(_) => "shrink",
            Self::Keep(_) => "keep",
            Self::Named(_) => "named",
            Self::ReservedTo(_) => "reserved_to",
            Self::AllocatableTo(_) => "allocatable_to",
            Self::DefaultRole(_) => "default_role",
            Self::ToUnreserved => "to_unreserved",
            Self::ToCommonReservation => "to_common_reservation",
            Self::Reserve(_) => "reserve",
            Self::Unreserve(_) => "unreserve",
            Self::Create(_) => "create",
            Self::Destroy(_) => "destroy",
            Self::GrowVolume(_) => "grow_volume",
            Self::ShrinkVolume(_) => "shrink_volume",
            Self::Check(_) => "check",
        }
    }

    /// Does it. The error says what is wrong, not where.
    fn apply(&self, mut now: Resources) -> Result<Resources, String> {
        let done = |now: &Resources, conversion: Result<Conversion, ConversionError>| {
            conversion.and_then(|conversion| conversion.apply(now)).map_err(|e| e.to_string())
        };
        Ok(match self {
            Self::Add(others) => {
                now.add(others).map_err(|conflict| conflict.to_string())?;
                now
            }
            Self::Subtract(others) => {
                now.subtract(others);
                now
            }
            Self::Find(wanted) => now.find(wanted).unwrap_or_default(),
            Self::Shrink(quantities) => now.shrink_to(quantities),
            Self::Keep(sort) => sort.of(&now),
            Self::Named(name) => now.filter(|key| key.name == *name),
            Self::ReservedTo(role) => now.reserved_to(role),
            Self::AllocatableTo(role) => now.allocatable_to(role),
            Self::DefaultRole(role) => reserve_rest(&now, role)?,
            Self::ToUnreserved => now.to_unreserved(),
            Self::ToCommonReservation => to_common_reservation(&now),
            Self::Reserve(Reserve { resources, source }) => {
                done(&now, Ok(Conversion::reserve(resources, source.as_ref())))?
            }
            Self::Unreserve(of) => done(&now, Conversion::unreserve(&of.resources))?,
            Self::Create(of) => done(&now, Conversion::create(&of.resources))?,
            Self::Destroy(of) => done(&now, Conversion::destroy(&of.resources))?,
            Self::GrowVolume(grow) => done(&now, Conversion::grow(&grow.volume, &grow.addition))?,
            Self::ShrinkVolume(shrink) => {
                done(&now, Conversion::shrink(&shrink.volume, shrink.subtract))?
            }
            Self::Check(purpose) => {
                let checked = match purpose {
                    Use::Task => now.check_use(),
                    Use::Declared => now.check_declared(),
                };
                checked.map_err(|fault| fault.to_string())?;
                now
            }
        })
    }
}

impl Sort {
    fn of(self, resources: &Resources) -> Resources {
        match self {
            Self::Reserved => resources.reserved(),
            Self::Unreserved => resources.unreserved(),
            Self::Revocable => resources.revocable(),
            Self::NonRevocable => resources.non_revocable(),
            Self::Shared => resources.shared(),
            Self::NonShared => resources.non_shared(),
            Self::Scalars => resources.scalars(),
        }
    }
}

fn reserve_rest(resources: &Resources, role: &str) -> Result<Resources, String> {
    let reserved = resources.with_metadata(|metadata| {
        if metadata.reservations.is_empty() {
            metadata.reservations.push(Reservation::fixed(role));
        }
    });
    reserved.check_metadata().map_err(|fault| fault.to_string())?;
    Ok(reserved)
}

fn to_common_reservation(resources: &Resources) -> Resources {
    let plain = Metadata::default();
    let mut stacks = resources.iter().map(|item| item.key.metadata().unwrap_or(&plain));
    let Some(mut common) = stacks.next().cloned() else { return Resources::new() };
    for other in stacks {
        let shared = reservation_ancestor(&common, other).len();
        common.reservations.truncate(shared);
    }
    resources.with_metadata(|metadata| metadata.reservations.truncate(common.reservations.len()))
}

/// Quantities, what is done to them, and what is asked of the result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantityCalculation {
    /// What to begin with.
    pub of: Quantities,
    /// The steps, in this order.
    pub then: Vec<QuantityStep>,
    /// Whether the result has as much of each name.
    pub contains: Option<Quantities>,
    /// Whether the result is the same.
    pub equals: Option<Quantities>,
    /// Whether the result is within these limits, and what is left under them.
    pub within: Option<ResourceLimits>,
}

/// Something done to quantities.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuantityStep {
    /// Adds these.
    Add(Quantities),
    /// Subtracts these, never below nothing.
    Subtract(Quantities),
}

/// The result of a [`QuantityCalculation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CalculatedQuantities {
    /// The result; as JSON its canonical text.
    pub quantities: Quantities,
    /// As Mesos prints it.
    pub printed: String,
    /// The answer to [`QuantityCalculation::contains`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<bool>,
    /// The answer to [`QuantityCalculation::equals`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<bool>,
    /// The answer to [`QuantityCalculation::within`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<bool>,
    /// What is left under these limits; a limit of zero stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<ResourceLimits>,
}

impl QuantityCalculation {
    /// Does the steps and answers the questions.
    ///
    /// Errors: [`Code::BadResources`] with the step for sums that are too large.
    pub fn result(&self) -> Result<CalculatedQuantities, Rejection> {
        let mut now = self.of.clone();
        for (index, step) in self.then.iter().enumerate() {
            match step {
                QuantityStep::Subtract(others) => now.subtract(others),
                QuantityStep::Add(others) => now.add(others).map_err(|conflict| {
                    let place = format!("then[{index}].add");
                    Rejection::new(Code::BadResources, conflict.to_string()).at(place)
                })?,
            }
        }
        let left = self.within.clone().map(|mut limits| {
            limits.subtract(&now);
            limits
        });
        Ok(CalculatedQuantities {
            printed: format!("{now:#}"),
            contains: self.contains.as_ref().map(|others| now.contains(others)),
            equals: self.equals.as_ref().map(|others| now == *others),
            within: self.within.as_ref().map(|limits| limits.contains(&now)),
            left,
            quantities: now,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(json: serde_json::Value) -> Result<Calculated, Rejection> {
        serde_json::from_value::<Calculation>(json).unwrap().result()
    }

    #[test]
    fn steps_go_one_after_the_other() {
        let json = serde_json::json!({
            "of": "cpus:4;mem:10", "then": [{"subtract": "cpus:1;mem:10"}, {"add": "cpus:0.5"}],
            "contains": "cpus:3.5", "equals": "cpus:3.6", "contains_quantities": "cpus:4",
        });
        let result = result(json).unwrap();
        assert_eq!(result.resources.to_string(), "cpus:3.5");
        assert_eq!((result.contains, result.equals), (Some(true), Some(false)));
        assert_eq!((result.overlaps, result.contains_quantities), (None, Some(false)));
        assert_eq!(result.objects, 1);
    }

    #[test]
    fn a_step_that_cannot_be_done_is_named() {
        let json = serde_json::json!({"of": "a:1", "then": ["to_unreserved", {"add": "a:{x}"}]});
        let rejected = result(json).unwrap_err();
        assert_eq!((rejected.code(), rejected.field()), (Code::BadResources, "then[1].add"));
    }

    #[test]
    fn every_step_is_named_as_it_is_read() {
        let steps = serde_json::json!([
            {"add": "a:1"}, {"subtract": "a:1"}, {"find": "a:1"}, {"shrink": "a:1"},
            {"keep": "reserved"}, {"named": "a"}, {"reserved_to": "r"}, {"allocatable_to": "r"},
            {"default_role": "r"}, "to_unreserved", "to_common_reservation",
            {"reserve": {"resources": "a:1"}}, {"unreserve": {"resources": "a:1"}},
            {"create": {"resources": "a:1"}}, {"destroy": {"resources": "a:1"}},
            {"grow_volume": {"volume": "a:1", "addition": "a:1"}},
            {"shrink_volume": {"volume": "a:1", "subtract": 1}}, {"check": "task"},
        ]);
        for json in steps.as_array().unwrap() {
            let step: Step = serde_json::from_value(json.clone()).unwrap();
            let name = json.as_str().or_else(|| Some(json.as_object()?.keys().next()?.as_str()));
            assert_eq!(Some(step.name()), name);
        }
    }
}
