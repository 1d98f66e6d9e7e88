use std::fmt::Write;

use super::*;

/// The tree as one line, with the place of each key and value: `{1:1 a=1:4 text}`. Quoted text is in quotes.
fn shape(node: &Node, out: &mut String) {
    let Place { line, column } = node.place;
    write!(out, "{line}:{column} ").unwrap();
    match &node.value {
        Value::Scalar { text, is_quoted: true } => write!(out, "{text:?}").unwrap(),
        Value::Scalar { text, .. } => out.push_str(if text.is_empty() { "null" } else { text }),
        Value::List(nodes) => {
            out.push('[');
            for (index, node) in nodes.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                shape(node, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, (key, node)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write!(out, "{}:{} {}=", key.place.line, key.place.column, key.text).unwrap();
                shape(node, out);
            }
            out.push('}');
        }
    }
}

fn tree(text: &str) -> String {
    let mut out = String::new();
    match parse(text) {
        Ok(Some(node)) => shape(&node, &mut out),
        Ok(None) => out.push_str("none"),
        Err(problems) => panic!("{text:?}: {problems:?}"),
    }
    out
}

fn problems(text: &str) -> Vec<String> {
    let Err(problems) = parse(text) else { panic!("no problem in {text:.200?}") };
    problems.iter().map(|p| format!("{}:{} {}", p.place.line, p.place.column, p.text)).collect()
}

/// The text has exactly these problems; each begins as given.
fn assert_problems(text: &str, expected: &[&str]) {
    let found = problems(text);
    let fits =
        found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.starts_with(e));
    let text: String = text.chars().take(200).collect();
    assert!(fits, "{text:?}\n found {found:#?}\n expected {expected:#?}");
}

#[test]
fn keys_and_values_know_their_places() {
    assert_eq!(
        tree("a: 1\nb:\n  - x\n  - c: d\n"),
        "1:1 {1:1 a=1:4 1, 2:1 b=3:3 [3:5 x, 4:5 {4:5 c=4:8 d}]}"
    );
    assert_eq!(tree("a: [1, {b: c}]"), "1:1 {1:1 a=1:4 [1:5 1, 1:8 {1:9 b=1:12 c}]}");
}

#[test]
fn columns_count_characters() {
    assert_eq!(tree("é: [ü, '日本', x]"), "1:1 {1:1 é=1:4 [1:5 ü, 1:8 \"日本\", 1:14 x]}");
}

#[test]
fn text_stays_as_it_was_written() {
    for text in [
        "0x1F",
        "1_000",
        "1e3",
        "yes",
        "True",
        "010",
        ".inf",
        "90%",
        "12:30:45",
        "2026-01-01",
        "a#b",
        "x y",
    ] {
        assert_eq!(tree(&format!("a: {text}")), format!("1:1 {{1:1 a=1:4 {text}}}"));
    }
}

#[test]
fn quotes_and_blocks_are_told_apart_from_plain_text() {
    assert_eq!(
        tree("a: '1'\nb: \"\\t\"\nc: ''"),
        "1:1 {1:1 a=1:4 \"1\", 2:1 b=2:4 \"\\t\", 3:1 c=3:4 \"\"}"
    );
    assert_eq!(
        tree("a: |\n  1\n  2\nb: >-\n  x\n  y"),
        "1:1 {1:1 a=2:3 \"1\\n2\\n\", 4:1 b=5:3 \"x y\"}"
    );
}

#[test]
fn a_missing_value_is_null_beside_its_key() {
    assert_eq!(
        tree("a:\nb: # why\n\nc: null"),
        "1:1 {1:1 a=1:2 null, 2:1 b=2:2 null, 4:1 c=4:4 null}"
    );
    assert_eq!(tree("[~, Null, NULL, nULL]"), "1:1 [1:2 null, 1:5 null, 1:11 null, 1:17 nULL]");
    assert_eq!(tree("a: '~'\nb: 'null'"), "1:1 {1:1 a=1:4 \"~\", 2:1 b=2:4 \"null\"}");
    assert_eq!(tree("null: 1\n~: 2"), "1:1 {1:1 null=1:7 1, 2:1 ~=2:4 2}");
}

#[test]
fn a_file_without_a_value_is_none() {
    for text in [
        "",
        "\n\n",
        "# a comment",
        "  # one\n# two\n",
        "\u{feff}",
        "\u{feff}# x\n",
        "---\n",
        "--- # x\n...\n",
        "~",
        "\r\n",
    ] {
        assert_eq!(tree(text), "none", "{text:?}");
    }
    assert_eq!(tree("''"), "1:1 \"\"");
}

#[test]
fn the_end_of_a_line_and_a_byte_order_mark_move_nothing() {
    let expected = tree("a: 1\nb: |\n  x\n  y\nc: 2\n");
    assert_eq!(tree("a: 1\r\nb: |\r\n  x\r\n  y\r\nc: 2\r\n"), expected);
    assert_eq!(tree("\u{feff}a: 1\nb: |\n  x\n  y\nc: 2"), expected);
    assert_problems("a: 1\n\u{feff}b: 2", &["2:1 "]);
}

#[test]
fn directives_and_document_marks_are_allowed() {
    assert_eq!(tree("%YAML 1.2\n---\na: 1\n...\n"), "3:1 {3:1 a=3:4 1}");
    assert_eq!(tree("%YAML 1.1\n--- a"), "2:5 a");
    assert_problems("%YAML 2.0\n---\na: 1", &["1:1 this `%` directive is not supported"]);
    assert_problems(
        "%YAML 1.2\na: 1",
        &["2:1 expected the end of the file: check the indentation"],
    );
}

#[test]
fn the_tag_str_makes_text() {
    assert_eq!(
        tree("a: !!str 5\nb: !!str\nc: !!str null"),
        "1:1 {1:1 a=1:10 \"5\", 2:1 b=2:9 \"\", 3:1 c=3:10 \"null\"}"
    );
    assert_eq!(tree("a: !<tag:yaml.org,2002:str> 5"), "1:1 {1:1 a=1:29 \"5\"}");
}

#[test]
fn each_other_tag_is_a_problem_at_the_tag() {
    assert_problems(
        "a: !!int 5\nb: !env X\nc: ! 5\nd: !!map {}",
        &["1:4 tags", "2:4 tags", "3:4 tags", "4:4 tags"],
    );
    assert_problems("a: !!str [x]", &["1:4 tags other than `!!str`"]);
}

#[test]
fn an_alias_stands_for_a_copy() {
    assert_eq!(
        tree("a: &x [1, 2]\nb: *x"),
        "1:1 {1:1 a=1:7 [1:8 1, 1:11 2], 2:1 b=2:4 [1:8 1, 1:11 2]}"
    );
    assert_eq!(tree("- &x '1'\n- *x\n- &x 2\n- *x"), "1:1 [1:6 \"1\", 2:3 \"1\", 3:6 2, 4:3 2]");
    assert_eq!(tree("a: &x\nb: *x"), "1:1 {1:1 a=1:6 null, 2:1 b=2:4 null}");
}

#[test]
fn each_unknown_alias_is_a_problem() {
    assert_problems(
        "a: *x\nb: *.log\nc: &x 1",
        &["1:4 no anchor of this name stands", "2:4 no anchor of this name stands"],
    );
}

#[test]
fn an_alias_inside_its_own_value_is_a_problem() {
    assert_problems("a: &x [1, *x]", &["1:11 the alias `*x` stands inside its own value"]);
    assert_problems("&r\na: {b: [*r]}", &["2:9 the alias `*r` stands inside"]);
    assert_problems("- &x [&y [*x, *y]]", &["1:11 the alias `*x`", "1:15 the alias `*y`"]);
}

#[test]
fn each_repeated_key_names_the_first() {
    let text = "a: 1\nb: {c: 1, c: 2}\n'a': 3\na: 4\n";
    let expected = [
        "2:11 the key `c` is also in line 2",
        "3:1 the key `a` is also in line 1",
        "4:1 the key `a` is also in line 1",
    ];
    assert_problems(text, &expected);
    assert_eq!(tree("- a: 1\n- a: 2"), "1:1 [1:3 {1:3 a=1:6 1}, 2:3 {2:3 a=2:6 2}]");
}

#[test]
fn a_long_key_is_cut_in_a_message() {
    let found = problems(&format!("? \"{0}\\nx\"\n: 1\n? \"{0}\\nx\"\n: 2", "é".repeat(5000)));
    assert_eq!(
        found,
        [format!("3:3 the key `{}…` is also in line 1: keep one of them", "é".repeat(60))]
    );
}

#[test]
fn keys_other_than_plain_names_are_problems() {
    assert_problems("a: {{ x }}\n", &["1:5 a list or map cannot be a key"]);
    assert_problems("? [a, b]\n: 1\n? {c: d}\n: 2", &["1:3 a list or map", "3:3 a list or map"]);
    assert_problems("a: &x b\n*x : 1", &["2:1 an alias cannot be a key"]);
    assert_problems(": 1\n'': 2", &["1:1 the key is empty", "2:1 the key is empty"]);
}

#[test]
fn merge_keys_are_refused_and_quoted_ones_are_names() {
    assert_problems(
        "a: &x {b: 1}\nc:\n  <<: *x\n  d: 1",
        &["3:3 merge keys (`<<`) are not supported"],
    );
    assert_eq!(tree("'<<': 1"), "1:1 {1:1 <<=1:7 1}");
}

#[test]
fn a_second_document_is_a_problem_once() {
    assert_problems("a: 1\n---\nb: 1\n---\nc: [", &["2:1 a second document begins here"]);
    assert_problems("a: 1\n...\nb: 1", &["3:1 a second document begins here"]);
    assert_problems("---\n---\n", &["2:1 a second document begins here"]);
}

#[test]
fn all_problems_come_together_in_the_order_of_the_file() {
    let text = "a: *x\nb: 1\n<<: {}\nb: !t 2\nc: {d: 1, d: 2}\ne: @f\n";
    let expected = [
        "1:4 no anchor",
        "3:1 merge",
        "4:1 the key `b`",
        "4:4 tags",
        "5:11 the key `d`",
        "6:4 a value cannot begin",
    ];
    assert_problems(text, &expected);
}

#[test]
fn a_tab_in_the_indentation_is_found_where_it_stands() {
    let expected = |place: &str| {
        format!("{place} a tab is used for indentation, where YAML allows only spaces")
    };
    for (text, place) in [
        ("a:\n\tb: 1", "2:1"),
        ("a:\n  b: 1\n\tc: 2", "3:1"),
        ("a: 1\r\n\tb: 2\r\n", "2:1"),
        ("a:\n  - 1\n \t- 2", "3:2"),
        ("a: |\n\tx", "2:1"),
        ("a: [\n\t1]", "2:1"),
        ("- \t- b", "1:3"),
    ] {
        assert_problems(text, &[&expected(place)]);
    }
    assert_eq!(tree("a:\t1 \t# x\nb: x\ty"), "1:1 {1:1 a=1:4 1, 2:1 b=2:4 x\ty}");
}

#[test]
fn a_second_colon_has_its_own_sentence() {
    assert_problems("key: value: more", &["1:11 a second `: ` stands in this line"]);
    assert_problems("é: ü: x", &["1:5 a second `: ` stands in this line"]);
    assert_problems("\u{feff}a: b: c", &["1:5 a second `: ` stands in this line"]);
    assert_problems("a: 1\n  b:c: 2", &["2:6 a key is not expected here"]);
    assert_problems("a:1\nb: 2", &["2:2 a key is not expected here"]);
    assert_eq!(tree("a: http://x:1"), "1:1 {1:1 a=1:4 http://x:1}");
}

#[test]
fn an_open_quote_is_found_where_it_opens() {
    assert_problems("a: 1\nb: \"x\nc: 2\n", &["2:4 `\"` opens here and is not closed: add `\"`"]);
    assert_problems("a: 'x\nb: 1", &["1:4 `'` opens here and is not closed: add `'`"]);
    assert_problems("a: 'it's'", &["1:8 more text follows a closing quote"]);
    assert_problems("a: \"x\nb: \"y\"", &["2:5 more text follows a closing quote"]);
}

#[test]
fn an_open_bracket_is_named_with_its_place() {
    assert_problems(
        "a: [1, 2\nb: 3",
        &["2:2 this does not fit into what `[` opens in line 1, column 4: close that with `]`"],
    );
    assert_problems(
        "a: {x: 1\nb: 3",
        &["2:2 this does not fit into what `{` opens in line 1, column 4: close that with `}`"],
    );
    assert_problems("a: [1, 2\n", &["1:4 `[` opens here and is not closed: add `]`"]);
    assert_problems("a: [1}", &["1:4 `[` opens here and `}` closes it: close it with `]`"]);
    assert_problems("b: ]", &["1:4 this bracket closes nothing"]);
    assert_problems("{---", &["1:1 `{` opens here and is not closed"]);
}

#[test]
fn wrong_indentation_says_what_to_compare() {
    assert_problems("a:\n    b: 1\n  c: 2", &["3:3 the line does not fit the lines above it"]);
    assert_problems(" a: 1\nb: 2", &["2:1 expected the end of the file: check the indentation"]);
    assert_problems("a: 1\nb:2\nc: 3", &["2:1 expected `key: value`"]);
    assert_problems("a: - b", &["1:4 a list with `-` cannot begin in the line of its key"]);
}

#[test]
fn characters_with_a_meaning_ask_for_quotes() {
    assert_problems("a: 1\nb: `x`", &["2:4 a value cannot begin with ```"]);
    assert_problems("a: *", &["1:4 `*` and `&` begin an alias or anchor"]);
    assert_problems("a: b\0c", &["1:5 the control character U+0000 is not allowed"]);
    assert_problems("a: \"c:\\users\"", &["1:4 an escape with `\\` in this text is not known"]);
}

#[test]
fn a_syntax_error_does_not_hide_what_came_before() {
    assert_problems(
        "a: 1\na: 2\nb: 'x",
        &["2:1 the key `a` is also in line 1", "3:4 `'` opens here"],
    );
}

#[test]
fn depth_ends_at_the_limit() {
    let lists = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(tree(&lists(MAX_DEPTH)).matches('[').count(), MAX_DEPTH);
    assert_problems(
        &lists(MAX_DEPTH + 1),
        &["1:33 lists and maps are nested deeper than 32 levels"],
    );
    assert_problems(&"[".repeat(100_000), &["1:33 lists and maps are nested deeper"]);
    assert_problems(&"- ".repeat(100_000), &["1:65 lists and maps are nested deeper"]);
    assert_problems(&"{a: ".repeat(100_000), &["1:129 lists and maps are nested deeper"]);
}

#[test]
fn depth_counts_lines_brackets_and_aliases_together() {
    let text = |lists: usize| "- ".repeat(20) + &"[".repeat(lists) + &"]".repeat(lists);
    assert_eq!(tree(&text(12)).matches('[').count(), 32);
    assert_problems(&text(13), &["1:53 lists and maps are nested deeper"]);
    let aliased = |outer: usize| {
        format!("- &x {}{}\n- {}*x", "[".repeat(20), "]".repeat(20), "- ".repeat(outer))
    };
    assert_eq!(tree(&aliased(11)).matches('[').count(), 1 + 20 + 11 + 20);
    assert_problems(&aliased(12), &["2:27 lists and maps are nested deeper"]);
    let maps = |outer: usize| {
        format!("- &x {}1{}\n- {}*x", "{a: ".repeat(20), "}".repeat(20), "- ".repeat(outer))
    };
    assert_eq!(tree(&maps(11)).matches('{').count(), 20 + 20);
    assert_problems(&maps(12), &["2:27 lists and maps are nested deeper"]);
}

#[test]
fn aliases_of_aliases_end_at_the_limit() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    // Each level is ten times the one before; the first four together have about 12,000 values.
    assert_problems(&text, &["5:34 the file has more than 100000 keys and values"]);
}

#[test]
fn text_behind_aliases_ends_at_the_limit() {
    let text = format!("- &x {}\n", "x".repeat(100_000)) + &"- *x\n".repeat(30);
    assert_problems(
        &text,
        &["20:3 the file has more than 100000 keys and values, or more than 2097152 bytes of text"],
    );
}

#[test]
fn the_number_of_values_ends_at_the_limit() {
    let list = |nodes: usize| "- x\n".repeat(nodes);
    assert!(parse(&list(MAX_NODES - 1)).is_ok());
    assert_problems(&list(MAX_NODES), &["100000:3 the file has more than 100000 keys and values"]);
    assert_problems(
        &list(MAX_NODES * 2),
        &["100000:3 the file has more than 100000 keys and values"],
    );
}

#[test]
fn the_list_ends_after_many_problems() {
    let found = problems(&"- *x\n".repeat(5000));
    assert_eq!(found.len(), MAX_PROBLEMS + 1);
    assert_eq!(
        found[MAX_PROBLEMS],
        "100:3 this list ends after 100 problems: correct these first, and more may follow"
    );
}
