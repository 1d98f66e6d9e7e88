//! Bounds of values.

/// The least and the greatest good value. One that is not set allows all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl Bounds {
    /// Whether a value is on the bad side of them, or on the good side and nearer to them than this.
    pub fn are_broken_by(self, value: f64, is_inverted: bool, by: f64) -> bool {
        let Self { min, max } = self;
        if is_inverted {
            // Between them, with the bounds themselves.
            let is_away = |distance: f64| distance > 0.0 && distance >= by;
            let is_good = min.is_some_and(|min| is_away(min - value))
                || max.is_some_and(|max| is_away(value - max));
            return !is_good && (min.is_some() || max.is_some());
        }
        min.is_some_and(|min| value - min < by) || max.is_some_and(|max| max - value < by)
    }
}
