//! Amounts: decimal text, rounding, limits.

use super::*;

fn milli(text: &str) -> i64 {
    text.parse::<Amount>().unwrap_or_else(|error| panic!("{text}: {error}")).milli()
}

#[test]
fn rs24_rounds_half_away_from_zero_at_the_third_decimal() {
    for (text, expected) in [
        ("1.5011", 1501),
        ("1.5015", 1502),
        ("1.50149999999999999999999999", 1501),
        ("1.50150000000000000000000001", 1502),
        ("0.0005", 1),
        ("0.9999", 1000),
        // A double would read these two as 0.00049999... and 1.00499999...
        ("1.0005", 1001),
        ("1.0045", 1005),
    ] {
        assert_eq!(milli(text), expected, "{text}");
    }
}

#[test]
fn every_way_to_write_a_decimal() {
    for (text, expected) in [
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("0e99", 0),
        ("4", 4000),
        ("+4", 4000),
        (" 4 ", 4000),
        ("4.", 4000),
        (".5", 500),
        ("004.500", 4500),
        ("1e3", 1_000_000),
        ("1E+3", 1_000_000),
        ("1500e-3", 1500),
        ("0.00000000000000000004e20", 4000),
        ("1000000000000", 1_000_000_000_000_000),
        ("1000000000000.0004", 1_000_000_000_000_000),
        ("1000000000000000e-3", 1_000_000_000_000_000),
    ] {
        assert_eq!(milli(text), expected, "{text}");
    }
}

#[test]
fn refusals_name_the_value_and_what_is_right() {
    let error = |text: &str| text.parse::<Amount>().unwrap_err();
    assert_eq!(error("  "), AmountError::Empty);
    for text in [
        "abc", "nan", "-nan", "inf", "-inf", "infinity", "1.2.3", "1e", "e5", ".", "+", "--1",
        "0x10", "1_0", "4 5", "٣",
    ] {
        assert!(matches!(error(text), AmountError::NotANumber { .. }), "{text}");
    }
    for text in ["-1", "-0.00001", "-1e99999999999999999999"] {
        assert!(matches!(error(text), AmountError::Negative { .. }), "{text}");
    }
    for text in ["1000000000000.0005", "1e13", "1e99999999999999999999", "9".repeat(99).as_str()] {
        assert!(matches!(error(text), AmountError::TooLarge { .. }), "{text}");
    }
    for text in ["0.00001", "0.0004999", "7.63918e-313", "1e-99999999999999999999"] {
        assert!(matches!(error(text), AmountError::TooSmall { .. }), "{text}");
    }
    assert_eq!(error("-1").to_string(), "'-1' is negative; an amount is 0 or more");
}

#[test]
fn rs6_prints_at_most_three_decimals() {
    for (text, expected) in [
        ("1.234", "1.234"),
        ("1.2345", "1.235"),
        ("1.2344", "1.234"),
        ("1.1", "1.1"),
        ("1.10", "1.1"),
        ("1.050", "1.05"),
        ("0.005", "0.005"),
        ("1000001", "1000001"),
        ("99999999999.9994", "99999999999.999"),
    ] {
        assert_eq!(text.parse::<Amount>().unwrap().to_string(), expected);
    }
}

#[test]
fn out_of_range_thousandths() {
    assert_eq!(Amount::from_milli(-1), Amount::ZERO);
    assert_eq!(Amount::from_milli(i64::MAX), Amount::TOTAL_MAX);
    assert!(matches!(Amount::try_from_milli(-1), Err(AmountError::Negative { .. })));
    let above = Amount::MAX.milli() + 1;
    assert!(matches!(Amount::try_from_milli(above), Err(AmountError::TooLarge { .. })));
    assert_eq!(Amount::try_from_milli(above - 1), Ok(Amount::MAX));
    assert_eq!(Amount::TOTAL_MAX.checked_add(Amount::from_milli(1)), None);
    assert_eq!(Amount::ZERO.checked_sub(Amount::from_milli(1)), None);
    assert!(Amount::from_units(u32::MAX) < Amount::MAX);
}
