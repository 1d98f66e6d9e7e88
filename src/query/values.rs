//! An answer, and its forms for programs.

use serde_json::{Value, json};

use super::select::Select;
use super::source::{Metric, Points};
use crate::model::Kind;
use crate::store::Resolution;
use crate::store::export::number;

/// What a query found.
pub struct Answer<'a> {
    pub metric: &'a Metric,
    pub resolution: Resolution,
    pub range_ms: [i64; 2],
    pub points: Points,
    pub select: &'a [Select],
}

impl Answer<'_> {
    /// One object, its values as the API has them.
    pub fn json(&self) -> String {
        let values = self.points.points.iter().map(|point| {
            let mut value = json!({ "timestamp": point.start_ms, "numPoints": point.count });
            for select in self.select {
                value[select.name()] = json!(select.of(point));
            }
            value
        });
        let Metric { check, name, unit, letter, is_counter, .. } = self.metric;
        let [from_ms, to_ms] = self.range_ms;
        json!({
            "check": check,
            "metric": name,
            "unit": unit,
            "type": letter.to_string(),
            "kind": Kind::of_total(*is_counter).name(),
            "resolution": self.resolution.name(),
            "from": from_ms,
            "to": to_ms,
            "values": values.collect::<Vec<Value>>(),
        })
        .to_string()
    }

    /// A header, and a line a point.
    pub fn csv(&self) -> String {
        let names = self.select.iter().map(|select| select.name());
        let header: Vec<_> = ["timestamp_ms", "count"].into_iter().chain(names).collect();
        let mut lines = vec![header.join(",")];
        lines.extend(self.points.points.iter().map(|point| {
            let values = self.select.iter().map(|select| format!(",{}", number(select.of(point))));
            format!("{},{}{}", point.start_ms, point.count, values.collect::<String>())
        }));
        lines.join("\n")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::store::Bucket;

    pub fn metric() -> Metric {
        Metric {
            check: "utilization".to_owned(),
            name: "cpu".to_owned(),
            unit: "percent".to_owned(),
            letter: 'D',
            is_counter: false,
            newest_ms: Some(1_795_939_500_000),
        }
    }

    /// Two buckets of five minutes.
    pub fn points() -> Points {
        let bucket = |start_ms, average, max| Bucket {
            start_ms,
            count: 2,
            average,
            variance: 0.25,
            min: 0.5,
            max,
            total: None,
        };
        let points =
            vec![bucket(1_795_939_200_000, 1.0, 1.5), bucket(1_795_939_500_000, 4.1, 1e20)];
        Points { points, damaged: 0 }
    }

    pub const RANGE_MS: [i64; 2] = [1_795_939_200_000, 1_795_939_800_000];

    #[test]
    fn programs_read_all_digits() {
        let metric = metric();
        let select = [Select::Average, Select::Max];
        let (resolution, points) = (Resolution::Min5, points());
        let range_ms = RANGE_MS;
        let answer = Answer { metric: &metric, resolution, range_ms, points, select: &select };
        assert_eq!(
            answer.json(),
            r#"{"check":"utilization","from":1795939200000,"kind":"gauge","metric":"cpu","resolution":"MIN5","to":1795939800000,"type":"D","unit":"percent","values":[{"average":1.0,"max":1.5,"numPoints":2,"timestamp":1795939200000},{"average":4.1,"max":1e+20,"numPoints":2,"timestamp":1795939500000}]}"#
        );
        assert_eq!(
            answer.csv(),
            "timestamp_ms,count,average,max\n1795939200000,2,1,1.5\n1795939500000,2,4.1,1e20"
        );
    }
}
