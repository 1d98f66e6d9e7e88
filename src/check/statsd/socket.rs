//! The socket that numbers arrive on.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;

use tokio::net::UdpSocket;

/// A bound socket.
pub struct Socket {
    socket: UdpSocket,
    address: SocketAddr,
}

/// What a read gave.
pub enum Read {
    /// Of so many bytes.
    Datagram(usize),
    Nothing,
}

impl Socket {
    pub fn open(address: SocketAddr) -> Result<Self, String> {
        let open = || {
            let socket = std::net::UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            // More than by default, as far as the system allows; without it a burst fits less.
            let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, BUFFER);
            UdpSocket::from_std(socket)
        };
        let cannot = |error: io::Error| {
            let cure = match error.kind() {
                ErrorKind::AddrInUse => ": another program listens there; give another port",
                ErrorKind::AddrNotAvailable => ": this machine has no such address",
                ErrorKind::PermissionDenied => ": ports below 1024 need root",
                _ => "",
            };
            format!("cannot listen on {address}: {error}{cure}")
        };
        Ok(Self { socket: open().map_err(cannot)?, address })
    }

    /// Where it listens, also where any free port was asked for.
    #[cfg(all(test, target_os = "linux"))]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    /// Waits until there is a datagram.
    pub async fn readable(&self) {
        // An error is the next read's.
        let _ = self.socket.readable().await;
    }

    pub fn read(&self, buffer: &mut [u8]) -> Read {
        match self.socket.try_recv(buffer) {
            Ok(length) => Read::Datagram(length),
            // No error of a socket that sends nothing says anything of what others send.
            Err(_) => Read::Nothing,
        }
    }

    /// More bytes than all that may wait in the buffer, with what the kernel keeps beside them.
    pub fn buffer(&self) -> usize {
        let limit = rustix::net::sockopt::socket_recv_buffer_size(&self.socket);
        // The datagram that reaches the limit is still taken.
        limit.unwrap_or(2 * BUFFER) + (128 << 10)
    }

    /// How many datagrams the kernel has dropped because the buffer was full.
    pub fn drops(&self, proc: &Path) -> Result<u64, String> {
        let inode = rustix::fs::fstat(&self.socket).map_err(|error| error.to_string())?.st_ino;
        let name = if self.address.is_ipv4() { "udp" } else { "udp6" };
        let path = proc.join("self/net").join(name);
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        of_inode(&text, inode)
            .ok_or_else(|| format!("{} has no line of the socket", path.display()))
    }
}

/// The last column of the line of a socket.
fn of_inode(text: &str, inode: u64) -> Option<u64> {
    let inode = inode.to_string();
    let is_it = |line: &&str| line.split_ascii_whitespace().nth(INODE) == Some(&inode);
    text.lines().find(is_it)?.split_ascii_whitespace().last()?.parse().ok()
}

/// The column of the inode.
const INODE: usize = 9;

/// Bytes; some thousand datagrams.
const BUFFER: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_dropped_is_in_the_line_of_the_socket() {
        let text = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            1234: 0100007F:1FBD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31 2 0000000000000000 7\n\
            1235: 0100007F:1FBE 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 32 2 0000000000000000 123\n";
        assert_eq!(
            (of_inode(text, 32), of_inode(text, 31), of_inode(text, 3)),
            (Some(123), Some(7), None)
        );
    }
}
