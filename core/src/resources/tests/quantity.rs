//! Quantities and shrinking.

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
    assert_eq!(read(r#"{"mem":32,"cpus":0.01,"x":0}"#).unwrap(), quantities("cpus:0.01;mem:32"));
    let text = read(r#""cpus:0.01;mem:32""#).unwrap();
    assert_eq!(serde_json::to_string(&text).unwrap(), r#""cpus:0.01;mem:32""#);
    assert!(read(r#"{"cpus":-1}"#).unwrap_err().to_string().contains("negative"));
    assert!(read(r#"{"cpus":1,"cpus":1}"#).unwrap_err().to_string().contains("twice"));
    assert!(read("4.5").unwrap_err().to_string().contains("expected quantities"));
}

#[test]
fn limits_are_infinite_where_absent() {
    let limits = |text: &str| text.parse::<ResourceLimits>().unwrap();
    let cap = limits("cpus:4;gpus:0");
    assert_eq!(cap.to_string(), "cpus:4;gpus:0");
    assert!(cap.contains(&"cpus:4;mem:9".parse().unwrap()));
    assert!(!cap.contains(&"gpus:1".parse().unwrap()));
    let mut left = cap.clone();
    left.subtract(&"cpus:5;mem:1".parse().unwrap());
    assert_eq!(left, limits("cpus:0;gpus:0"));
    assert!(limits("").contains_limits(&cap) && !cap.contains_limits(&limits("")));
    assert!(cap.contains_limits(&limits("cpus:3;gpus:0;mem:1")));
    assert!(!cap.contains_limits(&limits("cpus:5;gpus:0")));
    let capped = res("cpus:9;mem:9;gpus:1").shrink(|name| cap.get(name));
    assert_eq!(capped, res("cpus:4;mem:9"));
    assert!("cpus(a):1".parse::<ResourceLimits>().is_err());
}

#[test]
fn limits_keep_their_zeros_in_every_form() {
    let cap: ResourceLimits = "cpus:4;gpus:0".parse().unwrap();
    assert_eq!(serde_json::to_string(&cap).unwrap(), r#""cpus:4;gpus:0""#);
    let read = |json: &str| serde_json::from_str::<ResourceLimits>(json);
    assert_eq!(read(r#"{"gpus":0,"cpus":4}"#).unwrap(), cap);
    assert!(read(r#"{"cpus":1,"cpus":1}"#).unwrap_err().to_string().contains("twice"));
    assert!(read("4").unwrap_err().to_string().contains("expected limits"));
    let bytes = minicbor::to_vec(&cap).unwrap();
    assert_eq!(minicbor::decode::<ResourceLimits>(&bytes).unwrap(), cap);
    let twice = minicbor::to_vec([("cpus", 1), ("cpus", 1)]).unwrap();
    assert!(minicbor::decode::<ResourceLimits>(&twice).is_err());
}
