//! Units of devices, and requests for them.

use super::*;

fn units(text: &str) -> Devices {
    match res(&format!("gpus:{text}")).get(&Name::GPUS) {
        Some(Value::Devices(units)) => units.clone(),
        other => panic!("{text} is {other:?}"),
    }
}

fn request(text: &str) -> DeviceRequest {
    match res(&format!("gpus:{text}")).get(&Name::GPUS) {
        Some(Value::Request(request)) => request.clone(),
        other => panic!("{text} is {other:?}"),
    }
}

#[track_caller]
fn resolves(units_text: &str, request_text: &str, expected: &str) {
    let found = units(units_text).resolve(&request(request_text));
    let found = found.map_or("none".to_owned(), |units| units.to_string());
    assert_eq!(found, expected, "{request_text} of {units_text}");
}

#[track_caller]
fn prints(text: &str, canonical: &str) {
    let parsed = res(text);
    assert_eq!(parsed.to_string(), canonical);
    assert_eq!(res(canonical), parsed);
    if !text.contains('(') {
        assert_eq!(res(&format!("{parsed:#}")), parsed);
    }
    assert_eq!(serde_json::from_value::<Resources>(parsed.to_mesos_json()).unwrap(), parsed);
    let bytes = minicbor::to_vec(&parsed).unwrap();
    assert_eq!(minicbor::decode::<Resources>(&bytes).unwrap(), parsed);
}

#[test]
fn text_is_canonical() {
    prints("gpus:4", "gpus:4");
    prints("gpus:<0>", "gpus:<0>");
    prints("gpus:<3, 2=a100 , 1=a100,0 = a100>", "gpus:<0-2=a100,3>");
    prints("gpus:<0-3=a100@g0,4-7=a100@g1>;cpus:1", "cpus:1;gpus:<0-3=a100@g0,4-7=a100@g1>");
    prints("gpus:<1@g0/0.5,0@g0/0.5,2@g0>", "gpus:<0-1@g0/0.5,2@g0>");
    prints("gpus:<0/1>", "gpus:<0>");
    prints("gpus:<0/0.5>;gpus:<0/0.25,1>", "gpus:<0/0.75,1>");
    prints("gpus(eng):<0-1>;gpus:<2>", "gpus:<2>;gpus(eng):<0-1>");
    prints("fpgas:<7=vu9p>", "fpgas:<7=vu9p>");
    prints("gpus:<4294967295>", "gpus:<4294967295>");
    assert_eq!(res("gpus:<>"), Resources::new());
    assert_eq!(format!("{:#}", res("gpus:<0,2=a>")), "gpus:<0, 2=a>");
}

#[test]
fn requests_are_canonical() {
    prints("gpus:<2 of any>", "gpus:<2 of any>");
    prints("gpus: < 0.50  of any > ", "gpus:<0.5 of any>");
    prints("gpus:<2 of h100|a100|a100 in  one group>", "gpus:<2 of a100|h100 in one group>");
    prints("gpus:<1 of a100 in one group>", "gpus:<1 of a100>");
    prints("gpus(eng):<2 of a100>", "gpus(eng):<2 of a100>");
}

#[test]
fn malformed_units_are_refused() {
    let wrong = |value: &str, expected: &str| {
        let message = refused(&format!("gpus:{value}"));
        assert!(message.contains(expected), "{value}: {message}");
    };
    wrong("<0,0>", "unit 0 is given twice; give each unit once");
    wrong("<0-3,2>", "unit 2 is given twice");
    wrong("<0-64>", "65 units; an agent has at most 64");
    wrong("<0-4294967295>", "4294967296 units");
    wrong("<0/1.5>", "1.5 of unit 0; there is more than 0 and at most 1 of a unit");
    wrong("<0/0>", "0 of unit 0");
    wrong("<0=>", "the model '' is not one");
    wrong("<0=any>", "the model 'any' is not one");
    wrong("<0@g 0>", "the group 'g 0' is not one");
    wrong("<a100>", "'a100' is not a unit; write id=model@group/amount");
    wrong("<3-1>", "'3-1' is not a unit");
    wrong("<0,>", "'' is not a unit");
    wrong("<0", "the bracket '<' has no partner");
    wrong("<0>*2", "the bracket '<' has no partner");
    wrong("<0/0.5>;gpus:<0/0.6>", "gpus: unit 0 comes to 1.1; there is at most 1 of a unit");
    wrong("<0/0.5>;gpus(eng):<0/0.6>", "gpus(eng): unit 0 comes to 1.1");
    wrong("<0=a/0.5>;gpus:<0=b/0.5>", "unit 0 is '0=a' and '0=b'; describe it the same way");
    wrong("4;gpus:<0>", "gpus is given as scalar and as devices; one name has one kind of value");
    wrong("4;gpus(eng):<0>", "gpus(eng) is given as scalar and as devices");
    let message = refused("disk<source=mount>:<0>");
    assert!(message.contains("disk is given as devices"), "{message}");
}

#[test]
fn malformed_requests_are_refused() {
    let wrong = |value: &str, expected: &str| {
        let message = refused(&format!("gpus:{value}"));
        assert!(message.contains(expected), "{value}: {message}");
    };
    wrong("<0 of any>", "0 units cannot be asked for: ask for 1 to 64 whole ones, or for a part");
    wrong("<1.5 of any>", "1.5 units cannot be asked for");
    wrong("<65 of any>", "65 units cannot be asked for");
    wrong("<2 of>", "'2 of' is not a request; write <2 of any>");
    wrong("<2 of a100 together>", "is not a request");
    wrong("<2 of a100|>", "the model '' is not one");
    wrong("<two of any>", "'two' is not a number");
    wrong("<1 of any>;gpus:<0.5 of any>", "gpus is asked for twice; ask once, for all of it");
    wrong("1;gpus:<0.5 of any>", "gpus is given as scalar and as a request for devices");
    wrong("<1 of any>;gpus:<0>", "gpus is given as a request for devices and as devices");
}

#[test]
fn json_forms() {
    let reads = |json: &str, text: &str| {
        assert_eq!(serde_json::from_str::<Resources>(json).unwrap().to_string(), text, "{json}");
    };
    reads(
        r#"{"gpus":[{"id":0,"model":"a100","group":"g0"},{"id":1,"amount":0.5}]}"#,
        "gpus:<0=a100@g0,1/0.5>",
    );
    reads(r#"{"gpus":"<0-1=a100>"}"#, "gpus:<0-1=a100>");
    reads(r#"{"gpus":{"count":2}}"#, "gpus:<2 of any>");
    reads(
        r#"{"gpus":{"count":2,"models":["b","a"],"one_group":true}}"#,
        "gpus:<2 of a|b in one group>",
    );
    reads(r#"{"gpus":{"fraction":0.5,"models":["a"]}}"#, "gpus:<0.5 of a>");
    reads(r#"[{"name":"gpus","type":"DEVICES","devices":{"unit":[{"id":3}]}}]"#, "gpus:<3>");
    let wrong = |json: &str, expected: &str| {
        let message = refused_json(json);
        assert!(message.contains(expected), "{json}: {message}");
    };
    wrong(r#"{"gpus":{"count":1,"fraction":0.5}}"#, "count and fraction are both given");
    wrong(r#"{"gpus":{"models":["a"]}}"#, "neither count nor fraction is given");
    wrong(r#"{"gpus":{"count":0}}"#, "0 units cannot be asked for");
    wrong(r#"{"gpus":{"fraction":1.5}}"#, "fraction is 1.5: a part of a unit is less than 1");
    wrong(r#"{"gpus":{"fraction":0}}"#, "0 units cannot be asked for");
    wrong(r#"{"gpus":{"count":1,"number":1}}"#, "unknown field `number`");
    wrong(r#"{"gpus":[{"id":0},{"id":0}]}"#, "unit 0 is given twice");
    wrong(r#"{"gpus":[{"id":0},{"model":"a"}]}"#, "unit 1 of the list: missing field `id`");
    wrong(r#"{"gpus":[{"id":-1}]}"#, "unit 0 of the list: invalid number");
    wrong(r#"[{"name":"gpus","type":"DEVICES"}]"#, "give the field \"devices\"");
    wrong(
        r#"[{"name":"gpus","type":"SCALAR","scalar":{"value":1},"devices":{"unit":[]}}]"#,
        "type is SCALAR",
    );
}

#[test]
fn damaged_cbor_is_refused() {
    let read = |bytes: &[u8]| minicbor::decode::<Resources>(bytes).unwrap_err().to_string();
    let good = minicbor::to_vec(res("gpus:<0/0.5>")).unwrap();
    for cut in 1..good.len() {
        read(&good[..cut]);
    }
    // {"gpus": [4, [[0, 1001, null, null]]]}, and so on.
    let with = |value: &[u8]| [&[0xa1, 0x64, b'g', b'p', b'u', b's', 0x82], value].concat();
    let more = with(&[4, 0x81, 0x84, 0, 0x19, 0x03, 0xe9, 0xf6, 0xf6]);
    assert!(read(&more).contains("1.001 of unit 0"), "{}", read(&more));
    let none = with(&[5, 0x83, 0, 0x80, 0xf4]);
    assert!(read(&none).contains("0 units cannot be asked for"), "{}", read(&none));
}

#[test]
fn half_free_units_are_not_whole() {
    let eight = "<0-7=a100/0.5>";
    assert_eq!(units(eight).quantity(), Amount::from_units(4));
    resolves(eight, "<4 of any>", "none");
    resolves(eight, "<1 of any>", "none");
    resolves(eight, "<0.5 of any>", "<0=a100/0.5>");
    resolves(eight, "<0.501 of any>", "none");
}

#[test]
fn a_part_comes_from_the_fullest_unit_with_room() {
    resolves("<0,1/0.6,2/0.4,3/0.3>", "<0.4 of any>", "<2/0.4>");
    resolves("<0,1/0.6,2/0.4,3/0.3>", "<0.5 of any>", "<1/0.5>");
    resolves("<0,1/0.6>", "<0.7 of any>", "<0/0.7>");
    resolves("<0=a,1=b/0.6>", "<0.5 of a>", "<0=a/0.5>");
    resolves("<0=a,1=b/0.6>", "<0.5 of c>", "none");
    // Of whole ones, one that breaks up as little as possible.
    resolves("<0-3@x,4-5@y>", "<0.5 of any>", "<4@y/0.5>");
    resolves("<0-3@x,4-5@y,9>", "<0.5 of any>", "<9/0.5>");
}

#[test]
fn whole_units_stay_in_the_smallest_group_that_has_enough() {
    let two = "<0-3=a@x,4-5=a@y>";
    resolves(two, "<1 of any>", "<4=a@y>");
    resolves(two, "<2 of any>", "<4-5=a@y>");
    resolves(two, "<3 of any>", "<0-2=a@x>");
    resolves(two, "<5 of any>", "<0-3=a@x,4=a@y>");
    resolves(two, "<5 of any in one group>", "none");
    resolves(two, "<4 of any in one group>", "<0-3=a@x>");
    resolves(two, "<7 of any>", "none");
    // Units without a group are no group.
    resolves("<0-3>", "<2 of any in one group>", "none");
    resolves("<0-1,2-3@x>", "<1 of any>", "<0>");
    resolves("<0-1,2-3@x>", "<2 of any>", "<2-3@x>");
    // Used units are not counted.
    resolves("<0@x,1@x/0.5,2-3@y>", "<1 of any>", "<0@x>");
    // A group that lends fewer than it has of a model is spared.
    resolves("<0=a@x,1-7=b@x,8-9=a@y>", "<1 of a>", "<8=a@y>");
    resolves("<0=a@x,1-7=b@x,8-9=a@y>", "<3 of a>", "<0=a@x,8-9=a@y>");
    resolves("<0=a,1=b,2=c>", "<2 of a|c>", "<0=a,2=c>");
    // From as few groups as possible.
    resolves("<0-1@x,2-4@y,5-8@z>", "<6 of any>", "<0-1@x,5-8@z>");
}

#[test]
fn units_can_be_named() {
    let have = units("<0=a100@g0,1=a100@g0/0.5>");
    let find = |text: &str| have.find(&units(text)).map(|found| found.to_string());
    assert_eq!(find("<0>").as_deref(), Some("<0=a100@g0>"));
    assert_eq!(find("<0=a100/0.5,1@g0/0.5>").as_deref(), Some("<0-1=a100@g0/0.5>"));
    assert_eq!(find("<0=h100>"), None);
    assert_eq!(find("<1>"), None);
    assert_eq!(find("<2>"), None);
    assert!(!have.contains(&units("<0>")), "described otherwise, it is another unit");
}

#[test]
fn limits_take_whole_units_and_split_none() {
    let within = |text: &str, limit: &str| {
        let limits: ResourceLimits = format!("gpus:{limit}").parse().unwrap();
        res(&format!("gpus:{text}")).shrink(|name| limits.get(name)).to_string()
    };
    assert_eq!(within("<0-3>", "4"), "gpus:<0-3>");
    assert_eq!(within("<0-3>", "2.5"), "gpus:<0-1>");
    assert_eq!(within("<0-3>", "0.5"), "");
    assert_eq!(within("<0-3@x,4-5@y>", "2"), "gpus:<4-5@y>");
    assert_eq!(within("<0/0.6,1/0.3,2>", "1.5"), "gpus:<0/0.2,1/0.3,2>");
    assert_eq!(within("<0/0.6,1/0.3,2>", "0.4"), "gpus:<0/0.1,1/0.3>");
    assert_eq!(within("<0/0.6,1>", "0.6"), "gpus:<0/0.6>");
}

#[test]
fn gpus_are_whole_as_numbers_only() {
    assert!(res("gpus:0.5").check_use().is_err());
    assert_eq!(res("gpus:<0/0.5>").check_use(), Ok(()));
    assert_eq!(res("gpus:<0.5 of any>").check_use(), Ok(()));
}

#[test]
fn reservations_are_of_units() {
    let all = res("gpus:<0-3=a>");
    let reserved = res("gpus(+eng):<0=a>");
    let conversion = Conversion::reserve(&reserved, None);
    let after = conversion.apply(&all).unwrap();
    assert_eq!(after.to_string(), "gpus:<1-3=a>;gpus(+eng):<0=a>");
    let back = Conversion::unreserve(&reserved).unwrap();
    assert_eq!(back.apply(&after).unwrap(), all);
    assert!(Conversion::reserve(&res("gpus(+eng):<4=a>"), None).apply(&all).is_err());
}
