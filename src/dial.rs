//! TCP connections to whichever of the addresses of a host answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// The first connection that stands. Each further address is tried when the one before has failed, or not
/// answered for a while (RFC 8305). The error is that of the first address; nothing where there is none.
pub async fn race(
    addresses: Vec<SocketAddr>,
) -> Result<TcpStream, Option<(SocketAddr, io::Error)>> {
    let mut addresses = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        let next = addresses.next();
        let is_last = next.is_none();
        attempts.extend(next.map(|address| async move {
            TcpStream::connect(address).await.map_err(|error| (address, error))
        }));
        let patience = Instant::now() + PATIENCE;
        tokio::select! {
            biased;
            Some(connected) = attempts.next() => match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => first_error = first_error.or(Some(error)),
            },
            () = sleep_until(patience), if !is_last => {}
            else => return Err(first_error),
        }
    }
}

/// How long an address has before the next one is tried, too.
const PATIENCE: Duration = Duration::from_millis(250);
