//! Which data a summary is sent as.

use crate::config::{Settings, ValueForm};
use crate::model::{Datum, Kind, Metric, Numbers, Statistic, Summary, Value};
use crate::publisher::Terms;

/// What was chosen of all that could be sent.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    pub numbers: Numbers,
    pub form: ValueForm,
    /// Whether all values of a number go with its median and maximum.
    pub with_values: bool,
    /// Whether each sample goes, too.
    pub with_samples: bool,
}

impl Choice {
    pub fn of(settings: &Settings) -> Self {
        Self {
            numbers: settings.measuring.metrics,
            form: settings.publishing.form,
            with_values: false,
            with_samples: false,
        }
    }

    /// The same for a publisher with these terms.
    pub fn under(self, terms: &Terms) -> Self {
        Self { with_values: terms.with_values, with_samples: terms.with_samples, ..self }
    }

    /// The data of a summary: what was chosen and has a value, once for each of so many sets of
    /// dimensions.
    pub fn data(self, summary: &Summary, sets: usize) -> Vec<Datum> {
        let entries = summary.entries.iter().enumerate();
        let data = entries.flat_map(|(entry, of)| {
            let (statistics, all) = self.statistics(&of.metric);
            let samples = match self.with_samples && !statistics.is_empty() {
                true => 0..of.statistics.samples.len(),
                false => 0..0,
            };
            let statistics = statistics.iter().chain(all).copied();
            let statistics = statistics.chain(samples.map(Statistic::Sample));
            statistics.map(move |statistic| Datum { entry, statistic, set: 0 })
        });
        // One value that is not finite makes CloudWatch reject all that is sent with it.
        let is_number = |datum: &Datum| match datum.value(summary) {
            Value::One(value) => value.is_finite(),
            Value::Set(range) => range.sum.is_finite(),
            Value::Many(_) | Value::Spread(_) => true,
        };
        let with_sets = |datum| (0..sets).map(move |set| Datum { set, ..datum });
        data.filter(is_number).flat_map(with_sets).collect()
    }

    /// What is sent of the values of a metric, and what beside it.
    fn statistics(self, metric: &Metric) -> (&'static [Statistic], Option<&'static Statistic>) {
        let is_distribution = self.form == ValueForm::Distribution;
        let one: &[Statistic] = match metric
            .number()
            .filter(|number| self.numbers.contains(*number))
        {
            None if metric.published.is_none() => &[],
            None if metric.kind == Kind::Distribution => &[Statistic::Spread],
            None => &[Statistic::Set],
            Some(number) if is_distribution && number.has_distribution() => &[Statistic::Values],
            Some(number) if self.with_values && number.has_distribution() => {
                return (number.statistics(), Some(&Statistic::Values));
            }
            Some(number) => number.statistics(),
        };
        (one, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{entry, reported, sampled, summary, with_values};
    use crate::model::{Entry, Number};
    use crate::publisher::names::label;

    const UTILIZATION: &[Number] = &[Number::Cpu, Number::Memory];

    fn choice(numbers: &[Number], form: ValueForm) -> Choice {
        let numbers = Numbers::of(numbers);
        Choice { numbers, form, with_values: false, with_samples: false }
    }

    fn window(cpu: Option<Entry>) -> Summary {
        let memory = entry(Number::Memory, None, sampled(2, 40.0, 41.5));
        let throttling = entry(Number::Throttling, None, reported(7.0, 7.0));
        let kills = entry(Number::OomKills, None, reported(1.0, 2.0));
        let app = entry(Number::Cpu, Some("app"), sampled(2, 2.5, 9.0));
        summary(cpu.into_iter().chain([memory, throttling, kills, app]).collect())
    }

    fn cpu() -> Option<Entry> {
        let values = with_values(sampled(2, 12.5, 99.25), &[(1250, 2)]);
        Some(entry(Number::Cpu, None, values))
    }

    /// What each datum is called, its set, and its value, which is -1 for all values.
    fn brief(choice: Choice, summary: &Summary, sets: usize) -> Vec<(String, usize, f64)> {
        let brief = |datum: Datum| {
            let value = match datum.value(summary) {
                Value::One(value) => value,
                Value::Set(range) => range.sum,
                Value::Many(_) | Value::Spread(_) => -1.0,
            };
            (label(summary, datum), datum.set, value)
        };
        choice.data(summary, sets).into_iter().map(brief).collect()
    }

    fn expect(expected: &[(&str, usize, f64)]) -> Vec<(String, usize, f64)> {
        expected.iter().map(|(name, set, value)| ((*name).to_owned(), *set, *value)).collect()
    }

    #[test]
    fn the_median_and_the_maximum_are_two_data() {
        let choice = choice(UTILIZATION, ValueForm::MedianMax);
        let expected = expect(&[
            ("CPUUtilization", 0, 12.5),
            ("MaxCPUUtilization", 0, 99.25),
            ("MemoryUtilization", 0, 40.0),
            ("MaxMemoryUtilization", 0, 41.5),
            ("CPUUtilization of app", 0, 2.5),
            ("MaxCPUUtilization of app", 0, 9.0),
        ]);
        assert_eq!(brief(choice, &window(cpu()), 1), expected);
    }

    #[test]
    fn all_values_are_one_datum() {
        let numbers = [Number::Cpu, Number::Throttling];
        let choice = choice(&numbers, ValueForm::Distribution);
        let expected = expect(&[
            ("CPUUtilization", 0, -1.0),
            ("CPUThrottling", 0, 7.0),
            ("CPUUtilization of app", 0, -1.0),
        ]);
        assert_eq!(brief(choice, &window(cpu()), 1), expected);
    }

    #[test]
    fn of_what_has_another_unit_or_only_a_maximum_all_values_are_not_sent() {
        let numbers =
            [Number::IoPressure, Number::DiskReadBytes, Number::Fullest, Number::Processes];
        let entries = [Number::IoPressure, Number::DiskReadBytes, Number::Fullest];
        let entries = entries.map(|number| entry(number, None, sampled(3, 1.0, 2.0)));
        let processes = entry(Number::Processes, None, reported(5.0, 7.0));
        let window = summary(entries.into_iter().chain([processes]).collect());
        let expected = expect(&[
            ("IOPressure", 0, -1.0),
            ("DiskReadBytes", 0, 1.0),
            ("MaxDiskReadBytes", 0, 2.0),
            ("MaxContainerMemoryUtilization", 0, 2.0),
            ("Processes", 0, 7.0),
        ]);
        assert_eq!(brief(choice(&numbers, ValueForm::Distribution), &window, 1), expected);
    }

    #[test]
    fn each_datum_is_there_once_for_each_set_of_dimensions() {
        let numbers = [Number::Throttling, Number::OomKills];
        let choice = choice(&numbers, ValueForm::MedianMax);
        let expected = expect(&[
            ("CPUThrottling", 0, 7.0),
            ("CPUThrottling", 1, 7.0),
            ("OOMKills", 0, 1.0),
            ("OOMKills", 1, 1.0),
        ]);
        assert_eq!(brief(choice, &window(cpu()), 2), expected);
    }

    #[test]
    fn what_is_absent_or_not_finite_is_never_sent() {
        let choice = choice(UTILIZATION, ValueForm::MedianMax);
        let broken = entry(Number::Cpu, None, sampled(2, f64::NAN, f64::INFINITY));
        for window in [window(Some(broken)), window(None)] {
            assert_eq!(brief(choice, &window, 1)[0].0, "MemoryUtilization");
        }
        let back = summary(vec![entry(Number::OomKills, None, reported(5.0, 1.0))]);
        assert_eq!(brief(self::choice(Number::ALL, ValueForm::MedianMax), &back, 1), []);
    }
}
