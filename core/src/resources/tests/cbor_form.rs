//! The binary form and damaged records.

use super::*;

fn bytes(encode: impl FnOnce(&mut minicbor::Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut minicbor::Encoder::new(&mut out));
    out
}

#[test]
fn round_trip_and_form() {
    let original = res("cpus:0.5;ports:[1-2,7-7];disks:{a,b}");
    let encoded = minicbor::to_vec(&original).unwrap();
    let expected = bytes(|e| {
        e.map(3).unwrap().str("cpus").unwrap().array(2).unwrap().u8(0).unwrap().i64(500).unwrap();
        e.str("ports").unwrap().array(2).unwrap().u8(1).unwrap().array(4).unwrap();
        e.u64(1).unwrap().u64(2).unwrap().u64(7).unwrap().u64(7).unwrap();
        e.str("disks").unwrap().array(2).unwrap().u8(2).unwrap().array(2).unwrap();
        e.str("a").unwrap().str("b").unwrap();
    });
    assert_eq!(encoded, expected);
    assert_eq!(minicbor::decode::<Resources>(&encoded).unwrap(), original);
    let quantities = Quantities::of(&original);
    let encoded = minicbor::to_vec(&quantities).unwrap();
    assert_eq!(minicbor::decode::<Quantities>(&encoded).unwrap(), quantities);
}

#[test]
fn damaged_records_are_errors() {
    let scalar = |name: &str, milli: i64, count: u64| {
        bytes(|e| {
            e.map(count).unwrap();
            for _ in 0..count {
                e.str(name).unwrap().array(2).unwrap().u8(0).unwrap().i64(milli).unwrap();
            }
        })
    };
    assert!(minicbor::decode::<Resources>(&scalar("cpus", 1, 1)).is_ok());
    for (record, expected) in [
        (scalar("cpus", 1, 2), "stands twice"),
        (scalar("cpus", 0, 1), "is empty"),
        (scalar("cpus", -1, 1), "between 0 and"),
        (scalar("cpus", i64::MAX, 1), "between 0 and"),
        (scalar("a b", 1, 1), "contains ' '"),
        (bytes(|e| _ = e.map(u64::MAX).unwrap()), "end of input"),
        (bytes(|e| _ = e.begin_map().unwrap()), "indefinite"),
        (
            bytes(|e| {
                _ = e.map(1).unwrap().str("x").unwrap().array(2).unwrap().u8(9).unwrap();
            }),
            "kind 9",
        ),
        (
            bytes(|e| {
                e.map(1).unwrap().str("x").unwrap().array(2).unwrap().u8(1).unwrap();
                e.array(1).unwrap().u64(1).unwrap();
            }),
            "pairs",
        ),
    ] {
        let error = minicbor::decode::<Resources>(&record).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
