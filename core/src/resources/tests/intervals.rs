//! Ranges as sets of points.

use super::*;

#[test]
fn rs12_coalesces() {
    assert_eq!(ranges("[1-4,3-5,7-8,8-10]"), ranges("[1-5,7-10]"));
    let mut sum = ranges("[1-4,8-10]");
    for (added, expected) in [("[4-8]", "[1-10]"), ("[5-7]", "[1-10]")] {
        sum.add(&ranges(added));
        assert_eq!(sum.to_string(), expected);
    }
    sum.add(&ranges("[20-21]"));
    assert_eq!(sum.to_string(), "[1-10,20-21]");
    assert_eq!(format!("{sum:#}"), "[1-10, 20-21]");
    assert_eq!(sum.count(), 12);
}

#[test]
fn rs13_rs20_addition() {
    for (a, b, expected) in [
        ("[3-8]", "[4-10]", "[3-10]"),
        ("[2-3]", "[4-6]", "[2-6]"),
        ("[3-5,7-8]", "[6-6]", "[3-8]"),
        ("[1-4,9-10,20-22,26-30]", "[5-8,23-25]", "[1-10,20-30]"),
        ("[20000-40000]", "[30000-50000,10000-20000]", "[10000-50000]"),
        ("[1-10,5-30,50-60]", "[1-65,70-80]", "[1-65,70-80]"),
        ("[]", "[1-2]", "[1-2]"),
        ("[1-2]", "[]", "[1-2]"),
    ] {
        let mut sum = ranges(a);
        sum.add(&ranges(b));
        assert_eq!(sum.to_string(), expected, "{a} + {b}");
    }
}

#[test]
fn rs14_rs21_subtraction() {
    for (a, b, expected) in [
        ("[]", "[1-10]", "[]"),
        ("[3-8]", "[1-10]", "[]"),
        ("[3-8]", "[3-5]", "[6-8]"),
        ("[3-8]", "[5-6]", "[3-4,7-8]"),
        ("[3-8]", "[1-3]", "[4-8]"),
        ("[3-8]", "[5-10]", "[3-4]"),
        ("[3-8]", "[9-10]", "[3-8]"),
        ("[20000-40000]", "[10000-20000,30000-50000]", "[20001-29999]"),
        ("[50000-60000]", "[50000-50001]", "[50002-60000]"),
        ("[1-10,20-30,40-50]", "[2-9,15-45,48-50]", "[1-1,10-10,46-47]"),
    ] {
        let mut rest = ranges(a);
        rest.subtract(&ranges(b));
        assert_eq!(rest.to_string(), expected, "{a} - {b}");
    }
}

#[test]
fn rs57_nothing_wraps_at_the_last_number() {
    let last = ranges("[18446744073709551614-18446744073709551615]");
    let mut sum = last.clone();
    sum.add(&ranges("[0-0]"));
    assert_eq!(sum.to_string(), "[0-0,18446744073709551614-18446744073709551615]");
    sum.add(&ranges("[18446744073709551615-18446744073709551615]"));
    assert_eq!(sum.iter().len(), 2, "the last number is already in the last interval");
    let mut all = ranges("[0-18446744073709551615]");
    assert_eq!(all.count(), 1 << 64);
    all.subtract(&last);
    assert_eq!(all.to_string(), "[0-18446744073709551613]");
    all.add(&last);
    assert_eq!(all.to_string(), "[0-18446744073709551615]");
    assert_eq!(all.take(u64::MAX).unwrap().to_string(), "[0-18446744073709551614]");
}

#[test]
fn strict_construction_refuses_overlap_and_reversal() {
    let new = |pairs: &[(u64, u64)]| Ranges::new(pairs.to_vec());
    assert_eq!(new(&[(7, 8), (1, 3), (4, 4)]).unwrap().to_string(), "[1-4,7-8]");
    assert_eq!(new(&[(1, 9), (2, 3), (5, 6)]), Err(RangesError::Overlap { point: 2 }));
    let reversed = RangesError::Reversed { index: 1, begin: 5, end: 4 };
    assert_eq!(new(&[(1, 2), (5, 4)]), Err(reversed));
}

#[test]
fn takes_the_lowest_points() {
    let ports = ranges("[3-5,9-20]");
    assert_eq!(ports.take(0), Some(Ranges::default()));
    assert_eq!(ports.take(2).unwrap().to_string(), "[3-4]");
    assert_eq!(ports.take(4).unwrap().to_string(), "[3-5,9-9]");
    assert_eq!(ports.take(15), Some(ports.clone()));
    assert_eq!(ports.take(16), None);
}
