//! Property tests of resources with metadata against a naive model: amounts by key, and lists of
//! pieces.
//!
//! The numbers I1 to I12 are those of the invariants in the design.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;
use tamias::resources::{
    Amount, CollectionKey as _, Conversion, Disk, Format, Grain, Metadata, Name, Quantities,
    Reservation, ResourceKey, Resources, Value,
};

/// A failing case is written beside this file, to be committed with the fix.
fn config(cases: u32) -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(persistence)), ..Default::default() }
}

const DIVISIBLE: [&str; 12] = [
    "cpus",
    "cpus~",
    "cpus(eng)",
    "cpus(+eng)",
    "cpus(+eng@p{k=v})",
    "cpus(eng,+eng/a)",
    "mem",
    "disk",
    "disk(+eng)",
    "disk<source=path,root=/m>",
    "disk<source=raw>",
    "mem<provider=x>",
];
const PIECES: [&str; 5] = [
    "disk(+eng)#v",
    "disk(+eng)#w",
    "disk<source=mount,root=/m>",
    "disk(ops)<source=block>",
    "disk<source=raw,id=i>",
];
const COPIES: [&str; 2] = ["disk(+eng)#s&", "disk(ops)#s&"];

/// Thousandths by divisible key; pieces, each by itself, by the others.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    amounts: BTreeMap<&'static str, i64>,
    pieces: Vec<(&'static str, i64)>,
}

impl Model {
    fn resources(&self) -> Resources {
        let amounts = self.amounts.iter().map(|(key, milli)| (*key, *milli));
        let all = amounts.chain(self.pieces.iter().copied());
        let items: Vec<_> =
            all.map(|(key, milli)| format!("{key}:{}", Amount::from_milli(milli))).collect();
        items.join(";").parse().unwrap()
    }

    fn add(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (key, milli) in &other.amounts {
            *out.amounts.entry(key).or_default() += milli;
        }
        out.pieces.extend(&other.pieces);
        out
    }

    fn subtract(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (key, milli) in &other.amounts {
            if let Some(own) = out.amounts.get_mut(key) {
                *own = (*own - milli).max(0);
            }
        }
        out.amounts.retain(|_, milli| *milli > 0);
        for piece in &other.pieces {
            if let Some(at) = out.pieces.iter().position(|own| own == piece) {
                out.pieces.remove(at);
            }
        }
        out
    }

    fn contains(&self, other: &Self) -> bool {
        let count = |model: &Self, piece| model.pieces.iter().filter(|own| **own == piece).count();
        other
            .amounts
            .iter()
            .all(|(key, milli)| self.amounts.get(key).is_some_and(|own| own >= milli))
            && other.pieces.iter().all(|piece| count(self, *piece) >= count(other, *piece))
    }

    /// The sum of disk: copies of one thing and size count once.
    fn disk(&self) -> i64 {
        let amounts = self.amounts.iter().filter(|(key, _)| key.starts_with("disk"));
        let mut pieces = self.pieces.clone();
        pieces.sort_unstable();
        let mut seen = Vec::new();
        for piece in pieces {
            if !(COPIES.contains(&piece.0) && seen.contains(&piece)) {
                seen.push(piece);
            }
        }
        amounts.map(|(_, milli)| milli).sum::<i64>() + seen.iter().map(|piece| piece.1).sum::<i64>()
    }
}

fn model() -> impl Strategy<Value = Model> {
    let amount = (select(&DIVISIBLE[..]), 1..5000_i64);
    let keys: Vec<_> = PIECES.iter().chain(&COPIES).copied().collect();
    // Few sizes, so that equal pieces are common.
    let piece = (select(keys), select(&[1000_i64, 2000, 3500][..]));
    (vec(amount, 0..6), vec(piece, 0..6))
        .prop_map(|(amounts, pieces)| Model { amounts: amounts.into_iter().collect(), pieces })
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

/// I4 and I8: sorted, nothing empty, pieces exactly where the key wants them, metadata legal.
fn assert_normal(resources: &Resources) {
    let keys: Vec<_> = resources.iter().map(|item| &item.key).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
    for item in resources {
        assert!(!item.value.is_empty(), "{resources}");
        match &item.value {
            Value::Pieces(pieces) => {
                assert_ne!(item.key.grain(), Grain::Divisible, "{resources}");
                assert_eq!(pieces.is_shared(), item.key.grain() == Grain::Copies);
            }
            _ => assert_eq!(item.key.grain(), Grain::Divisible, "{resources}"),
        }
    }
    assert_eq!(resources.check_metadata(), Ok(()));
    assert_eq!(&Resources::from_items(resources.clone()).unwrap(), resources);
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn operations_agree_with_the_model((a, b) in with_part()) {
        let (x, y) = (a.resources(), b.resources());
        let (added, left) = (sum(&x, &y), rest(&x, &y));
        assert_normal(&x);
        assert_normal(&added);
        assert_normal(&left);
        prop_assert_eq!(&added, &a.add(&b).resources());
        prop_assert_eq!(&left, &a.subtract(&b).resources());
        prop_assert_eq!(x.contains(&y), a.contains(&b));
        prop_assert_eq!(x == y, x.contains(&y) && y.contains(&x));
        prop_assert_eq!(x.quantity(&Name::DISK).milli(), a.disk());
        prop_assert_eq!(Quantities::of(&x).get(&Name::DISK).milli(), a.disk());
    }

    #[test]
    fn i1_i2_i3_the_algebra(a in model(), (b, c) in with_part()) {
        let (a, b, c) = (a.resources(), b.resources(), c.resources());
        prop_assert_eq!(sum(&a, &b), sum(&b, &a));
        prop_assert_eq!(sum(&sum(&a, &b), &c), sum(&a, &sum(&b, &c)));
        prop_assert_eq!(rest(&sum(&a, &b), &b), a);
        if b.contains(&c) {
            prop_assert_eq!(sum(&rest(&b, &c), &c), b);
        }
    }

    #[test]
    fn i6_i7_forms_round_trip(a in model()) {
        let original = a.resources();
        prop_assert_eq!(&original.to_string().parse::<Resources>().unwrap(), &original);
        let json = serde_json::to_string(&original).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Resources>(&json).unwrap(), &original);
        for format in [Format::PreRefinement, Format::PostRefinement, Format::Endpoint] {
            let mesos = original.to_mesos_json_as(format);
            prop_assert_eq!(&serde_json::from_value::<Resources>(mesos).unwrap(), &original);
        }
        let bytes = minicbor::to_vec(&original).unwrap();
        prop_assert_eq!(&minicbor::decode::<Resources>(&bytes).unwrap(), &original);
        // I7: what has no refined reservation goes to the old form and back, the rest does not.
        let refined = original.iter().any(|item| item.key.is_refined());
        let (old, outcome) = original.downgraded();
        prop_assert_eq!(outcome.is_err(), refined);
        let again: Resources = serde_json::from_value(old.clone()).unwrap();
        prop_assert_eq!(again.downgraded().0, old);
    }

    #[test]
    fn i9_operations_undo_each_other(a in model(), at in any::<prop::sample::Index>()) {
        let all = a.resources();
        if all.is_empty() {
            return Ok(());
        }
        let item = all.iter().nth(at.index(all.len())).unwrap().clone();
        let one = Resources::single(item.key.clone(), item.value);
        let meta = item.key.metadata().cloned().unwrap_or_default();
        let role = meta.reservation_role().map_or("eng".to_owned(), |role| format!("{role}/x"));
        let reserved = one.push_reservation(&Reservation::dynamic(&role));
        let after = Conversion::reserve(&reserved, None).apply(&all).unwrap();
        assert_normal(&after);
        prop_assert_eq!(Quantities::of(&after), Quantities::of(&all));
        let back = Conversion::unreserve(&reserved).unwrap().apply(&after).unwrap();
        prop_assert_eq!(&back, &all);

        if meta.disk.is_none() && item.key.name == Name::DISK {
            let disk = Some(Disk::volume("n"));
            let volume = one.with_metadata(|meta| meta.disk.clone_from(&disk));
            let made = Conversion::create(&volume).unwrap().apply(&all).unwrap();
            assert_normal(&made);
            prop_assert_eq!(Quantities::of(&made), Quantities::of(&all));
            let back = Conversion::destroy(&volume).unwrap().apply(&made).unwrap();
            prop_assert_eq!(back, all);
        }
    }

    #[test]
    fn i10_what_is_found_is_there((a, b) in with_part()) {
        let (source, target) = (a.resources(), b.resources());
        let found = source.find(&target);
        if source.contains(&target) {
            prop_assert!(found.is_some());
        }
        if let Some(found) = found {
            prop_assert!(source.contains(&found));
            prop_assert_eq!(found.to_unreserved(), target.to_unreserved());
        }
    }

    #[test]
    fn i11_shrinking_keeps_pieces_whole(a in model(), b in model()) {
        let (source, limit) = (a.resources(), Quantities::of(&b.resources()));
        let part = source.shrink_to(&limit);
        assert_normal(&part);
        prop_assert!(source.contains(&part));
        prop_assert!(limit.contains(&Quantities::of(&part)));
        prop_assert_eq!(part.shrink_to(&limit), part.clone());
    }

    #[test]
    fn i12_containment_is_transitive((a, b) in with_part(), c in model()) {
        let c = b.subtract(&c).resources();
        let (a, b) = (a.resources(), b.resources());
        prop_assert!(b.contains(&c));
        prop_assert!(!a.contains(&b) || a.contains(&c));
    }

    #[test]
    fn any_role_and_label_round_trips(
        role in "[^\\s/]{1,6}", principal in "\\PC{0,6}", label in "\\PC{0,6}", id in "\\PC{0,6}"
    ) {
        let entry = Reservation {
            principal: Some(principal.as_str().into()),
            labels: Some(vec![(label.as_str().into(), Some(id.as_str().into()))]),
            ..Reservation::dynamic(&role)
        };
        let mut metadata = Metadata::reserved(entry);
        metadata.disk = Some(Disk::volume(&id));
        let value = Value::Scalar(Amount::from_units(1));
        if metadata.check(&Name::DISK, &value).is_err() {
            return Ok(());
        }
        let key = ResourceKey::new(Name::DISK, metadata);
        let original = Resources::single(key, value);
        prop_assert_eq!(original.to_string().parse::<Resources>(), Ok(original));
    }

    #[test]
    fn no_decoration_makes_the_parser_panic(
        text in "(disk|cpus)(\\([a-z/+*,@{}=&%]{0,8}\\))?(#[a-z%2F@]{0,4})?\
                 (<[a-z=,]{0,12}>)?[~&]{0,2}:[0-9*+]{1,4}",
    ) {
        if let Ok(parsed) = text.parse::<Resources>() {
            assert_normal(&parsed);
            prop_assert_eq!(parsed.to_string().parse::<Resources>(), Ok(parsed));
        }
    }
}
