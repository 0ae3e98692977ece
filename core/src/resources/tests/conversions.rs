//! What operations do to resources.

use super::*;

fn apply(
    conversion: Result<Conversion, ConversionError>,
    to: &str,
) -> Result<String, ConversionError> {
    conversion?.apply(&res(to)).map(|after| after.to_string())
}

#[test]
fn rs48_reserve_and_unreserve() {
    let reserve = |text: &str, to: &str| apply(Ok(Conversion::reserve(&res(text), None)), to);
    let unreserve = |text: &str, to: &str| apply(Conversion::unreserve(&res(text)), to);
    let all = "cpus:1;mem:512";
    let reserved = reserve("cpus(+r@p):1", all).unwrap();
    assert_eq!(reserved, "cpus(+r@p):1;mem:512");
    let error = reserve("cpus(+r@p):2", all).unwrap_err();
    assert_eq!(error.to_string(), "cpus:2 is not all in cpus:1;mem:512");
    assert_eq!(unreserve("cpus(+r@p):1", &reserved).unwrap(), all);
    assert!(unreserve("cpus(+r@p):2", &reserved).is_err());
    assert!(unreserve("mem:1", all).unwrap_err().to_string().contains("'mem' is not reserved"));
    // One level at a time.
    let refined = reserve("cpus(+r@p,+r/a):1", &reserved).unwrap();
    assert_eq!(refined, "cpus(+r@p,+r/a):1;mem:512");
    assert_eq!(unreserve("cpus(+r@p,+r/a):1", &refined).unwrap(), reserved);
    // From another reservation.
    let moved = Conversion::reserve(&res("cpus(+s):1"), Some(&res("cpus(+r@p):1")));
    assert_eq!(moved.apply(&res(&reserved)).unwrap(), res("cpus(+s):1;mem:512"));
    let more = Conversion::reserve(&res("cpus(+s):2"), Some(&res("cpus(+r@p):1")));
    assert!(matches!(more.apply(&res(&reserved)), Err(ConversionError::QuantitiesDiffer { .. })));
}

#[test]
fn rs49_volumes_of_disks() {
    let create = |text: &str, to: &str| apply(Conversion::create(&res(text)), to);
    let all = "cpus:1;mem:512;disk(r):1000";
    let made = create("disk(r)#v:200", all).unwrap();
    assert_eq!(made, "cpus:1;mem:512;disk(r):800;disk(r)#v:200");
    assert!(create("disk(r)#v:2000", all).is_err());
    assert!(create("disk(r):200", all).unwrap_err().to_string().contains("is no persistent"));
    assert_eq!(apply(Conversion::destroy(&res("disk(r)#v:200")), &made).unwrap(), all);

    let mount = "disk(r)<source=mount,root=/m>:200";
    let made = create("disk(r)#v<source=mount,root=/m>:200", mount).unwrap();
    assert_eq!(made, "disk(r)#v<source=mount,root=/m>:200");
    assert!(create("disk(r)#v<source=mount,root=/m>:50", mount).is_err());
}

#[test]
fn rs50_shared_volumes() {
    let all = "disk(r):1000";
    let volume = res("disk(r)#v&:200");
    let made = apply(Conversion::create(&volume), all).unwrap();
    assert_eq!(made, "disk(r):800;disk(r)#v&:200");
    assert_eq!(apply(Conversion::destroy(&volume), &made).unwrap(), all);
    let two = "disk(r):800;disk(r)#v&:200*2";
    let error = apply(Conversion::destroy(&volume), two).unwrap_err();
    assert!(matches!(error, ConversionError::CopiesLeft { .. }), "{error}");
    let both = apply(Conversion::destroy(&res("disk(r)#v&:200*2")), two).unwrap();
    assert_eq!(both, all, "however many copies, the disk was one");
}

#[test]
fn pv2_volumes_grow_and_shrink() {
    let volume = res("disk(r)#v:3584");
    let grown = Conversion::grow(&volume, &res("disk(r):512"));
    assert_eq!(apply(grown, "disk(r)#v:3584;disk(r):512").unwrap(), "disk(r)#v:4096");
    let four = res("disk(r)#v:4096");
    let shrink = |units| Conversion::shrink(&four, Amount::from_units(units));
    let after = apply(shrink(512), "disk(r)#v:4096;cpus:1").unwrap();
    assert_eq!(after, "cpus:1;disk(r):512;disk(r)#v:3584");
    for units in [0, 4096, 5000] {
        assert!(matches!(shrink(units), Err(ConversionError::BadShrink { .. })), "{units}");
    }
    for wrong in ["disk(r):1", "disk(r)#v:1;disk(r)#w:1", "disk(r)#v:1*2", ""] {
        let error = Conversion::shrink(&res(wrong), Amount::from_milli(1)).unwrap_err();
        assert!(matches!(error, ConversionError::NotAVolume { .. }), "{wrong}");
    }
}

#[test]
fn i9_operations_keep_quantities() {
    let reserved = Conversion::reserve(&res("cpus(+r):1;ports(+r):[1-2]"), None);
    let all = res("cpus:4;ports:[1-9]");
    let after = reserved.apply(&all).unwrap();
    assert_eq!(Quantities::of(&after), Quantities::of(&all));
    let back = Conversion::unreserve(&reserved.converted).unwrap();
    assert_eq!(back.apply(&after).unwrap(), all);
}
