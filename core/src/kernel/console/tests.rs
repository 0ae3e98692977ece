//! The console by itself; what commands do is in `tests/conformance/`.

use super::*;

fn script() -> Kernel {
    Kernel::open_json(r#"{"script":"test"}"#).unwrap()
}

fn run(kernel: &Kernel, line: &str) -> Vec<String> {
    let out = kernel.command(None, line).unwrap_or_else(|error| panic!("{line}\n{error:?}"));
    out.lines().map(str::to_owned).collect()
}

fn fails(kernel: &Kernel, line: &str) -> String {
    format!("{:?}", kernel.command(None, line).unwrap_err())
}

/// A kernel with an operator `op`, an agent `a` of driver `d` and a framework `f`, which holds the
/// offer `o` of the agent.
fn offered() -> Kernel {
    let kernel = script();
    for line in [
        r#"{"do":"open_session","kind":"operator","as":"op"}"#,
        r#"{"do":"open_session","kind":"agent","as":"d"}"#,
        r#"{"do":"open_session","kind":"framework","as":"f"}"#,
        r#"{"do":"subscribe","as":"f","roles":["batch"]}"#,
        r#"{"do":"register_agent","as":"d","resources":"cpus:2","bind":{"a":"agent"},
            "expect":[{"event":"offer","to":"f","agent":"a0.1","bind":{"o":"offer"}}]}"#,
    ] {
        run(&kernel, line);
    }
    kernel
}

#[test]
fn headers_say_what_is_wrong() {
    for (text, wanted) in [
        ("{", "Malformed(EOF while parsing an object at column 1)"),
        (r#"{"optoins":"mesos"}"#, "Malformed(optoins: unknown key: expected options,"),
        (r#"{"options":"messo"}"#, "Malformed(options: no option set \"messo\""),
        (r#"{"clock":"sundial"}"#, "Malformed(clock: no clock \"sundial\""),
        (r#"{"clock":5}"#, "Malformed(clock: expected a text, found 5)"),
        (r#"{"clock":"system","script":"x"}"#, "Malformed(clock: a script has a manual clock)"),
        (r#"{"durability":"async"}"#, "Malformed(durability: durability needs a journal)"),
        (r#"{"start":5}"#, "Malformed(start: only a manual clock"),
        (r#"{"clock":"manual","start":-5}"#, "BadTime(start: -5 is before 1970"),
        (r#"{"clock":"manual","start":"noon"}"#, "BadTime(start: invalid type"),
    ] {
        let error = format!("{:?}", Kernel::open_json(text).unwrap_err());
        assert!(error.starts_with(wanted), "{text}: {error}");
    }
}

#[test]
fn a_manual_clock_starts_where_it_is_told() {
    let kernel = Kernel::open_json(r#"{"clock":"manual","start":12.5}"#).unwrap();
    assert_eq!(kernel.now(), "12.5".parse().unwrap());
    assert!(Kernel::open_json("{}").unwrap().now() > "1700000000".parse().unwrap());
    assert_eq!(Kernel::open_json(r#"{"script":"x"}"#).unwrap().now().0, 0);
}

#[test]
fn blank_lines_and_remarks_are_nothing() {
    let kernel = script();
    for line in ["", "  \t", "# a remark", "  # {"] {
        assert_eq!(kernel.command(None, line).unwrap(), "");
    }
    assert_eq!(kernel.branch().seq(), 0);
}

#[test]
fn with_a_session_a_line_is_a_plain_command() {
    let kernel = offered();
    let session = "s0.1".parse().ok();
    let line = r#"{"do":"update_weights","weights":[{"role":"x","weight":2}]}"#;
    let out = kernel.command(session, line).unwrap();
    assert_eq!(out, format!(r#"{{"seq":{},"reply":"done"}}"#, kernel.branch().seq()));
    let error = kernel.command(session, r#"{"do":"tick","note":"x"}"#).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::Malformed, "note"));
    let error = kernel.command(session, r#"{"do":"hash"}"#).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::UnknownCommand, "do"));
}

#[test]
fn events_follow_their_outcome() {
    let kernel = offered();
    let line = r#"{"do":"accept","as":"f","offers":["$o"],"bind":{"t":"tasks[0].task"},
        "operations":[{"launch":{"tasks":[{"name":"one","resources":"cpus:0.5"}]}}]}"#;
    let out = run(&kernel, line);
    assert!(out[0].contains(r#""reply":"accepted","tasks":[{"name":"one","task":"t0.1""#));
    assert!(out[1].contains(r#""ordinal":0,"session":"s1.1","event":"launch""#), "{}", out[1]);
    // Rebound and used inside a list, a nested object and a pattern.
    let line = r#"{"do":"reconcile","as":"f","tasks":[{"task":{"id":"$t"}}],
        "expect":[{"event":"update","task":"$t","uuid":null}]}"#;
    run(&kernel, line);
}

#[test]
fn numbers_stay_exact() {
    let kernel = script();
    let line = r#"{"do":"advance","seconds":0.000000001,"reply":{"now":1e-9}}"#;
    assert_eq!(run(&kernel, line), [r#"{"seq":1,"reply":"advanced","now":0.000000001}"#]);
    let out = run(&kernel, r#"{"do":"advance","seconds":1.5,"reply":{"now":1.500000001}}"#);
    assert_eq!(out, [r#"{"seq":2,"reply":"advanced","now":1.500000001}"#]);
    let line = r#"{"do":"advance","seconds":3,"reply":{"now":4.5}}"#;
    assert!(fails(&kernel, line).contains(r#"wanted {"now":4.5}; came {"now":4.500000001,"#));
}

#[test]
fn a_missed_expectation_says_what_came() {
    let kernel = offered();
    for (line, wanted) in [
        (
            r#"{"do":"revive","as":"f","expect":["offer"]}"#,
            r#"BadScript(expect[0]: wanted {"event":"offer"}; came no events)"#,
        ),
        (
            r#"{"do":"deactivate_agent","as":"op","agent":"$a","expect":[]}"#,
            r#"BadScript(expect: wanted no events; came {"event":"rescind","to":"f"})"#,
        ),
        (
            r#"{"do":"reactivate_agent","as":"op","agent":"$a","never":[
                {"event":"offer","to":"d"},"offer"]}"#,
            r#"BadScript(never[1]: came {"event":"offer","to":"f"})"#,
        ),
        (
            r#"{"do":"deactivate_agent","as":"op","agent":"$a","expect":[
                {"event":"rescind","to":"f","reason":"timeout"}]}"#,
            r#"BadScript(expect[0]: wanted {"event":"rescind","reason":"timeout","to":"f"}; "#,
        ),
        (
            r#"{"do":"reactivate_agent","as":"op","agent":"$a","expect":["offer","offer"]}"#,
            "BadScript(expect[1]: wanted {\"event\":\"offer\"}; came no events after those",
        ),
        (
            r#"{"do":"revive","as":"f","reply":{"reply":"declined"}}"#,
            r#"BadScript(reply: wanted {"reply":"declined"}; came {"reply":"done"})"#,
        ),
        (r#"{"do":"revive","as":"f","bind":{"x":"tasks[0]"}}"#, "BadScript(bind.x: there is no"),
        (
            r#"{"do":"revive","as":"f","error":"OfferGone"}"#,
            r#"BadScript(error: wanted code "OfferGone"; the line was accepted: {"seq":"#,
        ),
        (
            r#"{"do":"revive","as":"f","roles":["x"],"error":{"field":"role"}}"#,
            r#"BadScript(error: wanted field "role"; came UnknownRole(roles[0]: "#,
        ),
    ] {
        let error = fails(&kernel, line);
        assert!(error.starts_with(wanted), "{line}\n{error}");
    }
}

#[test]
fn what_means_nothing_is_an_error() {
    let kernel = offered();
    for (line, wanted) in [
        (r#"{"do":"tick","expects":[]}"#, "Malformed(expects: unknown field `expects`"),
        (r#"{"do":"hash","seconds":1}"#, "BadScript(seconds: unknown key)"),
        (r#"{"do":"advance"}"#, "BadScript(seconds: the line needs \"seconds\")"),
        (r#"{"do":"advance","seconds":"5"}"#, "BadTime(seconds: invalid type"),
        (r#"{"do":"advance","seconds":-1}"#, "BadTime(seconds: -1 is out of range"),
        (r#"{"do":"hash","as":"f"}"#, "BadScript(as: this verb is nobody's"),
        (r#"{"do":"check","now":5}"#, "BadScript(now: only a command"),
        (r#"{"do":"raw","line":5}"#, "BadScript(line: expected a text"),
        (r#"{"do":"tick","note":5}"#, "BadScript(note: expected a text, found 5)"),
        (r#"{"do":"tick","do":"tick"}"#, "Malformed(the key \"do\" stands there twice"),
        (r#"{"as":"f"}"#, "Malformed(do: the line names no command"),
        (r#"{"do":"revive","as":"g"}"#, "BadScript(as: no session has the label \"g\": labels are"),
        (r#"{"do":"open_session","kind":"agent","as":"f"}"#, "BadScript(as: the label \"f\" is"),
        (
            r#"{"do":"decline","as":"f","offers":["$x"]}"#,
            "BadScript(offers[0]: nothing is bound to `$x`: names are a, o;",
        ),
        (r#"{"do":"tick","bind":{"a b":"c"}}"#, "BadScript(bind.a b: expected an object of names"),
        (r#"{"do":"tick","expect":"offer"}"#, "BadScript(expect: expected a list)"),
        (r#"{"do":"tick","expect":["ofer"]}"#, "BadScript(expect[0].event: no event is of kind"),
        (r#"{"do":"tick","expect":[{"to":"g"}]}"#, "BadScript(expect[0].to: no session has"),
        (r#"{"do":"tick","never":["ofer"]}"#, "BadScript(never[0].event: no event is of kind"),
        (r#"{"do":"tick","never":[{"event":"offer","role":"x"}]}"#, "BadScript(never[0]: expected"),
        (r#"{"do":"tick","reply":5}"#, "BadScript(reply: expected an object"),
        (r#"{"do":"tick","error":"NoSuch"}"#, "BadScript(error.code: there is no code"),
        (r#"{"do":"tick","error":{"cod":"x"}}"#, "BadScript(error.cod: unknown key"),
        (r#"{"do":"tick","error":"Defect","expect":[]}"#, "BadScript(error: a rejected line has"),
    ] {
        let before = kernel.state_hash();
        let error = fails(&kernel, line);
        assert!(error.starts_with(wanted), "{line}\n{error}");
        assert_eq!(kernel.state_hash(), before, "{line}");
    }
}

#[test]
fn an_expected_rejection_is_printed() {
    let kernel = offered();
    let line = r#"{"do":"accept","as":"f","offers":["o9.1"],
        "error":{"code":"OfferGone","field":"offers[0]","message":"never made"}}"#;
    let out = run(&kernel, line);
    let wanted = r#"{"rejected":{"code":"OfferGone","field":"offers[0]","index":0,"message":"#;
    assert!(out.len() == 1 && out[0].starts_with(wanted), "{out:?}");
    let line = r#"{"do":"raw","as":"f","line":"{\"do\":","error":"Malformed"}"#;
    assert!(run(&kernel, line)[0].starts_with(r#"{"rejected":{"code":"Malformed""#));
    let line = r#"{"do":"tick","now":1e30,"error":"TimeStep"}"#;
    assert!(fails(&kernel, line).starts_with("BadScript(now: "));
    let line = r#"{"do":"tick","now":1000000,"error":{"code":"TimeStep","field":"now"}}"#;
    run(&kernel, line);
    assert_eq!(kernel.now().0, 0);
}

#[test]
fn a_text_that_begins_with_a_dollar_is_written_with_two() {
    let kernel = offered();
    let line = r#"{"do":"revive","as":"f","roles":["$$o"],"error":{"message":"\"$o\""}}"#;
    // The pattern is filled in as well, so it is compared with what was bound.
    assert!(fails(&kernel, r#"{"do":"revive","as":"f","roles":["$o2"]}"#).contains("`$o2`"));
    assert!(run(&kernel, line)[0].contains(r#"\"$o\""#));
}

#[test]
fn labels_are_free_again_when_the_session_is_closed() {
    let kernel = offered();
    run(&kernel, r#"{"do":"close_session","as":"op"}"#);
    let out = run(&kernel, r#"{"do":"open_session","kind":"operator","as":"op"}"#);
    assert!(out[0].contains(r#""session":"s0.2""#), "{out:?}");
    run(&kernel, r#"{"do":"remove_agent","as":"op","agent":"$a"}"#);
}

#[test]
fn the_hash_is_that_of_the_kernel() {
    let kernel = offered();
    let hash = blake3::Hash::from(kernel.state_hash()).to_string();
    let seq = kernel.branch().seq();
    let wanted = format!(r#"{{"seq":{seq},"reply":"hash","hash":"{hash}"}}"#);
    assert_eq!(run(&kernel, r#"{"do":"hash"}"#), [wanted]);
    assert_eq!(
        run(&kernel, r#"{"do":"check"}"#),
        [format!(r#"{{"seq":{seq},"reply":"checked"}}"#)]
    );
}
