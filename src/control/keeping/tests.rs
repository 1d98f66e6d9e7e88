use tokio::time::Instant;

use super::*;

fn source(text: &str) -> Source {
    Source { name: "agent.yaml".to_owned(), form: Form::Main, text: text.to_owned() }
}

/// The seconds at which something is written that changes at these seconds; `fails` tells of each write whether it
/// fails.
async fn written(changes: &[f64], fails: impl Fn(usize) -> bool, until: f64) -> Vec<f64> {
    let (start, notify, times) = (Instant::now(), Notify::new(), RefCell::new(Vec::new()));
    let changing = async {
        for change in changes {
            tokio::time::sleep_until(start + Duration::from_secs_f64(*change)).await;
            notify.notify_one();
        }
        tokio::time::sleep_until(start + Duration::from_secs_f64(until)).await;
    };
    let changed = async || notify.notified().await;
    let write = async || {
        let mut times = times.borrow_mut();
        times.push((start.elapsed().as_secs_f64() * 10.0).round() / 10.0);
        !fails(times.len())
    };
    tokio::select! {
        () = at_a_pace(changed, write) => {}
        () = changing => {}
    }
    times.into_inner()
}

#[tokio::test(start_paused = true)]
async fn what_flaps_is_written_each_five_seconds_and_its_last_change_too() {
    let flapping: Vec<_> = (1..=12).map(|n| f64::from(n) * 0.9).collect();
    assert_eq!(written(&flapping, |_| false, 300.0).await, [0.9, 5.9, 10.9]);
    assert_eq!(written(&[1.0, 100.0], |_| false, 300.0).await, [1.0, 100.0]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_failed_is_made_again_after_a_minute_or_with_the_next_change() {
    assert_eq!(written(&[1.0], |number| number <= 2, 1000.0).await, [1.0, 66.0, 131.0]);
    assert_eq!(written(&[1.0, 20.0], |number| number == 1, 1000.0).await, [1.0, 20.0]);
}

#[test]
fn whoever_asked_before_a_write_began_is_answered_by_it() {
    let keeping = Keeping::default();
    let (first, second) = (keeping.ask(), keeping.ask());
    assert_eq!(keeping.covered(first), None);
    let covered = keeping.asked();
    let third = keeping.ask();
    keeping.begin("x".into());
    keeping.conclude(covered, &Err("full".to_owned()));
    assert_eq!(keeping.covered(second), Some(Err("full".to_owned())));
    assert_eq!((keeping.covered(third), keeping.unwritten()), (None, Some("x".into())));
    keeping.begin("y".into());
    assert_eq!(keeping.unwritten(), Some("y".into()));
    keeping.conclude(keeping.asked(), &Ok(()));
    assert_eq!((keeping.covered(third), keeping.unwritten()), (Some(Ok(())), None));
}

#[test]
fn what_is_not_used_stays_until_something_else_has_its_id() {
    let keeping = Keeping::default();
    keeping.keep_unused("checks", "a", &json!({ "type": "agent.future" }));
    keeping.keep_unused("checks", "b", &json!({ "type": "agent.future" }));
    keeping.keep_unused_part("dashboards", &json!([1]));
    let written = |checks: Value| {
        let mut kept = json!({ "checks": checks });
        keeping.add_unused(&mut kept);
        kept
    };
    let both = json!({ "a": null, "b": { "type": "agent.future" } });
    assert_eq!(written(json!({ "a": null })), json!({ "checks": both, "dashboards": [1] }));
    // It was replaced, and that is undone.
    let one = json!({ "b": { "type": "agent.future" } });
    assert_eq!(written(json!({})), json!({ "checks": one, "dashboards": [1] }));
    // A publisher of another start, whose limit is discarded with all others.
    keeping.keep_unused("buffers", "emf", &json!(5));
    keeping.discard_unused();
    assert_eq!(written(json!({})), json!({ "checks": {}, "dashboards": [1] }));
}

#[test]
fn files_with_mistakes_take_the_place_of_no_good_ones() {
    let (broken, good) = ([source("checks: [")], [source("checks: {}")]);
    let keeping = Keeping::of(&broken, true);
    assert_eq!(keeping.good(&broken), Value::Null);
    keeping.take_good(&sources(&good));
    assert_eq!(keeping.good(&broken), sources(&good));
    let newer = [source("period: 30")];
    assert_eq!(keeping.good(&newer), sources(&newer));
    // A reload was undone.
    assert_eq!(keeping.good(&broken), sources(&newer));
    assert_eq!(last_good(&json!({ "files": keeping.good(&broken) })), newer);
    assert_eq!(Keeping::of(&good, false).good(&good), sources(&good));
}
