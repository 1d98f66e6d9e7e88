//! Sorted maps, sets and lists, with little code.
//!
//! The standard library has a sort of its own for each type and each closure, of 2 to 3 kB of code. `collect` and `from`
//! into a map or a set begin with one, for every place that collects. Here there is one `insert` for each type of map,
//! and one sort for all lists, which took 250 kB off the binary. What is sorted for each sample, point or percentile has
//! a sort of its own, which is faster.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Of two values of one key the last one stays.
pub fn map_of<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}

pub fn set_of<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(items);
    set
}

/// An object of JSON; of two values of one key the last one stays.
pub fn object_of(pairs: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut map = Map::new();
    map.extend(pairs);
    map
}

/// Sorts a list.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts by a key, which is made once for each; where it is the same, they stay in their order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let keys: Vec<_> = items.iter().map(key).collect();
    let swaps = swaps(keys.len(), &|one, other| keys[one].cmp(&keys[other]));
    swaps.into_iter().for_each(|(one, other)| items.swap(one, other));
}

/// Sorts in an order; what is equal in it stays in its order.
pub fn sort_by<T>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    let swaps = swaps(items.len(), &|one, other| order(&items[one], &items[other]));
    swaps.into_iter().for_each(|(one, other)| items.swap(one, other));
}

/// The places of so many items in their order, of which the order compares two.
fn places(count: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<_> = (0..count).collect();
    places.sort_unstable_by(|one, other| order(*one, *other).then(one.cmp(other)));
    places
}

/// What to swap, one after the other, to sort them.
fn swaps(count: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<(usize, usize)> {
    // Where the one at each place belongs.
    let mut to = vec![0; count];
    places(count, order).into_iter().enumerate().for_each(|(place, from)| to[from] = place);
    let mut swaps = Vec::new();
    for place in 0..count {
        while to[place] != place {
            swaps.push((place, to[place]));
            let target = to[place];
            to.swap(place, target);
        }
    }
    swaps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_two_values_of_one_key_the_last_one_stays() {
        let pairs = [("b", 1), ("a", 2), ("b", 3)];
        assert_eq!(map_of(pairs), BTreeMap::from(pairs));
        assert_eq!(map_of(pairs)["b"], 3);
        let object = object_of(pairs.map(|(key, value)| (key.to_owned(), value.into())));
        assert_eq!(Value::Object(object), serde_json::json!({ "a": 2, "b": 3 }));
        assert_eq!(set_of(pairs), BTreeSet::from(pairs));
    }

    #[test]
    fn nothing_and_one_are_sorted() {
        sort::<u8>(&mut []);
        let mut one = ["a".to_owned()];
        sort(&mut one);
        assert_eq!(one, ["a"]);
        assert_eq!(places(0, &|_, _| unreachable!("there is nothing")), [0; 0]);
    }

    proptest! {
        #[test]
        fn lists_are_sorted_as_by_the_standard_library(
            items in proptest::collection::vec((0_u8..5, 0_u8..5), 0..60),
        ) {
            let (mut expected, mut found) = (items.clone(), items.clone());
            expected.sort_by_key(|(key, _)| *key);
            sort_by_key(&mut found, |(key, _)| *key);
            prop_assert_eq!(&found, &expected);
            let mut found = items.clone();
            sort_by(&mut found, |one, other| one.0.cmp(&other.0));
            prop_assert_eq!(&found, &expected);
            expected.sort_unstable();
            sort(&mut found);
            prop_assert_eq!(&found, &expected);
            let ranked = places(items.len(), &|one, other| items[one].cmp(&items[other]));
            prop_assert_eq!(ranked.into_iter().map(|place| items[place]).collect::<Vec<_>>(), expected);
        }
    }
}
