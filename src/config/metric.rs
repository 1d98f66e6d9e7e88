//! Which metrics are measured and published.

use super::near::did_you_mean;
use crate::model::{Number, Numbers};

/// `--metrics` where it is not typed.
pub const DEFAULT: &[Number] = &[Number::Cpu, Number::Memory];

/// Whether one of these numbers has this name in CloudWatch.
pub fn is_published(name: &str, numbers: Numbers) -> bool {
    numbers.iter().any(|number| number.published() == name || number.maximum() == Some(name))
}

/// `--metrics`: names with commas between them.
pub fn metrics(text: &str) -> Result<Numbers, String> {
    let mut all = Numbers::default();
    for word in text.split(',').map(str::trim) {
        let numbers = Numbers::of_word(word);
        if numbers.is_empty() {
            return Err(expected(word));
        }
        all = all.and(numbers);
    }
    Ok(all)
}

fn expected(word: &str) -> String {
    let mut words: Vec<_> = Number::ALL.iter().map(|number| number.word()).collect();
    words.dedup();
    let (last, others) = words.split_last().expect("there are numbers");
    let near = did_you_mean(word, &words);
    format!("any of {} and {last}, with commas, not {word:?}{near}", others.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas() {
        assert_eq!(metrics("cpu,memory"), Ok(Numbers::of(DEFAULT)));
        let first = Numbers::of(&Number::ALL[..4]);
        assert_eq!(metrics("oom-kills, throttling,memory,cpu,cpu"), Ok(first));
        assert_eq!(metrics("cpu"), Ok(Numbers::of(&[Number::Cpu])));
        for (text, end) in [
            ("", "not \"\""),
            ("cpu,", "not \"\""),
            ("CPU", "not \"CPU\"; did you mean cpu?"),
            ("cpu memory", "not \"cpu memory\""),
            ("cpu,mem", "not \"mem\"; did you mean memory?"),
            ("pressure,full", "not \"full\"; did you mean pressure-full?"),
        ] {
            let expected = "any of cpu, memory, throttling, oom-kills, pressure, pressure-full, io, \
                network, processes, swap, memory-peak, ephemeral-storage and fullest, with commas, ";
            assert_eq!(metrics(text), Err(format!("{expected}{end}")), "{text:?}");
        }
    }

    #[test]
    fn one_word_may_choose_several() {
        let pressure = [Number::CpuPressure, Number::MemoryPressure, Number::IoPressure];
        assert_eq!(metrics("pressure"), Ok(Numbers::of(&pressure)));
        let network = [Number::NetworkReceivedBytes, Number::NetworkSentBytes];
        assert_eq!(
            metrics("network,swap"),
            Ok(Numbers::of(&network).and(Numbers::of(&[Number::Swap])))
        );
    }

    #[test]
    fn names_of_metrics_are_known() {
        for name in [
            "CPUUtilization",
            "MaxMemoryUtilization",
            "CPUThrottling",
            "OOMKills",
            "MaxIOFullPressure",
            "MaxContainerMemoryUtilization",
        ] {
            assert!(is_published(name, Numbers::of(Number::ALL)), "{name}");
        }
        let all = Numbers::of(Number::ALL);
        assert!(!is_published("ServiceName", all) && !is_published("", all));
        assert!(!is_published("Processes", Numbers::of(DEFAULT)), "it was not chosen");
    }
}
