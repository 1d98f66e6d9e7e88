//! A name server: some names do not exist, some questions are never answered, until a fault ends.

use std::collections::HashSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// The kind of name about which there is no answer.
pub const SILENT: &str = "silent";

#[derive(Default)]
struct Names {
    asked: HashSet<String>,
    resolved: HashSet<String>,
}

static NAMES: Mutex<Option<Names>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// Serves on the port of name servers, to the end of this process.
pub fn serve() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).expect("this network is ours");
    thread::spawn(move || {
        let mut packet = [0; 512];
        loop {
            let (length, from) = socket.recv_from(&mut packet).expect("a bound socket receives");
            if let Some(answer) = answer(&packet[..length]) {
                // Fails where nobody waits for it any more.
                let _ = socket.send_to(&answer, from);
            }
        }
    });
}

/// A name of this kind that nobody has used yet.
pub fn new(kind: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("{kind}-{}.test", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// From now on the name is this machine's.
pub fn resolve(name: &str) {
    with(|names| names.resolved.insert(name.to_owned()));
}

pub fn wait_for_question(name: &str) {
    let names = NAMES.lock().expect("no thread panics");
    let unasked =
        |names: &mut Option<Names>| !names.as_ref().is_some_and(|names| names.asked.contains(name));
    let waited = CHANGED.wait_timeout_while(names, HUNG_TEST, unasked);
    assert!(!waited.expect("no thread panics").1.timed_out(), "nobody asked for {name}");
}

fn with<T>(change: impl FnOnce(&mut Names) -> T) -> T {
    let mut names = NAMES.lock().expect("no thread panics");
    let changed = change(names.get_or_insert_with(Names::default));
    CHANGED.notify_all();
    changed
}

/// The answer to a packet with one question (RFC 1035), if there is to be one.
fn answer(packet: &[u8]) -> Option<Vec<u8>> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    while packet[at] != 0 {
        let length = usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..at + 1 + length]).into_owned());
        at += 1 + length;
    }
    let (name, kind) = (labels.join("."), u16::from_be_bytes([packet[at + 1], packet[at + 2]]));
    let resolved = with(|names| {
        names.asked.insert(name.clone());
        names.resolved.contains(&name)
    });
    if !resolved && name.starts_with(SILENT) {
        return None;
    }
    let mut answer = packet[..at + 5].to_vec();
    // A response, with recursion; code 3 is that there is no such name.
    answer[2..4].copy_from_slice(&[0x81, if resolved { 0x80 } else { 0x83 }]);
    let has_address = resolved && kind == A;
    answer[6..HEADER].copy_from_slice(&[0, u8::from(has_address), 0, 0, 0, 0]);
    if has_address {
        // The name of the question, A, IN, a minute, four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(answer)
}

/// Bytes before the question.
const HEADER: usize = 12;

/// The type of a question for an IPv4 address.
const A: u16 = 1;

/// A guard against a test that would hang; nothing is measured by it.
const HUNG_TEST: Duration = Duration::from_secs(60);
