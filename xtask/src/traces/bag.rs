//! Resources as the traces write them: `cpus:4;disk(+eng)#v1:10;ports:[1-5]`.
//!
//! The part before the colon says everything but the value; two items with equal parts are one.

use std::collections::BTreeMap;
use std::fmt;

use tamias::resources::{Amount, Resources, Value};

/// Resources by the part before the colon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bag(BTreeMap<String, Value>);

impl Bag {
    /// Reads the canonical text; the empty text is nothing.
    ///
    /// Errors: an item without a legal value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut bag = Self::default();
        for item in items(text) {
            let (key, value) = item.rsplit_once(':').ok_or(format!("no value in {item:?}"))?;
            bag.0.insert(key.to_owned(), value_of(value)?);
        }
        Ok(bag)
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the kernel reads them.
    ///
    /// Errors: resources of a kind that the kernel does not have.
    pub fn to_kernel(&self) -> Result<Resources, String> {
        self.to_string().parse().map_err(|error| format!("unsupported: resources {self}: {error}"))
    }

    /// As what tasks may have: none has both revocable and regular resources.
    pub fn tasks(&self) -> Vec<Self> {
        let all = self.0.iter().map(|(key, value)| (key.clone(), value.clone()));
        let (revocable, regular): (BTreeMap<_, _>, _) =
            all.partition(|(key, _)| key.ends_with('~'));
        [regular, revocable].into_iter().map(Self).filter(|part| !part.is_empty()).collect()
    }

    /// What is in both.
    pub fn common(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.subtract(other);
        let mut common = self.clone();
        common.subtract(&rest);
        common
    }

    /// Takes away what `other` has of it.
    pub fn subtract(&mut self, other: &Self) {
        for (key, part) in &other.0 {
            let Some(value) = self.0.get_mut(key) else { continue };
            match (&mut *value, part) {
                (Value::Scalar(have), Value::Scalar(part)) => {
                    *have = have.saturating_sub(*part).max(Amount::ZERO);
                }
                (Value::Ranges(have), Value::Ranges(part)) => have.subtract(part),
                (Value::Set(have), Value::Set(part)) => have.difference(part),
                _ => {}
            }
            if value.is_empty() {
                self.0.remove(key);
            }
        }
    }
}

impl fmt::Display for Bag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{key}:{value}")?;
        }
        Ok(())
    }
}

/// The kernel's resources in the canonical text of the traces.
pub fn text_of(resources: &Resources) -> Result<String, String> {
    Bag::parse(&resources.to_string()).map(|bag| bag.to_string())
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|item| !item.is_empty())
}

fn value_of(text: &str) -> Result<Value, String> {
    let resources: Resources =
        format!("x:{text}").parse().map_err(|error| format!("value {text:?}: {error}"))?;
    let first = resources.iter().next().map(|item| item.value.clone());
    first.ok_or(format!("value {text:?} is nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_every_kind() {
        let bag = |text: &str| Bag::parse(text).unwrap();
        let all = bag("cpus:4.5;disk(+eng)#v:10;ports:[1-5];x:{a,b}");
        let part = bag("cpus:1;disk(+eng)#v:10;ports:[2-3,9-9];x:{b}");
        assert_eq!(all.common(&part).to_string(), "cpus:1;disk(+eng)#v:10;ports:[2-3];x:{b}");
        let mut rest = all.clone();
        rest.subtract(&part);
        assert_eq!(rest, bag("cpus:3.5;ports:[1-1,4-5];x:{a}"));
        assert!(bag("").is_empty() && Bag::parse("cpus").is_err() && Bag::parse("x:").is_err());
    }

    #[test]
    fn the_kernel_writes_the_same_text() {
        let text = "cpus(eng,+eng/a):1;disk(+eng)#v:10;gpus~:2";
        assert_eq!(text_of(&Bag::parse(text).unwrap().to_kernel().unwrap()).unwrap(), text);
    }

    #[test]
    fn what_the_kernel_does_not_have_is_said() {
        let error = Bag::parse("cpus(eng)!:1").unwrap().to_kernel().unwrap_err();
        assert!(error.starts_with("unsupported: "), "{error}");
        let plain = Bag::parse("cpus:1;mem:0.5").unwrap().to_kernel().unwrap();
        assert_eq!(text_of(&plain).unwrap(), "cpus:1;mem:0.5");
    }
}
