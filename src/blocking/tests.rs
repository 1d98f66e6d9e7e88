use std::sync::mpsc::{Receiver, Sender, channel};

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::*;

/// A call that blocks until this is dropped.
fn blocked() -> (Sender<()>, impl FnOnce() + Send + 'static) {
    let (sender, receiver): (_, Receiver<()>) = channel();
    let wait = move || {
        let _ = receiver.recv();
    };
    (sender, wait)
}

#[tokio::test]
async fn the_fifth_call_is_refused_at_once_and_made_when_the_others_have_returned() {
    static HELPERS: Helpers = Helpers::new();
    let lookup = |call| HELPERS.call(Purpose::NameLookup, call);
    let (held, calls): (Vec<_>, Vec<_>) = (0..4).map(|_| blocked()).unzip();
    let mut four = Box::pin(join_all(calls.into_iter().map(lookup)));
    assert!(four.as_mut().now_or_never().is_none(), "all of them block");
    let text = "no thread for the name lookup, calls that still have no answer: 4";
    let fifth = HELPERS.call(Purpose::NameLookup, || "fifth").await;
    assert_eq!(fifth.map_err(|error| error.to_string()), Err(text.to_owned()));
    drop(held);
    assert!(four.await.iter().all(Result::is_ok));
    let fifth = HELPERS.call(Purpose::NameLookup, || "fifth").await;
    assert_eq!(fifth.map_err(|error| error.to_string()), Ok("fifth"));
}

#[tokio::test]
async fn a_third_file_waits_for_its_turn_and_files_that_hang_leave_threads_for_name_lookups() {
    static HELPERS: Helpers = Helpers::new();
    let (mut held, calls): (Vec<_>, Vec<_>) = (0..2).map(|_| blocked()).unzip();
    let files = |call| HELPERS.call(Purpose::Files, call);
    let mut two = Box::pin(join_all(calls.into_iter().map(files)));
    assert!(two.as_mut().now_or_never().is_none(), "both block");
    let [mut third, mut fourth] =
        ["third", "fourth"].map(|name| Box::pin(HELPERS.call(Purpose::Files, move || name)));
    for waits in [&mut third, &mut fourth] {
        assert!(waits.as_mut().now_or_never().is_none(), "two are under way");
    }
    assert_eq!(HELPERS.under_way().len(), 2, "no thread was started");
    assert_eq!(HELPERS.call(Purpose::NameLookup, || 7).await.ok(), Some(7));
    assert!(third.as_mut().now_or_never().is_none(), "the return of another sort is no turn");
    held.pop();
    assert_eq!(third.await.ok(), Some("third"), "one of the two hangs for good");
    assert_eq!(fourth.await.ok(), Some("fourth"));
    drop(held);
    two.await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn checks_that_hang_leave_threads_for_all_else_and_the_last_call_has_none() {
    static HELPERS: Helpers = Helpers::new();
    let (held, mut calls): (Vec<_>, Vec<_>) = (0..MOST).map(|_| blocked()).unzip();
    let mut others = calls.split_off(24);
    let history = others.split_off(others.len() - 8);
    let of_files = [Purpose::Store, Purpose::Plot, Purpose::Plot, Purpose::Certificate];
    let of_files = of_files.into_iter().chain([Purpose::State; 4]);
    let history = history.into_iter().zip(of_files);
    let names = calls.split_off(16);
    let programs = calls.split_off(12).into_iter().map(|call| (call, Purpose::Programs));
    let two = [Purpose::LocalMounts, Purpose::HostInfo, Purpose::ListedMounts, Purpose::Processes];
    let purposes = [Purpose::Mounts; 2].into_iter().chain(two).cycle();
    let mounts = calls.into_iter().zip(purposes);
    let names = names.into_iter().map(|call| (call, Purpose::CheckLookup));
    let all = mounts.chain(names).chain(programs).chain(history);
    let mounts = all.map(|(call, purpose)| HELPERS.call(purpose, call));
    let mut mounts = Box::pin(join_all(mounts));
    assert!(mounts.as_mut().now_or_never().is_none(), "all of them block");
    let fifth = HELPERS.call(Purpose::Mounts, || ()).await.map_err(|error| error.to_string());
    let text = "no thread for asking a mount, calls that still have no answer: 4";
    assert_eq!(fifth, Err(text.to_owned()));
    assert_eq!(HELPERS.call(Purpose::Files, || 7).await.ok(), Some(7));
    let lookups = others.into_iter().map(|call| HELPERS.call(Purpose::NameLookup, call));
    let mut lookups = Box::pin(join_all(lookups));
    assert!(lookups.as_mut().now_or_never().is_none(), "all of them block");
    let next = HELPERS.call(Purpose::Files, || ()).await.map_err(|error| error.to_string());
    let text = "no thread for reading files, calls that still have no answer: 36";
    assert_eq!(next, Err(text.to_owned()));
    drop(held);
    mounts.await;
    lookups.await;
}

#[cfg(target_os = "linux")]
#[test]
fn a_call_of_a_helper_thread_is_given_up_after_its_time_and_counts_until_it_returns() {
    static HELPERS: Helpers = Helpers::new();
    let within = |call: Box<dyn FnOnce() + Send>| {
        HELPERS.call_within(Purpose::ListedMounts, Duration::from_millis(1), call)
    };
    let (held, blocks) = blocked();
    assert!(matches!(within(Box::new(blocks)), Ok(None)), "it blocks");
    let (held_too, blocks) = blocked();
    assert!(matches!(within(Box::new(blocks)), Ok(None)), "it blocks");
    let third = within(Box::new(|| ())).map_err(|error| error.to_string());
    let text = "no thread for asking a mount for host info, calls that still have no answer: 2";
    assert_eq!(third, Err(text.to_owned()));
    drop((held, held_too));
    let long = Duration::from_secs(600);
    assert_eq!(HELPERS.call_within(Purpose::Files, long, || 7).ok(), Some(Some(7)));
    let panics =
        HELPERS.call_within(Purpose::Files, long, || assert!(HELPERS.under_way.is_poisoned()));
    assert_eq!(panics.map_err(|e| e.to_string()), Err("reading files panicked".to_owned()));
}

#[tokio::test]
async fn a_call_that_was_given_up_counts_until_it_returns_and_its_result_is_dropped() {
    static HELPERS: Helpers = Helpers::new();
    let (held, blocks) = blocked();
    // The result is gone when the receiver hears that.
    let (result, dropped): (Sender<()>, _) = channel();
    let call = move || {
        blocks();
        result
    };
    let mut given_up = Box::pin(HELPERS.call(Purpose::Files, call));
    assert!(given_up.as_mut().now_or_never().is_none(), "it blocks");
    drop(given_up);
    assert_eq!(HELPERS.under_way().len(), 1);
    drop(held);
    assert!(dropped.recv().is_err(), "nothing is ever sent");
    assert_eq!(HELPERS.under_way().len(), 0);
}

#[tokio::test]
async fn a_call_that_panics_is_an_error_and_counts_no_longer() {
    static HELPERS: Helpers = Helpers::new();
    let panics = HELPERS.call(Purpose::Files, || assert!(HELPERS.under_way().is_empty())).await;
    assert_eq!(panics.map_err(|e| e.to_string()), Err("reading files panicked".to_owned()));
    assert_eq!(HELPERS.under_way().len(), 0);
}
