//! A client that speaks TLS.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use support::authority::Authority;

use crate::client::{Client, HUNG_TEST};

/// Whom a client trusts, and who it is itself.
pub struct Secured(Arc<ClientConfig>);

type Stream = StreamOwned<ClientConnection, TcpStream>;

impl Secured {
    /// Without a certificate.
    pub fn trusting(authority: &Authority) -> Self {
        Self::of(authority, None)
    }

    /// With the certificate of these files.
    pub fn with(authority: &Authority, files: &[String; 2]) -> Self {
        Self::of(authority, Some(files))
    }

    fn of(authority: &Authority, files: Option<&[String; 2]>) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(authority.root()).expect("a certificate");
        roots.add(root).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("1.2 and 1.3");
        let builder = builder.with_root_certificates(roots);
        let mut config = match files {
            Some([certificate, key]) => {
                let chain = vec![CertificateDer::from_pem_file(certificate).expect("PEM")];
                let key = PrivateKeyDer::from_pem_file(key).expect("PEM");
                builder.with_client_auth_cert(chain, key).expect("a pair")
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self(Arc::new(config))
    }

    fn stream(&self, port: u16) -> io::Result<Stream> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(self.0.clone(), name).expect("it can begin");
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(HUNG_TEST))?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// A connection to a port. The error is that of the handshake, as far as the client sees it.
    pub fn client(&self, port: u16) -> io::Result<Client> {
        let stream = self.stream(port)?;
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        let shared = Shared(Rc::new(RefCell::new(stream)));
        Ok(Client::over(shared.clone(), shared))
    }

    /// The certificate that is shown at a port.
    pub fn certificate(&self, port: u16) -> io::Result<Vec<u8>> {
        let stream = self.stream(port)?;
        Ok(stream.conn.peer_certificates().expect("there is one")[0].to_vec())
    }
}

#[derive(Clone)]
struct Shared(Rc<RefCell<Stream>>);

impl Read for Shared {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(bytes)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}
