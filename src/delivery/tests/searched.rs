//! How much is spent on finding what is rejected.

use super::*;

/// A delivery with these windows, each with one datum of so many containers, all of them offered together.
fn many(recorder: &Recorder, windows: u64, containers: usize) -> Delivery {
    recorder.0.borrow_mut().most_windows = Some(usize::MAX);
    let mut delivery = delivery(recorder, usize::MAX);
    for number in 0..windows {
        let of = |n: usize| entry(Number::Throttling, Some(&format!("c{n}")), reported(3.0, 3.0));
        let entries = (0..containers).map(of).collect();
        delivery.add(Rc::new(Summary { entries, ..Summary::clone(&window(number)) }));
    }
    delivery
}

/// How many requests a send of all of them takes where those data are rejected, and what becomes of the windows.
async fn requests(
    recorder: &Recorder,
    windows: u64,
    containers: usize,
    is_poison: impl Fn(u64, usize) -> bool,
) -> (usize, Counts) {
    let mut delivery = many(recorder, windows, containers);
    recorder.0.borrow_mut().by_entry = true;
    let all = (0..windows).flat_map(|window| (0..containers).map(move |place| (window, place)));
    recorder.0.borrow_mut().poison =
        all.filter(|(window, place)| is_poison(*window, *place)).collect();
    delivery.send(&CancellationToken::new()).await;
    assert!(delivery.backlog.is_empty());
    (recorder.0.borrow().offered.len(), delivery.counts())
}

#[tokio::test(start_paused = true)]
async fn where_all_are_rejected_the_search_has_an_end_and_all_are_counted() {
    for (windows, containers) in [(1, 1000), (1000, 1), (10, 100), (166, 6)] {
        let recorder = Recorder::default();
        let (requests, counts) = requests(&recorder, windows, containers, |_, _| true).await;
        assert!(requests <= 64 + 40, "{windows} of {containers}: {requests}");
        let rejected_data = windows * containers as u64;
        assert_eq!(counts, Counts { rejected: windows, rejected_data, ..Counts::default() });
    }
}

#[tokio::test(start_paused = true)]
async fn where_one_name_is_rejected_in_each_window_of_a_long_outage_nothing_else_is_lost() {
    let recorder = Recorder::default();
    let (requests, counts) = requests(&recorder, 166, 6, |_, place| place == 3).await;
    let taken: usize = recorder.0.borrow().accepted.iter().map(Vec::len).sum();
    assert_eq!(taken, 166 * 5);
    assert_eq!(counts, Counts { delivered: 166, rejected_data: 166, ..Counts::default() });
    assert!(requests <= 4 * 166, "{requests}");
}

#[tokio::test(start_paused = true)]
async fn where_the_older_windows_are_rejected_most_of_the_newer_ones_arrive() {
    let recorder = Recorder::default();
    let (requests, counts) = requests(&recorder, 160, 6, |window, _| window < 80).await;
    assert!(requests <= 64 + 40, "{requests}");
    assert_eq!(counts.delivered + counts.rejected, 160);
    // One part of a sixteenth may have both.
    assert!(counts.delivered >= 70, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn some_that_are_rejected_among_many_are_dropped_alone() {
    let recorder = Recorder::default();
    let (_, counts) = requests(&recorder, 1, 1000, |_, place| place % 100 == 7).await;
    let taken: usize = recorder.0.borrow().accepted.iter().map(Vec::len).sum();
    assert_eq!((taken, counts.rejected_data, counts.delivered), (990, 10, 1));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_accepted_as_a_whole_ends_what_is_known_of_names() {
    let recorder = Recorder::default();
    requests(&recorder, 1, 100, |_, _| true).await;
    let before = recorder.0.borrow().offered.len();
    let (after, counts) = requests(&recorder, 2, 100, |_, _| false).await;
    assert_eq!((after - before, counts.delivered), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn each_request_of_a_large_window_has_a_search_of_its_own() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().most_data = Some(100);
    let (requests, counts) = requests(&recorder, 1, 500, |_, place| place < 100).await;
    assert!(requests <= 64 + 40 + 4, "{requests}");
    assert_eq!((counts.delivered, counts.rejected_data), (1, 100));
    let taken: usize = recorder.0.borrow().accepted.iter().map(Vec::len).sum();
    assert_eq!(taken, 400);
}
