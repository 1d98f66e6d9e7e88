//! Amounts as people read them: a few digits, and the unit that fits.

/// So many bytes in the largest unit of which there is one, such as `23.5 GiB`.
pub fn size(bytes: f64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let scaled = units.map(|(name, power)| (name, bytes / f64::from(1 << (power / 2)).powi(2)));
    let (name, amount) =
        scaled.into_iter().find(|(_, amount)| *amount >= 1.0).unwrap_or(("B", bytes));
    format!("{} {name}", rounded(amount))
}

/// So many cores, such as `0.25 cores` or `1 core`.
pub fn cores(amount: f64) -> String {
    match rounded(amount) {
        one if one == "1" => "1 core".to_owned(),
        amount => format!("{amount} cores"),
    }
}

/// Three digits, or as many as stand before the point, without zeros at the end.
pub fn rounded(amount: f64) -> String {
    let decimals = match amount.abs() {
        99.95.. => 0,
        9.995.. => 1,
        _ => 2,
    };
    let text = format!("{amount:.decimals$}");
    match decimals {
        0 => text,
        _ => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, expected) in [
            (0_u64, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (512 << 20, "512 MiB"),
            (1 << 30, "1 GiB"),
            (25_276_063_744, "23.5 GiB"),
            (100 << 30, "100 GiB"),
            (3 << 40, "3 TiB"),
        ] {
            assert_eq!(size(bytes as f64), expected);
        }
    }

    #[test]
    fn cores_are_short() {
        let shown = [0.0, 0.25, 1.0, 4.0 / 3.0, 12.345, 128.0].map(cores);
        let expected = ["0 cores", "0.25 cores", "1 core", "1.33 cores", "12.3 cores", "128 cores"];
        assert_eq!(shown, expected);
    }
}
