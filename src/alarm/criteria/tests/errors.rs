//! What is said of criteria that cannot be understood, and where that is.

use super::cases::conditionals;
use super::*;

/// Line, column and message.
fn error(text: &str) -> (usize, usize, String) {
    let error = Criteria::parse(text).expect_err(text);
    (error.line, error.column, error.message)
}

/// The message of a condition that cannot be understood.
fn of_condition(condition: &str) -> (usize, String) {
    let (line, column, message) =
        error(&format!("if ({condition}) {{ return new AlarmStatus(OK); }}"));
    assert_eq!(line, 1, "{condition}");
    // The condition begins in column 5.
    (column - 4, message)
}

#[test]
fn a_statement_that_cannot_be_understood_says_what_was_expected() {
    for (text, column, message) in [
        ("iff (", 1, r#""iff": expected if, return or :set; did you mean if?"#),
        ("retrun new", 1, r#""retrun": expected if, return or :set; did you mean return?"#),
        ("5", 1, r#""5": expected if, return or :set"#),
        ("if metric['a'] > 1", 4, r#""metric": expected ( and a condition"#),
        ("if (1 > 0) return", 12, r#""return": expected {"#),
        ("if (1 > 0) { OK", 14, r#""OK": expected return new AlarmStatus(STATE, 'text')"#),
        ("return OK", 8, r#""OK": expected new AlarmStatus(STATE, 'text')"#),
        (
            "return new AlertStatus(OK)",
            12,
            r#""AlertStatus": expected AlarmStatus(STATE, 'text'); did you mean AlarmStatus?"#,
        ),
        (
            "return new AlarmStatus OK",
            24,
            r#""OK": expected ( and a state: OK, WARNING or CRITICAL"#,
        ),
        (
            "return new AlarmStatus(CRITCAL);",
            24,
            r#""CRITCAL": expected a state: OK, WARNING or CRITICAL; did you mean CRITICAL?"#,
        ),
        (
            "return new AlarmStatus(critical);",
            24,
            r#""critical": expected a state: OK, WARNING or CRITICAL; did you mean CRITICAL?"#,
        ),
        (
            "return new AlarmStatus('OK');",
            24,
            r#""'OK'": expected a state: OK, WARNING or CRITICAL"#,
        ),
        ("return new AlarmStatus(OK 'a')", 27, r#""'a'": expected , and a text, or )"#),
        ("return new AlarmStatus(OK, fine)", 28, r#""fine": expected a text in quotes"#),
        ("return new AlarmStatus(OK, 'a' 'b')", 32, r#""'b'": expected )"#),
        (
            "return new AlarmStatus(OK); if (1 > 0)",
            29,
            r#""if": expected the end of the criteria, because nothing behind this return is reached"#,
        ),
        ("if (1 > 0) { return new AlarmStatus(OK); return", 42, r#""return": expected ; or }"#),
        ("if (1 > 0) { return new AlarmStatus(OK); } else {", 44, ELSE),
        ("if (1 > 0", 10, "the criteria end here: expected &&, || or )"),
        ("if (1 > 0) { return new AlarmStatus(OK); ", 42, "the criteria end here: expected ; or }"),
    ] {
        assert_eq!(error(text), (1, column, message.to_owned()), "{text}");
    }
}

const ELSE: &str = r#""else": there is no else: the first if whose condition holds decides"#;

#[test]
fn a_condition_that_cannot_be_understood_says_what_was_expected() {
    for (condition, column, message) in [
        ("metric['a']", 12, r#"")": expected a comparison: ==, !=, >=, <=, >, <, regex or nregex"#),
        ("metric['a'] = 1", 13, COMPARISON),
        ("metric['a'] === 1", 13, r#""===": expected =="#),
        ("metric['a'] !== 1", 13, r#""!==": expected !="#),
        ("metric['a'] => 1", 13, r#""=>": expected >="#),
        ("metric['a'] =< 1", 13, r#""=<": expected <="#),
        ("metric['a'] <> 1", 13, r#""<>": expected !="#),
        ("metric['a'] =~ 'x'", 13, r#""=~": expected regex"#),
        ("metric['a'] !~ 'x'", 13, r#""!~": expected nregex"#),
        ("metric['a'] regexp 'x'", 13, REGEXP),
        ("metric['a'] regex 5", 19, r#""5": expected a regular expression in quotes"#),
        ("metric['a'] > 1 & 2", 17, r#""&": expected &&"#),
        ("metric['a'] > 1 | 2", 17, r#""|": expected ||"#),
        ("metric['a'] > 1 and 2", 17, r#""and": expected &&"#),
        ("metric['a'] > 1 or 2", 17, r#""or": expected ||"#),
        ("metric['a'] > 1 > 0", 17, r#"">": expected &&, || or )"#),
        ("!(1 > 0)", 1, NOT),
        ("metric['a'] + 1 > 0", 13, ARITHMETIC),
        ("metric['a'] - 1 > 0", 13, ARITHMETIC_MINUS),
        ("metric[a] > 1", 8, r#""a": expected the name of a metric in quotes"#),
        ("metric[''] > 1", 8, r#""''": expected the name of a metric in quotes"#),
        ("metric('a') > 1", 7, r#""(": expected [ and a name, such as metric['name']"#),
        ("metric['a') > 1", 11, r#"")": expected ]"#),
        ("metrics['a'] > 1", 1, METRICS),
        ("a > 1", 1, TERM),
        ("metric[‘a’] > 1", 8, r#""‘": this does not enclose a text: use ' or ""#),
        ("metric['a'] > 5m", 15, UNIT),
        ("metric['a'] > 1.2.3", 15, DOTS),
        ("metric['a'] > 1e999", 15, r#""1e999": expected a number up to 1.8e308"#),
        ("rate('a') > 1", 6, r#""'a'": expected a metric, such as metric['name']"#),
        ("rate metric['a'] > 1", 6, r#""metric": expected ( and a metric"#),
        ("percentage(1) > 1", 13, r#"")": expected , and what it is a percentage of"#),
        ("percentage(1, 2, 3) > 1", 16, r#"",": expected )"#),
        ("(1 > 0", 7, ""),
        ("1 > @", 5, SIGN),
        ("1 > 'a", 5, r#""'": the text that begins here has no end: expected '"#),
        ("1 > /* a", 5, r#""/*": the comment that begins here has no end: expected */"#),
        ("1 > 0 // a", 7, r#""//": this begins no comment: use # or /* */"#),
    ] {
        let (found_column, found) = of_condition(condition);
        if condition == "(1 > 0" {
            // The parenthesis of the if closes this one.
            assert_eq!(found, r#""{": expected &&, || or )"#);
            continue;
        }
        assert_eq!((found_column, &*found), (column, message), "{condition}");
    }
}

const COMPARISON: &str = r#""=": expected a comparison: ==, !=, >=, <=, >, <, regex or nregex"#;
const REGEXP: &str = r#""regexp": expected a comparison: ==, !=, >=, <=, >, <, regex or nregex; did you mean regex?"#;
const NOT: &str = r#""!": there is no !: use != or nregex, or turn the comparison around"#;
const ARITHMETIC: &str = r#""+": there is no arithmetic: use percentage, rate or previous"#;
const ARITHMETIC_MINUS: &str = r#""-": there is no arithmetic: use percentage, rate or previous"#;
const METRICS: &str = r#""metrics": expected a value: metric['name'], a number, a text in quotes, rate, previous or percentage; did you mean metric?"#;
const TERM: &str = r#""a": expected a value: metric['name'], a number, a text in quotes, rate, previous or percentage"#;
const UNIT: &str = r#""5m": expected a number without a unit, such as 5, -1.5 or 1e9"#;
const DOTS: &str = r#""1.2.3": expected a number without a unit, such as 5, -1.5 or 1e9"#;
const SIGN: &str =
    r#""@": expected a word, a number, a text in quotes, or a sign such as == or &&"#;

#[test]
fn a_setting_that_cannot_be_understood_says_what_was_expected() {
    for (text, column, message) in [
        (":sett a=1", 1, r#"":sett": expected :set"#),
        (":", 1, r#"":": expected :set"#),
        (":set consecutivecount=3", 6, KEY),
        (":set 3", 6, r#""3": expected consecutiveCount or consistencyLevel"#),
        (":set consecutiveCount 3", 23, r#""3": expected ="#),
        (":set consecutiveCount=0", 23, r#""0": expected a whole number from 1 to 5"#),
        (":set consecutiveCount=6", 23, r#""6": expected a whole number from 1 to 5"#),
        (":set consecutiveCount=2.5", 23, r#""2.5": expected a whole number from 1 to 5"#),
        (":set consecutiveCount=two", 23, r#""two": expected a whole number from 1 to 5"#),
        (":set consecutiveCount=3;", 24, r#"";": expected if, return or :set"#),
        (":set consistencyLevel=ALLL", 23, LEVEL),
        (":set consecutiveCount=1 :set consecutiveCount=2", 30, TWICE),
    ] {
        assert_eq!(error(text), (1, column, message.to_owned()), "{text}");
    }
}

const KEY: &str = r#""consecutivecount": expected consecutiveCount or consistencyLevel; did you mean consecutiveCount?"#;
const LEVEL: &str = r#""ALLL": expected ONE, QUORUM or ALL; did you mean ALL?"#;
const TWICE: &str = r#""consecutiveCount": expected each setting only once"#;

#[test]
fn a_wrong_regular_expression_says_why() {
    let (column, message) = of_condition("metric['a'] regex '(x'");
    assert_eq!(column, 19);
    assert_eq!(
        message,
        r#""'(x'": expected a regular expression (found open group without closing ')'); escape special characters with \"#
    );
    let (_, message) = of_condition(&format!("metric['a'] regex '{}'", "x".repeat(1001)));
    assert!(message.ends_with("expected a regular expression of at most 1000 bytes"), "{message}");
    let (_, message) = of_condition("metric['a'] regex 'x{1000}{1000}'");
    assert!(
        message.starts_with(r#""'x{1000}{1000}'": expected a regular expression ("#),
        "{message}"
    );
}

#[test]
fn limits_are_said() {
    assert!(Criteria::parse(&conditionals(10)).is_ok());
    let expected = (11, 1, r#""if": expected at most 10 conditionals"#.to_owned());
    assert_eq!(error(&conditionals(11)), expected);

    let nested = |depth| format!("{}1 > 0{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(holds(&nested(32), &observed(0, &[]), None), Ok(true));
    // Beside each other there may be more.
    for beside in ["(1 > 0)", "percentage(1, 2) == 50"] {
        assert_eq!(holds(&[beside; 40].join(" && "), &observed(0, &[]), None), Ok(true));
    }
    let deep = r#""(": expected at most 32 parentheses inside each other"#;
    assert_eq!(of_condition(&nested(33)), (33, deep.to_owned()));
    let percentages = "percentage(".repeat(33);
    assert_eq!(of_condition(&percentages), (33 * 11, deep.to_owned()));

    let long = format!("1 > 0{}", " || 1 > 0".repeat(1023));
    let many = r#""0": expected at most 4096 words, values and signs"#;
    assert_eq!(of_condition(&long).1, many);

    let patterns = ["'a' regex 'b'"; 11].join(" || ");
    let (column, message) = of_condition(&patterns);
    assert_eq!(message, r#""'b'": expected at most 10 regular expressions"#);
    assert_eq!(column, 10 * 17 + 11);

    assert!(Criteria::parse(&" ".repeat(16_384)).is_ok());
    let message = "the criteria are too long: expected at most 16384 characters".to_owned();
    assert_eq!(error(&"\n".repeat(16_385)), (16_385, 1, message));
    let message = "the criteria are empty: expected 1 to 16384 characters; without criteria, availability decides";
    assert_eq!(error(""), (1, 1, message.to_owned()));
}

#[test]
fn a_place_counts_lines_and_characters_from_one() {
    for (text, position, line, column, token) in [
        ("x", 0, 1, 1, "x"),
        ("# ä\n  x", 6, 2, 3, "x"),
        ("# a\r\n# b\r\nif (größe > 1)", 14, 3, 5, "größe"),
        ("/* 漢字 😀 */ x", 11, 1, 12, "x"),
        ("if (", 4, 1, 5, ""),
        ("if (1 > 0) {\n\n", 14, 3, 1, ""),
        ("if ('a\nb' == 'c'\n) {\n 5", 22, 4, 2, "5"),
    ] {
        let error = Criteria::parse(text).expect_err(text);
        let found = (error.position, error.line, error.column, &*error.token);
        assert_eq!(found, (position, line, column, token), "{text}");
    }
}

#[test]
fn an_error_is_shown_with_its_place_and_a_long_token_is_cut() {
    let error = Criteria::parse("if (metric['a']) > 1) { return new AlarmStatus(OK); }");
    let shown = error.expect_err("the parentheses do not fit").to_string();
    let expected =
        "line 1, column 16: \")\": expected a comparison: ==, !=, >=, <=, >, <, regex or nregex";
    assert_eq!(shown, expected);
    let long = Criteria::parse(&"x".repeat(5000)).expect_err("it is no word");
    assert_eq!(long.token, "x".repeat(200));
    let message = format!("\"{}\"…: expected if, return or :set", "x".repeat(60));
    assert_eq!(long.message, message);
}
