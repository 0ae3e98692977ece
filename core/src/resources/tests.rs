//! Scenario tests of the resource algebra; the numbers (RS1...) are those of the scenario list.

use super::*;

fn res(text: &str) -> Resources {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn ranges(text: &str) -> Ranges {
    match res(&format!("ports:{text}")).get(&Name::PORTS) {
        Some(Value::Ranges(ranges)) => ranges.clone(),
        None => Ranges::default(),
        Some(other) => panic!("{text} is {other:?}"),
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The message of the error that `text` must give.
fn refused(text: &str) -> String {
    let result = text.parse::<Resources>();
    result.map(|parsed| panic!("{text:?} was read as {parsed:?}")).unwrap_err().to_string()
}

fn refused_json(json: &str) -> String {
    let result = serde_json::from_str::<Resources>(json);
    result.map(|parsed| panic!("{json} was read as {parsed:?}")).unwrap_err().to_string()
}

mod amounts {
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
        for text in
            ["1000000000000.0005", "1e13", "1e99999999999999999999", "9".repeat(99).as_str()]
        {
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
}

mod intervals {
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
}

mod parsing {
    use super::*;

    #[test]
    fn rs1_parses_every_kind_and_equals_the_sum_of_its_parts() {
        let whole = res("cpus:45.55;ports:[10000-20000, 30000-50000];disks:{sda1}");
        let mut sum = Resources::new();
        for part in ["cpus:45.55", "ports:[10000-20000]", "disks:{sda1}", "ports:[30000-50000]"] {
            sum.add(&res(part)).unwrap();
        }
        assert_eq!(whole, sum);
        assert_eq!(whole.len(), 3);
    }

    #[test]
    fn rs6_prints_canonically_and_as_mesos() {
        let text = "cpus:45.55;ports:[10000-20000,30000-50000];disks:{sda1}";
        let parsed = res("disks : { sda1 } ;; ports:[ 30000 - 50000,10000-20000 ];cpus : 45.55 ; ");
        assert_eq!(parsed.to_string(), text);
        let mesos = "cpus:45.55; ports:[10000-20000, 30000-50000]; disks:{sda1}";
        assert_eq!(format!("{parsed:#}"), mesos);
        assert_eq!(res(mesos), parsed);
        assert_eq!(Resources::new().to_string(), "");
        assert_eq!(format!("{:#}", Resources::new()), "{}");
    }

    #[test]
    fn prints_the_well_known_names_first() {
        let text = "cpus:1;mem:1;disk:1;gpus:1;ports:[1-1];Zeta:1;alpha:1";
        assert_eq!(res("alpha:1;ports:[1-1];gpus:1;Zeta:1;disk:1;mem:1;cpus:1").to_string(), text);
    }

    #[test]
    fn rs9_small_absent_and_empty() {
        assert!(refused("cpus:0.00001").contains("'0.00001' rounds to 0"));
        for text in ["gpus:0", "", "  ", ";", "ports:[]", "disks:{}", "cpus:0;mem:0.000"] {
            assert!(res(text).is_empty(), "{text}");
        }
        assert!(Resources::default().is_empty());
        let items =
            [Resource::new(Name::CPUS, Amount::ZERO), Resource::new(name("x"), Set::default())];
        assert!(Resources::from_items(items).unwrap().is_empty());
        assert!(Resources::single(Name::PORTS, Ranges::default()).is_empty());
    }

    #[test]
    fn rs10_what_is_text_or_malformed_is_refused() {
        for value in ["123abc,s", "inf", "-inf", "infinity", "nan", "-nan", "4 5", "sda1"] {
            assert!(refused(&format!("x:{value}")).contains("neither a number"), "{value}");
        }
        for value in ["[1-2]]", "{aa,b}}", "[1-2", "{a", "[[1-2]", "{a{b}", "[1-2}"] {
            assert!(refused(&format!("x:{value}")).contains("no partner"), "{value}");
        }
        for value in [
            "[1-2b]",
            "[1]",
            "[1-2-3]",
            "[-1-2]",
            "[1-2,,3-4]",
            "[+1-2]",
            "[1-18446744073709551616]",
        ] {
            assert!(refused(&format!("x:{value}")).contains("is not a range"), "{value}");
        }
        assert!(refused("x:[5-4]").contains("write 4-5"));
        assert!(refused("x:{a,}").contains("set item 1 is empty"));
        assert!(refused("x:{a,a}").contains("more than once"));
        assert!(refused("x:{a b}").contains("contains ' '"));
        assert!(refused("x:  ").contains("empty"));
        assert!(refused("x:7.63918e-313").contains("rounds to 0"));
        assert!(refused("x:-1").contains("negative"));
    }

    #[test]
    fn an_error_says_which_item_and_where() {
        assert_eq!(
            refused("cpus:1; mem:-3"),
            "item 1 at byte 8, 'mem:-3': '-3' is negative; an amount is 0 or more"
        );
        let error = ";; é:1;mem".parse::<Resources>().unwrap_err();
        assert_eq!((error.index, error.offset), (1, 8));
        assert_eq!(error.reason, Reason::NoColon);
        assert!(refused("cpus:1,mem:2").contains("more than one ':'"));
        assert!(refused(":1").contains("name is empty"));
        assert!(refused("a b:1").contains("contains ' '"));
        let long = refused(&format!("{}:x", "n".repeat(300)));
        assert!(long.contains("has 300 bytes") && long.len() < 250, "{long}");
        assert!(!refused("cpus:\u{7}\n1").contains(['\u{7}', '\n']), "one printable line");
    }

    #[test]
    fn reservations_are_recognised_and_refused() {
        assert_eq!(
            refused("cpus(role1):2"),
            "item 0 at byte 0, 'cpus(role1):2': reservations are not supported by this version; \
             write the name without ('role1')"
        );
        assert_eq!(res("cpus(*):2;mem ( * ) : 3"), res("cpus:2;mem:3"));
        for text in ["cpus(a:1", "cpus)a:1", "cpus(a)b:1", "cpus((a)):1"] {
            assert!(refused(text).contains("no partner"), "{text}");
        }
        // The decoration of a persistent volume has colons of its own.
        assert!(refused("disk(role)[id:path]:1").contains("item 0"));
    }

    #[test]
    fn one_name_has_one_kind_even_when_empty() {
        assert!(refused("x:1;x:[1-2]").contains("x is a scalar here and a ranges there"));
        assert!(refused("x:0;x:{a}").contains("item 1"));
        assert_eq!(res("cpus:1;cpus:2.5").to_string(), "cpus:3.5");
    }

    #[test]
    fn limits_of_a_text() {
        assert!(refused("cpus:1e12;cpus:0.001").contains("sum of cpus is above 1000000000000"));
        let many = "cpus:1;".repeat(ITEMS_MAX);
        assert_eq!(res(&many).scalar(&Name::CPUS), Amount::from_units(1024));
        assert!(refused(&format!("{many}mem:1")).contains("more than 1024 items"));
    }

    #[test]
    fn set_items_may_be_device_addresses() {
        let text = "gpu_ids:{0000:00:1f.2,GPU-8a56}";
        assert_eq!(res(text).to_string(), text);
    }
}

mod json_forms {
    use super::*;

    const MESOS: &str = r#"[
        {"name":"cpus","type":"SCALAR","scalar":{"value":45.55},"role":"*","reservations":[]},
        {"name":"cpus","type":"SCALAR","scalar":{"value":54.45}},
        {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2},{"begin":7,"end":7}]}},
        {"name":"disks","type":"SET","set":{"item":["b","a"]}}]"#;

    #[test]
    fn rs4_three_forms_read_the_same() {
        let expected = res("cpus:100;ports:[1-2,7-7];disks:{a,b}");
        let plain = r#"{"cpus":100,"ports":[[7,7],[1,2]],"disks":["b","a"]}"#;
        let texts = r#"{"cpus":"1e2","ports":"[1-2,7-7]","disks":"{a,b}"}"#;
        let text = r#""ports:[1-2,7-7];disks:{a,b};cpus:100""#;
        for json in [MESOS, plain, texts, text] {
            assert_eq!(serde_json::from_str::<Resources>(json).unwrap(), expected, "{json}");
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::from_value::<Resources>(value).unwrap(), expected, "{json}");
        }
        assert_eq!(res(MESOS), expected);
        assert_eq!(res(plain), expected);
        assert_eq!(
            serde_json::from_value::<Resources>(expected.to_mesos_json()).unwrap(),
            expected
        );
        let empty = Resources::new();
        assert_eq!(empty.to_mesos_json().to_string(), "[]");
        for json in ["[]", "{}", "\"\"", r#"{"cpus":0,"x":[]}"#] {
            assert_eq!(serde_json::from_str::<Resources>(json).unwrap(), empty, "{json}");
        }
    }

    #[test]
    fn amounts_are_read_from_their_text() {
        for (json, milli) in [
            ("0.1", 100),
            ("1.0005", 1001),
            ("1.00049999999999999999", 1000),
            ("1e3", 1_000_000),
            ("4", 4000),
            ("\"4.5\"", 4500),
            ("1000000000000", 1_000_000_000_000_000),
        ] {
            assert_eq!(serde_json::from_str::<Amount>(json).unwrap().milli(), milli, "{json}");
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::from_value::<Amount>(value).unwrap().milli(), milli, "{json}");
        }
        assert_eq!(serde_json::to_string(&Amount::from_milli(4500)).unwrap(), "4.5");
        assert_eq!(serde_json::to_string(&Amount::MAX).unwrap(), "1000000000000");
        let refused = |json: &str| serde_json::from_str::<Amount>(json).unwrap_err().to_string();
        assert!(refused("-1").contains("'-1' is negative"));
        assert!(refused("184467440737095516160").contains("too large"));
        assert!(refused("-170141183460469231731687303715884105728").contains("negative"));
        for json in ["{}", "[]", "null", "true", r#"{"a":1}"#] {
            assert!(refused(json).contains("expected an amount"), "{json}: {}", refused(json));
        }
    }

    #[test]
    fn amounts_survive_tagged_enums_and_path_tracking() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "op")]
        enum Tagged {
            A { amount: Amount, resources: Resources },
        }
        let value = Tagged::A { amount: Amount::from_milli(1234), resources: res("cpus:0.1") };
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(json, r#"{"op":"A","amount":1.234,"resources":"cpus:0.1"}"#);
        assert_eq!(serde_json::from_str::<Tagged>(&json).unwrap(), value);
        let object = r#"{"resources":{"cpus":0.1},"op":"A","amount":1.234}"#;
        assert_eq!(serde_json::from_str::<Tagged>(object).unwrap(), value);

        let json = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]"#;
        let deserializer = &mut serde_json::Deserializer::from_str(json);
        let error = serde_path_to_error::deserialize::<_, Resources>(deserializer).unwrap_err();
        assert_eq!(error.path().to_string(), "[0].scalar.value");
    }

    #[test]
    fn rs5_malformed_json() {
        for json in [
            r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1}}"#,
            r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1}} {"name":"mem","type":"SCALAR","scalar":{"value":1}}]"#,
            r#"[[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]]"#,
            r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}}"#,
            "[] []",
            "[] x",
            "5",
            "1.00000000000000000001",
            "null",
        ] {
            refused_json(json);
        }
        let item = |body: &str| refused_json(&format!("[{{{body}}}]"));
        for (body, expected) in [
            (r#""name":"cpus","scalar":{"value":1}"#, "missing field `type`"),
            (r#""type":"SCALAR","scalar":{"value":1}"#, "missing field `name`"),
            (r#""name":"","type":"SCALAR","scalar":{"value":1}"#, "name is empty"),
            (r#""name":"x","type":"TEXT"#, "EOF"),
            (r#""name":"x","type":"TEXT","text":{"value":"a"}"#, "unknown variant `TEXT`"),
            (r#""name":"x","type":"SCALAR","scalar":{"value":-1}"#, "'-1' is negative"),
            (r#""name":"x","type":"SCALAR","scalar":{"value":1e-5}"#, "rounds to 0"),
            (r#""name":"x","type":"SCALAR","scalar":{"valu":1}"#, "unknown field `valu`"),
            (r#""name":"x","type":"SCALAR","scalar":{}"#, "missing field `value`"),
            (r#""name":"x","type":"SCALAR"#, "EOF"),
            (r#""name":"x","type":"SCALAR","set":{"item":[]}"#, "resource 0, x: type is SCALAR"),
            (
                r#""name":"x","type":"SET","set":{"item":[]},"scalar":{"value":1}"#,
                "give the field \"set\" and no other",
            ),
            (
                r#""name":"x","type":"RANGES","ranges":{"range":[{"begin":1,"end":3},{"begin":2,"end":4}]}"#,
                "two ranges share 2",
            ),
            (r#""name":"x","type":"SET","set":{"item":["a","a"]}"#, "more than once"),
            (r#""name":"x","type":"SCALAR","scalar":{"value":1},"role":"a""#, "role: reservations"),
            (
                r#""name":"x","type":"SCALAR","scalar":{"value":1},"reservations":[{"role":"a"}]"#,
                "reservations: reservations are not supported",
            ),
            (
                r#""name":"disk","type":"SCALAR","scalar":{"value":1},"disk":{"persistence":{}}"#,
                "disk: this field is not supported",
            ),
            (
                r#""name":"x","type":"SCALAR","scalar":{"value":1},"revocable":{}"#,
                "revocable: this",
            ),
            (
                r#""name":"x","type":"SCALAR","scalar":{"value":1},"colour":1"#,
                "unknown field `colour`",
            ),
        ] {
            assert!(item(body).contains(expected), "{body}: {}", item(body));
        }
        let two = r#"[{"name":"x","type":"SCALAR","scalar":{"value":1}},{"name":"x","type":"SET","set":{"item":["a"]}}]"#;
        assert!(refused_json(two).contains("resource 1, x: x is a scalar here and a set there"));
    }

    #[test]
    fn malformed_plain_objects() {
        for (json, expected) in [
            (r#"{"cpus":-1}"#, "cpus: '-1' is negative"),
            (r#"{"cpus":true}"#, "cpus: 'true' is not a value"),
            (r#"{"cpus":{"value":1}}"#, "is not a value"),
            (r#"{"cpus":null}"#, "cpus: 'null' is not a value"),
            (r#"{"cpus":1,"cpus":2}"#, "cpus: the name appears twice"),
            (r#"{"ports":[[1,2],[2,3]]}"#, "ports: two ranges share 2"),
            (r#"{"ports":[[1,2],3]}"#, "ports: range 1 is '3'"),
            (r#"{"ports":[[1,2.5]]}"#, "ports: range 0 is '[1,2.5]'"),
            (r#"{"disks":["a",1]}"#, "disks: set item 1 is '1'"),
            (r#"{"disks":["a;b"]}"#, "disks: set item 0 'a;b' contains ';'"),
            (r#"{"a:b":1}"#, "resource name 'a:b' contains ':'"),
            ("7", "invalid type: integer `7`, expected resources"),
        ] {
            assert!(refused_json(json).contains(expected), "{json}: {}", refused_json(json));
        }
        assert!(refused("{\"cpus\":1").contains("as JSON: EOF"));
    }
}

mod cbor_form {
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
            e.map(3)
                .unwrap()
                .str("cpus")
                .unwrap()
                .array(2)
                .unwrap()
                .u8(0)
                .unwrap()
                .i64(500)
                .unwrap();
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
}

mod arithmetic {
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
        let expected = "disks is a set here and a scalar there; one name has one kind of value";
        assert_eq!(conflict.to_string(), expected);
        let conflict = own.add_disjoint(&res("cpus:1;ports:[3-4]")).unwrap_err();
        let expected = "ports has '3' on both sides; each point or item can be given once";
        assert_eq!(conflict.to_string(), expected);
        let conflict = own.add_disjoint(&res("mem:1;disks:{b}")).unwrap_err();
        assert!(matches!(conflict, Conflict::Overlap { shared, .. } if shared.as_str() == "b"));
        let total = Resources::single(Name::CPUS, Amount::TOTAL_MAX);
        let conflict = own.add(&total).unwrap_err();
        assert!(matches!(conflict, Conflict::TooLarge { key: Name::CPUS, .. }));
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
            .try_map_keys::<Key, Conflict<Key>>(|name| {
                Ok(Key::plain(name.well_known_id().unwrap()))
            })
            .unwrap();
        assert_eq!(bundle.to_string(), named.to_string());
        assert_eq!(bundle.quantity(NameId::PORTS), Amount::from_units(2));
        let back = bundle
            .try_map_keys::<Name, Conflict<Name>>(|key| Ok(key.name.well_known_name().unwrap()))
            .unwrap();
        assert_eq!(back, named);

        // Two metadata of one name meet when the metadata is taken away.
        let meta = Key { name: NameId::CPUS, meta: MetaId(7) };
        let mut split = bundle.clone();
        split.add(&Bundle::single(meta, Amount::from_units(4))).unwrap();
        assert_eq!(split.to_string(), "cpus:1;cpus@7:4;mem:2;ports:[1-2]");
        assert_eq!(split.quantity(NameId::CPUS), Amount::from_units(5));
        let merged = split.try_map_keys::<Key, Conflict<Key>>(|key| Ok(Key::plain(key.name)));
        assert_eq!(merged.unwrap().scalar(&Key::plain(NameId::CPUS)), Amount::from_units(5));
    }
}

mod quantity {
    use super::*;

    fn quantities(text: &str) -> Quantities {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn rs54_parse_print_and_arithmetic() {
        assert!(quantities("cpus:0").is_empty());
        assert_eq!(quantities(" cpus : 3.14 ; disk : 10 ").to_string(), "cpus:3.14;disk:10");
        assert_eq!(quantities("ports:3;cpus:1;cpus:10.5").to_string(), "cpus:11.5;ports:3");
        assert_eq!(format!("{:#}", quantities("mem:1024;cpus:1")), "cpus:1; mem:1024");
        for text in
            ["cpus:a10", "cpus:3.14c", "ports:3,cpus:1", "cpus:nan", "cpus:inf", "cpus", "x:[1-2]"]
        {
            assert!(text.parse::<Quantities>().is_err(), "{text}");
        }
        assert!("cpus:1e12;cpus:1".parse::<Quantities>().is_err());
        let of = Quantities::of(&res("cpus:1;mem:512;disk:800;ports:[5000-6000];zones:{a,b}"));
        assert_eq!(of.to_string(), "cpus:1;mem:512;disk:800;ports:1001;zones:2");
        let mut left = quantities("cpus:1;mem:2");
        left.subtract(&quantities("cpus:1.4;mem:1"));
        assert_eq!(left.to_string(), "mem:1");
        left.add(&quantities("mem:1;cpus:1")).unwrap();
        assert_eq!(left.to_string(), "cpus:1;mem:2");
        assert!(left.contains(&quantities("mem:2")) && !left.contains(&quantities("mem:2.001")));
        assert!(!left.contains(&quantities("gpus:1")));
    }

    #[test]
    fn rs32_containment_of_quantities() {
        let contains = |a: &str, b: &str| res(a).contains_quantities(&quantities(b));
        assert!(contains("ports:[1-3]", "ports:2"));
        assert!(!contains("ports:[1-1]", "ports:2"));
        assert!(contains("x:{a,b,c}", "x:2"));
        assert!(contains("cpus:3", "cpus:3") && !contains("cpus:2.999", "cpus:3"));
        assert!(contains("x:[0-18446744073709551615]", "x:1000000000000"));
        assert!(contains("", "") && !contains("", "cpus:0.001"));
    }

    #[test]
    fn rs30_shrink() {
        let shrink = |a: &str, b: &str| res(a).shrink_to(&quantities(b)).to_string();
        assert_eq!(shrink("cpus:1", ""), "");
        assert_eq!(shrink("cpus:2", "cpus:1"), "cpus:1");
        assert_eq!(shrink("cpus:2;mem:20", "cpus:1"), "cpus:1");
        assert_eq!(shrink("ports:[1-3];d:{a,b}", "ports:2;d:2"), "d:{a,b}");
        assert_eq!(res("cpus:2;mem:3").shrink(|_| None).to_string(), "cpus:2;mem:3");
    }

    #[test]
    fn json() {
        let read = |json: &str| serde_json::from_str::<Quantities>(json);
        assert_eq!(
            read(r#"{"mem":32,"cpus":0.01,"x":0}"#).unwrap(),
            quantities("cpus:0.01;mem:32")
        );
        let text = read(r#""cpus:0.01;mem:32""#).unwrap();
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""cpus:0.01;mem:32""#);
        assert!(read(r#"{"cpus":-1}"#).unwrap_err().to_string().contains("negative"));
        assert!(read(r#"{"cpus":1,"cpus":1}"#).unwrap_err().to_string().contains("twice"));
        assert!(read("4.5").unwrap_err().to_string().contains("expected quantities"));
    }
}

mod names {
    use super::*;

    #[test]
    fn rules() {
        for good in ["cpus", "a", "é", "a,b", "GPU-1/x", "*", &"n".repeat(255)] {
            assert_eq!(name(good).as_str(), good);
        }
        for bad in
            ["", " ", "a b", "a:b", "a;b", "a(b", "a]", "{", "a\n", "a\u{a0}b", &"n".repeat(256)]
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
}
