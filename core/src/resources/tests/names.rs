//! Names and their order.

use super::*;

#[test]
fn rules() {
    for good in ["cpus", "a", "é", "a,b", "GPU-1/x", "*", &"n".repeat(255)] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in ["", " ", "a b", "a:b", "a;b", "a(b", "a]", "{", "a\n", "a\u{a0}b", &"n".repeat(256)]
    {
        assert!(Name::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn well_known_names_and_ids_agree() {
    let expected = [
        (Name::CPUS, NameId::CPUS, "cpus"),
        (Name::MEM, NameId::MEM, "mem"),
        (Name::DISK, NameId::DISK, "disk"),
        (Name::GPUS, NameId::GPUS, "gpus"),
        (Name::PORTS, NameId::PORTS, "ports"),
    ];
    for (constant, id, text) in &expected {
        assert_eq!(*constant, name(text));
        assert_eq!(constant.as_str(), *text);
        assert_eq!(constant.well_known_id(), Some(*id));
        assert_eq!(id.well_known_name().as_ref(), Some(constant));
    }
    assert!(expected.is_sorted_by_key(|(constant, ..)| constant.clone()));
    assert!(Name::PORTS < name("a") && name("Z") < name("a"));
    assert_eq!(name("a").well_known_id(), None);
    assert_eq!(NameId(NameId::WELL_KNOWN_COUNT).well_known_name(), None);
    assert_eq!(NameId(300).to_string(), "#300");
}
