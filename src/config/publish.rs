//! Where the metrics go, and in which form.

/// Which publisher takes the summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    CloudWatch,
    Console,
    /// Embedded Metric Format on standard output.
    Emf,
}

/// What is published of the values of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statistics {
    /// The median, and the maximum as a metric of its own.
    #[default]
    MedianMax,
    /// Every value, of which CloudWatch computes any statistic.
    Distribution,
}

/// `--publish`: names with commas.
pub fn publish(text: &str) -> Result<Vec<Publish>, String> {
    let mut chosen = Vec::new();
    for name in text.split(',') {
        let publisher = match name.trim() {
            "cloudwatch" => Publish::CloudWatch,
            "console" => Publish::Console,
            "emf" => Publish::Emf,
            _ => return Err("any of cloudwatch, emf and console, with commas".into()),
        };
        if !chosen.contains(&publisher) {
            chosen.push(publisher);
        }
    }
    Ok(chosen)
}

/// `--statistics`.
pub fn statistics(text: &str) -> Result<Statistics, String> {
    match text {
        "median-max" => Ok(Statistics::MedianMax),
        "distribution" => Ok(Statistics::Distribution),
        _ => Err("median-max or distribution".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_are_names_with_commas() {
        assert_eq!(publish("cloudwatch"), Ok(vec![Publish::CloudWatch]));
        assert_eq!(publish("emf, console,emf"), Ok(vec![Publish::Emf, Publish::Console]));
        for text in ["", "emf,", "EMF", "stdout"] {
            assert!(publish(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn statistics_have_two_forms() {
        assert_eq!(statistics("distribution"), Ok(Statistics::Distribution));
        assert_eq!(statistics("median-max"), Ok(Statistics::MedianMax));
        assert!(statistics("median").is_err());
    }
}
