//! Property tests of the resource algebra against a naive model of single points and items.
//!
//! The numbers I1 to I12 are those of the invariants in the design.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;
use tamias::resources::{
    Amount, AmountError, Collection, Conflict, Excerpt, Name, Quantities, Ranges, Resource,
    Resources, Set, Value,
};

/// A failing case is written beside this file, to be committed with the fix.
fn config(cases: u32) -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(persistence)), ..Default::default() }
}

const SCALARS: [&str; 4] = ["cpus", "mem", "gpus", "licences"];
const RANGES: [&str; 2] = ["ports", "vips"];
const SETS: [&str; 2] = ["disks", "zones"];
const ITEMS: [&str; 5] = ["a", "b", "sda1", "0000:00:1f.2", "é"];
/// Points are drawn from both ends of `u64`, where arithmetic could wrap.
const POINTS: u64 = 24;

fn point(small: u64) -> u64 {
    if small < POINTS / 2 { small } else { u64::MAX - (POINTS - 1 - small) }
}

/// Resources as single thousandths, points and items.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    scalars: BTreeMap<&'static str, i64>,
    points: BTreeSet<(&'static str, u64)>,
    items: BTreeSet<(&'static str, &'static str)>,
}

impl Model {
    fn add(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (name, milli) in &other.scalars {
            *out.scalars.entry(name).or_default() += milli;
        }
        out.points.extend(&other.points);
        out.items.extend(&other.items);
        out
    }

    fn subtract(&self, other: &Self) -> Self {
        let mut scalars = self.scalars.clone();
        for (name, milli) in &other.scalars {
            if let Some(own) = scalars.get_mut(name) {
                *own = (*own - milli).max(0);
            }
        }
        scalars.retain(|_, milli| *milli > 0);
        let points = &self.points - &other.points;
        let items = &self.items - &other.items;
        Self { scalars, points, items }
    }

    fn contains(&self, other: &Self) -> bool {
        let enough = |(name, milli)| self.scalars.get(name).is_some_and(|own| own >= milli);
        other.scalars.iter().all(enough)
            && other.points.is_subset(&self.points)
            && other.items.is_subset(&self.items)
    }

    fn overlaps(&self, other: &Self) -> bool {
        !self.points.is_disjoint(&other.points) || !self.items.is_disjoint(&other.items)
    }

    /// One item per point or name: the algebra has to normalise it.
    fn resources(&self) -> Resources {
        let name = |text: &str| Name::new(text).unwrap();
        let scalars = self
            .scalars
            .iter()
            .map(|(key, milli)| Resource::new(name(key), Amount::from_milli(*milli)));
        let points = self.points.iter().rev().map(|(key, point)| {
            Resource::new(name(key), Ranges::new(vec![(*point, *point)]).unwrap())
        });
        let items = self
            .items
            .iter()
            .rev()
            .map(|(key, item)| Resource::new(name(key), Set::new([item]).unwrap()));
        Resources::from_items(points.chain(items).chain(scalars)).unwrap()
    }
}

fn model() -> impl Strategy<Value = Model> {
    let scalars = btree_map(select(&SCALARS[..]), 1..5_000_i64, 0..4);
    let points = btree_set((select(&RANGES[..]), (0..POINTS).prop_map(point)), 0..16);
    let items = btree_set((select(&SETS[..]), select(&ITEMS[..])), 0..5);
    (scalars, points, items).prop_map(|(scalars, points, items)| Model { scalars, points, items })
}

/// A part of a model, so that containment is common.
fn with_part() -> impl Strategy<Value = (Model, Model)> {
    (model(), model(), any::<bool>()).prop_map(|(a, b, part)| {
        let rest = a.subtract(&b);
        (a, if part { rest } else { b })
    })
}

fn sum(a: &Resources, b: &Resources) -> Resources {
    let mut out = a.clone();
    out.add(b).unwrap();
    out
}

fn rest(a: &Resources, b: &Resources) -> Resources {
    let mut out = a.clone();
    out.subtract(b);
    out
}

/// I4 and I8: sorted keys, no empty item, intervals sorted, disjoint and not adjacent.
fn assert_normal(resources: &Resources) {
    let keys: Vec<_> = resources.iter().map(|item| item.key.clone()).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
    for item in resources {
        assert!(!item.value.is_empty(), "{resources}");
        if let Value::Ranges(ranges) = &item.value {
            let intervals: Vec<_> = ranges.iter().collect();
            assert!(intervals.iter().all(|(begin, end)| begin <= end));
            let apart = |pair: &[(u64, u64)]| pair[1].0 > pair[0].1 && pair[1].0 - pair[0].1 > 1;
            assert!(intervals.windows(2).all(apart), "{ranges}");
            assert_eq!(&Ranges::new(intervals).unwrap(), ranges);
        }
        if let Value::Set(set) = &item.value {
            let items: Vec<_> = set.iter().collect();
            assert!(items.windows(2).all(|pair| pair[0] < pair[1]), "{set}");
        }
    }
    let again = Resources::from_items(resources.clone()).unwrap();
    assert_eq!(&again, resources, "normalising twice changes nothing");
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn operations_agree_with_the_model((a, b) in with_part()) {
        let (x, y) = (a.resources(), b.resources());
        assert_normal(&x);
        let (added, left) = (sum(&x, &y), rest(&x, &y));
        assert_normal(&added);
        assert_normal(&left);
        prop_assert_eq!(added, a.add(&b).resources());
        prop_assert_eq!(left, a.subtract(&b).resources());
        prop_assert_eq!(x.contains(&y), a.contains(&b));
        prop_assert_eq!(x.overlaps(&y), a.overlaps(&b));
        prop_assert_eq!(x == y, a == b);
        prop_assert_eq!(x == y, x.contains(&y) && y.contains(&x));
        let mut apart = x.clone();
        let disjoint = apart.add_disjoint(&y);
        prop_assert_eq!(disjoint.is_ok(), !a.overlaps(&b));
        prop_assert_eq!(apart, if a.overlaps(&b) { x } else { a.add(&b).resources() });
    }

    #[test]
    fn i1_i5_addition_is_commutative_associative_and_has_a_zero(
        a in model(), b in model(), c in model()
    ) {
        let (a, b, c) = (a.resources(), b.resources(), c.resources());
        prop_assert_eq!(sum(&a, &b), sum(&b, &a));
        prop_assert_eq!(sum(&sum(&a, &b), &c), sum(&a, &sum(&b, &c)));
        prop_assert_eq!(sum(&a, &Resources::new()), a.clone());
        prop_assert_eq!(sum(&Resources::new(), &a), a);
    }

    #[test]
    fn i2_i3_subtraction_undoes_addition((a, b) in with_part()) {
        let (x, y) = (a.resources(), b.resources());
        if !x.overlaps(&y) {
            prop_assert_eq!(rest(&sum(&x, &y), &y), x.clone());
        }
        if x.contains(&y) {
            prop_assert_eq!(sum(&rest(&x, &y), &y), x.clone());
        }
        let mut ledger = rest(&x, &y);
        prop_assert!(x.contains(&ledger));
        prop_assert!(!ledger.overlaps(&y));
        ledger.add_assign(&y);
        prop_assert_eq!(ledger, sum(&rest(&x, &y), &y));
        prop_assert!(rest(&x, &x).is_empty());
    }

    #[test]
    fn i6_text_json_and_binary_round_trips(a in model()) {
        let original = a.resources();
        let text = original.to_string();
        prop_assert_eq!(&text.parse::<Resources>().unwrap(), &original);
        prop_assert_eq!(&format!("{original:#}").parse::<Resources>().unwrap(), &original);
        let json = serde_json::to_string(&original).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Resources>(&json).unwrap(), &original);
        let mesos = original.to_mesos_json();
        prop_assert_eq!(&serde_json::from_str::<Resources>(&mesos.to_string()).unwrap(), &original);
        prop_assert_eq!(&serde_json::from_value::<Resources>(mesos).unwrap(), &original);
        let bytes = minicbor::to_vec(&original).unwrap();
        prop_assert_eq!(&minicbor::decode::<Resources>(&bytes).unwrap(), &original);
        let quantities = Quantities::of(&original);
        // Ranges that touch both ends of u64 have quantities of a few points only.
        prop_assert_eq!(&quantities.to_string().parse::<Quantities>().unwrap(), &quantities);
        let bytes = minicbor::to_vec(&quantities).unwrap();
        prop_assert_eq!(&minicbor::decode::<Quantities>(&bytes).unwrap(), &quantities);
    }

    #[test]
    fn i6_any_legal_name_and_item_round_trips(
        name in "\\PC{1,20}", items in btree_set("\\PC{1,8}", 1..4)
    ) {
        let (Ok(name), Ok(set)) = (Name::new(&name), Set::new(&items)) else { return Ok(()) };
        let original = Resources::single(name, set);
        prop_assert_eq!(original.to_string().parse::<Resources>().unwrap(), original);
    }

    #[test]
    fn i8_ranges_from_any_intervals(
        pairs in vec((0..POINTS / 2, 0..POINTS / 2, any::<bool>()), 0..12)
    ) {
        // Both bounds at the same end of u64: an interval from end to end has too many points.
        let bounds = |&(a, b, high): &(u64, u64, bool)| {
            let shift = if high { POINTS / 2 } else { 0 };
            (point(a.min(b) + shift), point(a.max(b) + shift))
        };
        let intervals: Vec<_> = pairs.iter().map(bounds).collect();
        let all: Vec<u64> = intervals.iter().flat_map(|&(begin, end)| begin..=end).collect();
        let unique: BTreeSet<u64> = all.iter().copied().collect();
        let ranges = Ranges::coalesced(intervals.clone()).unwrap();
        prop_assert_eq!(ranges.count(), unique.len() as u128);
        let listed: BTreeSet<u64> = ranges.iter().flat_map(|(begin, end)| begin..=end).collect();
        prop_assert_eq!(&listed, &unique);
        prop_assert_eq!(Ranges::new(intervals).is_ok(), all.len() == unique.len());
        for n in 0..=unique.len() {
            let taken = ranges.take(n as u64).unwrap();
            let expected: Vec<u64> = unique.iter().copied().take(n).collect();
            let taken: Vec<u64> = taken.iter().flat_map(|(begin, end)| begin..=end).collect();
            prop_assert_eq!(taken, expected);
        }
        prop_assert_eq!(ranges.take(unique.len() as u64 + 1), None);
    }

    #[test]
    fn i11_shrinking_stays_within_limits_and_within_the_source(a in model(), b in model()) {
        let (source, limit) = (a.resources(), Quantities::of(&b.resources()));
        let part = source.shrink_to(&limit);
        assert_normal(&part);
        prop_assert!(source.contains(&part));
        prop_assert!(limit.contains(&Quantities::of(&part)));
        prop_assert_eq!(part.shrink_to(&limit), part.clone());
        for item in &source {
            let whole = item.value.quantity() <= limit.get(&item.key.name);
            prop_assert!(!whole || part.get(&item.key) == Some(&item.value));
        }
        prop_assert!(source.contains_quantities(&Quantities::of(&part)));
        let enough = source.contains_quantities(&limit);
        prop_assert_eq!(enough, Quantities::of(&source).contains(&limit));
    }

    #[test]
    fn i12_containment_is_transitive((a, b) in with_part(), c in model()) {
        let c = b.subtract(&c).resources();
        let (a, b) = (a.resources(), b.resources());
        prop_assert!(b.contains(&c));
        prop_assert!(!a.contains(&b) || a.contains(&c));
    }

    #[test]
    fn a_conflict_leaves_the_collection_as_it_was(a in model(), b in model(), wrong in 0..3_usize) {
        let mut own = a.resources();
        let mut added = b.resources();
        let name = Name::new([SCALARS[0], RANGES[0], SETS[0]][wrong]).unwrap();
        let Some(present) = own.get(&name).cloned() else { return Ok(()) };
        added = added.filter(|key| *key != name);
        let odd: Value = match present {
            Value::Scalar(_) => Set::new(["a"]).unwrap().into(),
            _ => Amount::from_units(1).into(),
        };
        let odd = Collection::single(name.clone(), odd);
        added.add(&odd).unwrap();
        let before = own.clone();
        prop_assert!(!own.contains(&added) && !own.overlaps(&odd));
        let refused = own.add(&added);
        let mismatch = matches!(refused, Err(Conflict::KindMismatch { key, .. }) if key == name);
        prop_assert!(mismatch);
        prop_assert!(own.add_disjoint(&added).is_err());
        prop_assert_eq!(&own, &before);
        own.subtract(&odd);
        prop_assert_eq!(own, before);
    }
}

/// What `digits * 10^exponent` is, in thousandths, by plain wide arithmetic.
fn reference(digits: u64, exponent: i32) -> Result<i64, ()> {
    let scale = exponent + 3;
    let digits = u128::from(digits);
    let milli = if scale >= 0 {
        digits.checked_mul(10_u128.pow(scale.unsigned_abs())).ok_or(())?
    } else {
        let divisor = 10_u128.pow(scale.unsigned_abs());
        (digits + divisor / 2) / divisor
    };
    let small = i64::try_from(milli).map_err(|_| ())?;
    if small > Amount::MAX.milli() { Err(()) } else { Ok(small) }
}

/// Writes a decimal number with the point after `split` of its digits.
fn decimal(digits: u64, exponent: i32, split: usize, zeros: usize) -> String {
    let mut text = format!("{}{digits}", "0".repeat(zeros));
    let split = split.min(text.len());
    let shifted = exponent + i32::try_from(text.len() - split).unwrap();
    text.insert(split, '.');
    if shifted != 0 {
        write!(text, "e{shifted}").unwrap();
    }
    text
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn i5_amounts_agree_with_wide_arithmetic(
        digits in prop_oneof![any::<u64>(), 0..100_000_u64],
        exponent in -24..14_i32,
        split in 0..24_usize,
        zeros in 0..4_usize,
    ) {
        let text = decimal(digits, exponent, split, zeros);
        match (text.parse::<Amount>(), reference(digits, exponent)) {
            (Ok(amount), Ok(milli)) => {
                prop_assert_eq!(amount.milli(), milli, "{}", text);
                prop_assert_eq!(amount.to_string().parse(), Ok(amount));
                let json = serde_json::to_string(&amount).unwrap();
                prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
            }
            (Err(AmountError::TooLarge { .. }), Err(())) => {}
            (Err(AmountError::TooSmall { .. }), Ok(0)) => prop_assert!(digits != 0),
            (parsed, expected) => prop_assert!(false, "{text}: {parsed:?}, {expected:?}"),
        }
    }

    #[test]
    fn json_numbers_keep_their_text(digits in any::<u64>(), exponent in -24..14_i32) {
        let text = format!("{digits}e{exponent}");
        let number = serde_json::from_str::<Amount>(&text).ok();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(number, serde_json::from_value(value).ok());
        prop_assert_eq!(number, text.parse().ok());
    }

    #[test]
    fn no_text_makes_the_parsers_panic(
        text in prop_oneof![
            any::<String>(),
            "[a-c0-9 .,;:*()\\[\\]{}eE+-]{0,40}",
            "(cpus|ports|a|)(\\(.{0,3}\\))?:\
             (\\[[0-9, -]{0,12}\\]|\\{[a-z, ]{0,8}\\}|[0-9.e-]{0,9});?",
            "[\\[{](\"[a-z]{0,4}\"|[:,0-9{}\\[\\]]){0,12}",
        ],
    ) {
        if let Ok(parsed) = text.parse::<Resources>() {
            assert_normal(&parsed);
            prop_assert_eq!(parsed.to_string().parse::<Resources>(), Ok(parsed));
        }
        if let Err(error) = text.parse::<Resources>() {
            let message = error.to_string();
            prop_assert!(text.is_char_boundary(error.offset), "{}", message);
            prop_assert!(!message.contains('\n') && message.len() < 800, "{}", message);
        }
        if let Ok(parsed) = text.parse::<Quantities>() {
            prop_assert_eq!(parsed.to_string().parse::<Quantities>(), Ok(parsed));
        }
        let _ = text.parse::<Amount>();
        let _ = serde_json::from_str::<Resources>(&text);
        let _ = serde_json::from_str::<Quantities>(&text);
        prop_assert!(Excerpt::new(&text).as_str().chars().all(|c| !c.is_control()));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(
        a in model(), noise in vec(any::<(prop::sample::Index, u8)>(), 0..4), cut in any::<u8>()
    ) {
        let mut bytes = minicbor::to_vec(a.resources()).unwrap();
        for (at, byte) in noise {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let keep = bytes.len().saturating_sub(usize::from(cut % 4));
        if let Ok(decoded) = minicbor::decode::<Resources>(&bytes[..keep]) {
            assert_normal(&decoded);
            let again = minicbor::to_vec(&decoded).unwrap();
            prop_assert_eq!(minicbor::decode::<Resources>(&again).unwrap(), decoded);
        }
        let _ = minicbor::decode::<Quantities>(&bytes[..keep]);
    }
}
