//! When checks run.

use super::*;
use crate::schedule::phase::Phase;

const DAY: u64 = 86_400;

#[tokio::test(start_paused = true)]
async fn runs_keep_their_phase_for_days_however_long_they_take() {
    let start = Instant::now();
    let checks = vec![counting("a", 60, Some(7.3)), counting("b", 1800, Some(0.0))];
    beside(checks, &[0.25, 0.5], 9, |_| sleep(Duration::from_secs(3 * DAY))).await;
    for (name, first, period, count) in [("a", 15.0, 60.0, 3 * 1440), ("b", 900.0, 1800.0, 3 * 48)]
    {
        let runs = runs(name);
        assert_eq!(runs.len(), count, "{name}");
        for (number, run) in runs.iter().enumerate() {
            let due = first + period * number as f64;
            let late = seconds(run.start - start) - due;
            // A timer of the runtime counts in milliseconds, and never fires too early.
            assert!((0.0..=0.002).contains(&late), "{name} {number}: {late} s late");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_is_given_up_never_overlaps_itself_and_delays_no_other() {
    let start = Instant::now();
    let mut slow = counting("slow", 10, None);
    slow.timeout = Duration::from_secs(9);
    let checks = vec![slow, counting("quick", 10, Some(0.0))];
    beside(checks, &[0.0], 9, |beside| async move {
        sleep(Duration::from_secs(DAY)).await;
        let reports = beside.reports.borrow();
        let of = |id: &'static str| reports.iter().filter(move |report| &*report.check == id);
        assert!(of("slow").count() > 8000);
        for report in of("slow") {
            let status = (report.is_available, report.status.as_str(), report.values.len());
            assert_eq!(status, (false, "timed out after 9 s", 0));
            assert_eq!(report.took.as_secs(), 9);
        }
        assert!(of("quick").all(|report| report.is_available && report.took.is_zero()));
    })
    .await;
    let starts = |name| runs(name).iter().map(|run| run.start - start).collect::<Vec<_>>();
    assert_eq!(starts("slow"), starts("quick"), "each at its own time, to the nanosecond");
    assert!(
        runs("slow")
            .windows(2)
            .all(|pair| pair[1].start - pair[0].start == Duration::from_secs(10))
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_longer_than_its_period_is_followed_by_the_next_due_one() {
    let mut long = counting("long", 10, Some(25.0));
    // A timeout beyond the period is refused where it is configured. Here it shows that runs never overlap.
    long.timeout = Duration::from_secs(100);
    let start = Instant::now();
    beside(vec![long], &[0.0], 9, |_| sleep(Duration::from_secs(100))).await;
    let starts: Vec<_> = runs("long").iter().map(|run| (run.start - start).as_secs()).collect();
    assert_eq!(starts, [0, 30, 60, 90]);
}

#[tokio::test(start_paused = true)]
async fn the_first_runs_of_many_checks_spread_over_the_period() {
    let checks: Vec<_> = (0..600).map(|n| counting(&format!("c{n}"), 60, Some(0.0))).collect();
    let (sender, _collected) = mpsc::channel(1024);
    let mut registry = Registry::new(sender, 600, Roots::default());
    registry.begin(of_files(checks));
    let (start, stop) = (Instant::now(), CancellationToken::new());
    let (_requests, received) = mpsc::channel(1);
    let end = async {
        sleep(Duration::from_secs(60)).await;
        stop.cancel();
    };
    tokio::join!(registry.run(received, stop.clone()), end);
    let mut seconds = [0; 61];
    RUNS.with_borrow(|runs| {
        runs.iter().for_each(|run| seconds[(run.start - start).as_secs() as usize] += 1);
    });
    assert!(seconds.iter().sum::<usize>() >= 599, "each has run once");
    // Ten are expected in each second. Of 600 at random, more than 30 in one of them is next to impossible.
    assert!(seconds.iter().all(|count| *count <= 30), "{seconds:?}");
    assert!(seconds.iter().filter(|count| **count > 0).count() > 50, "{seconds:?}");
}

#[test]
fn instants_that_were_missed_are_not_made_up_for() {
    let (start, period) = (Instant::now(), Duration::from_secs(10));
    let phase = Phase::of(start, period, 0.5);
    let next = |seconds| seconds_since(start, phase.next(start + Duration::from_secs_f64(seconds)));
    assert_eq!([0.0, 4.9, 5.0, 5.1, 15.0, 1e6].map(next), [5.0, 5.0, 5.0, 15.0, 15.0, 1_000_005.0]);
    let whole = Phase::of(start, period, 1.0);
    assert_eq!(seconds_since(start, whole.next(start)), 10.0);
    let after = |due, now| {
        phase.next_after(start + Duration::from_secs(due), start + Duration::from_secs(now))
    };
    assert_eq!(seconds_since(start, after(5, 5)), 15.0);
    assert_eq!(seconds_since(start, after(5, 26)), 35.0);
}

fn seconds_since(start: Instant, then: Instant) -> f64 {
    seconds(then - start)
}
