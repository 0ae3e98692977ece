//! Predicates on agents, and which patterns are taken.

use super::*;

fn attribute(name: &str, predicate: Predicate) -> Constraint {
    Constraint { selector: Selector::Attribute(name.into()), predicate }
}

fn one(constraint: Constraint) -> Constraints {
    Constraints::new(vec![vec![constraint]]).unwrap()
}

fn holds(constraints: &Constraints, attributes: &str) -> bool {
    let attributes = attributes.parse().unwrap();
    constraints.hold(Looks { attributes: &attributes, hostname: Some("h1.example"), domain: None })
}

/// Each predicate for what is absent, the text, another text, a number, and ranges.
#[test]
fn table_of_predicates() {
    let pattern = || Box::from("[a-d]+");
    let rows = [
        (Predicate::Exists, [false, true, true, true, true]),
        (Predicate::NotExists, [true, false, false, false, false]),
        (Predicate::TextEquals("abcd".into()), [false, true, false, true, true]),
        (Predicate::TextNotEquals("abcd".into()), [true, false, true, true, true]),
        (Predicate::TextMatches(pattern()), [false, true, false, true, true]),
        (Predicate::TextNotMatches(pattern()), [true, false, true, true, true]),
    ];
    for (predicate, expected) in rows {
        let constraints = one(attribute("bar", predicate.clone()));
        let looks = ["foo:abcd", "bar:abcd", "bar:abcde", "bar:-1.5e3", "bar:[1-17]"];
        for (attributes, expected) in looks.into_iter().zip(expected) {
            assert_eq!(holds(&constraints, attributes), expected, "{predicate:?} {attributes}");
        }
    }
}

#[test]
fn each_pattern_meets_its_own_constraint() {
    let matches = |pattern: &str| Predicate::TextMatches(pattern.into());
    let constraints = Constraints::new(vec![
        vec![attribute("a", Predicate::Exists), attribute("a", matches("x+"))],
        vec![attribute("b", matches("y|yz")), attribute("c", matches("z"))],
    ])
    .unwrap();
    assert!(holds(&constraints, "a:xx"));
    assert!(holds(&constraints, "b:yz;c:z"));
    assert!(!holds(&constraints, "a:y;b:yz;c:y"));
    assert!(!holds(&constraints, "b:x;c:z"));
    assert_eq!(constraints, minicbor::decode(&minicbor::to_vec(&constraints).unwrap()).unwrap());
}

#[test]
fn hostname_and_domain() {
    let domain = Domain { region: "eu".into(), zone: "a".into() };
    let attributes = Attributes::default();
    let at = |domain| Looks { attributes: &attributes, hostname: Some("17"), domain };
    let equals = |selector, text: &str| {
        one(Constraint { selector, predicate: Predicate::TextEquals(text.into()) })
    };
    assert!(equals(Selector::Hostname, "17").hold(at(None)));
    // A host name is text, even if it looks like a number.
    assert!(!equals(Selector::Hostname, "18").hold(at(None)));
    assert!(equals(Selector::Region, "eu").hold(at(Some(&domain))));
    assert!(!equals(Selector::Zone, "b").hold(at(Some(&domain))));
    let absent = Constraint { selector: Selector::Zone, predicate: Predicate::NotExists };
    assert!(one(absent).hold(at(None)));
}

#[test]
fn patterns_are_bounded_by_what_they_cost() {
    let check = |pattern: &str| compile(pattern).map(|_| ());
    assert_eq!(check("(a+){10}"), Ok(()));
    assert!(matches!(check("(a+){50}"), Err(ConstraintReason::TooComplex { steps: 102, .. })));
    assert!(matches!(check("(a+){500}"), Err(ConstraintReason::TooLarge(_))));
    assert!(matches!(check("((((a{99}){99}){99}){99}){99}"), Err(ConstraintReason::TooLarge(_))));
    assert_eq!(check("(?:){1000000}"), Ok(()));
    assert!(matches!(check("(?:a|){1000000}"), Err(ConstraintReason::TooLarge(_))));
    assert!(matches!(check(&"a".repeat(5000)), Err(ConstraintReason::TooLarge(_))));
    // What costs most in memory of what is allowed.
    assert_eq!(check(r"\pL{24}"), Ok(()));
    for malformed in ["[a-d", "(a", r"(a)\1", "(?=a)", &"(".repeat(40)] {
        let error = check(malformed).unwrap_err();
        assert!(matches!(error, ConstraintReason::Malformed { .. }), "{malformed}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn patterns_match_the_whole_text() {
    let check = |pattern: &str, text: &str| compile(pattern).unwrap().is_match(text);
    assert!(check("a|ab", "ab"));
    assert!(!check("a", "ab") && !check("b", "ab") && !check("a", "a\n"));
    assert!(check("(?x) a # not b", "a"));
    assert!(check("rack-[0-9]{2}", "rack-07") && !check("rack-[0-9]{2}", "rack-7"));
    assert!(check("(?i)linux", "Linux") && check("gr.n", "grün"));
}

#[test]
fn empty_and_oversized_lists_are_refused() {
    let error = |groups| Constraints::new(groups).unwrap_err();
    assert_eq!(error(vec![]).reason, ConstraintReason::Empty);
    let exists = || attribute("a", Predicate::Exists);
    let second = error(vec![vec![exists()], vec![]]);
    assert_eq!((second.group, second.reason), (Some(1), ConstraintReason::Empty));
    let many = error(vec![vec![exists(); CONSTRAINTS_PER_ROLE_MAX + 1]]);
    assert_eq!(many.reason, ConstraintReason::TooMany(CONSTRAINTS_PER_ROLE_MAX + 1));
    let nameless = error(vec![vec![exists(), attribute("", Predicate::Exists)]]);
    assert_eq!((nameless.group, nameless.constraint), (Some(0), Some(1)));
}
