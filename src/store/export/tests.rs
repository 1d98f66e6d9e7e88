use super::*;

const START_MS: i64 = 1_795_910_400_000;

fn store() -> Store {
    let mut store = Store::in_memory(1 << 20);
    let odd = Described {
        check: "a,\"b\"".into(),
        name: "c\\d\n".into(),
        unit: "".into(),
        letter: 'D',
        is_counter: false,
    };
    let plain = Described {
        check: "x".into(),
        name: "y".into(),
        unit: "percent".into(),
        letter: 'D',
        is_counter: false,
    };
    for described in [odd, plain] {
        let place = store.series(described).expect("room");
        for (at_ms, value) in [(START_MS, 1.0), (START_MS + 7, 2.5e-9)] {
            store.put(place, at_ms, value, START_MS);
        }
    }
    store
}

fn written(format: Format, resolution: Resolution) -> String {
    let (store, mut out) = (store(), Vec::new());
    let export = Export { format, resolution, range_ms: [0, i64::MAX], now_ms: START_MS };
    let metrics = store.checks().flat_map(|check| store.metrics(check)).map(|(of, _)| of);
    assert_eq!(export.write(&store, metrics, &mut out).expect("memory takes all"), 0);
    String::from_utf8(out).expect("text")
}

#[test]
fn csv_has_quotes_where_a_cell_needs_them() {
    assert_eq!(
        written(Format::Csv, Resolution::Full),
        "check,metric,unit,timestamp_ms,value\n\
         \"a,\"\"b\"\"\",\"c\\d\n\",,1795910400000,1\n\
         \"a,\"\"b\"\"\",\"c\\d\n\",,1795910400007,2.5e-9\n\
         x,y,percent,1795910400000,1\n\
         x,y,percent,1795910400007,2.5e-9\n"
    );
    let rollup = written(Format::Csv, Resolution::Min5);
    let lines: Vec<_> = rollup.lines().collect();
    assert_eq!(lines[0], "check,metric,unit,timestamp_ms,count,average,min,max,variance");
    let last = lines.last().expect("there are lines");
    assert!(last.starts_with("x,y,percent,1795910400000,2,0.50000000125,2.5e-9,1,0.249"), "{last}");
}

#[test]
fn json_has_an_object_a_line() {
    let lines = written(Format::Json, Resolution::Full);
    let line =
        r#"{"check":"a,\"b\"","metric":"c\\d\n","timestamp":1795910400000,"unit":"","value":1.0}"#;
    assert_eq!(lines.lines().next(), Some(line));
    assert_eq!(lines.lines().count(), 4);
    let rollup = written(Format::Json, Resolution::Min1440);
    assert!(
        rollup.contains(r#""numPoints":2"#) && rollup.contains(r#""variance":0.2"#),
        "{rollup}"
    );
}

#[test]
fn openmetrics_has_escaped_labels_and_an_end() {
    assert_eq!(
        written(Format::OpenMetrics, Resolution::Full),
        "# TYPE history gauge\n\
         history{check=\"a,\\\"b\\\"\",metric=\"c\\\\d\\n\"} 1 1795910400.000\n\
         history{check=\"a,\\\"b\\\"\",metric=\"c\\\\d\\n\"} 2.5e-9 1795910400.007\n\
         history{check=\"x\",metric=\"y\",unit=\"percent\"} 1 1795910400.000\n\
         history{check=\"x\",metric=\"y\",unit=\"percent\"} 2.5e-9 1795910400.007\n\
         # EOF\n"
    );
    let rollup = written(Format::OpenMetrics, Resolution::Min5);
    let label = "history{check=\"x\",metric=\"y\",unit=\"percent\",resolution=\"MIN5\",statistic=\"count\"} 2 1795910400.000";
    assert!(rollup.lines().any(|line| line == label), "{rollup}");
    assert_eq!(rollup.lines().count(), 2 + 2 * 5);
}

#[test]
fn more_points_than_a_page_are_all_written_once() {
    let mut store = Store::in_memory(1 << 24);
    let (check, name, unit) = ("x".into(), "y".into(), "".into());
    let described = Described { check, name, unit, letter: 'D', is_counter: false };
    let place = store.series(described.clone()).expect("room");
    let count = 3 * PAGE + 5;
    for number in 0..count as i64 {
        store.put(place, START_MS + number, number as f64, START_MS);
    }
    let (format, resolution) = (Format::Csv, Resolution::Full);
    let export = Export { format, resolution, range_ms: [0, i64::MAX], now_ms: START_MS };
    let mut out = Vec::new();
    export.write(&store, [&described], &mut out).expect("memory takes all");
    let text = String::from_utf8(out).expect("text");
    let expected = (0..count).map(|number| format!("x,y,,{},{number}", START_MS + number as i64));
    assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn what_nobody_takes_is_an_error_of_the_output() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (format, resolution) = (Format::Csv, Resolution::Full);
    let export = Export { format, resolution, range_ms: [0, i64::MAX], now_ms: START_MS };
    let written = export.write(&store(), [], &mut Closed);
    assert!(matches!(written, Err(Unwritten::Output(_))), "{written:?}");
}
