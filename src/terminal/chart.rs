//! A chart of block characters: a column each, eight steps in each row, from 0 to a percentage.

/// The rows of a chart, the uppermost first, with a character for each column. A column without a
/// value is empty; any value, 0 too, fills the least step at least.
pub fn rows(columns: &[Option<f32>], height: usize, top: f32) -> Vec<String> {
    let steps: Vec<_> =
        columns.iter().map(|value| value.map(|value| steps(value / top, height))).collect();
    let below = |row: usize| (height - 1 - row) * EIGHTHS.len();
    let row = |row| steps.iter().map(|steps| block(*steps, below(row))).collect();
    (0..height).map(row).collect()
}

fn steps(part: f32, height: usize) -> usize {
    let all = height * EIGHTHS.len();
    // `as` makes 0 of a negative number, and `clamp` bounds what is over 1.
    ((part * all as f32).round() as usize).clamp(1, all)
}

/// The character of a column in a row: the column is `steps` high, and `below` steps are below the
/// row.
fn block(steps: Option<usize>, below: usize) -> char {
    match steps.map_or(0, |steps| steps.saturating_sub(below)) {
        0 => ' ',
        steps => EIGHTHS[steps.min(EIGHTHS.len()) - 1],
    }
}

const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_block() {
        let columns = [0.0, 12.5, 25.0, 37.5, 50.0, 62.5, 75.0, 87.5, 100.0].map(Some);
        assert_eq!(rows(&columns, 1, 100.0), ["▁▁▂▃▄▅▆▇█"]);
        assert_eq!(rows(&[Some(5.0), Some(2.5)], 1, 5.0), ["█▄"]);
        assert_eq!(rows(&columns, 2, 100.0), ["     ▂▄▆█", "▁▂▄▆█████"]);
    }

    #[test]
    fn absent_is_not_zero() {
        assert_eq!(rows(&[Some(0.0), None, Some(0.0)], 2, 100.0), ["   ", "▁ ▁"]);
    }

    #[test]
    fn what_is_no_percent_stays_in_the_chart() {
        assert_eq!(rows(&[Some(-5.0), Some(1e9), Some(f32::NAN)], 1, 5.0), ["▁█▁"]);
    }
}
