//! A port that refuses connections, until a server is wanted there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

use crate::{Certificate, FakeCloudWatch};

/// A port of 127.0.0.1 that is bound and does not listen: connections to it are refused, and no
/// other program can take it meanwhile.
#[derive(Debug)]
pub struct Refused {
    socket: Socket,
    address: SocketAddr,
}

impl Refused {
    /// Takes a free port.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn start() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket();
        let address = address.ok_or_else(|| io::Error::other("expected an address with a port"))?;
        Ok(Self { socket, address })
    }

    /// The address that refuses.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// If the system does not let it.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.socket.listen(MOST_WAITING)?;
        Ok(self.socket.into())
    }

    /// From now on there is a server at this port; with TLS if there is a certificate.
    ///
    /// # Errors
    ///
    /// If the system does not let it listen.
    pub fn serve(self, certificate: Option<Certificate>) -> io::Result<FakeCloudWatch> {
        FakeCloudWatch::serve(self.listen()?, certificate)
    }
}

/// How many connections may wait to be accepted: that of the standard library's listener.
const MOST_WAITING: i32 = 128;
