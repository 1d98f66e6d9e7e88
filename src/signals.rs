//! Takes over signals: they cancel the run, or in command mode are forwarded to the child.
//!
//! `docker stop`, ECS, Kubernetes and systemd send SIGTERM, or what an image names as its STOPSIGNAL,
//! often SIGQUIT; a terminal sends SIGINT for Ctrl-C, and SIGHUP when it is closed.

mod stopping;

use std::fs;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::process::{Resource, Signal, getrlimit};
use tokio::signal::unix::{Signal as Arrivals, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::stopping::Stopping;
use crate::children::Children;

/// Lets all signals wait until their handlers stand and [`Signals::release`] is called. Returns the
/// mask that this process was started with.
///
/// A signal that waits is not lost, even in process 1: the kernel drops signals to process 1 that have
/// no handler, but no blocked ones (`sig_ignored` in its kernel/signal.c).
pub fn hold() -> SigSet {
    // Cannot fail: `pthread_sigmask` rejects only an invalid `how`.
    SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK).unwrap_or_else(|_| SigSet::empty())
}

/// The signals that this process has taken over.
#[derive(Debug)]
pub struct Signals {
    taken: Vec<(Signal, Arrivals)>,
    /// The mask that this process was started with.
    inherited: SigSet,
    /// The signals that were ignored when this process was started, a bit each, the lowest for signal 1.
    ignored: u64,
}

impl Signals {
    /// Takes over the signals that ask this process to end. From here on none of them kills it.
    ///
    /// SIGHUP and SIGQUIT that were ignored at the start stay so, as `nohup` wants it. SIGTERM and
    /// SIGINT do not: a script ignores SIGINT for what it starts in the background, and may well
    /// stop that by SIGINT.
    ///
    /// SIGXFSZ would end this process when the file of standard output reaches its size limit. The
    /// failed write reports that already.
    pub fn install(inherited: SigSet) -> io::Result<Self> {
        let mut signals = Self { taken: Vec::new(), inherited, ignored: ignored() };
        signals.take_over([Signal::TERM, Signal::INT])?;
        let others = [Signal::HUP, Signal::QUIT, Signal::XFSZ];
        let ignored = signals.ignored;
        signals.take_over(others.into_iter().filter(|signal| !is_in(ignored, *signal)))?;
        Ok(signals)
    }

    /// Lets no signal wait any more, whatever mask this process was started with.
    pub fn release(&self) {
        // Cannot fail, as in `hold`.
        let _ = SigSet::empty().thread_set_mask();
    }

    /// Runs `start` with the mask that this process was started with, which a command inherits.
    pub fn with_inherited_mask<T>(&self, start: impl FnOnce() -> T) -> T {
        let own = self.inherited.thread_swap_mask(SigmaskHow::SIG_SETMASK);
        let started = start();
        if let Ok(own) = own {
            let _ = own.thread_set_mask();
        }
        started
    }

    /// Takes over all signals that an init forwards, and SIGCHLD.
    ///
    /// Signals that were ignored at the start stay ignored, here and in a child: `nohup` relies on it.
    pub fn install_for_child(&mut self) -> io::Result<()> {
        let ignored = self.ignored;
        let taken: Vec<_> = self.taken.iter().map(|(signal, _)| *signal).collect();
        let others = (1..=MAX_SIGNAL).filter_map(numbered).filter(|signal| {
            !OWN.contains(signal) && !taken.contains(signal) && !is_in(ignored, *signal)
        });
        self.take_over(others)?;
        // These two are last because `next` looks in this order. When several signals arrive
        // together, the child gets the others before SIGCONT resumes it, and before its end is
        // noticed.
        self.take_over([Signal::CONT, Signal::CHILD])
    }

    /// Takes over the news of children, without a command: checks start programs, and process 1 is the
    /// parent of orphans without having asked for it.
    pub fn install_for_children(&mut self) -> io::Result<()> {
        self.take_over([Signal::CHILD])
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

    /// Cancels `stop` on the first signal that asks for an end, and returns on one that is not part
    /// of the same stop. Reaps orphans until then. Where `hangups` takes SIGHUP, that asks for no end.
    pub async fn watch(
        &mut self,
        stop: &CancellationToken,
        children: &Children,
        hangups: Option<mpsc::Sender<()>>,
    ) {
        let mut stopping: Option<Stopping> = None;
        loop {
            match (self.next().await, &stopping) {
                (Signal::CHILD, _) => children.reap(),
                (Signal::HUP, _) if hangups.is_some() => {
                    // One that waits is for this one as well.
                    let _ = hangups.as_ref().map(|hangups| hangups.try_send(()));
                }
                (signal, Some(stopping)) if stopping.is_cut_short_by(signal) => return,
                (signal, None) if stopping::asks_for_an_end(signal) => {
                    stop.cancel();
                    stopping = Some(Stopping::by(signal));
                }
                _ => {}
            }
        }
    }

    /// Waits for the next signal that asks this process to end. Reaps children until then.
    pub async fn next_end(&mut self) -> Signal {
        loop {
            let signal = self.next().await;
            if signal == Signal::CHILD {
                Children::of_process().reap();
            }
            if stopping::asks_for_an_end(signal) {
                return signal;
            }
        }
    }

    /// Whether a signal is for the child: a process sent it and not the kernel, and it was not ignored at
    /// the start.
    pub fn is_for_child(&self, signal: Signal) -> bool {
        let of_the_kernel = match signal {
            // With such a limit, the kernel may send this signal because of this process's own usage.
            Signal::XCPU => getrlimit(Resource::Cpu).current.is_some(),
            Signal::XFSZ => getrlimit(Resource::Fsize).current.is_some(),
            _ => false,
        };
        !of_the_kernel && !is_in(self.ignored, signal)
    }
}

/// Takes over Ctrl-Z from here on; not where it was ignored at the start.
pub fn suspensions() -> Option<Arrivals> {
    if is_in(ignored(), Signal::TSTP) {
        return None;
    }
    signal(SignalKind::from_raw(Signal::TSTP.as_raw())).ok()
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
    // Without /proc, as on macOS, no signal counts as ignored.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn is_in(mask: u64, signal: Signal) -> bool {
    mask >> (signal.as_raw() - 1) & 1 == 1
}

/// Signals that an init does not pass on: they cannot be taken over, or are about the process
/// that gets them. SIGPIPE is one of these here: this process writes, and its reader may be gone.
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
