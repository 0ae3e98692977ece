//! The text form and its errors.

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
    let items = [Resource::new(Name::CPUS, Amount::ZERO), Resource::new(name("x"), Set::default())];
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
    for value in
        ["[1-2b]", "[1]", "[1-2-3]", "[-1-2]", "[1-2,,3-4]", "[+1-2]", "[1-18446744073709551616]"]
    {
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
fn brackets_and_stars_before_the_colon() {
    assert_eq!(res("cpus(*):2;mem ( * ) : 3"), res("cpus:2;mem:3"));
    for text in ["cpus(a:1", "cpus)a:1", "cpus((a)):1", "disk<path=a:1"] {
        assert!(refused(text).contains("no partner"), "{text}");
    }
    // The form in which Mesos prints a volume has a colon of its own.
    assert!(refused("disk(role)[id:path]:1").contains("more than one ':'"));
}

#[test]
fn one_name_has_one_kind_even_when_empty() {
    assert!(refused("x:1;x:[1-2]").contains("x is given as scalar and as ranges"));
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
