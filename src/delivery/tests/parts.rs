//! What is rejected, too large for one request, or empty.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_rejected_datum_is_dropped_alone() {
    for poison in [(0, 0), (2, 1), (3, 2), (5, 0)] {
        let recorder = Recorder::default();
        recorder.0.borrow_mut().answers = vec![Some(Failure::TryAgain); 6].into();
        recorder.0.borrow_mut().poison = [poison].into();
        let delivery = deliver(8, 60, &recorder).await;
        assert_each_once(&recorder, 8);
        let expected = Counts { delivered: 8, rejected_data: 1, ..Counts::default() };
        assert_eq!(delivery.counts(), expected, "{poison:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_of_which_nothing_is_taken_is_rejected() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().poison = [(1, 0), (1, 1), (1, 2)].into();
    let delivery = deliver(3, 60, &recorder).await;
    assert_each_once(&recorder, 3);
    let expected = Counts { delivered: 2, rejected: 1, rejected_data: 3, ..Counts::default() };
    assert_eq!(delivery.counts(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_outage_among_single_data_sends_none_of_them_twice() {
    // Each of the sends fails once, whatever part of the search it is.
    for failing in 0..12 {
        let recorder = Recorder::default();
        let before = vec![None; failing];
        let answers = before.into_iter().chain([Some(Failure::TryAgain)]);
        recorder.0.borrow_mut().answers = answers.collect();
        recorder.0.borrow_mut().poison = [(0, 0), (1, 1)].into();
        let delivery = deliver(3, 60, &recorder).await;
        assert_each_once(&recorder, 3);
        let expected = Counts { delivered: 3, rejected_data: 2, ..Counts::default() };
        assert_eq!(delivery.counts(), expected, "{failing}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_too_large_for_one_request_goes_in_as_few_as_it_takes() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().most_data = Some(2);
    let delivery = deliver(2, 60, &recorder).await;
    let expected = [vec![(0, 0), (0, 1)], vec![(0, 2)], vec![(1, 0), (1, 1)], vec![(1, 2)]];
    assert_eq!(recorder.0.borrow().accepted, expected);
    assert_eq!(delivery.counts(), Counts { delivered: 2, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_without_saying_which_is_counted_and_not_sent_again() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().refused = 2;
    let delivery = deliver(2, 60, &recorder).await;
    assert_each_once(&recorder, 2);
    assert_eq!(delivery.counts(), Counts { delivered: 2, rejected_data: 2, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_window_of_which_all_is_refused_without_saying_which_is_rejected() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().refused = DATA as u64;
    let delivery = deliver(2, 60, &recorder).await;
    let expected = Counts { delivered: 1, rejected: 1, rejected_data: 3, ..Counts::default() };
    assert_eq!(delivery.counts(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_window_in_two_requests_is_rejected_only_where_both_are_refused() {
    for (second, delivered) in [(0, 1), (1, 0)] {
        let recorder = Recorder::default();
        recorder.0.borrow_mut().most_data = Some(2);
        recorder.0.borrow_mut().refusals = [2, second].into();
        let delivery = deliver(1, 60, &recorder).await;
        let (rejected, rejected_data) = (1 - delivered, 2 + second);
        let expected = Counts { delivered, rejected, rejected_data, ..Counts::default() };
        assert_eq!(delivery.counts(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_without_a_datum_is_delivered_without_a_send() {
    let recorder = Recorder::default();
    let mut delivery = delivery(&recorder, 60);
    delivery.add(Rc::new(Summary {
        start: UNIX_EPOCH,
        end: UNIX_EPOCH + PERIOD,
        entries: Vec::new(),
        measured: Rc::default(),
    }));
    delivery.send(&CancellationToken::new()).await;
    assert_eq!(recorder.0.borrow().offered, []);
    assert_eq!(delivery.counts(), Counts { delivered: 1, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_rejected_datum_behind_a_window_without_a_datum_is_counted_once() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().poison = [(1, 2)].into();
    let mut delivery = delivery(&recorder, 60);
    let empty = |number: u32| Summary {
        start: UNIX_EPOCH + PERIOD * number,
        end: UNIX_EPOCH + PERIOD * (number + 1),
        entries: Vec::new(),
        measured: Rc::default(),
    };
    delivery.add(Rc::new(empty(0)));
    let kills = entry(Number::Throttling, None, reported(3.0, 3.0));
    delivery.add(Rc::new(Summary { entries: vec![kills], ..empty(1) }));
    delivery.add(Rc::new(empty(2)));
    delivery.send(&CancellationToken::new()).await;
    let expected = Counts { delivered: 2, rejected: 1, rejected_data: 1, ..Counts::default() };
    assert_eq!(delivery.counts(), expected);
    assert_eq!(recorder.0.borrow().offered.len(), 1, "it is sent once");
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_window_goes_with_the_next_ones() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().most_data = Some(4);
    let mut delivery = delivery(&recorder, 60);
    let more = vec![entry(Number::Cpu, Some("app"), sampled(1, 1.0, 2.0)); 1];
    let first = window(0);
    let entries = [first.entries.clone(), more].concat();
    delivery.add(Rc::new(Summary { entries, ..Summary::clone(&first) }));
    delivery.add(window(1));
    delivery.send(&CancellationToken::new()).await;
    let sizes: Vec<_> = recorder.0.borrow().accepted.iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4], "the fifth datum of the first window, and the three of the second");
    assert_eq!(delivery.counts(), Counts { delivered: 2, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_window_that_waits_keeps_no_other_back_and_each_is_seen_once() {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().waiting = [0, 3].into();
    // What the publisher does with a send that begins with such a window.
    recorder.0.borrow_mut().answers = vec![None, Some(Failure::TryAgain)].into();
    let mut delivery = delivery(&recorder, 60);
    (0..4).for_each(|number| delivery.add(window(number)));
    delivery.send(&CancellationToken::new()).await;
    let offered = |recorder: &Recorder| {
        let offered = recorder.0.borrow().offered.clone();
        offered.into_iter().map(|(_, windows)| windows).collect::<Vec<_>>()
    };
    assert_eq!(offered(&recorder), [vec![1, 2], vec![0]]);
    recorder.0.borrow_mut().waiting.clear();
    delivery.send(&CancellationToken::new()).await;
    assert_eq!(offered(&recorder)[2..], [vec![0, 3]]);
    assert_eq!(recorder.0.borrow().seen, [0, 1, 2, 3]);
    assert_eq!(delivery.counts(), Counts { delivered: 4, ..Counts::default() });
}
