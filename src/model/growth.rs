//! How a counter grows.

/// How much a counter grew from one total to the next: what it counted. A total that is less than the one before was started
/// again and has counted from zero, so that it is the growth itself. It is never negative.
pub fn growth(before: f64, after: f64) -> f64 {
    if after >= before { after - before } else { after.max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page follows the same table.
    #[test]
    fn a_counter_that_was_started_again_has_counted_from_zero() {
        let text = include_str!("../../tests/fixtures/plot/growth.tsv");
        let rows: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(rows.len() > 4, "{text}");
        for row in rows {
            let numbers = |of: &str| -> Vec<f64> {
                of.split(',').map(|number| number.parse().expect("a number")).collect()
            };
            let (totals, expected) = row.split_once('\t').expect("two columns");
            let totals = numbers(totals);
            let grown: Vec<_> = totals.windows(2).map(|two| growth(two[0], two[1])).collect();
            assert_eq!(grown, numbers(expected), "{row}");
        }
    }
}
