//! A value with its unit, as a text.

use super::{Quantity, Unit, amount};

/// For lines that programs read, too: a number with the unit right behind it.
pub fn exact(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Percent => format!("{value:.2}%"),
        Unit::BytesPerSecond => format!("{value:.0}B/s"),
        Unit::CountPerSecond | Unit::PagesPerSecond => format!("{value:.2}/s"),
        Unit::Bytes => format!("{value:.0}B"),
        Unit::Kilobytes => format!("{value:.0}kB"),
        Unit::Megabytes => format!("{value:.0}MB"),
        Unit::Seconds => format!("{value:.3}s"),
        Unit::Milliseconds => format!("{value:.2}ms"),
        Unit::MillisecondsPerSecond => format!("{value:.2}ms/s"),
        // A mean of whole numbers has many decimals. A number that is small has no more to show.
        Unit::Count | Unit::Pages | Unit::None if value.fract() != 0.0 && value.abs() >= 0.1 => {
            format!("{value:.2}")
        }
        Unit::Count | Unit::Pages | Unit::None => value.to_string(),
    }
}

/// For people: a few digits, and the size of unit that fits.
pub fn short(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Percent => format!("{value:.2}%"),
        Unit::Bytes => amount::size(value),
        Unit::BytesPerSecond => format!("{}/s", amount::size(value)),
        Unit::CountPerSecond | Unit::PagesPerSecond => format!("{}/s", amount::rounded(value)),
        Unit::Kilobytes => amount::size(value * 1024.0),
        Unit::Megabytes => amount::size(value * 1024.0 * 1024.0),
        Unit::Seconds => format!("{} s", amount::rounded(value)),
        Unit::Milliseconds => format!("{} ms", amount::rounded(value)),
        Unit::MillisecondsPerSecond => format!("{} ms/s", amount::rounded(value)),
        Unit::Count | Unit::Pages | Unit::None => amount::rounded(value),
    }
}

/// A number as people read it, or a text as it is.
pub fn of(unit: Unit, value: &Quantity) -> String {
    match value {
        Quantity::Number(value) => short(unit, *value),
        Quantity::Many(values) => {
            format!("{} on average of {}", short(unit, values.mean()), values.count())
        }
        Quantity::Text(text) => text.clone(),
    }
}

/// How wide the widest short figure of a unit usually is.
pub fn widest(unit: Unit) -> usize {
    match unit {
        Unit::Percent => "100.00%".len(),
        Unit::Count | Unit::Pages | Unit::None => "99999".len(),
        Unit::Bytes | Unit::Kilobytes | Unit::Megabytes => "1023 MiB".len(),
        Unit::BytesPerSecond => "1023 MiB/s".len(),
        Unit::CountPerSecond | Unit::PagesPerSecond => "99999/s".len(),
        Unit::Seconds | Unit::Milliseconds => "99999 ms".len(),
        Unit::MillisecondsPerSecond => "9999 ms/s".len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_its_unit_and_as_many_digits_as_mean_something() {
        for (unit, value, expected_exact, expected_short) in [
            (Unit::Percent, 12.345, "12.35%", "12.35%"),
            (Unit::Bytes, 1536.4, "1536B", "1.5 KiB"),
            (Unit::Kilobytes, 2048.0, "2048kB", "2 MiB"),
            (Unit::Megabytes, 512.0, "512MB", "512 MiB"),
            (Unit::Seconds, 0.25, "0.250s", "0.25 s"),
            (Unit::Milliseconds, 1.5, "1.50ms", "1.5 ms"),
            (Unit::MillisecondsPerSecond, 12.0, "12.00ms/s", "12 ms/s"),
            (Unit::PagesPerSecond, 1.0, "1.00/s", "1/s"),
            (Unit::None, 0.5, "0.50", "0.5"),
            (Unit::None, 0.586_666_666_666, "0.59", "0.59"),
            (Unit::None, 0.0125, "0.0125", "0.01"),
            (Unit::Count, 3.0, "3", "3"),
        ] {
            assert_eq!(exact(unit, value), expected_exact);
            assert_eq!(short(unit, value), expected_short);
        }
    }
}
