//! What `store verify` prints.

use std::iter;

use serde_json::{Value, json};

use crate::query::aligned;
use crate::shown::shown;
use crate::store::verify::{Amount, Held, Verified};
use crate::store::{Resolution, utc};

/// A table of all series and levels, then what is damaged, or that nothing is.
pub fn text(verified: &Verified) -> String {
    let header = ["metric", "resolution", "count", "oldest", "newest", "bytes"].map(str::to_owned);
    let mut rows = vec![header.to_vec()];
    for held in &verified.series {
        let mut name = shown(&name(held));
        for (level, amount) in levels(held) {
            let [oldest, newest] = amount
                .reach_ms
                .map_or_else(|| ["-", "-"].map(str::to_owned), |reach| reach.map(utc));
            let (count, bytes) = (amount.count.to_string(), amount.bytes.to_string());
            let name = std::mem::take(&mut name);
            rows.push(vec![name, level.name().to_owned(), count, oldest, newest, bytes]);
        }
    }
    let mut lines = Vec::new();
    match verified.series.is_empty() {
        true => lines.push("the history has no metric yet".to_owned()),
        false => lines.push(aligned(&rows)),
    }
    lines.push(format!("\nbytes of all blocks: {}", verified.bytes));
    if verified.damaged_count == 0 {
        lines.push("valid".to_owned());
        return lines.join("\n");
    }
    lines.push(format!("damaged: {}", verified.damaged_count));
    lines.extend(verified.damaged.iter().map(|text| shown(text)));
    let more = verified.damaged_count - verified.damaged.len();
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines.join("\n")
}

pub fn json(verified: &Verified) -> String {
    let series = verified.series.iter().map(|held| {
        let levels = levels(held).map(|(level, amount)| {
            let [oldest, newest] = amount.reach_ms.map_or([None; 2], |reach| reach.map(Some));
            json!({
                "resolution": level.name(), "count": amount.count, "oldest": oldest, "newest": newest,
                "bytes": amount.bytes,
            })
        });
        let of = &held.described;
        let levels: Vec<Value> = levels.collect();
        json!({ "check": &*of.check, "metric": &*of.name, "unit": &*of.unit, "levels": levels })
    });
    json!({
        "valid": verified.damaged_count == 0,
        "bytes": verified.bytes,
        "series": series.collect::<Vec<Value>>(),
        "damaged": verified.damaged,
        "damaged_count": verified.damaged_count,
    })
    .to_string()
}

/// The levels that have something, and at least the finest.
fn levels(held: &Held) -> impl Iterator<Item = (Resolution, &Amount)> {
    let all = iter::zip(Resolution::ALL, &held.levels);
    all.filter(|(level, amount)| amount.count > 0 || *level == Resolution::Full)
}

fn name(held: &Held) -> String {
    format!("{}/{}", held.described.check, held.described.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Described;

    fn verified() -> Verified {
        let described = Described {
            check: "utilization".into(),
            name: "cpu".into(),
            unit: "percent".into(),
            letter: 'D',
            is_counter: false,
        };
        let mut levels = [Amount::default(); 6];
        let reach_ms = Some([1_795_939_200_000, 1_795_942_799_100]);
        levels[0] = Amount { count: 4000, reach_ms, bytes: 0 };
        levels[1] = Amount { count: 12, reach_ms: Some([1_795_939_200_000; 2]), bytes: 77 };
        let series = vec![Held { described, levels }];
        Verified { series, bytes: 5000, damaged: Vec::new(), damaged_count: 0 }
    }

    #[test]
    fn each_level_has_its_row() {
        assert_eq!(
            text(&verified()),
            "metric           resolution  count                oldest                    newest  bytes\n\
             utilization/cpu        FULL   4000  2026-11-29T08:00:00Z  2026-11-29T08:59:59.100Z      0\n\
             \u{20}                      MIN5     12  2026-11-29T08:00:00Z      2026-11-29T08:00:00Z     77\n\
             \n\
             bytes of all blocks: 5000\n\
             valid"
        );
        assert_eq!(
            json(&verified()),
            r#"{"bytes":5000,"damaged":[],"damaged_count":0,"series":[{"check":"utilization","levels":[{"bytes":0,"count":4000,"newest":1795942799100,"oldest":1795939200000,"resolution":"FULL"},{"bytes":77,"count":12,"newest":1795939200000,"oldest":1795939200000,"resolution":"MIN5"}],"metric":"cpu","unit":"percent"}],"valid":true}"#
        );
    }

    #[test]
    fn what_is_damaged_is_said() {
        let damaged = vec!["MIN5 from X: page 3 is not as it was written".to_owned()];
        let found = Verified { damaged, damaged_count: 3, ..verified() };
        let end = "damaged: 3\nMIN5 from X: page 3 is not as it was written\nand 2 more";
        assert!(text(&found).ends_with(end), "{}", text(&found));
    }
}
