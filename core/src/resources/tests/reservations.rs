//! Reservation stacks: text, equality, arithmetic, who may have what.

use super::*;

#[test]
fn rs2_static_reservations_in_the_text_form() {
    let parsed = res("cpus(role1):2;mem(role1):3");
    let keys: Vec<_> = parsed.iter().map(|item| item.key.metadata().unwrap().clone()).collect();
    assert_eq!(keys, [reserved("role1"), reserved("role1")]);
    assert_eq!(parsed.to_string(), "cpus(role1):2;mem(role1):3");
    assert_eq!(parsed.scalar(&Name::CPUS), Amount::ZERO);
    assert_eq!(parsed.quantity(&Name::CPUS), Amount::from_units(2));
}

fn reserved(role: &str) -> Metadata {
    Metadata::reserved(Reservation::fixed(role))
}

#[test]
fn stacks_print_and_parse() {
    for text in [
        "cpus(eng):2",
        "disk(+eng):10",
        "mem(eng,+eng/a):64",
        "cpus(+eng@alice,+eng/a@bob{k=v&only&z=}):1",
        "cpus(+eng{}):1",
        "cpus(a%2Cb%29%25):1",
        "cpus(eng)~:2",
        "cpus~:2",
        "a%23b:1",
        "ports(eng):[1-3,7-9]",
        "disks(eng):{x,y}",
    ] {
        assert_eq!(res(text).to_string(), text);
        assert_eq!(res(&res(text).to_string()), res(text), "{text}");
    }
    assert_eq!(res("cpus ( eng , + eng/a ) ~ : 1"), res("cpus(eng,+eng/a)~:1"));
    assert_eq!(res("cpus(eng):1;cpus(+eng):2;cpus(eng):3").to_string(), "cpus(eng):4;cpus(+eng):2");
    let odd = res("cpus(a%2Cb%29%25):1");
    assert_eq!(
        odd.iter().next().unwrap().key.metadata().unwrap().reservation_role(),
        Some("a,b)%")
    );
    let labels = res("cpus(+eng{b=1&a=2}):1");
    assert_eq!(labels, res("cpus(+eng{a=2&b=1}):1"), "labels have no order");
}

#[test]
fn rs6_mesos_prints_it_at_length() {
    let long = |text: &str| format!("{:#}", res(text));
    assert_eq!(long("cpus(a):1"), "cpus(reservations: [(STATIC,a)]):1");
    assert_eq!(
        long("cpus(a,+a/b@princ{k=v})~:1"),
        "cpus(reservations: [(STATIC,a),(DYNAMIC,a/b,princ,{k: v})]){REV}:1"
    );
}

#[test]
fn wrong_stacks_are_refused() {
    for (text, expected) in [
        ("cpus():1", "role name \"\" is empty"),
        ("cpus(a b):1", "holds a blank"),
        ("cpus(a,b):1", "reservation 1 is static"),
        ("cpus(a,+b):1", "reservation 1 is for 'b', which is no role below 'a'"),
        ("cpus(eng/a,+eng/ab):1", "no role below"),
        ("cpus(a,+a):1", "no role below"),
        ("cpus(a,*):1", "cannot be reserved for *"),
        ("cpus(+*):1", "cannot be reserved for *"),
        ("cpus(/x):1", "empty component"),
        ("cpus(+a{k):1", "is not understood"),
        ("cpus(a)b:1", "'b' is not understood"),
        ("cpus(a)&:1", "only a persistent volume can be shared"),
        ("cpus(a)#v:1", "only the resource disk can be a volume"),
        ("disk(a)#v:[1-2]", "a volume or a disk with a source is an amount"),
        ("cpus(a):1*2", "counts pieces"),
    ] {
        assert!(refused(text).contains(expected), "{text}: {}", refused(text));
    }
    let deep: Vec<_> = (0..65).map(|i| format!("+r{}", "/x".repeat(i))).collect();
    let text = format!("cpus({}):1", deep.join(","));
    assert!(refused(&text).contains("65 reservations in one stack"));
    assert!("cpus(a):1".parse::<Quantities>().unwrap_err().to_string().contains("leave"));
}

#[test]
fn rs16_rs17_rs18_roles_do_not_mix() {
    assert!(!res("cpus(role1):1").contains(&res("cpus(role2):1")));
    assert!(!res("cpus(role1):1").contains(&res("cpus:1")));
    assert!(res("cpus(role1):3").contains(&res("cpus(role1):1")));
    let mut sum = res("cpus(r1):1;cpus(r2):3");
    sum.add(&res("cpus(r1):5")).unwrap();
    assert_eq!(sum.to_string(), "cpus(r1):6;cpus(r2):3");
    assert_eq!(sum.quantity(&Name::CPUS), Amount::from_units(9));
    let mut rest = res("cpus(r1):5;cpus(r2):3");
    rest.subtract(&res("cpus(r1):1"));
    assert_eq!(rest.to_string(), "cpus(r1):4;cpus(r2):3");
}

#[test]
fn rs26_by_role() {
    let all = res("cpus:1;mem:2;disk:4;cpus(r1):2;mem(r1):4;disk(r1):8;cpus(r2):4;mem(r2):8");
    let by_role = all.reservations();
    assert_eq!(by_role.keys().copied().collect::<Vec<_>>(), ["r1", "r2"]);
    assert_eq!(by_role["r1"], res("cpus(r1):2;mem(r1):4;disk(r1):8"));
    assert!(all.reserved_to("*").is_empty());
    let mut sum = by_role["r1"].clone();
    sum.add(&by_role["r2"]).unwrap();
    assert_eq!(all.reserved(), sum);
    assert_eq!(all.unreserved(), res("cpus:1;mem:2;disk:4"));
}

#[test]
fn rs28_to_unreserved() {
    assert_eq!(res("cpus(r1):1;cpus(r2):2;mem(r1):5").to_unreserved(), res("cpus:3;mem:5"));
}

#[test]
fn rs29_find() {
    let found = |have: &str, target: &str| res(have).find(&res(target)).map(|r| r.to_string());
    let is = |text: &str| Some(res(text).to_string());
    assert_eq!(
        found("cpus(r1):2;mem(r1):10;cpus:4;mem:20", "cpus(r1):3;mem(r1):15"),
        is("cpus(r1):2;mem(r1):10;cpus:1;mem:5")
    );
    assert_eq!(
        found("cpus(r1):1;mem(r1):5;cpus(r2):2;mem(r2):8;cpus:1;mem:7", "cpus(r1):3;mem(r1):15"),
        is("cpus(r1):1;mem(r1):5;cpus:1;mem:7;cpus(r2):1;mem(r2):3")
    );
    assert_eq!(
        found("cpus(r1):5;mem(r1):5;cpus:5;mem:5", "cpus:6;mem:6"),
        is("cpus:5;mem:5;cpus(r1):1;mem(r1):1")
    );
    assert_eq!(found("cpus(r1):1;mem(r1):1", "cpus(r1):2;mem(r1):2"), None);
    // Revocability must agree, whatever is reserved.
    assert_eq!(found("cpus~:2", "cpus:1"), None);
    assert_eq!(found("cpus~:2;cpus:1", "cpus~:2"), is("cpus~:2"));
    assert_eq!(
        found("ports(r1):[1-3];ports:[4-9]", "ports(r1):[2-6]"),
        is("ports(r1):[2-3];ports:[4-6]")
    );
    assert_eq!(found("ports(r1):[1-3]", "ports:[2-6]"), None);
}

#[test]
fn rs33_ancestor_of_two_stacks() {
    let stack = |text: &str| {
        let key = res(&format!("cpus{text}:1")).into_iter().next().unwrap().key;
        key.metadata().cloned().unwrap_or_default()
    };
    let foo = stack("(foo)");
    let (bar, baz) = (stack("(foo,+foo/bar)"), stack("(foo,+foo/baz)"));
    assert_eq!(reservation_ancestor(&bar, &baz), foo.reservations);
    assert_eq!(reservation_ancestor(&bar, &bar), bar.reservations);
    assert!(reservation_ancestor(&bar, &stack("")).is_empty());
    assert!(reservation_ancestor(&foo, &stack("(+foo)")).is_empty());
}

#[test]
fn rs36_rs37_variants_are_different_resources() {
    let variants = [
        "cpus:1",
        "cpus(role1):1",
        "cpus(role2):1",
        "cpus(+role1):1",
        "cpus(+role1@p1):1",
        "cpus(+role1@p2):1",
        "cpus(+role2@p1):1",
        "cpus(+role1@p1{foo=bar}):1",
        "cpus(+role1@p1{foo=baz}):1",
        "cpus(+role1@p1{}):1",
    ];
    for (i, a) in variants.iter().enumerate() {
        for (j, b) in variants.iter().enumerate() {
            assert_eq!(res(a) == res(b), i == j, "{a} {b}");
            assert_eq!(res(a).contains(&res(b)), i == j, "{a} {b}");
            let (mut sum, mut rest) = (res(a), res(a));
            sum.add(&res(b)).unwrap();
            assert_eq!(sum.len(), if i == j { 1 } else { 2 });
            rest.subtract(&res(b));
            assert_eq!(rest.is_empty(), i == j);
        }
    }
    let mut sum = res("cpus(+r@p):8");
    sum.add(&res("cpus(+r@p):4")).unwrap();
    assert_eq!(sum, res("cpus(+r@p):12"));
}

#[test]
fn rs44_revocable_and_regular() {
    let all = res("cpus:1;cpus~:2;mem~:3");
    assert_eq!(all.revocable(), res("cpus~:2;mem~:3"));
    assert_eq!(all.non_revocable(), res("cpus:1"));
    let mut sum = res("cpus~:1");
    sum.add(&res("cpus~:1")).unwrap();
    assert_eq!(sum, res("cpus~:2"));
    sum.subtract(&res("cpus:1"));
    assert_eq!(sum, res("cpus~:2"));
    assert!(res("cpus~:1;mem:1").check_revocable_apart().is_ok());
    let mixed = res("cpus~:1;cpus:1").check_revocable_apart().unwrap_err();
    assert!(mixed.to_string().starts_with("cpus is given both as revocable and as regular"));
}

#[test]
fn reservations_for_a_role_or_above_may_be_offered() {
    let all = res("cpus:1;cpus(eng):2;cpus(eng,+eng/web):4;cpus(ops):8");
    assert_eq!(all.allocatable_to("eng/web"), res("cpus:1;cpus(eng):2;cpus(eng,+eng/web):4"));
    assert_eq!(all.allocatable_to("eng"), res("cpus:1;cpus(eng):2"));
    assert_eq!(all.allocatable_to("engine"), res("cpus:1"));
    let refined = Without { refined: true, ..Without::default() };
    assert_eq!(all.without(refined), res("cpus:1;cpus(eng):2;cpus(ops):8"));
}

#[test]
fn pushed_and_popped() {
    let entry = Reservation::dynamic("eng/web");
    let pushed = res("cpus(eng):2").push_reservation(&entry);
    assert_eq!(pushed, res("cpus(eng,+eng/web):2"));
    assert_eq!(pushed.check_metadata(), Ok(()));
    assert_eq!(pushed.pop_reservation(), res("cpus(eng):2"));
    assert_eq!(pushed.pop_reservation().pop_reservation(), res("cpus:2"));
    assert!(res("cpus(ops):2").push_reservation(&entry).check_metadata().is_err());
}
