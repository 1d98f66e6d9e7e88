//! More datagrams than anything sends.

use std::fs;

use super::*;

/// The most resident memory so far, in kB.
fn peak(agent: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{agent}/status")).expect("the agent runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("a line");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
}

/// A buffer of the sender that is full is empty again after far fewer; an agent that has ended takes none.
const MOST_ATTEMPTS: u32 = 1_000_000;

#[test]
fn a_flood_is_counted_to_the_last_datagram_and_memory_does_not_grow() {
    let listening = listening("publish: all\n    period: 1", &["--sample-interval", "0.1"]);
    // What it needs once: to take a datagram, and to publish.
    listening.send("all:1|c\nfirst:1|ms");
    listening
        .cloudwatch
        .wait_until("a window of it", |seen| seen.data.iter().any(|of| of.name == "first"));
    let before = peak(listening.agent.id());
    let sent: u64 = 300_000;
    for number in 0..sent {
        // A new name each time, and one that always fits.
        let line =
            if number % 2 == 0 { "all:1|c".to_owned() } else { format!("name{number}:5|ms") };
        // The kernel of the sender may refuse some where its own buffer is full; those were not sent.
        let is_sent = (0..MOST_ATTEMPTS).any(|_| listening.socket.send(line.as_bytes()).is_ok());
        assert!(is_sent, "datagram {number} of {sent} cannot be sent");
    }
    listening.send("end:1|c");
    let after = peak(listening.agent.id());
    assert!(after < before + 4_000, "{before} kB became {after} kB");
    let sum = |data: &[Datum], name: &str| {
        of(data, name).iter().map(|of| of.set.expect("a set").sum).sum::<f64>() as u64
    };
    let counted = |data: &[Datum]| {
        sum(data, "StatsdReceivedDatagrams") + sum(data, "StatsdKernelDroppedDatagrams")
    };
    listening.cloudwatch.wait_until("all of them", |seen| counted(&seen.data) == sent + 2);
    let ended = listening.agent.terminate().expect_code(0);
    let data = listening.cloudwatch.data();
    assert_eq!(counted(&data), sent + 2, "{ended:?}");
    assert!(sum(&data, "StatsdDroppedLines") > 0 && sum(&data, "all") > 0);
    // It is said once, however many runs drop some.
    let troubles = ended.troubles();
    let drops = |line: &&str| line.contains("check app: ") && line.contains(" dropped");
    assert!((1..=3).contains(&troubles.len()) && troubles.iter().all(drops), "{troubles:?}");
}
