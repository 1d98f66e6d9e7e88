//! TCP connections to whichever of the addresses of a host answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::OptionFuture;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// The first connection that stands. Each further address is tried when the one before has failed, or not
/// answered for a while (RFC 8305). The error is that of the first address that has one by `end`; nothing where none
/// has, or there is no address.
pub async fn race(
    addresses: Vec<SocketAddr>,
    end: Option<Instant>,
) -> Result<TcpStream, Option<(SocketAddr, io::Error)>> {
    let mut is_over = Box::pin(OptionFuture::from(end.map(sleep_until)));
    let mut addresses = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        let next = addresses.next();
        let is_last = next.is_none();
        attempts.extend(next.map(|address| async move {
            TcpStream::connect(address).await.map_err(|error| (address, error))
        }));
        // Each has failed: nothing is left to wait for, also where `end` has not come.
        if attempts.is_empty() {
            return Err(first_error);
        }
        let patience = Instant::now() + PATIENCE;
        tokio::select! {
            biased;
            Some(connected) = attempts.next() => match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => first_error = first_error.or(Some(error)),
            },
            Some(()) = &mut is_over => return Err(first_error),
            () = sleep_until(patience), if !is_last => {}
        }
    }
}

/// How long an address has before the next one is tried, too.
const PATIENCE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// An address of this machine that answers no connection: as many wait to be accepted as may.
    async fn hanging() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let listener = socket.listen(0).expect("it can listen");
        let address = listener.local_addr().expect("it is bound");
        let mut waiting = Vec::new();
        // The kernel lets one wait more than it was told. When that one stands, no further one is answered.
        waiting.push(TcpStream::connect(address).await.expect("there is room for one"));
        (address, (listener, waiting))
    }

    #[tokio::test]
    async fn an_address_that_hangs_is_given_up_at_the_end_and_holds_up_no_other() {
        let (hangs, _held) = hanging().await;
        let end = Some(Instant::now() + PATIENCE / 2);
        let error = race(vec![hangs], end).await.expect_err("nothing answers");
        assert!(error.is_none(), "it has not failed: {error:?}");
        assert!(Some(Instant::now()) >= end, "it had all of its time");
        // The next one is tried while the first still hangs.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let there = listener.local_addr().expect("it is bound");
        let far = Some(Instant::now() + Duration::from_secs(3600));
        let stream = race(vec![hangs, there], far).await.expect("one answers");
        assert_eq!(stream.peer_addr().ok(), Some(there));
        // The error of another address is told where the end comes.
        let gone = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), there.port());
        let end = Some(Instant::now() + PATIENCE / 2);
        let error = race(vec![gone, hangs], end).await.expect_err("nothing answers");
        assert_eq!(error.map(|(address, _)| address), Some(gone));
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let there = listener.local_addr().expect("it is bound");
        let gone = SocketAddr::new("127.0.0.2".parse().expect("an address"), there.port());
        let stream = race(vec![gone, there], None).await.expect("one is there");
        assert_eq!(stream.peer_addr().ok(), Some(there));
        let error = race(vec![gone], None).await.expect_err("nothing is there").expect("a cause");
        assert_eq!((error.0, error.1.kind()), (gone, io::ErrorKind::ConnectionRefused));
        // Without waiting for an end that is far away.
        let far = Some(Instant::now() + Duration::from_secs(3600));
        let error = race(vec![gone], far).await.expect_err("nothing is there").expect("a cause");
        assert_eq!(error.1.kind(), io::ErrorKind::ConnectionRefused);
        assert!(race(Vec::new(), far).await.is_err_and(|error| error.is_none()));
        assert!(race(Vec::new(), None).await.is_err_and(|error| error.is_none()));
    }
}
