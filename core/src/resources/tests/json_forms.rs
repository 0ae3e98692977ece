//! The three JSON forms and their errors.

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
    assert_eq!(serde_json::from_value::<Resources>(expected.to_mesos_json()).unwrap(), expected);
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
    let large: serde_json::Value = serde_json::from_str("184467440737095516160").unwrap();
    let error = serde_json::from_value::<Amount>(large).unwrap_err().to_string();
    assert!(error.contains("too large"), "{error}");
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
        r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}
            {"name":"mem","type":"SCALAR","scalar":{"value":1}}]"#,
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
            r#""name":"x","type":"RANGES",
               "ranges":{"range":[{"begin":1,"end":3},{"begin":2,"end":4}]}"#,
            "two ranges share 2",
        ),
        (r#""name":"x","type":"SET","set":{"item":["a","a"]}"#, "more than once"),
        (r#""name":"x","type":"SCALAR","scalar":{"value":1},"colour":1"#, "unknown field `colour`"),
    ] {
        assert!(item(body).contains(expected), "{body}: {}", item(body));
    }
    let two = r#"[{"name":"x","type":"SCALAR","scalar":{"value":1}},
                  {"name":"x","type":"SET","set":{"item":["a"]}}]"#;
    assert!(refused_json(two).contains("resource 1, x: x is given as scalar and as set"));
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
