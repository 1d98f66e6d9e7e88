//! Lists, a page at a time.

use serde_json::{Value, json};

use super::asked::Asked;
use super::failure::Failure;
use super::query::{MARKER, Query};

/// The page of a list that is asked for. The items have their ids, and come in any order.
pub fn page<T>(
    asked: &Asked,
    items: Vec<(String, T)>,
    object: impl Fn(&str, &T) -> Value,
) -> Result<Value, Failure> {
    let (ids, items): (Vec<_>, Vec<_>) = items.into_iter().unzip();
    page_of_ids(asked, ids, &|id, place| object(id, &items[place]))
}

/// The same without the type of the items, as the code that sorts is 5 kB for each type.
fn page_of_ids(
    asked: &Asked,
    ids: Vec<String>,
    object: &dyn Fn(&str, usize) -> Value,
) -> Result<Value, Failure> {
    let limit = limit(&asked.query, MOST_ITEMS)?.unwrap_or(USUAL_ITEMS);
    let marker = asked.query.one(MARKER)?.filter(|marker| !marker.is_empty());
    // An item that is gone since does not end the list.
    let is_left = |(id, _): &(String, usize)| marker.is_none_or(|marker| &**id >= marker);
    let mut items: Vec<_> = ids.into_iter().zip(0..).filter(is_left).collect();
    // Of many items only those of the page are sorted.
    if items.len() > limit {
        items.select_nth_unstable(limit);
        items.truncate(limit + 1);
    }
    items.sort_unstable();
    let values: Vec<_> = items.iter().take(limit).map(|(id, place)| object(id, *place)).collect();
    let next = items.get(limit).map(|(id, _)| &**id);
    let mut metadata = json!({
        "count": values.len(),
        "limit": limit,
        "marker": marker,
        "next_marker": next,
        "next_href": null,
    });
    if let Some(next) = next {
        metadata["next_href"] = asked.href(&asked.query.with_marker(next)).into();
    }
    Ok(json!({ "values": values, "metadata": metadata }))
}

/// How many items are asked for.
pub fn limit(query: &Query, most: usize) -> Result<Option<usize>, Failure> {
    let Some(text) = query.one("limit").map_err(|failure| failure.of_kind(INVALID))? else {
        return Ok(None);
    };
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    let expected = || format!("a whole number from 1 to {most}");
    let limit = limit.ok_or_else(|| Failure::value("limit", text, expected()).of_kind(INVALID))?;
    Ok(Some(limit))
}

const INVALID: &str = "invalidLimit";

/// Items of a page where no limit is asked for.
const USUAL_ITEMS: usize = 100;

/// More on one page are refused.
const MOST_ITEMS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::asked::tests::asked;

    fn page_of(query: &str, count: usize) -> Result<(Vec<String>, Value), Failure> {
        // Not in their order.
        let items = (0..count).rev().map(|number| (format!("c{number:03}"), number)).collect();
        let page = page(&asked(query), items, |id, _| id.into())?;
        let values = page["values"].as_array().expect("an array").iter();
        let values = values.map(|id| id.as_str().expect("an id").to_owned()).collect();
        Ok((values, page["metadata"].clone()))
    }

    #[test]
    fn following_the_markers_gives_every_item_once_in_order() {
        for (limit, count) in [(1, 3), (2, 4), (2, 5), (3, 3), (1000, 7)] {
            let (mut query, mut all) = (format!("limit={limit}&x=1"), Vec::new());
            loop {
                let (values, metadata) = page_of(&query, count).expect("a page");
                assert_eq!(metadata["count"], values.len());
                assert_eq!(metadata["limit"], limit);
                all.extend(values);
                let Some(next) = metadata["next_marker"].as_str() else {
                    assert_eq!(metadata["next_href"], Value::Null);
                    break;
                };
                query = format!("limit={limit}&x=1&marker={next}");
                assert_eq!(metadata["next_href"], format!("http://localhost/path?{query}"));
            }
            let expected: Vec<_> = (0..count).map(|number| format!("c{number:03}")).collect();
            assert_eq!(all, expected);
        }
    }

    #[test]
    fn without_a_limit_a_page_has_a_hundred_items() {
        let (values, metadata) = page_of("", 250).expect("a page");
        assert_eq!((values.len(), &metadata["limit"]), (100, &json!(100)));
        assert_eq!(metadata["next_marker"], "c100");
        let (none, metadata) = page_of("", 0).expect("a page");
        assert!(none.is_empty());
        assert_eq!(metadata["next_marker"], Value::Null);
    }

    #[test]
    fn an_item_that_is_gone_does_not_end_the_list() {
        let (values, metadata) = page_of("marker=c0015&limit=1", 5).expect("a page");
        assert_eq!((values, &metadata["marker"]), (vec!["c002".to_owned()], &json!("c0015")));
        assert_eq!(page_of("marker=z", 5).expect("a page").0, [""; 0]);
        assert_eq!(page_of("marker=", 2).expect("a page").1["marker"], Value::Null);
    }

    #[test]
    fn another_limit_is_refused() {
        for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1&limit=2"] {
            let failure = page_of(query, 1).expect_err("it is refused");
            assert_eq!(failure.kind, "invalidLimit", "{query}");
            assert_eq!(failure.status, 400, "{query}");
        }
    }
}
