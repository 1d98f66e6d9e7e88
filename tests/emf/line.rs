//! Reads a line of Embedded Metric Format, and holds it to the specification.

use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value as Json;

/// A line that keeps to the specification.
#[derive(Debug)]
pub struct Line {
    pub object: Json,
    /// Milliseconds since the Unix epoch.
    pub timestamp: u64,
    /// The names of each set of dimensions.
    pub sets: Vec<Vec<String>>,
    pub metrics: Vec<Metric>,
}

#[derive(Debug)]
pub struct Metric {
    pub name: String,
    pub unit: Option<String>,
    pub storage_resolution: Option<u64>,
    /// One, or all of an array.
    pub values: Vec<f64>,
    pub is_array: bool,
}

impl Line {
    /// The values of a metric; none where the line does not have it.
    pub fn values(&self, name: &str) -> &[f64] {
        let metric = self.metrics.iter().find(|metric| metric.name == name);
        metric.map_or(&[], |metric| &metric.values)
    }
}

/// The lines of a standard output.
pub fn lines(stdout: &str) -> Vec<Line> {
    let read = |line| read(line).map_err(|wrong| format!("{wrong}: {line}"));
    stdout.lines().map(|line| read(line).expect("it keeps to the specification")).collect()
}

/// The line, or what is wrong with it.
pub fn read(line: &str) -> Result<Line, String> {
    if line.len() >= MOST_BYTES {
        return Err(format!("{} bytes", line.len()));
    }
    let object: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let (schemas, schema) = &*SCHEMA;
    schemas.validate(&object, *schema).map_err(|error| format!("{error:#}"))?;
    let [directive] = &object["_aws"]["CloudWatchMetrics"].as_array().expect("by the schema")[..]
    else {
        return Err("more directives than one".to_owned());
    };
    let list = |name: &str| directive[name].as_array().expect("by the schema").iter();
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let set = |set: &Json| set.as_array().into_iter().flatten().filter_map(text).collect();
    let sets: Vec<Vec<_>> = list("Dimensions").map(set).collect();
    // What a schema cannot say: that what is named is there.
    for name in sets.iter().flatten() {
        if !object[name].is_string() {
            return Err(format!("the dimension {name} is no string at the root"));
        }
    }
    let metrics = list("Metrics").map(|metric| {
        let name = text(&metric["Name"]).expect("by the schema");
        let values = match &object[&name] {
            Json::Number(number) => vec![number.as_f64()],
            Json::Array(numbers) => numbers.iter().map(Json::as_f64).collect(),
            _ => return Err(format!("the metric {name} is no number at the root")),
        };
        Ok(Metric {
            unit: text(&metric["Unit"]),
            storage_resolution: metric["StorageResolution"].as_u64(),
            values: values.into_iter().map(|value| value.expect("by the schema")).collect(),
            is_array: object[&name].is_array(),
            name,
        })
    });
    let metrics = metrics.collect::<Result<_, _>>()?;
    let timestamp = object["_aws"]["Timestamp"].as_u64().expect("by the schema");
    Ok(Line { timestamp, sets, metrics, object })
}

static SCHEMA: LazyLock<(Schemas, SchemaIndex)> = LazyLock::new(|| {
    let text = include_str!("schema.json");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let schema = serde_json::from_str(text).expect("the schema is JSON");
    compiler.add_resource(NAME, schema).expect("it has a name");
    let schema = compiler.compile(NAME, &mut schemas).expect("it is a schema");
    (schemas, schema)
});

/// Nothing is looked up by it.
const NAME: &str = "urn:embedded-metric-format";

/// A log event takes less than this.
const MOST_BYTES: usize = 1_000_000;

#[test]
fn what_the_specification_forbids_is_found() {
    let line = |directive: &str, rest: &str| {
        format!(
            r#"{{"_aws":{{"Timestamp":1795000020000,"CloudWatchMetrics":[{directive}]}},{rest}}}"#
        )
    };
    let directive = r#"{"Namespace":"T","Dimensions":[["S"]],"Metrics":[{"Name":"M"}]}"#;
    assert!(read(&line(directive, r#""S":"s","M":1.5"#)).is_ok());
    let many = vec!["1"; 101].join(",");
    for (directive, rest) in [
        (directive, r#""S":"s","M":"1.5""#.to_owned()),
        (directive, r#""S":"s""#.to_owned()),
        (directive, r#""S":1,"M":1"#.to_owned()),
        (directive, format!(r#""S":"s","M":[{many}]"#)),
        (directive, format!(r#""S":"{}","M":1"#, "s".repeat(1025))),
        (directive, r#""S":"s","M":1} {"S":"s""#.to_owned()),
        (&directive.replace("\"T\"", "\"\""), r#""S":"s","M":1"#.to_owned()),
        (&directive.replace("[\"S\"]", "\"S\""), r#""S":"s","M":1"#.to_owned()),
        (&directive.replace("\"M\"", "\"M\",\"Unit\":\"%\""), r#""S":"s","M":1"#.to_owned()),
        (
            &directive.replace("\"M\"", "\"M\",\"StorageResolution\":10"),
            r#""S":"s","M":1"#.to_owned(),
        ),
    ] {
        let line = line(directive, &rest);
        assert!(read(&line).is_err(), "{line}");
    }
    assert!(read(&line(directive, r#""S":"s","M":1"#).replace("0000,", "0000.5,")).is_err());
}
