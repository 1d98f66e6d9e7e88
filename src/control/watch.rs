//! Looks whether the files have changed.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Control;

impl Control {
    /// Reads the files again when they have changed, where that is asked for.
    pub(super) async fn watch(&self) {
        if !self.watches {
            return;
        }
        let (mut taken, mut before) = (None, None);
        let mut looks = interval(BETWEEN_LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let cli = self.cli.borrow().clone();
            let seen = cli.look().await;
            let in_force = || cli.files.sources.iter().cloned().map(Ok).collect();
            let is_other = *taken.get_or_insert_with(in_force) != seen;
            // Two looks in a row saw the same, so nobody is writing the files at this moment.
            if is_other && before.as_ref() == Some(&seen) {
                taken = Some(seen.clone());
                // The log has what came of it.
                let _ = self.reload("--watch-config", false).await;
            }
            before = Some(seen);
        }
    }
}

/// A change is in force after one to two of these.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
