//! Collections: addition, subtraction, containment, keys.

use super::*;

fn sum(a: &str, b: &str) -> String {
    let mut sum = res(a);
    sum.add(&res(b)).unwrap();
    sum.to_string()
}

fn rest(a: &str, b: &str) -> String {
    let mut rest = res(a);
    rest.subtract(&res(b));
    rest.to_string()
}

#[test]
fn rs16_rs25_equality_and_containment() {
    assert!(res("cpus:1;mem:4096").contains(&res("cpus:1;mem:3072")));
    assert!(!res("cpus:1;mem:3072").contains(&res("cpus:1;mem:4096")));
    assert_ne!(Resources::new(), res("cpus:2"));
    assert!(res("cpus:2").contains(&Resources::new()));
    assert!(!Resources::new().contains(&res("cpus:2")));
    assert!(!res("mem:2").contains(&res("cpus:1")));
    assert!(!res("x:2").contains(&res("x:[1-1]")));
    assert_eq!(res("d:{a,b}"), res("d:{b,a}"));
}

#[test]
fn rs17_rs18_scalars() {
    assert_eq!(sum("cpus:1;mem:5", "cpus:2;mem:10"), "cpus:3;mem:15");
    assert_eq!(rest("cpus:50;mem:4096", "cpus:0.5;mem:1024"), "cpus:49.5;mem:3072");
    assert_eq!(rest("cpus:50;mem:4096", "cpus:50;mem:4096"), "");
    assert_eq!(rest("cpus:1", "cpus:3"), "");
    assert_eq!(rest("cpus:1", "mem:3"), "cpus:1");
    assert_eq!(rest("x:1", "x:[1-1]"), "x:1");
}

#[test]
fn rs19_many_small_additions_are_exact() {
    let step = res("cpus:1.001");
    let mut sum = Resources::new();
    for _ in 0..100_000 {
        sum.add(&step).unwrap();
    }
    assert_eq!(sum, res("cpus:100100"));
    for _ in 0..99_999 {
        sum.subtract(&step);
    }
    assert_eq!(sum, step);
}

#[test]
fn rs22_rs23_sets() {
    assert!(res("d:{sda1,sda2,sda3,sda4}").contains(&res("d:{sda1,sda2}")));
    assert!(!res("d:{sda1,sda2}").contains(&res("d:{sda1,sda3}")));
    assert_eq!(sum("d:{sda1,sda2,sda3}", "d:{sda1,sda2,sda3,sda4}"), "d:{sda1,sda2,sda3,sda4}");
    assert_eq!(rest("d:{sda1,sda2,sda3,sda4}", "d:{sda2,sda3,sda4}"), "d:{sda1}");
    assert_eq!(rest("d:{a}", "d:{a}"), "");
}

#[test]
fn a_conflict_changes_nothing() {
    let mut own = res("cpus:1;ports:[1-3];disks:{a,b}");
    let before = own.clone();
    let conflict = own.add(&res("cpus:1;disks:4")).unwrap_err();
    let expected = "disks is given as set and as scalar; one name has one kind of value";
    assert_eq!(conflict.to_string(), expected);
    let conflict = own.add_disjoint(&res("cpus:1;ports:[3-4]")).unwrap_err();
    let expected = "ports has '3' on both sides; each point or item can be given once";
    assert_eq!(conflict.to_string(), expected);
    let conflict = own.add_disjoint(&res("mem:1;disks:{b}")).unwrap_err();
    assert!(matches!(conflict, Conflict::Overlap { shared, .. } if shared.as_str() == "b"));
    let total = Resources::single(Name::CPUS, Amount::TOTAL_MAX);
    let conflict = own.add(&total).unwrap_err();
    assert!(matches!(conflict, Conflict::TooLarge { key, .. } if key == Name::CPUS));
    assert_eq!(own, before);
    own.add_disjoint(&res("cpus:1;ports:[4-4];disks:{c}")).unwrap();
    assert_eq!(own.to_string(), "cpus:2;ports:[1-4];disks:{a,b,c}");
}

#[test]
fn overlap_is_about_points_and_items() {
    assert!(res("ports:[1-5]").overlaps(&res("cpus:1;ports:[5-9]")));
    assert!(res("d:{a,b}").overlaps(&res("d:{b,c}")));
    assert!(!res("cpus:1;ports:[1-5]").overlaps(&res("cpus:1;ports:[6-9]")));
}

#[test]
fn keys_translate_both_ways() {
    let named = res("cpus:1;mem:2;ports:[1-2]");
    let bundle: Bundle = named
        .try_map_keys::<Key, Conflict<Key>>(|key| Ok(Key::plain(key.name.well_known_id().unwrap())))
        .unwrap();
    assert_eq!(bundle.to_string(), named.to_string());
    assert_eq!(bundle.quantity(&NameId::PORTS), Amount::from_units(2));
    let back = bundle
        .try_map_keys::<ResourceKey, Conflict<ResourceKey>>(|key| {
            Ok(key.name.well_known_name().unwrap().into())
        })
        .unwrap();
    assert_eq!(back, named);

    // Two metadata of one name meet when the metadata is taken away.
    let meta = Key { name: NameId::CPUS, meta: MetaId(7) };
    let mut split = bundle.clone();
    split.add(&Bundle::single(meta, Amount::from_units(4))).unwrap();
    assert_eq!(split.to_string(), "cpus:1;cpus@7:4;mem:2;ports:[1-2]");
    assert_eq!(split.quantity(&NameId::CPUS), Amount::from_units(5));
    let merged = split.try_map_keys::<Key, Conflict<Key>>(|key| Ok(Key::plain(key.name)));
    assert_eq!(merged.unwrap().scalar(&Key::plain(NameId::CPUS)), Amount::from_units(5));
}
