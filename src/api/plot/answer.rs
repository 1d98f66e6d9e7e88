//! The answer to what is asked for.

use std::fmt::Write;

use serde_json::{Number, Value, json};

use super::parameters::{Density, Select, Wanted};
use crate::api::failure::Failure;
use crate::api::history::{Bucket, Change, Plot};
use crate::api::query::MARKER;
use crate::store::{Resolution, Total};

/// What a page is of: half-open, and aligned to the buckets of its resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub resolution: Resolution,
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Page {
    /// The page that is asked for, at `now_ms`.
    pub fn of(wanted: &Wanted, now_ms: i64) -> Result<Self, Failure> {
        let (from_ms, to_ms) = (wanted.from_ms, wanted.to_ms);
        let resolution = match wanted.density {
            Density::Points(points) => Resolution::choose(points, from_ms, to_ms, now_ms),
            Density::Resolution(resolution) => resolution,
        };
        // What has expired is not offered, also where it is still there.
        let from_ms = from_ms.max(resolution.kept_since(now_ms));
        let from_ms = resolution.bucket_start(from_ms);
        let from_ms = match wanted.marker_ms {
            None => from_ms,
            // The page before was some time ago, and its points may have expired since.
            Some(marker) if (resolution.bucket_start(wanted.from_ms)..to_ms).contains(&marker) => {
                resolution.bucket_start(marker).max(from_ms)
            }
            Some(marker) => {
                let expected = "a time of the range, as the next_marker of an answer";
                return Err(Failure::value(MARKER, &marker.to_string(), expected));
            }
        };
        Ok(Self { resolution, from_ms, to_ms })
    }

    /// The answer with these points, as JSON; `href` makes the URL of the next page. It is written point by point: a page of
    /// values that become a text later would take two megabytes.
    pub fn answer(self, wanted: &Wanted, plot: &Plot, href: impl Fn(&str) -> String) -> String {
        let (mut values, mut count) = (String::new(), 0);
        for point in plot.points.iter().filter_map(|of| point(of, wanted.select)) {
            if count > 0 {
                values.push(',');
            }
            values.push_str(&point);
            count += 1;
        }
        let mut metadata = self.metadata(wanted, count, plot.next_ms, href);
        if plot.damaged > 0 {
            metadata["damaged"] = plot.damaged.into();
        }
        format!(r#"{{"metadata":{metadata},"values":[{values}]}}"#)
    }

    /// The same of a text. The first page begins with the text that was there when the range begins.
    pub fn answer_of_texts(
        self,
        wanted: &Wanted,
        mut changes: Vec<Change>,
        href: impl Fn(&str) -> String,
    ) -> Value {
        let is_first = wanted.marker_ms.is_none();
        changes.retain(|of| is_first || of.at_ms >= self.from_ms);
        let next_ms = changes.get(wanted.limit).map(|of| of.at_ms);
        changes.truncate(wanted.limit);
        let value = |of: &Change| json!({ "numPoints": 1, "timestamp": of.at_ms, "text": of.text });
        let values: Vec<_> = changes.iter().map(value).collect();
        let metadata = self.metadata(wanted, values.len(), next_ms, href);
        json!({ "values": values, "metadata": metadata })
    }

    fn metadata(
        self,
        wanted: &Wanted,
        count: usize,
        next_ms: Option<i64>,
        href: impl Fn(&str) -> String,
    ) -> Value {
        json!({
            "count": count,
            "limit": wanted.limit,
            "marker": wanted.marker_ms,
            "next_marker": next_ms,
            "next_href": next_ms.map(|next| href(&next.to_string())),
            "resolution": self.resolution.name(),
        })
    }
}

/// A point, as JSON. One that is no number is left out: JSON has no such numbers.
fn point(of: &Bucket, select: Select) -> Option<String> {
    let mut text = String::from("{");
    let before = [
        ("average", select.average, of.average),
        ("max", select.max, of.max),
        ("min", select.min, of.min),
    ];
    for (name, _, value) in before.into_iter().filter(|(_, is_selected, _)| *is_selected) {
        let _ = write!(text, "\"{name}\":{},", Number::from_f64(value)?);
    }
    let _ = write!(text, "\"numPoints\":{},\"timestamp\":{}", of.count, of.start_ms);
    if let Some(Total { first, last, growth }) = of.total.filter(|_| select.growth) {
        for (name, value) in [("first", first), ("last", last), ("growth", growth)] {
            let _ = write!(text, ",\"{name}\":{}", Number::from_f64(value)?);
        }
    }
    if select.variance {
        let _ = write!(text, ",\"variance\":{}", Number::from_f64(of.variance)?);
    }
    text.push('}');
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;
    use std::rc::Rc;

    use futures_util::FutureExt;
    use futures_util::future::LocalBoxFuture;

    use crate::api::asked::Asked;
    use crate::api::asked::tests::asked;
    use crate::api::history::{Counts, History, Part, Unplottable, Unread};
    use crate::api::plot::{OFF, answer};
    use crate::store::Described;

    const DAY: i64 = 86_400_000;
    /// At the start of a day.
    const NOW: i64 = 20_000 * DAY;

    /// A history of a value each half minute since 1970, which is the time.
    struct HalfMinutes;

    impl History for HalfMinutes {
        fn checks(&self) -> Vec<Rc<str>> {
            Vec::new()
        }

        fn metrics(&self, _check: &str) -> Vec<(Described, Option<i64>)> {
            Vec::new()
        }

        fn counts(&self) -> Counts {
            Counts::default()
        }

        fn reaches(&self) -> LocalBoxFuture<'_, Result<[Option<i64>; 6], Unread>> {
            ready(Ok([None; 6])).boxed_local()
        }

        fn plot<'a>(
            &'a self,
            name: [&'a str; 2],
            part: Part,
        ) -> LocalBoxFuture<'a, Result<Plot, Unplottable>> {
            ready(match name {
                ["c", "cpu"] => Ok(half_minutes(part)),
                ["c", "text"] => Err(Unplottable::Text),
                ["c", _] => Err(Unplottable::NoMetric),
                _ => Err(Unplottable::NoCheck),
            })
            .boxed_local()
        }

        fn texts(&self, name: [&str; 2], range_ms: [i64; 2]) -> Result<Vec<Change>, Unplottable> {
            if name == ["c", "cpu"] {
                return Err(Unplottable::Number);
            }
            let change =
                |nth: i64| Change { at_ms: NOW - nth * 1000, text: nth.to_string().into() };
            let all = (1..=5).rev().map(change).filter(|of| of.at_ms < range_ms[1]);
            // One of them was there before the range begins.
            let older = (1..=5).filter(|nth| NOW - nth * 1000 <= range_ms[0]).count();
            Ok(all.skip(older.saturating_sub(1)).collect())
        }
    }

    fn half_minutes(part: Part) -> Plot {
        let Part { resolution, range_ms: [from_ms, to_ms], most, .. } = part;
        let length = resolution.length_ms().unwrap_or(30_000);
        let starts = (from_ms.div_euclid(length)..).map(|number| number * length);
        let starts = starts.filter(|start| *start >= from_ms).take_while(|of| *of < to_ms);
        let mut starts: Vec<_> = starts.collect();
        let next_ms = starts.get(most).copied();
        starts.truncate(most);
        let bucket = |start_ms| Bucket {
            start_ms,
            count: (length / 30_000).unsigned_abs(),
            average: start_ms as f64,
            variance: 0.5,
            min: 1.0,
            max: 4.1,
            total: Some(Total { first: 1.0, last: 2.0, growth: 7.5 }),
        };
        let points = starts.into_iter().map(bucket).collect();
        Plot { points, next_ms, damaged: 0 }
    }

    /// The history here is never waited for.
    fn answered(
        asked: &Asked,
        history: Option<&dyn History>,
        check: &str,
        metric: &str,
    ) -> Result<Value, Failure> {
        let answered = answer(asked, history, check, metric, NOW).now_or_never();
        let text = answered.expect("nothing is waited for")?;
        Ok(serde_json::from_str(&text).expect("it is JSON"))
    }

    fn plot(query: &str) -> Result<Value, Failure> {
        answered(&asked(query), Some(&HalfMinutes), "c", "cpu")
    }

    /// All starts over all pages, with the number of pages and the resolution.
    fn all(query: &str) -> (Vec<i64>, usize, String) {
        let (mut starts, mut pages, mut next) = (Vec::new(), 0, query.to_owned());
        loop {
            let page = plot(&next).expect("a page");
            let values = page["values"].as_array().expect("an array");
            starts.extend(values.iter().map(|of| of["timestamp"].as_i64().expect("a time")));
            pages += 1;
            let metadata = &page["metadata"];
            assert_eq!(metadata["count"], values.len());
            let Some(href) = metadata["next_href"].as_str() else {
                assert_eq!(metadata["next_marker"], Value::Null);
                return (starts, pages, metadata["resolution"].as_str().expect("one").to_owned());
            };
            assert!(metadata["next_marker"].is_i64());
            next = href.split_once('?').expect("parameters").1.to_owned();
        }
    }

    #[test]
    fn two_days_have_their_points_exactly_once_over_all_pages() {
        let (from, to) = (NOW - 2 * DAY, NOW);
        for (name, count, pages) in [
            ("FULL", 5760, 4),
            ("MIN5", 576, 1),
            ("MIN20", 144, 1),
            ("MIN60", 48, 1),
            ("MIN240", 12, 1),
            ("MIN1440", 2, 1),
        ] {
            let found = all(&format!("from={from}&to={to}&resolution={name}"));
            let length = 2 * DAY / count;
            let expected: Vec<_> = (0..count).map(|number| from + number * length).collect();
            assert_eq!(found, (expected, pages, name.to_owned()), "{name}");
        }
        let (points, pages, name) = all(&format!("from={from}&to={to}&points=3168"));
        assert_eq!((points.len(), pages, &*name), (5760, 4, "FULL"));
        let (points, pages, name) = all(&format!("from={from}&to={to}&points=360&limit=100"));
        assert_eq!((points.len(), pages, &*name), (576, 6, "MIN5"));
    }

    #[test]
    fn a_range_begins_with_the_bucket_of_its_first_instant() {
        let (from, to) = (NOW - DAY + 1, NOW - DAY + 300_000);
        let (starts, ..) = all(&format!("from={from}&to={to}&resolution=MIN5"));
        assert_eq!(starts, [NOW - DAY]);
        let (starts, ..) = all(&format!("from={from}&to={}&resolution=MIN5", to + 1));
        assert_eq!(starts, [NOW - DAY, NOW - DAY + 300_000]);
    }

    #[test]
    fn what_has_expired_is_not_offered() {
        let (starts, ..) = all(&format!("from=0&to={NOW}&resolution=FULL"));
        assert_eq!(starts.first(), Some(&(NOW - 2 * DAY - 300_000)));
        let (starts, _, name) = all(&format!("from=0&to={NOW}&points=999999999"));
        assert_eq!((starts.len(), &*name), (1827, "MIN1440"));
    }

    #[test]
    fn a_point_has_what_is_selected() {
        let of = |select: &str| {
            let query = format!("from={}&to={NOW}&resolution=MIN5&limit=1{select}", NOW - DAY);
            plot(&query).expect("a page")["values"][0].clone()
        };
        let time = NOW - DAY;
        let average = json!({ "numPoints": 10, "timestamp": time, "average": time as f64 });
        assert_eq!(of(""), average);
        assert_eq!(of("&select=min"), json!({ "numPoints": 10, "timestamp": time, "min": 1.0 }));
        let both = json!({ "numPoints": 10, "timestamp": time, "max": 4.1, "variance": 0.5 });
        assert_eq!(of("&select=variance,max"), both);
        let growth =
            json!({ "numPoints": 10, "timestamp": time, "first": 1.0, "last": 2.0, "growth": 7.5 });
        assert_eq!(of("&select=growth"), growth);
    }

    #[test]
    fn a_point_that_is_no_number_is_left_out() {
        let bucket = Bucket {
            start_ms: 0,
            count: 1,
            average: f64::NAN,
            variance: 0.0,
            min: 0.0,
            max: f64::INFINITY,
            total: None,
        };
        let all = Select { average: true, ..Select::default() };
        assert_eq!(point(&bucket, all), None);
        let max = Select { max: true, ..Select::default() };
        assert_eq!(point(&bucket, max), None);
    }

    #[test]
    fn a_text_has_its_changes() {
        let of = |metric, query: &str| {
            let query = format!("from={}&to={NOW}&select=text&{query}", NOW - 3500);
            let answer = answered(&asked(&query), Some(&HalfMinutes), "c", metric);
            answer.map_err(|failure| (failure.status.as_u16(), failure.message))
        };
        let change = |nth: i64| json!({ "numPoints": 1, "timestamp": NOW - nth * 1000, "text": nth.to_string() });
        let all = of("text", "resolution=full").expect("an answer");
        assert_eq!(all["values"], json!([change(4), change(3), change(2), change(1)]));
        assert_eq!(all["metadata"]["resolution"], "FULL");
        let mut page = of("text", "resolution=FULL&limit=2").expect("an answer");
        assert_eq!(page["values"], json!([change(4), change(3)]));
        assert_eq!(page["metadata"]["next_marker"], NOW - 2000);
        page = of("text", &format!("resolution=FULL&limit=2&marker={}", NOW - 2000))
            .expect("an answer");
        assert_eq!(page["values"], json!([change(2), change(1)]));
        assert_eq!(page["metadata"]["next_href"], Value::Null);
        let rollup =
            "metric \"text\" is a text, which has no rollups: select=text expects resolution=FULL";
        assert_eq!(of("text", "resolution=MIN5"), Err((400, rollup.to_owned())));
        assert_eq!(of("text", "points=5000"), Err((400, rollup.to_owned())));
        let number = "metric \"cpu\" is a number, which has no select=text";
        assert_eq!(of("cpu", "resolution=FULL"), Err((400, number.to_owned())));
    }

    #[test]
    fn what_there_is_not_is_told() {
        let query = format!("from=0&to={NOW}&points=1");
        let refused = |history: Option<&dyn History>, check, metric| {
            let refused = answered(&asked(&query), history, check, metric);
            refused.map_err(|failure| (failure.status.as_u16(), failure.message)).err()
        };
        let history: Option<&dyn History> = Some(&HalfMinutes);
        assert_eq!(refused(None, "c", "cpu"), Some((404, OFF.to_owned())));
        let no_check = (404, "check \"d\" has no history".to_owned());
        assert_eq!(refused(history, "d", "cpu"), Some(no_check));
        let no_metric = (404, "check \"c\" has no history of a metric \"x\"".to_owned());
        assert_eq!(refused(history, "c", "x"), Some(no_metric));
        let text = (
            400,
            "metric \"text\" is a text, which has no points: resolution=FULL&select=text gives its changes"
                .to_owned(),
        );
        assert_eq!(refused(history, "c", "text"), Some(text));
        let marker = format!("{query}&marker={NOW}");
        assert_eq!(plot(&marker).expect_err("no such page").status, 400);
    }
}
