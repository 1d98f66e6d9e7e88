//! What conditions come to.

use super::*;
use crate::model::Distribution;

fn sample() -> Observation {
    observed(
        60,
        &[
            ("five", number(5.0)),
            ("code", text("404")),
            ("mode", text("degraded")),
            ("version", text("1.10")),
            ("blank", text("")),
            ("nan", number(f64::NAN)),
            ("infinite", number(f64::INFINITY)),
            ("naïve größe", number(-3.0)),
            ("a'b\"c", number(1.0)),
            ("long", text(&"x".repeat(4_097))),
            ("huge", number(1e308)),
        ],
    )
}

/// Whether a condition holds for the sample; the reason where that is unknown.
fn now(condition: &str) -> Result<bool, String> {
    holds(condition, &sample(), None)
}

#[test]
fn conditions_hold_as_they_are_read() {
    for (condition, expected) in [
        // && binds more than ||, on either side of it.
        ("1 > 0 || 1 > 0 && 0 > 1", true),
        ("0 > 1 && 0 > 1 || 1 > 0", true),
        ("(1 > 0 || 1 > 0) && 0 > 1", false),
        ("((((1 > 0)) && ((1 > 0 || (0 > 1)))))", true),
        // Numbers are read from texts where they meet numbers, and in an order.
        ("metric['five'] >= '5'", true),
        ("metric['five'] == ' 5.0 '", true),
        ("metric['code'] == 404", true),
        ("metric['code'] == '404'", true),
        ("metric['code'] >= '50'", true),
        ("'9' < '10'", true),
        ("percentage(metric['five'], '10') == 50", true),
        // Two texts are equal by their characters.
        ("metric['version'] == '1.1'", false),
        ("metric['version'] != \"1.1\"", true),
        ("metric['blank'] == ''", true),
        ("'é' == 'e\u{301}'", false),
        // Numbers of all kinds.
        ("metric['five'] > -10000 && metric['five'] > .8 && metric['five'] < 1e9", true),
        ("metric['naïve größe'] == -3", true),
        ("metric['naïve größe']<-2.5", true),
        ("0 == -0", true),
        ("18446744073709551615 > 1.8446744073709549e19", true),
        ("metric['huge'] > 99999999999999999999999999999999999999999999", true),
        ("percentage(7, 100) == 7", true),
        ("percentage(-1, 4) == -25", true),
        // Quotes in names and texts.
        (r#"metric['a\'b"c'] == 1"#, true),
        (r#"metric["a'b\"c"] == 1"#, true),
        ("'#' == \"#\" && '// /* */' == '// /* */'", true),
        // Patterns are found anywhere, unless they say where.
        ("metric['mode'] regex 'grad'", true),
        ("metric['mode'] regex '^grad'", false),
        ("metric['mode'] nregex '^(ok|fine)$'", true),
        (r"metric['code'] regex '^\d{3}$' && metric['code'] regex '^[0-9]\\d+$'", true),
        ("'größe' regex '^gr.{4}e$'", false),
        ("'größe' regex '^gr.{3}$'", true),
    ] {
        assert_eq!(now(condition), Ok(expected), "{condition}");
    }
}

#[test]
fn what_is_unknown_says_why() {
    for (condition, expected) in [
        ("metric['absent'] > 1", r#"metric "absent" is missing"#),
        ("metric['absent'] != 'x'", r#"metric "absent" is missing"#),
        ("metric['absent'] nregex 'x'", r#"metric "absent" is missing"#),
        ("metric['nan'] != 1", r#"metric "nan" is not a finite number"#),
        ("metric['infinite'] > 1", r#"metric "infinite" is not a finite number"#),
        ("metric['mode'] == 5", r#""degraded" is compared with 5: expected a number"#),
        ("5 != metric['mode']", r#""degraded" is compared with 5: expected a number"#),
        ("metric['mode'] > 'a'", r#""degraded" is compared with "a": expected a number"#),
        ("metric['blank'] < 1", r#""" is compared with 1: expected a number"#),
        ("'NaN' != 1", r#""NaN" is compared with 1: expected a number"#),
        ("'inf' > 1", r#""inf" is compared with 1: expected a number"#),
        ("metric['five'] regex '5'", "5 is compared with a regular expression: expected a text"),
        ("percentage(1, 0) > 1", "1 in percent of 0 is unknown"),
        ("percentage(0, '0.0') > 1", "0 in percent of 0 is unknown"),
        ("percentage('x', 1) > 1", r#"percentage of "x": expected a number"#),
        ("percentage(1e308, 1) > 1", "1e308 in percent of 1 is too large"),
        ("previous(metric['five']) > 1", r#"metric "five" has no previous value"#),
        ("rate(metric['five']) > 1", r#"metric "five" has no previous value"#),
        ("rate(metric['mode']) > 1", r#"metric "mode" is "degraded": its rate needs a number"#),
    ] {
        assert_eq!(now(condition), Err(expected.to_owned()), "{condition}");
    }
    let reason = now("metric['long'] regex 'x'").expect_err("it is too long");
    let expected =
        format!("\"{}\"… is longer than the 4096 bytes that are searched", "x".repeat(60));
    assert_eq!(reason, expected);
}

#[test]
fn an_unknown_part_counts_only_where_the_others_do_not_decide() {
    let missing = Err(r#"metric "m" is missing"#.to_owned());
    for (condition, expected) in [
        ("metric['m'] > 1 && 0 > 1", Ok(false)),
        ("0 > 1 && metric['m'] > 1", Ok(false)),
        ("metric['m'] > 1 && 1 > 0", missing.clone()),
        ("metric['m'] > 1 || 1 > 0", Ok(true)),
        ("1 > 0 || metric['m'] > 1", Ok(true)),
        ("metric['m'] > 1 || 0 > 1", missing.clone()),
        ("(metric['m'] > 1 || 0 > 1) && metric['n'] > 1", missing),
    ] {
        assert_eq!(now(condition), expected, "{condition}");
    }
}

#[test]
fn an_unknown_condition_ends_the_evaluation_and_one_that_held_before_it_decides() {
    let critical = "if (metric['five'] > 1) { return new AlarmStatus(CRITICAL, 'high'); }";
    let unknown = "if (metric['m'] > 1) { return new AlarmStatus(WARNING); }";
    let evaluated = |text: String| Criteria::parse(&text).unwrap().evaluate(&sample(), None);
    let (state, status) = (State::Critical, "high".to_owned());
    assert_eq!(evaluated(format!("{critical} {unknown}")), Evaluation::Known { state, status });
    let reason = r#"metric "m" is missing"#.to_owned();
    let return_ok = "return new AlarmStatus(OK);";
    let expected = Evaluation::Unknown { reason };
    assert_eq!(evaluated(format!("{unknown} {critical} {return_ok}")), expected);
}

#[test]
fn functions_look_at_the_result_before() {
    let before = observed(10, &[("rx", number(100.0)), ("mode", text("ok")), ("s", text("7"))]);
    let result = |seconds, rx| {
        observed(
            seconds,
            &[("rx", number(rx)), ("mode", text("down")), ("s", text("9")), ("new", number(1.0))],
        )
    };
    let against = |condition, now: &Observation| holds(condition, now, Some(&before));
    for (condition, expected) in [
        ("rate(metric['rx']) == 2.5", true),
        ("rate(metric['s']) == 0.1", true),
        ("previous(metric['rx']) == 100", true),
        ("previous(metric['mode']) != metric['mode']", true),
        ("previous(metric['mode']) regex '^ok$'", true),
        ("percentage(previous(metric['rx']), metric['rx']) > 66", true),
        ("percentage(rate(metric['rx']), 10) == 25", true),
    ] {
        assert_eq!(against(condition, &result(30, 150.0)), Ok(expected), "{condition}");
    }
    let condition = "rate(metric['rx']) > 1";
    let reset = r#"metric "rx" has no rate: it fell from 100 to 10, so it began again"#;
    assert_eq!(against(condition, &result(30, 10.0)), Err(reset.to_owned()));
    let timeless = r#"metric "rx" has no rate: no time has passed since the previous result"#;
    for seconds in [10, 9] {
        assert_eq!(against(condition, &result(seconds, 150.0)), Err(timeless.to_owned()));
    }
    let new = r#"metric "new" has no previous value"#;
    assert_eq!(against("rate(metric['new']) > 1", &result(30, 150.0)), Err(new.to_owned()));
    let least = observed(0, &[("rx", number(f64::MIN))]);
    let reason = holds(condition, &observed(1, &[("rx", number(f64::MAX))]), Some(&least));
    assert_eq!(reason, Err(r#"the rate of metric "rx" is too large"#.to_owned()));
}

#[test]
fn many_values_stand_for_their_mean() {
    let mut many = Distribution::default();
    for value in [1.0, 2.0, 6.0] {
        many.add(value, 1);
    }
    let now = observed(0, &[("many", Quantity::Many(many))]);
    assert_eq!(holds("metric['many'] == 3", &now, None), Ok(true));
}

/// State and text that criteria give.
fn outcome(criteria: &str) -> (State, String) {
    match Criteria::parse(criteria).expect(criteria).evaluate(&sample(), None) {
        Evaluation::Known { state, status } => (state, status),
        Evaluation::Unknown { reason } => panic!("{criteria}: {reason}"),
    }
}

#[test]
fn a_state_has_its_text_or_says_which_return_it_comes_of() {
    let line = |line| format!("Matched return statement on line {line}");
    let default = "Matched default return statement".to_owned();
    for (criteria, expected) in [
        ("return new AlarmStatus(OK)", (State::Ok, line(1))),
        ("# a\r\n\r\nreturn\nnew AlarmStatus(WARNING);", (State::Warning, line(3))),
        ("if (1 > 0) {\n return new AlarmStatus(CRITICAL) }", (State::Critical, line(2))),
        ("if (0 > 1) { return new AlarmStatus(CRITICAL); }", (State::Ok, default.clone())),
        (":set consecutiveCount=2", (State::Ok, default.clone())),
        ("/* nothing */", (State::Ok, default)),
        ("return new AlarmStatus(OK, '')", (State::Ok, String::new())),
        (
            "return new AlarmStatus(WARNING, \"it's #{mode}: #{absent}, #{five} /* # */\");",
            (State::Warning, "it's degraded: #{absent}, 5 /* # */".to_owned()),
        ),
        (r"return new AlarmStatus(OK, 'a\tb\\n')", (State::Ok, "a\tb\\n".to_owned())),
    ] {
        assert_eq!(outcome(criteria), expected, "{criteria}");
    }
}

#[test]
fn line_ends_of_windows_old_macs_and_no_line_ends_are_all_fine() {
    let lines = [
        ":set consecutiveCount=4",
        ":set consistencyLevel=QUORUM",
        "if (metric[\"five\"] > 4) {",
        "  return new AlarmStatus(WARNING, 'w');",
        "}",
        "return new AlarmStatus(OK, 'o');",
    ];
    for end in ["\n", "\r\n", "\r", " ", "\t\u{a0}\u{2028}"] {
        let text = lines.join(end);
        assert_eq!(Criteria::parse(&text).expect(&text).consecutive_results, 4, "{text:?}");
        assert_eq!(outcome(&text), (State::Warning, "w".to_owned()), "{text:?}");
    }
}

#[test]
fn an_unavailable_check_is_critical_whatever_the_criteria_say() {
    let status = "timed out after 30 s".to_owned();
    let now = Observation { is_available: false, status: status.clone(), ..sample() };
    let expected = Evaluation::Known { state: State::Critical, status };
    for criteria in [
        "return new AlarmStatus(OK, 'fine');",
        "if (metric['m'] > 1) { return new AlarmStatus(OK); }",
    ] {
        assert_eq!(Criteria::parse(criteria).unwrap().evaluate(&now, None), expected);
    }
    assert_eq!(Criteria::of_availability().evaluate(&now, None), expected);
}

#[test]
fn criteria_know_which_metrics_they_use() {
    let criteria = "if (rate(metric['a']) > 1 || (percentage(previous(metric['b']), metric['c']) > 1 \
                    && metric['d'] regex 'metric')) { return new AlarmStatus(OK, '#{e}'); } \
                    return new AlarmStatus(OK, 'g #{f}');";
    let criteria = Criteria::parse(criteria).unwrap();
    let used: String = ('a'..='h').filter(|name| criteria.uses(&name.to_string())).collect();
    assert_eq!(used, "abcdef");
}
