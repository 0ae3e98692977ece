//! Metadata in the JSON forms of Mesos.

use super::*;
use serde_json::json;

fn read(fields: &str) -> Result<Resources, String> {
    let json = format!(r#"[{{"name":"disk","type":"SCALAR","scalar":{{"value":1}}{fields}}}]"#);
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

#[track_caller]
fn reads(fields: &str, text: &str) {
    assert_eq!(read(fields).unwrap().to_string(), text);
}

#[track_caller]
fn wrong(fields: &str, expected: &str) {
    let error = read(fields).unwrap_err();
    assert!(error.contains(expected), "{fields}: {error}");
}

#[test]
fn rs52_before_refinement() {
    reads("", "disk:1");
    reads(r#","role":"*""#, "disk:1");
    reads(r#","role":"foo""#, "disk(foo):1");
    reads(r#","role":"foo","reservation":{}"#, "disk(+foo):1");
    reads(r#","role":"foo","reservation":{"principal":"p"}"#, "disk(+foo@p):1");
    wrong(r#","reservation":{"principal":"p"}"#, "the role * cannot be reserved");
    wrong(r#","role":"*","reservation":{}"#, "the role * cannot be reserved");
    wrong(r#","role":"foo","reservation":{"type":"DYNAMIC"}"#, "leave type and role out");
    wrong(r#","role":"foo","reservation":{"role":"foo"}"#, "leave type and role out");
    wrong(r#","role":"foo bar""#, "holds a blank");
}

#[test]
fn rs52_since_refinement() {
    let stack = |entries: &str| format!(r#","reservations":[{entries}]"#);
    let s = |role| format!(r#"{{"type":"STATIC","role":"{role}"}}"#);
    let d = |role| format!(r#"{{"type":"DYNAMIC","role":"{role}"}}"#);
    reads(&stack(""), "disk:1");
    reads(&stack(&s("foo")), "disk(foo):1");
    reads(&stack(&format!("{},{}", s("foo"), d("foo/bar"))), "disk(foo,+foo/bar):1");
    reads(&stack(&format!("{},{}", d("foo"), d("foo/bar/baz"))), "disk(+foo,+foo/bar/baz):1");
    wrong(&stack(&format!("{},{}", s("foo"), s("foo/bar"))), "reservation 1 is static");
    wrong(&stack(&format!("{},{}", s("foo"), d("bar"))), "no role below 'foo'");
    wrong(&stack(&d("*")), "cannot be reserved for *");
    wrong(&stack(r#"{"role":"foo"}"#), "reservations[0]: give the field \"type\"");
    wrong(&stack(r#"{"type":"STATIC"}"#), "reservations[0]: give the field \"role\"");
    wrong(&stack(r#"{"type":"OTHER","role":"a"}"#), "unknown variant `OTHER`");
    reads(
        &stack(r#"{"type":"DYNAMIC","role":"a","labels":{"labels":[{"key":"k","value":"v"}]}}"#),
        "disk(+a{k=v}):1",
    );
}

#[test]
fn rs52_both_at_once() {
    let one = r#","reservations":[{"type":"DYNAMIC","role":"foo","principal":"p"}]"#;
    let with = |fields: &str| format!("{fields}{one}");
    reads(&with(r#","role":"foo","reservation":{"principal":"p"}"#), "disk(+foo@p):1");
    wrong(&with(r#","role":"bar","reservation":{"principal":"p"}"#), "role is \"bar\"");
    wrong(&with(r#","role":"foo","reservation":{"principal":"q"}"#), "differ in the principal");
    wrong(
        &with(r#","role":"foo","reservation":{"principal":"p","labels":{}}"#),
        "differ in the labels",
    );
    wrong(&with(r#","role":"foo""#), "role is given without reservation");
    wrong(&with(r#","reservation":{"principal":"p"}"#), "reservation is given without role");
    let fixed = r#","reservations":[{"type":"STATIC","role":"foo"}]"#;
    reads(&format!(r#","role":"foo"{fixed}"#), "disk(foo):1");
    wrong(&format!(r#","role":"foo","reservation":{{}}{fixed}"#), "is static");
    let two = r#","reservations":[{"type":"STATIC","role":"foo"},
        {"type":"DYNAMIC","role":"foo/bar"}]"#;
    wrong(&format!(r#","role":"foo/bar"{two}"#), "more than one of reservations");
}

#[test]
fn rs5_disks_and_markers() {
    reads(r#","revocable":{}"#, "disk~:1");
    reads(r#","provider_id":{"value":"x"}"#, "disk<provider=x>:1");
    reads(
        r#","disk":{"source":{"type":"PATH","path":{"root":"/m"}}}"#,
        "disk<source=path,root=/m>:1",
    );
    reads(r#","disk":{"source":{"type":"MOUNT"}}"#, "disk<source=mount>:1");
    let volume = r#""volume":{"container_path":"p","mode":"RO"}"#;
    reads(
        &format!(r#","role":"r","shared":{{}},"disk":{{"persistence":{{"id":"v"}},{volume}}}"#),
        "disk(r)#v<path=p,mode=ro>&:1",
    );
    wrong(r#","shared":{}"#, "only a persistent volume can be shared");
    wrong(r#","shared":true"#, "invalid type");
    wrong(r#","revocable":{"x":1}"#, "unknown field `x`");
    wrong(r#","disk":{"source":{"type":"UNKNOWN"}}"#, "unknown variant `UNKNOWN`");
    wrong(r#","disk":{"source":{"type":"BLOCK","mount":{}}}"#, "give only the field of its type");
    wrong(r#","disk":{"source":{"type":"RAW","path":{}}}"#, "give only the field of its type");
    wrong(r#","disk":{"source":{"type":"PATH","mount":{}}}"#, "give only the field of its type");
    wrong(r#","allocation_info":{"role":"r"}"#, "the offer has the role");
    let cpus = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"disk":{}}]"#;
    assert!(refused_json(cpus).contains("resource 0, cpus: only the resource disk"));
}

#[test]
fn every_format_is_written_and_read() {
    let all = res("cpus:1;cpus(a):2;cpus(+a@p{k=v}):3;cpus(a,+a/b):4;disk(+a)#v&:5*2");
    for format in [Format::PreRefinement, Format::PostRefinement, Format::Endpoint] {
        let json = all.to_mesos_json_as(format);
        assert_eq!(serde_json::from_value::<Resources>(json).unwrap(), all, "{format}");
    }
    let fixed = res("cpus(a):2").to_mesos_json_as(Format::Endpoint);
    let expected = json!([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}, "role": "a",
        "reservations": [{"type": "STATIC", "role": "a"}]}]);
    assert_eq!(fixed, expected);
}

#[test]
fn rs53_downgrade() {
    let pre = |text: &str| res(text).downgraded();
    assert_eq!(pre(""), (json!([]), Ok(())));
    let cpus = |fields: serde_json::Value| {
        let mut object = json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}});
        object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!([object])
    };
    assert_eq!(pre("cpus:1"), (cpus(json!({"role": "*"})), Ok(())));
    assert_eq!(pre("cpus(a):1"), (cpus(json!({"role": "a"})), Ok(())));
    let dynamic = cpus(json!({"role": "a", "reservation": {"principal": "p"}}));
    assert_eq!(pre("cpus(+a@p):1"), (dynamic, Ok(())));
    let (json, outcome) = pre("cpus(a):1;cpus(a,+a/b):2");
    let error = outcome.unwrap_err();
    assert_eq!((error.count, error.first.as_str()), (1, "cpus(a,+a/b)"));
    assert_eq!(json[0]["role"], "a", "what can be converted is");
    assert_eq!(json[1]["reservations"][1]["role"], "a/b", "the rest stays");
}

#[test]
fn cbor_of_plain_resources_is_as_before() {
    let plain = minicbor::to_vec(res("cpus:1")).unwrap();
    assert_eq!(plain[0] >> 5, 5, "a map");
    let damaged = |bytes: &[u8]| minicbor::decode::<Resources>(bytes).unwrap_err().to_string();
    let with = minicbor::to_vec(res("cpus:1;disk(+a)#v:5")).unwrap();
    assert_eq!(with[0], 0x82, "an array of two");
    assert!(damaged(&[0x80]).contains("begins with it"));
    assert!(damaged(&with[..with.len() - 1]).contains("end of input"));
    let mut twice = vec![0x83, 0xa0];
    let item = minicbor::to_vec(res("disk(+a)#v:5")).unwrap()[2..].to_vec();
    twice.extend(item.iter().chain(&item));
    assert!(damaged(&twice).contains("stands twice"));
}
