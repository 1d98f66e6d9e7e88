//! System calls that may block without end, such as a name lookup or a read from a mount that does not
//! answer. Each has a helper thread of its own, and the measuring thread only awaits the result.
//!
//! The runtime's own threads would not do: it panics where the system refuses a thread, as at a limit of
//! processes. Here only the one call fails.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{self, PanicHookInfo};
#[cfg(target_os = "linux")]
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::SigSet;
use rustix::io::Errno;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

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
    /// Starting one, which waits for the kernel.
    Programs,
    /// Opening the file of the history, and committing to it.
    Store,
    /// Reading the file of the history for a plot.
    Plot,
    /// The folder of what is kept over a restart.
    State,
    /// Whether the certificate of the API was replaced.
    Certificate,
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
            // The others wait.
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
            // The same of one whose disk has died since it was looked for.
            Self::Programs => 4,
            Self::Output => 1,
            // One at a time; where a disk does not answer, that one stays.
            Self::Store => 1,
            // One file at a time of each sort: changes, states of alarms, and events. At the end each is written once
            // more, whether the call before has returned or not.
            Self::State => 6,
            // One at a time; where a disk does not answer, that one stays.
            Self::Certificate => 1,
            // As many as the store has readers.
            Self::Plot => 2,
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
            Self::Programs => "starting a program",
            Self::Output => "printing",
            Self::Matching => "searching a text",
            Self::Store | Self::Plot => "the history",
            Self::State => "the state folder",
            Self::Certificate => "reading certificates",
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

thread_local! {
    /// Whether a panic of this thread stays in it.
    static CONFINED: Cell<bool> = const { Cell::new(false) };
}

/// From here on a panic of a call for the history, whose database may panic where its file is changed under it, ends
/// neither the agent nor its command: the call has no answer, as on a disk that hangs.
pub fn confine_panics() {
    let others = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        stay_if_confined(panic);
        others(panic);
    }));
}

/// Ends a hook of a panic there, where the thread is such a one. A panic aborts as soon as its hook has returned.
pub fn stay_if_confined(panic: &PanicHookInfo) {
    if !CONFINED.get() {
        return;
    }
    log::error!(
        "the history crashed and is not used any more: restart the agent, or look at its file ({panic})"
    );
    loop {
        thread::park();
    }
}

struct Helpers {
    /// The calls that are under way.
    under_way: Mutex<Vec<Purpose>>,
    /// One of them has returned.
    returned: Notify,
}

static HELPERS: Helpers = Helpers::new();

impl Helpers {
    const fn new() -> Self {
        Self { under_way: Mutex::new(Vec::new()), returned: Notify::const_new() }
    }

    async fn call<T: Send + 'static>(
        &'static self,
        purpose: Purpose,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let result = match self.has_to_wait(purpose) {
            false => self.begin(purpose, call)?,
            // In a box, as it would be a part of the future of each caller.
            true => Box::pin(self.begin_in_turn(purpose, call)).await?,
        };
        result.await.map_err(|_| Refused::Panicked(purpose))
    }

    /// Waits until fewer files are being read than may be. At the start the options of the API, the files of credentials
    /// and the trusted roots are read at the same time, and none of them is to fail because of the others. Where those
    /// before do not end within [`LONGEST_TURN`], their disk does not answer, and this call is refused, as all others
    /// are at once.
    async fn begin_in_turn<T: Send + 'static>(
        &'static self,
        purpose: Purpose,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Refused> {
        let end = Instant::now() + LONGEST_TURN;
        loop {
            // Before the others are counted, so that none returns in between unnoticed.
            let returned = self.returned.notified();
            // At the end it is refused there.
            if !self.has_to_wait(purpose) || timeout_at(end, returned).await.is_err() {
                return self.begin(purpose, call);
            }
        }
    }

    fn begin<T: Send + 'static>(
        &'static self,
        purpose: Purpose,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Refused> {
        let (sender, result) = oneshot::channel();
        // The caller may have given it up.
        let answer = |result| drop(sender.send(result));
        self.start(purpose, call, answer)?;
        Ok(result)
    }

    fn has_to_wait(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Files && self.count(purpose) >= purpose.most()
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
        let run = move |place| {
            let result = call();
            // Before the result is sent: the caller's next call must find the place free.
            drop(place);
            answer(result);
        };
        self.start_boxed(purpose, Box::new(run))
    }

    /// The same for all calls, as the code that starts a thread is half a kB for each type of them.
    fn start_boxed(
        &'static self,
        purpose: Purpose,
        run: Box<dyn FnOnce(Permit) + Send>,
    ) -> Result<(), Refused> {
        let place = self.place(purpose).map_err(|count| Refused::Busy(purpose, count))?;
        let run = move || {
            // Signals are for the main thread, which after a panic waits for them itself (`last_resort`).
            let _ = SigSet::all().thread_block();
            CONFINED.set(matches!(purpose, Purpose::Store | Purpose::Plot));
            run(place);
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

    /// How many calls of this purpose are under way.
    fn count(&self, purpose: Purpose) -> usize {
        self.under_way().iter().filter(|other| **other == purpose).count()
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<Purpose>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
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
        drop(under_way);
        self.helpers.returned.notify_waiters();
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

/// Threads at the same time, whatever hangs: when all mounts that may be asked, two readings of processes, all host
/// info, all lookups of checks, four starts of programs, the history and its readers, a certificate and the state folder
/// hang, as many are left for name lookups and files as there are without them. Each takes the room of its stack as it
/// uses it.
const MOST: usize = 36;

/// For the calls before, which read small files. Shorter than the limit of each caller, whose disk it is not.
const LONGEST_TURN: Duration = Duration::from_secs(1);

/// musl's lookup needs some 10 kB, and glibc may load a module in it.
const STACK: usize = 256 << 10;

/// The errors of socket(2) and open(2) for it.
const REFUSED: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];

#[cfg(test)]
mod tests;
