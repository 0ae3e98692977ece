//! Property tests of devices against a naive model: a map from unit to thousandths, and every
//! choice of units tried out.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;
use tamias::resources::{
    Amount, Ask, Description, DeviceRequest, Devices, Name, Resources, Unit, Value,
};

fn config(cases: u32) -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(persistence)), ..Default::default() }
}

const UNITS: u32 = 8;
const MODELS: [Option<&str>; 3] = [None, Some("a100"), Some("h100")];
const GROUPS: [Option<&str>; 4] = [None, Some("x"), Some("y"), Some("z")];

/// What each unit of a machine is.
type Machine = [(Option<&'static str>, Option<&'static str>); UNITS as usize];
/// Thousandths by unit, without zeros.
type Model = BTreeMap<u32, i64>;

fn machine() -> impl Strategy<Value = Machine> {
    proptest::array::uniform8((select(&MODELS[..]), select(&GROUPS[..])))
}

fn model() -> impl Strategy<Value = Model> {
    let milli =
        prop_oneof![3 => Just(1000_i64), 1 => select(vec![250_i64, 500, 750]), 1 => 1..1000_i64];
    btree_map(0..UNITS, milli, 0..UNITS as usize + 1)
}

fn request() -> impl Strategy<Value = DeviceRequest> {
    let amount = prop_oneof![(1..5_i64).prop_map(|n| n * 1000), 1..1000_i64];
    let models = btree_set(select(vec!["a100", "h100", "t4"]), 0..3);
    (amount, models, any::<bool>()).prop_map(|(milli, models, one_group)| {
        let models: Vec<_> = models.into_iter().collect();
        DeviceRequest::new(Amount::from_milli(milli), &models, one_group).unwrap()
    })
}

fn devices(machine: &Machine, model: &Model) -> Devices {
    let unit = |(id, milli): (&u32, &i64)| {
        let (kind, group) = machine[*id as usize];
        Unit::new(*id, Amount::from_milli(*milli), Description::new(kind, group).unwrap()).unwrap()
    };
    Devices::new(model.iter().map(unit).collect()).unwrap()
}

fn resources(machine: &Machine, model: &Model) -> Resources {
    Resources::single(Name::GPUS, devices(machine, model))
}

fn back(resources: &Resources) -> Model {
    match resources.get(&Name::GPUS) {
        Some(Value::Devices(units)) => {
            units.iter().map(|unit| (unit.id(), unit.amount().milli())).collect()
        }
        None => Model::new(),
        Some(other) => panic!("{other:?}"),
    }
}

fn subtract(a: &Model, b: &Model) -> Model {
    let rest = a.iter().map(|(id, milli)| (*id, (milli - b.get(id).unwrap_or(&0)).max(0)));
    rest.filter(|(_, milli)| *milli > 0).collect()
}

/// Every set of units of that number, of those whole and of a model that will do.
fn choices(machine: &Machine, model: &Model, count: u32, request: &DeviceRequest) -> Vec<Vec<u32>> {
    let fits: Vec<u32> = (0..UNITS)
        .filter(|id| model.get(id) == Some(&1000) && suits(machine, *id, request))
        .collect();
    let sets = (0..1_u32 << fits.len()).filter(|set| set.count_ones() == count);
    let chosen = |set: u32| {
        let bits = fits.iter().enumerate().filter(move |(bit, _)| set & (1 << bit) != 0);
        bits.map(|(_, id)| *id).collect::<Vec<_>>()
    };
    sets.map(chosen).collect()
}

fn suits(machine: &Machine, id: u32, request: &DeviceRequest) -> bool {
    let model = machine[id as usize].0;
    request.models().len() == 0 || request.models().any(|asked| model == Some(asked))
}

/// How many groups units are of; a unit without a group is one of its own.
fn groups(machine: &Machine, units: &[u32]) -> usize {
    let of = |id: &u32| machine[*id as usize].1.ok_or(*id);
    units.iter().map(of).collect::<BTreeSet<_>>().len()
}

fn in_one_group(machine: &Machine, units: &[u32]) -> bool {
    let grouped = units.iter().all(|id| machine[*id as usize].1.is_some());
    units.len() == 1 || (grouped && groups(machine, units) == 1)
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn operations_agree_with_the_model(machine in machine(), a in model(), b in model()) {
        let (x, y) = (resources(&machine, &a), resources(&machine, &b));
        prop_assert_eq!(back(&x), a.clone());
        let mut rest = x.clone();
        rest.subtract(&y);
        prop_assert_eq!(back(&rest), subtract(&a, &b));
        prop_assert_eq!(x.contains(&y), subtract(&b, &a).is_empty());
        let mut sum = a.clone();
        for (id, milli) in &b {
            *sum.entry(*id).or_default() += milli;
        }
        let fits = sum.values().all(|milli| *milli <= 1000);
        let mut added = x.clone();
        prop_assert_eq!(added.add(&y).is_ok(), fits);
        prop_assert_eq!(x.overlaps(&y), !fits);
        if fits {
            prop_assert_eq!(back(&added), sum);
            added.subtract(&y);
            prop_assert_eq!(added, x.clone());
        } else {
            prop_assert_eq!(&added, &x, "a conflict changes nothing");
        }
        if x.contains(&y) {
            rest.add(&y).unwrap();
            prop_assert_eq!(rest, x.clone());
        }
        prop_assert_eq!(x.scalar(&Name::GPUS).milli(), a.values().sum::<i64>());
        prop_assert_eq!(x.quantity(&Name::GPUS).milli(), a.values().sum::<i64>());
    }

    #[test]
    fn forms_round_trip(machine in machine(), a in model(), request in request()) {
        for original in [resources(&machine, &a), Resources::single(Name::GPUS, request)] {
            prop_assert_eq!(&original.to_string().parse::<Resources>().unwrap(), &original);
            prop_assert_eq!(&format!("{original:#}").parse::<Resources>().unwrap(), &original);
            let mesos = original.to_mesos_json();
            prop_assert_eq!(&serde_json::from_value::<Resources>(mesos).unwrap(), &original);
            let bytes = minicbor::to_vec(&original).unwrap();
            prop_assert_eq!(&minicbor::decode::<Resources>(&bytes).unwrap(), &original);
        }
    }

    #[test]
    fn a_request_gets_what_it_asks_for(machine in machine(), a in model(), request in request()) {
        let have = devices(&machine, &a);
        let found = have.resolve(&request);
        prop_assert_eq!(&found, &have.resolve(&request), "always the same");
        match request.ask() {
            Ask::Part(part) => {
                let enough = |id: &u32| a[id] >= part.milli() && suits(&machine, *id, &request);
                let least = a.keys().copied().filter(enough).map(|id| a[&id]).min();
                prop_assert_eq!(found.is_some(), least.is_some());
                let Some(found) = found else { return Ok(()) };
                prop_assert!(have.contains(&found) && found.len() == 1);
                let unit = found.iter().next().unwrap();
                prop_assert_eq!(unit.amount(), part);
                prop_assert!(enough(&unit.id()));
                prop_assert_eq!(Some(a[&unit.id()]), least, "the fullest with room");
            }
            Ask::Whole(count) => {
                let mut all = choices(&machine, &a, count, &request);
                if request.is_one_group() {
                    all.retain(|units| in_one_group(&machine, units));
                }
                prop_assert_eq!(found.is_some(), !all.is_empty());
                let Some(found) = found else { return Ok(()) };
                prop_assert!(have.contains(&found));
                let units: Vec<u32> = found.iter().map(Unit::id).collect();
                prop_assert!(all.contains(&units), "{:?}", units);
                prop_assert_eq!(found.quantity(), Amount::from_units(count));
                let fewest = all.iter().map(|units| groups(&machine, units)).min();
                prop_assert_eq!(Some(groups(&machine, &units)), fewest, "from few groups");
            }
        }
    }

    #[test]
    fn limits_keep_whole_units_first(
        machine in machine(), a in model(), limit in 0..9000_i64, cap in option::of(0..3000_i64)
    ) {
        let limit = Amount::from_milli(cap.unwrap_or(limit));
        let have = resources(&machine, &a);
        let part = have.shrink(|_| Some(limit));
        prop_assert!(have.contains(&part));
        prop_assert!(part.quantity(&Name::GPUS) <= limit);
        prop_assert_eq!(part.shrink(|_| Some(limit)), part.clone());
        let kept = back(&part);
        let whole = |of: &Model| of.values().filter(|milli| **milli == 1000).sum::<i64>() / 1000;
        let most = (limit.milli() / 1000).min(whole(&a));
        prop_assert_eq!(whole(&kept), most);
        let shared = |of: &Model| of.values().filter(|milli| **milli < 1000).sum::<i64>();
        prop_assert_eq!(shared(&kept), shared(&a).min(limit.milli() - 1000 * most));
        // No whole unit was split.
        prop_assert!(kept.iter().all(|(id, milli)| a[id] < 1000 || *milli == 1000));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(
        machine in machine(), a in model(), request in request(),
        noise in vec(any::<(prop::sample::Index, u8)>(), 0..4), cut in any::<u8>()
    ) {
        for original in [resources(&machine, &a), Resources::single(Name::GPUS, request)] {
            let mut bytes = minicbor::to_vec(&original).unwrap();
            for (at, byte) in &noise {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let keep = bytes.len().saturating_sub(usize::from(cut % 4));
            if let Ok(decoded) = minicbor::decode::<Resources>(&bytes[..keep]) {
                prop_assert_eq!(decoded.to_string().parse::<Resources>(), Ok(decoded));
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        text in "gpus:<[0-9a-c=@/,.| -]{0,16}( of (any|a|b)?( in one group)?)?>?"
    ) {
        match text.parse::<Resources>() {
            Ok(parsed) => prop_assert_eq!(parsed.to_string().parse::<Resources>(), Ok(parsed)),
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}
