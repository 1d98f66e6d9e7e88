//! When measuring ends: at a signal, or with `--until-alone` when the other containers have ended.

use std::time::Duration;

use log::{info, warn};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::model::Company;

/// Waits until measuring is to end. Without `longest` that is when `stop` is cancelled. With it, the agent
/// then measures until all other containers have ended, for `longest` at most; and measuring also ends
/// without `stop`, when all others have ended.
pub async fn wait(
    stop: &CancellationToken,
    mut company: watch::Receiver<Company>,
    longest: Option<Duration>,
) {
    let Some(longest) = longest else { return stop.cancelled().await };
    let mut others = company.clone();
    tokio::select! {
        biased;
        () = stop.cancelled() => {
            let seen = *company.borrow();
            match seen {
                Company::Present => {
                    info!("measuring until the other containers have ended, at most {longest:?}");
                }
                Company::Awaited => warn!("--until-alone had no effect: no other container was seen"),
                Company::Gone => {}
            }
            tokio::select! {
                () = has_become(&mut company, |company| company != Company::Present) => {}
                () = sleep(longest) => info!("other containers still run after {longest:?}"),
            }
        }
        () = stays_alone(&mut others) => {
            info!("stopping: all other containers have ended");
        }
    }
}

/// Waits until all others have ended and none has come for a while: a container may be restarted.
async fn stays_alone(company: &mut watch::Receiver<Company>) {
    loop {
        has_become(company, |company| company == Company::Gone).await;
        tokio::select! {
            () = has_become(company, |company| company != Company::Gone) => {}
            () = sleep(RESTART) => return,
        }
    }
}

/// Waits until it is so. For ever where nothing sees other containers.
async fn has_become(company: &mut watch::Receiver<Company>, is_it: impl Fn(Company) -> bool) {
    if company.wait_for(|company| is_it(*company)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Kubernetes restarts a container at once at first, and then waits ten seconds and more. A pod whose
/// containers restart so is not over, but one that has ended must not be held up.
const RESTART: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    /// After how many seconds measuring ends. Each step is so many seconds after the one before;
    /// `None` is the signal.
    async fn ends(longest: Option<u64>, steps: &[(u64, Option<Company>)]) -> u64 {
        let (sender, company) = watch::channel(Company::default());
        let (stop, start) = (CancellationToken::new(), Instant::now());
        let steps = async {
            for (seconds, step) in steps {
                sleep(Duration::from_secs(*seconds)).await;
                match step {
                    Some(company) => drop(sender.send_replace(*company)),
                    None => stop.cancel(),
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = wait(&stop, company, longest.map(Duration::from_secs)) => {}
            () = steps => {}
        }
        start.elapsed().as_secs()
    }

    const PRESENT: Option<Company> = Some(Company::Present);
    const GONE: Option<Company> = Some(Company::Gone);

    #[tokio::test(start_paused = true)]
    async fn without_the_option_it_ends_at_the_signal() {
        advance(Duration::from_millis(1)).await;
        assert_eq!(ends(None, &[(0, PRESENT), (7, None)]).await, 7);
        assert_eq!(ends(None, &[(0, PRESENT), (1, GONE), (60, None)]).await, 61);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_signal_it_measures_until_the_others_have_ended() {
        assert_eq!(ends(Some(30), &[(0, PRESENT), (7, None), (4, GONE)]).await, 11);
        assert_eq!(ends(Some(30), &[(0, PRESENT), (7, None), (60, GONE)]).await, 37, "at most");
        assert_eq!(ends(Some(30), &[(7, None)]).await, 7, "nobody was seen");
        assert_eq!(ends(Some(30), &[(0, PRESENT), (3, GONE), (1, None)]).await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_signal_it_ends_five_seconds_after_it_has_become_alone() {
        assert_eq!(ends(Some(30), &[(9, PRESENT), (60, GONE)]).await, 74);
        let restarted = [(0, PRESENT), (10, GONE), (4, PRESENT), (10, GONE)];
        assert_eq!(ends(Some(30), &restarted).await, 29, "one was restarted");
    }
}
