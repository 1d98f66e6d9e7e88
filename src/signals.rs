//! Takes signals over: turns them into cancellation, and in command mode into what is passed on.
//!
//! `docker stop`, ECS, Kubernetes and systemd send SIGTERM; a terminal sends SIGINT for Ctrl-C.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use rustix::process::{Resource, Signal, getrlimit};
use tokio::signal::unix::{Signal as Arrivals, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals that this process has taken over.
#[derive(Debug)]
pub struct Signals {
    taken: Vec<(Signal, Arrivals)>,
    /// Those that were ignored when this process was started, a bit each, the lowest for signal 1.
    ignored: u64,
}

impl Signals {
    /// Takes over the signals that ask this process to end. From here on none of them kills it.
    pub fn install() -> io::Result<Self> {
        let mut signals = Self { taken: Vec::new(), ignored: ignored() };
        signals.take_over([Signal::TERM, Signal::INT])?;
        Ok(signals)
    }

    /// Takes over whatever an init passes on, and the news of children.
    ///
    /// What was ignored at the start stays so, here and in a child: that is how `nohup` works.
    pub fn install_for_child(&mut self) -> io::Result<()> {
        let (end, ignored) = ([Signal::TERM, Signal::INT], self.ignored);
        let others = (1..=MAX_SIGNAL).filter_map(numbered).filter(|signal| {
            !OWN.contains(signal) && !end.contains(signal) && !is_in(ignored, *signal)
        });
        self.take_over(others)?;
        // The last ones, so that where several came at once a child goes on after them, and gets
        // them before its end is noticed.
        self.take_over([Signal::CONT, Signal::CHILD])
    }

    fn take_over(&mut self, signals: impl IntoIterator<Item = Signal>) -> io::Result<()> {
        for taken in signals {
            self.taken.push((taken, signal(SignalKind::from_raw(taken.as_raw()))?));
        }
        Ok(())
    }

    /// Waits for the next signal. Several of a kind may have become one.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (signal, arrivals) in &mut self.taken {
                if arrivals.poll_recv(context).is_ready() {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Cancels `stop` on the first signal and returns on the second.
    pub async fn watch(&mut self, stop: &CancellationToken) {
        self.next().await;
        stop.cancel();
        self.next().await;
    }

    /// Whether a signal is for the child: somebody sent it, and it was not ignored at the start.
    pub fn is_for_child(&self, signal: Signal) -> bool {
        let of_the_kernel = match signal {
            // Where this process has a limit, it may be told that it is over it itself.
            Signal::XCPU => getrlimit(Resource::Cpu).current.is_some(),
            Signal::XFSZ => getrlimit(Resource::Fsize).current.is_some(),
            _ => false,
        };
        !of_the_kernel && !is_in(self.ignored, signal)
    }
}

/// A signal by its number, if that is one, and the C library does not keep it to itself.
#[cfg(target_os = "linux")]
fn numbered(number: i32) -> Option<Signal> {
    rustix_libc_wrappers::process::SignalExt::from_raw(number)
}

/// There are no realtime signals, and all others have a name.
#[cfg(not(target_os = "linux"))]
fn numbered(number: i32) -> Option<Signal> {
    Signal::from_named_raw(number)
}

/// The signals that are ignored, as Linux says; a process inherits that.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn is_in(mask: u64, signal: Signal) -> bool {
    mask >> (signal.as_raw() - 1) & 1 == 1
}

/// Signals that an init does not pass on: they cannot be taken over, or are about the process
/// that gets them. SIGPIPE is one of these here: this process writes, and whoever read may be gone.
/// The last two are taken over apart.
const OWN: [Signal; 14] = [
    Signal::KILL,
    Signal::STOP,
    Signal::FPE,
    Signal::ILL,
    Signal::SEGV,
    Signal::BUS,
    Signal::ABORT,
    Signal::TRAP,
    Signal::SYS,
    Signal::TTIN,
    Signal::TTOU,
    Signal::PIPE,
    Signal::CONT,
    Signal::CHILD,
];

/// The highest number of a signal on Linux, and more than there are elsewhere.
const MAX_SIGNAL: i32 = 64;
