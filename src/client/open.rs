//! A connection to an agent that stays open, for one request after the other.

use std::io;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, Response};

use crate::exchange::{self, Connection};

/// An open connection. Its other end cannot change, so it is greeted once.
#[derive(Debug)]
pub struct Open(SendRequest<Full<Bytes>>);

impl Open {
    pub async fn over(connection: Box<dyn Connection>) -> io::Result<Self> {
        exchange::open(connection).await.map(Self).map_err(io::Error::other)
    }

    /// Asks over a connection that has just been made, or whose answer was read to its end.
    pub async fn ask(&mut self, request: Request<Full<Bytes>>) -> io::Result<Response<Incoming>> {
        self.0.ready().await.map_err(io::Error::other)?;
        self.0.send_request(request).await.map_err(io::Error::other)
    }

    /// The same over one that was kept. The agent may have closed it meanwhile: then the request is returned, if it can be
    /// sent again, because nothing of it was sent or because it changes nothing.
    pub async fn ask_again(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Result<Request<Full<Bytes>>, io::Error>> {
        if self.0.ready().await.is_err() {
            return Err(Ok(request));
        }
        let spare = (request.method() == Method::GET).then(|| request.clone());
        self.0.try_send_request(request).await.map_err(|mut error| {
            let unsent = error.take_message().or(spare);
            unsent.ok_or_else(|| io::Error::other(error.into_error()))
        })
    }
}
