//! The instants at which samples are taken.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// Ticks at once, and then at each multiple of an interval. After a stall the next tick is the next
/// multiple: a burst of ticks to catch up would make samples of no length.
pub enum Pace {
    #[cfg(target_os = "linux")]
    Kernel(kernel::Timer),
    Runtime(Interval),
}

impl Pace {
    /// By a timer of the kernel's own where there is one. The runtime's timers wake up twice for
    /// each tick and tell themselves so each time: docs/footprint.md has what that costs.
    pub fn every(every: Duration) -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = kernel::Timer::every(every) {
            return Self::Kernel(timer);
        }
        Self::of_runtime(every)
    }

    /// By the runtime's clock, which tests can pause.
    pub fn of_runtime(every: Duration) -> Self {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self::Runtime(ticks)
    }

    /// Waits for the next tick. None is lost if the wait is given up.
    pub async fn tick(&mut self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel(timer) => timer.tick().await,
            Self::Runtime(ticks) => drop(ticks.tick().await),
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// timerfd_create(2).
    pub struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        pub fn every(every: Duration) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let time = |time: Duration| Timespec::try_from(time).map_err(io::Error::other);
            // Zero would mean never.
            let at_once = Duration::from_nanos(1);
            let times = Itimerspec { it_interval: time(every)?, it_value: time(at_once)? };
            timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
            #[expect(deprecated, reason = "what it was deprecated for cannot be with an OwnedFd")]
            let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
            Ok(Self(timer))
        }

        pub async fn tick(&mut self) {
            // What is read is how many ticks are over. It fails where none is, and where the
            // runtime ends there will be none.
            while let Ok(mut timer) = self.0.readable().await {
                let read = rustix::io::read(timer.get_inner(), &mut [0; size_of::<u64>()]);
                timer.clear_ready();
                if read.is_ok() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_tick_comes_at_once_then_at_multiples_and_after_a_stall_once() {
        let every = Duration::from_millis(20);
        for pace in [Pace::every, Pace::of_runtime] {
            let start = Instant::now();
            let mut pace = pace(every);
            pace.tick().await;
            pace.tick().await;
            assert!(start.elapsed() >= every);
            while start.elapsed() < every * 7 / 2 {}
            pace.tick().await;
            pace.tick().await;
            assert!(start.elapsed() >= every * 4, "the ticks that were missed are one");
        }
    }
}
