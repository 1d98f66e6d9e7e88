//! How many events requests may raise.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;

/// How many events requests may raise: one that goes wrong in a loop is not to displace all others.
#[derive(Debug)]
pub struct Posts {
    /// When there is room for all of them again.
    full_at: Cell<Instant>,
}

impl Default for Posts {
    fn default() -> Self {
        Self { full_at: Cell::new(Instant::now()) }
    }
}

impl Posts {
    /// Takes the place of one, unless there is none.
    pub fn take(&self) -> Result<(), Failure> {
        let now = Instant::now();
        let next = self.full_at.get().max(now) + EACH;
        if next > now + EACH * MOST_AT_ONCE {
            let text = format!("more than {MOST_AT_ONCE} events were sent within a minute");
            return Err(Failure::rate(text, EACH.as_secs()));
        }
        self.full_at.set(next);
        Ok(())
    }
}

/// Events that may be sent at once.
const MOST_AT_ONCE: u32 = 60;

/// So often there is room for one more.
const EACH: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sixty_events_at_once_and_then_one_a_second_are_taken() {
        let posts = Posts::default();
        (0..60).for_each(|_| posts.take().expect("there is room"));
        let refused = posts.take().expect_err("it is one too many");
        assert_eq!((refused.status.as_u16(), refused.kind), (429, "rateLimit"));
        tokio::time::advance(EACH).await;
        assert!(posts.take().is_ok() && posts.take().is_err());
        tokio::time::advance(EACH * 1000).await;
        assert_eq!((0..100).filter(|_| posts.take().is_ok()).count(), 60);
    }
}
