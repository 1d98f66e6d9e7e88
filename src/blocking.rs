//! System calls that may block without end, such as a name lookup or a read from a mount that does not
//! answer. Each has a helper thread of its own, and the measuring thread only awaits the result.
//!
//! The runtime's own threads would not do: it panics where the system refuses a thread, as at a limit of
//! processes. Here only the one call fails.

use std::error::Error;
use std::fmt;
use std::io;
#[cfg(target_os = "linux")]
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
#[cfg(target_os = "linux")]
use std::time::Duration;

use nix::sys::signal::SigSet;
use rustix::io::Errno;
use tokio::sync::oneshot;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// For the publishers.
    NameLookup,
    /// The same for checks.
    CheckLookup,
    /// Files that a user names or that lie in a home directory, which may be on a network.
    Files,
    /// What a mounted file system is asked for, which may be on a network or served by a program.
    Mounts,
    /// The same of file systems that the kernel answers for by itself.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux tells which these are")
    )]
    LocalMounts,
    /// The list of processes, which may be thousands; the memory of one may be locked.
    Processes,
    /// Looking for a regular expression in a long text.
    Matching,
    /// A pipe that is full, and whose reader may never read.
    Output,
    /// Whether a plugin is there and may be run.
    Plugins,
    /// Opening the file of the history, and committing to it.
    Store,
    /// What a person or a program asks about this machine.
    HostInfo,
    /// The mounts that are listed then, of which none may take the place of one that is checked.
    #[cfg(target_os = "linux")]
    ListedMounts,
}

impl Purpose {
    /// How many texts are searched at once: a long one, and a short one, which does not wait for it.
    pub const MATCHING_AT_ONCE: usize = 2;

    /// How many names are looked up at once for checks. Those that have no answer for a while leave threads
    /// for others.
    pub const CHECK_LOOKUPS: usize = 8;

    /// How many of one purpose may be under way, so that one that hangs for good leaves threads for the
    /// others.
    fn most(self) -> usize {
        match self {
            // Three attempts of a send may each leave one behind while the name server is silent.
            Self::NameLookup => 4,
            Self::CheckLookup => Self::CHECK_LOOKUPS,
            // The check at the start and a first send may overlap.
            Self::Files => 2,
            // A server that is gone takes its mounts with it, and each check of one leaves a call behind.
            // With more, further checks of mounts fail at once.
            Self::Mounts => 4,
            // These answer at once, or the machine does not answer at all.
            Self::LocalMounts => 2,
            // Two at a time, and those two whose threads have read all and are about to end.
            Self::Processes => 4,
            // A folder on a dead disk leaves a call of each check behind.
            Self::Plugins => 4,
            Self::Output => 1,
            // One at a time; where a disk does not answer, that one stays.
            Self::Store => 1,
            // The others wait.
            Self::Matching => Self::MATCHING_AT_ONCE,
            // Asked for one at a time; one that hangs leaves room for another type.
            Self::HostInfo => 2,
            #[cfg(target_os = "linux")]
            Self::ListedMounts => 2,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameLookup | Self::CheckLookup => "the name lookup",
            Self::Files => "reading files",
            Self::Mounts | Self::LocalMounts => "asking a mount",
            Self::Processes => "reading processes",
            Self::Plugins => "looking for a plugin",
            Self::Output => "printing",
            Self::Matching => "searching a text",
            Self::Store => "the history",
            Self::HostInfo => "host info",
            #[cfg(target_os = "linux")]
            Self::ListedMounts => "asking a mount for host info",
        })
    }
}

/// Makes a call in a helper thread, which is to log nothing: lines come from one thread. A call that
/// is given up runs on, and counts until it returns.
pub async fn call<T: Send + 'static>(
    purpose: Purpose,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    HELPERS.call(purpose, call).await
}

/// The same of a helper thread, which may block itself, but no longer than this. `None` where there is no
/// answer by then.
#[cfg(target_os = "linux")]
pub fn call_within<T: Send + 'static>(
    purpose: Purpose,
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Refused> {
    HELPERS.call_within(purpose, limit, call)
}

/// The calls that are under way.
struct Helpers(Mutex<Vec<Purpose>>);

static HELPERS: Helpers = Helpers::new();

impl Helpers {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    async fn call<T: Send + 'static>(
        &'static self,
        purpose: Purpose,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let (sender, result) = oneshot::channel();
        // The caller may have given it up.
        let answer = |result| drop(sender.send(result));
        self.start(purpose, call, answer)?;
        result.await.map_err(|_| Refused::Panicked(purpose))
    }

    #[cfg(target_os = "linux")]
    fn call_within<T: Send + 'static>(
        &'static self,
        purpose: Purpose,
        limit: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>, Refused> {
        let (sender, result) = mpsc::channel();
        let answer = move |result| drop(sender.send(result));
        self.start(purpose, call, answer)?;
        match result.recv_timeout(limit) {
            Ok(result) => Ok(Some(result)),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(Refused::Panicked(purpose)),
        }
    }

    fn start<T: Send + 'static>(
        &'static self,
        purpose: Purpose,
        call: impl FnOnce() -> T + Send + 'static,
        answer: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), Refused> {
        let place = self.place(purpose).map_err(|count| Refused::Busy(purpose, count))?;
        let run = move || {
            // Signals are for the main thread, which after a panic waits for them itself (`last_resort`).
            let _ = SigSet::all().thread_block();
            let result = call();
            // Before the result is sent: the caller's next call must find the place free.
            drop(place);
            answer(result);
        };
        // Not `thread::spawn`, which panics where the system refuses a thread.
        let started = thread::Builder::new().stack_size(STACK).spawn(run);
        started.map(drop).map_err(|error| Refused::NoThread(purpose, error))
    }

    /// Takes a place among the calls under way. The error is their number, if there is no place.
    fn place(&'static self, purpose: Purpose) -> Result<Permit, usize> {
        let mut under_way = self.under_way();
        let same = under_way.iter().filter(|other| **other == purpose).count();
        if same >= purpose.most() {
            return Err(same);
        }
        if under_way.len() >= MOST {
            return Err(under_way.len());
        }
        under_way.push(purpose);
        Ok(Permit { helpers: self, purpose })
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<Purpose>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as a call that is under way until it is dropped.
struct Permit {
    helpers: &'static Helpers,
    purpose: Purpose,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut under_way = self.helpers.under_way();
        if let Some(place) = under_way.iter().position(|other| *other == self.purpose) {
            under_way.swap_remove(place);
        }
    }
}

/// Why a call was not made. The call itself may be fine, and can be made again.
#[derive(Debug)]
pub enum Refused {
    /// The system gives no thread.
    NoThread(Purpose, io::Error),
    /// So many calls are under way.
    Busy(Purpose, usize),
    /// The call panicked, in a program that does not abort then.
    Panicked(Purpose),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoThread(purpose, error) => write!(f, "no thread for {purpose}: {error}"),
            Self::Busy(purpose, count) => {
                write!(f, "no thread for {purpose}, calls that still have no answer: {count}")
            }
            Self::Panicked(purpose) => write!(f, "{purpose} panicked"),
        }
    }
}

impl Error for Refused {}

/// Whether the only cause is that the machine had no thread, descriptor or memory to spare, which may
/// pass.
pub fn was_refused(error: &(dyn Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(cause) = error {
        let no_thread = cause.downcast_ref::<Refused>().is_some();
        let number = cause.downcast_ref().and_then(io::Error::raw_os_error);
        let number = number.map(Errno::from_raw_os_error);
        if no_thread || number.is_some_and(|number| REFUSED.contains(&number)) {
            return true;
        }
        error = cause.source();
    }
    false
}

/// Threads at the same time, whatever hangs: when all mounts that may be asked, two readings of processes,
/// all host info, all lookups of checks and the history hang, as many are left for name lookups and files as there are without them. Each takes
/// the room of its stack as it uses it.
const MOST: usize = 25;

/// musl's lookup needs some 10 kB, and glibc may load a module in it.
const STACK: usize = 256 << 10;

/// The errors of socket(2) and open(2) for it.
const REFUSED: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];

#[cfg(test)]
mod tests {
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
    async fn files_that_hang_leave_threads_for_name_lookups() {
        static HELPERS: Helpers = Helpers::new();
        let (held, calls): (Vec<_>, Vec<_>) = (0..2).map(|_| blocked()).unzip();
        let files = |call| HELPERS.call(Purpose::Files, call);
        let mut two = Box::pin(join_all(calls.into_iter().map(files)));
        assert!(two.as_mut().now_or_never().is_none(), "both block");
        let third = HELPERS.call(Purpose::Files, || ()).await.map_err(|error| error.to_string());
        let text = "no thread for reading files, calls that still have no answer: 2";
        assert_eq!(third, Err(text.to_owned()));
        assert_eq!(HELPERS.call(Purpose::NameLookup, || 7).await.ok(), Some(7));
        drop(held);
        two.await;
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn checks_that_hang_leave_threads_for_all_else_and_the_last_call_has_none() {
        static HELPERS: Helpers = Helpers::new();
        let (held, mut calls): (Vec<_>, Vec<_>) = (0..MOST).map(|_| blocked()).unzip();
        let mut others = calls.split_off(20);
        let store = others.pop().map(|call| (call, Purpose::Store));
        let names = calls.split_off(12);
        let two =
            [Purpose::LocalMounts, Purpose::HostInfo, Purpose::ListedMounts, Purpose::Processes];
        let purposes = [Purpose::Mounts; 2].into_iter().chain(two).cycle();
        let mounts = calls.into_iter().zip(purposes);
        let names = names.into_iter().map(|call| (call, Purpose::CheckLookup));
        let mounts =
            mounts.chain(names).chain(store).map(|(call, purpose)| HELPERS.call(purpose, call));
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
        let text = "no thread for reading files, calls that still have no answer: 25";
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
        let panics = HELPERS.call_within(Purpose::Files, long, || assert!(HELPERS.0.is_poisoned()));
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
}
