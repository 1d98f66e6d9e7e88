//! The fused figure against what is true. CPU time comes in ticks of 10 ms, in three columns, so a
//! single sample of 0.9 s may be three ticks off: 3.3 points of one vCPU and 13.3 of a quarter. So
//! single samples have wide bounds here, and windows of a minute narrow ones.

use std::ops::Range;

use super::simulation::{Fargate, Sample, Steps};
use crate::collector::aggregate::statistics;

/// Three ticks of 0.9 s, in points of one vCPU.
const TICKS: f64 = 3.4;

/// What the median of a minute is within, and its mean, in points of one vCPU.
const MEDIAN: f64 = 0.4;
const MEAN: f64 = 0.1;

/// Bytes that are lost to the kB of /proc/meminfo.
const NEXT_TO_NOTHING: f64 = 0.01;

fn small() -> Fargate {
    Fargate::new(0.25, 512.0)
}

fn large() -> Fargate {
    Fargate::new(1.0, 2048.0)
}

/// The samples of some seconds; in each of them both parts are there.
fn between(samples: &[Sample], seconds: Range<f64>) -> Vec<(Sample, f64, f64)> {
    let samples = samples.iter().filter(|sample| seconds.contains(&sample.second));
    let there = |sample: &Sample| (*sample, sample.cpu.unwrap(), sample.memory.unwrap());
    let samples: Vec<_> = samples.map(there).collect();
    assert!(!samples.is_empty(), "there are samples in {seconds:?}");
    samples
}

/// The largest errors of the single samples, CPU and memory.
fn single(samples: &[Sample], seconds: Range<f64>) -> (f64, f64) {
    let errors = between(samples, seconds).into_iter().map(|(sample, cpu, memory)| {
        ((cpu - sample.true_cpu).abs(), (memory - sample.true_memory).abs())
    });
    errors.fold((0.0, 0.0), |worst, error| (worst.0.max(error.0), worst.1.max(error.1)))
}

/// The errors of the median and the mean of the CPU samples of a window.
fn window(samples: &[Sample], seconds: Range<f64>) -> (f64, f64) {
    let samples = between(samples, seconds);
    let mut cpu: Vec<_> = samples.iter().map(|(_, cpu, _)| *cpu as f32).collect();
    let mut truth: Vec<_> = samples.iter().map(|(sample, ..)| sample.true_cpu as f32).collect();
    let (cpu, truth) = (statistics(&mut cpu).unwrap(), statistics(&mut truth).unwrap());
    ((cpu.median - truth.median).abs(), (cpu.mean - truth.mean).abs())
}

/// Asserts that the windows are as good as a task of so many vCPUs can be measured.
fn assert_close(samples: &[Sample], vcpus: f64, windows: impl IntoIterator<Item = Range<f64>>) {
    for seconds in windows {
        let (median, mean) = window(samples, seconds.clone());
        assert!(
            median < MEDIAN / vcpus && mean < MEAN / vcpus,
            "{vcpus} vCPUs, {seconds:?}: median {median}, mean {mean}"
        );
    }
}

fn minutes(range: Range<u32>) -> impl Iterator<Item = Range<f64>> {
    range.map(|minute| f64::from(minute) * 60.0..f64::from(minute + 1) * 60.0)
}

#[test]
fn in_steady_load_each_minute_is_right_and_memory_is_exact() {
    for task in [large(), small()] {
        for (refreshed, delay) in [(0.0, 9.5), (3.3, 4.0), (7.7, 0.0)] {
            for load in [0.05, 0.4, 0.9] {
                let cpu = Steps::steady(load * task.vcpus);
                let samples = Fargate { refreshed, delay, cpu, ..task.clone() }.run(360.0);
                let (cpu, memory) = single(&samples, 60.0..360.0);
                assert!(cpu < TICKS / task.vcpus, "{load}: {cpu}");
                assert!(memory < NEXT_TO_NOTHING, "{load}: {memory}");
                assert_close(&samples, task.vcpus, minutes(1..6));
            }
        }
    }
}

#[test]
fn the_median_of_a_minute_is_right_within_a_point_however_small_the_task() {
    for vcpus in [0.25, 0.5, 1.0, 4.0] {
        for (refreshed, delay) in [(3.3, 4.0), (7.7, 0.0)] {
            for load in [0.05, 0.27, 0.4, 0.71, 0.9] {
                for overhead in [0.005, 0.02, 0.037] {
                    let cpu = Steps::steady(load * vcpus);
                    let overhead_cpu = Steps::steady(overhead);
                    let task = Fargate { refreshed, delay, cpu, ..Fargate::new(vcpus, 512.0) };
                    let samples = Fargate { overhead_cpu, ..task }.run(180.0);
                    for minute in minutes(1..3) {
                        let (median, _) = window(&samples, minute);
                        assert!(median < 1.0, "{vcpus} {load} {overhead} {delay}: {median}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_peak_of_a_few_seconds_is_seen() {
    // The mean over the readings that a sample slides over, at the worst instants.
    for (vcpus, seconds, least) in [(1.0, 2.0, 88.0), (0.5, 3.0, 87.0), (0.25, 3.0, 80.0)] {
        for start in [120.0, 120.3, 120.6, 120.9, 121.2, 121.5] {
            let steps = [(0.0, 0.2), (start, 0.9), (start + seconds, 0.2)];
            let cpu = Steps(steps.map(|(second, part)| (second, part * vcpus)).into());
            let samples = Fargate { cpu, ..Fargate::new(vcpus, 512.0) }.run(150.0);
            let samples = between(&samples, 100.0..150.0);
            let max = samples.into_iter().map(|(_, cpu, _)| cpu).fold(0.0, f64::max);
            assert!((least..90.0 + TICKS / vcpus).contains(&max), "{vcpus}, {start}: {max}");
        }
    }
}

#[test]
fn before_the_first_answers_the_parts_are_absent_and_never_0() {
    // The first statistics are out at 7.3 s and got at 9.01 s, the second at 17.3 s and 18.01 s. A
    // sample of CPU needs two readings after that.
    let samples = large().run(60.0);
    let first = |is: fn(&Sample) -> bool| samples.iter().position(is).expect("some sample");
    assert_eq!(first(|sample| sample.memory.is_some()), 12, "10.8 s");
    assert_eq!(first(|sample| sample.cpu.is_some()), 23, "20.7 s");
    for sample in &samples[23..] {
        let (cpu, memory) = (sample.cpu.unwrap(), sample.memory.unwrap());
        assert!(
            (cpu - 40.0).abs() < TICKS && (memory - 40.0).abs() < NEXT_TO_NOTHING,
            "{sample:?}"
        );
    }
}

#[test]
fn a_step_of_the_load_is_seen_at_once() {
    for task in [large(), small()] {
        let cpu = Steps::step(0.2 * task.vcpus, 126.0, 0.8 * task.vcpus);
        let memory = Steps::step(0.2 * task.mebibytes, 126.0, 0.7 * task.mebibytes);
        let samples = Fargate { cpu, memory, ..task.clone() }.run(192.0);
        assert!(single(&samples, 60.0..192.0).1 < NEXT_TO_NOTHING);
        // A sample of the small task is over three readings.
        assert_close(&samples, task.vcpus, [66.0..126.0, 128.7..188.7]);
    }
}

#[test]
fn a_step_of_the_platforms_memory_is_off_by_the_step_until_the_next_answer() {
    // The next statistics are of 133.3 s and are got at 138.01 s.
    let overhead_memory = Steps::step(180.0, 126.0, 282.4);
    let samples = Fargate { overhead_memory, ..large() }.run(240.0);
    assert!(single(&samples, 60.0..125.9).1 < NEXT_TO_NOTHING);
    let (_, wrong) = single(&samples, 126.0..139.0);
    assert!((wrong - 5.0).abs() < NEXT_TO_NOTHING, "102.4 of 2048 MiB: {wrong}");
    assert!(single(&samples, 139.4..240.0).1 < NEXT_TO_NOTHING);
}

/// Statistics are of 133.3 s; the readings around are of 133.2 and 134.1 s.
const AROUND_A_READ: [f64; 3] = [133.25, 133.31, 134.0];

#[test]
fn a_step_of_the_load_while_the_statistics_are_read_does_not_count_as_the_platforms() {
    for second in AROUND_A_READ {
        for part in [0.7, 0.1] {
            let memory = Steps::step(0.4 * 2048.0, second, part * 2048.0);
            let samples = Fargate { memory, ..large() }.run(240.0);
            let (_, wrong) = single(&samples, 60.0..240.0);
            assert!(wrong < NEXT_TO_NOTHING, "{second} s to {part}: {wrong}");
        }
    }
}

#[test]
fn a_step_of_the_platform_while_the_statistics_are_read_is_known_by_the_next_ones() {
    for second in AROUND_A_READ {
        let overhead_memory = Steps::step(180.0, second, 282.4);
        let samples = Fargate { overhead_memory, ..large() }.run(240.0);
        assert!(single(&samples, 60.0..240.0).1 < 5.0 + NEXT_TO_NOTHING);
        // The next ones are of 143.3 s and are got at 150.01 s at the latest.
        assert!(single(&samples, 151.0..240.0).1 < NEXT_TO_NOTHING, "{second}");
    }
}

#[test]
fn a_step_of_the_platforms_cpu_is_off_by_no_more_than_the_step_until_both_ends_are_after_it() {
    for task in [large(), small()] {
        // Four points. Statistics that are of after it are got at 138.01 s and 147.01 s.
        let step = 0.04 * task.vcpus;
        let overhead_cpu = Steps::step(0.02, 126.0, 0.02 + step);
        let samples = Fargate { overhead_cpu, ..task.clone() }.run(240.0);
        let (cpu, memory) = single(&samples, 60.0..240.0);
        assert!(cpu < 4.0 + TICKS / task.vcpus && memory < NEXT_TO_NOTHING, "{cpu} {memory}");
        assert_close(&samples, task.vcpus, [60.0..125.0, 148.5..208.5]);
    }
}

#[test]
fn the_mean_never_drifts() {
    // Half an hour in which the platform uses now more, now less.
    let overhead_cpu = Steps::bursts(0.01, 0.03, 130.0, 270.0);
    let overhead_memory = Steps::bursts(150.0, 160.0, 170.0, 340.0);
    let task = Fargate { overhead_cpu, overhead_memory, ..large() };
    let samples = task.run(1860.0);
    let of_thirds = [60.0..660.0, 660.0..1260.0, 1260.0..1860.0].map(|third| {
        let (_, mean) = window(&samples, third.clone());
        let memory: f64 =
            between(&samples, third).iter().map(|(sample, _, m)| m - sample.true_memory).sum();
        (mean, (memory / 667.0).abs())
    });
    for (cpu, memory) in of_thirds {
        assert!(cpu < 0.1 && memory < 0.05, "{of_thirds:?}");
    }
}

#[test]
fn a_container_that_is_restarted_gives_no_spike() {
    // What it used between its last statistics and its end is told by nobody: until the next
    // answer but one that counts as the platform's.
    for restarted in [121.0, 126.0, 132.0] {
        let samples = Fargate { restarted, ..large() }.run(240.0);
        for (sample, cpu, memory) in between(&samples, 60.0..240.0) {
            assert!(cpu < sample.true_cpu + TICKS, "{sample:?}");
            assert!((memory - sample.true_memory).abs() < NEXT_TO_NOTHING, "{sample:?}");
        }
        assert_close(&samples, 1.0, [160.0..220.0]);
    }
}

#[test]
fn a_wall_clock_that_is_set_by_an_hour_bends_nothing() {
    for second in [121.0, 126.0, 135.0] {
        let samples = Fargate { clock_set: (second, 3600.0), ..large() }.run(240.0);
        let (cpu, memory) = single(&samples, 60.0..240.0);
        assert!(cpu < TICKS && memory < NEXT_TO_NOTHING, "{second}: {cpu} {memory}");
        assert_close(&samples, 1.0, minutes(1..4));
    }
}

#[test]
fn a_wall_clock_that_is_set_by_seconds_bends_nothing() {
    for by in [0.5, 2.0, 9.0, 40.0, -0.5, -2.0, -9.0, -40.0] {
        for (second, delay) in [(121.0, 4.0), (126.0, 4.0), (135.0, 4.0), (134.0, 9.5)] {
            let task = Fargate { clock_set: (second, by), delay, ..large() };
            let cpu = Steps::bursts(0.3, 0.6, 5.0, 10.0);
            let samples = Fargate { cpu, ..task }.run(300.0);
            let (cpu, memory) = single(&samples, 60.0..300.0);
            assert!(cpu < TICKS && memory < NEXT_TO_NOTHING, "{by} s at {second}: {cpu} {memory}");
        }
    }
}

#[test]
fn after_the_wall_clock_was_set_the_overhead_is_measured_again() {
    for by in [2.0, 3600.0, -2.0, -3600.0] {
        let overhead_memory = Steps::step(180.0, 126.0, 282.4);
        let samples = Fargate { clock_set: (127.0, by), overhead_memory, ..large() }.run(240.0);
        assert!(single(&samples, 149.0..240.0).1 < NEXT_TO_NOTHING, "{by}");
    }
}

#[test]
fn without_answers_for_a_minute_it_goes_on_with_the_last_overhead() {
    let cpu = Steps::step(0.4, 150.0, 0.7);
    let samples = Fargate { silent: 120.0..180.0, cpu, ..large() }.run(240.0);
    let (cpu, memory) = single(&samples, 60.0..240.0);
    assert!(cpu < TICKS && memory < NEXT_TO_NOTHING, "{cpu} {memory}");
    assert_close(&samples, 1.0, [60.0..120.0, 90.0..150.0, 150.0..210.0, 180.0..240.0]);
}
