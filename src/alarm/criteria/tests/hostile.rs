//! Criteria that nobody would write. Each is refused or evaluated, soon, and never panics.

use std::iter;

use tokio::time::Instant;

use super::*;

/// The same numbers in each run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const PIECES: &[&str] = &[
    "if",
    "return",
    "new",
    "AlarmStatus",
    "OK",
    "WARNING",
    "CRITICAL",
    "metric",
    "rate",
    "previous",
    "percentage",
    "regex",
    "nregex",
    ":set",
    "consecutiveCount",
    "consistencyLevel",
    "ONE",
    "else",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ";",
    "=",
    "==",
    "!=",
    ">=",
    "<=",
    ">",
    "<",
    "&&",
    "||",
    "!",
    "'a'",
    "\"b\"",
    "'#{a}'",
    "'",
    "\"",
    "\\",
    "'\\",
    "#",
    "/*",
    "*/",
    "//",
    "\n",
    "\r\n",
    "0",
    "1",
    "-1",
    ".8",
    "1e9",
    "1e999",
    "5m",
    "-",
    ".",
    "é",
    "漢",
    "😀",
    "\u{feff}",
    "\0",
    "‘",
    "#{",
    "}",
    "if (metric['a'] > 1) {",
    "return new AlarmStatus(OK, '#{a}');",
    "'(a*)*$'",
];

const VALID: &[&str] = &[
    ":set consecutiveCount=3\nif (metric['a'] > 1 && metric[\"b\"] regex '^x+$') { return new AlarmStatus(CRITICAL, 'is #{a}'); }\nreturn new AlarmStatus(OK)",
    "# é\r\nif ((rate(metric['a']) >= '50') || (previous(metric['b']) != 'x')) { return new AlarmStatus(WARNING); } /* end */",
    "if (percentage(metric['a'], percentage(-1, .8)) < 1e9) { return new AlarmStatus(OK, \"\\\"\"); } return new AlarmStatus(CRITICAL, '#{b} #{absent}');",
];

/// Pieces in any order.
fn stream(random: &mut Random) -> String {
    let blanks = ["", " "];
    let count = random.below(40);
    iter::repeat_with(|| [*random.one_of(PIECES), *random.one_of(&blanks)].concat())
        .take(count)
        .collect()
}

/// Valid criteria with some characters taken out and some pieces put in.
fn mutation(random: &mut Random) -> String {
    let mut letters: Vec<char> = random.one_of(VALID).chars().collect();
    for _ in 0..=random.below(3) {
        let start = random.below(letters.len() + 1);
        let end = (start + random.below(6)).min(letters.len());
        let piece = if random.below(3) == 0 { "" } else { random.one_of(PIECES) };
        letters.splice(start..end, piece.chars());
    }
    letters.into_iter().collect()
}

/// Parses and evaluates. It says whether the criteria are valid.
fn survives(text: &str) -> bool {
    let before = observed(0, &[("a", number(1.0)), ("b", self::text("x"))]);
    let now = observed(60, &[("a", number(120.0)), ("b", self::text("xx"))]);
    match Criteria::parse(text) {
        Ok(criteria) => {
            criteria.evaluate(&now, Some(&before));
            criteria.evaluate(&now, None);
            true
        }
        Err(error) => {
            assert!(error.position <= text.chars().count(), "{text}");
            assert!(error.line >= 1 && error.column >= 1, "{text}");
            let from = text.chars().skip(error.position).take(error.token.chars().count());
            assert_eq!(from.collect::<String>(), error.token, "{text}");
            assert!(error.message.contains(": "), "{text}: {}", error.message);
            false
        }
    }
}

#[test]
fn two_hundred_thousand_broken_criteria_never_panic() {
    let mut random = Random(1);
    let mut valid = 0;
    for round in 0..200_000 {
        let text = if round % 2 == 0 { stream(&mut random) } else { mutation(&mut random) };
        valid += usize::from(survives(&text));
    }
    // Most are broken, and enough are not.
    assert!((1_000..100_000).contains(&valid), "{valid}");
}

/// Texts of the greatest length that look for a way to take long or deep.
#[test]
fn the_largest_criteria_are_read_in_time_in_proportion_to_their_length() {
    let inside = |start: &str, piece: &str| -> String {
        start.chars().chain(piece.chars().cycle()).take(16_384).collect()
    };
    let whole = |piece: &str| inside("", piece);
    let texts = [
        "(",
        "if (",
        "if ((",
        "if (percentage(",
        "'",
        "\\",
        "'\\",
        "#{",
        "/*",
        "/* */",
        "#\n",
        "-",
        "1",
        "1.",
        "é",
        "x",
        ":set ",
        "\n",
        "if (1 > 0 || ",
        "if (!",
        "return ",
        "'#{a",
    ];
    let mut texts: Vec<_> = texts.map(whole).into();
    texts.extend([
        inside("if (", "("),
        inside("if (", "1 > 0 || "),
        inside("return new AlarmStatus(OK, '", "#{"),
        inside("if (1 > ", "9"),
        inside("if (1 > ", "percentage("),
        inside("if ('a' regex '", "("),
        format!("return new AlarmStatus(OK, '{}')", "#{a".repeat(5_000)),
        format!("return new AlarmStatus(OK, '{}')", "#{a}".repeat(4_000)),
    ]);
    let start = Instant::now();
    for text in &texts {
        survives(text);
    }
    // It takes 50 ms in all without optimization; what is quadratic takes many seconds.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn the_slowest_patterns_take_no_seconds() {
    let slow = format!("metric['t'] regex '{}y'", "x*".repeat(60));
    let all = [&*slow; 10].join(" || ");
    let criteria = format!("if ({all}) {{ return new AlarmStatus(OK); }}");
    let criteria = Criteria::parse(&criteria).expect("they are short");
    let now = observed(0, &[("t", text(&"x".repeat(4_096)))]);
    let start = Instant::now();
    criteria.evaluate(&now, None);
    // It takes two tenths of a second in a release, and without optimization a few times as long.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
